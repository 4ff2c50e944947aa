"""The tailnets that are measured: declared in YAML, and as a plain policy file with the nodes of a tailnet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from tailstack.access.addresses import IPV4, Span
from tailstack.access.inventory import Inventory, Node, User

CLUSTERS, EXPOSURES, GRANTS, USERS = 100, 100, 5000, 200
GROUPS, MEMBERS = 50, 8
AT = datetime(2026, 1, 5, tzinfo=UTC)

_FIRST_ADDRESS = 0x64400001  # 100.64.0.1


def large_environment(changed: int = 0) -> dict[str, str]:
    """100 clusters of 100 exposures, 10 links each, 200 users in 50 groups, 5,000 access entries, one file per cluster.

    The first `changed` of the access entries are for the next group.
    """
    groups = "".join(
        f"  group:g{g}: [{', '.join(f'user{(g * 7 + u) % USERS}@example.com' for u in range(MEMBERS))}]\n"
        for g in range(GROUPS)
    )
    head = 'tailnet: {dnsName: large.ts.net}\ndefaults: {operator: {chart: {version: "1.102.3"}}}\ngroups:\n'
    files = {"stacks/large/tailnet.yaml": head + groups}
    for c in range(CLUSTERS):
        lines = [f"clusters:\n  c{c}:\n    kubernetes: {{context: c{c}}}\n    expose:\n"]
        lines += [
            f"      s{s}: {{namespace: default, ports: [tcp:80], selector: {{app: s{s}}}}}\n" for s in range(EXPOSURES)
        ]
        lines += ["    egress:\n"]
        lines += [
            f"      e{e}: {{namespace: default, to: {{exposure: c{(c + 1) % CLUSTERS}.s{e}}}}}\n" for e in range(10)
        ]
        files[f"stacks/large/c{c}.yaml"] = "".join(lines)
    files["stacks/large/access.yaml"] = "access:\n" + "".join(
        f"  - {{name: a{g}, from: [group:g{(g + (g < changed)) % GROUPS}], "
        f"to: [{{exposure: c{g % CLUSTERS}.s{g // CLUSTERS % EXPOSURES}}}]}}\n"
        for g in range(GRANTS)
    )
    return files


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainTailnet:
    """A policy file of `clusters` times 100 exposures with a tag each, and grants, users and groups in proportion.

    With 100 clusters: 10,200 nodes, 5,000 grants, 200 users, 50 groups, 640 KB.
    """

    clusters: int

    @property
    def nodes(self) -> int:
        return self.clusters * EXPOSURES + self.users

    @property
    def grants(self) -> int:
        return self.clusters * GRANTS // CLUSTERS

    @property
    def users(self) -> int:
        return self.clusters * USERS // CLUSTERS

    @property
    def groups(self) -> int:
        return self.clusters * GROUPS // CLUSTERS

    def policy(self, *, changed: bool = False) -> str:
        """The policy file. Where it is changed, one grant of 101 is for the next group."""
        tags = [_tag(c, s) for c in range(self.clusters) for s in range(EXPOSURES)]
        owners = [f'\t\t"{tag}": ["tag:op-c{index // EXPOSURES}"],' for index, tag in enumerate(tags)]
        owners += [f'\t\t"tag:op-c{c}": [],' for c in range(self.clusters)]
        groups = [
            f'\t\t"group:g{g}": {json.dumps([_login((g * 7 + u) % self.users) for u in range(MEMBERS)])},'
            for g in range(self.groups)
        ]
        grants = [
            f'\t\t{{"src": ["group:g{(g + (changed and not g % 101)) % self.groups}"], '
            f'"dst": ["{_tag(g % self.clusters, g // self.clusters % EXPOSURES)}"], "ip": ["tcp:80"]}},'
            for g in range(self.grants)
        ]
        sections = {"groups": ("{}", groups), "tagOwners": ("{}", owners), "grants": ("[]", grants)}
        parts = [
            f'\t"{name}": {ends[0]}\n{chr(10).join(lines)}\n\t{ends[1]},' for name, (ends, lines) in sections.items()
        ]
        return "\n".join(("// Generated to be measured.", "{", *parts, "}", ""))

    def inventory(self) -> Inventory:
        """A node for each exposure, and one for each user."""
        names = [(f"c{c}-s{s}", (_tag(c, s),), None) for c in range(self.clusters) for s in range(EXPOSURES)]
        devices = [(f"device{u}", (), _login(u)) for u in range(self.users)]
        return Inventory(
            nodes=tuple(
                Node(name=f"{name}.large.ts.net", tags=tags, user=user, addresses=(_address(index),))
                for index, (name, tags, user) in enumerate([*names, *devices])
            ),
            users=tuple(User(login=_login(u)) for u in range(self.users)),
        )


def _tag(cluster: int, exposure: int) -> str:
    return f"tag:c{cluster}--s{exposure}"


def _login(user: int) -> str:
    return f"user{user}@example.com"


def _address(index: int) -> Span:
    return Span(IPV4, _FIRST_ADDRESS + index, _FIRST_ADDRESS + index)
