"""The previews of several environments as one: a table of all, and what each has to say below it. Pure: returns strings.

Made of the JSON of the previews, because in CI each of them is made by a job of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tailstack.access.phrases import joined
from tailstack.report.markdown import code, escaped, in_html
from tailstack.report.preview import Safety
from tailstack.report.preview_shown import JSON_VERSION, cut, size, told_preview_as_markdown
from tailstack.report.preview_told import Item, Section, ToldPreview
from tailstack.report.style import Style, counted, one_line

_ANSWERS = {
    Safety.FAILED: "failed",
    Safety.FINDINGS: "not safe: errors",
    Safety.REFUSED: "not safe: refused by a policy",
    Safety.LOOK: "look first",
    Safety.SAFE: "safe",
    Safety.NOTHING: "nothing changes",
}
_GRAVEST = tuple(_ANSWERS)
_SIGNS = {
    Safety.FAILED: ":x:",
    Safety.FINDINGS: ":x:",
    Safety.REFUSED: ":no_entry:",
    Safety.LOOK: ":warning:",
    Safety.SAFE: ":white_check_mark:",
    Safety.NOTHING: ":white_check_mark:",
}
_LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledUp:
    """One environment in the table, or one stack of it, by its name in a sentence. `stack` is empty where there is one.

    `access` counts changes by their direction; None where nobody can tell.
    """

    name: str
    environment: str
    stack: str
    safety: Safety
    answer: str
    access: Mapping[str, int] | None
    objects: Mapping[str, int]
    told: ToldPreview


def read_report(text: str, name: str) -> RolledUp:
    """One preview's JSON. One that cannot be read is a failed preview: `name`, that of its file, is then its environment."""
    try:
        data: Any = json.loads(text)
        if data["version"] != JSON_VERSION:
            return _unreadable(name, f"its version is {data['version']}, and {JSON_VERSION} is known here")
        safety = Safety(data["safety"])
        access = data["access"]
        return RolledUp(
            name=str(data["name"]),
            environment=str(data["environment"]),
            stack=str(data["stack"]),
            safety=safety,
            answer=str(data["answer"]),
            access=None if access is None else {str(key): int(count) for key, count in access["summary"].items()},
            objects={str(op): int(count) for op, count in data["plan"]["counts"].items()},
            told=ToldPreview(
                answer=str(data["answer"]),
                safety=safety,
                sections=tuple(_section(section) for section in data["told"]["sections"]),
                foot=tuple(str(line) for line in data["told"]["foot"]),
            ),
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        return _unreadable(name, f"{type(error).__name__} while reading it")


def _section(data: Any) -> Section:  # noqa: ANN401  JSON of any shape: what is wrong in it raises
    return Section(
        title=str(data["title"]),
        is_folded=bool(data["folded"]),
        diagram=str(data["diagram"]),
        items=tuple(
            Item(
                text=str(item["text"]),
                details=tuple(str(detail) for detail in item["details"]),
                mark=str(item["mark"]),
                is_alarm=bool(item["alarm"]),
            )
            for item in data["items"]
        ),
    )


def _unreadable(name: str, why: str) -> RolledUp:
    answer = f"The report {name} cannot be read: {why}."
    told = ToldPreview(answer=answer, safety=Safety.FAILED, sections=(), foot=())
    return RolledUp(
        name=name, environment=name, stack="", safety=Safety.FAILED, answer=answer, access=None, objects={}, told=told
    )


def gravest(rows: Sequence[RolledUp]) -> Safety:
    """The gravest answer of all; NOTHING of none."""
    return min((row.safety for row in rows), key=_GRAVEST.index, default=Safety.NOTHING)


def roll_up_headline(rows: Sequence[RolledUp]) -> str:
    """Whether all of it is safe, and where it is not."""
    worst = gravest(rows)
    if worst is Safety.NOTHING:
        return f"Safe: nothing changes ({counted(len(rows), 'environment')})."
    parts = [
        f"{_ANSWERS[safety]}: {joined(names)}"
        for safety in _GRAVEST
        if safety is not Safety.NOTHING and (names := [row.name for row in rows if row.safety is safety])
    ]
    if worst is Safety.SAFE:
        changing = [row.name for row in rows if row.safety is Safety.SAFE]
        verb = "changes" if len(changing) == 1 else "change"
        return f"Safe: {joined(changing)} {verb}, nobody loses access, and nothing is replaced or deleted."
    start = "Look before you apply" if worst is Safety.LOOK else "Not safe"
    said = "; ".join(parts)
    return f"{start}. {said[:1].upper()}{said[1:]}."


def roll_up_as_text(rows: Sequence[RolledUp], *, colour: bool = False) -> str:
    """The answer of all on the first line, then that of each. Ends with a newline."""
    style = Style(colour=colour)
    lines = [style.strong(one_line(roll_up_headline(rows))), ""]
    lines += [one_line(f"{row.name}: {row.answer}") for row in rows]
    return "\n".join(lines) + "\n"


def roll_up_as_markdown(rows: Sequence[RolledUp], *, limit: int | None = None) -> str:
    """The answer, the table, and each environment that has something to say, folded. At most `limit` bytes of UTF-8."""
    blocks = [
        f"{_SIGNS[gravest(rows)]} **{escaped(one_line(roll_up_headline(rows)))}**\n",
        "\n| environment | | access | objects |\n|---|---|---|---|\n" + "".join(_row(row) for row in rows),
    ]
    telling = [row for row in rows if row.safety is not Safety.NOTHING]
    left = None if limit is None else limit - sum(size(block) for block in blocks)
    for number, row in enumerate(telling):
        opening = f"\n<details><summary>{in_html(cut(row.name, _LONGEST_NAME))}</summary>\n\n"
        closing = "\n</details>\n"
        share = None
        if left is not None:
            share = left // (len(telling) - number) - size(opening) - size(closing)
            if share <= 0:
                break
        text = opening + told_preview_as_markdown(row.told, limit=share, level=4) + closing
        left = None if left is None else left - size(text)
        blocks.append(text)
    whole = "".join(blocks)
    return whole if limit is None else cut(whole, limit)


def _row(row: RolledUp) -> str:
    if row.access is None:
        access = "not known"
    else:
        access = ", ".join(f"{count} {what}" for what, count in row.access.items() if count) or "unchanged"
    objects = ", ".join(f"{count} to {op}" for op, count in row.objects.items()) or "none"
    name = code(cut(row.name, _LONGEST_NAME)).replace("|", "\\|")
    return f"| {name} | {_SIGNS[row.safety]} {_ANSWERS[row.safety]} | {escaped(access)} | {escaped(objects)} |\n"


def roll_up_as_json(rows: Sequence[RolledUp]) -> str:
    """`{"version", "answer", "safety", "environments": [{"name", "environment", "stack", "safety", "answer", "access", "objects"}]}`."""
    data = {
        "version": JSON_VERSION,
        "answer": roll_up_headline(rows),
        "safety": str(gravest(rows)),
        "environments": [
            {
                "name": row.name,
                "environment": row.environment,
                "stack": row.stack,
                "safety": str(row.safety),
                "answer": row.answer,
                "access": None if row.access is None else dict(row.access),
                "objects": dict(row.objects),
            }
            for row in rows
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
