"""Debugging messages reach the engine only where they are wanted, and those with values in them never."""

from __future__ import annotations

import pulumi
import pytest

from components.discretion import silence_debug_messages


@pytest.mark.parametrize(("wanted", "heard"), [(True, ["resource registration successful: ty=t, urn=x"]), (False, [])])
def test_what_is_dropped(monkeypatch: pytest.MonkeyPatch, wanted: bool, heard: list[str]) -> None:
    said: list[str] = []

    def debug(msg: str, *_: object) -> None:
        said.append(msg)

    monkeypatch.setattr(pulumi.log, "debug", debug)
    silence_debug_messages(wanted=wanted)
    pulumi.log.debug("register resource outputs prepared: urn=x, props=fields {…}")
    pulumi.log.debug("resource registration successful: ty=t, urn=x")
    assert said == heard
