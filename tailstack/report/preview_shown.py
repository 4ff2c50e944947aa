"""A preview as text, as Markdown within a limit, and as JSON. Pure: returns strings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tailstack.report.changes import changes_as_data
from tailstack.report.cost import Cost
from tailstack.report.findings import WIDTH, finding_as_data
from tailstack.report.markdown import code, escaped, in_html
from tailstack.report.plan import plan_as_data
from tailstack.report.preview import Preview, Safety, headline
from tailstack.report.preview_told import Item, Section, ToldPreview, tell_preview
from tailstack.report.style import Style, one_line, wrapped
from tailstack.report.telling import fenced

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""

GITHUB_LIMIT = 65_536
"""Characters in a comment of GitHub; every character is at least one byte of UTF-8."""

_SIGNS = {
    Safety.NOTHING: ":white_check_mark:",
    Safety.SAFE: ":white_check_mark:",
    Safety.LOOK: ":warning:",
    Safety.FINDINGS: ":x:",
    Safety.REFUSED: ":no_entry:",
    Safety.FAILED: ":x:",
}
_SHARE = 8
"""An item takes at most this part of a limit; what is longer is cut, so that one object cannot push out all others."""
_SHORTEST = 200
_FEW = 3
"""How many items of each section come before the others of any."""
_CUT = " … (cut)"


def preview_as_text(preview: Preview, *, colour: bool = False) -> str:
    """The answer on the first line, then everything else. Ends with a newline."""
    return told_preview_as_text(tell_preview(preview), colour=colour)


def told_preview_as_text(told: ToldPreview, *, colour: bool = False) -> str:
    """The same of what is told already."""
    style = Style(colour=colour)
    good = told.safety in (Safety.NOTHING, Safety.SAFE)
    paint = style.good if good else style.doubtful if told.safety is Safety.LOOK else style.bad
    blocks = [paint(one_line(told.answer)) + "\n"]
    for section in told.sections:
        lines = [style.strong(section.title)]
        for item in section.items:
            sign = "!" if item.is_alarm else " "
            mark = f"{item.mark} " if item.mark else ""
            lines += wrapped(one_line(f"{mark}{item.text}"), f" {sign} ", "     ", WIDTH)
            for detail in item.details:
                lines += wrapped(one_line(detail), "     ", "       ", WIDTH)
        blocks.append("\n".join(lines) + "\n")
    blocks.append("".join(style.faint(one_line(line)) + "\n" for line in told.foot))
    return "\n".join(blocks)


def preview_as_markdown(preview: Preview, *, limit: int | None = None) -> str:
    """The same for a pull request, in at most `limit` bytes of UTF-8; by default all of it. Ends with a newline.

    What does not fit is left out object by object from the end, and counted; each object itself is cut to its share.
    """
    return told_preview_as_markdown(tell_preview(preview), limit=limit)


def told_preview_as_markdown(told: ToldPreview, *, limit: int | None = None, level: int = 3) -> str:
    """The same of what is told already, with headings of a level."""
    head = f"{_SIGNS[told.safety]} **{escaped(one_line(told.answer))}**\n"
    foot = "".join(f"\n<sub>{escaped(one_line(line))}</sub>\n" for line in told.foot)
    whole = "".join([head, *(_markdown(section, section.items, 0, level) for section in told.sections), foot])
    if limit is None or size(whole) <= limit:
        return whole
    longest = max(limit // _SHARE, _SHORTEST)
    answer = escaped(cut(one_line(told.answer), max(limit // _SHARE, _SHORTEST)))
    head = f"{_SIGNS[told.safety]} **{answer}**\n"
    left = limit - size(head) - size(foot)
    sections = [
        Section(
            title=section.title,
            items=tuple(_shortened(item, longest) for item in section.items),
            is_folded=section.is_folded,
            diagram=section.diagram,
        )
        for section in told.sections
    ]
    return "".join([head, *_fitting(sections, left, level), foot]) if left > 0 else cut(head, limit)


def _fitting(sections: Sequence[Section], left: int, level: int) -> Iterator[str]:
    """As many of the items as there is room for: a few of each section before all of any, the first sections first.

    A section of which nothing fits says how much it has, unless there is no room for that either.
    """
    shown = [0 for _ in sections]
    sizes = [_taken(section, 0, level) for section in sections]
    while sum(sizes) > left:
        del shown[-1], sizes[-1]
    for most in (_FEW, None):
        for number, section in enumerate(sections[: len(shown)]):
            while shown[number] < len(section.items[:most]):
                more = _taken(section, shown[number] + 1, level)
                if sum(sizes) - sizes[number] + more > left:
                    break
                shown[number] += 1
                sizes[number] = more
    for section, number in zip(sections, shown, strict=False):
        yield _markdown(section, section.items[:number], len(section.items) - number, level)


def _taken(section: Section, number: int, level: int) -> int:
    return size(_markdown(section, section.items[:number], len(section.items) - number, level))


def _markdown(section: Section, items: Sequence[Item], omitted: int, level: int) -> str:
    lines = [line for item in items for line in _item(item)]
    if omitted:
        lines.append(f"- … and {omitted} more, which are in the whole report.")
    body = "\n".join(lines)
    if section.diagram and not omitted:
        body += f"\n\n{fenced(section.diagram, 'mermaid').rstrip()}"
    if section.is_folded:
        total = len(section.items)
        return f"\n<details><summary>{in_html(section.title)} ({total})</summary>\n\n{body}\n\n</details>\n"
    return f"\n{'#' * level} {escaped(section.title)}\n\n{body}\n"


def _item(item: Item) -> Iterator[str]:
    alarm = ":warning: " if item.is_alarm else ""
    mark = f"{code(item.mark)} " if item.mark else ""
    yield f"- {alarm}{mark}{escaped(one_line(item.text))}"
    for detail in item.details:
        yield f"  - <sub>{escaped(one_line(detail))}</sub>"


def _shortened(item: Item, longest: int) -> Item:
    left = longest
    details: list[str] = []
    text = cut(item.text, longest // 2)
    for detail in item.details:
        short = cut(detail, longest // 2)
        left -= size(short)
        if left < 0:
            details.append(f"and {len(item.details) - len(details)} more")
            break
        details.append(short)
    return Item(text=text, details=tuple(details), mark=item.mark, is_alarm=item.is_alarm)


def cut(text: str, longest: int) -> str:
    """The text in at most so many bytes, with a sign at its end where it is cut, if there is room for one."""
    data = text.encode("utf-8", "replace")
    if len(data) <= longest:
        return text
    sign = _CUT if size(_CUT) < longest else ""
    return data[: longest - size(sign)].decode("utf-8", "ignore") + sign


def size(text: str) -> int:
    """How many bytes of UTF-8 a text takes."""
    return len(text.encode("utf-8", "replace"))


def preview_as_json(preview: Preview) -> str:
    """`preview_as_data` as one object, ending with a newline."""
    return json.dumps(preview_as_data(preview), indent=2, ensure_ascii=False) + "\n"


def preview_as_data(preview: Preview) -> dict[str, object]:
    """`{"version", "environment", "stack", "name", "tier", "base", "answer", "safety", "failure", "findings", "access", "plan", "livePolicy",
    "violations", "warnings", "notices", "cost", "told"}`, for JSON.

    `access` is as `tailstack diff` gives it, null where nobody can tell; `plan` is as `plan_as_data` has it; `told` are the
    sections of the Markdown, of which a roll-up of several environments is made.
    """
    told = tell_preview(preview)
    live, comparison = preview.live_policy, preview.comparison
    return {
        "version": JSON_VERSION,
        "environment": preview.environment,
        "stack": preview.stack,
        "name": preview.name,
        "tier": str(preview.tier),
        "base": preview.base,
        "answer": headline(preview),
        "safety": str(preview.safety),
        "concerns": list(preview.concerns),
        "failure": list(preview.failure),
        "findings": [finding_as_data(finding) for finding in preview.findings],
        "access": None if comparison is None else changes_as_data(comparison.difference, comparison.vocabulary),
        "plan": plan_as_data(preview.plan),
        "livePolicy": None
        if live is None
        else {"state": str(live.state), "said": list(live.said), "refused": list(live.refused)},
        "violations": [
            {"policy": each.policy, "what": each.what, "message": each.message, "mandatory": each.is_mandatory}
            for each in preview.violations
        ],
        "warnings": list(preview.warnings),
        "notices": list(preview.notices),
        "cost": _cost(preview.cost),
        "told": {
            "sections": [
                {
                    "title": section.title,
                    "folded": section.is_folded,
                    "diagram": section.diagram,
                    "items": [
                        {"text": item.text, "details": list(item.details), "mark": item.mark, "alarm": item.is_alarm}
                        for item in section.items
                    ],
                }
                for section in told.sections
            ],
            "foot": list(told.foot),
        },
    }


def _cost(cost: Cost) -> dict[str, object]:
    return {
        "devices": cost.devices,
        "groups": cost.groups,
        "certificates": list(cost.certificates),
        "restarts": list(cost.restarts),
        "replaced": list(cost.replaced),
    }
