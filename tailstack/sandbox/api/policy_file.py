"""The tailnet's policy file as the stand-in reads it: its text, its ETag, whose tags are whose, and whether it may be saved.

What may be saved is decided by `tailstack.access`, which holds to the recorded answers of the service; here are only the
tailnet's part in it (its users, devices and Services) and the form of the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from tailstack.access import hujson
from tailstack.access.addresses import Span, parse_span
from tailstack.access.inventory import Inventory, Node
from tailstack.access.inventory import Service as HostedService
from tailstack.access.inventory import User as Person
from tailstack.access.policy import Listed, Policy
from tailstack.access.policy_tests import TESTS_FAILED, TestFailure, run_tests
from tailstack.access.reading import read_policy
from tailstack.access.selectors import Selector, SelectorKind
from tailstack.access.validate import validate
from tailstack.sandbox.api.answers import JsonValue
from tailstack.sandbox.api.tailnet import Approval, Device, Tailnet, UnwornTags

DEFAULT_POLICY = """\
// The policy file of a new tailnet: everyone reaches everything. Replace it with what your tailnet needs.
{
	"grants": [
		{"src": ["*"], "dst": ["*"], "ip": ["*"]},
	],

	// People may log in to their own devices over Tailscale SSH after a fresh check of who they are.
	"ssh": [
		{
			"action": "check",
			"src":    ["autogroup:member"],
			"dst":    ["autogroup:self"],
			"users":  ["autogroup:nonroot", "root"],
		},
	],
}
"""

_NOT_SYNCING = "group is not syncing from SCIM and will be ignored by rules in the policy file"


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoApprovers:
    """The `autoApprovers` section: who is approved for a prefix, as exit node, for a Service or a Service's tag."""

    routes: Mapping[str, Sequence[str]]
    exit_node: Sequence[str]
    services: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the service says of a policy: `message` is empty if it may be saved.

    `data` has an object for each failing test, by its source; `warnings` are by the group or rule they are about.
    """

    message: str = ""
    data: tuple[Mapping[str, JsonValue], ...] = ()
    warnings: Mapping[str, tuple[str, ...]] | None = None


def text_of(tailnet: Tailnet) -> str:
    """The policy file's text as it was saved."""
    return DEFAULT_POLICY if tailnet.policy is None else tailnet.policy


@lru_cache(maxsize=16)
def etag(text: str) -> str:
    """SHA-256 in hexadecimal over the canonical form, as gitops-pusher computes it beside the service."""
    return hashlib.sha256(hujson.format(text).encode()).hexdigest()


def tag_owners(tailnet: Tailnet) -> Mapping[str, Sequence[str]]:
    """The owners of each declared tag."""
    return _lists(_read(text_of(tailnet)).tag_owners)


def groups(tailnet: Tailnet) -> Mapping[str, Sequence[str]]:
    """The members of each group."""
    return _lists(_read(text_of(tailnet)).groups)


def auto_approvers(tailnet: Tailnet) -> AutoApprovers:
    """The `autoApprovers` section, empty where there is none."""
    section = _read(text_of(tailnet)).auto_approvers
    return AutoApprovers(
        routes=_lists(section.routes), exit_node=_names(section.exit_node), services=_lists(section.services)
    )


def judge(text: str, tailnet: Tailnet) -> Verdict:
    """What the service would say to a new policy file, its tests included. Of several mistakes it names the first."""
    try:
        hujson.parse(text)
    except hujson.HujsonError as error:  # among these a blank text, which reads as a policy without sections
        return Verdict(message=str(error))
    policy = _read(text)
    for finding in validate(policy, domains={tailnet.name}):
        if finding.is_error:
            return Verdict(message=finding.message)
    return _tested(policy, tailnet)


def judge_tests(tests: str, tailnet: Tailnet) -> Verdict:
    """What the service would say to these tests (a JSON array) against the current policy file."""
    read = _read(f'{{"tests": {tests}\n}}')
    for finding in read.findings:
        if finding.is_error:
            return Verdict(message=finding.message)
    current = _read(text_of(tailnet))
    return replace(_tested(replace(current, tests=read.tests, ssh_tests=()), tailnet), warnings=None)


def _tested(policy: Policy, tailnet: Tailnet) -> Verdict:
    nodes_needed = tailnet.behaviour.unworn_tags is UnwornTags.FAIL
    failures = run_tests(policy, inventory(tailnet), nodes_needed=nodes_needed)
    if failures:
        return Verdict(message=TESTS_FAILED, data=tuple(map(_failure_shown, failures)))
    return Verdict(warnings=_warnings(policy, tailnet))


def inventory(tailnet: Tailnet) -> Inventory:
    """The tailnet's devices, users and Services, as the evaluation of policies takes them."""
    return Inventory(
        nodes=tuple(_node(device, tailnet) for device in tailnet.devices.values()),
        users=tuple(Person(login=one.login_name, roles=frozenset({one.role})) for one in tailnet.users.values()),
        services=tuple(HostedService(name=one.name, addresses=_spans(one.addrs)) for one in tailnet.services.values()),
    )


def _node(device: Device, tailnet: Tailnet) -> Node:
    routes = [route for route in device.enabled_routes if route in device.advertised_routes]
    hosted = [
        name
        for name in device.advertised_services
        if name in tailnet.services
        and tailnet.services[name].approvals.get(device.node_id, Approval.NONE) is not Approval.NONE
    ]
    return Node(
        name=device.name,
        addresses=_spans((device.ipv4, device.ipv6)),
        user=None if device.tags else device.user,
        tags=device.tags,
        routes=_spans(routes),
        services=tuple(hosted),
    )


def _spans(texts: Iterable[str]) -> tuple[Span, ...]:
    return tuple(span for text in texts if (span := parse_span(text)) is not None)


def _warnings(policy: Policy, tailnet: Tailnet) -> Mapping[str, tuple[str, ...]]:
    """What the service takes although it makes no sense yet: users that are not there, groups that nobody syncs."""
    logins = {user.login_name for user in tailnet.users.values()}
    found: dict[str, tuple[str, ...]] = {}
    for group in policy.groups:
        if unknown := tuple(name for name in _names(group.entries) if name not in logins):
            found[group.name] = tuple(f'user not found: "{name}"' for name in unknown)
    declared = {group.name for group in policy.groups}
    for selector in _rule_selectors(policy):
        if selector.kind is SelectorKind.USER and selector.name not in logins:
            found[selector.name] = (f'user not found: "{selector.name}"',)
        elif selector.kind is SelectorKind.GROUP and selector.name not in declared:
            found[selector.name] = (_NOT_SYNCING,)
    return found


def _rule_selectors(policy: Policy) -> Iterator[Selector]:
    for grant in policy.grants or ():
        yield from grant.src
        yield from grant.dst
    for acl in policy.acls or ():
        yield from acl.src
        yield from (target.target for target in acl.dst)


def _failure_shown(failure: TestFailure) -> Mapping[str, JsonValue]:
    return {"user": failure.src, "errors": [error.text for error in failure.errors]}


@lru_cache(maxsize=16)
def _read(text: str) -> Policy:
    return read_policy(text)


def _lists(entries: Iterable[Listed]) -> Mapping[str, Sequence[str]]:
    return {entry.name: _names(entry.entries) for entry in entries}


def _names(selectors: Iterable[Selector]) -> tuple[str, ...]:
    return tuple(selector.name for selector in selectors)
