"""Environments with single mistakes in them: made of valid ones, at each place, and for each place of several kinds.

Files are written anew, each on one line, so that the path of what a finding points to is known whatever the mistakes move.
"""

from __future__ import annotations

import copy
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeAlias, cast

from tailstack.topology.document import read_document
from tailstack.topology.placed import Path, plain
from tailstack.topology.shape import keys_at
from tests.topology.marked import findings_of, path_of

Data: TypeAlias = "dict[Any, Any]"
Findings: TypeAlias = "Counter[tuple[str, Path, str]]"
"""Code, path, and whether it is the key or the value there."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Stands in the file as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Again:
    """A key that the mapping has already."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutation:
    """One mistake: what is written at a path of one file. `value` is what stands there now."""

    name: str
    file: str
    path: Path
    value: object = None
    apply: Callable[[Data], None]

    def __str__(self) -> str:
        return f"{self.name} at {self.file}:{'.'.join(map(str, self.path))}"

    @property
    def thing(self) -> Path:
        return thing_of(self.path)


@dataclass(kw_only=True, slots=True)
class World:
    """The content of a valid environment by the names of its files, and files that are no YAML.

    `unreadable` is one of the files that is to have a mistake at its end, so that nothing of it can be read.
    """

    files: Mapping[str, Data]
    others: Mapping[str, str]
    unreadable: str = ""
    known: dict[str, Findings] = field(default_factory=dict[str, "Findings"])

    def findings(self, *mutations: Mutation) -> Findings:
        """What is found with these mistakes, by codes and paths."""
        name = " + ".join(map(str, mutations))
        if name not in self.known:
            self.known[name] = self._findings(mutations)
        return self.known[name]

    def value_at(self, file: str, path: Path) -> object:
        """What stands at a path of a file before anything is changed; None where there is nothing."""
        here: Any = self.files[file]
        for step in path:
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                return None
        return here

    def _findings(self, mutations: tuple[Mutation, ...]) -> Findings:
        changed = {mutation.file: copy.deepcopy(self.files[mutation.file]) for mutation in mutations}
        for mutation in mutations:
            mutation.apply(changed[mutation.file])
        written = {name: Written() for name in self.files}
        for name, data in self.files.items():
            written[name].value((), changed.get(name, data))
            written[name].parts.append(" ]" if name == self.unreadable else "")
        texts = {**self.others, **{name: "".join(each.parts) for name, each in written.items()}}
        found: Findings = Counter()
        for finding in findings_of({path_of(name): text for name, text in texts.items()}):
            place = finding.places[0]
            name = place.file.rpartition("/")[2]
            where = written[name].at(place.column) if name in written else ((name,), "file")
            where = (where[0], "unreadable") if name == self.unreadable else where
            found[finding.rule.code, *where] += 1
        return found


