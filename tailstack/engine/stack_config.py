"""What a stack's config holds beside its switches: credentials for the tailnet, and kubeconfigs.

Read from the stack's own file; the engine is asked only where a value is encrypted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from tailstack.plain import mapping

if TYPE_CHECKING:
    from tailstack.engine.pulumi import Pulumi

VARIABLES: Mapping[str, str] = {
    "tailscale:apiKey": "TAILSCALE_API_KEY",
    "tailscale:oauthClientId": "TAILSCALE_OAUTH_CLIENT_ID",
    "tailscale:oauthClientSecret": "TAILSCALE_OAUTH_CLIENT_SECRET",
    "tailscale:identityToken": "TAILSCALE_IDENTITY_TOKEN",
    "tailscale:audience": "TAILSCALE_AUDIENCE",
    "tailscale:baseUrl": "TAILSCALE_BASE_URL",
    "tailscale:tailnet": "TAILSCALE_TAILNET",
}
"""The keys of the config by which the provider is configured, and the variables that say the same."""

TOKEN_VARIABLE = "tailscale:identityTokenEnvironmentVariableName"  # noqa: S105  the name of a variable, not a secret
"""The key of the config that names another variable for the identity token, where a platform chooses its name."""

KEYS = frozenset({*VARIABLES, TOKEN_VARIABLE})
"""All keys of the config by which the provider is configured."""

_API_KEY = "tailscale:apiKey"
_CLIENT = "tailscale:oauthClientId"
_TOKEN = "tailscale:identityToken"  # noqa: S105  the name of a key
_PROOFS = frozenset({"tailscale:oauthClientSecret", _TOKEN, "tailscale:audience"})

# What the provider refuses together, and a token beside a secret, of which it would take the secret wherever it stands
# (https://github.com/tailscale/terraform-provider-tailscale, tailscale/provider.go).
_OVERRULED: Mapping[str, frozenset[str]] = {
    _API_KEY: frozenset({_CLIENT, *_PROOFS}),
    _CLIENT: frozenset({_API_KEY}),
    **dict.fromkeys(_PROOFS, frozenset({_API_KEY, *_PROOFS})),
}


class StackConfigError(Exception):
    """The config of a stack cannot be read. The text holds no value of it."""


def read_config(engine: Pulumi | None, file: Path, stack: str, wanted: frozenset[str]) -> dict[str, str]:
    """Those of the wanted keys (`tailscale:apiKey`) that a stack's config has, decrypted. `file` is the stack's own.

    Raises StackConfigError where a value is encrypted and there is no engine, or it cannot decrypt.
    """
    try:
        loaded: object = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        raise StackConfigError(f"the config of {stack} cannot be read") from None
    there = {key: value for key, value in mapping(mapping(loaded).get("config")).items() if key in wanted}
    if any(isinstance(value, dict) for value in there.values()):
        return _decrypted(engine, stack, frozenset(there))
    return {key: str(value) for key, value in there.items()}


def _decrypted(engine: Pulumi | None, stack: str, wanted: frozenset[str]) -> dict[str, str]:
    if engine is None:
        raise StackConfigError(f"the config of {stack} is encrypted, and pulumi is not on PATH")
    shown = engine.plain("config", "--show-secrets", "--json", "--stack", stack)
    if shown.returncode != 0:
        reason = shown.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise StackConfigError(f"the config of {stack} cannot be decrypted: {reason[0].removeprefix('error: ')}")
    every = cast("Mapping[str, Mapping[str, Any]]", json.loads(shown.stdout))
    return {key: str(every[key].get("value", "")) for key in wanted if key in every}


def with_config(variables: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    """The environment with what the config states of the provider: its credential goes before any other of the environment.

    A client may have its id in the one and what proves it in the other.
    """
    stated = dict(config)
    if token := variables.get(stated.get(TOKEN_VARIABLE, "")):
        stated.setdefault(_TOKEN, token)
    overruled = {VARIABLES[other] for key in stated for other in _OVERRULED.get(key, ())}
    kept = {name: value for name, value in variables.items() if name not in overruled}
    return kept | {VARIABLES[key]: value for key, value in stated.items() if key in VARIABLES}
