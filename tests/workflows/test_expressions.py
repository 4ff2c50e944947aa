"""The reader of GitHub's expressions that the runner of the tests uses: a condition that it read wrongly would prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.expressions import Scope, UnknownExpressionError

CONTEXTS: dict[str, Any] = {
    "github": {"event_name": "push", "event": {"number": 7, "fork": False}},
    "needs": {"a": {"outputs": {"list": '["x", "y"]'}}},
    "inputs": {},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event.number || inputs.number", 7),
        ("inputs.number || 'none'", "none"),
        ("inputs.a.b == ''", True),
        ("github.event.number == '7'", True),
        ("!github.event.fork && github.event_name != 'x'", True),
        ("(false || true) && 'it''s'", "it's"),
        ("fromJSON(needs.a.outputs.list)[1]", "y"),
        ("join(fromJSON(needs.a.outputs.list), ' ')", "x y"),
        ("contains(fromJSON(needs.a.outputs.list), 'x')", True),
        ("startsWith(github.event_name, 'pu')", True),
        ("format('{0}-{1}', github.event_name, 1)", "push-1"),
    ],
)
def test_values(expression: str, value: object) -> None:
    assert Scope(contexts=CONTEXTS).evaluate(expression) == value


@pytest.mark.parametrize("expression", ["secrets.A", "unknown()", "github.", "'a", "1 +", "(true", "a b", ""])
def test_what_is_not_known_raises(expression: str) -> None:
    with pytest.raises(UnknownExpressionError):
        Scope(contexts=CONTEXTS).evaluate(expression)


@pytest.mark.parametrize(
    ("condition", "status", "holds"),
    [
        (None, "success", True),
        (None, "failure", False),
        ("github.event_name == 'push'", "failure", False),
        ("always() && github.event_name == 'push'", "failure", True),
        ("failure()", "failure", True),
        ("failure()", "success", False),
        ("${{ github.event.fork }}", "success", False),
    ],
)
def test_conditions(condition: str | None, status: str, *, holds: bool) -> None:
    assert Scope(contexts=CONTEXTS, status=status).holds(condition) is holds


def test_text_and_values() -> None:
    scope = Scope(contexts=CONTEXTS)
    assert scope.text("a ${{ github.event_name }} ${{ github.event.fork }}") == "a push false"
    assert scope.value("${{ fromJSON(needs.a.outputs.list) }}") == ["x", "y"]
    assert scope.value(["${{ github.event.number }}", 3]) == [7, 3]
