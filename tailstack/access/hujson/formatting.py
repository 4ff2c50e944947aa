"""Writes HuJSON in the canonical form of `hujson.Format`, byte for byte, and as plain JSON.

The rules were read in github.com/tailscale/hujson (format.go, standard.go at b80ff77dac4f) and are held by a test that runs
the Go module beside this one. In short: an object or array is wholly on one line or has one member a line; it is spread
out where the author broke a line inside of it or where a line would pass 80 bytes; comments stay where they are; the values
of neighbouring one-line members are aligned; trailing commas where spread out, unless the document was plain JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tailstack.access.hujson.building import string_literal
from tailstack.access.hujson.parsing import parse
from tailstack.access.hujson.tree import Array, HujsonError, Literal, Member, Object, Value, byte_length, pack

WIDTH = 80
"""The most bytes on a line before it is broken; as the Go module counts, indentation aside."""
_JSON_SPACE = " \t\r\n"
# unicode.IsSpace of Go; str.isspace takes the separators U+001C to U+001F too.
_GO_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_EXTRA_PART = re.compile(r"[ \t\r\n]+|//[^\n]*|/\*(?s:.*?)\*/")
_LEADING_BLANK = re.compile(r"\A\n{2,}")
_TRAILING_BLANK = re.compile(r"\n{2,}\Z")
_NOT_SPACE = re.compile(r"[^ \t\r\n]+")
_BLOCK = re.compile(r"[ \t\r\n]*+(/\*(?s:.*?)\*/)")
_LINE_OR_OPEN = re.compile(r"[ \t\r\n]*+(//|/\*)")


def format(text: str) -> str:  # noqa: A001 -- the name of the function in the Go module; used as `hujson.format`
    """The canonical form of a HuJSON text. Raises HujsonError where the text is none."""
    return format_value(parse(text).root)


def comparable(text: str) -> str:
    """The canonical form by which two texts are compared as the provider does (https://github.com/tailscale/hujson); what is none, as it is."""
    try:
        return format(text)
    except HujsonError:
        return text


def format_value(root: Value) -> str:
    """The canonical text of a whole document given as a tree."""
    writer = _Writer(standard=_is_standard(root))
    writer.measure(root)
    before = _tidy(root.before, 0, _PLAIN).lstrip(_JSON_SPACE)
    body, _ = writer.render(root.node, 0)
    after = _tidy(root.after, 0, _PLAIN).rstrip(_GO_SPACE)
    return f"{before}{body}{after}\n"


def format_part(value: Value, depth: int) -> str:
    """The canonical text of a value inside of a document with comments, on a line that is indented by `depth` tabs."""
    writer = _Writer(standard=False)
    writer.measure(value)
    return writer.render(value.node, depth)[0]


def standardize(text: str) -> str:
    """The text as plain JSON: comments and trailing commas become spaces, lines and byte offsets stay the same.

    Raises HujsonError where the text is not HuJSON.
    """
    return pack(_standard(parse(text).root))


def _standard(value: Value) -> Value:
    node = value.node
    if isinstance(node, Object):
        members = tuple(Member(_standard(m.name), _standard(m.value)) for m in node.members)
        node = Object(members, " " * node.trailing_comma + _blank(node.after))
    elif isinstance(node, Array):
        node = Array(tuple(map(_standard, node.elements)), " " * node.trailing_comma + _blank(node.after))
    return Value(_blank(value.before), node, _blank(value.after), value.start)


def _blank(extra: str) -> str:
    return _NOT_SPACE.sub(lambda found: " " * byte_length(found.group()), extra)


def _has_comment(extra: str) -> bool:
    return "/" in extra


def _is_standard(value: Value) -> bool:
    if _has_comment(value.before) or _has_comment(value.after):
        return False
    if isinstance(value.node, Literal):
        return True
    return (
        not value.node.trailing_comma
        and not _has_comment(value.node.after)
        and all(_is_standard(inner) for inner in value.node.values())
    )


def _kept(after: str) -> str:
    """What stays of the extra after a value: only a comment is worth its place there."""
    return after if _has_comment(after) else ""


@lru_cache(maxsize=4096)
def _normal(raw: str) -> str:
    """A literal with the escapes that it needs and no others (RFC 8785, 3.2.2.2)."""
    literal = Literal(raw)
    return string_literal(str(literal.python())) if "\\" in raw and literal.is_string else raw


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lines:
    """How wide the first and the last line of a stretch of text are, in bytes."""

    first: int
    last: int
    several: bool


class _Ruler:
    """Adds stretches of text up to lines."""

    __slots__ = ("_finished", "_width")

    def __init__(self) -> None:
        self._width = 1  # the opening bracket
        self._finished: list[int] = []

    def add(self, lines: _Lines) -> None:
        self._width += lines.first
        if lines.several:
            self._finished.append(self._width)
            self._width = lines.last

    def space(self, width: int) -> None:
        self._width += width

    def widths(self) -> list[int]:
        return [*self._finished, self._width]


@lru_cache(maxsize=4096)
def _extra_lines(extra: str) -> _Lines:
    first, newline, rest = extra.partition("\n")
    if not newline:
        width = _comment_width(extra)
        return _Lines(first=width, last=width, several=False)
    return _Lines(first=_comment_width(first), last=_comment_width(rest.rpartition("\n")[2]), several=True)


def _comment_width(line: str) -> int:
    """About how wide the comments of one line are, with the spaces around them."""
    width = at = 0
    while found := _BLOCK.match(line, at):
        width += 1 + byte_length(found[1])
        at = found.end()
    if found := _LINE_OR_OPEN.match(line, at):
        return width + 1 + byte_length(line[found.start(1) :])
    return width + 1 if width else 0


# Compared by identity: there is one for each kind of place, and they are looked up for every value of a document.
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Tidying:
    """What to do with the whitespace and comments at one kind of place."""

    leading_newline: bool = False
    trailing_newline: bool = False
    no_leading_blank: bool = False
    no_trailing_blank: bool = False
    unindent: bool = False
    space_if_empty: bool = False


_PLAIN = _Tidying()
_INSIDE = _Tidying(no_leading_blank=True, no_trailing_blank=True)
_AFTER_COLON = _Tidying(no_leading_blank=True, no_trailing_blank=True, space_if_empty=True)
_BEFORE = {
    (expand, first): _Tidying(leading_newline=expand, no_leading_blank=first, space_if_empty=not first)
    for expand in (False, True)
    for first in (False, True)
}
_CLOSING = {
    (expand, empty): _Tidying(trailing_newline=expand, no_leading_blank=empty, no_trailing_blank=True, unindent=True)
    for expand in (False, True)
    for empty in (False, True)
}


@lru_cache(maxsize=16384)
def _tidy(extra: str, depth: int, tidying: _Tidying) -> str:
    """The whitespace and comments of one place, indented for `depth`."""
    extra = extra.replace("\r\n", "\n").replace("\n\r", "\n").replace("\r", " ")
    out = "\n" if tidying.leading_newline and "\n" not in extra else ""
    for found in _EXTRA_PART.finditer(extra):
        part = found.group()
        if not part.startswith("/"):
            out += "\n" * min(2, part.count("\n"))
            continue
        out += "\t" * depth if out.endswith("\n") else " "
        if part.startswith("//") or "\n" not in part:
            out += part.rstrip(_GO_SPACE)
        else:
            out += _block_comment(part, depth)
    if tidying.trailing_newline and not out.endswith("\n"):
        out += "\n"
    if tidying.no_leading_blank:
        out = _LEADING_BLANK.sub("\n", out)
    if tidying.no_trailing_blank:
        out = _TRAILING_BLANK.sub("\n", out)
    if out.endswith("\n"):
        out += "\t" * (depth - tidying.unindent)
    elif out:
        out += " "
    return out or (" " if tidying.space_if_empty else "")


def _block_comment(comment: str, depth: int) -> str:
    """A comment of several lines, shifted as a whole: what its lines have in common gives way to the indentation."""
    first, *lines = (line.rstrip(_GO_SPACE) for line in comment.split("\n"))
    common = next(line for line in lines if line)
    for index, line in enumerate(lines):
        if not line:
            continue
        if line.lstrip(_JSON_SPACE) == "*/":
            lines[index] = common[: _indent(common)] + "*/"
            break
        common = common[: _common_length(line, common)]
    indent = _indent(common)
    star = " " if all(lines) and common[indent:].startswith("*") else ""
    shifted = ("\t" * depth + star + line[indent:] if line else "" for line in lines)
    return "\n".join((first, *shifted)).rstrip("\n")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(_JSON_SPACE))


