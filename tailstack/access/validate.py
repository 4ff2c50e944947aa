"""What the policy service would refuse, with its words where they are known, and where it stands.

Messages in the words of the service were recorded from it (github.com/juanfont/headscale, hscontrol/policy/v2/testdata);
for the cases without a recording the message has the same form. The service answers with its first objection only;
`validate` gives all of them. Policy `tests` are judged in `tailstack.access.policy_tests`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from tailstack.access import mistakes
from tailstack.access.addresses import is_prefix, parse_span, spans_of
from tailstack.access.durations import HOUR, DurationError, format_duration, parse_duration
from tailstack.access.policy import (
    Acl,
    AclTarget,
    Grant,
    IpEntry,
    Keyed,
    Listed,
    NamedTexts,
    NodeAttribute,
    Policy,
    SshRule,
    SshTest,
)
from tailstack.access.ports import PortError, parse_acl_ports, parse_ip_entry, parse_protocol
from tailstack.access.postures import AssertionSyntaxError, parse_assertion
from tailstack.access.selectors import (
    AUTOGROUPS,
    DANGER_ALL,
    DOMAIN_PREFIX,
    INTERNET,
    ROLES,
    SELF,
    SHARED,
    TAGGED,
    Selector,
    SelectorKind,
    Text,
    split_port,
)
from tailstack.finding import Finding, Place, Rule

GRANTABLE = frozenset(
    f"tailscale.com/cap/{name}"
    for name in ("kubernetes", "relay", "drive", "webui", "tsidp", "secrets", "golink", "tailsql", "databases", "pam")
)
"""Capabilities in Tailscale's own domain that a policy may grant: the documented ones and those seen in real policies."""

NODE_ATTRIBUTES = frozenset(
    {
        "disable-captive-portal-detection",
        "disable-ipv4",
        "disable-relay-server",
        "drive:access",
        "drive:share",
        "funnel",
        "magicdns-aaaa",
        "mullvad",
        "nextdns:no-device-info",
        "randomize-client-port",
        "suggest-exit-node",
    }
)
"""Documented node attributes; others exist, so only what looks like one of these misspelt is worth a word."""

_CAPABILITY = re.compile(r"[^/:\s]+/\S+\Z")
_TAG_START = re.compile(r"[A-Za-z]")
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_TAILNET_V4 = spans_of("100.64.0.0/10")
_RESERVED_POOLS = spans_of("100.100.0.0/24", "100.100.100.0/24", "100.115.92.0/23")
_LONGEST_CHECK = 168 * HOUR
_LOCALPART = "localpart:*@"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Position:
    """Which selectors are legal in one place of the policy file."""

    name: str
    kinds: frozenset[SelectorKind]
    autogroups: frozenset[str]


_WHO = frozenset({SelectorKind.USER, SelectorKind.GROUP, SelectorKind.TAG})
_WHERE = frozenset(
    {SelectorKind.EVERYONE, SelectorKind.DOMAIN, SelectorKind.NAME, SelectorKind.ADDRESS, SelectorKind.IPSET}
)
_SRC = _Position(name="the src side of a rule", kinds=_WHO | _WHERE, autogroups=ROLES | {TAGGED, SHARED, DANGER_ALL})
_DST = _Position(
    name="the dst side of a rule",
    kinds=_WHO | _WHERE | {SelectorKind.SERVICE},
    autogroups=ROLES | {TAGGED, SELF, INTERNET},
)
_OWNER = _Position(name="the owners of a tag", kinds=_WHO, autogroups=ROLES | {TAGGED})
_APPROVER = _Position(name="the approvers", kinds=_WHO, autogroups=ROLES | {TAGGED})
_TARGET = _Position(
    name="the targets of node attributes",
    kinds=_WHO | {SelectorKind.EVERYONE, SelectorKind.NAME, SelectorKind.ADDRESS},
    autogroups=ROLES | {TAGGED},
)
_SSH_SRC = _Position(
    name="the src side of an ssh rule",
    kinds=_WHO | {SelectorKind.DOMAIN, SelectorKind.NAME},
    autogroups=ROLES | {TAGGED},
)
_SSH_DST = _Position(
    name="the dst side of an ssh rule",
    kinds=frozenset({SelectorKind.USER, SelectorKind.TAG}),
    autogroups=frozenset({SELF, TAGGED}),
)
_RECORDER = _Position(name="the recorders", kinds=frozenset({SelectorKind.TAG}), autogroups=frozenset())
_SELF_SOURCES = frozenset({SelectorKind.USER, SelectorKind.GROUP, SelectorKind.DOMAIN})


