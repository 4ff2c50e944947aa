"""Runs the `tests` and `sshTests` of a policy file as the policy service does on every save.

Semantics recorded from the service (github.com/juanfont/headscale, hscontrol/policy/v2/testdata/policytest_results and
sshtest_results): one failing or malformed test refuses the whole policy with `test(s) failed`. A test without a protocol
passes where TCP or UDP is allowed; entries with a posture count only where the test gives attributes that meet it; the
network is not asked in tests of SSH.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tailstack.access import mistakes
from tailstack.access.evaluate import Access, Verdict
from tailstack.access.inventory import NOTHING_KNOWN, Inventory, Node
from tailstack.access.policy import Keyed, Policy, SshTest, Test
from tailstack.access.ports import TCP, UDP, WITH_PORTS, PortError, parse_port, parse_protocol
from tailstack.access.postures import Attribute
from tailstack.access.principals import Principal
from tailstack.access.selectors import (
    AUTOGROUPS,
    INTERNET,
    SelectorKind,
    Text,
    parse_selector,
    split_port,
)
from tailstack.access.ssh import Login, login
from tailstack.finding import Finding, Place

TESTS_FAILED = "test(s) failed"
"""The message of the service when any test does not hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestFailure:
    """A test that does not hold, with each of its assertions that failed: the text of the service, and its place."""

    __test__ = False  # pytest would take the class for a test case

    src: str
    place: Place
    errors: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class _MalformedError(Exception):
    reason: str


def run_tests(
    policy: Policy, inventory: Inventory = NOTHING_KNOWN, *, nodes_needed: bool = False
) -> tuple[TestFailure, ...]:
    """The tests of a policy that do not hold, in their order; none means that all hold.

    A selector is judged by what is granted to it as it is written and, where nodes are known, to each of its nodes. With
    `nodes_needed` a test of a tag or user that no node has fails, as in headscale; what the real service does is not known.
    """
    runner = _Runner(Access(policy, inventory), nodes_needed=nodes_needed)
    failures = [runner.test(test) for test in policy.tests]
    failures += [runner.ssh_test(test) for test in policy.ssh_tests]
    return tuple(failure for failure in failures if failure.errors)


def failure_findings(failures: Iterable[TestFailure]) -> tuple[Finding, ...]:
    """One finding for each failed assertion, at its place."""
    return tuple(
        mistakes.FAILING_TEST.at(error.place, message=f"from {failure.src or 'nobody'}: {error.text}")
        for failure in failures
        for error in failure.errors
    )


