"""Tailscale SSH: who may log in where, as which user, at once or after a fresh login.

SSH rules are a layer above the network: without access to port 22 they let nobody in, and `tests` of them do not ask for
it. Rules that check come before rules that accept. https://tailscale.com/kb/1193/tailscale-ssh
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from tailstack.access.durations import DurationError, parse_duration
from tailstack.access.evaluate import Access
from tailstack.access.phrases import joined
from tailstack.access.policy import SshRule
from tailstack.access.principals import Principal
from tailstack.access.selectors import NONROOT, SELF, TAGGED

CHECK, ACCEPT = "check", "accept"
ROOT = "root"
ALWAYS = "always"
DEFAULT_PERIOD = "12h"
"""https://tailscale.com/kb/1193/tailscale-ssh#configure-tailscale-ssh-with-check-mode"""

_LOCALPART = "localpart:*@"


class Login(StrEnum):
    """What happens on a login: refused, a fresh login is asked for first, or let in."""

    DENIED = "denied"
    CHECK = "check"
    ACCEPT = "accept"


def login(access: Access, src: Principal, dst: Principal, user: str) -> Login:
    """What happens when `src` logs in to `dst` as `user`. Rules with a posture count only where it is known to be met."""
    actions = {rule.action.text.strip() for rule in ssh_rules(access, src, dst) if _names(rule, user, src)}
    if CHECK in actions:
        return Login.CHECK
    return Login.ACCEPT if ACCEPT in actions else Login.DENIED


def ssh_rules(access: Access, src: Principal, dst: Principal) -> Iterator[SshRule]:
    """The rules that apply from one principal to another, whatever users they name."""
    for rule in access.policy.ssh:
        postures = tuple(posture.text for posture in rule.src_posture)
        if (
            any(selector.name in src.keys for selector in rule.src)
            and _leads_to(rule, src, dst)
            and access.open_postures(postures, src) == ()
        ):
            yield rule


def _leads_to(rule: SshRule, src: Principal, dst: Principal) -> bool:
    names = {selector.name for selector in rule.dst}
    if SELF in names and src.user is not None and src.user == dst.user:
        return True
    return not names.isdisjoint(dst.keys)


def _names(rule: SshRule, user: str, src: Principal) -> bool:
    for text in rule.users:
        allowed = user_named(text.text.strip(), src)
        if allowed == user or (allowed == NONROOT and user != ROOT):
            return True
    return False


def user_named(user: str, src: Principal) -> str:
    """What an entry of `users` is for a source: `localpart:*@x.com` is `ana` for ana@x.com and nobody (empty) for machines and for
    users of another domain; for a group it stays as it is."""
    if not is_localpart(user):
        return user
    if src.user is None:
        return "" if TAGGED in src.keys else user
    local, _, domain = src.user.rpartition("@")
    return local if domain == _domain(user) else ""


def is_localpart(user: str) -> bool:
    """Whether an entry of `users` stands for the part of somebody's own login before the @."""
    return bool(_domain(user))


def _domain(user: str) -> str:
    return user.removeprefix(_LOCALPART) if user.startswith(_LOCALPART) else ""


def check_period(rule: SshRule) -> int:
    """How long a fresh login counts, in nanoseconds. What is no duration, which validation refuses, is taken for the default."""
    text = rule.check_period.text.strip() if rule.check_period is not None else DEFAULT_PERIOD
    try:
        return 0 if text == ALWAYS else parse_duration(text)
    except DurationError:
        return parse_duration(DEFAULT_PERIOD)


def how_often(period: str) -> str:
    """A `checkPeriod` in words: `once in 1h`, or `each time`."""
    return "each time" if period == ALWAYS else f"once in {period}"


def users_text(users: Sequence[str], excepted: Sequence[str] = ()) -> str:
    """The users of a login in words: `root or ubuntu`, `any user but root`, `any user`. `excepted` are those that
    autogroup:nonroot is not about."""
    if NONROOT not in users:
        return " or ".join(map(_user_text, users))
    but = [*(() if ROOT in users else (ROOT,)), *map(_user_text, excepted)]
    # Who is named root in the identity provider logs in as root by the part before the @.
    own = [] if ROOT in users else [_user_text(user) for user in users if is_localpart(user)]
    return " or ".join((f"any user but {joined(but)}" if but else "any user", *own))


def _user_text(user: str) -> str:
    return f"their own name before @{_domain(user)}" if is_localpart(user) else user
