"""docs/coverage.md: what of the operator is written where in the YAML, and what is not covered and why."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.charts.coverage import Section, Where, coverage
from tailstack.charts.versions import SUPPORTED, version_text
from tailstack.report.markdown import code
from tailstack.topology.wording import listed

_BEFORE = """# What of the operator the YAML covers

Every annotation, every field of the custom resources and every value of the chart that the operator {newest} knows: where it is
written, or why it is not. The older supported versions ({older}) do not know all of it; what one does not take is
refused. `<name>` stands for a name of one's own. [operator.md](operator.md) says more of versions and charts.

Made by `tailstack schema --write` from `tailstack/charts/coverage.py`. Tests hold that table against the operator's sources and
against the language's schema.
"""


def coverage_page() -> str:
    """The whole page."""
    older = listed(version_text(version) for version in SUPPORTED[1:])
    parts = [_BEFORE.format(newest=version_text(SUPPORTED[0]), older=older)]
    parts += ["\n".join(_table(section)) for section in coverage()]
    return "\n".join(parts)


def _table(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    yield "| key | in the YAML | |"
    yield "|---|---|---|"
    for key, where in section.rows.items():
        yield f"| {code(key)} | {_paths(where)} | {where.note} |".replace("|  |", "| |")
    yield ""


def _paths(where: Where) -> str:
    return ", ".join(code(path.replace("*", "<name>")) for path in where.paths) or "not covered"
