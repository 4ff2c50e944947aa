"""One tailnet for several environments: one of them owns the policy file, and the others are its guests.

The owner names its guests, and each guest names its owner. All of them are loaded together and put together into one
tailnet, of which the one policy is compiled, and over which every rule is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from tailstack.finding import Finding, InvalidTailnetError, Place, Rule
from tailstack.topology.extras import NO_EXTRAS
from tailstack.topology.loading import UNKNOWN_ENVIRONMENT
from tailstack.topology.tailnet import Cluster, Group, Machine, Posture, Tailnet
from tailstack.topology.wording import listed, quoted

_OWNER = "# stacks/production/main.yaml\ntailnet: {dnsName: tail1a2b.ts.net, policy: {guests: [dev]}}\n"
_GUEST = "# stacks/dev/main.yaml\ntailnet: {dnsName: tail1a2b.ts.net, guestOf: production}\n"
_BLUE = 'clusters: {blue: {kubernetes: {context: blue}, operator: {chart: {version: "1.102.3"}}}}\n'
_BASE = '# stacks/?/base.hujson\n{"grants": []}\n'
_GROUP = "groups: {group:ops: [ana@example.com]}\n"

ONE_SIDED_GUEST = Rule(
    code="TS090",
    slug="one-sided-guest",
    what="An environment is a guest of another one that does not name it, or the other way round.",
    why="Its needs would be missing in the policy file, or a policy file would give access that nobody looks at any more.",
    mend="Name the guest in `tailnet: {policy: {guests: [...]}}` of the owner, and the owner in `guestOf` of the guest.",
    bad=_OWNER + _GUEST.replace(", guestOf: production", ""),
    good=_OWNER + _GUEST,
)
SHARED_CLUSTER_NAME = Rule(
    code="TS091",
    slug="shared-cluster-name",
    what="Two environments of one tailnet have a cluster of the same name.",
    why="Tags and names of nodes are derived of it: each could make nodes that look like the other's.",
    mend="Rename one of them: names of clusters are unique in a tailnet.",
    bad=f"{_OWNER}{_BLUE}{_GUEST}{_BLUE}",
    good=f"{_OWNER}{_BLUE}{_GUEST}{_BLUE.replace('blue', 'dev-blue')}",
)
CONFLICTING_ENVIRONMENTS = Rule(
    code="TS092",
    slug="conflicting-environments",
    what="Two environments of one tailnet declare the same group, posture, machine or Tailscale Service differently.",
    why="The tailnet has only one of each, and one of the two environments would be wrong about it.",
    mend="Make them equal, or give one of them another name.",
    bad=f"{_OWNER}{_GROUP}{_GUEST}{_GROUP.replace('ana', 'li')}",
    good=f"{_OWNER}{_GROUP}{_GUEST}{_GROUP}",
)
SETTINGS_OF_GUEST = Rule(
    code="TS093",
    slug="settings-of-guest",
    what="A guest declares what belongs to the tailnet as a whole.",
    why="Only the owner's stack writes the policy file, DNS and the settings of the tailnet; here it would have no effect.",
    mend="Move it to the environment that owns the tailnet.",
    bad=_OWNER + _GUEST.replace("production}", "production, policy: {base: base.hujson}}") + _BASE.replace("?", "dev"),
    good=_OWNER.replace("[dev]", "[dev], base: base.hujson") + _BASE.replace("?", "production") + _GUEST,
)
UNEQUAL_TAILNETS = Rule(
    code="TS094",
    slug="unequal-tailnets",
    what="A guest describes another tailnet than its owner does.",
    why="Names and certificates of its nodes would be other ones than it says.",
    mend="Write the same `dnsName`, `magicDNS` and `httpsCertificates` in both.",
    bad=_OWNER + _GUEST.replace("tail1a2b", "tail3c4d"),
    good=_OWNER + _GUEST,
)
RULES = (ONE_SIDED_GUEST, SHARED_CLUSTER_NAME, CONFLICTING_ENVIRONMENTS, SETTINGS_OF_GUEST, UNEQUAL_TAILNETS)


_Named = TypeVar("_Named", Group, Posture, Machine)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """An environment, and the whole tailnet that it is in: the owner with all of its guests. Mostly the two are the same."""

    own: Tailnet
    whole: Tailnet

    def concerns(self, places: Sequence[Place]) -> bool:
        """Whether something that is found in the whole tailnet is a matter of this environment.

        What has no place in any environment is a matter of the owner.
        """
        folders = {environment_of(place) for place in places}
        if self.own.environment in folders:
            return True
        return self.own.guest_of is None and folders.isdisjoint(self.whole.guests)


def environment_of(place: Place) -> str:
    """The environment in whose folder a place is; empty for a place elsewhere."""
    parts = place.file.split("/")
    return parts[1] if len(parts) > 2 else ""  # noqa: PLR2004  `stacks`, the environment and a file in it


def load_shared(environment: str, load: Callable[[str], Tailnet]) -> Shared:
    """An environment with all that share its tailnet. `load` gives one environment by its name.

    Raises InvalidTailnetError with the findings of all of them, and what `load` raises.
    """
    own = load(environment)
    if own.guest_of is None and not own.guests:
        return Shared(own=own, whole=own)
    findings: list[Finding] = []
    known = {environment: own}

    def other(name: str, asking: Tailnet) -> Tailnet | None:
        if name not in known:
            try:
                known[name] = load(name)
            except InvalidTailnetError as error:
                findings.extend(_placed(error.findings, asking.place))
                return None
        return known[name]

    owner = own if own.guest_of is None else other(own.guest_of, own)
    if owner is not None:
        names = dict.fromkeys((*owner.guests, *((environment,) if own.guest_of is not None else ())))
        guests = [guest for name in names if (guest := other(name, owner)) is not None]
        findings += _conflicts(owner, guests)
        if not findings:
            return Shared(own=own, whole=_together(owner, guests))
    raise InvalidTailnetError(findings)


def _placed(findings: Iterable[Finding], place: Place) -> Iterator[Finding]:
    """Findings of another environment; that there is none is one of the environment that names it."""
    for finding in findings:
        yield (
            replace(finding, places=(place,)) if finding.rule is UNKNOWN_ENVIRONMENT and not finding.places else finding
        )


def _together(owner: Tailnet, guests: Sequence[Tailnet]) -> Tailnet:
    every = (owner, *guests)
    return replace(
        owner,
        groups=_once(chain.from_iterable(one.groups for one in every)),
        postures=_once(chain.from_iterable(one.postures for one in every)),
        machines=_once(chain.from_iterable(one.machines for one in every)),
        clusters=tuple(cluster for one in every for cluster in one.clusters),
        services=tuple(service for one in every for service in one.services),
        access=tuple(access for one in every for access in one.access),
        ssh=tuple(access for one in every for access in one.ssh),
        suppressions=tuple(suppression for one in every for suppression in one.suppressions),
        files=tuple(file for one in every for file in one.files),
    )


def _once(entries: Iterable[_Named]) -> tuple[_Named, ...]:
    """The first of each name: what several environments declare is the same in all of them."""
    found: dict[str, _Named] = {}
    for entry in entries:
        found.setdefault(entry.name, entry)
    return tuple(found.values())


def _conflicts(owner: Tailnet, guests: Sequence[Tailnet]) -> Iterator[Finding]:
    for guest in guests:
        yield from _one_sided(owner, guest)
        yield from _unequal(owner, guest)
        yield from _settings(owner, guest)
    every = (owner, *guests)
    for index, one in enumerate(every):
        for other in every[index + 1 :]:
            yield from _same_clusters(one, other)
            yield from _differing(one, other)
            yield from _same_services(one, other)


def _one_sided(owner: Tailnet, guest: Tailnet) -> Iterator[Finding]:
    if guest.guest_of != owner.environment:
        yield ONE_SIDED_GUEST.at(
            owner.place,
            guest.place,
            message=f"{owner.environment} names {guest.environment} as a guest, and {guest.environment} "
            + (f"says that it is one of {guest.guest_of}." if guest.guest_of else "owns its tailnet itself."),
        )
    elif guest.environment not in owner.guests:
        yield ONE_SIDED_GUEST.at(
            guest.place,
            owner.place,
            message=f"{guest.environment} is a guest of {owner.environment}, which does not name it.",
            expected=f"guests: [{', '.join((*owner.guests, guest.environment))}]",
        )
    elif owner.guest_of is not None:
        yield ONE_SIDED_GUEST.at(
            guest.place,
            owner.place,
            message=f"{guest.environment} is a guest of {owner.environment}, which is one itself.",
            expected=f"guestOf: {owner.guest_of}",
        )


def _unequal(owner: Tailnet, guest: Tailnet) -> Iterator[Finding]:
    differing = [
        f"{key} is {_yaml(here)} in {owner.environment} and {_yaml(there)} in {guest.environment}"
        for key, here, there in (
            ("dnsName", owner.dns_name, guest.dns_name),
            ("magicDNS", owner.magic_dns, guest.magic_dns),
            ("httpsCertificates", owner.https_certificates, guest.https_certificates),
        )
        if here != there
    ]
    if differing:
        yield UNEQUAL_TAILNETS.at(guest.place, owner.place, message=f"{listed(differing)}.")


def _yaml(value: str | bool) -> str:  # noqa: FBT001  a value as it is written
    return value if isinstance(value, str) else str(value).lower()


def _settings(owner: Tailnet, guest: Tailnet) -> Iterator[Finding]:
    found: list[tuple[str, Place]] = []
    if guest.base_policy is not None or guest.guests or guest.extras != NO_EXTRAS:
        found.append(("a policy file, DNS, settings or other things of the whole tailnet", guest.place))
    found += [(f"settings of the device {one.name}", one.place) for one in guest.machines if one.device is not None]
    found += [(f"{one.name} with machines behind it", one.place) for one in guest.services if one.machines]
    for what, place in found:
        yield SETTINGS_OF_GUEST.at(
            place, message=f"{guest.environment} is a guest of {owner.environment}, and declares {what}."
        )


def _same_clusters(one: Tailnet, other: Tailnet) -> Iterator[Finding]:
    named = {cluster.name: cluster for cluster in one.clusters}
    for cluster in other.clusters:
        if cluster.name in named:
            yield SHARED_CLUSTER_NAME.at(
                cluster.place,
                named[cluster.name].place,
                message=f"{one.environment} and {other.environment} both have a cluster called {cluster.name}.",
            )


def _differing(one: Tailnet, other: Tailnet) -> Iterator[Finding]:
    yield from _pairs("group", one.groups, other.groups, (one, other), lambda group: group.members)
    yield from _pairs("posture", one.postures, other.postures, (one, other), lambda posture: posture.assertions)
    yield from _pairs("machine", one.machines, other.machines, (one, other), _of_machine)


def _of_machine(machine: Machine) -> object:
    return machine.hostname, machine.tags, machine.routes, machine.exit_node, machine.app_connector


def _pairs(
    kind: str,
    here: Iterable[_Named],
    there: Iterable[_Named],
    environments: tuple[Tailnet, Tailnet],
    value: Callable[[_Named], object],
) -> Iterator[Finding]:
    known = {entry.name: entry for entry in here}
    for entry in there:
        first = known.get(entry.name)
        if first is not None and value(first) != value(entry):
            yield CONFLICTING_ENVIRONMENTS.at(
                entry.place,
                first.place,
                message=f"The {kind} {quoted(entry.name)} is not the same in {environments[0].environment} and "
                f"{environments[1].environment}.",
            )


def _same_services(one: Tailnet, other: Tailnet) -> Iterator[Finding]:
    known = dict(_services(one))
    for name, place in _services(other):
        if name in known:
            yield CONFLICTING_ENVIRONMENTS.at(
                place,
                known[name],
                message=f"{one.environment} and {other.environment} both have the Tailscale Service {name}.",
                mend="Give one of them another name: what both serve would share its traffic.",
            )


def _services(tailnet: Tailnet) -> Iterator[tuple[str, Place]]:
    """Every Tailscale Service once, with the first place that brings it."""
    found = {service.name: service.place for service in tailnet.services}
    for cluster in tailnet.clusters:
        for name, place in services_in(cluster):
            found.setdefault(name, place)
    yield from found.items()


def services_in(cluster: Cluster) -> Iterator[tuple[str, Place]]:
    """The Tailscale Services that a cluster serves, each with the place that brings it."""
    for exposed in (*cluster.exposures, *cluster.ingresses):
        if exposed.tailscale_service is not None:
            yield exposed.tailscale_service, exposed.place
    for group in cluster.custom.proxy_groups:
        if group.service is not None:
            yield group.service, group.place
