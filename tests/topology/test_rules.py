from __future__ import annotations

import ast
import re
from pathlib import Path

import tailstack.topology
from tailstack.finding import Severity
from tailstack.topology.rules import RULES
from tailstack.topology.suppressions import STALE_SUPPRESSION


def test_codes_and_slugs_are_unique_and_of_this_family() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.slug for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"TS0[0-9]{2}", rule.code) for rule in RULES)
    assert all(re.fullmatch(r"[a-z0-9-]+", rule.slug) for rule in RULES)
    assert [rule.code for rule in RULES] == sorted(rule.code for rule in RULES)


def test_every_rule_says_what_why_and_how_to_mend_it() -> None:
    for rule in RULES:
        assert rule.severity is (Severity.WARNING if rule is STALE_SUPPRESSION else Severity.ERROR)
        for text in (rule.what, rule.why, rule.mend):
            assert text.endswith("."), rule.code
            assert text[0].isupper() or text[0] == "`", rule.code


def test_every_rule_of_these_modules_is_registered() -> None:
    folder = Path(tailstack.topology.__file__).parent
    made = [
        next(str(ast.literal_eval(k.value)) for k in node.keywords if k.arg == "code")
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rule"
    ]
    assert sorted(made) == [rule.code for rule in RULES]
