"""Who reaches a target, what a source reaches, and the whole of a policy: one line for each entry, as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tailstack.access.answers import Line, Listing, LoginLine, union
from tailstack.access.entries import Entry
from tailstack.access.explain import is_about_ssh
from tailstack.access.kubernetes import impersonated_groups
from tailstack.access.layers import is_dead, login_way, needed_port
from tailstack.access.parties import Directory, Party, Role
from tailstack.access.policy import SshRule
from tailstack.access.ports import Ports
from tailstack.access.principals import Principal
from tailstack.access.routers import Hop, routing
from tailstack.access.selectors import SELF


def who_reaches(directory: Directory, target: Party, asked: Ports | None = None) -> Listing:
    """Everybody whom an entry lets reach a target, on these ports if any are asked about."""
    access = directory.access
    route = routing(access.inventory, target)
    wanted = asked if asked is not None else target.offers
    lines: list[Line] = []
    for reach in access.who_reaches(target.principal):
        # The sources are those of the entry; where it leads to the target's own user, that user is one of them.
        source = replace(target, node=None)
        hops = route.through(reach.entry, source, target)
        if hops is not None:
            pairs = _to(directory, reach.entry, target)
            lines.append(_line(directory, reach.entry, reach.postures, wanted=wanted, pairs=pairs, hops=hops))
    logins = [
        _login(directory, rule, _postures(rule), _to(directory, rule, target))
        for rule in access.policy.ssh
        if is_about_ssh(asked) and _logs_in_to(rule, target)
    ]
    return _listing(directory, target, Role.TARGET, asked, lines=_worth_saying(lines, asked), logins=logins)


def what_reaches(directory: Directory, source: Party, asked: Ports | None = None) -> Listing:
    """Everything that an entry lets a source reach, on these ports if any are asked about."""
    access = directory.access
    lines: list[Line] = []
    for reach in access.what_reaches(source.principal):
        pairs = [(source.principal, _own(directory, source.principal, name)) for name in reach.dst]
        lines.append(_line(directory, reach.entry, reach.postures, wanted=asked, pairs=pairs))
    logins: list[LoginLine] = []
    for rule in access.policy.ssh if is_about_ssh(asked) else ():
        postures = access.open_postures(_postures(rule), source.principal)
        if postures is not None and any(selector.name in source.principal.keys for selector in rule.src):
            pairs = [(source.principal, _own(directory, source.principal, one.name)) for one in rule.dst]
            logins.append(_login(directory, rule, postures, pairs))
    return _listing(directory, source, Role.SOURCE, asked, lines=_worth_saying(lines, asked), logins=logins)


def everything(directory: Directory) -> Listing:
    """Every entry and every SSH rule of the policy."""
    access = directory.access
    lines = [
        _line(directory, entry, entry.postures, wanted=None, pairs=list(_pairs(directory, entry)))
        for entry in access.entries
    ]
    logins = [_login(directory, rule, _postures(rule), list(_pairs(directory, rule))) for rule in access.policy.ssh]
    everyone = directory.find("*", Role.SOURCE)
    return _listing(directory, everyone, Role.SOURCE, None, lines=lines, logins=logins)


Pair = tuple[Principal, Principal]


def _to(directory: Directory, entry: Entry | SshRule, target: Party) -> list[Pair]:
    """Each source of an entry with the target; whom it lets come to devices of their own is the target's user."""
    access = directory.access
    sources = [access.principal(selector.name) for selector in entry.src]
    if target.principal.user is not None and any(selector.name == SELF for selector in entry.dst):
        sources.append(access.principal(target.principal.user))
    return [(source, target.principal) for source in sources]


def _pairs(directory: Directory, entry: Entry | SshRule) -> Iterator[Pair]:
    for src in entry.src:
        source = directory.access.principal(src.name)
        for dst in entry.dst:
            yield source, _own(directory, source, dst.name)


def _own(directory: Directory, source: Principal, name: str) -> Principal:
    """A destination as a source sees it: its own devices are those of its user, where it is one user."""
    return directory.access.principal(source.user if name == SELF and source.user is not None else name)


def _postures(rule: SshRule) -> tuple[str, ...]:
    return tuple(posture.text for posture in rule.src_posture)


def _logs_in_to(rule: SshRule, target: Party) -> bool:
    names = {selector.name for selector in rule.dst}
    is_own = SELF in names and target.principal.user is not None
    return is_own or not names.isdisjoint(target.principal.keys)


def _line(
    directory: Directory,
    entry: Entry,
    postures: tuple[str, ...],
    *,
    wanted: Ports | None,
    pairs: list[Pair],
    hops: tuple[Hop, ...] = (),
) -> Line:
    opened = [directory.access.opened(*pair) for pair in pairs] if entry.app else []
    return Line(
        who=tuple(dict.fromkeys(selector.name for selector in entry.src)),
        what=tuple(dict.fromkeys(selector.name for selector in entry.dst)),
        ports=entry.ports if wanted is None else entry.ports.intersection(wanted),
        postures=postures,
        via=entry.via,
        hops=hops,
        capabilities=tuple(capability.key for capability in entry.app),
        groups=impersonated_groups(entry.app),
        dead=tuple(
            f"{capability.key} needs {needed_port(capability)}"
            for capability in entry.app
            if all(is_dead(capability, ports) for ports in opened)
        ),
        cause=directory.cause(entry.place),
    )


def _login(directory: Directory, rule: SshRule, postures: tuple[str, ...], pairs: list[Pair]) -> LoginLine:
    opened = union(directory.access.opened(*pair) for pair in pairs)
    return LoginLine(
        who=tuple(selector.name for selector in rule.src),
        what=tuple(selector.name for selector in rule.dst),
        way=login_way(directory, rule, postures, opened),
    )


def _worth_saying(lines: Iterable[Line], asked: Ports | None) -> list[Line]:
    """Without entries that open none of the ports, unless they give capabilities and no ports are asked about."""
    return [line for line in lines if line.ports or (asked is None and line.capabilities)]


def _listing(
    directory: Directory,
    party: Party,
    role: Role,
    asked: Ports | None,
    *,
    lines: list[Line],
    logins: list[LoginLine],
) -> Listing:
    who = [name for line in (*lines, *logins) for name in line.who]
    what = [name for line in (*lines, *logins) for name in line.what]
    return Listing(
        party=party,
        role=role,
        asked=asked,
        lines=tuple(lines),
        logins=tuple(logins),
        members=tuple(_members(directory, who)),
        known_as=tuple(_known_as(directory, what)) if role is Role.SOURCE else (),
        notes=(*party.notes, *_public(party)) if role is Role.TARGET else party.notes,
    )


def _public(party: Party) -> Iterator[str]:
    if party.is_public:
        yield f"{party.name} is open to everybody on the internet, through Funnel"


def _members(directory: Directory, names: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    for name in dict.fromkeys(names):
        if name.startswith("group:"):
            yield name, directory.access.names.members(name)


def _known_as(directory: Directory, names: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The known nodes behind each tag."""
    wearers: dict[str, list[str]] = {}
    for node in directory.access.inventory.nodes:
        for tag in node.tags:
            wearers.setdefault(tag, []).append(directory.called(node))
    for name in dict.fromkeys(names):
        if name in wearers:
            yield name, tuple(wearers[name])
