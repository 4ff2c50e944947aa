"""From what is written to the resolved tailnet: every default filled in, every reference followed, or every finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tailstack.finding import Place, Rule
from tailstack.topology.accepting import with_accepting_class
from tailstack.topology.clusters import ClusterResolver
from tailstack.topology.custom_resources import app_connector
from tailstack.topology.declaration import (
    AccessDeclaration,
    ClusterDeclaration,
    EnvironmentDeclaration,
    GroupDeclaration,
    GroupRotation,
    MachineDeclaration,
    PolicyTests,
    PostureDeclaration,
    SshDeclaration,
)
from tailstack.topology.ends import EndResolver
from tailstack.topology.entries import AccessResolver
from tailstack.topology.links import LinkResolver
from tailstack.topology.merging import DECLARED_TWICE
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import UNKNOWN_REFERENCE, Notes
from tailstack.topology.operators import OperatorResolver
from tailstack.topology.placed import Path
from tailstack.topology.references import References
from tailstack.topology.rotation import on_turn, read_time
from tailstack.topology.routes import read_routes
from tailstack.topology.services import ServiceResolver
from tailstack.topology.ssh import SshResolver
from tailstack.topology.suppressions import suppressions
from tailstack.topology.tailnet import (
    Access,
    BasePolicy,
    Cluster,
    DeviceSettings,
    Exposure,
    Group,
    Ingress,
    Machine,
    Posture,
    SshAccess,
    Tailnet,
    TailscaleService,
)
from tailstack.topology.unique_names import check_name
from tailstack.topology.whole_tailnet import extras
from tailstack.topology.wording import did_you_mean, listed, path_text, quoted

WRONG_ROTATION = Rule(
    code="TS054",
    slug="wrong-rotation",
    what="A rotation whose beginning is no moment in time, or that wants more members on turn than there are.",
    why="Nobody could say whose turn it is.",
    mend='Write the beginning with its time zone and in quotes, such as "2026-01-05T09:00:00Z", and a size that fits.',
    source="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    bad=(
        "groups:\n"
        '  group:ops: {rotation: {members: [ana@example.com], every: 7d, from: "2026-01-05T09:00:00Z", size: 2}}\n'
    ),
    good=('groups:\n  group:ops: {rotation: {members: [ana@example.com], every: 7d, from: "2026-01-05T09:00:00Z"}}\n'),
)

RULES = (WRONG_ROTATION,)


def resolve(
    declaration: EnvironmentDeclaration,
    notes: Notes,
    *,
    environment: str,
    at: datetime,
    base_policy: BasePolicy | None,
    files: tuple[str, ...],
) -> Tailnet:
    """The tailnet as far as it is known. Findings are added to `notes`; with any, the result must not be used."""
    dns_name = declaration.tailnet.dns_name
    machines = {name: _machine(notes, name, machine, dns_name) for name, machine in declaration.machines.items()}
    nodes = NodeResolver(notes=notes, dns_name=dns_name, clusters=declaration.clusters)
    operators = OperatorResolver(notes=notes, nodes=nodes, defaults=declaration.defaults.operator)
    operators.check_defaults()
    service_resolver = ServiceResolver(notes=notes, nodes=nodes, machines=machines, clusters=declaration.clusters)
    services = service_resolver.services(declaration.services)
    clusters = _clusters(ClusterResolver(notes=notes, nodes=nodes, operators=operators), declaration, services)
    _check_scopes(notes, clusters)
    references = _references(notes, clusters, services, machines)
    links = LinkResolver(notes=notes, nodes=nodes, references=references, by_fqdn=references.by_fqdn())
    ends = EndResolver(notes=notes, references=references)
    return Tailnet(
        environment=environment,
        dns_name=dns_name,
        magic_dns=declaration.tailnet.magic_dns,
        https_certificates=declaration.tailnet.https_certificates,
        base_policy=base_policy,
        derive_tests=declaration.tailnet.policy.tests is PolicyTests.DERIVED,
        groups=tuple(_group(notes, name, group, at) for name, group in declaration.groups.items()),
        postures=tuple(
            Posture(name=name, assertions=tuple(_assertions(posture)), place=notes.key("postures", name))
            for name, posture in declaration.postures.items()
        ),
        machines=tuple(machines.values()),
        clusters=tuple(
            _with_egresses(links, clusters[name], cluster) for name, cluster in declaration.clusters.items()
        ),
        services=services,
        access=_access(AccessResolver(notes=notes, references=references, ends=ends), declaration.access),
        ssh=_ssh(SshResolver(notes=notes, ends=ends), declaration.ssh),
        extras=extras(notes, declaration.tailnet),
        guests=tuple(declaration.tailnet.policy.guests),
        guest_of=declaration.tailnet.guest_of,
        suppressions=tuple(suppressions(declaration, notes)),
        place=notes.key("tailnet"),
        files=files,
    )


def _machine(notes: Notes, name: str, declared: MachineDeclaration, dns_name: str) -> Machine:
    path = ("machines", name)
    check_name(notes, *path, name=name)
    notes.once((*path, "tags"), declared.tags)
    hostname = declared.hostname or name
    device = declared.device
    return Machine(
        name=name,
        hostname=hostname,
        fqdn=f"{hostname}.{dns_name}",
        tags=tuple(declared.tags),
        routes=read_routes(notes, (*path, "routes"), declared.routes),
        exit_node=declared.exit_node or not notes.knows(path, "exitNode"),
        app_connector=app_connector(notes, (*path, "appConnector"), declared.app_connector),
        device=DeviceSettings(
            tags=device.tags,
            routes=device.routes,
            authorized=device.authorized,
            key_expiry_disabled=device.key_expiry_disabled,
        )
        if device
        else None,
        place=notes.key(*path),
    )


def _clusters(
    resolver: ClusterResolver, declaration: EnvironmentDeclaration, services: Sequence[TailscaleService]
) -> dict[str, Cluster]:
    """The clusters without their egresses, which may lead to clusters that come later."""
    shared: dict[str, list[Exposure | Ingress]] = {}
    for service in services:
        for backend in service.backends:
            shared.setdefault(backend.cluster, []).append(backend)
    return {
        name: resolver.cluster(name, cluster, shared.get(name, ())) for name, cluster in declaration.clusters.items()
    }


def _references(
    notes: Notes,
    clusters: Mapping[str, Cluster],
    services: Sequence[TailscaleService],
    machines: Mapping[str, Machine],
) -> References:
    every = clusters.values()
    return References(
        notes=notes,
        clusters=clusters,
        exposures={one.reference: one for cluster in every for one in cluster.exposures if not one.is_shared},
        ingresses={one.reference: one for cluster in every for one in cluster.ingresses if not one.is_shared},
        services={service.name: service for service in services},
        machines=machines,
        connectors={one.reference: one for cluster in every for one in cluster.custom.connectors if not one.tailnet},
        recorders={one.reference: one for cluster in every for one in cluster.custom.recorders if not one.tailnet},
        peer_relays={one.reference: one for cluster in every for one in cluster.custom.peer_relays if not one.tailnet},
    )


def _with_egresses(links: LinkResolver, cluster: Cluster, declared: ClusterDeclaration) -> Cluster:
    paths = {name: ("clusters", cluster.name, "egress", name) for name in declared.egress}
    every = (links.egress(paths[name], egress) for name, egress in declared.egress.items())
    found = replace(cluster, egresses=tuple(egress for egress in every if egress is not None))
    return with_accepting_class(found, declared)


def _check_scopes(notes: Notes, clusters: Mapping[str, Cluster]) -> None:
    for scope in notes.scopes.values():
        for name, place in zip(scope.clusters, scope.places, strict=True):
            if name not in clusters and not notes.is_broken("clusters", name) and not notes.aside.may_declare(name):
                notes.say(
                    UNKNOWN_REFERENCE,
                    place,
                    message=f"There is no cluster called {quoted(name)}.",
                    expected=f"one of {listed(clusters)}",
                    mend=did_you_mean(name, clusters),
                )


def _group(notes: Notes, name: str, declared: list[str] | GroupDeclaration, at: datetime) -> Group:
    path, place = ("groups", name), notes.key("groups", name)
    if isinstance(declared, list):
        notes.once(path, declared)
        return Group(name=name, members=tuple(declared), place=place)
    notes.exactly_one(path, {"members": declared.members, "synced": declared.synced, "rotation": declared.rotation})
    notes.once((*path, "members"), declared.members or ())
    if declared.rotation is not None:
        return Group(
            name=name,
            members=_on_turn(notes, (*path, "rotation"), declared.rotation, at),
            on_rotation=True,
            place=place,
        )
    return Group(name=name, members=None if declared.members is None else tuple(declared.members), place=place)


def _assertions(declared: list[str] | PostureDeclaration) -> list[str]:
    return declared.assertions if isinstance(declared, PostureDeclaration) else declared


def _on_turn(notes: Notes, path: Path, rotation: GroupRotation, at: datetime) -> tuple[str, ...]:
    start = read_time(rotation.from_)
    if start is None:
        notes.say(
            WRONG_ROTATION,
            notes.value(*path, "from"),
            message=f"{path_text((*path, 'from'))} is {quoted(rotation.from_)}, which is no moment in time.",
            expected='a day, a time and a time zone, for example "2026-01-05T09:00:00Z"',
        )
    if rotation.size > len(rotation.members) and not notes.is_broken(*path, "members"):
        notes.say(
            WRONG_ROTATION,
            notes.value(*path, "size"),
            message=f"{rotation.size} members are to be on turn, and there are {len(rotation.members)}.",
            expected=f"a number from 1 to {len(rotation.members)}",
        )
        return ()
    if start is None:
        return ()
    return on_turn(rotation.members, start=start, every=rotation.every, size=rotation.size, at=at)


def _access(resolver: AccessResolver, declared: Sequence[AccessDeclaration]) -> tuple[Access, ...]:
    _check_entry_names(resolver.notes, "access", [entry.name for entry in declared])
    return tuple(resolver.access(("access", index), entry) for index, entry in enumerate(declared))


def _ssh(resolver: SshResolver, declared: Sequence[SshDeclaration]) -> tuple[SshAccess, ...]:
    _check_entry_names(resolver.notes, "ssh", [entry.name for entry in declared])
    return tuple(resolver.ssh(("ssh", index), entry) for index, entry in enumerate(declared))


def _check_entry_names(notes: Notes, section: str, names: Sequence[str]) -> None:
    first: dict[str, Place] = {}
    for index, name in enumerate(names):
        place = notes.value(section, index, "name")
        earlier = first.setdefault(name, place)
        if earlier is not place:
            message = f"Two {section} entries are called {quoted(name)}."
            notes.say(DECLARED_TWICE, place, earlier, message=message)
