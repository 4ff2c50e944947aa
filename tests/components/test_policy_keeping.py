"""What the program does in the first of two passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.policy_keeping import beside_what_is_kept
from components.refusal import RefusedError
from tailstack.access.narrowing import KEEP_VARIABLE
from tests.components.recording import record

LIVE = '{"tagOwners": {"tag:old": []}}'
WANTED = '{"tagOwners": {"tag:new": []}}'


def test_without_the_variable_the_policy_is_what_is_wanted(tmp_path: Path) -> None:
    assert beside_what_is_kept(WANTED, {}) == WANTED
    assert beside_what_is_kept(WANTED, {KEEP_VARIABLE: ""}) == WANTED


def test_in_the_first_pass_the_tags_of_live_nodes_stay(tmp_path: Path) -> None:
    file = tmp_path / "live.hujson"
    file.write_text(LIVE)
    found: list[str] = []
    record(lambda: found.append(beside_what_is_kept(WANTED, {KEEP_VARIABLE: str(file)})))
    assert '"tag:old"' in found[0]
    assert '"tag:new"' in found[0]
    file.write_text(WANTED)
    assert beside_what_is_kept(WANTED, {KEEP_VARIABLE: str(file)}) == WANTED


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RefusedError, match=r"TAILSTACK_POLICY_KEEP names a file that cannot be read.*Nothing was changed"
    ):
        beside_what_is_kept(WANTED, {KEEP_VARIABLE: str(tmp_path / "gone")})
