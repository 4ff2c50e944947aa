"""Property values on the wire and as plain Python."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from tailstack.sandbox.plugins.values import (
    UNKNOWN,
    Change,
    Secret,
    differences,
    from_struct,
    has_unknown,
    reveal,
    to_struct,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_plain_values_come_back_as_they_went(properties: dict[str, Any]) -> None:
    assert from_struct(to_struct(properties)) == properties
    assert differences(properties, from_struct(to_struct(properties))) == {}


def test_a_secret_reads_on_the_wire_as_the_sdk_writes_it() -> None:
    struct = to_struct({"key": Secret({"deep": ["a"]})})
    assert rpc.deserialize_properties(struct)["key"] == rpc.wrap_rpc_secret({"deep": ["a"]})
    assert from_struct(struct) == {"key": {"deep": ["a"]}}
    assert "a" not in repr(Secret("a")).replace("Secret", "")


def test_an_unknown_reads_on_the_wire_as_the_sdk_writes_it() -> None:
    struct = to_struct({"id": UNKNOWN, "list": [UNKNOWN], "secret": Secret(UNKNOWN)})
    assert struct.fields["id"].string_value == rpc.UNKNOWN
    plain = from_struct(struct)
    assert plain["id"] is UNKNOWN
    assert plain["list"] == [UNKNOWN]
    assert plain["secret"] is UNKNOWN
    assert has_unknown(plain["list"])
    assert has_unknown(Secret({"a": [UNKNOWN]}))
    assert not has_unknown({"a": [1], "b": Secret("x")})


def test_an_output_value_is_its_value_or_unknown() -> None:
    output = {rpc._special_sig_key: rpc._special_output_value_sig, "secret": True}  # pyright: ignore[reportPrivateUsage]  the SDK's own word
    struct = to_struct({"known": {**output, "value": 7}, "unknown": output})
    assert from_struct(struct) == {"known": 7, "unknown": UNKNOWN}


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not a property value"):
        to_struct({"a": object()})


def test_a_null_is_none() -> None:
    struct = struct_pb2.Struct()
    struct.fields["a"].null_value = struct_pb2.NULL_VALUE
    assert from_struct(struct) == {"a": None}


def test_secrets_are_looked_through() -> None:
    assert reveal({"a": [Secret({"b": Secret(1)})]}) == {"a": [{"b": 1}]}
    assert differences({"a": 1}, {"a": Secret(1)}) == {}


def test_differences_are_told_by_path() -> None:
    old = {"spec": {"ports": [{"port": 80}, {"port": 81}], "gone": 1}, "metadata": {"annotations": {"a.b/c": "x"}}}
    new = {
        "spec": {"ports": [{"port": 80.0}, {"port": 82}, {"port": 83}]},
        "metadata": {"annotations": {"a.b/c": "y", 'q"': "z"}},
    }
    assert differences(old, new) == {
        "spec.ports[1].port": Change.UPDATE,
        "spec.ports[2]": Change.ADD,
        "spec.gone": Change.DELETE,
        'metadata.annotations["a.b/c"]': Change.UPDATE,
        'metadata.annotations["q\\""]': Change.ADD,
    }
    assert differences({"a": 1}, {"a": True}) == {"a": Change.UPDATE}
    assert differences({"a": [1]}, {"a": {"0": 1}}) == {"a": Change.UPDATE}
    assert differences({"a": UNKNOWN}, {"a": UNKNOWN}) == {"a": Change.UPDATE}
