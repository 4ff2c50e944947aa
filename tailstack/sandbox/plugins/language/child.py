"""Runs inside the program's own Python, which has the Pulumi SDK and need not have tailstack: imports nothing of ours.

    child.py program '{"program": …, "args": […], "settings": {…}}'     a Pulumi program, run to its end
    child.py pack ENGINE_ADDRESS PROGRAM_DIRECTORY                       a policy pack, served until it is ended

The host holds the other end of stdin; when the host is gone, however it went, this process goes too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# The exit code by which the SDK's runner tells its host that the user has been shown the error already.
SHOWN = 32


def _leave_with_host() -> None:
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        while os.read(pipe, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _is_within(file: str, folder: Path) -> bool:
    # Frozen modules go by names like "<frozen runpy>".
    return not file.startswith("<") and Path(file).resolve().is_relative_to(folder)


def _own_traceback(error: BaseException, folder: Path) -> str:
    """The traceback from the first line of the program on: what is above it is only how it was started."""
    trace = error.__traceback__
    while trace is not None and not _is_within(trace.tb_frame.f_code.co_filename, folder):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))


def _run_program(program: str, arguments: list[str], settings: dict[str, Any]) -> int:
    try:
        import pulumi  # noqa: PLC0415  a missing SDK is explained, not a traceback
        import pulumi.runtime  # noqa: PLC0415  as above
    except ImportError as error:
        sys.stderr.write(
            f"The Pulumi SDK cannot be imported by {sys.executable}: {error}\n"
            "Install the program's dependencies into the virtualenv that Pulumi.yaml names.\n"
        )
        return 1
    pulumi.runtime.config.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(pulumi.runtime.Settings(**settings))
    sys.argv = [program, *arguments]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(settings["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    # A program that fails leaves futures behind that nobody waits for; asyncio would complain about each.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    folder = Path.cwd()

    def run() -> None:
        runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001  whatever the program raises is the user's to see
        pulumi.log.error("Program failed with an unhandled exception:\n" + _own_traceback(error, folder))
        return SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _serve_pack(arguments: list[str]) -> None:
    sys.argv = ["pulumi.policy", *arguments]
    sys.path.insert(0, str(Path.cwd()))  # as `python -m pulumi.policy` would
    runpy.run_module("pulumi.policy", run_name="__main__")


if __name__ == "__main__":
    # The engine interrupts the whole process group at its end: no KeyboardInterrupt for the user to wonder about.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _leave_with_host()
    if Path(sys.path[0]) == Path(__file__).parent:
        sys.path.pop(0)  # no place for the program to import from
    mode, *rest = sys.argv[1:]
    if mode == "pack":
        _serve_pack(rest)
    else:
        request = json.loads(rest[0])
        sys.exit(_run_program(request["program"], request["args"], request["settings"]))
