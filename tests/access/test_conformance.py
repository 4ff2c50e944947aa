"""The access engine beside the real policy service: what it accepts, what it refuses and how, what each node receives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from tailstack.access.addresses import DEFAULT_ROUTES, EVERYWHERE, AddressSet, Span
from tailstack.access.evaluate import Access
from tailstack.access.filters import COMPANIONS, FilterRule, Filters, node_attributes
from tailstack.access.hujson import Json
from tailstack.access.inventory import Node
from tailstack.access.policy import Policy
from tailstack.access.policy_tests import TESTS_FAILED, run_tests
from tailstack.access.ports import DEFAULT_PROTOCOLS, LAST_PORT, TCP, UDP, WITH_PORTS, PortRange, Ports
from tailstack.access.principals import Principal, spans
from tailstack.access.reading import read_policy
from tailstack.access.ssh import Login, login, ssh_rules
from tailstack.access.validate import refusal, validate
from tests.access.recordings import COUNTS, DOMAIN, MORE, Recording, capabilities, listed, peers, recording, recordings
from tests.counted import SUMMARY

OTHER_WORDS = {
    # A fault of the service, which we do not imitate: it answers 500 "internal server error".
    "nodeattrs-error-e3-autogroup-self": (
        "internal server error",
        '"autogroup:self" not valid on the targets of node attributes',
    ),
    # Making the recording anonymous changed the domain in the policy, and not the one in the message.
    "ssh-e1": (
        "PASSKEY is not associated with this Tailnet and cannot be used in user:*@<domain> expressions",
        "EXAMPLE.COM is not associated with this Tailnet and cannot be used in user:*@<domain> expressions",
    ),
}
"""Refused in other words than those recorded: what is recorded, and what we say."""

ANY_ORDER = {"ssh-group-nested-cycle", "ssh-group-nested-three-deep"}
"""Two groups are wrong, and the service names either one."""

NOT_RECORDED = {
    ("acl-rs07", "weedle"),
    ("nodeattrs-attr-c1-funnel", "ivysaur"),
    ("nodeattrs-attr-c5-taildrive-share", "ivysaur"),
    ("nodeattrs-target-a1-wildcard", "router"),
    ("policytest-allpass-grants-only-tag-src-host-alias-non-topology-dst", "ivysaur"),
    ("routes-b17-autogroup-internet-with-exit-autoapprover", "beedrill"),
}
"""Nodes of which a recording holds nothing. Three of these recordings say themselves that the wait for a node timed out."""

ROUTE_TO_COME = {("acl-k03", node, "10.33.0.0/16") for node in ("charmander", "kakuna", "weedle")}
"""Nodes not told of a route of which others, in the same place, were told: it was approved while the recording was made."""

EVERY_NODE = {
    "https://tailscale.com/cap/file-sharing",
    "https://tailscale.com/cap/ssh",
    "https://tailscale.com/cap/tailnet-lock",
    "probe-udp-lifetime",
    "ssh-behavior-v1",
    "ssh-env-vars",
    "store-appc-routes",
    "tailnet-display-name",
}
"""Capabilities that every node has of itself, whatever the policy."""

OF_ITS_USER = {
    "default-auto-update",
    "https://tailscale.com/cap/is-admin",
    "https://tailscale.com/cap/is-owner",
}
"""Capabilities that a node has of its user or of settings of the tailnet."""

WITH_FUNNEL = {
    "https://tailscale.com/cap/warn-funnel-no-https",
    "https://tailscale.com/cap/funnel-ports?ports=443,8443,10000",
}
"""Capabilities that come with the attribute `funnel`."""

LOGINS = frozenset({"root", "ubuntu", "alice", "odin", "thor", "freya"})
PROBES = frozenset({(TCP, 22), (TCP, 443), (UDP, 53), (1, 0)})
"""Protocols and ports asked for between every two nodes, beside the edges of those in the recorded and in our filters."""

Compared = dict[str, list[list[str]]]


@pytest.fixture(scope="module", name="compared")
def every_case() -> Compared:
    """By category, the differences of each case."""
    return {category: [compare(case) for case in recordings(category)] for category in (*COUNTS, MORE)}


@pytest.mark.parametrize("category", [*COUNTS, MORE])
def test_recordings(category: str, compared: Compared) -> None:
    assert [differences for differences in compared[category] if differences] == []


def test_no_case_is_left_out(compared: Compared, record_property: Callable[[str, object], None]) -> None:
    counts = {category: len(cases) for category, cases in compared.items()}
    assert counts == COUNTS | {MORE: 2}
    total = sum(counts.values()) - counts[MORE]
    assert total == 864
    parts = ", ".join(f"{category.removesuffix('_results')} {count}" for category, count in counts.items())
    record_property(SUMMARY, f"{total} cases recorded from the service were compared ({parts})")


def _nothing(*_: object) -> tuple[()]:
    return ()


def _no_capabilities(*_: object) -> dict[str, tuple[Json, ...]]:
    return {}


def _every_route(self: Filters, node: Node, router: Node) -> tuple[Span, ...]:
    return router.routes


def _let_in(*_: object) -> Login:
    return Login.ACCEPT


def _no_attributes(*_: object) -> frozenset[str]:
    return frozenset()


def _no_refusal(_: object) -> str:
    return ""


FAULTS: Mapping[str, tuple[str, str, str, object]] = {
    "filter of": ("acl_results", "acl-d08", "tailstack.access.filters.Filters.network", _nothing),
    "verdicts of": ("acl_results", "acl-k03", "tailstack.access.evaluate.Access.matches", _nothing),
    "capabilities of": ("grant_results", "grant-a1", "tailstack.access.filters.Filters.capabilities", _nothing),
    "capabilities of peers": (
        "grant_results",
        "grant-a1",
        "tailstack.access.evaluate.Access.capabilities",
        _no_capabilities,
    ),
    "peers of": ("acl_results", "acl-k03", "tailstack.access.filters.Filters.peers", _nothing),
    "routes of": ("grant_results", "grant-p04-2", "tailstack.access.filters.Filters.routes", _every_route),
    "ssh of": ("ssh_results", "ssh-a4", "tests.access.test_conformance.login", _let_in),
    "attributes of": (
        "nodeattrs_results",
        "nodeattrs-attr-c1-funnel",
        "tests.access.test_conformance.node_attributes",
        _no_attributes,
    ),
    "refused with": ("ssh_results", "ssh-b4", "tests.access.test_conformance.refusal", _no_refusal),
}


@pytest.mark.parametrize("difference", FAULTS)
def test_a_fault_of_ours_is_found(difference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the comparison is worth: with any of these faults in our engine it does not pass."""
    category, name, target, fault = FAULTS[difference]
    assert compare(recording(category, name)) == []
    monkeypatch.setattr(target, fault)
    assert any(difference in found for found in compare(recording(category, name)))