def _common_length(line: str, common: str) -> int:
    """Up to where `common` agrees with `line`; a line that ends earlier does not shorten it."""
    for index, (one, other) in enumerate(zip(line, common, strict=False)):
        if one != other:
            return index
    return len(common)


class _Writer:
    """Decides which objects and arrays are spread over lines, then writes."""

    def __init__(self, *, standard: bool) -> None:
        self._standard = standard
        self._spread: set[int] = set()

    def measure(self, value: Value) -> _Lines:
        """Notes which of the objects and arrays of `value` must be spread out; gives back how wide it becomes."""
        node = value.node
        if isinstance(node, Literal):
            width = byte_length(_normal(node.raw))
            return _Lines(first=width, last=width, several=False)
        ruler = _Ruler()
        spread = self._measure_object(node, ruler) if isinstance(node, Object) else self._measure_array(node, ruler)
        ruler.space(1)  # the closing bracket
        empty = not (node.members if isinstance(node, Object) else node.elements)
        spread = spread or "\n" in (_kept(node.after) if empty else node.after)
        widths = ruler.widths()
        if not spread and max(widths) <= WIDTH:
            return _Lines(first=widths[0], last=widths[-1], several=len(widths) > 1)
        self._spread.add(id(node))
        first = next((inner.before for inner in node.values()), node.after)
        return _Lines(first=1 + _extra_lines(first).first, last=1, several=True)

    def _measure_object(self, node: Object, ruler: _Ruler) -> bool:
        spread = False
        for member in node.members:
            spread = spread or "\n" in member.name.before
            ruler.add(_extra_lines(member.name.before))
            ruler.add(self.measure(member.name))
            ruler.add(_extra_lines(_kept(member.name.after)))
            ruler.space(2)
            ruler.add(_extra_lines(member.value.before))
            ruler.add(self.measure(member.value))
            ruler.add(_extra_lines(_kept(member.value.after)))
            ruler.space(2)
        return spread or (bool(node.members) and "\n" in _kept(node.members[-1].value.after))

    def _measure_array(self, node: Array, ruler: _Ruler) -> bool:
        spread = False
        for element in node.elements:
            spread = spread or "\n" in element.before
            ruler.add(_extra_lines(element.before))
            ruler.add(self.measure(element))
            ruler.add(_extra_lines(_kept(element.after)))
            ruler.space(2)
        return spread or (bool(node.elements) and "\n" in _kept(node.elements[-1].after))

    def render(self, node: Literal | Object | Array, depth: int) -> tuple[str, bool]:
        """The text of a node, and whether a line is broken between its brackets."""
        if isinstance(node, Literal):
            return _normal(node.raw), False
        if isinstance(node, Object):
            return self._render_object(node, depth)
        return self._render_array(node, depth)

    def _render_array(self, node: Array, depth: int) -> tuple[str, bool]:
        expand = id(node) in self._spread
        parts: list[str] = []
        broken = False
        after = ""
        for index, element in enumerate(node.elements):
            before = _tidy(element.before, depth + 1, _BEFORE[expand, index == 0])
            text, inner_broken = self.render(element.node, depth + expand)
            after = _tidy(_kept(element.after), depth + 2, _INSIDE)
            broken = broken or inner_broken or "\n" in before or "\n" in after
            parts.append(f"{before}{text}{after}")
        end = self._end(node.after, after, depth, expand=expand, empty=not parts)
        return f"[{','.join(parts)}{end}]", broken

    def _render_object(self, node: Object, depth: int) -> tuple[str, bool]:
        expand = id(node) in self._spread
        rows: list[_Row] = []
        for index, member in enumerate(node.members):
            before = _tidy(member.name.before, depth + 1, _BEFORE[expand, index == 0])
            name, _ = self.render(member.name.node, depth)
            name_after = _tidy(_kept(member.name.after), depth + 2, _INSIDE)
            value_before = _tidy(member.value.before, depth + 2, _AFTER_COLON)
            deeper = expand + ("\n" in name_after or "\n" in value_before)
            text, broken = self.render(member.value.node, depth + deeper)
            after = _tidy(_kept(member.value.after), depth + 2, _INSIDE)
            head = f"{name}{name_after}:{value_before}"
            rows.append(_Row(before=before, head=head, value=text, after=after, value_broken=broken))
        end = self._end(node.after, rows[-1].after if rows else "", depth, expand=expand, empty=not rows)
        return f"{{{','.join(_aligned(rows))}{end}}}", any(row.broken or "\n" in row.before for row in rows)

    def _end(self, extra: str, after: str, depth: int, *, expand: bool, empty: bool) -> str:
        """What stands before the closing bracket, the trailing comma included; `after` follows the last value."""
        end = _tidy(_kept(extra) if empty else extra, depth + 1, _CLOSING[expand, empty])
        wants_comma = not self._standard if expand else bool(after and end)
        return f",{end}" if wants_comma and not empty else end


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A member of an object, written but for the alignment of its value."""

    before: str
    head: str
    value: str
    after: str
    value_broken: bool

    @property
    def broken(self) -> bool:
        """Whether a line is broken between the name and the comma."""
        return self.value_broken or "\n" in self.head or "\n" in self.after


def _aligned(rows: list[_Row]) -> list[str]:
    """The members with the values of neighbouring one-line members in one column; a blank line parts neighbours."""
    out: list[str] = []
    block: list[_Row] = []

    def flush() -> None:
        widths = [byte_length(row.head) for row in block]
        widest = max(widths, default=0)
        for row, width in zip(block, widths, strict=True):
            out.append(f"{row.before}{row.head}{' ' * (widest - width)}{row.value}{row.after}")
        block.clear()

    for row in rows:
        if "\n" not in row.before or row.broken:
            flush()
            out.append(f"{row.before}{row.head}{row.value}{row.after}")
            continue
        if row.before.count("\n") > 1:
            flush()
        block.append(row)
    flush()
    return out
