"""The provider: every resource kind of `kinds` through the same six steps, and the functions."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from tailstack.engine.github_identity import GitHubJob
from tailstack.sandbox.plugins.frame import Checked, Diff, Engine, Failure, Live, PluginError, Request
from tailstack.sandbox.plugins.tailscale import functions
from tailstack.sandbox.plugins.tailscale.http_api import (
    Api,
    ApiKey,
    Credentials,
    JobIdentity,
    environment,
    federated,
    oauth_client,
    secret_value,
)
from tailstack.sandbox.plugins.tailscale.kind import Kind
from tailstack.sandbox.plugins.tailscale.kinds import KINDS
from tailstack.sandbox.plugins.values import UNKNOWN, Change, Properties, Secret, has_unknown

_CREATE, _FETCH, _UPDATE, _DELETE = range(4)
_NAME_DIGITS: Final = 7


class TailscaleProvider:
    """Implements `frame.Provider`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._configured: Api | None = None

    def check_config(self, config: Properties) -> Sequence[Failure]:  # noqa: ARG002  judged when it is used
        return ()

    def replaces_on(self, old: Properties, new: Properties) -> frozenset[str]:  # noqa: ARG002  nothing does
        return frozenset()

    def configure(self, config: Properties) -> None:
        base = config.get("baseUrl") or environment("TAILSCALE_BASE_URL") or "https://api.tailscale.com"
        tailnet = config.get("tailnet") or environment("TAILSCALE_TAILNET") or "-"
        self._configured = Api(base, tailnet, _credentials(config))

    def check(self, request: Request) -> Checked:
        kind = _kind(request.type)
        inputs = {name: value for name, value in request.inputs.items() if name in kind.inputs and value is not None}
        if kind.named and "name" not in inputs:
            before = request.old_inputs.get("name")
            inputs["name"] = before or f"{request.name}-{request.seed.hex()[:_NAME_DIGITS]}"
        failures = [
            Failure(property=name, reason=f"Missing required property '{name}'")
            for name in kind.required
            if name not in inputs
        ]
        for name, complaint in kind.complaints.items():
            value = inputs.get(name)
            if value is not None and not has_unknown(value) and (reason := complaint(value)):
                failures.append(Failure(property=name, reason=reason))
        return Checked(inputs=inputs, failures=tuple(failures))

    def diff(self, request: Request) -> Diff:
        kind = _kind(request.type)
        changes = dict(_changes(kind, request.state, request.inputs))
        replaces = {name for name in changes if name in kind.replaces}
        if reason := kind.must_replace({**request.state, **request.inputs}):
            changes[reason] = Change.UPDATE
            replaces.add(reason)
        return Diff(changes=changes, replaces=frozenset(replaces), stables=kind.stable, between_inputs=False)

    def create(self, request: Request) -> Live:
        kind = _kind(request.type)
        wanted = {**kind.defaults, **request.inputs}
        if request.preview:
            return Live(id="", outputs=_sealed(kind, dict.fromkeys(kind.computed, UNKNOWN) | wanted))
        with _failing(kind, _CREATE):
            made, outputs = kind.create(self._api, wanted)
        return Live(id=made, outputs=_sealed(kind, wanted | outputs))

    def read(self, request: Request) -> Live | None:
        kind = _kind(request.type)
        with _failing(kind, _FETCH):
            found = kind.read(self._api, request.id, request.state)
        if found is None:
            return None
        outputs = {**kind.defaults, **request.state, **found}
        # On a refresh the inputs are those that the program gave; on an import, those that say something.
        given = request.inputs or {name for name in kind.inputs if outputs.get(name) not in _saying_nothing(kind, name)}
        inputs = {name: outputs[name] for name in kind.inputs if name in given and name in outputs}
        return Live(id=request.id, outputs=_sealed(kind, outputs), inputs=inputs)

    def update(self, request: Request) -> Properties:
        kind = _kind(request.type)
        kept = {
            name: value for name, value in request.state.items() if name not in kind.inputs or name in kind.computed
        }
        wanted = {**kept, **kind.defaults, **request.inputs}
        if request.preview:
            changing = {name: UNKNOWN for name in kind.computed if name not in (*kind.stable, *kind.inputs)}
            return _sealed(kind, wanted | changing)
        with _failing(kind, _UPDATE):
            outputs = kind.update(self._api, request.id, wanted) if kind.update else {}
        return _sealed(kind, wanted | outputs)

    def delete(self, request: Request) -> None:
        kind = _kind(request.type)
        if kind.delete is None:
            return
        with _failing(kind, _DELETE):
            kind.delete(self._api, request.id, request.state)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        function = functions.FUNCTIONS.get(token)
        if function is None:
            raise PluginError(f"the stand-in of the tailscale provider has no function {token!r} (docs/plugins.md)")
        return function(self._api, arguments, self._engine)

    @property
    def _api(self) -> Api:
        if self._configured is None:
            raise PluginError("the tailscale provider is used before it is configured")
        return self._configured


