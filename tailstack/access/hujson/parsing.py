"""Reads HuJSON text into a syntax tree, with the messages of github.com/tailscale/hujson (parse.go)."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, partial

from tailstack.access.hujson.tree import Array, HujsonError, Literal, Member, Object, Value

# The Go module has no limit of its own; a policy file is at most a dozen levels deep.
DEEPEST = 100

_SPACE = re.compile(r"[ \t\r\n]*+")
_EXTRA = re.compile(r"(?:[ \t\r\n]++|//[^\n]*+\n|/\*(?s:.*?)\*/)*+")
_COMMENT = re.compile(r"//[^\n]*+\n|/\*(?s:.*?)\*/")
_STRING = re.compile(r'"(?s:[^"\\]|\\.)*+"')
# Most strings are plain, and this tells it several times faster than the two patterns below.
_PLAIN_STRING = re.compile(r'"[^"\\\x00-\x1f]*+"')
# More than half of all values: a plain string without a comment on either side, in one step.
_BARE_STRING = re.compile(r'([ \t\r\n]*+)("[^"\\\x00-\x1f]*+")([ \t\r\n]*+)(?=[,:\]}])')
_VALID_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+"')
_WORD = re.compile(r"[-+.a-zA-Z0-9]*+")
_VALID_WORD = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LINE_SEPARATOR = re.compile("[\u2028\u2029]")
_NEWLINE = re.compile("\n")


def parse(text: str) -> Document:
    """The syntax tree of a HuJSON text. Raises HujsonError where the text is none.

    A text that came as bytes is decoded by the caller; bytes that are no UTF-8 may be passed as surrogate escapes
    (`decode("utf-8", "surrogateescape")`): inside of strings they are let through, as the Go module does.
    """
    if not text.isascii():
        try:
            text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise HujsonError("invalid UTF-8", text=text[: error.start], offset=error.start) from None
    document = Document(text)
    _ = document.root
    return document


@dataclass(frozen=True)
class Document:
    """A HuJSON text with its tree, which is made when it is first asked for: one who knows what a text says need not wait.

    `parse` asks at once, so that a text that is no HuJSON is found there.
    """

    text: str

    @cached_property
    def root(self) -> Value:
        """The root value."""
        value, end = _Reader(self.text).value(0, 0)
        if end < len(self.text):
            raise _invalid_character(self.text, end, "after top-level value")
        return value

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Where each line starts, in characters."""
        return (0, *(found.end() for found in _NEWLINE.finditer(self.text)))

    def position(self, value: Value) -> tuple[int, int]:
        """Line and column of a value of this document, both from 1, the column in characters."""
        line = bisect_right(self.line_starts, value.start)
        return line, value.start - self.line_starts[line - 1] + 1


