"""The way in: an environment's files, from a folder or from memory, to the resolved tailnet or to every finding.

`load_environment` reads a folder of a project. `resolve_files` takes texts, so that two revisions of a repository can be
compared without a checkout. Both go the same way: read, merge, validate, resolve, each as far as it can be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tailstack.finding import Finding, InvalidTailnetError, Place, Rule
from tailstack.topology.allocation import without_garbage_collection
from tailstack.topology.document import MAX_CHARACTERS, NOT_PLAIN_TEXT, TOO_LARGE, mark_after, read_document
from tailstack.topology.merging import merge
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Mark, PlacedMap, Value, key_place, value_at, value_place
from tailstack.topology.resolve import resolve
from tailstack.topology.schema import SCOPE
from tailstack.topology.scopes import FileScope, cut_to_scope
from tailstack.topology.tailnet import BasePolicy, Tailnet
from tailstack.topology.validation import MISSING_KEY, UNKNOWN_KEY, Mistake, validate, validate_scope
from tailstack.topology.wording import did_you_mean, listed, quoted

STACKS = "stacks"
"""The folder of a project in which each environment has a folder of its own."""

UNKNOWN_ENVIRONMENT = Rule(
    code="TS020",
    slug="unknown-environment",
    what="An environment that has no folder under stacks/, or one without a YAML file.",
    why="There is nothing to load.",
    mend="Name one of the environments that exist, or add a folder with a file such as tailnet.yaml.",
)
STRAY_FILE = Rule(
    code="TS021",
    slug="stray-file",
    what="A file or folder beside the YAML files of an environment that nothing reads.",
    why="Somebody may think that it has an effect.",
    mend="Rename it to end in .yaml if it declares something, or move it out of the folder.",
    bad=("# old.hujson\n{}\n# main.yaml\nclusters:\n  blue:\n    kubernetes: {context: blue}\n"),
    good=("clusters:\n  blue:\n    kubernetes: {context: blue}\n"),
)
UNREADABLE_FILE = Rule(
    code="TS022",
    slug="unreadable-file",
    what="A file or the folder of an environment cannot be read.",
    why="What it declares would be missing.",
    mend="Check that it is a file, that its link leads somewhere, and that you may read it.",
)

RULES = (UNKNOWN_ENVIRONMENT, STRAY_FILE, UNREADABLE_FILE)


def environments(project: Path) -> tuple[str, ...]:
    """The environments of a project: the folders in its `stacks` folder, sorted. Raises OSError if it cannot be listed."""
    stacks = project / STACKS
    if not stacks.is_dir():
        return ()
    return tuple(sorted(e.name for e in stacks.iterdir() if e.is_dir() and not e.name.startswith(".")))


def load_environment(project: Path, environment: str, at: datetime) -> Tailnet:
    """The resolved tailnet of one environment of a project.

    `at` is the moment, with its time zone, for which rotations are read. Raises InvalidTailnetError with every finding,
    ValueError for a moment without a time zone, and OSError if the folder of the environments cannot be listed.
    """
    known = environments(project)
    folder = project / STACKS / environment
    try:
        names = [e.name + "/" if e.is_dir() else e.name for e in folder.iterdir()] if environment in known else None
    except OSError as error:
        path = f"{STACKS}/{environment}"
        message = f"{path} cannot be listed: {error.strerror}."
        raise InvalidTailnetError([UNREADABLE_FILE.at(Place(path, 1, 1), message=message)]) from error
    return _load(environment, known, names, lambda path: _read_file(project, path), at)


def resolve_files(files: Mapping[str, str], environment: str, at: datetime) -> Tailnet:
    """The resolved tailnet of one environment out of texts, by their path relative to the project (`stacks/prod/eu.yaml`).

    Files outside of the environment's folder may be among them; they only tell which environments there are. Raises as
    `load_environment` does.
    """
    inside = _names_inside(files)
    return _load(environment, sorted(inside), inside.get(environment), files.__getitem__, at)


def environments_of(files: Iterable[str]) -> tuple[str, ...]:
    """The environments among files given by their paths relative to the project, sorted."""
    return tuple(sorted(name for name in _names_inside(files) if not name.startswith(".")))


def _names_inside(files: Iterable[str]) -> dict[str, set[str]]:
    """By environment, the names of the files in its folder, and of the folders with a slash at the end."""
    inside: dict[str, set[str]] = {}
    for path in (path.split("/", 2) for path in files if path.startswith(f"{STACKS}/")):
        if len(path) == _PARTS_OF_PATH:
            name, slash, _ = path[2].partition("/")
            inside.setdefault(path[1], set()).add(name + slash)
    return inside


_PARTS_OF_PATH = 3
"""`stacks`, the environment, and what is inside of its folder."""


class _UnreadableError(Exception):
    """A file that cannot be read as text. Carries the finding."""

    def __init__(self, rule: Rule, mark: Mark, message: str) -> None:
        self.finding = rule.at(Place(*mark), message=message)
        super().__init__(message)


def _read_file(project: Path, path: str) -> str:
    file = project / path
    try:
        # What is no file is never opened: reading a pipe would wait for ever.
        if not file.is_file():
            raise _UnreadableError(UNREADABLE_FILE, (path, 1, 1), f"{path} is no file, or a link that leads to none.")
        if file.stat().st_size > MAX_CHARACTERS:
            raise _UnreadableError(TOO_LARGE, (path, 1, 1), f"{path} has more than {MAX_CHARACTERS:,} bytes.")
        raw = file.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise _UnreadableError(UNREADABLE_FILE, (path, 1, 1), message) from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        mark = mark_after(path, raw[: error.start].decode())
        message = f"The byte 0x{raw[error.start]:02X} is not UTF-8."
        raise _UnreadableError(NOT_PLAIN_TEXT, mark, message) from error


def _unknown_environment(environment: str, known: Collection[str]) -> Finding:
    return UNKNOWN_ENVIRONMENT.at(
        message=f"There is no environment called {quoted(environment)}.",
        expected=f"one of {listed(known)}" if known else f"a folder in {STACKS}",
        mend=did_you_mean(environment, known),
    )


def _load(
    environment: str,
    known: Collection[str],
    names: Collection[str] | None,
    read: Callable[[str], str],
    at: datetime,
) -> Tailnet:
    if at.utcoffset() is None:
        raise ValueError("The moment for which rotations are read needs a time zone.")
    if names is None:
        raise InvalidTailnetError([_unknown_environment(environment, known)])
    loader = _Loader(environment=environment, names=sorted(names), read=read)
    with without_garbage_collection():
        tailnet = loader.load(at)
    if loader.findings or tailnet is None:
        raise InvalidTailnetError(loader.findings)
    return tailnet


@dataclass(kw_only=True, slots=True)
class _Loader:
    """One loading of an environment. `names` are of its files, and of folders with a slash at the end."""

    environment: str
    names: Sequence[str]
    read: Callable[[str], str]
    findings: list[Finding] = field(default_factory=list[Finding])
    doubtful: set[Mark] = field(default_factory=set[Mark])
    is_whole: bool = True

    def load(self, at: datetime) -> Tailnet | None:
        """The tailnet, to be used only if there are no findings. None where nothing could be read."""
        files = tuple(self._path(name) for name in self.names if _is_read(name))
        if not files:
            message = f"The environment {quoted(self.environment)} has no file that ends in .yaml."
            self.findings.append(UNKNOWN_ENVIRONMENT.at(message=message))
        roots = [root for file in files if (root := self._read_document(file)) is not None]
        scopes = self._scopes(roots)
        if not roots:
            self._say_stray(None, is_base_known=False)
            return None
        root, twice = merge(roots)
        # Before what is wrong is cut out: a base that is named is no stray file, whatever else is wrong with the tailnet.
        named = value_at(root, ("tailnet", "policy", "base"))
        validated = validate(root)
        self._say(*twice, *(m.finding for m in validated.mistakes if not self._may_stand_elsewhere(m)))
        # A section or a part of a cluster under a wrong name holds what will be missing elsewhere.
        self.is_whole = self.is_whole and not any(
            m.finding.rule is UNKNOWN_KEY and len(m.path) in {1, 3} for m in validated.mistakes
        )
        notes = Notes(root=root, scopes=scopes, broken=set(validated.broken), is_whole=self.is_whole)
        base = validated.declaration.tailnet.policy.base
        is_base_known = self.is_whole and (named is not None or not notes.is_broken("tailnet"))
        self._say_stray(named, is_base_known=is_base_known)
        tailnet = resolve(
            validated.declaration,
            notes,
            environment=self.environment,
            at=at,
            base_policy=self._base_policy(base, notes),
            files=files,
        )
        self._say(*notes.findings)
        return tailnet

    def _path(self, name: str) -> str:
        return f"{STACKS}/{self.environment}/{name}"

    def _say(self, *findings: Finding) -> None:
        """Take findings over, without those about a value that has one already."""
        for finding in findings:
            place = finding.places[0]
            if (place.file, place.line, place.column) not in self.doubtful:
                self.findings.append(finding)

    def _read_text(self, path: str) -> str | None:
        try:
            return self.read(path)
        except _UnreadableError as error:
            self.findings.append(error.finding)
            self.is_whole = False
            return None

    def _read_document(self, path: str) -> PlacedMap | None:
        text = self._read_text(path)
        if text is None:
            return None
        document = read_document(path, text)
        self.findings += document.findings
        self.doubtful |= document.doubtful
        self.is_whole = self.is_whole and document.is_whole
        return document.root

    def _scopes(self, roots: Sequence[PlacedMap]) -> dict[str, FileScope]:
        """The scopes by file, taken out of the files so that these can be merged."""
        scopes: dict[str, FileScope] = {}
        for root in roots:
            declared, mistakes = validate_scope(root)
            self._say(*(mistake.finding for mistake in mistakes))
            if declared is not None:
                names = declared.clusters
                places = tuple(value_place(root, (SCOPE, "clusters", index)) for index in range(len(names)))
                scope = FileScope(tuple(names), places, key_place(root, (SCOPE,)))
                scopes[scope.place.file] = scope
                outside = cut_to_scope(root, scope)
                self._say(*outside)
                self.is_whole = self.is_whole and not outside
            root.drop(SCOPE)
        return scopes

    def _may_stand_elsewhere(self, mistake: Mistake) -> bool:
        """Whether what is missing may be in a part that could not be read."""
        is_spread = mistake.path == ("tailnet",) or (
            mistake.path[0] == "clusters" and mistake.path[2:] == ("kubernetes",)
        )
        return mistake.finding.rule is MISSING_KEY and is_spread and not self.is_whole

    def _base_policy(self, base: str | None, notes: Notes) -> BasePolicy | None:
        if base is None:
            return None
        if base not in self.names:
            others = [name for name in self.names if name.endswith(_POLICY_SUFFIXES)]
            path = ("tailnet", "policy", "base")
            notes.unknown(*path, kind="file in this environment", name=base, known=others)
            return None
        text = self._read_text(self._path(base))
        return None if text is None else BasePolicy(file=self._path(base), text=text)

    def _say_stray(self, base: Value | None, *, is_base_known: bool) -> None:
        for name in self.names:
            is_policy = name == base or (name.endswith(_POLICY_SUFFIXES) and not is_base_known)
            if not _is_read(name) and not is_policy:
                self._say(_stray(self._path(name), name))


_POLICY_SUFFIXES = (".hujson", ".json")


def _is_read(name: str) -> bool:
    return name.endswith(".yaml") and not name.startswith(".")


def _stray(path: str, name: str) -> Finding:
    stem, dot, suffix = name.rpartition(".")
    mend = ""
    if name.endswith("/"):
        mend = "Move its YAML files up into the environment's folder: folders inside of it are not read."
    elif name.startswith("."):
        mend = "Take it away: hidden files are not read."
    elif stem and suffix.lower() in {"yaml", "yml"}:
        mend = f"Rename it to {stem}{dot}yaml."
    elif name.endswith(_POLICY_SUFFIXES):
        mend = (
            "Name it in `tailnet: {policy: {base: ...}}` if it is the policy file's base, or move it out of the folder."
        )
    return STRAY_FILE.at(Place(path, 1, 1), message=f"Nothing reads {path}.", mend=mend)
