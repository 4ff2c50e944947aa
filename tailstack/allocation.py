"""Python's garbage collector, where it only costs."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection(*, freeze: bool = False) -> Generator[None]:
    """Loading, compiling and checking make hundreds of thousands of objects that stay: looking for cycles takes up to half of the time.

    `freeze` leaves out what is there afterwards for good: without it, the first collection that comes goes through all of it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if freeze:
            gc.freeze()
        if was_on:
            gc.enable()
