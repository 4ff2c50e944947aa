"""What has a mistake is cut out of the files' tree, and no more than that, so that everything else can be judged.

A key that may be absent is dropped. In place of one that is needed, and of an item of a list, stands something valid: what
is written there is then unknown and not absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from tailstack.topology.placed import Path, PlacedList, PlacedMap, Value, value_at
from tailstack.topology.shape import example, is_needed, keys_at, name_pattern_at, shape_at


@dataclass(kw_only=True, slots=True)
class Cutter:
    """Cuts things out of `root`.

    `broken` are the paths of values of which nothing is known; `dropped` is what was declared under keys that there are not.
    """

    root: PlacedMap
    broken: set[Path] = field(default_factory=set[Path])
    dropped: list[Value] = field(default_factory=list[Value])

    def wrong_value(self, path: Path) -> None:
        """Drop the key at this path; or put something valid there, if it is needed, or is the name of a thing."""
        self.broken.add(path)
        above, last = value_at(self.root, path[:-1]), path[-1]
        if isinstance(above, PlacedList):
            index = cast("int", last)
            above[index] = example(shape_at(path), above.marks[index][1])
            return
        above, key = cast("PlacedMap", above), str(last)
        is_named = key in above and key not in keys_at(path[:-1])
        key_at, at = above.marks.get(key, (above.at, above.at))
        above.drop(key)
        if is_named or is_needed(path):
            above.put(key, example(shape_at(path), at), key_at, at)

    def unknown_key(self, path: Path, meant: str) -> None:
        """Cut out a key that there is not. Of the key that was `meant`, if any, nothing is known then."""
        above, key = cast("PlacedMap", value_at(self.root, path[:-1])), str(path[-1])
        self.broken.add(path)
        self.dropped.append(above[key])
        above.drop(key)
        if meant and meant not in above:
            self.broken.add((*path[:-1], meant))

    def wrong_name(self, path: Path) -> None:
        """Give a thing the name that was likely meant, so that it is judged like any other; without one it is cut out."""
        above, name = cast("PlacedMap", value_at(self.root, path[:-1])), str(path[-1])
        value, marks = above[name], above.marks[name]
        above.drop(name)
        likely = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
        if re.search(name_pattern_at(path[:-1]), likely) and likely not in above:
            above.put(likely, value, *marks)
            inside = [broken[len(path) :] for broken in self.broken if broken[: len(path)] == path]
            self.broken.update((*path[:-1], likely, *rest) for rest in inside)
        else:
            self.dropped.append(value)
        self.broken.add(path)


def join_doubled(first: PlacedMap, second: PlacedMap, path: Path = ()) -> set[Path]:
    """Take into a mapping what is declared for a second time, as far as it says something new.

    Things by name, sections and parts of a cluster are taken over, and so is what is needed. Any other key belongs to a
    thing that is declared in two ways: the paths of these are returned, because nothing is known of them.
    """
    unknown: set[Path] = set()
    for key, value in second.items():
        here, there = (*path, key), first.get(key)
        if there is None:
            if key in keys_at(path) and not _is_of_parts(path) and not is_needed(here):
                unknown.add(here)
            else:
                first.put(key, value, *second.marks[key])
        elif isinstance(there, PlacedMap) and isinstance(value, PlacedMap):
            unknown |= join_doubled(there, value, here)
        elif not path and isinstance(there, PlacedList) and isinstance(value, PlacedList):
            there += value
            there.marks += value.marks
    return unknown


def _is_of_parts(path: Path) -> bool:
    """Whether the keys of the mapping at this path are sections of a file, or parts of a cluster."""
    return not path or (len(path) == len(("clusters", "<name>")) and path[0] == "clusters")
