"""Values of Kubernetes manifests that know where they stand, and what their unquoted texts mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias, final

Mark: TypeAlias = tuple[int, int]
"""Line and column, both from 1, within the one file of an object."""

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = "Scalar | ManifestMap | ManifestList"
Step: TypeAlias = "str | int"


@final
class ManifestMap(dict[str, "Value"]):
    """A mapping that knows where it stands (`at`), and where each of its keys and values stands (`marks`)."""

    __slots__ = ("at", "marks")

    def __init__(self, at: Mark) -> None:
        super().__init__()
        self.at = at
        self.marks: dict[str, tuple[Mark, Mark]] = {}

    def put(self, key: str, value: Value, key_at: Mark, value_at: Mark) -> None:
        """Set a key together with its two places."""
        self[key] = value
        self.marks[key] = (key_at, value_at)


@final
class ManifestList(list["Value"]):
    """A list that knows where it stands (`at`), and where each of its items stands (`marks`, twice, as for a key)."""

    __slots__ = ("at", "marks")

    def __init__(self, at: Mark) -> None:
        super().__init__()
        self.at = at
        self.marks: list[tuple[Mark, Mark]] = []

    def add(self, value: Value, at: Mark) -> None:
        """Append an item together with its place."""
        self.append(value)
        self.marks.append((at, at))


def follow(root: ManifestMap, path: Iterable[Step]) -> tuple[tuple[Mark, Mark], Value, bool]:
    """Go as far along the path as it leads: the places of key and value there, the value, and whether it is the end."""
    here: Value = root
    marks: tuple[Mark, Mark] = (root.at, root.at)
    for step in path:
        if isinstance(step, str):
            if not isinstance(here, ManifestMap) or step not in here:
                return marks, here, False
            marks = here.marks[step]
            here = here[step]
        else:
            if not isinstance(here, ManifestList) or not 0 <= step < len(here):
                return marks, here, False
            marks = here.marks[step]
            here = here[step]
    return marks, here, True


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_WORDS = {
    word: truth
    for truth, words in (
        (True, "y Y yes Yes YES true True TRUE on On ON"),
        (False, "n N no No NO false False FALSE off Off OFF"),
    )
    for word in words.split()
}
_BEGINS = frozenset("~nNyYtTfFoO+-.0123456789")
_WHOLE = re.compile(r"[-+]?(?:0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9_]*)\Z")
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_LONGEST_NUMBER = 40


def plain_value(text: str) -> Value:
    """What an unquoted text is to Kubernetes, which reads YAML 1.1: https://pkg.go.dev/sigs.k8s.io/yaml.

    Times stay texts there, and so do `.inf` and `.nan` here, which JSON does not have.
    """
    if text in _NULL:
        return None
    if text[0] not in _BEGINS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _WHOLE.match(text):
        return _whole(text.replace("_", ""))
    return float(text) if _FRACTION.match(text) else text


def _whole(text: str) -> int:
    digits = text.lstrip("+-")
    is_octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    number = int(digits, 8) if is_octal else int(digits, 0)
    return -number if text.startswith("-") else number
