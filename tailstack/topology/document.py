"""One YAML file as plain values that know where they stand.

Values are built from the parser's events, without recursion, so that neither aliases nor deep nesting can hurt. Only what
every YAML program reads in the same way is accepted; everything else is a finding, and reading goes on after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NoReturn, Protocol, cast

import yaml

from tailstack.finding import Finding, Place, Rule
from tailstack.topology.placed import Mark, PlacedList, PlacedMap, Value
from tailstack.topology.scalars import (
    AMBIGUOUS_NUMBER,
    AMBIGUOUS_WORD,
    NO_VALUE,
    SHARED_VALUE,
    UNQUOTED_TIME,
    Scalar,
    Trap,
    is_suspect,
    plain_scalar,
)
from tailstack.topology.wording import quoted

YAML_SYNTAX = Rule(
    code="TS001",
    slug="yaml-syntax",
    what="A file is not valid YAML.",
    why="Nothing after the mistake can be read.",
    mend="Look at the place and the lines just above it: indentation, a missing quote or bracket, or a colon in a text.",
    source="https://yaml.org/spec/1.2.2/",
    bad="groups: {group:ops: [ana@example.com\n",
    good="groups: {group:ops: [ana@example.com]}\n",
)
NOT_PLAIN_TEXT = Rule(
    code="TS002",
    slug="not-plain-text",
    what="A file is not UTF-8 text without a byte order mark and without control characters.",
    why="Programs disagree about such bytes, and a reviewer does not see them.",
    mend="Save the file as UTF-8 without a byte order mark, and take the character out.",
    source="https://yaml.org/spec/1.2.2/#51-character-set",
)
TAB_INDENTATION = Rule(
    code="TS003",
    slug="tab-indentation",
    what="A line is indented with a tab.",
    why="YAML forbids it, because a tab has no agreed width.",
    mend="Indent with spaces.",
    source="https://yaml.org/spec/1.2.2/#61-indentation-spaces",
    bad=("groups:\n\tgroup:ops: [ana@example.com]\n"),
    good=("groups:\n  group:ops: [ana@example.com]\n"),
)
NO_SECTIONS = Rule(
    code="TS004",
    slug="no-sections",
    what="A file is empty, or holds something other than sections.",
    why="A file without a declaration is a mistake, or is waiting for one.",
    mend="Write a section such as `clusters:` at the start of a line, or delete the file.",
    bad="- groups\n",
    good="groups: {group:ops: []}\n",
)
SEVERAL_DOCUMENTS = Rule(
    code="TS005",
    slug="several-documents",
    what="A file holds several YAML documents, or a directive such as %YAML.",
    why="Only one document of a file is read by many programs; the rest would be silently absent.",
    mend="Keep one document in each file: move the others to files of their own, and take directives out.",
    source="https://yaml.org/spec/1.2.2/#92-streams",
    bad=("groups: {group:ops: []}\n---\nmachines: {ci: {tags: [tag:ci]}}\n"),
    good=("groups: {group:ops: []}\nmachines: {ci: {tags: [tag:ci]}}\n"),
)
DUPLICATE_KEY = Rule(
    code="TS006",
    slug="duplicate-key",
    what="A mapping has the same key twice.",
    why="Most programs silently keep the last one only.",
    mend="Keep one of the two, or give one of them another name.",
    source="https://yaml.org/spec/1.2.2/#3213-node-comparison",
    bad=("groups:\n  group:ops: []\n  group:ops: [ana@example.com]\n"),
    good=("groups:\n  group:ops: [ana@example.com]\n  group:dev: []\n"),
)
KEY_NOT_TEXT = Rule(
    code="TS007",
    slug="key-not-text",
    what="A key is not a text.",
    why="Every key of the language is a text, and JSON has no other keys.",
    mend="Put the key in quotes.",
    bad=("clusters:\n  1:\n    kubernetes: {context: blue}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n"),
)
YAML_TAG = Rule(
    code="TS013",
    slug="yaml-tag",
    what="A YAML tag such as !!str or !include.",
    why="What a tag means depends on the program that reads it.",
    mend="Take the tag out. Put a text in quotes if it begins with an exclamation mark.",
    source="https://yaml.org/spec/1.2.2/#691-node-tags",
    bad=("groups:\n  group:ops: !!seq [ana@example.com]\n"),
    good=("groups:\n  group:ops: [ana@example.com]\n"),
)
TOO_LARGE = Rule(
    code="TS014",
    slug="too-large",
    what="A file is larger or nested deeper than any declaration needs.",
    why="It is not a declaration, and reading it would take time and memory.",
    mend="Check that it is the right file; a large environment belongs in several files.",
)

RULES = (
    YAML_SYNTAX,
    NOT_PLAIN_TEXT,
    TAB_INDENTATION,
    NO_SECTIONS,
    SEVERAL_DOCUMENTS,
    DUPLICATE_KEY,
    KEY_NOT_TEXT,
    AMBIGUOUS_WORD,
    AMBIGUOUS_NUMBER,
    UNQUOTED_TIME,
    NO_VALUE,
    SHARED_VALUE,
    YAML_TAG,
    TOO_LARGE,
)

MAX_CHARACTERS = 8 * 1024 * 1024
"""Of one file. A cluster with 100 exposures needs about 16,000."""

MAX_DEPTH = 32
"""Of nested mappings and lists. The deepest declaration is at 8."""


class _EventParser(Protocol):
    """The part of a PyYAML loader that is used here; its stubs leave it untyped."""

    def get_event(self) -> yaml.Event: ...

    def dispose(self) -> None: ...


# The parser in C where PyYAML was built with it, as all its wheels are; the one in Python is ten times slower.
PARSER = cast("Callable[[str], _EventParser]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What was read of one file. `root` is None where nothing can be said about it.

    `doubtful` are places of keys and values that a finding was made about already, so that no second one is made. What is
    missing from `root`: `doubled` are mappings and lists of keys that stand there already, each with the mapping above and
    the key; `thrown` are those without a key; `unread` is text that was not taken apart.
    """

    file: str
    root: PlacedMap | None
    findings: tuple[Finding, ...]
    doubtful: frozenset[Mark]
    doubled: tuple[tuple[PlacedMap, str, Value], ...]
    thrown: tuple[Value, ...]
    unread: str


