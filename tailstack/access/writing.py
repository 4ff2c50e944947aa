"""Writes derived entries in canonical HuJSON, and tells at the same time what reading the text would give.

Thousands of derived entries have one form: lists of strings under a comment. They are laid out here without a syntax tree,
with the places of their parts; tests hold the text against `hujson.format` and the typed entries against `read_policy`.
What has application capabilities, and what concerns SSH, goes through those two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

from tailstack.access import hujson
from tailstack.access.derive import LIST_SECTIONS, Derived, Section
from tailstack.access.policy import Grant, IpEntry, Listed, NamedTexts, NodeAttribute, SshRule, SshTest, Test
from tailstack.access.ports import parse_ip_entry
from tailstack.access.reading import policy_of
from tailstack.access.selectors import Selector, Text, parse_selector
from tailstack.finding import Place

TypedEntry: TypeAlias = Listed | NamedTexts | Grant | NodeAttribute | Selector | SshRule | SshTest | Test


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A derived entry as it stands in the compiled text: `text` begins at `place`, its comment stands above it."""

    derived: Derived
    place: Place
    text: str
    typed: TypedEntry


class Pen:
    """Writes entries of one section one below the other, each after the comma that ends the entry before it."""

    def __init__(self, file: str, line: int, indent: int) -> None:
        """`line` is that of the first comma, `indent` the number of tabs in front of each entry."""
        self._file = file
        self._line = line
        self._indent = indent
        self._margin = "\n" + "\t" * indent
        self._parts: list[str] = []
        self.written: list[Written] = []

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self._parts)

    @property
    def line(self) -> int:
        """The line of the next comma."""
        return self._line

    def write(self, entry: Derived) -> None:
        """Write one entry with its comment."""
        comment = [f"// {line}".rstrip() for line in entry.declaration.splitlines()]
        place = Place(self._file, self._line + len(comment) + 1, self._indent + 1)
        text, typed = _element(entry, place) if entry.section in LIST_SECTIONS else _member(entry, place)
        self._parts += (",", self._margin, self._margin.join((*comment, text)))
        self.written.append(Written(derived=entry, place=place, text=text, typed=typed))
        self._line = place.line + text.count("\n")


@dataclass(frozen=True, slots=True)
class _Part:
    """A string, or a list of strings, with the name in front of it, as it is written."""

    name: str
    value: str | tuple[str, ...]
    items: tuple[str, ...]
    line: str
    width: int
    """What the formatter takes it to be wide on one line: a list with two bytes too many, for a comma behind its end."""
    is_broken: bool

    def text(self, indent: int) -> str:
        if not self.is_broken:
            return self.line
        margin = "\n" + "\t" * (indent + 1)
        return f"[{margin}{f',{margin}'.join(self.items)},{margin[:-1]}]"

    def texts(self, file: str, line: int, column: int, indent: int) -> tuple[Text, ...]:
        """The string, or each of the list, of a value that begins there."""
        if isinstance(self.value, str):
            return (Text(self.value, Place(file, line, column)),)
        if self.is_broken:
            return tuple(Text(one, Place(file, line + row, indent + 2)) for row, one in enumerate(self.value, 1))
        column += 1
        if len(self.value) == 1:
            return (Text(self.value[0], Place(file, line, column)),)
        found: list[Text] = []
        for one, item in zip(self.value, self.items, strict=True):
            found.append(Text(one, Place(file, line, column)))
            column += len(item) + 2
        return tuple(found)


# Operators own a hundred tags each, and groups are granted a hundred times.
@lru_cache(maxsize=16384)
def _part(name: str, value: str | tuple[str, ...]) -> _Part:
    name = hujson.string_literal(name)
    if isinstance(value, str):
        literal = hujson.string_literal(value)
        return _Part(name, value, (), literal, hujson.byte_length(literal), is_broken=False)
    items = tuple(hujson.string_literal(one) for one in value)
    line = f"[{', '.join(items)}]"
    width = hujson.byte_length(line) + 2 * bool(items)
    return _Part(name, value, items, line, width, is_broken=width > hujson.WIDTH)


def _member(entry: Derived, place: Place) -> tuple[str, TypedEntry]:
    """An entry of a section that is an object."""
    key, indent = entry.key or "", place.column - 1
    part = _part("", tuple(cast("Sequence[str]", entry.value)))
    head = f"{hujson.string_literal(key)}: "
    texts = part.texts(place.file, place.line, place.column + len(head), indent)
    if entry.section is Section.POSTURES:
        typed = NamedTexts(name=key, place=place, entries=texts)
    else:
        typed = Listed(name=key.strip(), place=place, entries=_selectors(texts))
    return head + part.text(indent), typed