def _kind(token: str) -> Kind:
    kind = KINDS.get(token)
    if kind is None:
        raise PluginError(f"the stand-in of the tailscale provider has no resource {token!r} (docs/plugins.md)")
    return kind


def _changes(kind: Kind, state: Properties, inputs: Properties) -> Iterator[tuple[str, Change]]:
    for name in kind.inputs:
        old = state.get(name)
        if name not in inputs and name in kind.computed:
            continue
        new = inputs.get(name, kind.defaults.get(name))
        if _same(kind, name, old, new):
            continue
        yield name, Change.ADD if old is None else Change.DELETE if new is None else Change.UPDATE


def _same(kind: Kind, name: str, old: Any, new: Any) -> bool:  # noqa: ANN401  any property value
    if has_unknown(new):
        return False
    # Text, lists and maps that are empty are the same as none to the API, and it gives back one for the other.
    if old in _NOTHING and new in _NOTHING:
        return True
    if name in kind.sets and isinstance(old, list) and isinstance(new, list):
        return sorted(cast("list[str]", old)) == sorted(cast("list[str]", new))
    return name in kind.same and kind.same[name](old, new) if old != new else True


_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})


def _saying_nothing(kind: Kind, name: str) -> tuple[Any, ...]:
    return _NOTHING if name in kind.required else (*_NOTHING, kind.defaults.get(name))


def _sealed(kind: Kind, outputs: Properties) -> Properties:
    return {name: Secret(value) if name in kind.secret else value for name, value in outputs.items()}


@contextmanager
def _failing(kind: Kind, call: int) -> Generator[None]:
    try:
        yield
    except PluginError as error:
        raise PluginError(f"Failed to {kind.verbs[call]} {kind.label}: {error}") from error


def _credentials(config: Properties) -> Credentials:
    key = secret_value(config.get("apiKey") or environment("TAILSCALE_API_KEY"))
    client = config.get("oauthClientId") or environment("TAILSCALE_OAUTH_CLIENT_ID", "OAUTH_CLIENT_ID")
    secret = secret_value(
        config.get("oauthClientSecret") or environment("TAILSCALE_OAUTH_CLIENT_SECRET", "OAUTH_CLIENT_SECRET")
    )
    variable = config.get("identityTokenEnvironmentVariableName") or ""
    token = secret_value(
        config.get("identityToken") or environment("TAILSCALE_IDENTITY_TOKEN", "IDENTITY_TOKEN", variable)
    )
    audience = config.get("audience") or environment("TAILSCALE_AUDIENCE")
    if not any((key, client, secret, token, audience)):
        raise PluginError(
            "tailscale provider credentials are empty - set `api_key` or 'oauth_client_id' and one of "
            "'oauth_client_secret', 'identity_token', or 'audience'"
        )
    if key and any((client, secret, token, audience)):
        raise PluginError(
            "tailscale provider credentials are conflicting - `api_key` conflicts with 'oauth_client_id', "
            "'oauth_client_secret', 'identity_token', and 'audience'"
        )
    if audience and (secret or token):
        raise PluginError(
            "tailscale provider argument 'audience' conflicts with 'oauth_client_secret' and 'identity_token'"
        )
    if key:
        return ApiKey(key)
    if not client:
        raise PluginError("tailscale provider argument 'oauth_client_id' is empty")
    if secret:
        return oauth_client(client, secret, _strings(config.get("scopes")))
    if token:
        return federated(client, token)
    job = GitHubJob.in_environment(os.environ)
    if audience and job is not None:
        return JobIdentity(client, audience, job)
    raise PluginError(
        "one of tailscale provider arguments 'oauth_client_secret', 'identity_token' or, in GitHub Actions, 'audience' "
        "are mandatory with 'oauth_client_id'"
    )


def _strings(value: object) -> list[str]:
    """A list among the provider's inputs: the SDKs send it as JSON text."""
    parsed = json.loads(value) if isinstance(value, str) and value else value
    return [str(item) for item in cast("list[object]", parsed)] if isinstance(parsed, list) else []
