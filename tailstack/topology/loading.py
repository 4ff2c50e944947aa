"""The way in: an environment's files, from a folder or from memory, to the resolved tailnet or to every finding.

`load_environment` reads a folder of a project. `resolve_files` takes texts, so that two revisions of a repository can be
compared without a checkout. Both go the same way: read, merge, validate, resolve, each as far as it can be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path as FilePath

from tailstack.allocation import without_garbage_collection
from tailstack.finding import Finding, InvalidTailnetError, Place, Rule
from tailstack.topology.aside import Aside
from tailstack.topology.cutting import join_doubled
from tailstack.topology.declaration import EnvironmentDeclaration
from tailstack.topology.document import MAX_CHARACTERS, NOT_PLAIN_TEXT, TOO_LARGE, mark_after, read_document
from tailstack.topology.merging import DECLARED_TWICE, merge
from tailstack.topology.notes import LISTED_TWICE, Notes
from tailstack.topology.placed import Mark, Path, PlacedMap, Step, Value, key_place, path_to, value_at, value_place
from tailstack.topology.resolve import resolve
from tailstack.topology.schema import SCOPE
from tailstack.topology.scopes import FileScope, outside_of
from tailstack.topology.shape import is_needed_somewhere
from tailstack.topology.tailnet import BasePolicy, Tailnet
from tailstack.topology.unique_names import NAME_TAKEN
from tailstack.topology.validation import MISSING_KEY, validate, validate_scope
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


def environments(project: FilePath) -> tuple[str, ...]:
    """The environments of a project: the folders in its `stacks` folder, sorted. Raises OSError if it cannot be listed."""
    stacks = project / STACKS
    if not stacks.is_dir():
        return ()
    return tuple(sorted(e.name for e in stacks.iterdir() if e.is_dir() and not e.name.startswith(".")))


def load_environment(project: FilePath, environment: str, at: datetime) -> Tailnet:
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
    """A file that cannot be read as text. Carries the finding, and as much of the text as is known."""

    def __init__(self, rule: Rule, mark: Mark, message: str, text: str = "") -> None:
        self.finding = rule.at(Place(*mark), message=message)
        self.text = text
        super().__init__(message)


def _read_file(project: FilePath, path: str) -> str:
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
        raise _UnreadableError(NOT_PLAIN_TEXT, mark, message, raw.decode(errors="replace")) from error


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
    aside: Aside = field(default_factory=Aside)
    unknown: set[Path] = field(default_factory=set[Path])

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
        merged = merge(roots)
        root = merged.root
        self._say(*merged.findings)
        # Before what is wrong is cut out: a base that is named is no stray file, whatever else is wrong with it.
        named = value_at(root, _BASE)
        notes, declaration = self._validated(root, scopes, merged.unknown)
        is_base_known = not notes.is_broken(*_BASE) and (named is not None or not self.aside.may_declare("base"))
        self._say_stray(named, is_base_known=is_base_known)
        tailnet = resolve(
            declaration,
            notes,
            environment=self.environment,
            at=at,
            base_policy=self._base_policy(declaration.tailnet.policy.base, notes),
            files=files,
        )
        self._say(*notes.findings)
        return tailnet

    def _validated(
        self, root: PlacedMap, scopes: Mapping[str, FileScope], unknown: AbstractSet[Path]
    ) -> tuple[Notes, EnvironmentDeclaration]:
        """What was validated, with all that is known about what was not."""
        validated = validate(root)
        for value in validated.dropped:
            self.aside.add_keys(value)
        mistakes = [
            mistake.finding
            for mistake in validated.mistakes
            if mistake.finding.rule is not MISSING_KEY
            or not is_needed_somewhere(mistake.path)
            or not self._may_stand_elsewhere(mistake.path)
        ]
        self._say(*mistakes)
        # Something valid stands at these places now, of which nothing that is found is true.
        self.doubtful |= {_mark(finding.places[0]) for finding in mistakes if finding.rule is not MISSING_KEY}
        unread = filter(self._may_stand_elsewhere, _not_there(root))
        broken = {*validated.broken, *unknown, *self.unknown, *unread}
        return Notes(root=root, scopes=scopes, aside=self.aside, broken=broken), validated.declaration

    def _path(self, name: str) -> str:
        return f"{STACKS}/{self.environment}/{name}"

    def _say(self, *findings: Finding) -> None:
        """Take findings over, without those about a value that has one already."""
        for finding in findings:
            places = finding.places if finding.rule in _CLASHES else finding.places[:1]
            if self.doubtful.isdisjoint(map(_mark, places)):
                self.findings.append(finding)

    def _read_document(self, path: str) -> PlacedMap | None:
        try:
            text = self.read(path)
        except _UnreadableError as error:
            self.findings.append(error.finding)
            self.aside.add_text(error.text)
            self.aside.is_boundless |= not error.text
            return None
        document = read_document(path, text)
        self.findings += document.findings
        self.doubtful |= document.doubtful
        self.aside.add_text(document.unread)
        for value in document.thrown:
            self.aside.add_keys(value)
        if document.root is not None:
            for doubled in document.doubled:
                self._join(document.root, *doubled)
        return document.root

    def _join(self, root: PlacedMap, above: PlacedMap, key: str, second: Value) -> None:
        """Take in what stands behind a key that the mapping above has already."""
        path = path_to(root, above)
        if path is None:
            self.aside.add_keys(second)
        else:
            wrapped = PlacedMap(above.at)
            wrapped.put(key, second, above.at, above.at)
            # The number of an entry is another one once the files are merged.
            self.unknown |= {path for path in join_doubled(above, wrapped, path) if all(map(_is_key, path))}

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
                outside = outside_of(scope, root)
                self._say(*outside)
                # It has to move anyway, so that nothing more is said of its being there.
                self.doubtful |= {_mark(finding.places[0]) for finding in outside}
                for section in _UNNAMED & root.keys():
                    self.aside.add_text(section)
                    self.aside.add_keys(root[section])
                    root.drop(section)
            root.drop(SCOPE)
        return scopes

    def _may_stand_elsewhere(self, path: Path) -> bool:
        """Whether a section, or a part of a cluster, may be in what could not be taken in."""
        return self.aside.may_declare(*(str(step) for step in path[1:] or path))

    def _base_policy(self, base: str | None, notes: Notes) -> BasePolicy | None:
        if base is None:
            return None
        if base not in self.names:
            others = [name for name in self.names if name.endswith(_POLICY_SUFFIXES)]
            notes.unknown(*_BASE, kind="file in this environment", name=base, known=others)
            return None
        try:
            return BasePolicy(file=self._path(base), text=self.read(self._path(base)))
        except _UnreadableError as error:
            self.findings.append(error.finding)
            return None

    def _say_stray(self, base: Value | None, *, is_base_known: bool) -> None:
        for name in self.names:
            is_policy = name == base or (name.endswith(_POLICY_SUFFIXES) and not is_base_known)
            if not _is_read(name) and not is_policy:
                self._say(_stray(self._path(name), name))


def _mark(place: Place) -> Mark:
    return place.file, place.line, place.column


def _is_key(step: Step) -> bool:
    return isinstance(step, str)


def _not_there(root: PlacedMap) -> Iterator[Path]:
    """What is absent and does not merge by name, so that nothing else tells whether it stands elsewhere."""
    if "defaults" not in root:
        yield ("defaults",)
    clusters = root.get("clusters")
    for name, cluster in clusters.items() if isinstance(clusters, PlacedMap) else ():
        for part in ("labels", "operator"):
            if isinstance(cluster, PlacedMap) and part not in cluster:
                yield ("clusters", name, part)


_CLASHES = (DECLARED_TWICE, LISTED_TWICE, NAME_TAKEN)
"""Of two things that cannot both be there it makes no difference which of them has a finding already."""
_UNNAMED = frozenset({"tailnet", "defaults", "ssh"})
"""Sections that nothing refers into by name: in the wrong file they would only stand in the way of the right ones."""
_BASE: Path = ("tailnet", "policy", "base")
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