def _element(entry: Derived, place: Place) -> tuple[str, TypedEntry]:
    """An entry of a section that is a list."""
    if entry.app or entry.section in (Section.SSH, Section.SSH_TESTS):
        return _read_back(entry, place)
    if isinstance(entry.value, str):
        return hujson.string_literal(entry.value), parse_selector(entry.value, place)
    value = cast("Mapping[str, str | Sequence[str]]", entry.value)
    parts = [_part(name, one if isinstance(one, str) else tuple(one)) for name, one in value.items()]
    if entry.is_spread or _widest_line(parts) > hujson.WIDTH:
        text, starts = _spread(parts, place)
        depth = place.column
    else:
        text, starts = _in_line(parts, place)
        depth = place.column - 1
    texts = {
        name: part.texts(place.file, line, column, depth)
        for name, part, (line, column) in zip(value, parts, starts, strict=True)
    }
    return text, _typed(entry.section, place, texts)


def _widest_line(parts: Iterable[_Part]) -> int:
    """As the formatter counts it: from one bracket to the other, with two bytes behind each value."""
    finished, width = 0, 1
    for part in parts:
        width += hujson.byte_length(part.name) + 2
        if part.is_broken:
            finished, width = max(finished, width + 1), 1
        else:
            width += part.width
        width += 2
    return max(finished, width + 1)


def _in_line(parts: Sequence[_Part], place: Place) -> tuple[str, list[tuple[int, int]]]:
    """`{"src": [...], "dst": [...]}`, in which lists may be broken over lines; and where each value begins."""
    indent, line, column = place.column - 1, place.line, place.column + 1
    out: list[str] = []
    starts: list[tuple[int, int]] = []
    for part in parts:
        head, text = f"{part.name}: ", part.text(indent)
        starts.append((line, column + len(head)))
        out.append(head + text)
        line += text.count("\n")
        column = 2 + (len(text) - text.rfind("\n") if part.is_broken else column + len(head) + len(text))
    return f"{{{', '.join(out)}}}", starts


def _spread(parts: Sequence[_Part], place: Place) -> tuple[str, list[tuple[int, int]]]:
    """One value a line, those of neighbours that are not broken in one column; and where each begins."""
    indent, line = place.column, place.line
    margin = "\n" + "\t" * indent
    out: list[str] = []
    starts: list[tuple[int, int]] = []
    for part, column in zip(parts, _columns(parts), strict=True):
        line += 1
        text = part.text(indent)
        head = f"{part.name}: "
        padding = " " * (column - hujson.byte_length(head))
        starts.append((line, indent + 1 + len(head) + len(padding)))
        out.append(head + padding + text)
        line += text.count("\n")
    return f"{{{margin}{f',{margin}'.join(out)},{margin[:-1]}}}", starts


def _columns(parts: Sequence[_Part]) -> Iterator[int]:
    """How many bytes stand in front of each value."""
    widths = [hujson.byte_length(part.name) + 2 for part in parts]
    start = 0
    while start < len(parts):
        end = start
        while end < len(parts) and not parts[end].is_broken:
            end += 1
        yield from [max(widths[start:end], default=0)] * (end - start)
        yield from widths[end : end + 1]
        start = end + 1


def _typed(section: Section, place: Place, texts: Mapping[str, tuple[Text, ...]]) -> TypedEntry:
    if section is Section.GRANTS:
        return Grant(
            place=place,
            src=_selectors(texts["src"]),
            dst=_selectors(texts["dst"]),
            ip=tuple(IpEntry(text=ip.text, place=ip.place, ports=parse_ip_entry(ip.text)) for ip in texts["ip"]),
            src_posture=texts.get("srcPosture", ()),
            via=_selectors(texts.get("via", ())),
        )
    if section is Section.NODE_ATTRS:
        return NodeAttribute(place=place, target=_selectors(texts["target"]), attr=texts["attr"])
    return Test(
        place=place,
        src=texts["src"][0],
        proto=texts["proto"][0],
        accept=texts.get("accept", ()),
        deny=texts.get("deny", ()),
    )


def _selectors(texts: Iterable[Text]) -> tuple[Selector, ...]:
    return tuple(parse_selector(text.text, text.place) for text in texts)


def _read_back(entry: Derived, place: Place) -> tuple[str, TypedEntry]:
    """An entry of any form, by way of a document of its own with nothing but the entry in it."""
    text = hujson.format_part(built(entry), place.column - 1)
    document = hujson.parse(f'{{"{entry.section}": [{text}]}}')
    before = document.text.index(text)

    def position(value: hujson.Value) -> tuple[int, int]:
        line, column = document.position(value)
        return place.line + line - 1, column - before + place.column - 1 if line == 1 else column

    policy = policy_of(document, place.file, position)
    (typed,) = (*(policy.grants or ()), *policy.node_attributes, *policy.ssh, *policy.ssh_tests)
    return text, typed


def built(entry: Derived) -> hujson.Value:
    """The value of an entry as a tree, without its comment."""
    value = hujson.build(
        {**cast("Mapping[str, hujson.Buildable]", entry.value), "app": entry.app} if entry.app else entry.value
    )
    return hujson.spread(value) if entry.is_spread else value
