"""Tailscale SSH: who may log in where, as which user, at once or after a fresh login.

SSH rules are a layer above the network: without access to port 22 they let nobody in, and `tests` of them do not ask for
it. Rules that check come before rules that accept. https://tailscale.com/kb/1193/tailscale-ssh
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from tailstack.access.evaluate import Access
from tailstack.access.policy import SshRule
from tailstack.access.principals import Principal
from tailstack.access.selectors import NONROOT, SELF

_LOCALPART = "localpart:*@"


class Login(StrEnum):
    """What happens on a login: refused, a fresh login is asked for first, or let in."""

    DENIED = "denied"
    CHECK = "check"
    ACCEPT = "accept"


def login(access: Access, src: Principal, dst: Principal, user: str) -> Login:
    """What happens when `src` logs in to `dst` as `user`. Rules with a posture count only where it is known to be met."""
    actions = {rule.action.text.strip() for rule in ssh_rules(access, src, dst) if _names(rule, user, src)}
    if "check" in actions:
        return Login.CHECK
    return Login.ACCEPT if "accept" in actions else Login.DENIED


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
        allowed = text.text.strip()
        domain = allowed.removeprefix(_LOCALPART)
        if domain and domain != allowed:
            named = src.user == f"{user}@{domain}"
        else:
            named = allowed == user or (allowed == NONROOT and user != "root")
        if named:
            return True
    return False
