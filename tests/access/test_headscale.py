"""The verdicts of policy tests beside headscale's, another reading of the same language; see docs/conformance.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import pytest

from tailstack.access.evaluate import Access, Match, Verdict
from tailstack.access.inventory import Inventory
from tailstack.access.policy import Policy
from tailstack.access.policy_tests import TestFailure, run_tests
from tailstack.access.ports import PROTOCOL_NUMBERS, TCP, UDP, Ports
from tailstack.access.principals import Principal, spans
from tailstack.access.reading import read_policy
from tailstack.access.validate import refusal, validate
from tailstack.sandbox.toolchain import ensure
from tests.access.headscale import Answer, Assertion, Headscale
from tests.access.headscale_policies import MISTAKES, Case, Data, Tailnet, case, tailnet, with_tests
from tests.counted import SUMMARY

pytestmark = pytest.mark.timeout(1200)  # the first run builds headscale

TAILNETS = 4
CASES = 200
FEW = 24


class Difference(StrEnum):
    """Where headscale is known to say something else in a test than the service, or than we for want of a recording."""

    NEITHER_SELF_NOR_VIA = "neither self nor via"
    ICMP_COUNTS = "icmp counts"
    ANY_PROTOCOL = "any protocol"
    EVERY_SOURCE = "every source"
    ANY_TARGET = "any target"
    EACH_ADDRESS = "each address"


REASONS: Mapping[Difference, str] = {
    Difference.NEITHER_SELF_NOR_VIA: "Its tests ask the filter that is the same for all nodes; entries with autogroup:self"
    " or via are compiled for single nodes and are not in it (globalFilterRules in compiled.go).",
    Difference.ICMP_COUNTS: "A test without a protocol passes where ICMP alone is let in (srcReachesDst in test.go). For the"
    " service it is TCP or UDP: https://tailscale.com/kb/1337/policy-syntax#tests",
    Difference.ANY_PROTOCOL: "An entry without a protocol lets every protocol in (ruleMatchesProto in test.go). The service"
    " means TCP, UDP and ICMP by it, as packet_filter_matches of the recordings says of every such entry.",
    Difference.EVERY_SOURCE: "A deny fails only where every address of the source gets through (evalReachability in"
    " test.go). No recording tells; for us it fails where any node gets through, which is what it is written against.",
    Difference.ANY_TARGET: "An accept passes where one address of the destination is reached (ruleAllowsAnyDest in test.go)."
    " No recording tells; for us every node of the destination must be reached.",
    Difference.EACH_ADDRESS: "The IPv4 and the IPv6 address of a node count as two sources. No recording tells; for us an"
    " entry that names a node by one of its addresses names the node.",
}
"""Why each of them is no fault to be found here. Only these explain a difference, and each only as it is worked out below."""

ALL = frozenset(Difference)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One case: our answer and headscale's, in what they differ, and how many assertions were compared."""

    case: Case
    text: str
    refusal: str
    answer: Answer
    asked: tuple[Assertion, ...]
    ours: frozenset[Assertion]
    unexplained: tuple[str, ...]
    explained: Counter[tuple[Difference, ...]]


