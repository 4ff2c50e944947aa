"""From what is written to the resolved tailnet: every default filled in, every reference followed, or every finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tailstack.finding import Place, Rule
from tailstack.topology.clusters import ClusterResolver, check_chart, check_name, check_names
from tailstack.topology.declaration import (
    AccessDeclaration,
    ClusterDeclaration,
    EnvironmentDeclaration,
    GroupDeclaration,
    GroupRotation,
    MachineDeclaration,
    PolicyTests,
    PostureDeclaration,
)
from tailstack.topology.entries import AccessResolver
from tailstack.topology.links import LinkResolver
from tailstack.topology.merging import DECLARED_TWICE
from tailstack.topology.notes import UNKNOWN_REFERENCE, Notes
from tailstack.topology.placed import Path
from tailstack.topology.references import References
from tailstack.topology.rotation import on_turn, read_time
from tailstack.topology.suppressions import suppressions
from tailstack.topology.tailnet import (
    Access,
    BasePolicy,
    Cluster,
    Egress,
    Exposure,
    Group,
    Machine,
    Posture,
    Tailnet,
)
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
    resolver = ClusterResolver(
        notes=notes, dns_name=dns_name, defaults=declaration.defaults.operator, clusters=declaration.clusters
    )
    check_chart(notes, ("defaults", "operator", "chart"), resolver.defaults.chart)
    clusters = {name: _cluster(resolver, name, cluster) for name, cluster in declaration.clusters.items()}
    _check_scopes(notes, clusters)
    references = References(
        notes=notes,
        clusters=clusters,
        exposures={exposure.reference: exposure for cluster in clusters.values() for exposure in cluster.exposures},
        ingresses={ingress.reference: ingress for cluster in clusters.values() for ingress in cluster.ingresses},
        machines=machines,
    )
    links = LinkResolver(notes=notes, clusters=resolver, references=references, by_fqdn=references.by_fqdn())
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
            replace(clusters[name], egresses=_egresses(links, name, cluster))
            for name, cluster in declaration.clusters.items()
        ),
        access=_access(AccessResolver(notes=notes, references=references), declaration.access),
        guests=tuple(declaration.tailnet.policy.guests),
        guest_of=declaration.tailnet.guest_of,
        suppressions=tuple(suppressions(declaration, notes)),
        place=notes.key("tailnet"),
        files=files,
    )


def _machine(notes: Notes, name: str, declared: MachineDeclaration, dns_name: str) -> Machine:
    check_name(notes, "machines", name, name=name)
    notes.once(("machines", name, "tags"), declared.tags)
    hostname = declared.hostname or name
    return Machine(
        name=name,
        hostname=hostname,
        fqdn=f"{hostname}.{dns_name}",
        tags=tuple(declared.tags),
        place=notes.key("machines", name),
    )


def _cluster(resolver: ClusterResolver, name: str, declared: ClusterDeclaration) -> Cluster:
    """The cluster without its egresses, which may lead to clusters that come later."""
    notes, path = resolver.notes, ("clusters", name)
    check_name(notes, *path, name=name)
    check_names(notes, name, declared)
    kubernetes = declared.kubernetes
    notes.exactly_one((*path, "kubernetes"), {"context": kubernetes.context, "kubeconfig": kubernetes.kubeconfig})
    exposures: list[Exposure] = []
    for key, expose in declared.expose.items():
        exposure = resolver.exposure((*path, "expose", key), expose)
        if exposure is None:
            notes.broken.add((*path, "expose", key))
        else:
            exposures.append(exposure)
    return Cluster(
        name=name,
        labels=tuple(declared.labels.items()),
        context=kubernetes.context,
        kubeconfig_secret=kubernetes.kubeconfig.secret if kubernetes.kubeconfig else None,
        operator=resolver.operator(name, declared.operator),
        exposures=tuple(exposures),
        ingresses=tuple(resolver.ingress((*path, "ingress", key), entry) for key, entry in declared.ingress.items()),
        egresses=(),
        place=notes.key(*path),
    )


def _egresses(links: LinkResolver, cluster: str, declared: ClusterDeclaration) -> tuple[Egress, ...]:
    every = (links.egress(("clusters", cluster, "egress", name), egress) for name, egress in declared.egress.items())
    return tuple(egress for egress in every if egress is not None)


def _check_scopes(notes: Notes, clusters: Mapping[str, Cluster]) -> None:
    for scope in notes.scopes.values():
        for name, place in zip(scope.clusters, scope.places, strict=True):
            if name not in clusters and not notes.is_broken("clusters", name) and notes.is_whole:
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
    if rotation.size > len(rotation.members):
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
    notes = resolver.notes
    first: dict[str, Place] = {}
    for index, entry in enumerate(declared):
        place = notes.value("access", index, "name")
        earlier = first.setdefault(entry.name, place)
        if earlier is not place:
            message = f"Two access entries are called {quoted(entry.name)}."
            notes.say(DECLARED_TWICE, place, earlier, message=message)
    every = (resolver.access(("access", index), entry) for index, entry in enumerate(declared))
    return tuple(access for access in every if access is not None)