@dataclass(kw_only=True, slots=True)
class Written:
    """A file that is being written."""

    parts: list[str] = field(default_factory=list[str])
    length: int = 0
    starts: list[int] = field(default_factory=list[int])
    places: list[tuple[Path, str]] = field(default_factory=list["tuple[Path, str]"])

    def at(self, column: int) -> tuple[Path, str]:
        """What begins at a column, or last before it."""
        return self.places[bisect_right(self.starts, column - 1) - 1]

    def _mark(self, path: Path, kind: str) -> None:
        self.starts.append(self.length)
        self.places.append((path, kind))

    def _write(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def value(self, path: Path, value: object) -> None:
        """Write a value."""
        self._mark(path, "value")
        if isinstance(value, dict):
            self._write("{")
            for number, (key, inner) in enumerate(cast("Data", value).items()):
                text = key.text if isinstance(key, Raw) else key.key if isinstance(key, Again) else key
                self._write(", " if number else "")
                self._mark((*path, text), "key")
                self._write(text if isinstance(key, Raw) else json.dumps(text))
                self._write(": ")
                self.value((*path, text), inner)
            self._write("}")
        elif isinstance(value, list):
            self._write("[")
            for index, inner in enumerate(cast("list[object]", value)):
                self._write(", " if index else "")
                self.value((*path, index), inner)
            self._write("]")
        else:
            self._write(value.text if isinstance(value, Raw) else json.dumps(value))


def world_of(folder: FilePath) -> World:
    """The environment in a folder."""
    files: dict[str, Data] = {}
    others: dict[str, str] = {}
    for file in sorted(folder.iterdir()):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".yaml":
            root = read_document(file.name, text).root
            assert root is not None
            files[file.name] = plain(root)
        else:
            others[file.name] = text
    return World(files=files, others=others)


_BY_NAME = {"groups": 2, "postures": 2, "machines": 2, "services": 2, "access": 2, "ssh": 2, "defaults": 2}
_IN_TAILNET = {"webhooks": 3, "keys": 3, "postureIntegrations": 3}
_SINGLE_PARTS = {"kubernetes", "operator", "dnsConfig"}


def thing_of(path: Path) -> Path:
    """The path of the thing that something belongs to: what has a name, or a part that there is once."""
    if path[:1] == ("clusters",):
        return path[: 3 if len(path) > 2 and path[2] in _SINGLE_PARTS else 4]
    if path[:1] == ("tailnet",):
        return path[: _IN_TAILNET.get(str(path[1]), 2) if len(path) > 1 else 1]
    return path[: _BY_NAME.get(str(path[0]), 2) if path else 0]


def _at(data: Data, path: Path) -> Any:  # noqa: ANN401  whatever stands there
    here: Any = data
    for step in path:
        here = here[step]
    return here


def put(name: str, file: str, path: Path, value: object) -> Mutation:
    """Something else in place of what is there, or for the first time."""

    def apply(data: Data) -> None:
        _at(data, path[:-1])[path[-1]] = copy.deepcopy(value)

    return Mutation(name=name, file=file, path=path, value=value, apply=apply)


def drop(name: str, file: str, path: Path) -> Mutation:
    """Something that is not there any more."""

    def apply(data: Data) -> None:
        del _at(data, path[:-1])[path[-1]]

    return Mutation(name=name, file=file, path=path, apply=apply)


def _rename(name: str, file: str, path: Path, new: object) -> Mutation:
    def apply(data: Data) -> None:
        above = _at(data, path[:-1])
        entries = [(new if key == path[-1] else key, value) for key, value in above.items()]
        above.clear()
        above.update(entries)

    return Mutation(name=name, file=file, path=path, apply=apply)


def _again(file: str, path: Path, value: object) -> Mutation:
    def apply(data: Data) -> None:
        _at(data, path[:-1])[Again(str(path[-1]))] = copy.deepcopy(value)

    return Mutation(name="again", file=file, path=path, apply=apply)


def _append(name: str, file: str, path: Path, value: object) -> Mutation:
    def apply(data: Data) -> None:
        _at(data, path).append(copy.deepcopy(value))

    return Mutation(name=name, file=file, path=path, apply=apply)


def nodes(path: Path, value: object) -> Iterator[tuple[Path, Any]]:
    """The value at a path, and all that is in it, each with its path."""
    yield path, value
    for step, inner in _inside(value):
        yield from nodes((*path, step), inner)


def _inside(value: object) -> Iterator[tuple[Any, object]]:
    if isinstance(value, dict):
        yield from cast("Data", value).items()
    elif isinstance(value, list):
        yield from enumerate(cast("list[object]", value))


_INSTEAD = {
    "mapping": {"x": "y"},
    "list": ["x"],
    "number": 70000,
    "text": "Not right!",
    "nothing": Raw("~"),
    "trap": Raw("012"),
    "tag": Raw("!x y"),
    "empty": "",
    "nowhere": "nowhere",
    "nobody": "blue.nowhere",
    "outside": "svc:nowhere",
}


def mutations(world: World) -> Iterator[Mutation]:
    """Single changes of each file; not all of them are mistakes."""
    for file, data in world.files.items():
        for path, value in nodes((), data):
            if path:
                yield from _in_place(file, path, value)
            yield from _added(file, path, value)


def _in_place(file: str, path: Path, value: object) -> Iterator[Mutation]:
    for name, other in _INSTEAD.items():
        if other != value:
            yield put(f"{name} instead", file, path, other)
    # One that is shared by two places is one mistake.
    yield put("alias instead", file, path, Raw("*" + "-".join(re.sub("[^a-z0-9]", "", str(step)) for step in path)))
    if isinstance(path[-1], str):
        key = path[-1]
        yield drop("dropped", file, path)
        yield _rename("misspelt", file, path, key[:-1] + "xx")
        yield _again(file, path, value)
        if key not in keys_at(path[:-1]):
            yield _rename("capital", file, path, key.upper())
            yield _rename("reserved", file, path, f"{key}--x")
            yield _rename("trapped", file, path, Raw("off"))


def _added(file: str, path: Path, value: object) -> Iterator[Mutation]:
    if isinstance(value, dict):
        yield put("unknown key", file, (*path, "colour"), "red")
        yield put("unknown section", file, (*path, "colours"), {"violet": {"ochre": "pink"}})
    if isinstance(value, list) and value:
        yield _append("listed twice", file, path, cast("list[object]", value)[0])
        yield _append("item of another kind", file, path, {"x": "y"})
