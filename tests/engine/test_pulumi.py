"""Running the engine's binary, against small programs that behave as it does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tailstack.engine.events import Diagnostic, Event
from tailstack.engine.pulumi import ASKED_TO_END, STILL_WAITING, Pulumi, PulumiMissingError


def engine(folder: Path, body: str) -> Pulumi:
    """An engine whose `pulumi` is a Python program with this body."""
    binary = folder / "pulumi"
    binary.write_text(f"#!{sys.executable}\nimport json, os, signal, sys, time\n{body}")
    binary.chmod(0o755)
    return Pulumi.found(folder, {"PATH": str(folder), "GREETING": "hello"})


def test_without_pulumi_on_the_path_the_error_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(PulumiMissingError, match=r"pulumi\.com/docs/install.*sandbox shell"):
        Pulumi.found(tmp_path, {"PATH": str(tmp_path)})


def test_events_arrive_one_by_one_and_the_rest_is_kept_as_text(tmp_path: Path) -> None:
    seen: list[Event] = []
    pulumi = engine(
        tmp_path,
        """
print("not an event")
print(json.dumps({"diagnosticEvent": {"severity": "info", "message": os.environ["GREETING"]}}), flush=True)
print("on stderr", file=sys.stderr)
sys.exit(3)
""",
    )
    outcome = pulumi.preview("sandbox", on_event=seen.append)
    assert seen == [Diagnostic(severity="info", message="hello", urn="")]
    assert outcome.exit_code == 3
    assert not outcome.succeeded
    assert outcome.text == "not an event\non stderr\n"
    assert outcome.explain() == "not an event\non stderr"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("preview", ["preview", "--diff"]),
        ("up", ["up", "--yes", "--skip-preview", "--diff"]),
        ("preview_refresh", ["refresh", "--preview-only", "--diff"]),
        ("destroy", ["destroy", "--yes", "--skip-preview", "--diff"]),
    ],
)
def test_every_operation_is_non_interactive_without_colour_and_streams(
    tmp_path: Path, operation: str, expected: list[str]
) -> None:
    pulumi = engine(tmp_path, "print(sys.argv[1:], os.environ['PULUMI_ENABLE_STREAMING_JSON_PREVIEW'])")
    outcome = getattr(pulumi, operation)("sandbox", "--diff")
    flags = ["--stack", "sandbox", "--json", "--non-interactive", "--color", "never"]
    assert outcome.text == f"{[*expected, *flags]} true\n"


def test_a_held_lock_is_recognised(tmp_path: Path) -> None:
    pulumi = engine(
        tmp_path, "print('error: the stack is currently locked by 1 lock(s)', file=sys.stderr); sys.exit(1)"
    )
    assert pulumi.up("sandbox").is_locked


def test_a_plain_command_keeps_its_output(tmp_path: Path) -> None:
    assert engine(tmp_path, "print(sys.argv[1])").plain("whoami").stdout == "whoami\n"


def test_the_environment_is_not_shown_with_the_object(tmp_path: Path) -> None:
    assert "hello" not in repr(engine(tmp_path, ""))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_passed_on_once_and_the_engine_is_waited_for(
    tmp_path: Path, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    pulumi = engine(
        tmp_path,
        """
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
print(json.dumps({"diagnosticEvent": {"severity": "info", "message": "ready"}}), flush=True)
end = time.monotonic() + 1.0
while time.monotonic() < end:
    time.sleep(0.05)
print("interrupts", count)
sys.exit(1)
""",
    )

    def press_twice(_: Event) -> None:
        def press() -> None:
            for _ in range(2):
                os.kill(os.getpid(), number)
                time.sleep(0.1)

        threading.Thread(target=press).start()

    outcome = pulumi.up("sandbox", on_event=press_twice)
    assert outcome.text == "interrupts 1\n"
    assert outcome.exit_code == 1
    assert outcome.was_interrupted
    assert capfd.readouterr().err == f"\n{ASKED_TO_END}\n\n{STILL_WAITING}\n"
