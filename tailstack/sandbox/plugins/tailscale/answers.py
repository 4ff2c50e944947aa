"""What the resources share: answers of the API as plain values, and complaints about inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from tailstack.sandbox.plugins.tailscale.http_api import Api, ApiError
from tailstack.sandbox.plugins.tailscale.kind import Complaint

_GONE: Final = 404


def found(api: Api, path: str) -> dict[str, Any] | None:
    """What is at `path` below the tailnet, or None where nothing is."""
    return _unless_gone(lambda: api.tailnet("GET", path))


def found_anywhere(api: Api, path: str) -> dict[str, Any] | None:
    """What is at `path` below the API, or None where nothing is."""
    return _unless_gone(lambda: api.call("GET", path))


def remove(api: Api, path: str) -> None:
    """Delete what is at `path` below the tailnet; what is gone already is no error."""
    _unless_gone(lambda: api.tailnet("DELETE", path))


def _unless_gone(call: Callable[[], Any]) -> Any:  # noqa: ANN401  JSON
    try:
        return call()
    except ApiError as error:
        if error.status == _GONE:
            return None
        raise


def listed(value: object) -> list[Any]:
    """A list of the API or of the inputs, which may be missing."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def table(value: object) -> dict[str, Any]:
    """An object of the API or of the inputs, which may be missing."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def at_most(name: str, limit: int) -> Complaint:
    """Complain about more than `limit` characters, in the words of the Terraform framework."""

    def complain(value: str) -> str | None:
        if len(value) <= limit:
            return None
        return f"Attribute {name} string length must be at most {limit}, got: {len(value)}"

    return complain


def one_of(name: str, *allowed: str) -> Complaint:
    """Complain about a value that is not among `allowed`, in the words of the Terraform framework."""

    def complain(value: str) -> str | None:
        if value in allowed:
            return None
        choices = " ".join(f'"{choice}"' for choice in allowed)
        return f'Attribute {name} value must be one of: [{choices}], got: "{value}"'

    return complain
