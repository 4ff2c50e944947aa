"""YAML and JSON files of manifests as plain values that know where they stand.

Values are built from the parser's events, without recursion. Anchors and merge keys are followed, as Kubernetes' own reader
does, but an alias shares the value of its anchor, and what it would amount to written out is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, cast

import yaml

from tailstack.finding import Finding, Place
from tailstack.manifests.rules import DUPLICATE_KEY, SYNTAX, TOO_LARGE
from tailstack.manifests.values import ManifestList, ManifestMap, Mark, Value, plain_value
from tailstack.topology.wording import quoted

MAX_CHARACTERS = 32 * 1024 * 1024
"""Of one file. The operator with its custom resource definitions is half a million."""

MAX_DEPTH = 200
"""Of nested mappings and lists, aliases written out. Definitions that hold a pod's schema are at about 60."""

MAX_VALUES = 2_000_000
"""Of one document, aliases written out. The API server takes objects of 3 MB at most."""


class _EventParser(Protocol):
    """The part of a PyYAML loader that is used here; its stubs leave it untyped."""

    def get_event(self) -> yaml.Event: ...

    def dispose(self) -> None: ...


# The parser in C where PyYAML was built with it, as all its wheels are; the one in Python is ten times slower.
_PARSER = cast("Callable[[str], _EventParser]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))

_FOREIGN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)
"""What stands for bytes that are not UTF-8 where they were decoded with `surrogateescape`."""

_BYTE_ORDER_MARK = "\ufeff"
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_JSON_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:binary"})
_MERGE = "<<"

