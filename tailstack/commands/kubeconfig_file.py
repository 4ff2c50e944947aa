"""A kubeconfig on the disk: which file it is, and how it is replaced so that nothing is lost."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator, Mapping
from datetime import datetime
from pathlib import Path

VARIABLE = "KUBECONFIG"
_OWNER_ONLY = 0o600


class LockedError(Exception):
    """Another program, such as kubectl, is writing the file, or was killed while it did. `lock` is its lock."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        super().__init__(f"{lock} is there: another program is writing the file. Remove it if none is.")


def default_file(environment: Mapping[str, str], home: Path) -> Path:
    """The first file of KUBECONFIG, else `~/.kube/config`."""
    named = [name for name in environment.get(VARIABLE, "").split(os.pathsep) if name]
    return Path(named[0]) if named else home / ".kube" / "config"


@contextlib.contextmanager
def locked(file: Path) -> Generator[None]:
    """Hold the lock that kubectl takes when it writes (`lockFile` in `clientcmd/loader.go` of k8s.io/client-go).

    The folder is made. Raises LockedError, or OSError where the folder cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = file.with_name(f"{file.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise LockedError(lock) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def read(file: Path) -> str:
    """The text, empty where there is no file. Raises UnicodeDecodeError, or OSError for what cannot be read."""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""


def replace(file: Path, text: str, now: datetime) -> Path | None:
    """Put `text` in the place of the file at once, and keep what was there beside it; gives where that is.

    A symbolic link stays, and what it leads to is replaced. Owner and mode stay; a new file is its owner's alone. Raises
    OSError, and then the file is as it was.
    """
    target = file.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        before, old = target.stat(), target.read_bytes()
    except FileNotFoundError:
        _put(target, text.encode(), _OWNER_ONLY, None)
        return None
    owner = (before.st_uid, before.st_gid)
    backup = _free(target.with_name(f"{target.name}.{now:%Y%m%dT%H%M%SZ}.backup"))
    _put(backup, old, before.st_mode & 0o777, owner)
    _put(target, text.encode(), before.st_mode & 0o777, owner)
    return backup


def _free(path: Path) -> Path:
    """The path, with a number behind it where it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _put(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    """Write a file whole or not at all. It is its owner's alone until it has its mode, for it may hold credentials."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        mine = made.stat()
        if owner is not None and owner != (mine.st_uid, mine.st_gid):
            os.chown(made, *owner)
        made.chmod(mode)
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
