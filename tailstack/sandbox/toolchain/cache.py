"""The user's cache folder: where built tools lie, and how two runs share it without harm."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_POLL_SECONDS = 0.2
_TAIL_LINES = 20


def root() -> Path:
    """The cache folder of this user: `$XDG_CACHE_HOME/tailstack`, or what the platform has for it."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen) / "tailstack"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tailstack"
    return Path.home() / ".cache" / "tailstack"


def folder(name: str) -> Path:
    """The folder `name` of the cache, made if it is not there."""
    path = root() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def machine() -> str:
    """The processor's name, as this platform calls it."""
    return platform.machine().lower()


@contextlib.contextmanager
def locked(name: str, *, waiting: Callable[[str], None]) -> Generator[None]:
    """Hold the lock `name` among all processes of this user.

    While another process holds it, `waiting` is called several times a second with the holder's process id as text
    ("" when it is not known). The kernel drops the lock when its holder ends, however it ends.
    """
    path = folder("locks") / name
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting(path.read_text().strip())
                time.sleep(_POLL_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


@contextlib.contextmanager
def temporary(target: Path) -> Generator[Path]:
    """A new folder beside `target` to build it in, gone afterwards. The caller holds the lock of `target`.

    What an interrupted run left there is removed first.
    """
    for stale in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    path = target.parent / f".{target.name}.{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def settle(finished: Path, target: Path) -> None:
    """Give the finished file or folder its name, all at once: nobody ever sees half of it."""
    finished.rename(target)


def log_file(name: str) -> Path:
    """Where the output of making `name` goes."""
    return folder("logs") / f"{name}.log"


def tail(log: Path) -> str:
    """The last lines of a log, indented, for a message."""
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines)
