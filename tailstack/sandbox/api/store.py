"""Keeps the tailnet in a folder: one JSON file, replaced whole, readable by its owner only."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from tailstack.sandbox.api.credentials import digest, new_id, new_secret
from tailstack.sandbox.api.tailnet import Contact, Dns, Key, KeyKind, Role, Tailnet, UnwornTags, User
from tailstack.sandbox.failure import SandboxError

_VERSION = 1
_STATE, _API_KEY, _CONTROL_TOKEN, _LOCK = "state.json", "api-key", "control-token", "lock"
_ADMIN_DESCRIPTION = "sandbox admin"

T = TypeVar("T")


class Store:
    """The folder of one stand-in. Holds a lock on it while open, so that two servers never share a state.

    `api-key` holds the admin's API key and `control-token` the token of the `/sandbox/` paths; both are made when missing.
    Raises SandboxError where another server holds the folder or its state cannot be read.
    """

    def __init__(self, folder: Path, *, name: str, dns_name: str, unworn_tags: UnwornTags = UnwornTags.PASS) -> None:
        self._folder = folder
        self._unworn_tags = unworn_tags
        self._encoder = _Encoder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(folder / _LOCK)
        try:
            self.control_token = _secret_file(folder / _CONTROL_TOKEN, lambda: new_secret("control", new_id("c")))
            self._api_key = _secret_file(folder / _API_KEY, lambda: new_secret("api", new_id("k")))
            tailnet = self._load() or fresh(name=name, dns_name=dns_name)
            self.tailnet = dataclasses.replace(tailnet, name=name, dns_name=dns_name)
            self.save(self._with_choices(self.tailnet))
        except BaseException:
            self.close()
            raise

    def save(self, tailnet: Tailnet) -> None:
        """Make this the state, on disk first: what a client was told happened survives a crash of the server."""
        temporary = self._folder / f"{_STATE}.new"
        _write_private(temporary, f'{{"version":{_VERSION},"tailnet":{self._encoder.text(tailnet)}}}')
        temporary.replace(self._folder / _STATE)
        self.tailnet = tailnet

    def save_fresh(self) -> None:
        """Make a new tailnet with the same names and the same admin key the state."""
        before = self.tailnet
        self.save(self._with_choices(fresh(name=before.name, dns_name=before.dns_name)))

    def _with_choices(self, tailnet: Tailnet) -> Tailnet:
        """The tailnet with the key of the file `api-key` as its owner's, and with what was chosen for this server."""
        behaviour = dataclasses.replace(tailnet.behaviour, unworn_tags=self._unworn_tags)
        key_id = self._api_key.split("-")[2]
        owner = next(user for user in tailnet.users.values() if user.role is Role.OWNER)
        key = Key(
            id=key_id,
            kind=KeyKind.API,
            created=datetime.now(UTC).replace(microsecond=0),
            secret_digest=digest(self._api_key),
            description=_ADMIN_DESCRIPTION,
            user_id=owner.id,
            scopes=("all",),
        )
        keys = {
            id_: other
            for id_, other in tailnet.keys.items()
            if id_ == key_id or other.kind is not KeyKind.API or other.description != _ADMIN_DESCRIPTION
        }
        keys.setdefault(key_id, key)
        return dataclasses.replace(tailnet, keys=keys, behaviour=behaviour)

    def close(self) -> None:
        """Give the folder free."""
        os.close(self._lock)

    def _load(self) -> Tailnet | None:
        path = self._folder / _STATE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["version"] != _VERSION:
                raise SandboxError(f"{path} was written by another version of tailstack; delete it to start afresh")
            return _decode(Tailnet, data["tailnet"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxError(f"{path} cannot be read ({error}); delete it to start afresh") from None


def fresh(*, name: str, dns_name: str) -> Tailnet:
    """A tailnet as it is just after it was made: one owner, the default policy, nothing else."""
    owner = User(
        id=new_id("u"),
        login_name=f"owner@{name}",
        display_name="Owner",
        role=Role.OWNER,
        created=datetime.now(UTC).replace(microsecond=0),
    )
    contacts = {kind: Contact(email=owner.login_name) for kind in ("account", "support", "security")}
    return Tailnet(name=name, dns_name=dns_name, users={owner.id: owner}, contacts=contacts, dns=Dns())


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise SandboxError(f"another server uses {path.parent}; stop it, or give another folder") from None
    return handle


def _secret_file(path: Path, make: Callable[[], str]) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = make()
        _write_private(path, text + "\n")
    if text.count("-") != 3:  # noqa: PLR2004 -- tskey, kind, id, random
        raise SandboxError(f"{path} does not hold a secret that was made for it; delete it to get a new one")
    return text


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


class _Encoder:
    """Writes a tailnet as JSON. What did not change since the last time is not written anew: entries are immutable."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, str]] = {}

    def text(self, tailnet: Tailnet) -> str:
        """The tailnet as one line of JSON."""
        used: dict[int, tuple[object, str]] = {}
        sections = (
            f"{json.dumps(item.name)}:{self._section(getattr(tailnet, item.name), used)}"
            for item in dataclasses.fields(tailnet)
        )
        text = f"{{{','.join(sections)}}}"
        self._known = used
        return text

    def _section(self, value: object, used: dict[int, tuple[object, str]]) -> str:
        if not isinstance(value, dict):
            return self._entry(value, used)
        entries = cast("dict[str, object]", value)
        return f"{{{','.join(f'{json.dumps(key)}:{self._entry(one, used)}' for key, one in entries.items())}}}"

    def _entry(self, value: object, used: dict[int, tuple[object, str]]) -> str:
        known = self._known.get(id(value))
        # The object is kept beside its text, so that its id cannot have become another's.
        if known is None or known[0] is not value:
            known = (value, json.dumps(_encode(value), separators=(",", ":")))
        used[id(value)] = known
        return known[1]


def _encode(value: object) -> Any:  # noqa: ANN401 -- JSON of any shape
    if dataclasses.is_dataclass(value):
        return {item.name: _encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_encode(item) for item in cast("tuple[object, ...]", value)]
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: type[T], data: Any) -> T:  # noqa: ANN401 -- JSON of any shape
    return cast("T", _decoded(kind, data))


def _decoded(kind: Any, data: Any) -> object:  # noqa: ANN401 -- types are values here
    """The inverse of `_encode` for the types that tailnet.py uses; fields that are missing keep their default."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is types.UnionType:
        inner = next((one for one in arguments if one is datetime), None)
        return _decoded(inner, data) if inner and data is not None else data
    if origin is tuple:
        return tuple(_decoded(arguments[0], item) for item in data)
    if origin is dict:
        return {key: _decoded(arguments[1], item) for key, item in data.items()}
    if dataclasses.is_dataclass(kind):
        hints = _hints(cast("type", kind))
        return cast("Any", kind)(**{name: _decoded(hints[name], item) for name, item in data.items() if name in hints})
    if kind is datetime:
        return datetime.fromisoformat(data)
    return kind(data) if issubclass(kind, StrEnum) else data
