"""What lies above the network: application capabilities and Tailscale SSH, each joined with the network that it needs.

Neither opens a port: a grant of an application capability alone reaches nothing, and an SSH rule lets nobody in where
nothing opens port 22. Sources: https://tailscale.com/kb/1537/grants-app-capabilities and
https://tailscale.com/kb/1193/tailscale-ssh; `sshTests` ask for the rules only (recording
sshtest-mixed-acls-tcp22-deny-ssh-rule-allow).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tailstack.access.evaluate import Match, capability_values
from tailstack.access.hujson import Json
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY, KUBERNETES_PORT, impersonated_groups
from tailstack.access.parties import Cause, Directory, Party, PartyKind
from tailstack.access.policy import Keyed, SshRule
from tailstack.access.ports import Ports, parse_ip_entry
from tailstack.access.relays import RELAY_CAPABILITY
from tailstack.access.ssh import ssh_rules

SSH_PORT = parse_ip_entry("tcp:22")
_NOT_AN_API_SERVER = frozenset({PartyKind.EXPOSURE, PartyKind.INGRESS, PartyKind.EGRESS})
_WITHOUT_SSH = _NOT_AN_API_SERVER | {PartyKind.API_SERVER, PartyKind.OPERATOR, PartyKind.SERVICE}


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityWay:
    """An application capability by one entry. `groups` are the Kubernetes groups that it lets somebody act as.

    `needs` is the network without which it gives nothing, in words; `is_dead` says that no entry opens it.
    """

    name: str
    values: tuple[Json, ...]
    groups: tuple[str, ...]
    postures: tuple[str, ...]
    needs: str
    is_dead: bool
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginWay:
    """Tailscale SSH by one rule: as which users, and whether a fresh login is asked for (`check_period` says how often).

    `is_dead` says that no entry opens tcp:22.
    """

    users: tuple[str, ...]
    is_check: bool
    check_period: str
    postures: tuple[str, ...]
    is_dead: bool
    cause: Cause


def capability_ways(
    directory: Directory, target: Party, matches: Iterable[Match], opened: Ports
) -> Iterator[CapabilityWay]:
    """The capabilities of the entries that match, joined with the ports that are open under whatever posture."""
    for match in matches:
        for capability in match.entry.app:
            if capability.key == KUBERNETES_CAPABILITY and target.kind in _NOT_AN_API_SERVER:
                continue  # no proxy of an API server is there to read it
            yield CapabilityWay(
                name=capability.key,
                values=capability_values(capability),
                groups=impersonated_groups((capability,)),
                postures=match.postures,
                needs=needed_port(capability),
                is_dead=is_dead(capability, opened),
                cause=directory.cause(match.entry.place),
            )


def needed_port(capability: Keyed) -> str:
    """The network that a capability needs, in words: the proxy of an API server listens on one port."""
    return str(KUBERNETES_PORT) if capability.key == KUBERNETES_CAPABILITY else "a port"


def is_dead(capability: Keyed, opened: Ports) -> bool:
    """Whether a capability gives nothing where these ports are open. A peer relay is no end of a connection."""
    if capability.key == RELAY_CAPABILITY:
        return False
    return not (opened.intersection(KUBERNETES_PORT) if capability.key == KUBERNETES_CAPABILITY else opened)


def login_ways(directory: Directory, source: Party, target: Party, opened: Ports) -> Iterator[LoginWay]:
    """What the SSH rules allow from one party to another; those that ask for a fresh login come first, as they are read."""
    if target.kind in _WITHOUT_SSH:
        return
    access = directory.access
    # Rules under a posture that is not known to be met are left out by `ssh_rules`, and wanted here with their condition.
    rules = ssh_rules(access, replace(source.principal, is_unchecked=True), target.principal)
    for rule in sorted(rules, key=lambda rule: rule.action.text.strip() != "check"):
        postures = access.open_postures(tuple(posture.text for posture in rule.src_posture), source.principal)
        if postures is not None:
            yield login_way(directory, rule, postures, opened)


def login_way(directory: Directory, rule: SshRule, postures: tuple[str, ...], opened: Ports) -> LoginWay:
    """One rule where these ports are open."""
    return LoginWay(
        users=tuple(user.text.strip() for user in rule.users),
        is_check=rule.action.text.strip() == "check",
        check_period=rule.check_period.text.strip() if rule.check_period is not None else "",
        postures=postures,
        is_dead=not opened.intersection(SSH_PORT),
        cause=directory.cause(rule.place),
    )