def validate(policy: Policy, *, domains: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Everything wrong with a policy: what reading it found, then what its sections say, in the order of the sections.

    `domains` are the tailnet's own, for `user:*@domain`; None if they are not known, and then such selectors pass.
    """
    return (*policy.findings, *_Validation(policy, domains).findings())


class _Validation:
    def __init__(self, policy: Policy, domains: Collection[str] | None) -> None:
        self._policy = policy
        self._domains = domains
        self._tags = {owner.name for owner in policy.tag_owners}
        self._groups = {group.name for group in policy.groups}
        self._hosts = {host.name for host in policy.hosts}
        self._ipsets = {ipset.name for ipset in policy.ipsets}
        self._postures = {posture.name for posture in policy.postures}

    def findings(self) -> Iterator[Finding]:
        policy = self._policy
        yield from self._groups_section()
        yield from self._hosts_section()
        yield from self._ipsets_section()
        yield from self._tag_owners()
        yield from self._postures_section()
        for acl in policy.acls or ():
            yield from self._acl(acl)
        for grant in policy.grants or ():
            yield from self._grant(grant)
        if policy.document is not None and policy.grants is None and policy.acls is None:
            yield mistakes.EMPTY_DEFAULT.at(
                Place(policy.file, 1, 1), message="neither grants nor acls: everything may reach everything"
            )
        yield from self._auto_approvers()
        for attribute in policy.node_attributes:
            yield from self._node_attribute(attribute)
        for rule in policy.ssh:
            yield from self._ssh_rule(rule)
        for test in policy.ssh_tests:
            yield from self._ssh_test(test)

    def _selector(self, selector: Selector, position: _Position, prefix: str = "") -> Iterator[Finding]:
        """What is wrong with one selector: first whether it may stand here, then whether what it names exists."""
        allowed = (
            selector.name in position.autogroups
            if selector.kind is SelectorKind.AUTOGROUP
            else selector.kind in position.kinds
        )
        if not allowed:
            yield self._misplaced(selector, position, prefix)
            return
        missing = self._missing(selector)
        if missing:
            yield mistakes.UNDEFINED.at(selector.place, message=prefix + missing)

    def _misplaced(self, selector: Selector, position: _Position, prefix: str) -> Finding:
        if selector.kind is SelectorKind.AUTOGROUP and selector.name not in AUTOGROUPS:
            known = ", ".join(sorted(position.autogroups))
            message = f'{prefix}autogroup not found: "{selector.name}"'
            return mistakes.UNDEFINED.at(selector.place, message=message, expected=f"one of {known}" if known else "")
        if selector.name == DANGER_ALL and position is _DST:
            return mistakes.MISPLACED.at(selector.place, message=f"cannot use {DANGER_ALL} as a dst")
        if position is _SSH_DST and selector.kind is not SelectorKind.AUTOGROUP:
            return mistakes.MISPLACED.at(
                selector.place,
                message=f'invalid dst "{selector.name}"',
                expected="a tag, autogroup:self, autogroup:tagged, or the one user of src",
            )
        return mistakes.MISPLACED.at(
            selector.place,
            message=f'"{selector.name}" not valid on {position.name}',
            expected=f"one of {', '.join(sorted({str(kind) for kind in position.kinds} | position.autogroups))}",
        )

    def _missing(self, selector: Selector) -> str:
        """Why a selector names nothing, in the words of the service; empty if all is well with it."""
        name = selector.name
        match selector.kind:
            case SelectorKind.TAG if name not in self._tags:
                return f'tag not found: "{name}"'
            # A group with @ in its name comes from an identity provider, and stands in no policy file.
            case SelectorKind.GROUP if name not in self._groups and "@" not in name:
                return f'group not found: "{name}"'
            case SelectorKind.IPSET if name not in self._ipsets:
                return f'ipset not found: "{name}"'
            case SelectorKind.NAME if name not in self._hosts:
                return f'"{name}": invalid address'
            case SelectorKind.DOMAIN:
                return self._foreign_domain(name.removeprefix(DOMAIN_PREFIX))
            case _:
                return ""

    def _foreign_domain(self, domain: str) -> str:
        if self._domains is None or domain in self._domains:
            return ""
        return f"{domain} is not associated with this Tailnet and cannot be used in user:*@<domain> expressions"

    def _groups_section(self) -> Iterator[Finding]:
        for group in self._policy.groups:
            where = f'groups["{group.name}"]'
            if not group.name.removeprefix("group:") or not group.name.startswith("group:"):
                yield mistakes.BAD_NAME.at(group.place, message=f"{where}: group names must start with 'group:'")
            for member in group.entries:
                if member.kind is SelectorKind.GROUP:
                    message = f'{where}: "{member.name}": group members cannot be recursive'
                    yield mistakes.NESTED_GROUP.at(member.place, message=message)
                elif member.kind is not SelectorKind.USER:
                    message = f'{where}: "{member.name}": group members must be users'
                    yield mistakes.MISPLACED.at(member.place, message=message)

    def _hosts_section(self) -> Iterator[Finding]:
        for host in self._policy.hosts:
            if "@" in host.name or ":" in host.name or not host.name:
                message = f'hosts["{host.name}"]: invalid host name'
                yield mistakes.BAD_NAME.at(host.place, message=message, expected="a name without @ and :")
            if host.span is None:
                message = f'hosts["{host.name}"]: "{host.value.text}": invalid address'
                yield mistakes.BAD_NAME.at(host.value.place, message=message, expected="an IP address or a prefix")

    def _ipsets_section(self) -> Iterator[Finding]:
        uses: dict[str, list[tuple[str, Place]]] = {}
        for ipset in self._policy.ipsets:
            where = f'ipsets["{ipset.name}"]'
            if not ipset.name.startswith("ipset:"):
                yield mistakes.BAD_NAME.at(ipset.place, message=f"{where}: IP set names must start with 'ipset:'")
            uses[ipset.name] = []
            for entry in ipset.entries:
                member = ipset_operation(entry.text)[1]
                if member.startswith("ipset:"):
                    uses[ipset.name].append((member, entry.place))
                if (wrong := self._ipset_member(member)) is not None:
                    yield wrong.at(entry.place, message=f'{where}: "{member}": not found or not allowed in an IP set')
        for name, places in _cycles(uses):
            yield mistakes.CYCLE.at(*places, message=f'ipsets["{name}"]: IP sets cannot be recursive')

    def _ipset_member(self, member: str) -> Rule | None:
        if member == INTERNET or parse_span(member) is not None:
            return None
        if member.startswith("host:"):
            return None if member.removeprefix("host:") in self._hosts else mistakes.UNDEFINED
        if member.startswith("ipset:"):
            return None if member in self._ipsets else mistakes.UNDEFINED
        return mistakes.MISPLACED

    def _tag_owners(self) -> Iterator[Finding]:
        for tag in self._policy.tag_owners:
            where = f'tagOwners["{tag.name}"]'
            if wrong := tag_name_objection(tag.name):
                yield mistakes.BAD_NAME.at(tag.place, message=f"{where}: {wrong}")
            for owner in tag.entries:
                yield from self._selector(owner, _OWNER, f"{where}: ")

    def _postures_section(self) -> Iterator[Finding]:
        for posture in self._policy.postures:
            where = f'postures["{posture.name}"]'
            if not posture.name.startswith("posture:"):
                yield mistakes.BAD_NAME.at(posture.place, message=f"{where}: posture names must start with 'posture:'")
            yield from _assertions(posture, where)
        yield from self._known_postures(self._policy.default_src_posture)

    def _known_postures(self, names: Iterable[Text]) -> Iterator[Finding]:
        for name in names:
            if name.text not in self._postures:
                yield mistakes.UNDEFINED.at(name.place, message=f'posture not found: "{name.text}"')

    def _acl(self, acl: Acl) -> Iterator[Finding]:
        if acl.action.text.strip() != "accept":
            message = f'action="{acl.action.text}" is not supported'
            yield mistakes.BAD_ENTRY.at(acl.action.place, message=message, expected='"accept"')
        for source in acl.src:
            yield from self._selector(source, _SRC, _source_prefix(source))
        if wrong := _objection(partial(parse_protocol, acl.proto.text)) if acl.proto.text else "":
            yield mistakes.BAD_PORTS.at(acl.proto.place, message=wrong)
        else:
            for target in acl.dst:
                yield from self._acl_target(target, acl)
        yield from self._self_sources(acl.src, (target.target for target in acl.dst), with_everyone=True)
        yield from self._known_postures(acl.src_posture)

    def _acl_target(self, target: AclTarget, acl: Acl) -> Iterator[Finding]:
        _, ports = split_port(target.text)
        if wrong := _objection(partial(parse_acl_ports, ports, acl.proto.text)):
            yield mistakes.BAD_PORTS.at(
                target.place, message=f'dst="{target.text}": {wrong}', expected="target:ports, such as tag:web:443"
            )
            return
        yield from self._destination(target.target, f'dst="{target.target.name}": ')

    def _destination(self, selector: Selector, prefix: str) -> Iterator[Finding]:
        yield from self._selector(selector, _DST, prefix)
        if selector.kind is SelectorKind.ADDRESS and selector.name.endswith("/0"):
            message = f'dst "{selector.name}": to allow all IP addresses, use "*" or "{INTERNET}"'
            yield mistakes.MISPLACED.at(selector.place, message=message)

    def _self_sources(
        self, sources: Iterable[Selector], targets: Iterable[Selector], *, with_everyone: bool
    ) -> Iterator[Finding]:
        """autogroup:self means the devices of the same user, so it needs sources that are users."""
        own = next((target for target in targets if target.name == SELF), None)
        if own is None:
            return
        for source in sources:
            fits = source.kind in _SELF_SOURCES or source.name in ROLES
            if not fits and not (with_everyone and source.kind is SelectorKind.EVERYONE):
                yield mistakes.MISPLACED.at(
                    source.place,
                    own.place,
                    message=f"{SELF} can only be used with users, groups, or supported autogroups",
                )
                return

    def _grant(self, grant: Grant) -> Iterator[Finding]:
        for source in grant.src:
            yield from self._selector(source, _SRC, _source_prefix(source))
        for target in grant.dst:
            yield from self._destination(target, "" if target.kind is SelectorKind.NAME else f'dst="{target.name}": ')
        yield from self._self_sources(grant.src, grant.dst, with_everyone=False)
        if not grant.ip and not grant.app:
            yield mistakes.BAD_ENTRY.at(grant.place, message="ip and app can not both be empty")
        for entry in grant.ip:
            yield from _ip_entry(entry)
        yield from _capabilities(grant.app)
        if grant.app and (internet := next((target for target in grant.dst if target.name == INTERNET), None)):
            yield mistakes.MISPLACED.at(internet.place, message=f"cannot use app grants with {INTERNET}")
        for router in grant.via:
            if router.kind is not SelectorKind.TAG:
                yield mistakes.MISPLACED.at(router.place, message="via can only be a tag")
            elif router.name not in self._tags:
                yield mistakes.UNDEFINED.at(router.place, message=f'tag "{router.name}" not found')
        yield from self._known_postures(grant.src_posture)

    def _auto_approvers(self) -> Iterator[Finding]:
        approvers = self._policy.auto_approvers
        for route in approvers.routes:
            if not is_prefix(route.name):
                message = f'autoApprovers.routes["{route.name}"]: invalid prefix'
                yield mistakes.BAD_NAME.at(route.place, message=message, expected="a prefix such as 10.0.0.0/8")
            yield from self._approvers(route, "autoApprovers.routes")
        for approver in approvers.exit_node:
            yield from self._selector(approver, _APPROVER, "autoApprovers.exitNode: ")
        for service in approvers.services:
            if not service.name.startswith(("svc:", "tag:")):
                message = f'autoApprovers.services["{service.name}"]: invalid service'
                yield mistakes.BAD_NAME.at(service.place, message=message, expected="svc:name or a tag")
            yield from self._approvers(service, "autoApprovers.services")

    def _approvers(self, listed: Listed, section: str) -> Iterator[Finding]:
        for approver in listed.entries:
            yield from self._selector(approver, _APPROVER, f'{section}["{listed.name}"]: ')

    def _node_attribute(self, entry: NodeAttribute) -> Iterator[Finding]:
        for target in entry.target:
            yield from self._selector(target, _TARGET)
        for attribute in entry.attr:
            near = get_close_matches(attribute.text, NODE_ATTRIBUTES, n=1, cutoff=0.8)
            if near and attribute.text not in NODE_ATTRIBUTES:
                message = f'"{attribute.text}" is no node attribute that is known'
                yield mistakes.UNKNOWN_ATTRIBUTE.at(attribute.place, message=message, mend=f"Write {near[0]}.")
        for pool in entry.ip_pool:
            span = parse_span(pool.text)
            if span is None or span not in _TAILNET_V4:
                message = f"IPPool({pool.text}): must be within 100.64.0.0/10"
                yield mistakes.BAD_NAME.at(pool.place, message=message)
            elif _RESERVED_POOLS.overlaps(span):
                yield mistakes.BAD_NAME.at(pool.place, message=f"IPPool({pool.text}): network within reserved range")

    def _ssh_rule(self, rule: SshRule) -> Iterator[Finding]:
        action = rule.action.text.strip()
        if not action:
            yield mistakes.BAD_ENTRY.at(rule.action.place, message="action must be specified")
        elif action not in ("accept", "check"):
            message = f'"{rule.action.text}" is not a valid action'
            yield mistakes.BAD_ENTRY.at(rule.action.place, message=message, expected='"accept" or "check"')
        for source in rule.src:
            prefix = "[ssh] " if source.kind is SelectorKind.DOMAIN else _source_prefix(source)
            yield from self._selector(source, _SSH_SRC, prefix)
        for target in rule.dst:
            yield from self._selector(target, _SSH_DST)
        yield from self._ssh_users(rule)
        yield from self._ssh_direction(rule)
        yield from _check_period(rule)
        for variable in rule.accept_env:
            if not variable.text:
                yield mistakes.BAD_ENTRY.at(variable.place, message="acceptEnv values cannot be empty")
        for recorder in rule.recorder:
            yield from self._selector(recorder, _RECORDER)
        yield from self._known_postures(rule.src_posture)

    def _ssh_users(self, rule: SshRule) -> Iterator[Finding]:
        if not rule.users:
            yield mistakes.BAD_ENTRY.at(rule.place, message="users must be specified")
        for user in rule.users:
            name = user.text.strip()
            if name in ("", "*"):
                yield mistakes.BAD_ENTRY.at(user.place, message=f'user "{name}" is not valid')
            elif name.startswith(_LOCALPART) and len(name) > len(_LOCALPART):
                foreign = self._foreign_domain(name.removeprefix(_LOCALPART))
                if foreign:
                    yield mistakes.UNDEFINED.at(user.place, message=foreign)

    def _ssh_direction(self, rule: SshRule) -> Iterator[Finding]:
        """Nobody may log in to the devices of another user, and machines not to the devices of users."""
        machines = [source for source in rule.src if source.kind is SelectorKind.TAG or source.name == TAGGED]
        for target in rule.dst:
            if target.name == SELF and machines:
                message = f"{SELF} can only be used with users, groups, or supported autogroups"
                yield mistakes.MISPLACED.at(machines[0].place, target.place, message=message)
            if target.kind is SelectorKind.USER and [source.name for source in rule.src] != [target.name]:
                message = f'dst "{target.name}": src must be the same single user'
                yield mistakes.MISPLACED.at(target.place, message=message)

    def _ssh_test(self, test: SshTest) -> Iterator[Finding]:
        for target in test.dst:
            name = target.text.strip()
            if name.startswith("tag:") and name not in self._tags:
                yield mistakes.UNDEFINED.at(target.place, message=f'SSH tests dst contains unknown tag "{name}"')
            elif name == INTERNET or (is_prefix(name) and name not in self._hosts):
                message = f'SSH tests dst contains disallowed element "{name}"'
                yield mistakes.MISPLACED.at(target.place, message=message)


def tag_name_objection(tag: str) -> str:
    """What is wrong with the form of a tag, as tailcfg.CheckTag of the Tailscale client says it; empty if nothing is."""
    name = tag.removeprefix("tag:")
    if name == tag:
        return "tags must start with 'tag:'"
    if not name:
        return "tag names must not be empty"
    if not _TAG_START.match(name):
        return "tag names must start with a letter, after 'tag:'"
    return "" if _TAG.match(name) else "tag names can only contain numbers, letters, or dashes"


def ipset_operation(text: str) -> tuple[bool, str]:
    """Whether an operation of an IP set adds (or removes), and what; `add` may go unsaid."""
    word, _, member = text.strip().partition(" ")
    if word.lower() in ("add", "remove") and member:
        return word.lower() == "add", member.strip()
    return True, text.strip()


def refusal(findings: Iterable[Finding]) -> str:
    """The message with which the service would refuse: that of the first error; empty if there is none."""
    return next((finding.message for finding in findings if finding.is_error), "")


def _source_prefix(selector: Selector) -> str:
    return "src=" if selector.kind is not SelectorKind.AUTOGROUP and selector.kind is not SelectorKind.DOMAIN else ""


def _objection(parse: partial[object]) -> str:
    try:
        parse()
    except PortError as error:
        return str(error)
    return ""


def _ip_entry(entry: IpEntry) -> Iterator[Finding]:
    if wrong := _objection(partial(parse_ip_entry, entry.text)):
        yield mistakes.BAD_PORTS.at(entry.place, message=wrong)


def _capabilities(app: Iterable[Keyed]) -> Iterator[Finding]:
    for capability in app:
        if not _CAPABILITY.match(capability.key):
            message = "capability name must have the form {domain}/{path}"
            yield mistakes.BAD_CAPABILITY.at(capability.place, message=message)
        elif capability.key.startswith("tailscale.com/") and capability.key not in GRANTABLE:
            message = "capability name must not be in the tailscale.com domain"
            expected = f"a name in another domain, or one of {', '.join(sorted(GRANTABLE))}"
            yield mistakes.BAD_CAPABILITY.at(capability.place, message=message, expected=expected)


def _check_period(rule: SshRule) -> Iterator[Finding]:
    period = rule.check_period
    if period is None or period.text == "always":
        return
    try:
        length = parse_duration(period.text)
    except DurationError as error:
        yield mistakes.BAD_ENTRY.at(period.place, message=str(error))
        return
    if length < 0:
        message = f"checkPeriod {format_duration(length)} must be a positive duration"
        yield mistakes.BAD_ENTRY.at(period.place, message=message)
    if length > _LONGEST_CHECK:
        message = f"checkPeriod {format_duration(length)} is above the max (168h)"
        yield mistakes.BAD_ENTRY.at(period.place, message=message)


def _assertions(posture: NamedTexts, where: str) -> Iterator[Finding]:
    for assertion in posture.entries:
        try:
            parse_assertion(assertion.text)
        except AssertionSyntaxError as error:
            message = f'{where}: invalid assertion "{assertion.text}"'
            yield mistakes.BAD_ENTRY.at(assertion.place, message=message, expected=str(error).removeprefix("expected "))


def _cycles(uses: dict[str, list[tuple[str, Place]]]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Each name that is reached from itself, with the places of the way round."""
    for start in uses:
        way: list[tuple[str, tuple[Place, ...]]] = [(start, ())]
        seen: set[str] = set()
        while way:
            name, places = way.pop()
            for used, place in uses.get(name, ()):
                if used == start:
                    yield start, (*places, place)
                    way.clear()
                    break
                if used not in seen:
                    seen.add(used)
                    way.append((used, (*places, place)))