def compare(case: Recording) -> list[str]:
    """Every difference between a recording and what we say; none means that the two agree."""
    policy = read_policy(case.text)
    findings = validate(policy, domains={DOMAIN})
    failures = run_tests(policy, case.inventory)
    message = refusal(findings) or (TESTS_FAILED if failures else "")
    recorded, expected = OTHER_WORDS.get(case.name, (case.refusal, case.refusal))
    if recorded != case.refusal:
        return [f"{case.name}: is no exception any more, recorded {case.refusal!r}"]
    if case.name in ANY_ORDER and expected in {finding.message for finding in findings}:
        message = expected
    if message != expected:
        return [f"{case.name}: refused with {message!r}, recorded {expected!r}"]
    return [] if case.refusal else list(accepted(case, policy))


def accepted(case: Recording, policy: Policy) -> Iterator[str]:
    access = Access(policy, case.inventory)
    filters = Filters(access)
    nodes = {node.name: node for node in case.inventory.nodes}
    if {(case.name, name) for name in nodes.keys() ^ case.nodes.keys()} - NOT_RECORDED:
        yield f"{case.name}: has not all nodes"
    for name, capture in case.nodes.items():
        node = nodes[name]
        rules = listed(capture, "packet_filter_rules")
        recorded, ours = list(recorded_rules(rules)), list(filters.network(node))
        found = {
            "filter": filter_differs(recorded, ours),
            "verdicts": verdicts_differ(access, node, recorded, ours),
            "capabilities": recorded_capabilities(rules) != our_capabilities(filters, node),
            "capabilities of peers": peer_capabilities_differ(access, node, listed_by_address(capture)),
            "peers": {peer["ComputedName"] for peer in peers(capture)} != {peer.name for peer in filters.peers(node)},
            "routes": routes_differ(case.name, filters, node, nodes, capture),
            "ssh": ssh_differs(access, node, listed(capture, "ssh_rules")),
            "attributes": attributes_differ(capture, node_attributes(access, node)),
        }
        yield from (f"{case.name}: {what} of {name}" for what, differs in found.items() if differs)


