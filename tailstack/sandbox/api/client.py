"""A client of the stand-in for the demo, the tests and the drift command: the API's usual calls, and what only we have."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailstack.engine.tailscale_api import ApiKey, Json, LivePolicy, TailscaleApi
from tailstack.sandbox.failure import SandboxError

# Loopback only: a proxy from the environment could not reach it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceInfo:
    """A device. `name` is its full MagicDNS name, `user` `tagged-devices` where it has tags."""

    node_id: str
    name: str
    hostname: str
    user: str
    addresses: tuple[str, ...]
    tags: tuple[str, ...]
    authorized: bool
    advertised_routes: tuple[str, ...]
    enabled_routes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyInfo:
    """A credential. `secret` is filled only where it was just made; `kind` is auth, client, federated or api."""

    id: str
    kind: str
    description: str
    scopes: tuple[str, ...]
    tags: tuple[str, ...]
    invalid: bool
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class DnsInfo:
    """The tailnet's DNS settings."""

    magic_dns: bool
    nameservers: tuple[str, ...]
    search_paths: tuple[str, ...]
    split_dns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenRequest:
    """A request that the stand-in served; `status` 0 where a fault withheld the answer."""

    method: str
    path: str
    status: int


class SandboxClient:
    """The stand-in at `url`. `api` is the client that production code uses too.

    Calls raise TailscaleApiError where the API refuses, SandboxError where the control paths do.
    """

    def __init__(self, url: str, *, api_key: str, control_token: str) -> None:
        self.url = url
        self.api = TailscaleApi(ApiKey(secret=api_key), base_url=url)
        self._control_token = control_token

    @classmethod
    def of_folder(cls, url: str, folder: Path) -> SandboxClient:
        """The client with the secrets that the server keeps in its folder. Raises SandboxError if they are not there."""
        try:
            api_key, token = (
                (folder / name).read_text(encoding="utf-8").strip() for name in ("api-key", "control-token")
            )
        except OSError as error:
            raise SandboxError(f"the API stand-in's secrets cannot be read: {error}") from None
        return cls(url, api_key=api_key, control_token=token)

    def get_policy(self) -> LivePolicy:
        """The policy file and its ETag."""
        return self.api.policy()

    def set_policy(self, text: str, *, if_match: str = "") -> None:
        """Replace the policy file, as somebody does in the admin console."""
        self.api.set_policy(text, if_match=if_match)

    def devices(self) -> tuple[DeviceInfo, ...]:
        """All devices."""
        return tuple(map(_device, self.api.get("devices", query={"fields": "all"})["devices"]))

    def keys(self) -> tuple[KeyInfo, ...]:
        """All valid credentials."""
        return tuple(map(_key, self.api.get("keys", query={"all": "true"})["keys"]))

    def settings(self) -> Mapping[str, Any]:
        """The tailnet's settings by the API's names."""
        return self.api.get("settings")

    def dns(self) -> DnsInfo:
        """The tailnet's DNS settings."""
        return DnsInfo(
            magic_dns=self.api.get("dns", "preferences")["magicDNS"],
            nameservers=tuple(self.api.get("dns", "nameservers")["dns"]),
            search_paths=tuple(self.api.get("dns", "searchpaths")["searchPaths"]),
            split_dns={domain: tuple(found) for domain, found in self.api.get("dns", "split-dns").items()},
        )

    def create_oauth_client(self, *, scopes: Sequence[str], tags: Sequence[str] = (), description: str = "") -> KeyInfo:
        """A new OAuth client, with its secret."""
        body: Json = {"keyType": "client", "scopes": scopes, "tags": tags, "description": description}
        return _key(self.api.send("POST", "keys", body=body))

    def create_auth_key(self, *, tags: Sequence[str] = (), reusable: bool = False, ephemeral: bool = False) -> KeyInfo:
        """A new auth key, with its secret; devices that join by it need no approval."""
        create: Json = {"reusable": reusable, "ephemeral": ephemeral, "preauthorized": True, "tags": tags}
        return _key(self.api.send("POST", "keys", body={"capabilities": {"devices": {"create": create}}}))

    def register_device(
        self,
        hostname: str,
        *,
        auth_key: str = "",
        user: str = "",
        routes: Sequence[str] = (),
        services: Sequence[str] = (),
        os: str = "linux",
    ) -> DeviceInfo:
        """A node joins the tailnet, by an auth key or as the device of a user; a name that is taken gets `-1` behind it."""
        body: Json = {
            "hostname": hostname,
            "authKey": auth_key,
            "user": user,
            "advertisedRoutes": routes,
            "advertisedServices": services,
            "os": os,
        }
        return _device(self.control("POST", "devices", body))

    def advertise(
        self, node_id: str, *, routes: Sequence[str] | None = None, services: Sequence[str] | None = None
    ) -> DeviceInfo:
        """A node advertises these routes and Services from now on; None leaves what it advertised."""
        return _device(self.control("POST", f"devices/{node_id}/advertise", {"routes": routes, "services": services}))

    def connect(self, node_id: str, *, connected: bool) -> None:
        """A node comes on line or leaves; an ephemeral one that leaves is gone."""
        self.control("POST", f"devices/{node_id}/connection", {"connected": connected})

    def add_user(self, login_name: str, *, role: str = "member") -> str:
        """A person joins the tailnet; gives the user's id."""
        return str(self.control("POST", "users", {"loginName": login_name, "role": role})["id"])

    def inject_fault(
        self,
        status: int | str,
        *,
        path: str = ".*",
        method: str = "",
        times: int = 1,
        after: int = 0,
        applied: bool = False,
        retry_after: int = 0,
    ) -> None:
        """Let requests fail: those whose path the regular expression is found in, `times` of them (0 for all).

        `status` is an HTTP status, `timeout` or `drop`; the first `after` matching requests pass; with `applied` the
        request is carried out and only its answer withheld.
        """
        body: Json = {
            "status": status,
            "path": path,
            "method": method,
            "times": times,
            "after": after,
            "applied": applied,
            "retryAfter": retry_after,
        }
        self.control("POST", "faults", body)

    def clear_faults(self) -> None:
        """Let everything work again."""
        self.control("DELETE", "faults")

    def requests(self) -> tuple[SeenRequest, ...]:
        """The requests to the API since the start or the last `clear_requests`, oldest first."""
        seen = self.control("GET", "requests")["requests"]
        return tuple(SeenRequest(method=one["method"], path=one["path"], status=one["status"]) for one in seen)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self.control("DELETE", "requests")

    def change_behaviour(self, **choices: str | int | bool) -> None:
        """Change choices by their names in docs/api-stand-in.md, such as `unwornTags="fail"`."""
        self.control("PATCH", "behaviour", choices)

    def reset(self) -> None:
        """Start with a fresh tailnet; the admin's key stays."""
        self.control("POST", "reset")

    def control(self, method: str, path: str, body: Json = None) -> Any:  # noqa: ANN401 -- JSON of any shape
        """One call of the control paths. Raises SandboxError with the server's message."""
        request = urllib.request.Request(  # noqa: S310 -- an http:// URL of loopback that our own server printed
            f"{self.url}/sandbox/{path}",
            data=json.dumps(body or {}).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self._control_token}", "Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=30) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise SandboxError(f"the API stand-in refused: {json.loads(error.read())['message']}") from None
        except OSError as error:
            raise SandboxError(f"the API stand-in at {self.url} does not answer: {error}") from None


def _device(data: Mapping[str, Any]) -> DeviceInfo:
    return DeviceInfo(
        node_id=data["nodeId"],
        name=data["name"],
        hostname=data["hostname"],
        user=data["user"],
        addresses=tuple(data["addresses"]),
        tags=tuple(data["tags"]),
        authorized=data["authorized"],
        advertised_routes=tuple(data["advertisedRoutes"]),
        enabled_routes=tuple(data["enabledRoutes"]),
    )


def _key(data: Mapping[str, Any]) -> KeyInfo:
    create = data.get("capabilities", {}).get("devices", {}).get("create", {})
    return KeyInfo(
        id=data["id"],
        kind=data["keyType"],
        description=data["description"],
        scopes=tuple(data.get("scopes", ())),
        tags=tuple(data.get("tags", create.get("tags", ()))),
        invalid=data["invalid"],
        secret=data.get("key", ""),
    )
