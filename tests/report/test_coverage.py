"""docs/coverage.md, as `tailstack schema --write` makes it."""

from __future__ import annotations

from pathlib import Path

from tailstack.report.coverage import coverage_page

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_page_is_the_one_that_is_committed() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage_page(), "run: tailstack schema --write"


def test_rows_say_where_or_why() -> None:
    lines = coverage_page().splitlines()
    assert "| `operatorConfig.hostname` | `clusters.<name>.operator.hostname` | |" in lines
    assert "| `tailscale.com/ts-tailnet-target-ip` | not covered | the former name of `tailnet-ip` |" in lines
    assert "| `spec.subnetRouter.advertiseRoutes` | `clusters.<name>.connectors.<name>.routes` | |" in lines
