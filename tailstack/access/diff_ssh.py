"""Differences of logins through Tailscale SSH: as whom, at once or after a fresh login, recorded or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tailstack.access.changes import Cause, Change, Direction, Right, RightKind, Risk, Side
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.hujson import Json
from tailstack.access.policy import Policy, SshRule
from tailstack.access.ports import TCP
from tailstack.access.principals import Principal
from tailstack.access.selectors import NONROOT, Selector
from tailstack.access.ssh import ACCEPT, CHECK, ROOT, check_period, is_localpart, user_named

_SSH_PORT = 22


@dataclass(frozen=True, order=True, slots=True)
class _Terms:
    """How somebody is let in. `period` is how long a fresh login counts, in nanoseconds; `recorders` are their tags."""

    action: str
    period: int = 0
    period_text: str = ""
    recorders: tuple[str, ...] = ()
    is_enforced: bool = False

    @classmethod
    def of(cls, rule: SshRule) -> _Terms:
        is_check = rule.action.text.strip() == CHECK
        return cls(
            action=CHECK if is_check else ACCEPT,
            period=check_period(rule) if is_check else 0,
            period_text=rule.check_period.text.strip() if is_check and rule.check_period is not None else "",
            recorders=tuple(sorted({recorder.name for recorder in rule.recorder})),
            is_enforced=bool(rule.recorder) and rule.enforce_recorder,
        )

    def cover(self, other: _Terms) -> bool:
        """Whether these are no harder than the others."""
        if self.action == CHECK and (other.action != CHECK or self.period < other.period):
            return False
        if self.recorders and self.recorders != other.recorders:
            return False
        return not self.is_enforced or other.is_enforced

    def as_json(self) -> dict[str, Json]:
        """As a rule of the policy file says it."""
        return {
            "action": self.action,
            **({"checkPeriod": self.period_text} if self.period_text else {}),
            **({"recorder": list(self.recorders)} if self.recorders else {}),
            **({"enforceRecorder": True} if self.is_enforced else {}),
        }


@dataclass(frozen=True, order=True, slots=True)
class _Way:
    """How somebody may log in, with any one of these postures."""

    terms: _Terms
    postures: tuple[str, ...]

    def covers(self, other: _Way) -> bool:
        """Whether whoever may log in the other way may do it this way too."""
        if not self.terms.cover(other.terms):
            return False
        return not self.postures or (bool(other.postures) and set(other.postures) <= set(self.postures))


@dataclass(frozen=True, slots=True)
class _Ways:
    """All ways of one side, with what they come of; `lacks` is the port that they need and that no entry opens."""

    ways: tuple[_Way, ...] = ()
    causes: tuple[Cause, ...] = ()
    lacks: str = ""

    @property
    def is_uniform(self) -> bool:
        return len({way.terms for way in self.ways}) == 1

    def joined(self) -> _Ways:
        """The ways as one, where they differ in postures only."""
        if not self.is_uniform:
            return self
        every = [way.postures for way in self.ways]
        postures = sorted({posture for postures in every for posture in postures}) if all(every) else ()
        return replace(self, ways=(_Way(self.ways[0].terms, tuple(postures)),))

    def cover(self, way: _Way) -> bool:
        return any(own.covers(way) for own in self.ways)


@dataclass(frozen=True, slots=True)
class _Shift:
    """What becomes of a login. `before` is what was asked where it was and is possible."""

    direction: Direction
    now: _Way
    before: _Way | None
    lacks: str
    is_swap: bool = False


_Shifts = Mapping[_Shift, tuple[Cause, ...]]


def ssh_changes(before: Access, after: Access, moves: Iterable[tuple[str, str]]) -> Iterator[Change]:
    """Who may log in where through Tailscale SSH. `moves` are groups with users who join or leave them."""
    names = {name for access in (before, after) for rule in access.policy.ssh for name in _names(rule)}
    for (src, dst), users in _logins(before.policy, after.policy, tuple(moves)).items():
        # Any user but root is everyone who is named elsewhere too, and the exceptions are found among those.
        asked = dict.fromkeys(names - {ROOT}, users[NONROOT]) | users if NONROOT in users else users
        shifts = {
            named: _shifts(before, after, src, dst, named)
            for user in asked
            if (named := user_named(user, after.principal(src)))
        }
        through = {user_named(user, after.principal(src)): group for user, group in asked.items()}
        yield from _told(src, dst, shifts, through)


def _told(src: str, dst: str, shifts: Mapping[str, _Shifts], through: Mapping[str, str]) -> Iterator[Change]:
    together: dict[tuple[_Shift, str], list[str]] = {}
    for user, every in shifts.items():
        for shift in every:
            together.setdefault((shift, through[user]), []).append(user)
    of_nonroot = shifts.get(NONROOT, {})
    for (shift, group), users in together.items():
        is_any = NONROOT in users
        if shift in of_nonroot and not is_any and ROOT not in users:
            continue
        named = [user for user in users if not is_any or user in (NONROOT, ROOT) or is_localpart(user)]
        excepted = [user for user, others in shifts.items() if user != ROOT and shift not in others] if is_any else []
        causes = {cause for user in users for cause in shifts[user][shift]}
        change = _change(src, shift, sorted(named), sorted(excepted))
        yield replace(change, what=(dst,), through=group, causes=tuple(sorted(causes)))


def _change(src: str, shift: _Shift, users: list[str], excepted: list[str]) -> Change:
    is_more = shift.direction in (Direction.GAINED, Direction.WIDENED)
    gained = Risk.HIGH if src == "*" or ROOT in users else Risk.RAISED
    value: dict[str, Json] = {"users": list(users), **({"except": list(excepted)} if excepted else {})}
    return Change(
        direction=shift.direction,
        who=(src,),
        what=(),
        right=Right(
            kind=RightKind.SSH, name=", ".join(users), value=value | shift.now.terms.as_json(), lacks=shift.lacks
        ),
        postures=shift.now.postures,
        before=shift.before.postures if shift.before else (),
        before_value=shift.before.terms.as_json() if shift.before else None,
        is_swap=shift.is_swap,
        risk=gained if is_more else Risk.LOSS,
    )


def _shifts(before: Access, after: Access, src: str, dst: str, user: str) -> _Shifts:
    old, new = _ways(before, Side.OLD, src, dst, user), _ways(after, Side.NEW, src, dst, user)
    if old.lacks != new.lacks:
        # What is of no use on one side only is as good as nothing there.
        old, new = (_Ways() if side.lacks and other.ways else side for side, other in ((old, new), (new, old)))
    if old.is_uniform and new.is_uniform:
        (was,), (now,) = old.ways, new.ways
        eased, tightened = not was.covers(now), not now.covers(was)
        if not eased and not tightened:
            return {}
        direction = Direction.WIDENED if eased else Direction.NARROWED
        return {_Shift(direction, now, was, new.lacks, is_swap=eased and tightened): new.causes}
    return {
        _Shift(direction, way, None, mine.lacks): mine.causes
        for direction, mine, others in ((Direction.GAINED, new, old), (Direction.LOST, old, new))
        for way in mine.ways
        if not others.cover(way)
    }


def _logins(old: Policy, new: Policy, moves: tuple[tuple[str, str], ...]) -> Mapping[tuple[str, str], dict[str, str]]:
    """By source and target the users that are named, and the group by which it is: of those who join or leave one named."""
    logins: dict[tuple[str, str], dict[str, str]] = {}
    for rule in (*old.ssh, *new.ssh):
        for src in rule.src:
            for dst in rule.dst:
                logins.setdefault((src.name, dst.name), {}).update(dict.fromkeys(_names(rule), ""))
    for group, member in moves:
        for (src, dst), users in list(logins.items()):
            if src == group:
                own = logins.setdefault((member, dst), {})
                own.update({user: group for user in users if user not in own})
    return logins


def _names(rule: SshRule) -> Iterator[str]:
    return (user.text.strip() for user in rule.users)


def _ways(access: Access, side: Side, src: str, dst: str, user: str) -> _Ways:
    """How `src` may log in to `dst` as `user`, in the order in which rules are read: those that check come first, and none
    counts behind one without a condition."""
    sources, targets = access.principal(src), access.principal(dst)
    rules = sorted(
        (
            rule
            for rule in access.policy.ssh
            if _is_named(rule.src, sources) and _is_named(rule.dst, targets) and _allows(rule, user, sources)
        ),
        key=lambda rule: _Terms.of(rule).action != CHECK,
    )
    if not rules:
        return _Ways()
    end = next((index for index, rule in enumerate(rules, 1) if not rule.src_posture), len(rules))
    ways = (_Way(_Terms.of(rule), tuple(sorted(posture.text for posture in rule.src_posture))) for rule in rules[:end])
    is_open = access.reach(sources, targets, TCP, _SSH_PORT).verdict is not Verdict.DENIED
    return _Ways(
        ways=tuple(dict.fromkeys(ways)),
        causes=tuple(Cause(side=side, place=rule.place) for rule in rules[:end]),
        lacks="" if is_open else f"tcp:{_SSH_PORT}",
    ).joined()


def _is_named(selectors: Iterable[Selector], principal: Principal) -> bool:
    return any(selector.name in principal.keys for selector in selectors)


def _allows(rule: SshRule, user: str, source: Principal) -> bool:
    named = {user_named(name, source) for name in _names(rule)}
    return user in named or (NONROOT in named and user != ROOT)
