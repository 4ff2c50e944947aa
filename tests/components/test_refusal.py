from __future__ import annotations

import logging

import pulumi
import pytest

from components.refusal import SHOWN, RefusedError, refusals_shown
from tests.components.recording import record


@pytest.mark.parametrize("error", [RefusedError("read this"), pulumi.RunError("read this")])
def test_a_refusal_is_an_error_and_the_exit_code_that_hosts_know(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def program() -> None:
        with refusals_shown():
            raise error

    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as ended:
        record(program)
    assert ended.value.code == SHOWN == 32
    assert [each.getMessage() for each in caplog.records if each.name == "root"] == ["read this"]


def test_other_errors_are_bugs_and_keep_their_traceback() -> None:
    def program() -> None:
        with refusals_shown():
            raise KeyError("bug")

    with pytest.raises(KeyError):
        record(program)


def test_a_program_without_refusals_runs_on() -> None:
    def program() -> None:
        with refusals_shown():
            pulumi.export("ran", True)

    assert record(program).outputs == {"ran": True}