def read_document(file: str, text: str) -> Document:
    """Read the text of one file. `file` is its path relative to the project, as it will stand in messages. Never raises."""
    reader = _Reader(file, text)
    reader.read()
    return Document(
        file=file,
        root=reader.root,
        findings=tuple(reader.findings),
        doubtful=frozenset(reader.doubtful),
        doubled=tuple(reader.doubled),
        thrown=tuple(reader.thrown),
        unread=reader.unread,
    )


def mark_after(file: str, text: str) -> Mark:
    """The place of the character that follows this beginning of a file."""
    lines = _LINE_BREAK.split(text)
    return (file, len(lines), len(lines[-1]) + 1)


# All but: what libyaml reads, without the line breaks that editors do not know and byte order marks inside of a text.
_FOREIGN_CHARACTER = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BYTE_ORDER_MARK = "\ufeff"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_TAB_IN_INDENTATION = re.compile(r" *\t")

_SYNTAX_MENDS = (
    ("mapping values are not allowed", "Two keys on one line, or a colon inside of an unquoted text: use quotes."),
    ("cannot start any token", "A text must not begin with this character: put it in quotes."),
    (
        "expected <document start>",
        "Everything in a file is one mapping: bring the line to the indentation of the others.",
    ),
    ("expected <block end>", "Bring the line to the same indentation as those beside it."),
    ("expected key", "Bring the line to the same indentation as the keys beside it."),
    ("expected '-' indicator", "Bring the line to the same indentation as the items beside it."),
    ("expected ',' or", "Close the bracket, or put a comma between the items."),
    ("could not find expected ':'", "Write `key: value`, with a space after the colon."),
    ("unexpected end of stream", "Close the quote."),
    ("escape", "In double quotes a backslash begins an escape: use single quotes, or write two backslashes."),
)


class _StopReadingError(Exception):
    """The rest of the file is not read; a finding says why."""


class _Thrown(Enum):
    """Stands in place of a key whose value is read and thrown away."""

    AWAY = 0


@dataclass(frozen=True, slots=True)
class _Again:
    """Stands in place of a key that the mapping has already."""

    key: str


