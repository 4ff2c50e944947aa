"""What an unquoted YAML scalar means: YAML 1.2's core meaning, and only where YAML 1.1 agrees with it.

PyYAML, Helm, Ansible and many editors read YAML 1.1, in which `on` is true, `012` is ten, `1:20` is eighty and
`2026-01-05` is a date. A file that two programs read differently is refused with the place, and quotes cure it.
Sources: https://yaml.org/spec/1.2.2/#103-core-schema and https://yaml.org/type/ (the types of YAML 1.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from tailstack.finding import Rule
from tailstack.topology.wording import quoted

AMBIGUOUS_WORD = Rule(
    code="TS008",
    slug="ambiguous-word",
    what="An unquoted yes, no, on, off, y or n, which is true or false in YAML 1.1 and a text in YAML 1.2.",
    why="Two programs would read the same file differently.",
    mend="Write true or false where a switch is meant, and put a text in quotes.",
    source="https://yaml.org/type/bool.html",
    bad="tailnet: {dnsName: tail1a2b.ts.net, magicDNS: yes}\n",
    good="tailnet: {dnsName: tail1a2b.ts.net, magicDNS: true}\n",
)
AMBIGUOUS_NUMBER = Rule(
    code="TS009",
    slug="ambiguous-number",
    what="An unquoted number that is no plain decimal whole number: 012, 0x1f, 1_000, 1:20, 1.100, 1e3.",
    why="YAML 1.1 and 1.2 read it as different numbers, and a version such as 1.100 would lose its last zero.",
    mend="Put a text or a version in quotes, and write a whole number in decimal digits only.",
    source="https://yaml.org/type/int.html, https://yaml.org/type/float.html",
    bad=("tailnet: {dnsName: tail1a2b.ts.net}\ndefaults: {operator: {chart: {version: 1.100}}}\n"),
    good=('tailnet: {dnsName: tail1a2b.ts.net}\ndefaults: {operator: {chart: {version: "1.100.0"}}}\n'),
)
UNQUOTED_TIME = Rule(
    code="TS010",
    slug="unquoted-time",
    what="An unquoted date or time, which is a timestamp in YAML 1.1 and a text in YAML 1.2.",
    why="Two programs would read the same file differently, and a time zone may be lost.",
    mend="Put it in quotes.",
    source="https://yaml.org/type/timestamp.html",
    bad=("groups:\n  group:ops: {rotation: {members: [ana@example.com], every: 7d, from: 2026-01-05T09:00:00Z}}\n"),
    good=('groups:\n  group:ops: {rotation: {members: [ana@example.com], every: 7d, from: "2026-01-05T09:00:00Z"}}\n'),
)
NO_VALUE = Rule(
    code="TS011",
    slug="no-value",
    what="A key or a list item without a value (nothing, ~ or null).",
    why="It is not clear whether nothing, an empty list or the default is meant.",
    mend="Write a value, write {} or [] for an empty one, or leave the key out to get the default.",
    source="https://yaml.org/spec/1.2.2/#103-core-schema",
    bad=("groups:\n  group:ops:\n"),
    good=("groups:\n  group:ops: []\n"),
)

SHARED_VALUE = Rule(
    code="TS012",
    slug="shared-value",
    what="A YAML anchor (&), alias (*) or merge key (<<).",
    why="A value then depends on another line, files can grow without bound, and YAML 1.2 has no merge key.",
    mend="Write the value out; what holds for every cluster belongs in `defaults`. Put a text with & or * in quotes.",
    source="https://yaml.org/type/merge.html",
    bad=("groups:\n  group:ops: &ops [ana@example.com]\n  group:dev: *ops\n"),
    good=("groups:\n  group:ops: [ana@example.com]\n  group:dev: [ana@example.com]\n"),
)


@dataclass(frozen=True, slots=True)
class Trap:
    """A plain scalar that is refused: by which rule, and what is said about it. `value` stands in its place meanwhile.

    An empty text stands for nothing, because it is wrong nearly everywhere: what it belongs to is then not looked at further.
    """

    rule: Rule
    message: str
    mend: str
    value: str


Scalar: TypeAlias = str | int | bool | Trap

_SUSPECT = re.compile(r"[-+.~0-9]|(?:y|yes|n|no|on|off|true|false|null|<<)?\Z", re.IGNORECASE)
is_suspect = _SUSPECT.match
"""Whether an unquoted scalar may be anything but the text that it looks like. Called for every scalar."""

_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}.*)?\Z")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_OTHER_INTEGER = re.compile(r"[-+]?(?:0[0-9_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9_]+|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_NO_NUMBER = re.compile(r"(?:[-+]?\.inf|\.nan)\Z", re.IGNORECASE)

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WORDS = frozenset(
    form for word in ("y", "yes", "n", "no", "on", "off") for form in (word, word.capitalize(), word.upper())
)


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar, or the trap that it is."""
    return _judged(text) if is_suspect(text) else text


@lru_cache(maxsize=1024)
def _judged(text: str) -> Scalar:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE_NUMBER.match(text):
        return int(text)
    if text == "<<":
        return Trap(SHARED_VALUE, "The merge key << takes over the keys of another mapping.", "", "")
    if text in _NULLS:
        return Trap(NO_VALUE, "There is no value here.", "", "")
    if text in _WORDS:
        return Trap(
            AMBIGUOUS_WORD,
            f"Unquoted {text} is true or false to some programs, and a text to others.",
            f'Write "{text}" in quotes if the word is meant, true or false if a switch is, or leave the key out.',
            text,
        )
    return _number_or_time(text)


def _number_or_time(text: str) -> str | Trap:
    shown = quoted(text)
    in_quotes = f"Write {shown} in quotes." if shown.startswith('"') else ""
    if _TIME.match(text):
        return Trap(
            UNQUOTED_TIME, f"Unquoted {shown} is a time to some programs, and a text to others.", in_quotes, text
        )
    if _BASE_60.match(text):
        return Trap(AMBIGUOUS_NUMBER, f"Unquoted {shown} is a number in base 60 to some programs.", in_quotes, text)
    if _OTHER_INTEGER.match(text):
        return Trap(
            AMBIGUOUS_NUMBER,
            f"Unquoted {shown} is not the same number to every program.",
            f"Write the number in decimal digits, without a leading 0, + or _; {in_quotes[:1].lower()}{in_quotes[1:]}"
            if in_quotes
            else "",
            text,
        )
    if _FLOAT.match(text) or _NO_NUMBER.match(text):
        return Trap(
            AMBIGUOUS_NUMBER,
            f"Unquoted {shown} is a number with a fraction, of which zeros at the end are lost.",
            f"{in_quotes} A version is a text." if in_quotes else "",
            text,
        )
    return text
