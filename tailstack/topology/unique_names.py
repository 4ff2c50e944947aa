"""Names within the environment and within one cluster, of which no two may lead to one tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailstack.finding import Rule
from tailstack.topology import naming
from tailstack.topology.declaration import ClusterDeclaration, EgressDeclaration, Exposed, OfTailnet
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.wording import path_text

RESERVED_NAME = Rule(
    code="TS046",
    slug="reserved-name",
    what="A name with two hyphens in a row, or a cluster whose name begins with op-.",
    why="Derived tags are tag:k8s-<cluster>--<name> and tag:k8s-op-<cluster>; two things could get the same tag.",
    mend="Choose another name; node name and tags can be set by hand with `hostname` and `tags`.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web--a: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web-a: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
)
NAME_TAKEN = Rule(
    code="TS047",
    slug="name-taken",
    what="Two nodes that a cluster declares (exposures, ingresses, egresses, custom resources) have the same name, now or formerly.",
    why="They would get the same tag, and with it each other's access.",
    mend="Choose another name for one of them.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "    ingress:\n"
        "      web: {namespace: default, backend: {service: web, port: 80}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "    ingress:\n"
        "      page: {namespace: default, backend: {service: web, port: 80}}\n"
    ),
)

RULES = (RESERVED_NAME, NAME_TAKEN)


def check_name(notes: Notes, *path: str | int, name: str) -> None:
    """Note a name that could share a derived tag with another one."""
    is_cluster = path == ("clusters", name)
    if naming.SEPARATOR in name:
        notes.say(RESERVED_NAME, notes.key(*path), message=f"The name {name} has two hyphens in a row.")
    elif is_cluster and name.startswith(naming.OPERATOR_PREFIX):
        clash = naming.operator_tag(name.removeprefix(naming.OPERATOR_PREFIX))
        message = f"A cluster called {name} would have the tag {clash} of another cluster's operator."
        notes.say(RESERVED_NAME, notes.key(*path), message=message)


def check_names(notes: Notes, cluster: str, declared: ClusterDeclaration, services: Iterable[str]) -> None:
    """Note names within one cluster that would share a tag, by what they are called now or were called before.

    `services` are the Tailscale Services that the cluster serves: each stands among its exposures and ingresses, by the label
    of its name.
    """
    parts: dict[str, Mapping[str, Exposed | EgressDeclaration | OfTailnet]] = {
        "expose": declared.expose,
        "ingress": declared.ingress,
        "egress": declared.egress,
        "proxyGroups": declared.proxy_groups,
        "connectors": declared.connectors,
        "recorders": declared.recorders,
        "peerRelays": declared.peer_relays,
    }
    taken: dict[str, Path] = {}
    for part, things in parts.items():
        for name in things:
            path = ("clusters", cluster, part, name)
            check_name(notes, *path, name=name)
            _check_taken(notes, path, name, taken)
    exposed = {name: taken[name] for name in (*declared.expose, *declared.ingress)}
    for service in services:
        _check_taken(notes, ("services", service, "backends", cluster), service.removeprefix("svc:"), exposed)
    for part, things in parts.items():
        for name, thing in things.items():
            for index, old_name in enumerate(thing.formerly):
                path = ("clusters", cluster, part, name, "formerly", index)
                check_name(notes, *path, name=old_name)
                _check_taken(notes, path, old_name, taken)


def _check_taken(notes: Notes, path: Path, name: str, taken: dict[str, Path]) -> None:
    other = taken.setdefault(name, path)
    if other is not path:
        message = f"The name {name} is taken: {path_text(other)}."
        notes.say(NAME_TAKEN, notes.key(*path), notes.key(*other), message=message)
