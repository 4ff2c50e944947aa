from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailstack.access.facts import Facts
from tailstack.access.mistakes import UNKNOWN_KEY
from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.manifests.reading import read_manifests
from tailstack.rules.check import check_manifests
from tailstack.rules.ingress import EXPOSED_TO_NOBODY
from tailstack.rules.suppress import SuppressedFinding, apply
from tailstack.topology.suppressions import CANNOT_SUPPRESS, STALE_SUPPRESSION, SUPPRESSION_FORM, UNKNOWN_RULE
from tailstack.topology.tailnet import BasePolicy, Stretch, Suppression
from tests.rules.environments import check, found

DOUBT = Rule(code="TS901", slug="doubt", severity=Severity.WARNING, what="W.", why="Y.", mend="M.")
OTHER = Rule(code="TS902", slug="other", severity=Severity.WARNING, what="W.", why="Y.", mend="M.")
LIVE = Rule(code="TS903", slug="live", severity=Severity.WARNING, what="W.", why="Y.", mend="M.", needs=Needs.FACTS)
MISTAKE = Rule(code="TS904", slug="mistake", what="W.", why="Y.", mend="M.")
RULES = (DOUBT, OTHER, LIVE, MISTAKE, STALE_SUPPRESSION)

INSIDE, OUTSIDE = Place("a.yaml", 5, 3), Place("a.yaml", 9, 1)
STRETCH = Stretch("a.yaml", (4, 1), (6, 9))


def suppression(rule: str, *stretches: Stretch) -> Suppression:
    return Suppression(rule=rule, reason="meant", place=Place("a.yaml", 4, 20), stretches=stretches or (STRETCH,))


def doubt(*places: Place) -> Finding:
    return DOUBT.at(*places, message="doubtful")


@pytest.mark.parametrize("rule", ["TS901", "ts901", "doubt"])
@pytest.mark.parametrize("places", [(INSIDE,), (INSIDE, OUTSIDE), (OUTSIDE, INSIDE)])
def test_a_warning_with_any_of_its_places_inside_is_suppressed(rule: str, places: tuple[Place, ...]) -> None:
    one = suppression(rule)
    result = apply([doubt(*places)], [one], RULES)
    assert result.kept == ()
    assert result.suppressed == (SuppressedFinding(finding=doubt(*places), suppression=one),)


@pytest.mark.parametrize(
    "finding",
    [
        doubt(OUTSIDE),
        doubt(),
        OTHER.at(INSIDE, message="another"),
        MISTAKE.at(INSIDE, message="wrong"),
    ],
)
def test_what_does_not_match_is_kept_and_the_suppression_is_stale(finding: Finding) -> None:
    result = apply([finding], [suppression("doubt")], RULES)
    assert result.suppressed == ()
    (stale,) = (kept for kept in result.kept if kept is not finding)
    assert (stale.rule, stale.places) == (STALE_SUPPRESSION, (Place("a.yaml", 4, 20),))
    assert stale.message == "No warning of TS901 doubt is about what this stands at."
    assert finding in result.kept


def test_one_that_stands_nowhere_is_stale() -> None:
    nowhere = Suppression(rule="doubt", reason="r", place=INSIDE, stretches=())
    assert {kept.rule for kept in apply([doubt(INSIDE)], [nowhere], RULES).kept} == {DOUBT, STALE_SUPPRESSION}


def test_of_two_that_match_neither_is_stale_and_the_narrower_gives_the_reason() -> None:
    wide = suppression("doubt", Stretch("a.yaml", (1, 1), (20, 1)))
    one = suppression("doubt")
    result = apply([doubt(INSIDE), doubt(INSIDE)], [one, wide], RULES)
    assert result.kept == ()
    assert [each.suppression for each in result.suppressed] == [one, one]
    assert apply([doubt(OUTSIDE)], [one, wide], RULES).suppressed[0].suppression is wide


At = tuple[int, int]


def stretch_of(file: str, one: At, other: At) -> Stretch:
    return Stretch(file, min(one, other), max(one, other))


def place_of(file: str, at: At) -> Place:
    return Place(file, *at)


ats = st.tuples(st.integers(1, 4), st.integers(1, 4))
stretches = st.builds(stretch_of, st.sampled_from("ab"), ats, ats)


@given(
    st.lists(st.lists(stretches, max_size=2), max_size=6),
    st.lists(st.builds(place_of, st.sampled_from("abc"), ats), max_size=3),
)
def test_the_index_finds_what_comparing_everything_finds(written: list[list[Stretch]], found_at: list[Place]) -> None:
    every = [
        Suppression(rule="doubt", reason=str(number), place=INSIDE, stretches=tuple(each))
        for number, each in enumerate(written)
    ]
    result = apply([doubt(*found_at)], every, RULES)
    covering = [one for one in every if one.covers(found_at)]
    assert [each.suppression in covering for each in result.suppressed] == [True] * bool(covering)
    stale = sum(kept.rule is STALE_SUPPRESSION for kept in result.kept)
    assert stale == len(every) - len(covering)


