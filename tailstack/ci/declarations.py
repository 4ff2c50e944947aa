"""`python -m tailstack.ci.declarations FOLDER`: take the declarations of a pull request into this checkout, as data.

The checkout is that of the base branch, whose program will run with credentials. FOLDER is a clone of the pull request; nothing in
its work tree is read, only the objects of its commit. Taken are the YAML and HuJSON files of `stacks/<environment>/` and nothing else:

- no code, and no file of which code could be made;
- not `stacks/Pulumi.<stack>.yaml`: it decides where credentials go (`tailscale:baseUrl`), and a kubeconfig in it may name a program to
  run;
- no link, which could lead out of the folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tailstack.ci.outputs import refuse, warn
from tailstack.commands.exit_codes import ExitCode
from tailstack.topology.loading import STACKS

_DECLARATION = re.compile(
    r"stacks/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(?:yaml|yml|hujson)"
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
    """`files` were written. `configs` are configs of stacks, and `code` what else is in the top folder, that the pull request changes
    and that were left as the base has them."""

    files: tuple[str, ...]
    configs: tuple[str, ...]
    code: tuple[str, ...]


def take(pull_request: Path, base: Path) -> Taken:
    """Put the declarations of the commit that `pull_request` is at into the work tree of `base`, in place of its own.

    Raises UnfitError, and nothing was changed then.
    """
    theirs, ours = _entries(pull_request, recursive=True), _entries(base, recursive=True)
    wanted = {path: entry for path, entry in theirs.items() if _DECLARATION.fullmatch(path)}
    _check(theirs, wanted)
    contents = {path: _git(pull_request, "cat-file", "blob", entry.blob) for path, entry in wanted.items()}
    if sum(map(len, contents.values())) > _MOST_BYTES:
        raise UnfitError(f"The files of {STACKS}/ have more than {_MOST_BYTES:,} bytes.")
    for folder in sorted(entry for entry in (base / STACKS).iterdir() if entry.is_dir() and not entry.is_symlink()):
        shutil.rmtree(folder)
    for path, content in contents.items():
        target = base / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    tops, own_tops = _entries(pull_request, recursive=False), _entries(base, recursive=False)
    return Taken(
        files=tuple(sorted(contents)),
        configs=_different({p: e for p, e in theirs.items() if _CONFIG.fullmatch(p)}, ours, _CONFIG),
        code=_different({p: e for p, e in tops.items() if p != STACKS}, own_tops, re.compile(rf"(?!{STACKS}$).*")),
    )


def _check(theirs: dict[str, Entry], wanted: dict[str, Entry]) -> None:
    below = {path: entry for path, entry in theirs.items() if path.startswith(f"{STACKS}/")}
    irregular = sorted(path for path, entry in below.items() if entry.mode not in _REGULAR)
    strange = sorted(path for path in below if path not in wanted and not _CONFIG.fullmatch(path))
    if STACKS in theirs or irregular or strange:
        named = ", ".join((irregular + strange)[:10]) or STACKS
        raise UnfitError(
            f"Below {STACKS}/ a preview with credentials takes YAML and HuJSON files in a folder for each environment, and no links. "
            f"This pull request has also: {named}."
        )
    if len(wanted) > _MOST_FILES:
        raise UnfitError(f"There are more than {_MOST_FILES:,} files below {STACKS}/.")


def _different(theirs: dict[str, Entry], ours: dict[str, Entry], among: re.Pattern[str]) -> tuple[str, ...]:
    own = {path: entry for path, entry in ours.items() if among.fullmatch(path)}
    return tuple(sorted(path for path in {*theirs, *own} if theirs.get(path) != own.get(path)))


def _entries(repository: Path, *, recursive: bool) -> dict[str, Entry]:
    """What the commit of a clone has: all files below stacks/, or what is in its top folder."""
    arguments = ["ls-tree", "-z", "--full-tree", *(["-r"] if recursive else []), "HEAD"]
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
    sys.stdout.write(f"{len(taken.files)} files of {STACKS}/ are the pull request's.\n")
    if taken.configs:
        warn(f"Not part of this preview, which has them as the base branch does: {', '.join(taken.configs)}.")
    if taken.code:
        shown = ", ".join(taken.code)
        warn(
            f"This preview ran the program of the base branch. What the pull request changes of it is not in it: {shown}."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
