"""Posture assertions: reading them, and whether they hold for the attributes of a device.

https://tailscale.com/kb/1288/device-posture: all assertions of a posture must hold; an attribute that a device does not
have fails every assertion but `NOT SET` and `!=`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Attribute: TypeAlias = "str | int | float | bool"


class Operator(StrEnum):
    """What an assertion says of its attribute."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "IN"
    NOT_IN = "NOT IN"
    SET = "IS SET"
    NOT_SET = "NOT SET"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """One condition on one attribute. `values` is empty for IS SET and NOT SET, and has one element but for IN and NOT IN."""

    attribute: str
    operator: Operator
    values: tuple[Attribute, ...] = ()


class AssertionSyntaxError(ValueError):
    """The text is no assertion; `str()` says what was expected."""


_ATTRIBUTE = r"(?P<attribute>[A-Za-z][A-Za-z0-9]*:[A-Za-z0-9_.-]+)"
_SET = re.compile(rf"\s*{_ATTRIBUTE}\s+(?P<operator>(?i:IS|NOT)\s+(?i:SET))\s*\Z")
_LIST = re.compile(rf"\s*{_ATTRIBUTE}\s+(?P<operator>(?i:NOT\s+IN|IN))\s*\[(?P<values>.*)\]\s*\Z", re.DOTALL)
_COMPARISON = re.compile(rf"\s*{_ATTRIBUTE}\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*\Z", re.DOTALL)
_VALUE = re.compile(r"""\s*('(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<word>[A-Za-z0-9.+-]+))\s*""")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_VERSION_PART = re.compile(r"[0-9]+|[A-Za-z]+")


def parse_assertion(text: str) -> Assertion:
    """The assertion in a text such as `node:tsVersion >= '1.60'`. Raises AssertionSyntaxError."""
    if found := _SET.match(text):
        operator = Operator.SET if found["operator"].upper().startswith("IS") else Operator.NOT_SET
        return Assertion(attribute=found["attribute"], operator=operator)
    if found := _LIST.match(text):
        operator = Operator.NOT_IN if found["operator"].upper().startswith("NOT") else Operator.IN
        return Assertion(attribute=found["attribute"], operator=operator, values=_values(found["values"]))
    if found := _COMPARISON.match(text):
        value, end = _value(found["value"], 0)
        if end != len(found["value"]):
            raise AssertionSyntaxError(f"expected one value after {found['operator']}")
        return Assertion(attribute=found["attribute"], operator=Operator(found["operator"]), values=(value,))
    raise AssertionSyntaxError("expected an attribute, an operator and a value, such as node:os == 'macos'")


def _values(text: str) -> tuple[Attribute, ...]:
    values: list[Attribute] = []
    at = 0
    while True:
        value, at = _value(text, at)
        values.append(value)
        if at == len(text):
            return tuple(values)
        if text[at] != ",":
            raise AssertionSyntaxError("expected a comma between the values of a list")
        at += 1


def _value(text: str, at: int) -> tuple[Attribute, int]:
    found = _VALUE.match(text, at)
    if not found:
        raise AssertionSyntaxError("expected a value: a string in quotes, a number, true or false")
    word = found["word"]
    if word is None:
        return found["single"] if found["single"] is not None else found["double"], found.end()
    if word in ("true", "false"):
        return word == "true", found.end()
    if not _NUMBER.match(word):
        raise AssertionSyntaxError(f"expected quotes around {word}")
    return (float(word) if "." in word else int(word)), found.end()


def holds(assertion: Assertion, attributes: Mapping[str, Attribute]) -> bool:
    """Whether an assertion is true of a device with these attributes."""
    own = attributes.get(assertion.attribute)
    match assertion.operator:
        case Operator.SET:
            return own is not None
        case Operator.NOT_SET:
            return own is None
        case Operator.UNEQUAL | Operator.NOT_IN:
            if own is None:
                return assertion.operator is Operator.UNEQUAL
            return all(not _equal(own, value) for value in assertion.values)
        case Operator.EQUAL | Operator.IN:
            return own is not None and any(_equal(own, value) for value in assertion.values)
        case _:
            return own is not None and _ordered(own, assertion.operator, assertion.values[0])


def all_hold(assertions: Sequence[Assertion], attributes: Mapping[str, Attribute]) -> bool:
    """Whether a device with these attributes is in a posture."""
    return all(holds(assertion, attributes) for assertion in assertions)


def _equal(one: Attribute, other: Attribute) -> bool:
    # In Python True == 1, but a posture attribute keeps its type.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _ordered(own: Attribute, operator: Operator, value: Attribute) -> bool:
    if isinstance(own, str) != isinstance(value, str) or isinstance(own, bool) or isinstance(value, bool):
        return False
    order = _compare(own, value)
    match operator:
        case Operator.LESS:
            return order < 0
        case Operator.AT_MOST:
            return order <= 0
        case Operator.MORE:
            return order > 0
        case _:
            return order >= 0


def _compare(one: str | float, other: str | float) -> int:
    """Below, at or above zero. Strings are compared as versions: 1.9 is before 1.60."""
    left = _version(one) if isinstance(one, str) else [(0, float(one), "")]
    right = _version(other) if isinstance(other, str) else [(0, float(other), "")]
    return (left > right) - (left < right)


def _version(text: str) -> list[tuple[int, float, str]]:
    parts = [(0, float(part), "") if part.isdigit() else (-1, 0.0, part) for part in _VERSION_PART.findall(text)]
    while parts and parts[-1] == (0, 0.0, ""):
        parts.pop()  # 1.60 and 1.60.0 are the same version
    return parts