class _Reader:
    """Reads one text; every method takes an offset and gives back the offset after what it read."""

    __slots__ = ("_fail", "_literals", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._literals: dict[str, Literal] = {}
        self._fail = partial(HujsonError, text=text)

    def value(self, at: int, depth: int) -> tuple[Value, int]:
        found = _BARE_STRING.match(self._text, at)
        if found:
            before, raw, after = found.groups()
            literal = self._literals.get(raw)
            if literal is None:
                literal = self._literals[raw] = Literal(raw)
            return Value(before, literal, after, at + len(before)), found.end()
        start = self._extra(at)
        node, end = self._node(start, depth)
        after = self._extra(end)
        return Value(self._text[at:start], node, self._text[end:after], start), after

    def _extra(self, at: int) -> int:
        text = self._text
        found = _SPACE.match(text, at)
        end = found.end() if found else at
        return self._comments(at) if text[end : end + 1] == "/" else end

    def _comments(self, at: int) -> int:
        text = self._text
        found = _EXTRA.match(text, at)
        end = found.end() if found else at
        if not text[at:end].isascii():
            self._check_comments(at, end)
        if text.startswith("//", end):
            separator = _LINE_SEPARATOR.search(text, end)
            if separator:
                raise _invalid_character(text, separator.start(), "in line comment")
            raise self._fail("parsing comment: unexpected EOF", offset=end)
        if text.startswith("/*", end):
            raise self._fail("parsing comment: unexpected EOF", offset=end)
        return end

    def _check_comments(self, at: int, end: int) -> None:
        for found in _COMMENT.finditer(self._text, at, end):
            comment = found.group()
            if any("\udc80" <= character <= "\udcff" for character in comment):
                raise self._fail("invalid UTF-8 in comment", offset=found.start())
            separator = _LINE_SEPARATOR.search(comment)
            if separator and comment.startswith("//"):
                raise _invalid_character(self._text, found.start() + separator.start(), "in line comment")

    def _node(self, at: int, depth: int) -> tuple[Literal | Object | Array, int]:
        if at == len(self._text):
            raise self._fail("parsing value: unexpected EOF", offset=at)
        match self._text[at]:
            case "{":
                return self._object(at + 1, self._deeper(at, depth))
            case "[":
                return self._array(at + 1, self._deeper(at, depth))
            case '"':
                return self._string(at)
            case _:
                return self._word(at)

    def _deeper(self, at: int, depth: int) -> int:
        if depth == DEEPEST:
            raise self._fail(f"nested deeper than {DEEPEST} levels", offset=at)
        return depth + 1

    def _object(self, at: int, depth: int) -> tuple[Object, int]:
        text = self._text
        members: list[Member] = []
        while True:
            inside = self._extra(at)
            if text.startswith("}", inside):
                return Object(tuple(members), text[at:inside], trailing_comma=bool(members)), inside + 1
            name, at = self.value(at, depth)
            if name.kind != "string":
                raise _invalid_character(text, name.start, "at start of object name")
            if at == len(text):
                raise self._fail("parsing object after name: unexpected EOF", offset=at)
            if text[at] != ":":
                raise _invalid_character(text, at, "after object name")
            value, at = self.value(at + 1, depth)
            if at == len(text):
                raise self._fail("parsing object after value: unexpected EOF", offset=at)
            if text[at] == "}":
                members.append(Member(name, Value(value.before, value.node, "", value.start)))
                return Object(tuple(members), value.after), at + 1
            if text[at] != ",":
                raise _invalid_character(text, at, "after object value (expecting ',' or '}')")
            members.append(Member(name, value))
            at += 1

    def _array(self, at: int, depth: int) -> tuple[Array, int]:
        text = self._text
        elements: list[Value] = []
        while True:
            inside = self._extra(at)
            if text.startswith("]", inside):
                return Array(tuple(elements), text[at:inside], trailing_comma=bool(elements)), inside + 1
            value, at = self.value(at, depth)
            if at == len(text):
                raise self._fail("parsing array after value: unexpected EOF", offset=at)
            if text[at] == "]":
                elements.append(Value(value.before, value.node, "", value.start))
                return Array(tuple(elements), value.after), at + 1
            if text[at] != ",":
                raise _invalid_character(text, at, "after array value (expecting ',' or ']')")
            elements.append(value)
            at += 1

    def _string(self, at: int) -> tuple[Literal, int]:
        plain = _PLAIN_STRING.match(self._text, at)
        if plain:
            return Literal(plain.group()), plain.end()
        found = _STRING.match(self._text, at)
        if not found:
            raise self._fail("parsing string: unexpected EOF", offset=len(self._text))
        if not _VALID_STRING.fullmatch(found.group()):
            raise self._fail(f"invalid literal: {found.group()}", offset=at)
        return Literal(found.group()), found.end()

    def _word(self, at: int) -> tuple[Literal, int]:
        found = _WORD.match(self._text, at)
        word = found.group() if found else ""
        if not word:
            raise _invalid_character(self._text, at, "at start of value")
        if not _VALID_WORD.fullmatch(word):
            raise self._fail(f"invalid literal: {word}", offset=at)
        return Literal(word), at + len(word)


def _invalid_character(text: str, at: int, where: str) -> HujsonError:
    character = text[at]
    if "\udc80" <= character <= "\udcff":
        what = f"\\x{ord(character) - 0xDC00:02x}"
    elif character in "'\\":
        what = f"\\{character}"
    elif character.isprintable():
        what = character
    elif character <= "\uffff":
        what = f"\\u{ord(character):04x}"
    else:
        what = f"\\U{ord(character):08x}"
    return HujsonError(f"invalid character '{what}' {where}", text=text, offset=at)
