"""Secrets reach a policy pack in clear text, and what a policy says is printed. So each message is searched for them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

HIDDEN = "[secret]"

_SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 -- a type of resources
_NAMES = re.compile(r"(?:secret|password|token|api_?key|private_?key)\Z", re.IGNORECASE)
"""Names of properties that hold secrets, such as `clientSecret` among the chart's values."""

_OF_TAILSCALE = "tailscale:"
_KEY = "key"
"""That of an OAuth client or an auth key. A toleration of a pod has a `key` too, which is none."""

_TAILSCALE = re.compile(r"\btskey-[A-Za-z0-9_-]+")
_SHORTEST = 6
"""Characters below which a value is left: it stands in a message by chance."""


def without_secrets(message: str, resources: Iterable[PolicyResource]) -> str:
    """The message with a sign in place of every value that a resource of the stack keeps as a secret."""
    values = {value for resource in resources for value in _secrets(resource) if len(value) >= _SHORTEST}
    for value in sorted((value for value in values if value in message), key=len, reverse=True):
        message = message.replace(value, HIDDEN)
    return _TAILSCALE.sub(HIDDEN, message)


def _secrets(resource: PolicyResource) -> Iterator[str]:
    if resource.resource_type.startswith(_OF_TAILSCALE):
        yield from _texts(_at(resource.props, _KEY))
    if resource.resource_type != _SECRET:
        yield from _under_names(resource.props)
        return
    for part in ("data", "stringData"):
        for text in _texts(_at(resource.props, part)):
            yield text
            if part == "data":
                yield from _decoded(text)


def _under_names(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        for key in mapping:
            inner = _at(mapping, key)
            yield from _texts(inner) if _NAMES.search(key) else _under_names(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in _items(cast("Sequence[object]", value)):
            yield from _under_names(inner)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        for key in mapping:
            yield from _texts(_at(mapping, key))


def _items(sequence: Sequence[object]) -> Iterator[object]:
    for index in range(len(sequence)):
        try:
            yield sequence[index]
        except UnknownValueError:
            continue


def _at(mapping: Mapping[str, object], key: str) -> object:
    """What stands there; None where nothing does, or where it is not known."""
    try:
        return mapping.get(key)
    except UnknownValueError:
        return None


def _decoded(text: str) -> Iterator[str]:
    try:
        yield base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return