def address_set(text: str) -> AddressSet:
    return EVERYWHERE if text == "*" else AddressSet.of(spans([text]))


def recorded_rules(rules: Iterable[dict[str, Any]]) -> Iterator[FilterRule]:
    for rule in rules:
        who = AddressSet.of(span for text in rule["SrcIPs"] for span in address_set(text))
        for target in listed(rule, "DstPorts"):
            ports = (target["Ports"]["First"], target["Ports"]["Last"])
            ranges = (
                PortRange(protocol, *(ports if protocol in WITH_PORTS else (0, LAST_PORT)))
                for protocol in listed(rule, "IPProto") or DEFAULT_PROTOCOLS
            )
            yield FilterRule(sources=who, targets=address_set(target["IP"]), ports=Ports.of(ranges))


def filter_differs(recorded: list[FilterRule], ours: list[FilterRule]) -> bool:
    """Whether two filters let other sources in anywhere. One address and one port stand for all between two edges."""
    every = [*recorded, *ours]
    edges = {(span.family, edge) for rule in every for span in rule.targets for edge in (span.low, span.high + 1)}
    ports = {(found.protocol, edge) for rule in every for found in rule.ports for edge in (found.first, found.last + 1)}
    return any(
        sources(recorded, Span(family, edge, edge), *port) != sources(ours, Span(family, edge, edge), *port)
        for family, edge in edges
        for port in ports
    )


def sources(rules: list[FilterRule], target: Span, protocol: int, port: int) -> AddressSet:
    return AddressSet.of(
        span for rule in rules if target in rule.targets and rule.ports.allows(protocol, port) for span in rule.sources
    )


def recorded_capabilities(rules: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], AddressSet]:
    """Who has which capability with which values at which address."""
    found: dict[tuple[str, str, str], AddressSet] = {}
    for rule in rules:
        who = AddressSet.of(span for text in rule["SrcIPs"] for span in address_set(text))
        for granted in listed(rule, "CapGrant"):
            for target in granted["Dsts"]:
                for name, values in granted["CapMap"].items():
                    key = str(*spans([target])), name, json.dumps([] if values is None else values, sort_keys=True)
                    found[key] = found.get(key, AddressSet()).union(who)
    return found


def our_capabilities(filters: Filters, node: Node) -> dict[tuple[str, str, str], AddressSet]:
    found: dict[tuple[str, str, str], AddressSet] = {}
    for rule in filters.capabilities(node):
        for target in rule.targets:
            for name, values in rule.capabilities.items():
                key = str(target), name, json.dumps(values, sort_keys=True)
                found[key] = found.get(key, AddressSet()).union(rule.sources)
    return found


