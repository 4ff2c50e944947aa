from __future__ import annotations

import json

from tailstack.access.policy import Policy
from tailstack.access.policy_tests import TestFailure, run_tests
from tailstack.report.policy_outcome import (
    outcome_answer,
    outcome_as_github,
    outcome_as_json,
    outcome_as_text,
    tell_outcome,
)
from tailstack.report.telling import told_as_markdown
from tests.access.policies import grant, policy

HELD: dict[str, object] = {"src": "ana@example.com", "accept": ["tag:a:80"]}
FAILING: dict[str, object] = {"src": "ana@example.com", "accept": ["tag:a:22"], "deny": ["tag:a:80"]}
SSH: dict[str, object] = {"src": "ana@example.com", "dst": ["tag:a"], "deny": ["root"]}


def judged(*tests: dict[str, object], **more: object) -> tuple[Policy, tuple[TestFailure, ...]]:
    made = policy(tagOwners={"tag:a": []}, grants=[grant("ana@example.com", "tag:a", "80")], tests=[*tests], **more)
    return made, run_tests(made)


def test_all_hold() -> None:
    made, failures = judged(HELD, sshTests=[SSH])
    assert outcome_as_text(made, failures) == "2 of 2 tests hold (1 in tests, 1 in sshTests).\n"
    assert told_as_markdown(tell_outcome(made, failures)).startswith("**2 of 2 tests hold")
    assert outcome_as_github(failures) == ""


def test_each_failed_assertion_has_its_place() -> None:
    made, failures = judged(HELD, FAILING)
    text = outcome_as_text(made, failures)
    assert text.startswith("1 of 2 tests hold (2 in tests, 0 in sshTests).\n\np.hujson:1:")
    assert text.count("TS813") == 2
    assert text.endswith("2 errors, no warnings.\n")
    assert "What does not hold" in told_as_markdown(tell_outcome(made, failures))
    assert outcome_as_github(failures).count("::error file=p.hujson,line=1,") == 2
    data = json.loads(outcome_as_json(made, failures))
    assert data["version"] == "1"
    assert data["tests"] == {"number": 2, "failed": 1}
    assert data["answer"] == outcome_answer(made, failures)
    assert len(data["findings"]) == 2


def test_a_policy_without_tests_says_so() -> None:
    made, failures = judged()
    assert outcome_as_text(made, failures) == (
        "The policy has no tests: it would pass while it takes everything from everybody.\n"
    )
