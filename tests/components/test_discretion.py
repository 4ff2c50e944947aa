"""Debugging messages with values in them never reach the engine."""

from __future__ import annotations

import pulumi
import pytest

from components.discretion import keep_values_out_of_debug_messages


def test_only_messages_with_values_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def debug(msg: str, *_: object) -> None:
        said.append(msg)

    monkeypatch.setattr(pulumi.log, "debug", debug)
    keep_values_out_of_debug_messages()
    pulumi.log.debug("register resource outputs prepared: urn=x, props=fields {…}")
    pulumi.log.debug("resource registration successful: ty=t, urn=x")
    assert said == ["resource registration successful: ty=t, urn=x"]
