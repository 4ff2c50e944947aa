"""The engine's messages without the SDK around them: half of a plugin's start is importing what it never uses."""

from __future__ import annotations

import importlib.util
import signal
import sys
import types
from pathlib import Path

_PACKAGES = ("pulumi", "pulumi.runtime")


def leave_out_sdk() -> None:
    """Let `pulumi.runtime.proto` be imported without running `pulumi/__init__.py`, for a process that serves a plugin.

    Measured on two cores: 0.17 s instead of 0.32 s. Never call it where the SDK itself is used, or will be. As it comes
    first in such a process, it also lets an interrupt end the process without a traceback until it serves.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the Pulumi SDK is not installed beside tailstack", name="pulumi")
    folder = Path(spec.submodule_search_locations[0])
    for name in _PACKAGES:
        module = types.ModuleType(name)
        module.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
