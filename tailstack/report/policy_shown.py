"""A whole policy file in words: who reaches what, and everything else that it decides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tailstack.access.answers import Line, Listing
from tailstack.access.policy import Listed, Policy
from tailstack.access.principals import EVERYONE
from tailstack.report.answers import line_text, listing_data, login_line_text
from tailstack.report.findings import JSON_VERSION
from tailstack.report.telling import Part, Told
from tailstack.topology.wording import listed


def tell_policy(policy: Policy, found: Listing) -> Told:
    """The whole policy; `found` is the listing of every entry in it."""
    parts = (
        Part(title="Access", items=tuple(_access(found.lines))),
        Part(title="Tailscale SSH", items=tuple(login_line_text(line) for line in found.logins)),
        Part(title="Groups", items=tuple(_members(policy))),
        Part(title="Tags", items=tuple(_owners(owned) for owned in policy.tag_owners)),
        Part(title="Approved without an admin", items=tuple(_approvals(policy))),
        Part(title="Node attributes", items=tuple(_attributes(policy))),
        Part(
            title="Postures",
            items=tuple(f"{p.name}: {' and '.join(t.text for t in p.entries)}" for p in policy.postures),
        ),
        Part(title="Hosts", items=tuple(f"{host.name}: {host.value.text}" for host in policy.hosts)),
        Part(
            title="IP sets", items=tuple(f"{one.name}: {listed(t.text for t in one.entries)}" for one in policy.ipsets)
        ),
    )
    return Told(answer=policy_answer(policy, found), parts=tuple(part for part in parts if part.items))


def policy_answer(policy: Policy, found: Listing) -> str:
    """`4 entries let somebody reach something; 1 entry gives capabilities only.`"""
    if policy.grants is None and policy.acls is None:
        return "Everybody reaches everything: the policy has neither grants nor acls."
    working = sum(bool(line.ports) for line in found.lines)
    rest = len(found.lines) - working
    dead = sum(bool(line.dead) for line in found.lines)
    answer = f"{counted_entries(working, 'lets')} somebody reach something" if working else "Nobody reaches anything"
    if rest:
        answer += f"; {counted_entries(rest, 'gives')} capabilities only"
    if dead:
        answer += f"; {counted_entries(dead, 'gives')} a capability that nobody can use"
    return answer + "."


def counted_entries(number: int, verb: str) -> str:
    """`1 entry lets`, `2 entries let`."""
    return f"1 entry {verb}" if number == 1 else f"{number} entries {verb.removesuffix('s')}"


def _access(lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        who = listed(("everyone (*)" if name == EVERYONE else name for name in line.who), none="nobody")
        what = listed(("everything (*)" if name == EVERYONE else name for name in line.what), none="nothing")
        yield f"{who} to {what}: {line_text(line)}"


def _members(policy: Policy) -> Iterator[str]:
    for group in policy.groups:
        yield f"{group.name}: {listed((member.name for member in group.entries), none='nobody')}"


def _owners(owned: Listed) -> str:
    if not owned.entries:
        return f"{owned.name}: given by admins only"
    return f"{owned.name}: given by {listed(owner.name for owner in owned.entries)}"


def _approvals(policy: Policy) -> Iterator[str]:
    approvers = policy.auto_approvers
    for route in approvers.routes:
        yield f"the route {route.name}, and what is inside of it, on {listed((s.name for s in route.entries), none='no node')}"
    if approvers.exit_node:
        yield f"exit nodes: {listed(selector.name for selector in approvers.exit_node)}"
    for service in approvers.services:
        yield f"hosts of {service.name}: {listed((s.name for s in service.entries), none='no node')}"


def _attributes(policy: Policy) -> Iterator[str]:
    for entry in policy.node_attributes:
        given = [text.text for text in entry.attr] + [capability.key for capability in entry.app]
        given += [f"addresses of {pool.text}" for pool in entry.ip_pool]
        targets = listed("every node (*)" if one.name == EVERYONE else one.name for one in entry.target)
        yield f"{targets}: {listed(given, none='nothing')}"


def policy_as_json(policy: Policy, found: Listing) -> str:
    """`{"version", "answer", "entries", "ssh", "groups", "tagOwners", "autoApprovers", ...}`. Ends with a newline."""
    approvers = policy.auto_approvers
    data: dict[str, object] = {
        "version": JSON_VERSION,
        "answer": policy_answer(policy, found),
        **listing_data(found),
        "groups": _named(policy.groups),
        "tagOwners": _named(policy.tag_owners),
        "autoApprovers": {
            "routes": _named(approvers.routes),
            "exitNode": [selector.name for selector in approvers.exit_node],
            "services": _named(approvers.services),
        },
        "nodeAttrs": [
            {
                "target": [selector.name for selector in entry.target],
                "attr": [text.text for text in entry.attr],
                "app": [capability.key for capability in entry.app],
                "ipPool": [text.text for text in entry.ip_pool],
            }
            for entry in policy.node_attributes
        ],
        "postures": {posture.name: [text.text for text in posture.entries] for posture in policy.postures},
        "hosts": {host.name: host.value.text for host in policy.hosts},
        "ipsets": {ipset.name: [text.text for text in ipset.entries] for ipset in policy.ipsets},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _named(entries: Iterable[Listed]) -> dict[str, list[str]]:
    return {entry.name: [selector.name for selector in entry.entries] for entry in entries}