class Judge:
    """Judges an assertion as we do or, with differences, as headscale: from each part of its source to each of its target."""

    def __init__(self, text: str, inventory: Inventory) -> None:
        self._policy: Data = json.loads(text)
        self._inventory = inventory
        self._made: dict[frozenset[Difference], Access] = {}

    def fails(self, one: Assertion, differences: frozenset[Difference]) -> bool:
        access = self._access(
            differences.intersection(REWRITTEN) - (ONLY_WITHOUT_PROTOCOL if one.proto else frozenset())
        )
        name, _, port = one.dst.rpartition(":")
        each = Difference.EACH_ADDRESS in differences
        sources, targets = (list(self._parts(access, side, each=each)) for side in (one.src, name.strip("[]")))
        if not sources or not targets:
            return True
        protocols = (PROTOCOL_NUMBERS[one.proto],) if one.proto else (TCP, UDP)
        reached = [
            [
                any(access.reach(src, dst, number, int(port)).verdict is Verdict.ALLOWED for number in protocols)
                for dst in targets
            ]
            for src in sources
        ]
        if one.wanted:
            enough = any if Difference.ANY_TARGET in differences else all
            return not all(enough(row) for row in reached)
        through = all if Difference.EVERY_SOURCE in differences else any
        return through(any(row) for row in reached)

    def _access(self, differences: frozenset[Difference]) -> Access:
        if differences not in self._made:
            policy = self._policy
            for difference in sorted(differences):
                policy = REWRITTEN[difference](policy)
            self._made[differences] = Access(read_policy(json.dumps(policy)), self._inventory)
        return self._made[differences]

    def _parts(self, access: Access, name: str, *, each: bool) -> Iterator[Principal]:
        address = self._policy["hosts"].get(name, name)
        if spans([address]):
            yield access.principal(address)
            return
        for node in access.inventory.nodes:
            principal = access.principal(node)
            if name in principal.keys and each:
                yield from (access.principal(str(span)) for span in node.addresses)
            elif name in principal.keys:
                yield principal


def _alike_for_all(policy: Data) -> Data:
    """Without what is compiled for single nodes."""
    grants = [
        grant | {"dst": [name for name in grant["dst"] if name != "autogroup:self"]}
        for grant in policy.get("grants", ())
        if "via" not in grant
    ]
    return policy | ({"grants": grants} if "grants" in policy else {})


def _icmp_counts(policy: Data) -> Data:
    """Where ICMP is let in, TCP is as well."""
    return _more(policy, lambda ip: ["tcp:*"] if ip == "icmp:*" else [], {"icmp": "tcp"})


def _any_protocol(policy: Data) -> Data:
    """Where no protocol is named, SCTP is let in as well: the one of the tests that such an entry does not mean."""
    if not {"grants", "acls"} & policy.keys():
        return policy | {"grants": [{"src": ["autogroup:danger-all"], "dst": ["*"], "ip": ["*", "sctp:*"]}]}
    return _more(policy, lambda ip: [] if ":" in ip else [f"sctp:{ip}"], {"": "sctp"})


def _more(policy: Data, ports: Callable[[str], list[str]], protocols: Mapping[str, str]) -> Data:
    grants = [
        grant | {"ip": [*grant["ip"], *(more for ip in grant["ip"] for more in ports(ip))]} if "ip" in grant else grant
        for grant in policy.get("grants", ())
    ]
    acls = list(policy.get("acls", ()))
    acls += [
        acl | {"proto": protocols[proto]} for acl in acls for proto in [acl.get("proto", "")] if proto in protocols
    ]
    return policy | {key: value for key, value in (("grants", grants), ("acls", acls)) if key in policy}


REWRITTEN: Mapping[Difference, Callable[[Data], Data]] = {
    Difference.NEITHER_SELF_NOR_VIA: _alike_for_all,
    Difference.ICMP_COUNTS: _icmp_counts,
    Difference.ANY_PROTOCOL: _any_protocol,
}
"""Differences in what entries mean: the policy for which we say what headscale says of the one given."""

ONLY_WITHOUT_PROTOCOL = frozenset({Difference.ICMP_COUNTS})


def our_failures(text: str, inventory: Inventory) -> tuple[str, frozenset[Assertion]]:
    """The refusal of the policy itself, and the assertions of its tests that do not hold."""
    policy = read_policy(text)
    message = refusal(validate(policy, domains={"example.com"}))
    wrong = {error.place for failure in run_tests(policy, inventory, nodes_needed=True) for error in failure.errors}
    failed = {
        Assertion(test.src.text, test.proto.text, target.text, wanted)
        for test in policy.tests
        for wanted, targets in ((True, test.accept), (False, test.deny))
        for target in targets
        if target.place in wrong or test.src.place in wrong
    }
    return message, frozenset(failed)


