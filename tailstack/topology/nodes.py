"""Nodes of the tailnet: their names and tags, written by hand or made from the names of what is declared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tailstack.finding import Rule
from tailstack.topology import naming
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.scopes import OUTSIDE_SCOPE

LONG_NODE_NAME = Rule(
    code="TS048",
    slug="long-node-name",
    what="The node name <cluster>-<name> is longer than 63 characters.",
    why="A node's name is one label of a DNS name.",
    mend="Set a shorter one with `hostname`.",
    source="https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.4",
    bad=(
        "clusters:\n"
        "  a-cluster-with-a-very-long-name:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      an-exposure-with-a-name-as-long-as-that: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
)

RULES = (LONG_NODE_NAME,)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeResolver:
    """Names and tags of nodes. `clusters` are the names of all clusters that are declared."""

    notes: Notes
    dns_name: str
    clusters: Collection[str]

    def fqdn(self, hostname: str) -> str:
        """The full MagicDNS name of a node of this tailnet."""
        return f"{hostname}.{self.dns_name}"

    def hostname(self, path: Path, by_hand: str | None, formerly: Sequence[str]) -> str:
        """The name of the one node of what is declared at this path: by hand, or from its oldest name."""
        hostname = by_hand or naming.node_name(str(path[1]), naming.first_name(str(path[3]), formerly))
        self._check_length(path, hostname, "hostname", "kubeAPIServer")
        return hostname

    def numbered(
        self, path: Path, by_hand: str | None, formerly: Sequence[str], replicas: int
    ) -> tuple[str, tuple[str, ...]]:
        """What the names of several nodes begin with, and the names: `<prefix>-0` and so on."""
        prefix = by_hand or naming.node_name(str(path[1]), naming.first_name(str(path[3]), formerly))
        hostnames = naming.numbered(prefix, replicas)
        self._check_length(path, max(hostnames, key=len, default=prefix), "hostname", "hostnamePrefix", "replicas")
        return prefix, hostnames

    def _check_length(self, path: Path, hostname: str, *made_of: str) -> None:
        if len(hostname) > naming.MAX_NODE_NAME and self.notes.knows(path, *made_of, "formerly"):
            message = f"The node name {hostname} has {len(hostname)} characters."
            self.notes.say(LONG_NODE_NAME, self.notes.key(*path), message=message)

    def member_tags(self, path: Path, by_hand: Sequence[str] | None, formerly: Sequence[str]) -> tuple[str, ...]:
        """The tags of what is declared in a cluster, at this path: by hand, or from its oldest name."""
        derived = naming.node_tag(str(path[1]), naming.first_name(str(path[3]), formerly))
        return self.tags((*path, "tags"), by_hand, derived)

    def tags(self, path: Path, by_hand: Sequence[str] | None, derived: str) -> tuple[str, ...]:
        """The tags that are written at this path of a cluster, or else the derived one."""
        if by_hand is None:
            return (derived,)
        self.notes.once(path, by_hand)
        scope = self.notes.scope_of(*path)
        for index, tag in enumerate(by_hand):
            if scope and not naming.is_tag_of_cluster(tag, str(path[1])):
                self.notes.say(
                    OUTSIDE_SCOPE,
                    self.notes.value(*path, index),
                    scope.place,
                    message=f"A node with the tag {tag} has all that this tag may reach, outside of the scope {scope} too.",
                    expected=f"a tag of this cluster, such as {derived}",
                    mend="Leave `tags` out to get the derived tag, or set it in a file without this scope.",
                )
        return tuple(by_hand)

    def consumers(self, path: Path, consumers: Sequence[str] | None) -> tuple[str, ...] | None:
        """The clusters that may link to what is declared at this path; None for all of them."""
        if consumers is None:
            return None
        self.notes.once((*path, "consumers"), consumers)
        for index, consumer in enumerate(consumers):
            self.check_cluster(consumer, *path, "consumers", index)
        return tuple(consumers) if self.notes.knows(path, "consumers") else None

    def check_cluster(self, name: str, *path: str | int) -> bool:
        """Note the name of a cluster, written at this path, that there is not. True where there is one."""
        if name in self.clusters:
            return True
        if not self.notes.is_broken("clusters", name):
            self.notes.unknown(*path, kind="cluster", name=name, known=self.clusters)
        return False
