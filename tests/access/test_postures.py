"""Posture assertions: their syntax, and when they hold."""

from __future__ import annotations

import pytest

from tailstack.access.postures import AssertionSyntaxError, Attribute, all_hold, holds, parse_assertion

MAC: dict[str, Attribute] = {
    "node:os": "macos",
    "node:tsVersion": "1.60.2",
    "node:tsAutoUpdate": True,
    "custom:tier": 3,
    "custom:score": 2.5,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("node:os == 'macos'", True),
        ('node:os == "linux"', False),
        ("node:os != 'linux'", True),
        ("node:os IN ['macos', 'windows']", True),
        ("node:os in ['linux']", False),
        ("node:os NOT IN ['linux']", True),
        ("node:os not in ['macos']", False),
        ("node:os IS SET", True),
        ("custom:none IS SET", False),
        ("custom:none NOT SET", True),
        ("custom:none is set", False),
        ("custom:none == 'x'", False),
        ("custom:none != 'x'", True),
        ("custom:none NOT IN ['x']", False),
        ("custom:none > 1", False),
        ("node:tsVersion >= '1.60'", True),
        ("node:tsVersion >= '1.9'", True),
        ("node:tsVersion < '1.60.10'", True),
        ("node:tsVersion <= '1.60.2.0'", True),
        ("node:tsVersion > '1.60.2'", False),
        ("node:tsVersion > '1.60.beta'", True),
        ("custom:tier == 3", True),
        ("custom:tier >= 4", False),
        ("custom:tier < 3.5", True),
        ("custom:score <= 2.5", True),
        ("custom:score > -1", True),
        ("custom:tier == '3'", False),
        ("custom:tier > '1'", False),
        ("node:tsAutoUpdate == true", True),
        ("node:tsAutoUpdate == false", False),
        ("node:tsAutoUpdate == 1", False),
        ("node:tsAutoUpdate > 0", False),
    ],
)
def test_assertions_hold_as_documented(text: str, *, expected: bool) -> None:
    assert holds(parse_assertion(text), MAC) is expected


def test_a_posture_needs_all_of_its_assertions() -> None:
    both = [parse_assertion(text) for text in ("node:os == 'macos'", "node:tsVersion >= '2'")]
    assert all_hold(both[:1], MAC)
    assert not all_hold(both, MAC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected an attribute, an operator and a value"),
        ("os == 'macos'", "expected an attribute, an operator and a value"),
        ("node:os == 'a' 'b'", "expected one value after =="),
        ("node:os == macos", "expected quotes around macos"),
        ("node:os == ?", "expected a value"),
        ("node:os IN ['a' 'b']", "expected a comma"),
        ("node:os IN []", "expected a value"),
    ],
)
def test_what_is_no_assertion_is_refused(text: str, expected: str) -> None:
    with pytest.raises(AssertionSyntaxError, match=expected):
        parse_assertion(text)