def perform(case: Case, tailnet: Tailnet, headscale: Headscale) -> Outcome:
    """One case: half of them say what is so, and half say of a few destinations what is not."""
    assertions = written(case, tailnet)
    text = with_tests(case, assertions)
    message, ours = our_failures(text, tailnet.inventory)
    answer = headscale.check(text, frozenset(assertions))
    judge = Judge(text, tailnet.inventory)
    unexplained: list[str] = []
    explained: Counter[tuple[Difference, ...]] = Counter()
    if message or not (answer.accepted or answer.failed):
        if not message or answer.accepted or answer.failed:
            unexplained.append(f"we say {message!r}, headscale {answer.text!r}")
    else:
        for one in assertions:
            theirs = one in answer.failed
            if (one in ours) != judge.fails(one, frozenset()):
                unexplained.append(f"{one}: our tests and our engine differ")
            if theirs != judge.fails(one, ALL):
                unexplained.append(f"{one}: fails {theirs} for headscale, by no known difference")
            elif theirs != (one in ours):
                explained[smallest(judge, one, wanted=theirs)] += 1
    return Outcome(
        case=case,
        text=text,
        refusal=message,
        answer=answer,
        asked=tuple(assertions),
        ours=ours,
        unexplained=tuple(unexplained),
        explained=explained,
    )


def smallest(judge: Judge, one: Assertion, *, wanted: bool) -> tuple[Difference, ...]:
    """The fewest differences with which we come to headscale's verdict."""
    return next(
        chosen
        for count in range(1, len(Difference) + 1)
        for chosen in combinations(Difference, count)
        if judge.fails(one, frozenset(chosen)) == wanted
    )


def written(case: Case, tailnet: Tailnet) -> list[Assertion]:
    """The assertions of a case: true ones as far as there are any, a few of them turned round in every other case."""
    judge = Judge(with_tests(case, []), tailnet.inventory)
    found: list[Assertion] = []
    for src, proto, dst in case.questions:
        both = [Assertion(src, proto, dst, wanted) for wanted in (True, False)]
        true = [one for one in both if not judge.fails(one, frozenset())]
        # Of a part of the source or the destination neither holds.
        found += true[:1] if true else both[: case.number % 2]
    if case.number % 2:
        for place in case.chance.sample(range(len(found)), min(3, len(found))):
            found[place] = replace(found[place], wanted=not found[place].wanted)
    return found


@pytest.fixture(scope="module", name="tailnets")
def all_tailnets(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Tailnet, Headscale]]:
    """Each tailnet, with a headscale that has its nodes and users in a database."""
    program = ensure(["headscale"])["headscale"]
    found = [tailnet(number) for number in range(TAILNETS)]
    return [(one, Headscale(program, tmp_path_factory.mktemp("headscale"), one.inventory)) for one in found]


@pytest.fixture(scope="module", name="outcomes")
def every_outcome(tailnets: list[tuple[Tailnet, Headscale]]) -> list[Outcome]:
    return [
        perform(case(number, tailnets[number % TAILNETS][0]), *tailnets[number % TAILNETS]) for number in range(CASES)
    ]


def test_headscale_agrees(outcomes: list[Outcome], record_property: Callable[[str, object], None]) -> None:
    assert [(outcome.case, outcome.unexplained) for outcome in outcomes if outcome.unexplained] == []
    refused = sum(not outcome.answer.accepted for outcome in outcomes)
    failing = sum(bool(outcome.answer.failed) for outcome in outcomes)
    differing = sum((outcome.explained for outcome in outcomes), Counter[tuple[Difference, ...]]())
    assertions = sum(len(outcome.asked) for outcome in outcomes if not outcome.refusal)
    named = ", ".join(f"{' and '.join(names)} {count}" for names, count in differing.most_common())
    record_property(
        SUMMARY,
        f"{len(outcomes)} policies were put to headscale: {refused} refused, {failing} of them for their tests;"
        f" of {assertions} assertions {assertions - differing.total()} were judged alike and {differing.total()} otherwise,"
        f" as explained ({named})",
    )


