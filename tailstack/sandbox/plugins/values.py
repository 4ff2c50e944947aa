"""Property values as plain Python: what the engine sends and takes, and how two sets of properties differ.

The engine carries properties in a protobuf Struct and marks what JSON cannot say by signatures and by fixed strings
(`pulumi/runtime/rpc.py` of the SDK, `resource/plugin/rpc.go` of the engine). Here they are None, bool, int, float, str,
list and dict, and two marks of ours: `UNKNOWN`, a value that is known after the update only, and `Secret`.

The stand-ins tell the engine that they take no secrets. It then sends the plain value and puts the mark back, on the
result, on every property that was secret among the inputs (`annotateSecrets` in `resource/plugin/provider_plugin.go`).
So a value that comes in is never a Secret; a provider wraps what is secret by nature, like a key that an API made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, cast

from google.protobuf import struct_pb2

Properties: TypeAlias = dict[str, Any]
"""Property names as in the schema (camelCase) to plain values, UNKNOWN and Secret."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a marker of the protocol, not a secret
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_STRINGS: Final = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_EXACT: Final = 2**53  # beyond it a double skips integers, and an int would pretend to an accuracy that is not there


@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt in its state and mask wherever it shows it."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Properties as the engine sent them. Secrets are unwrapped, an integral number becomes an int."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the engine takes them. Raises TypeError for what is no property value."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _set(struct.fields[key], value)
    return struct


def reveal(value: Any) -> Any:  # noqa: ANN401  any property value
    """`value` with every Secret in it replaced by what it holds."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(element) for key, element in cast("Properties", value).items()}
    if isinstance(value, list):
        return [reveal(element) for element in cast("list[Any]", value)]
    return value


def has_unknown(value: Any) -> bool:  # noqa: ANN401  any property value
    """Whether UNKNOWN is anywhere in `value`."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(element) for element in cast("Properties", value).values())
    if isinstance(value, list):
        return any(has_unknown(element) for element in cast("list[Any]", value))
    return value is UNKNOWN


class Change(StrEnum):
    """What became of one property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


def differences(old: Any, new: Any) -> dict[str, Change]:  # noqa: ANN401  any property value
    """Where `new` differs from `old`: property paths (`spec.ports[0].port`, `metadata.annotations["a.b/c"]`).

    As deep as both sides have the same shape; UNKNOWN in `new` differs from everything, Secrets are looked through.
    """
    return dict(_differences("", reveal(old), reveal(new)))


def _differences(path: str, old: object, new: object) -> Iterator[tuple[str, Change]]:
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("Properties", old), cast("Properties", new)
        for key in before | after:
            yield from _step(_join(path, key), before, after, key)
    elif isinstance(old, list) and isinstance(new, list):
        first, second = dict(enumerate(cast("list[Any]", old))), dict(enumerate(cast("list[Any]", new)))
        for index in first | second:
            yield from _step(f"{path}[{index}]", first, second, index)
    elif new is UNKNOWN or not _same(cast("object", old), new):
        yield path, Change.UPDATE


def _step(path: str, old: Mapping[Any, Any], new: Mapping[Any, Any], key: object) -> Iterator[tuple[str, Change]]:
    if key not in old:
        yield path, Change.ADD
    elif key not in new:
        yield path, Change.DELETE
    else:
        yield from _differences(path, old[key], new[key])


def _same(old: object, new: object) -> bool:
    # In Python True equals 1; among properties it does not.
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _join(path: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{quoted}"]'
    return f"{path}.{key}" if path else key


def _from_value(value: struct_pb2.Value) -> Any:  # noqa: ANN401  any property value
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWN_STRINGS else value.string_value
        case "list_value":
            return [_from_value(element) for element in value.list_value.values]
        case "struct_value":
            return _from_object(value.struct_value)
        case _:
            return None


def _from_object(struct: struct_pb2.Struct) -> Any:  # noqa: ANN401  any property value
    plain = from_struct(struct)
    match plain.get(_SIGNATURE):
        case str(signature) if signature == _SECRET:
            return plain["value"]
        case str(signature) if signature == _OUTPUT:
            return plain.get("value", UNKNOWN)
        case _:
            return plain


def _set(target: struct_pb2.Value, value: Any) -> None:  # noqa: ANN401  any property value
    match value:
        case None:
            target.null_value = struct_pb2.NULL_VALUE
        case bool():
            target.bool_value = value
        case int() | float():
            target.number_value = value
        case str():
            target.string_value = value
        case Unknown():
            target.string_value = _UNKNOWN_STRING
        case Secret():
            target.struct_value.fields[_SIGNATURE].string_value = _SECRET
            _set(target.struct_value.fields["value"], value.value)
        case Mapping():
            target.struct_value.SetInParent()
            for key, element in cast("Mapping[str, Any]", value).items():
                _set(target.struct_value.fields[key], element)
        case Sequence():
            target.list_value.SetInParent()
            for element in cast("Sequence[Any]", value):
                _set(target.list_value.values.add(), element)
        case _:
            raise TypeError(f"{type(value).__name__} is not a property value")
