"""`python -m tailstack.ci.declarations FOLDER`: take the declarations of a pull request into this checkout, as data.

The checkout is that of the base branch, whose program will run with credentials. FOLDER is a clone of the pull request; nothing in
its work tree is read, only the objects of its commit. Taken are what it changes of the YAML and HuJSON files of
`stacks/<environment>/`, and nothing else:

- no code, and no file of which code could be made;
- not `stacks/Pulumi.<stack>.yaml`: it decides where credentials go (`tailscale:baseUrl`), and a kubeconfig in it may name a program to
  run;
- no link, which could lead out of the folder.

What the base has of that itself, such as a README beside the environments, stays as it is there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tailstack.ci.outputs import refuse, warn
from tailstack.commands.exit_codes import ExitCode
from tailstack.topology.loading import STACKS

_DECLARATION = re.compile(
    r"stacks/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(?:yaml|yml|hujson|json)"
)
_CONFIG = re.compile(r"stacks/Pulumi\.[^/]+\.yaml")
_REGULAR = ("100644", "100755")
_MOST_FILES = 2000
_MOST_BYTES = 32 * 1024 * 1024
_GIT = shutil.which("git") or "git"


class UnfitError(Exception):
    """The pull request has something below stacks/ that cannot be taken as data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file of a commit: its mode in git, the name of its content, and its path."""

    mode: str
    blob: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """`files` were written or taken away, of which the base changed `both` too, since. `configs` are configs of stacks, and `code`
    what else is in the top folder, that the pull request changes and that were left as the base has them."""

    files: tuple[str, ...]
    both: tuple[str, ...]
    configs: tuple[str, ...]
    code: tuple[str, ...]


def take(pull_request: Path, base: Path) -> Taken:
    """Put what the commit that `pull_request` is at changes of the declarations into the work tree of `base`.

    A change is one since the last commit that both share: what the base has got since then stays, and is not shown as undone. For
    that the clone must know the base's commit. Raises UnfitError, and nothing was changed then.
    """
    ancestor = (
        _git(pull_request, "merge-base", "HEAD", _git(base, "rev-parse", "HEAD").decode().strip()).decode().strip()
    )
    below = _Sides.of(pull_request, base, ancestor, recursive=True)
    configs = {path for path in below.changed() if _CONFIG.fullmatch(path)}
    changed = below.changed() - configs
    wanted = {path: below.theirs[path] for path in changed if path in below.theirs}
    _check(below.theirs, wanted, configs)
    _refuse_replaced_folders(changed, below.ours)
    contents = {path: _git(pull_request, "cat-file", "blob", entry.blob) for path, entry in wanted.items()}
    if sum(map(len, contents.values())) > _MOST_BYTES:
        raise UnfitError(f"The changed files of {STACKS}/ have more than {_MOST_BYTES:,} bytes.")
    # A link goes before anything is taken away or written where it leads to: of two paths the shorter one sorts first.
    for path in sorted(changed):
        (base / path).unlink(missing_ok=True)
    for path, content in contents.items():
        target = base / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    for folder in (base / STACKS).iterdir():
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    top = _Sides.of(pull_request, base, ancestor, recursive=False)
    return Taken(
        files=tuple(sorted(changed)),
        both=tuple(sorted(path for path in changed if below.ours.get(path) != below.shared.get(path))),
        configs=tuple(sorted(configs)),
        code=tuple(sorted(top.changed() - {STACKS})),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sides:
    """Files by their paths: of the pull request, of the base, and of the last commit that both share."""

    theirs: Mapping[str, Entry]
    ours: Mapping[str, Entry]
    shared: Mapping[str, Entry]

    @classmethod
    def of(cls, pull_request: Path, base: Path, ancestor: str, *, recursive: bool) -> _Sides:
        return cls(
            theirs=_entries(pull_request, "HEAD", recursive=recursive),
            ours=_entries(base, "HEAD", recursive=recursive),
            shared=_entries(pull_request, ancestor, recursive=recursive),
        )

    def changed(self) -> set[str]:
        """What the pull request changes, and the base does not have that way already."""
        return {
            path
            for path in {*self.theirs, *self.shared}
            if self.theirs.get(path) not in (self.shared.get(path), self.ours.get(path))
        }


def _check(theirs: Mapping[str, Entry], wanted: Mapping[str, Entry], configs: AbstractSet[str]) -> None:
    irregular = {path for path in {*wanted, *configs} if path in theirs and theirs[path].mode not in _REGULAR}
    strange = {path for path in wanted if not _DECLARATION.fullmatch(path)}
    if STACKS in theirs or irregular or strange:
        named = ", ".join(sorted(irregular | strange)[:10]) or STACKS
        raise UnfitError(
            f"Below {STACKS}/ a preview with credentials takes YAML and HuJSON files in a folder for each environment, and no links. "
            f"This pull request has also: {named}."
        )
    if len(wanted) > _MOST_FILES:
        raise UnfitError(f"More than {_MOST_FILES:,} files below {STACKS}/ are changed.")


def _refuse_replaced_folders(changed: AbstractSet[str], ours: Mapping[str, Entry]) -> None:
    """What was a folder, and is a link or a file of the base since: what is written there would go elsewhere."""
    folders = {str(folder) for path in changed for folder in PurePosixPath(path).parents}
    if replaced := sorted(folders & ours.keys() - changed):
        raise UnfitError(
            f"The base branch has no folder any more where this pull request changes files: {', '.join(replaced)}. "
            "Merge the base branch into the pull request."
        )


def _entries(repository: Path, commit: str, *, recursive: bool) -> dict[str, Entry]:
    """What a commit has: all files below stacks/, or what is in its top folder."""
    arguments = ["ls-tree", "-z", "--full-tree", *(["-r"] if recursive else []), commit]
    listed = _git(repository, *arguments, *(["--", STACKS] if recursive else [])).decode("utf-8", "replace")
    entries: dict[str, Entry] = {}
    for line in filter(None, listed.split("\0")):
        about, _, path = line.partition("\t")
        mode, _, blob = about.split(" ")
        entries[path] = Entry(mode=mode, blob=blob, path=path)
    return entries


def _git(repository: Path, *arguments: str) -> bytes:
    """What git prints. Raises UnfitError."""
    done = subprocess.run([_GIT, "-C", str(repository), *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise UnfitError(done.stderr.decode("utf-8", "replace").strip())
    return done.stdout


def main(arguments: Sequence[str]) -> None:
    """Take the declarations, and say what was not taken."""
    if len(arguments) != 1:
        refuse("Which folder is the clone of the pull request?", ExitCode.USAGE)
    try:
        taken = take(Path(arguments[0]), Path.cwd())
    except UnfitError as error:
        refuse(str(error))
    sys.stdout.write(f"{len(taken.files)} files of {STACKS}/ are now as the pull request has them.\n")
    if taken.both:
        warn(
            "The base branch has changed these files too since the pull request left it, and this preview shows those changes as undone: "
            f"{', '.join(taken.both)}. Merge the base branch into the pull request."
        )
    if taken.configs:
        warn(f"Not part of this preview, which has them as the base branch does: {', '.join(taken.configs)}.")
    if taken.code:
        shown = ", ".join(taken.code)
        warn(
            f"This preview ran the program of the base branch. What the pull request changes of it is not in it: {shown}."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
