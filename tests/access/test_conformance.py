"""The access engine beside the real policy service: what it accepts, what it refuses and how, what each node receives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tailstack.access.addresses import DEFAULT_ROUTES, EVERYWHERE, AddressSet, Span
from tailstack.access.evaluate import Access
from tailstack.access.filters import FilterRule, Filters, node_attributes
from tailstack.access.inventory import Node
from tailstack.access.policy import Policy
from tailstack.access.policy_tests import TESTS_FAILED, run_tests
from tailstack.access.ports import DEFAULT_PROTOCOLS, LAST_PORT, WITH_PORTS, PortRange, Ports
from tailstack.access.principals import spans
from tailstack.access.reading import read_policy
from tailstack.access.ssh import login
from tailstack.access.validate import refusal, validate
from tests.access.recordings import COUNTS, DOMAIN, MORE, Recording, capabilities, listed, peers, recordings

OTHER_WORDS = {
    # A fault of the service, which we do not imitate: it answers 500 "internal server error".
    "nodeattrs-error-e3-autogroup-self": '"autogroup:self" not valid on the targets of node attributes',
    # The domain in the recorded message was replaced when the recording was made anonymous.
    "ssh-e1": "EXAMPLE.COM is not associated with this Tailnet and cannot be used in user:*@<domain> expressions",
}
"""Refused in other words than those recorded."""

ANY_ORDER = {"ssh-group-nested-cycle", "ssh-group-nested-three-deep"}
"""Two groups are wrong, and the service names either one."""

WRONG_FILTER = {
    # The policy names fd7a:115c:a1e0::10, which is the node's address only since the recording was made anonymous: for
    # the IPv4 address of the same node, in the same place, the filter is there (…-tag-src-ip-literal-dst).
    "policytest-allpass-grants-only-tag-src-ipv6-literal-dst",
}

ALWAYS = {
    "default-auto-update",
    "https://tailscale.com/cap/file-sharing",
    "https://tailscale.com/cap/is-admin",
    "https://tailscale.com/cap/is-owner",
    "https://tailscale.com/cap/ssh",
    "https://tailscale.com/cap/tailnet-lock",
    "probe-udp-lifetime",
    "ssh-behavior-v1",
    "ssh-env-vars",
    "store-appc-routes",
    "tailnet-display-name",
}
"""Capabilities of a node itself that no policy gives."""

WITH_FUNNEL = {
    "https://tailscale.com/cap/warn-funnel-no-https",
    "https://tailscale.com/cap/funnel-ports?ports=443,8443,10000",
}
LOGINS = frozenset({"root", "ubuntu", "alice", "odin", "thor", "freya"})


@pytest.mark.parametrize("category", [*COUNTS, MORE])
def test_recordings(category: str, capsys: pytest.CaptureFixture[str]) -> None:
    compared = [compare(recording) for recording in recordings(category)]
    assert [differences for differences in compared if differences] == []
    assert len(compared) == COUNTS.get(category, 2)
    with capsys.disabled():
        print(f" {category}: {len(compared)} cases", end="")  # noqa: T201 -- how many were compared is part of the result


def test_no_case_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(COUNTS.values()) == 864
    with capsys.disabled():
        print(f" {sum(COUNTS.values())} cases", end="")  # noqa: T201 -- how many there are is part of the result


def compare(recording: Recording) -> list[str]:
    """Every difference between a recording and what we say; none means that the two agree."""
    policy = read_policy(recording.text)
    findings = validate(policy, domains={DOMAIN})
    failures = run_tests(policy, recording.inventory)
    message = refusal(findings) or (TESTS_FAILED if failures else "")
    expected = OTHER_WORDS.get(recording.name, recording.refusal)
    if recording.name in ANY_ORDER and expected in {finding.message for finding in findings}:
        message = expected
    if message != expected:
        return [f"{recording.name}: refused with {message!r}, recorded {expected!r}"]
    return [] if recording.refusal else list(accepted(recording, policy))


def accepted(recording: Recording, policy: Policy) -> Iterator[str]:
    access = Access(policy, recording.inventory)
    filters = Filters(access)
    nodes = {node.name: node for node in recording.inventory.nodes}
    for name, capture in recording.nodes.items():
        node = nodes[name]
        if recording.name in WRONG_FILTER:
            continue
        rules = listed(capture, "packet_filter_rules")
        found = {
            "filter": filter_differs(list(recorded_rules(rules)), list(filters.network(node))),
            "capabilities": recorded_capabilities(rules) != our_capabilities(filters, node),
            "peers": {peer["ComputedName"] for peer in peers(capture)} != {peer.name for peer in filters.peers(node)},
            "routes": any(
                peer_routes(peer) != our_routes(filters, node, nodes[peer["ComputedName"]], peer)
                for peer in peers(capture)
            ),
            "ssh": ssh_differs(access, node, nodes.values(), listed(capture, "ssh_rules")),
            "attributes": own_attributes(capture) != set(node_attributes(access, node)) - ALWAYS,
        }
        yield from (f"{recording.name}: {what} of {name}" for what, differs in found.items() if differs)


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


def peer_routes(peer: dict[str, Any]) -> set[str]:
    return set(peer["AllowedIPs"]) - set(peer["Addresses"])


def our_routes(filters: Filters, node: Node, router: Node, peer: dict[str, Any]) -> set[str]:
    """The routes that we say a node may use through a router. Of several routers the service chose one: the primary."""
    chosen = {*DEFAULT_ROUTES, *spans(listed(peer, "PrimaryRoutes"))}
    return {str(route) for route in filters.routes(node, router) if route in chosen}


def ssh_differs(access: Access, node: Node, nodes: Iterable[Node], rules: list[dict[str, Any]]) -> bool:
    users = LOGINS | {user.text.strip() for rule in access.policy.ssh for user in rule.users}
    target = access.principal(node)
    return any(
        recorded_login(rules, str(other.addresses[0]), user) != login(access, access.principal(other), target, user)
        for other in nodes
        if other is not node
        for user in users
    )


def recorded_login(rules: list[dict[str, Any]], address: str, user: str) -> str:
    """What the client makes of its rules: the first that names the source and lets it in as this user."""
    for rule in rules:
        users = rule["sshUsers"]
        if any(principal.get("nodeIP") == address for principal in rule["principals"]) and users.get(
            user, users.get("*")
        ):
            return "check" if "holdAndDelegate" in rule["action"] else "accept"
    return "denied"


def own_attributes(capture: dict[str, Any]) -> set[str]:
    return set(capabilities(capture["netmap"]["SelfNode"])) - ALWAYS - WITH_FUNNEL