_MENDS = (
    ("mapping values are not allowed", "Two keys on one line, or a colon inside of an unquoted text: use quotes."),
    ("did not find expected key", "Bring the line to the indentation of those beside it, or quote the text before it."),
    ("did not find expected '-' indicator", "Bring the line to the same indentation as the items beside it."),
    ("cannot start any token", "A text must not begin with this character: put it in quotes; indent with spaces."),
    ("did not find expected ',' or", "Close the bracket, or put a comma between the items."),
    ("could not find expected ':'", "Write `key: value`, with a space after the colon."),
    ("unexpected end of stream", "Close the quote."),
    ("undefined alias", "Anchors hold within one document: write the value out."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """What was read of one file: the value of each document, empty ones left out, and what is wrong with the file."""

    roots: tuple[Value, ...]
    places: tuple[Mark, ...]
    findings: tuple[Finding, ...]


def read_documents(file: str, text: str) -> Documents:
    """Read one file; what stands before a mistake is kept. `file` is its path as it stands in messages. Never raises."""
    reader = _Reader(file)
    reader.read(text)
    return Documents(roots=tuple(reader.roots), places=tuple(reader.places), findings=tuple(reader.findings))


class _StopReadingError(Exception):
    """The rest of the file is not read; a finding says why."""


@dataclass(slots=True)
class _Measured:
    """A value with what it amounts to when it is written out."""

    value: Value
    size: int = 1
    depth: int = 0


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read."""

    node: ManifestMap | ManifestList
    anchor: str | None
    size: int = 1
    depth: int = 1
    key: str = ""
    key_at: Mark = (1, 1)
    key_is_merge: bool = False
    takes_value: bool = False
    merged: list[Value] = field(default_factory=list[Value])


class _Reader:
    """Builds the values of one file from the parser's events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.roots: list[Value] = []
        self.places: list[Mark] = []
        self.findings: list[Finding] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Measured] = {}

    def read(self, text: str) -> None:
        with suppress(_StopReadingError):
            self._read_events(self._checked(text))

    def _stop(self, finding: Finding) -> NoReturn:
        self.findings.append(finding)
        raise _StopReadingError

    def _place(self, at: Mark) -> Place:
        return Place(self.file, *at)

    def _checked(self, text: str) -> str:
        if len(text) > MAX_CHARACTERS:
            message = f"The file has more than {MAX_CHARACTERS:,} characters."
            self._stop(TOO_LARGE.at(self._place((1, 1)), message=message))
        text = text.removeprefix(_BYTE_ORDER_MARK)
        foreign = _FOREIGN.search(text)
        if foreign:
            lines = _LINE_BREAK.split(text[: foreign.start()])
            code = ord(foreign.group())
            message = f"The character U+{code:04X} is not allowed in YAML."
            if code in _ESCAPED_BYTES:
                message = f"The byte 0x{code & 0xFF:02X} is not UTF-8 here."
            place = self._place((len(lines), len(lines[-1]) + 1))
            self._stop(SYNTAX.at(place, message=message, mend="Take it out, and save the file as UTF-8."))
        # JSON writes characters beyond U+FFFF as two escapes, which YAML does not know.
        return _JSON_ESCAPE.sub(_joined, text) if self.file.endswith(".json") else text

    def _read_events(self, text: str) -> None:
        parser = _PARSER(text)
        handlers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        try:
            while (event := parser.get_event()).__class__ is not yaml.StreamEndEvent:
                handler = handlers.get(event.__class__)
                if handler is not None:
                    handler(event)
        except yaml.YAMLError as error:
            self._syntax_error(error, _LINE_BREAK.split(text.rstrip("\r\n")))
        finally:
            parser.dispose()

    def _syntax_error(self, error: yaml.YAMLError, lines: list[str]) -> None:
        # Only a YAMLError about a character has no mark, and `_checked` has refused those.
        problem = str(getattr(error, "problem", None) or "it cannot be read")
        mark: yaml.Mark | None = getattr(error, "problem_mark", None)
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if at[0] > len(lines):
            # The parser counts on behind the last line when a text ends too early, where no editor could go.
            at = (len(lines), len(lines[-1]) + 1)
        mend = next((mend for sign, mend in _MENDS if sign in problem), "")
        self.findings.append(
            SYNTAX.at(self._place(at), message=f"The file is not valid YAML here: {problem}.", mend=mend)
        )

    # Events

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        del event
        self.anchors = {}

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        at = (event.start_mark.line + 1, event.start_mark.column + 1)
        text: str = event.value
        is_plain = not event.style and (event.tag is None or event.tag not in _TEXT_TAGS)
        top = self.stack[-1] if self.stack else None
        if top is not None and not top.takes_value and type(top.node) is ManifestMap:
            self._take_key(top, text, at, is_merge=is_plain and text == _MERGE)
            if event.anchor is not None:
                self.anchors[event.anchor] = _Measured(text)
            return
        value = plain_value(text) if is_plain else text
        if event.anchor is not None:
            self.anchors[event.anchor] = _Measured(value)
        self._put(value, at, 1, 0)

    def _take_key(self, top: _Open, text: str, at: Mark, *, is_merge: bool = False) -> None:
        top.key, top.key_at, top.key_is_merge, top.takes_value = text, at, is_merge, True

    def _put(self, value: Value, at: Mark, size: int, depth: int) -> None:
        """Add a value to what is being filled; one that is in nothing is a document."""
        if not self.stack:
            if value is not None:
                self.roots.append(value)
                self.places.append(at)
            return
        top = self.stack[-1]
        top.size += size
        top.depth = max(top.depth, depth + 1)
        if top.size > MAX_VALUES:
            message = f"A document holds more than {MAX_VALUES:,} values, with its aliases written out."
            self._stop(TOO_LARGE.at(self._place(at), message=message))
        node = top.node
        if type(node) is ManifestList:
            node.add(value, at)
            return
        key, top.takes_value = top.key, False
        if top.key_is_merge:
            top.merged.append(value)
            return
        if key in node:
            self.findings.append(
                DUPLICATE_KEY.at(
                    self._place(top.key_at),
                    self._place(node.marks[key][0]),
                    message=f"The key {quoted(key)} stands here twice.",
                )
            )
        node.put(key, value, top.key_at, at)

    def _mapping(self, event: yaml.MappingStartEvent) -> None:
        self._begin(ManifestMap(_mark(event)), event)

    def _sequence(self, event: yaml.SequenceStartEvent) -> None:
        self._begin(ManifestList(_mark(event)), event)

    def _begin(self, node: ManifestMap | ManifestList, event: yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            # An alias inside of what it names finds no anchor: such a value has no end.
            self.anchors.pop(event.anchor, None)
        if len(self.stack) >= MAX_DEPTH:
            self._too_deep(node.at)
        if self._wants_key():
            self._refuse_key(node.at)
        self.stack.append(_Open(node, event.anchor))

    def _wants_key(self) -> bool:
        return bool(self.stack) and not self.stack[-1].takes_value and type(self.stack[-1].node) is ManifestMap

    def _refuse_key(self, at: Mark) -> NoReturn:
        message = "A mapping or a list cannot be a key."
        mend = "Put it in quotes. A template such as {{ .Values.name }} must be rendered first: see docs/manifests.md."
        self._stop(SYNTAX.at(self._place(at), message=message, mend=mend))

    def _too_deep(self, at: Mark) -> NoReturn:
        message = f"Mappings and lists are nested deeper than {MAX_DEPTH}."
        self._stop(TOO_LARGE.at(self._place(at), message=message))

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        del event
        done = self.stack.pop()
        node = done.node
        if type(node) is ManifestMap:
            _merge(node, done.merged)
        if done.anchor is not None:
            self.anchors[done.anchor] = _Measured(node, done.size, done.depth)
        self._put(node, node.at, done.size, done.depth)

    def _alias(self, event: yaml.AliasEvent) -> None:
        at = _mark(event)
        named = self.anchors.get(event.anchor)
        if named is None:
            message = f"The alias {quoted('*' + event.anchor)} names nothing that stands whole before it."
            self._stop(SYNTAX.at(self._place(at), message=message, mend="Write the value out."))
        if self._wants_key():
            if isinstance(named.value, ManifestMap | ManifestList):
                self._refuse_key(at)
            self._take_key(self.stack[-1], str(named.value), at)
            return
        if len(self.stack) + named.depth > MAX_DEPTH:
            self._too_deep(at)
        self._put(named.value, at, named.size, named.depth)


def _mark(event: yaml.Event) -> Mark:
    return (event.start_mark.line + 1, event.start_mark.column + 1)


def _joined(match: re.Match[str]) -> str:
    high, low = match.groups()
    if not high:
        return match.group()
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


def _merge(node: ManifestMap, merged: list[Value]) -> None:
    """What `<<` brings in, at its own places; what is written in the mapping itself goes before it."""
    for value in merged:
        for source in value if type(value) is ManifestList else [value]:
            for key, item in _items(source):
                if key not in node:
                    node.put(key, item, *cast("ManifestMap", source).marks[key])


def _items(source: Value) -> Iterator[tuple[str, Value]]:
    if type(source) is ManifestMap:
        yield from source.items()
