"""The links that a change makes, takes away or changes, in words and as a small map in Mermaid. Pure: returns strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailstack.topology.tailnet import Address, Egress, Tailnet

MOST_EDGES = 500
"""How many edges Mermaid draws on GitHub, which nobody can change there: https://github.com/mermaid-js/mermaid/issues/8260."""

MOST_TEXT = 50_000
"""How many characters of a diagram Mermaid reads: `maxTextSize` of https://mermaid.js.org/config/schema-docs/config.html."""

_ESCAPES = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "#": "#35;"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkChange:
    """One link from an egress to what it leads to. `before` and `after` are its ports; empty where there is no such link."""

    source: str
    target: str
    before: str
    after: str

    def __str__(self) -> str:
        """In words, `after` or `before` with what became of it."""
        if not self.before:
            return f"{self.source} leads to {self.target} now, on {self.after}."
        if not self.after:
            return f"{self.source} leads to {self.target} no longer, on {self.before}."
        return f"{self.source} leads to {self.target} on {self.after}, no longer on {self.before}."


def link_changes(old: Tailnet | None, new: Tailnet) -> tuple[LinkChange, ...]:
    """Every link that is not as it was, by its source."""
    before = dict(_links(old)) if old is not None else {}
    after = dict(_links(new))
    return tuple(
        LinkChange(source=key[0], target=key[1], before=before.get(key, ""), after=after.get(key, ""))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def link_map(changes: Sequence[LinkChange]) -> str:
    """The map; nothing for no link, and for more than can be drawn. A thick line is new, a broken one is gone."""
    if not changes or len(changes) > MOST_EDGES:
        return ""
    names = {name: f"n{number}" for number, name in enumerate(dict.fromkeys(_ends(changes)))}
    lines = ["flowchart LR", *(f'  {key}["{_label(name)}"]' for name, key in names.items())]
    for change in changes:
        arrow = "==>" if not change.before else "-.->" if not change.after else "-->"
        label = _label(change.after or f"gone: {change.before}")
        lines.append(f'  {names[change.source]} {arrow}|"{label}"| {names[change.target]}')
    text = "\n".join(lines) + "\n"
    return text if len(text) <= MOST_TEXT else ""


def _ends(changes: Sequence[LinkChange]) -> Iterator[str]:
    for change in changes:
        yield from (change.source, change.target)


def _links(tailnet: Tailnet) -> Iterator[tuple[tuple[str, str], str]]:
    for egress in tailnet.egresses:
        yield (f"egress {egress.reference}", _target(egress)), ", ".join(map(str, egress.ports)) or "every port"


def _target(egress: Egress) -> str:
    target = egress.target
    return target.fqdn or target.ip or "" if isinstance(target, Address) else target.reference


def _label(text: str) -> str:
    """Text that Mermaid takes for nothing else; entities are written with # in place of &."""
    return "".join(_ESCAPES.get(character, character) for character in " ".join(text.split()))
