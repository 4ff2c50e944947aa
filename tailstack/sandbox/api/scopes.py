"""Scopes of credentials, and who is calling.

The list and its meaning are those of https://tailscale.com/kb/1623/trust-credentials (read as quoted by the OpenAPI document
and the Terraform provider): `x` lets write and read, `x:read` only read; `all` and `all:read` stand for every scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from tailstack.sandbox.api.answers import RefusedError

_NAMES = (
    "all",
    "account_settings",
    "api_access_tokens",
    "auth_keys",
    "device_invites",
    "devices:core",
    "devices:posture_attributes",
    "devices:routes",
    "dns",
    "feature_settings",
    "federated_keys",
    "log_streaming",
    "logs:configuration",
    "logs:network",
    "networking_settings",
    "oauth_apps",
    "oauth_keys",
    "policy_file",
    "services",
    "users",
    "webhooks",
)
SCOPES = frozenset(_NAMES) | {f"{name}:read" for name in _NAMES}

# With one of these a credential can make devices, which then need tags to belong to.
TAGGED_SCOPES = frozenset({"devices:core", "auth_keys"})

# As the service words it: tailscale/tailscale#15969, tailscale/github-action#301.
FORBIDDEN = "calling actor does not have enough permissions to perform this function"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who calls: a user with an API key, or a trust credential by its access token (then `user_id` is empty).

    `every_tag` holds for users who administer the tailnet and for credentials with the scope `all`.
    """

    key_id: str
    user_id: str
    scopes: frozenset[str]
    tags: frozenset[str]
    is_federated: bool = False

    @property
    def every_tag(self) -> bool:
        return bool(self.user_id) or "all" in self.scopes

    def may(self, scope: str) -> bool:
        """Whether the credential's scopes imply this one."""
        return implied(scope, self.scopes)

    def need(self, *scopes: str) -> None:
        """Raise RefusedError (403) unless all of these scopes are implied."""
        if not all(self.may(scope) for scope in scopes):
            raise RefusedError(HTTPStatus.FORBIDDEN, FORBIDDEN)


def implied(scope: str, granted: Iterable[str]) -> bool:
    """Whether `granted` includes the scope, directly, by its writing form, or by `all`."""
    name = scope.removesuffix(":read")
    sufficient = {scope, name, "all"}
    if scope.endswith(":read"):
        sufficient.add("all:read")
    return not sufficient.isdisjoint(granted)
