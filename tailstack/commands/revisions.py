"""Reads the environments of a project at a revision of its git repository, without touching the work tree."""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click

from tailstack.topology.loading import STACKS

_LINK = "120000"


def files_at(project: Path, commit: str) -> Mapping[str, str]:
    """The files under `stacks` at a commit, by their path from the project, as text.

    Bytes that are no UTF-8 have replacement characters in their place. A link stands for the file of the same commit that it
    leads to; one that leads to none has the name it leads to as its text, which is no mapping and so an error.
    """
    listing = _git(project, "ls-tree", "-r", "-z", commit, "--", STACKS).decode("utf-8", "surrogateescape")
    entries = [entry.partition("\t") for entry in listing.split("\0") if entry]
    blobs = {path: (meta.split()[0] == _LINK, meta.split()[2]) for meta, _, path in entries}
    texts = dict(zip(blobs, _blobs(project, [name for _, name in blobs.values()]), strict=True))
    for path, (is_link, _) in blobs.items():
        if is_link:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), texts[path]))
            with suppress(subprocess.CalledProcessError):
                texts[path] = _git(project, "cat-file", "blob", f"{commit}:./{target}").decode("utf-8", "replace")
    return texts


def files_in_work_tree(project: Path) -> Mapping[str, str]:
    """The files under `stacks` as they are now, as `files_at` gives them; what cannot be read is left out."""
    found: dict[str, str] = {}
    for path in (project / STACKS).rglob("*"):
        with suppress(OSError):
            if path.is_file():
                found[path.relative_to(project).as_posix()] = path.read_bytes().decode("utf-8", "replace")
    return found


def commit_of(project: Path, revision: str) -> str:
    """The commit that a revision means: a branch, a tag, a hash or an expression such as HEAD~2.

    Raises click.UsageError where there is no repository or no such revision, and click.ClickException without git.
    """
    try:
        # --end-of-options: a revision that begins with a dash is a name like any other, and no option.
        found = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except subprocess.CalledProcessError as error:
        if complaint := _complaint(project):
            raise click.UsageError(f"Revisions of {project} cannot be read: {complaint}") from error
        raise click.UsageError(
            f"There is no revision called {revision}. In a shallow clone, fetch it first: git fetch origin {revision}"
        ) from error
    return found.decode().strip()


def common_ancestor(project: Path, base: str, head: str) -> str:
    """The last commit that two have in common. Raises click.UsageError where there is none."""
    try:
        return _git(project, "merge-base", base, head).decode().strip()
    except subprocess.CalledProcessError as error:
        raise click.UsageError(f"{base} and {head} have no commit in common. A shallow clone may lack it.") from error


def _complaint(project: Path) -> str:
    """What git says against reading a repository here; empty where it can."""
    try:
        _git(project, "rev-parse", "--git-dir")
    except subprocess.CalledProcessError as error:
        said: bytes = error.stderr
        return " ".join(said.decode("utf-8", "replace").split()).removeprefix("fatal: ")
    return ""


def _blobs(project: Path, hashes: Sequence[str]) -> list[str]:
    """The contents of blobs, by one call: `<hash> blob <size>\\n<content>\\n` for each, as git-cat-file(1) has it."""
    answer = _git(project, "cat-file", "--batch", sent="".join(f"{name}\n" for name in hashes).encode())
    texts: list[str] = []
    position = 0
    for _ in hashes:
        end = answer.index(b"\n", position)
        size = int(answer[position:end].rsplit(b" ", 1)[1])
        texts.append(answer[end + 1 : end + 1 + size].decode("utf-8", "replace"))
        position = end + 1 + size + 1
    return texts


def _git(project: Path, *arguments: str, sent: bytes = b"") -> bytes:
    # A hook or a person may have pointed git at another repository; and nothing here may wait for a password.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    program = shutil.which("git")
    if program is None:
        raise click.ClickException("git is not installed: comparing revisions needs it.")
    return subprocess.run(
        [program, "-C", str(project), *arguments],
        input=sent,
        env={**environment, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"},
        capture_output=True,
        check=True,
    ).stdout