def test_ten_thousand_of_them_take_no_time() -> None:
    findings = [doubt(Place("a.yaml", line, 3)) for line in range(10_000)]
    every = [suppression("doubt", Stretch("a.yaml", (line, 1), (line, 9))) for line in range(10_000)]
    before = perf_counter()
    assert len(apply(findings, every, RULES).suppressed) == 10_000
    assert perf_counter() - before < 5, "comparing each with each takes a minute"


def test_one_of_a_rule_that_needs_live_facts_is_never_stale() -> None:
    assert apply([], [suppression("live")], RULES).kept == ()


def test_an_error_cannot_be_suppressed() -> None:
    mistake = MISTAKE.at(INSIDE, message="wrong")
    result = apply([mistake], [suppression("mistake")], RULES)
    assert [(kept.rule, kept.message) for kept in result.kept] == [
        (CANNOT_SUPPRESS, "TS904 mistake is an error, and cannot be suppressed."),
        (MISTAKE, "wrong"),
    ]


def test_what_is_said_of_suppressions_cannot_be_suppressed_either() -> None:
    (kept,) = apply([], [suppression("stale-suppression")], RULES).kept
    assert (kept.rule, kept.mend) == (CANNOT_SUPPRESS, "Take the stale suppression out.")


@pytest.mark.parametrize(("rule", "mend"), [("doubts", "Did you mean doubt?"), ("zzz", UNKNOWN_RULE.mend)])
def test_an_unknown_rule_is_an_error_that_names_the_nearest(rule: str, mend: str) -> None:
    (kept,) = apply([], [suppression(rule)], RULES).kept
    assert (kept.rule, kept.message, kept.mend) == (UNKNOWN_RULE, f'There is no rule called "{rule}".', mend)


NGINX = """
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}, suppress: [{rule: %s, reason: not yet}]}
      apache: {namespace: default, ports: [tcp:80], selector: {a: b}}
"""


def test_a_suppression_in_the_declarations() -> None:
    checked, _ = check(NGINX % "exposed-to-nobody")
    assert [f.message for f in found(checked, EXPOSED_TO_NOBODY)] == [f.message for f in checked.findings], (
        "nothing else is wrong"
    )
    assert len(checked.findings) == len(checked.suppressed) == 1
    (meant,) = checked.suppressed
    assert meant.suppression.reason == "not yet"
    assert "blue.nginx" in meant.finding.message
    assert "blue.apache" in checked.findings[0].message


def test_a_suppression_with_a_mistake_is_an_error_of_checking() -> None:
    checked, _ = check(NGINX % "duplicate-hostname")
    assert checked.has_errors
    assert len(found(checked, CANNOT_SUPPRESS)) == 1


BASE = """{
    "grants": [
        // %s
        {"src": ["*"], "dst": ["*"], "ip": ["*"], "because": "x"},
        {"src": ["*"], "dst": ["*"], "ip": ["*"], §"because": "x"},
    ],
}"""


def test_a_suppression_in_the_policy_file() -> None:
    plain, _ = check("clusters: {}", base=BASE % "x")
    assert [finding.rule for finding in plain.findings] == [UNKNOWN_KEY, UNKNOWN_KEY]
    checked, places = check("clusters: {}", base=BASE % "tailstack:suppress TS803: a note")
    assert [(finding.rule, finding.places) for finding in checked.findings] == [(UNKNOWN_KEY, places)]
    assert [each.suppression.reason for each in checked.suppressed] == ["a note"]


def test_a_suppression_of_the_policy_file_without_a_reason_is_an_error() -> None:
    text = (BASE % "tailstack:suppress TS803").replace("§", "").replace("// tail", "§// tail")
    checked, places = check("clusters: {}", base=text)
    assert [finding.places for finding in found(checked, SUPPRESSION_FORM)] == [places]


SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: nginx
  namespace: default
  annotations:
    tailscale.com/expose: "true"
    tailscale.com/tags: tag:k8s
    tailstack/suppress: "%s"
spec: {selector: {a: b}, ports: [{port: 80}]}
"""
POLICY = '{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}, "grants": []}'


def test_a_suppression_in_manifests() -> None:
    def findings_with(text: str) -> tuple[set[str], set[str], set[str]]:
        read = read_manifests({"blue/nginx.yaml": SERVICE % text})
        policy = BasePolicy(file="policy.hujson", text=POLICY)
        checked = check_manifests(read, policy, facts=Facts(), dns_name="tail1a2b.ts.net")
        at_service = {f.rule.slug for f in checked.findings if any(p.file == "blue/nginx.yaml" for p in f.places)}
        return at_service, {f.rule.slug for f in checked.findings}, {s.finding.rule.slug for s in checked.suppressed}

    at_service, _, suppressed = findings_with("exposed-to-nobody: only nodes of the other tailnet")
    assert "exposed-to-nobody" not in at_service
    assert suppressed == {"exposed-to-nobody"}
    _, everywhere, suppressed = findings_with("exposed-to-nobody")
    assert {"exposed-to-nobody", "suppression-form"} <= everywhere
    assert suppressed == set()
