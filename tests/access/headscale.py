"""A second opinion on a policy: headscale, which checks a policy file without a server against the nodes in a database.

Built on request (`tailstack sandbox build headscale`). The command, the tables and the words of its answer were read in
github.com/juanfont/headscale v0.29.2: cmd/headscale/cli/policy.go, hscontrol/db/schema.sql, hscontrol/policy/v2/test.go.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tailstack.access.inventory import Inventory, Node

_CONFIG = """\
server_url: http://127.0.0.1:8080
disable_check_updates: true
noise: {{private_key_path: {folder}/noise.key}}
prefixes: {{v4: 100.64.0.0/10, v6: "fd7a:115c:a1e0::/48"}}
database: {{type: sqlite, sqlite: {{path: {folder}/headscale.sqlite, write_ahead_log: false}}}}
dns: {{magic_dns: false, override_local_dns: false}}
log: {{level: error}}
"""
"""Nothing of it listens: the check opens the database itself."""

_FAILED = re.compile(
    r"^(\S+) -> (\S+?)(?: \((\S+)\))?: expected (ALLOWED|DENIED), got (?:ALLOWED|DENIED)$", re.MULTILINE
)
_NOWHERE = re.compile(
    r'^(\S+)(?: \((\S+)\))?: error testing "([^"]+)": (?:destination resolved to no IP|resolving)', re.MULTILINE
)
_NOBODY = re.compile(
    r'^(\S+)(?: \((\S+)\))?: (?:failed to resolve source|source "[^"]+" resolved to no IP)', re.MULTILINE
)
_SECONDS = 30


@dataclass(frozen=True, order=True, slots=True)
class Assertion:
    """One line of a test: whether `src` is to reach `dst` (with its port); `proto` is empty where the test has none."""

    src: str
    proto: str
    dst: str
    wanted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What headscale says to a policy. `failed` are assertions; a policy refused for its tests has at least one."""

    accepted: bool
    text: str
    failed: frozenset[Assertion]


class Headscale:
    """The program with a tailnet of its own in `folder`, its database made by itself and filled by us."""

    def __init__(self, program: Path, folder: Path, inventory: Inventory) -> None:
        self._program = program
        self._folder = folder
        self._checked = 0
        (folder / "headscale.yaml").write_text(_CONFIG.format(folder=folder))
        made = self._run("{}")
        assert made.returncode == 0, made.stderr
        with sqlite3.connect(folder / "headscale.sqlite") as database:
            _fill(database, inventory)

    def check(self, policy: str, assertions: frozenset[Assertion]) -> Answer:
        """Its answer to a policy file whose tests say these assertions."""
        done = self._run(policy)
        text = (done.stdout + done.stderr).strip()
        assert (done.returncode == 0) == (text == "Policy is valid"), text
        failed = _failed(text, assertions)
        assert bool(failed) == ("test(s) failed" in text), text
        return Answer(accepted=done.returncode == 0, text=text, failed=failed)

    def _run(self, policy: str) -> subprocess.CompletedProcess[str]:
        file = self._folder / "policy.hujson"
        file.write_text(policy)
        arguments = ["--force", "policy", "check", "--bypass-grpc-and-access-database-directly", "-f", str(file)]
        return subprocess.run(
            [str(self._program), "-c", str(self._folder / "headscale.yaml"), *arguments],
            env={"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def _failed(text: str, assertions: frozenset[Assertion]) -> frozenset[Assertion]:
    """The assertions that an answer names; one whose source is nobody fails with all of its test."""
    named = {(src, proto, dst, word == "ALLOWED") for src, dst, proto, word in _FAILED.findall(text)}
    nowhere = {(src, proto, dst) for src, proto, dst in _NOWHERE.findall(text)}
    nobody = set(_NOBODY.findall(text))
    found = {
        one
        for one in assertions
        if (one.src, one.proto, one.dst, one.wanted) in named
        or (one.src, one.proto, one.dst) in nowhere
        or (one.src, one.proto) in nobody
    }
    lines = text.splitlines()[1:] if "test(s) failed" in text else []
    understood = len(_FAILED.findall(text)) + len(_NOWHERE.findall(text)) + len(_NOBODY.findall(text))
    assert understood == len(lines), text
    return frozenset(found)


def _fill(database: sqlite3.Connection, inventory: Inventory) -> None:
    numbers = {user.login: number for number, user in enumerate(inventory.users, 1)}
    for login, number in numbers.items():
        row = (number, login.partition("@")[0], login)
        database.execute("INSERT INTO users (id, name, email, created_at) VALUES (?, ?, ?, '2026-01-01')", row)
    for number, node in enumerate(inventory.nodes, 1):
        row = _row(node, number, numbers)
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO nodes ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 -- ours


def _row(node: Node, number: int, users: dict[str, int]) -> dict[str, object]:
    routes = [str(route) for route in node.routes]
    addresses = {span.family: str(span) for span in node.addresses}
    return {
        "id": number,
        "machine_key": f"mkey:{number:064x}",
        "node_key": f"nodekey:{number:064x}",
        "disco_key": f"discokey:{number:064x}",
        "endpoints": "[]",
        "host_info": json.dumps({"Hostname": node.name, "RoutableIPs": routes}),
        "ipv4": addresses.get(4),
        "ipv6": addresses.get(6),
        "hostname": node.name,
        "given_name": node.name,
        "user_id": None if node.user is None else users[node.user],
        "register_method": "cli",
        "tags": json.dumps(list(node.tags)),
        "approved_routes": json.dumps(routes),
        "created_at": "2026-01-01 00:00:00",
    }
