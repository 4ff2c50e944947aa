"""Our HuJSON beside the Go module it follows: the same bytes, and the same words where the text is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tailstack.sandbox.toolchain import ensure
from tests.access.documents import DOCUMENTS, SAMPLES

_BROKEN = st.sampled_from([*"{}[],:\"'/\\", "//", "/*", "\n", "x", "0", "-", "é", "\u2028", "\x00", "\U000e0001"])


@pytest.fixture(scope="module", name="program")
def hujson_format() -> Path:
    """The formatter of the Go module, reading stdin and writing stdout."""
    return ensure(["hujson-format"])["hujson-format"]


def agrees(program: Path, text: str) -> None:
    answer = subprocess.run([str(program)], input=text.encode(), capture_output=True, check=False)
    ours, refusal = "", ""
    try:
        ours = hujson.format(text)
    except hujson.HujsonError as error:
        refusal = f"hujson: {error}\n"
    assert (answer.stdout.decode(), answer.stderr.decode(), answer.returncode) == (ours, refusal, int(bool(refusal)))


@pytest.mark.parametrize("text", SAMPLES)
def test_samples_come_out_byte_for_byte(program: Path, text: str) -> None:
    agrees(program, text)


@settings(max_examples=100, deadline=None)
@given(text=DOCUMENTS)
def test_documents_come_out_byte_for_byte(program: Path, text: str) -> None:
    agrees(program, text)


@settings(max_examples=100, deadline=None)
@given(text=DOCUMENTS, broken=_BROKEN, at=st.floats(0, 1), length=st.integers(0, 2))
def test_broken_documents_are_refused_in_the_same_words(
    program: Path, text: str, broken: str, at: float, length: int
) -> None:
    cut = int(at * len(text))
    agrees(program, text[:cut] + broken + text[cut + length :])