def listed_by_address(capture: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a node was told of the owner of each address, as programs on it ask for."""
    found: dict[str, dict[str, Any]] | None = capture.get("whois")
    return found or {}


def peer_capabilities_differ(access: Access, node: Node, told: dict[str, dict[str, Any]]) -> bool:
    """Whether a program on a node is told of other capabilities of a peer than our answer for the two has.

    The answer is of what a policy grants; what comes the other way round with it is in filters only.
    """
    for address, owner in told.items():
        granted: dict[str, list[object] | None] = owner["CapMap"] or {}
        recorded = {name: in_order(values or ()) for name, values in granted.items()}
        ours = {name: in_order(values) for name, values in access.capabilities(address, node).items()}
        if ours != {name: values for name, values in recorded.items() if name not in COMPANIONS.values()}:
            return True
    return False


def in_order(values: Iterable[object]) -> list[str]:
    return sorted(json.dumps(value, sort_keys=True) for value in values)


def verdicts_differ(access: Access, node: Node, recorded: list[FilterRule], ours: list[FilterRule]) -> bool:
    """Whether any other node reaches this one on a port where the recorded filter drops it, or the other way round."""
    edges = {
        (found.protocol, edge)
        for rule in (*recorded, *ours)
        for found in rule.ports
        for edge in (found.first, found.last + 1)
        if edge <= LAST_PORT
    }
    let_in = {
        probe: AddressSet.of(span for address in node.addresses for span in sources(recorded, address, *probe))
        for probe in PROBES | edges
    }
    for other in access.inventory.nodes:
        opened = [match.entry.ports for match in access.matches(other, node)]
        for (protocol, port), found in let_in.items():
            reaches = any(ports.allows(protocol, port) for ports in opened)
            if other is not node and reaches == found.isdisjoint(other.addresses):
                return True
    return False


def routes_differ(case: str, filters: Filters, node: Node, nodes: dict[str, Node], capture: dict[str, Any]) -> bool:
    """Whether a node was told of other routes than those it may use.

    Of several routers of one subnet the service chooses one, by what no recording states; of exit nodes it tells all.
    """
    told: dict[str, set[str]] = {}
    usable: dict[str, set[str]] = {}
    for peer in peers(capture):
        name = peer["ComputedName"]
        for route in set(peer["AllowedIPs"]) - set(peer["Addresses"]):
            told.setdefault(route, set()).add(name)
        for route in filters.routes(node, nodes[name]):
            usable.setdefault(str(route), set()).add(name)
    exits = set(map(str, DEFAULT_ROUTES))
    # A router that is itself the chosen one is told of no other.
    alone = set(listed(capture["netmap"]["SelfNode"], "PrimaryRoutes"))
    late = {route for route in usable if (case, node.name, route) in ROUTE_TO_COME}
    return any(
        not told.get(route, set()) <= usable.get(route, set())
        or len(told.get(route, ())) != (len(usable[route]) if route in exits else route not in alone | late)
        for route in told.keys() | usable.keys()
    )


def ssh_differs(access: Access, node: Node, rules: list[dict[str, Any]]) -> bool:
    if not rules and not access.policy.ssh:
        return False
    users = LOGINS | {user.text.strip() for rule in access.policy.ssh for user in rule.users}
    target = access.principal(node)
    for other in access.inventory.nodes:
        source = access.principal(other)
        for address in map(str, other.addresses):
            if other is not node and recorded_order(rules, address) != our_order(access, source, target):
                return True
            if any(
                recorded_login(rules, address, user)
                != (to_itself(access, target, user) if other is node else login(access, source, target, user))
                for user in users
            ):
                return True
    return False


def to_itself(access: Access, node: Principal, user: str) -> Login:
    """Whether a node is told to let itself in.

    A rule with `localpart:*@` leads to the sources themselves as well. No recorded user has two devices, so whether it leads
    to other devices of the same user is not known; we say that it does not.
    """
    added = [
        replace(rule, dst=rule.src)
        for rule in access.policy.ssh
        if any(re.match(r"localpart:\*@.", user.text.strip()) for user in rule.users)
    ]
    policy = replace(access.policy, ssh=(*access.policy.ssh, *added))
    return login(Access(policy, access.inventory), node, node, user) if added else login(access, node, node, user)


def recorded_order(rules: list[dict[str, Any]], address: str) -> list[tuple[str, list[str]]]:
    """The action and the environment accepted by each rule for a source. A rule with `localpart:*@` was sent as two."""
    found = [
        (action(rule), rule.get("acceptEnv", []))
        for rule in rules
        if any(principal.get("nodeIP") == address for principal in rule["principals"])
    ]
    return [one for one, _ in groupby(found)]


def our_order(access: Access, source: Principal, target: Principal) -> list[tuple[str, list[str]]]:
    rules = list(ssh_rules(access, source, target))
    found = [(rule.action.text.strip(), [variable.text for variable in rule.accept_env]) for rule in rules]
    return [one for one, _ in groupby(sorted(found, key=lambda one: one[0] != "check"))]


def action(rule: dict[str, Any]) -> str:
    return "check" if "holdAndDelegate" in rule["action"] else "accept"


def recorded_login(rules: list[dict[str, Any]], address: str, user: str) -> str:
    """What the client makes of its rules: the first that names the source and lets it in as this user."""
    for rule in rules:
        users = rule["sshUsers"]
        if any(principal.get("nodeIP") == address for principal in rule["principals"]) and users.get(
            user, users.get("*")
        ):
            return action(rule)
    return "denied"


def attributes_differ(capture: dict[str, Any], ours: frozenset[str]) -> bool:
    recorded = set(capabilities(capture["netmap"]["SelfNode"]))
    expected = {*ours, *EVERY_NODE, *(WITH_FUNNEL if "funnel" in ours else ())}
    return recorded - OF_ITS_USER != expected - OF_ITS_USER
