from __future__ import annotations

import gc

from tailstack.allocation import without_garbage_collection


def test_what_is_frozen_is_left_out_of_later_collections() -> None:
    gc.unfreeze()
    try:
        with without_garbage_collection():
            assert not gc.isenabled()
        assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)
        with without_garbage_collection(freeze=True):
            kept: list[list[int]] = [[] for _ in range(10)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(kept)
    finally:
        gc.unfreeze()


def test_where_it_was_off_it_stays_off() -> None:
    with without_garbage_collection(), without_garbage_collection():
        pass
    assert gc.isenabled()
    gc.disable()
    try:
        with without_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
