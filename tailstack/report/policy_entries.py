"""Which entries of a policy file come and go, each with the declaration that its comment names. Pure.

Every derived entry carries a comment with the name of its declaration, also in the file that is live; an entry that is
written by hand has the comment that its author gave it, or none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access import hujson
from tailstack.report.plan import PolicyEdit

UNNAMED = "written by hand"


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class PolicyEntry:
    """One entry that is only on one side. `section` is a key of the policy file, `text` the entry as JSON on one line."""

    declaration: str
    section: str
    is_new: bool
    text: str

    def __str__(self) -> str:
        return f"{self.section}: {self.text}"


def changed_entries(edit: PolicyEdit) -> tuple[PolicyEntry, ...]:
    """Every entry that is gone or new, by declaration; nothing where one of the two is no HuJSON."""
    try:
        sides = [Counter(_entries(text or "{}")) for text in (edit.before, edit.after)]
    except hujson.HujsonError:
        return ()
    gone, new = sides[0] - sides[1], sides[1] - sides[0]
    return tuple(
        sorted(
            PolicyEntry(declaration=declaration, section=section, is_new=is_new, text=text)
            for entries, is_new in ((gone, False), (new, True))
            for (declaration, section, text), number in entries.items()
            for _ in range(number)
        )
    )


def _entries(policy: str) -> Iterator[tuple[str, str, str]]:
    root = hujson.parse(policy).root.node
    for member in root.members if isinstance(root, hujson.Object) else ():
        node, section = member.value.node, member.key
        if isinstance(node, hujson.Array):
            for element in node.elements:
                yield _said(element.before), section, _line(element)
        elif isinstance(node, hujson.Object):
            for each in node.members:
                yield (
                    _said(each.name.before),
                    section,
                    f"{json.dumps(each.key, ensure_ascii=False)}: {_line(each.value)}",
                )
        else:
            yield _said(member.name.before), section, _line(member.value)


def _line(value: hujson.Value) -> str:
    return json.dumps(hujson.to_python(value), ensure_ascii=False)


def _said(before: str) -> str:
    """The last comment before an entry."""
    lines = [line.strip() for line in before.splitlines()]
    comments = [line.removeprefix("//").strip() for line in lines if line.startswith("//")]
    return comments[-1] if comments else UNNAMED
