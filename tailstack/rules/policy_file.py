"""8xx: the policy file as a whole, the derived part and the hand-written one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tailstack.access.nodes import inventory_of
from tailstack.access.policy_tests import failure_findings, run_tests
from tailstack.access.selectors import AUTOGROUPS, SelectorKind, parse_selector
from tailstack.access.validate import validate
from tailstack.finding import Finding, Place, Rule
from tailstack.rules.selectors import written_selectors
from tailstack.rules.subject import Subject
from tailstack.topology.wording import listed, nearest

UNDEFINED_SELECTOR = Rule(
    code="TS852",
    slug="undefined-selector",
    what="An access entry names a group, host, IP set, autogroup or posture that is defined nowhere.",
    why="Tailscale refuses the whole policy file, and nothing of it takes effect.",
    mend="Define it in the YAML or in the hand-written policy file, or correct the name.",
    source="https://tailscale.com/kb/1337/policy-syntax",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [group:ops], to: [{exposure: blue.web}]}\n"
    ),
    good=(
        "groups: {group:ops: [ana@example.com]}\n"
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [group:ops], to: [{exposure: blue.web}]}\n"
    ),
)
RULES = (UNDEFINED_SELECTOR,)


def undefined_selector(subject: Subject) -> Iterator[Finding]:
    """Groups, postures, hosts and IP sets may be defined on either side; tags have a rule of their own."""
    policy = subject.policy.policy
    synced = {group.name for group in subject.tailnet.groups if group.members is None}
    known = {
        SelectorKind.GROUP: synced | {group.name for group in policy.groups},
        SelectorKind.AUTOGROUP: set(AUTOGROUPS),
        SelectorKind.NAME: {host.name for host in policy.hosts},
        SelectorKind.IPSET: {ipset.name for ipset in policy.ipsets},
    }
    for text, place in written_selectors(subject.tailnet):
        selector = parse_selector(text, place)
        if selector.kind in known and selector.name not in known[selector.kind]:
            what = f"The host {selector.name}" if selector.kind is SelectorKind.NAME else selector.name
            yield _undefined(what, selector.name, known[selector.kind], place)
    postures = {posture.name for posture in policy.postures}
    for access in subject.tailnet.access:
        for name in access.src_posture:
            if name not in postures:
                yield _undefined(name, name, postures, access.place)


def _undefined(what: str, name: str, known: set[str], place: Place) -> Finding:
    # Compared without `group:` in front, which would make any two names look alike.
    bare = {one.rpartition(":")[2]: one for one in known}
    near = nearest(name.rpartition(":")[2], bare)
    return UNDEFINED_SELECTOR.at(
        place,
        message=f"{what} is defined nowhere.",
        expected=f"one of {listed(sorted(known))}" if known else "",
        mend=f"Write {bare[near]} if that is meant." if near else "",
    )


def policy_refused(subject: Subject) -> Iterator[Finding]:
    """What the service would say of the whole policy, at the places where people wrote it."""
    policy = subject.policy.policy
    problems = validate(policy)
    if not any(problem.is_error for problem in problems):
        # Derived tests hold, as they say what is granted; those of the hand-written policy file have to be tried.
        by_hand = tuple(test for test in policy.tests if not subject.policy.is_derived(test.place))
        if by_hand or policy.ssh_tests:
            failures = run_tests(replace(policy, tests=by_hand), inventory_of(subject.nodes))
            problems = (*problems, *failure_findings(failures))
    for problem in problems:
        places = dict.fromkeys(source for place in problem.places for source in subject.policy.sources(place))
        yield replace(problem, places=tuple(places))


CHECKS = (undefined_selector, policy_refused)