class _Runner:
    def __init__(self, access: Access, *, nodes_needed: bool) -> None:
        self._access = access
        self._nodes_needed = nodes_needed
        policy = access.policy
        self._defined = {listed.name for listed in (*policy.tag_owners, *policy.groups)} | set(access.inventory.groups)
        self._hosts = {host.name: host for host in policy.hosts}
        self._users = {user.login for user in access.inventory.users}

    def test(self, test: Test) -> TestFailure:
        return TestFailure(src=test.src.text.strip(), place=test.place, errors=tuple(self._test_errors(test)))

    def _test_errors(self, test: Test) -> Iterator[Text]:
        if not test.accept and not test.deny:
            yield Text("a test needs accept or deny", test.place)
        try:
            protocols = self._protocols(test.proto.text)
            sources = self._parts(self._source(test.src), test.src_posture_attributes)
        except _MalformedError as malformed:
            yield Text(malformed.reason, test.src.place)
            return
        for wanted, targets in ((True, test.accept), (False, test.deny)):
            for target in targets:
                if (wrong := self._assertion(sources, target, protocols, wanted=wanted)) is not None:
                    yield Text(_address_error(target.text, test.proto.text, wrong), target.place)

    def _protocols(self, proto: str) -> tuple[int, ...]:
        try:
            return (parse_protocol(proto.strip()),) if proto.strip() else (TCP, UDP)
        except PortError as error:
            raise _MalformedError(str(error)) from None

    def _source(self, src: Text) -> str:
        selector = parse_selector(src.text, src.place)
        if not selector.name:
            raise _MalformedError("src must be specified")
        if selector.kind in (SelectorKind.EVERYONE, SelectorKind.SERVICE, SelectorKind.DOMAIN, SelectorKind.IPSET):
            raise _MalformedError(f'src "{selector.name}" must be a single user, group, tag, host or address')
        self._known(selector.name, selector.kind)
        if selector.kind is SelectorKind.USER and self._users and selector.name not in self._users:
            raise _MalformedError(f'user not found: "{selector.name}"')
        return selector.name

    def _known(self, name: str, kind: SelectorKind) -> None:
        undefined = {
            SelectorKind.TAG: name not in self._defined,
            SelectorKind.GROUP: name not in self._defined and "@" not in name,
            SelectorKind.NAME: name not in self._hosts,
            SelectorKind.AUTOGROUP: name not in AUTOGROUPS,
        }
        if undefined.get(kind, False):
            raise _MalformedError(f'{kind} not found: "{name}"')

    def _target(self, name: str) -> str:
        selector = parse_selector(name, Place("", 1, 1))
        if (
            selector.kind in (SelectorKind.EVERYONE, SelectorKind.DOMAIN, SelectorKind.IPSET)
            or selector.name == INTERNET
        ):
            raise _MalformedError("not valid as the destination of a test")
        self._known(selector.name, selector.kind)
        host = self._hosts.get(selector.name)
        if "/" in name or (host is not None and (host.span is None or not host.span.is_single)):
            raise _MalformedError("must be a single host, not a prefix")
        return selector.name

    def _assertion(
        self, sources: tuple[Principal, ...], target: Text, protocols: tuple[int, ...], *, wanted: bool
    ) -> str | None:
        """What is wrong with one destination; None if it is as the test says."""
        name, ports = split_port(target.text)
        port = parse_port(ports)
        if port is None or (port == 0 and not WITH_PORTS.isdisjoint(protocols)):
            return "needs exactly one port"
        try:
            targets = self._parts(self._target(name), ())
        except _MalformedError as malformed:
            return malformed.reason
        if self._nodes_needed and not (self._has_nodes(sources) and self._has_nodes(targets)):
            return "resolves to no node"
        reached = [
            any(self._access.reach(src, dst, number, port).verdict is Verdict.ALLOWED for number in protocols)
            for src in sources
            for dst in targets
        ]
        if wanted and not all(reached):
            return "want: Accept, got: Drop"
        return "want: Drop, got: Accept" if not wanted and any(reached) else None

    def _parts(self, name: str, attributes: tuple[Keyed, ...]) -> tuple[Principal, ...]:
        """What a selector stands for: its nodes where any is known; else its members, or itself.

        An address stands for itself, with the names of its node but without the node's other addresses, as in a filter.
        Those without posture attributes get none that are known, so that an entry with a posture counts as not met.
        """
        host = self._hosts.get(name)
        # By its address: a node may have the name of a host that stands for something else.
        whole = self._access.principal(str(host.span) if host is not None and host.span else name)
        known = _attributes(attributes) if attributes else None
        nodes = [node for node in self._access.inventory.nodes if self._is_part(node, whole)]
        parts = tuple(map(self._access.principal, nodes)) or whole.known_members or (whole,)
        return tuple(replace(part, attributes=known) for part in parts)

    def _is_part(self, node: Node, whole: Principal) -> bool:
        if whole.is_device:
            return False
        if whole.addresses:
            return not whole.addresses.isdisjoint(node.addresses)
        return whole.name in self._access.principal(node).keys

    def _has_nodes(self, parts: tuple[Principal, ...]) -> bool:
        return all(part.is_device or part.addresses for part in parts)

    def ssh_test(self, test: SshTest) -> TestFailure:
        return TestFailure(src=test.src.text.strip(), place=test.place, errors=tuple(self._ssh_errors(test)))

    def _ssh_errors(self, test: SshTest) -> Iterator[Text]:
        if not test.accept and not test.deny and not test.check:
            yield Text("an SSH test needs accept, check or deny", test.place)
        try:
            sources = self._parts(self._source(test.src), test.src_posture_attributes)
        except _MalformedError as malformed:
            yield Text(malformed.reason, test.src.place)
            return
        wanted = {
            "accept": (test.accept, frozenset({Login.ACCEPT, Login.CHECK})),
            "check": (test.check, frozenset({Login.CHECK})),
            "deny": (test.deny, frozenset({Login.DENIED})),
        }
        for word, (users, logins) in wanted.items():
            for user in users:
                for target in test.dst:
                    if wrong := self._ssh_assertion(sources, target, user.text, logins):
                        yield Text(
                            f'address "{target.text}" (user "{user.text}"): want: {word}, got: {wrong}', user.place
                        )

    def _ssh_assertion(self, sources: tuple[Principal, ...], target: Text, user: str, wanted: frozenset[Login]) -> str:
        if not user:
            return "no user"
        try:
            name = self._target(target.text.strip())
        except _MalformedError as malformed:
            return malformed.reason
        if ":" in name and parse_selector(name, target.place).kind is SelectorKind.ADDRESS:
            return "an IPv6 address"  # the service fails such a test (recording sshtest-malformed-dst-bare-ipv6)
        found = {login(self._access, src, dst, user) for src in sources for dst in self._parts(name, ())}
        return ", ".join(sorted(found - wanted))


def _attributes(given: Iterable[Keyed]) -> Mapping[str, Attribute]:
    return {
        attribute.key: attribute.value for attribute in given if isinstance(attribute.value, str | int | float | bool)
    }


def _address_error(target: str, proto: str, wrong: str) -> str:
    protocol = f' (protocol "{proto}")' if proto else ""
    return f'address "{target}"{protocol}: {wrong}'
