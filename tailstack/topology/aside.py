"""What stands in the files and could not be taken in: a name that is not found may be declared there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tailstack.topology.placed import PlacedList, PlacedMap, Value

_WORD = re.compile(r"[a-z0-9]+")


def _words(text: str) -> set[str]:
    """What a text is made of, so that `My_DB` and `my-db` are one word: that is how names are mistyped."""
    return set(_WORD.findall(text.lower().replace("-", "").replace("_", "")))


@dataclass(kw_only=True, slots=True)
class Aside:
    """The words of every part that was set aside. `is_boundless` tells of a file of which not even the text is known."""

    words: set[str] = field(default_factory=set[str])
    is_boundless: bool = False

    def add_text(self, text: str) -> None:
        """Set a text aside that could not be taken apart."""
        self.words |= _words(text)

    def add_keys(self, value: Value) -> None:
        """Set a value aside: what it declares are its keys, however deep."""
        open_values = [value]
        while open_values:
            here = open_values.pop()
            if isinstance(here, PlacedMap):
                for key in here:
                    self.add_text(key)
                open_values.extend(here.values())
            elif isinstance(here, PlacedList):
                open_values.extend(here)

    def may_declare(self, *names: str) -> bool:
        """Whether something of this name, in things of the other names, may stand in what was set aside."""
        return self.is_boundless or (bool(self.words) and all(_words(name) <= self.words for name in names))
