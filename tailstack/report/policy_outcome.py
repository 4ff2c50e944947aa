"""What came out of a policy's own tests."""

from __future__ import annotations

from collections.abc import Sequence

from tailstack.access.policy import Policy
from tailstack.access.policy_tests import TestFailure, failure_findings
from tailstack.report.findings import as_github, as_json, as_text
from tailstack.report.telling import Part, Told


def outcome_answer(policy: Policy, failures: Sequence[TestFailure]) -> str:
    """`4 of 5 tests hold (3 in tests, 2 in sshTests).`, or that there are none."""
    number = len(policy.tests) + len(policy.ssh_tests)
    if not number:
        return "The policy has no tests: it would pass while it takes everything from everybody."
    kinds = f"{len(policy.tests)} in tests, {len(policy.ssh_tests)} in sshTests"
    held = number - len(failures)
    return f"{held} of {number} tests hold ({kinds})."


def outcome_as_text(policy: Policy, failures: Sequence[TestFailure], *, colour: bool = False) -> str:
    """The answer, then each failed assertion with its place. Ends with a newline."""
    answer = outcome_answer(policy, failures) + "\n"
    return answer + (f"\n{as_text(failure_findings(failures), colour=colour)}" if failures else "")


def tell_outcome(policy: Policy, failures: Sequence[TestFailure]) -> Told:
    """The answer with the failed assertions below it, for Markdown."""
    failed = tuple(f"{finding.places[0]} {finding.message}" for finding in failure_findings(failures))
    parts = (Part(title="What does not hold", items=failed),) if failed else ()
    return Told(answer=outcome_answer(policy, failures), parts=parts)


def outcome_as_json(policy: Policy, failures: Sequence[TestFailure]) -> str:
    """The findings, with `answer` and `tests: {number, failed}`. Ends with a newline."""
    number = len(policy.tests) + len(policy.ssh_tests)
    return as_json(
        failure_findings(failures),
        answer=outcome_answer(policy, failures),
        tests={"number": number, "failed": len(failures)},
    )


def outcome_as_github(failures: Sequence[TestFailure]) -> str:
    """An annotation for each failed assertion."""
    return as_github(failure_findings(failures))
