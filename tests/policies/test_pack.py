"""The pack as a whole: its page, and the configs beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pulumi_policy import EnforcementLevel, Policy

from policies import access, funnel, tailnet
from tailstack.rules.registry import find_rule

PROJECT = Path(__file__).parents[2]
EVERY: list[Policy] = [*access.POLICIES, *funnel.POLICIES, *tailnet.POLICIES]
MADE_OF = {policy.name: policy for policy in tailnet.STACK_POLICIES}


def row(policy: Policy) -> str:
    level = (policy.enforcement_level or EnforcementLevel.MANDATORY).value
    made_of = MADE_OF.get(policy.name)
    codes = [rule.code for slug in made_of.rules if (rule := find_rule(slug))] if made_of is not None else []
    needs: list[str] = []
    if made_of is not None:
        needs += ["operator"] if made_of.needs_operator else []
        needs += ["policy file"] if made_of.needs_policy_file else []
    return (
        f"| `{policy.name}` | {policy.description} | {' '.join(codes) or '-'} | {level} | {', '.join(needs) or '-'} |"
    )


def test_the_page_has_a_row_for_each_policy() -> None:
    page = (PROJECT / "docs" / "policy-pack.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [row(policy) for policy in EVERY]


def test_there_are_twenty_and_no_two_of_one_name() -> None:
    names = [policy.name for policy in EVERY]
    assert len(names) == len(set(names)) >= 20


@pytest.mark.parametrize("file", sorted((PROJECT / "policies").glob("*.json")), ids=lambda file: file.name)
def test_a_config_names_policies_and_levels_that_there_are(file: Path) -> None:
    config: dict[str, str | dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
    levels = {level.value for level in EnforcementLevel}
    assert set(config) <= {"all", *(policy.name for policy in EVERY)}
    for name, chosen in config.items():
        settings = {"enforcementLevel": chosen} if isinstance(chosen, str) else chosen
        assert settings.get("enforcementLevel", "mandatory") in levels
        schema = next((policy.config_schema for policy in EVERY if policy.name == name), None)
        assert set(settings) - {"enforcementLevel"} <= set(schema.properties if schema is not None else {})
