"""What every step of resolving carries along: where things stand in the files, and what was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tailstack.finding import Finding, Place, Rule
from tailstack.topology.aside import Aside
from tailstack.topology.placed import Path, PlacedMap, Step, key_place, value_place
from tailstack.topology.scopes import FileScope
from tailstack.topology.shape import keys_at
from tailstack.topology.validation import MISSING_KEY
from tailstack.topology.wording import did_you_mean, listed, path_text, quoted

ONE_OF = Rule(
    code="TS040",
    slug="one-of",
    what="None, or more than one, of several keys that exclude one another.",
    why="Each of them says the same thing in another way, so exactly one can hold.",
    mend="Write exactly one of the keys.",
    bad=("clusters:\n  blue:\n    kubernetes: {context: blue, kubeconfig: {secret: blueKubeconfig}}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n"),
)
KEY_DOES_NOT_FIT = Rule(
    code="TS041",
    slug="key-does-not-fit",
    what="A key that has no effect together with another one.",
    why="Whoever wrote it thinks that it has an effect.",
    mend="Take the key out, or change the other one.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], managedBy: patch, selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], managedBy: patch}\n"
    ),
)
UNKNOWN_REFERENCE = Rule(
    code="TS042",
    slug="unknown-reference",
    what="A name of something that is not declared.",
    why="Nothing can be derived from it: no name, no grant, no link.",
    mend="Correct the name, or declare the thing.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{exposure: blue.web}]}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{exposure: blue.web}]}\n"
    ),
)
LISTED_TWICE = Rule(
    code="TS043",
    slug="listed-twice",
    what="A list names the same thing twice.",
    why="The second one has no effect, and may be a slip for something else.",
    mend="Take one of the two out, or correct it.",
    bad="groups: {group:ops: [ana@example.com, ana@example.com]}\n",
    good="groups: {group:ops: [ana@example.com, li@example.com]}\n",
)

_TWO = 2

RULES = (ONE_OF, KEY_DOES_NOT_FIT, UNKNOWN_REFERENCE, LISTED_TWICE)


@dataclass(kw_only=True, slots=True)
class Notes:
    """What is known of the files while they are resolved, and what is found.

    `broken` are the paths of values that had a finding: they are declared, and nothing is known of them. `aside` is what could
    not be taken in: what is not found may stand there.
    """

    root: PlacedMap
    scopes: Mapping[str, FileScope]
    aside: Aside
    broken: AbstractSet[Path]
    findings: list[Finding] = field(default_factory=list[Finding])
    disturbed: set[Path] = field(init=False)
    """What is broken, or has something broken inside."""
    broken_in: dict[Path, list[Step]] = field(init=False)
    """By the path of a mapping or a list, what is broken directly in it."""

    def __post_init__(self) -> None:
        self.disturbed = {path[:end] for path in self.broken for end in range(1, len(path) + 1)}
        self.broken_in = {}
        for path in self.broken:
            self.broken_in.setdefault(path[:-1], []).append(path[-1])

    def key(self, *path: str | int) -> Place:
        """Where a key stands, or an item of a list."""
        return key_place(self.root, path)

    def value(self, *path: str | int) -> Place:
        """Where a value stands, or an item of a list."""
        return value_place(self.root, path)

    def scope_of(self, *path: str | int) -> FileScope | None:
        """The scope of the file in which this stands, if it names one."""
        return self.scopes.get(self.value(*path).file) if self.scopes else None

    def say(self, rule: Rule, *places: Place, message: str, expected: str = "", mend: str = "") -> None:
        """Note a finding."""
        self.findings.append(rule.at(*places, message=message, expected=expected, mend=mend))

    def is_broken(self, *path: str | int) -> bool:
        """Whether this, or what it is a part of, had a finding that leaves it unknown."""
        return bool(self.broken) and any(path[: end + 1] in self.broken for end in range(len(path)))

    def is_known(self, *path: str | int) -> bool:
        """Whether neither this nor a part of it, nor what it is a part of, had a finding that leaves it unknown."""
        return not self.broken or not (path in self.disturbed or self.is_broken(*path))

    def knows(self, path: Path, *keys: str) -> bool:
        """Whether what these keys of the mapping at this path say is known, be it that they are absent."""
        return not self.broken or all(self.is_known(*path, key) for key in keys)

    def may_say(self, path: Path, *keys: str) -> bool:
        """Whether one of these keys of the mapping at this path had a finding, or may be there under a wrong name."""
        if path not in self.disturbed:
            return False
        known = keys_at(path)
        return not self.knows(path, *keys) or any(key not in known for key in self.broken_in.get(path, ()))

    def needs(self, *path: str | int, key: str, why: str, expected: str, mend: str = "") -> None:
        """Note that the mapping at this path needs a key, unless it may be there under a wrong name."""
        if not self.may_say(path, key):
            self.say(
                MISSING_KEY,
                self.value(*path),
                message=f"{path_text(path)} needs the key {key}, because {why}.",
                expected=expected,
                mend=mend or f"Add `{key}:`.",
            )

    def exactly_one(self, path: Path, keys: Mapping[str, object]) -> str | None:
        """The one key that is set; None, with a finding, where there are none or several, or where nobody knows."""
        given = [key for key, value in keys.items() if value is not None]
        if len(given) == 1:
            is_known = not self.broken or not any(self.is_broken(*path, key) for key in keys if key not in given)
            return given[0] if is_known else None
        if not given and self.may_say(path, *keys):
            return None
        has = f"has {' and '.join(given)} at once" if given else "says nothing"
        message = f"{path_text(path)} {has}."
        self.say(ONE_OF, self.value(*path), message=message, expected=f"exactly one of {listed(keys)}")
        return None

    def unknown(self, *path: str | int, kind: str, name: str, known: Collection[str], mend: str = "") -> None:
        """Note that nothing of this kind has this name, unless it may stand in a part that could not be taken in."""
        if not self.aside.may_declare(name.rpartition(".")[2]):
            self.say(
                UNKNOWN_REFERENCE,
                self.value(*path),
                message=f"There is no {kind} called {quoted(name)}.",
                expected=f"one of {listed(known)}" if known else "",
                mend=mend or did_you_mean(name, known),
            )

    def once(self, path: Path, values: Sequence[str]) -> None:
        """Note each item of a list that stands there for a second time."""
        if len(values) < _TWO or len(set(values)) == len(values):
            return
        for index, value in enumerate(values):
            first = values.index(value)
            if first < index:
                places = (self.value(*path, index), self.value(*path, first))
                self.say(LISTED_TWICE, *places, message=f"{path_text(path)} lists {quoted(value)} twice.")