def test_the_policies_are_worth_asking(outcomes: list[Outcome]) -> None:
    """About half fail for their tests; there are assertions of both kinds that hold and that do not; every mistake is made."""
    failing = sum(bool(outcome.ours) and not outcome.refusal for outcome in outcomes)
    assert 0.4 < failing / len(outcomes) < 0.6
    found = Counter(
        (one.wanted, one in outcome.ours) for outcome in outcomes if not outcome.refusal for one in outcome.asked
    )
    assert min(found[wanted, failed] for wanted in (True, False) for failed in (True, False)) > 50
    assert {outcome.case.mistake for outcome in outcomes} == {"", *MISTAKES}
    assert all(bool(outcome.refusal) == bool(outcome.case.mistake) for outcome in outcomes)


def test_every_known_difference_is_met(outcomes: list[Outcome]) -> None:
    """One that is met no more is to be struck off the list."""
    assert {difference for outcome in outcomes for names in outcome.explained for difference in names} == set(REASONS)


def _fewer(self: Access, src: Principal, dst: Principal) -> tuple[Match, ...]:
    return MATCHES(self, src, dst)[1:]


def _more_ports(self: Ports, protocol: int, port: int) -> bool:
    return bool(self) and (port == 443 or ALLOWS(self, protocol, port))


def _somebody(self: object, parts: object) -> bool:
    return True


def _no_failures(policy: Policy, inventory: Inventory, *, nodes_needed: bool) -> tuple[TestFailure, ...]:
    return ()


def _no_refusal(findings: object) -> str:
    return ""


def _refusal(findings: object) -> str:
    return "no"


MATCHES, ALLOWS = Access.matches, Ports.allows
FAULTS: Mapping[str, tuple[str, object]] = {
    "an entry is overlooked": ("tailstack.access.evaluate.Access.matches", _fewer),
    "a port too many": ("tailstack.access.ports.Ports.allows", _more_ports),
    "nobody passes for somebody": ("tailstack.access.policy_tests._Runner._has_nodes", _somebody),
    "tests are not run": ("tests.access.test_headscale.run_tests", _no_failures),
    "mistakes are overlooked": ("tests.access.test_headscale.refusal", _no_refusal),
    "all is refused": ("tests.access.test_headscale.refusal", _refusal),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours_is_found(
    fault: str, tailnets: list[tuple[Tailnet, Headscale]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the comparison is worth: with any of these faults in our engine it does not pass."""
    monkeypatch.setattr(*FAULTS[fault])
    assert any(
        perform(case(number, tailnets[number % TAILNETS][0]), *tailnets[number % TAILNETS]).unexplained
        for number in range(FEW)
    )


@pytest.mark.parametrize("granted", ["tag:web", "tag:exit"])
def test_one_wrong_verdict_is_found(
    granted: str, tailnets: list[tuple[Tailnet, Headscale]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way we are wrong about a single assertion, the comparison names it."""
    place, headscale = tailnets[0]
    grants = [{"src": ["ana@example.com"], "dst": [granted], "ip": ["tcp:443"]}]
    policy = {key: value for key, value in case(0, place).policy.items() if key != "acls"} | {"grants": grants}
    one = replace(case(0, place), policy=policy, questions=(("ana@example.com", "tcp", "tag:web:443"),))
    outcome = perform(one, place, headscale)
    assert (outcome.unexplained, outcome.explained, outcome.answer.accepted) == ((), Counter(), True)

    def turned(text: str, inventory: Inventory) -> tuple[str, frozenset[Assertion]]:
        return "", frozenset(outcome.asked)

    monkeypatch.setattr("tests.access.test_headscale.our_failures", turned)
    [said] = perform(one, place, headscale).unexplained
    assert "dst='tag:web:443'" in said