class _Reader:
    """Builds the values of one file from the parser's events."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.root: PlacedMap | None = None
        self.findings: list[Finding] = []
        self.doubtful: set[Mark] = set()
        self.doubled: list[tuple[PlacedMap, str, Value]] = []
        self.thrown: list[Value] = []
        self.unread = ""
        self.documents = 0
        # The mapping or list being filled, and the key whose value comes next; None where a key comes next.
        self.top: PlacedMap | PlacedList | None = None
        self.key: str | _Again | _Thrown | None = None
        self.key_at: Mark = (file, 1, 1)
        # What was being filled outside of `top`, and the key to go on with there.
        self.stack: list[tuple[PlacedMap | PlacedList | None, _Thrown | None]] = []
        self.shared: dict[str, list[Mark]] = {}

    def read(self) -> None:
        with suppress(_StopReadingError):
            self._check_text()
            self._read_events()
        for name, marks in self.shared.items():
            self._say(SHARED_VALUE, *marks, message=f"The anchor {quoted(name)} shares a value between places.")

    def _say(self, rule: Rule, *marks: Mark, message: str, mend: str = "") -> None:
        places = [Place(*self._inside(mark)) for mark in marks]
        self.findings.append(rule.at(*places, message=message, mend=mend))

    def _stop(self, rule: Rule, *marks: Mark, message: str, mend: str = "") -> NoReturn:
        self._say(rule, *marks, message=message, mend=mend)
        self.root, self.unread = None, self.text
        raise _StopReadingError

    # The text as a whole

    def _check_text(self) -> None:
        start = (self.file, 1, 1)
        if len(self.text) > MAX_CHARACTERS:
            self._stop(TOO_LARGE, start, message=f"The file has more than {MAX_CHARACTERS:,} characters.")
        if self.text.startswith(_BYTE_ORDER_MARK):
            self.text = self.text[1:]
            self._say(NOT_PLAIN_TEXT, start, message="The file begins with a byte order mark.")
        foreign = _FOREIGN_CHARACTER.search(self.text)
        if foreign:
            message = f"The character U+{ord(foreign.group()):04X} is not allowed in YAML, or misleads a reader."
            self._stop(NOT_PLAIN_TEXT, mark_after(self.file, self.text[: foreign.start()]), message=message)

    def _read_events(self) -> None:
        parser = PARSER(self.text)
        handlers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
            yaml.DocumentEndEvent: self._pass_over,
            yaml.StreamStartEvent: self._pass_over,
        }
        try:
            while (event := parser.get_event()).__class__ is not yaml.StreamEndEvent:
                handlers[event.__class__](event)
        except yaml.YAMLError as error:
            self._syntax_error(error)
        finally:
            parser.dispose()
        if not self.root and not self.findings and not self.shared:
            self._stop(NO_SECTIONS, (self.file, 1, 1), message="The file declares nothing.")

    def _syntax_error(self, error: yaml.YAMLError) -> NoReturn:
        # A YAMLError without marks tells of a character that cannot be read, and `_check_text` has refused those.
        problem = str(getattr(error, "problem", None) or "it cannot be read")
        mark = self._inside(self._mark_of(getattr(error, "problem_mark", None)))
        beginning = self._mark_of(getattr(error, "context_mark", None))
        line = self.lines[mark[1] - 1]
        if "tab character" in problem or _TAB_IN_INDENTATION.match(line):
            tab = (self.file, mark[1], max(line.find("\t"), 0) + 1)
            self._stop(TAB_INDENTATION, tab, message="The line is indented with a tab.")
        mend = next((mend for sign, mend in _SYNTAX_MENDS if sign in problem), "")
        marks = (mark, beginning) if (self.file, 1, 1) < beginning < mark else (mark,)
        self._stop(YAML_SYNTAX, *marks, message=f"The file is not valid YAML here: {problem}.", mend=mend)

    def _mark_of(self, mark: yaml.Mark | None) -> Mark:
        return (self.file, mark.line + 1, mark.column + 1) if mark else (self.file, 1, 1)

    def _inside(self, mark: Mark) -> Mark:
        """The parser counts on behind the last line when a text ends too early, where no editor could go."""
        file, line, column = mark
        if line > len(self.lines):
            return (file, len(self.lines), len(self.lines[-1]) + 1)
        return (file, line, min(column, len(self.lines[line - 1]) + 1))

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without empty ones at the end. Only looked at when there is something to say."""
        return _LINE_BREAK.split(self.text.rstrip("\r\n"))

    # Events

    def _pass_over(self, event: yaml.Event) -> None:
        """The beginning of a stream and the end of a document say nothing."""

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        at = self._mark(event)
        self.documents += 1
        if self.documents > 1:
            self._say(SEVERAL_DOCUMENTS, at, message="A second YAML document begins here.")
            self.unread = self.text[event.start_mark.index :]
            raise _StopReadingError
        if event.version or event.tags:
            self._say(SEVERAL_DOCUMENTS, at, message="A YAML directive stands here.")

    def _mark(self, event: yaml.Event) -> Mark:
        return (self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        mark = event.start_mark
        at = (self.file, mark.line + 1, mark.column + 1)
        text: str = event.value
        top = self.top
        if event.anchor is not None or event.tag is not None:
            self._refuse_decoration(event, at)
        if not event.style and is_suspect(text) and event.tag is None:
            self._suspect_scalar(top, plain_scalar(text), at)
        elif type(top) is PlacedMap:
            # Nearly all scalars come here: what `_take_key` and `_put` do for them is written out.
            key = self.key
            if key is None and text not in top:
                self.key, self.key_at = text, at
            elif key is None:
                self._take_key(top, text, at)
            else:
                if type(key) is str:
                    top[key] = text
                    top.marks[key] = (self.key_at, at)
                self.key = None
        else:
            self._suspect_scalar(top, text, at)

    def _suspect_scalar(self, top: PlacedMap | PlacedList | None, value: Scalar, at: Mark) -> None:
        if top is None:
            is_empty = isinstance(value, Trap) and value.rule is NO_VALUE
            message = "The file declares nothing." if is_empty else "The file is one value."
            self._stop(NO_SECTIONS, (self.file, 1, 1) if is_empty else at, message=message)
        elif self.key is None and isinstance(top, PlacedMap):
            self._take_key(top, value, at)
        elif isinstance(value, Trap):
            self.doubtful.add(at)
            self._say(value.rule, at, message=value.message, mend=value.mend)
            self._put(top, value.value, at)
        else:
            self._put(top, value, at)

    def _take_key(self, top: PlacedMap, value: Scalar, at: Mark) -> None:
        """Begin a key. One that is no plain text is taken as it is written, so that what is below it is read too."""
        if isinstance(value, str):
            text = value
            if text in top:
                self._say(DUPLICATE_KEY, at, top.marks[text][0], message=f"The key {quoted(text)} stands here twice.")
        else:
            text = value.value if isinstance(value, Trap) else str(value).lower()
            self.doubtful.add(at)
            if isinstance(value, Trap) and value.rule is not NO_VALUE:
                self._say(value.rule, at, message=value.message, mend=value.mend)
            else:
                self._say(KEY_NOT_TEXT, at, message="This key is not a text.")
        self.key, self.key_at = _Again(text) if text in top else text or _Thrown.AWAY, at

    def _put(self, top: PlacedMap | PlacedList, value: Value, at: Mark) -> None:
        """Add a value to what is being filled, at the key that came before it."""
        if isinstance(top, PlacedList):
            top.add(value, at)
            return
        if isinstance(self.key, str):
            top.put(self.key, value, self.key_at, at)
        elif isinstance(value, PlacedMap | PlacedList):
            if isinstance(self.key, _Again):
                self.doubled.append((top, self.key.key, value))
            else:
                self.thrown.append(value)
        self.key = None

    def _mapping(self, event: yaml.MappingStartEvent) -> None:
        self._begin(PlacedMap(self._mark(event)), event)

    def _sequence(self, event: yaml.SequenceStartEvent) -> None:
        self._begin(PlacedList(self._mark(event)), event)

    def _begin(self, node: PlacedMap | PlacedList, event: yaml.CollectionStartEvent) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_decoration(event, node.at)
        if len(self.stack) >= MAX_DEPTH:
            self._stop(TOO_LARGE, node.at, message=f"Mappings and lists are nested deeper than {MAX_DEPTH}.")
        top, go_on_with = self.top, None
        if top is None:
            if isinstance(node, PlacedList):
                self._stop(NO_SECTIONS, node.at, message="The file is a list.")
            self.root = node
        elif self.key is None and isinstance(top, PlacedMap):
            self._say(KEY_NOT_TEXT, node.at, message="A mapping or a list cannot be a key.")
            go_on_with = _Thrown.AWAY
        else:
            self._put(top, node, node.at)
        self.stack.append((top, go_on_with))
        self.top, self.key = node, None

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        del event
        self.top, self.key = self.stack.pop()

    def _alias(self, event: yaml.AliasEvent) -> None:
        at, top = self._mark(event), self.top
        self.shared.setdefault(event.anchor, []).append(at)
        if self.key is None and isinstance(top, PlacedMap):
            self.key = _Thrown.AWAY
        elif top is None:
            self._stop(NO_SECTIONS, at, message="The file declares nothing.")
        else:
            self.doubtful.add(at)
            self._put(top, "", at)

    def _refuse_decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, at: Mark) -> None:
        if event.anchor is not None:
            self.shared.setdefault(event.anchor, []).append(at)
        if event.tag is not None:
            self.doubtful.add(at)
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._say(YAML_TAG, at, message=f"The tag {quoted(tag)} stands before this value.")
