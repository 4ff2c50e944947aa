"""What is live, as far as it could be read: the tailnet by Tailscale's API, the objects of each cluster by its API server.

Pure shapes. What could not be read is an `Unknown` with its reason in its place, which is not the same as nothing being there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from tailstack.plain import entries, mapping

Json: TypeAlias = Mapping[str, Any]
ObjectKey: TypeAlias = tuple[str, str, str]
"""Kind, namespace (empty for none) and name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """Something that could not be read: `what` in people's words (`cluster blue`), and why.

    `is_silent`: what was asked did not answer, or not now, so that nothing is learnt by asking it for more.
    """

    what: str
    reason: str
    is_silent: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveDevice:
    """A device. `name` is its MagicDNS name in small letters, `hostname` what the machine calls itself.

    `connected` is None where the service does not say; `routes` are the enabled ones, `advertised` all that it offers.
    """

    id: str
    name: str
    hostname: str
    user: str = ""
    tags: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    advertised: tuple[str, ...] = ()
    authorized: bool = True
    connected: bool | None = None
    is_external: bool = False

    @property
    def label(self) -> str:
        """The first part of its name, which is its own within the tailnet."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveKey:
    """A credential: `kind` is auth, client, federated or api. No secret is in it, because the API does not give one again.

    `is_revoked`: somebody has taken its validity away, before its time.
    """

    id: str
    kind: str
    description: str = ""
    tags: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    is_reusable: bool = False
    is_revoked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceHost:
    """A device that advertises a Tailscale Service, by its id, and whether it may."""

    device: str
    is_approved: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveService:
    """A Tailscale Service. `has_owner` tells whether operators have noted down that it is theirs.

    `hosts` is Unknown where nobody asked for them, or where the credential may not.
    """

    name: str
    tags: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    has_owner: bool = False
    hosts: tuple[ServiceHost, ...] | Unknown = field(
        default_factory=lambda: Unknown(what="hosts", reason="nobody asked")
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTailnet:
    """The tailnet. `policy` is the text of the policy file, `settings` has the API's names."""

    devices: tuple[LiveDevice, ...] | Unknown
    services: tuple[LiveService, ...] | Unknown
    keys: tuple[LiveKey, ...] | Unknown
    settings: Json | Unknown
    magic_dns: bool | Unknown
    policy: str | Unknown

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """What could not be read, but for the hosts of services."""
        parts = (self.devices, self.services, self.keys, self.settings, self.magic_dns, self.policy)
        return tuple(part for part in parts if isinstance(part, Unknown))


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One condition of an object's status, in the operator's own words."""

    is_true: bool
    reason: str
    message: str
    is_outdated: bool
    """Whether it was said of an older version of the object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveObject:
    """An object of a cluster: what the API server gave, of which this reads the parts that matter here."""

    kind: str
    body: Json = field(repr=False)

    @property
    def name(self) -> str:
        return str(self._metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self._metadata.get("namespace") or "")

    @property
    def key(self) -> ObjectKey:
        return (self.kind, self.namespace, self.name)

    @property
    def path(self) -> str:
        """`default/nginx`, or the name alone where there is no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def annotations(self) -> Mapping[str, str]:
        return cast("Mapping[str, str]", mapping(self._metadata.get("annotations")))

    @property
    def labels(self) -> Mapping[str, str]:
        return cast("Mapping[str, str]", mapping(self._metadata.get("labels")))

    @property
    def spec(self) -> Json:
        return mapping(self.body.get("spec"))

    @property
    def status(self) -> Json:
        return mapping(self.body.get("status"))

    def condition(self, kind: str) -> Condition | None:
        """A condition of its status by type; None where it has none of that type."""
        for one in entries(self.status.get("conditions")):
            if one.get("type") == kind:
                observed, generation = one.get("observedGeneration"), self._metadata.get("generation")
                return Condition(
                    is_true=one.get("status") == "True",
                    reason=str(one.get("reason", "")),
                    message=str(one.get("message", "")),
                    is_outdated=isinstance(observed, int) and isinstance(generation, int) and observed < generation,
                )
        return None

    @property
    def addresses(self) -> tuple[Json, ...]:
        """What its status says of where it is reached: `hostname`, `ip`, `ports`."""
        balancer = mapping(self.status.get("loadBalancer"))
        return tuple(entries(balancer.get("ingress")))

    @property
    def devices(self) -> tuple[str, ...]:
        """The MagicDNS names of the nodes that its status names."""
        named = (one.get("hostname") for one in entries(self.status.get("devices")))
        return tuple(name.rstrip(".").lower() for name in named if isinstance(name, str) and name)

    @property
    def _metadata(self) -> Json:
        return mapping(self.body.get("metadata"))


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCluster:
    """The objects of a cluster that have to do with the tailnet, and the kinds that could not be read."""

    name: str
    objects: Mapping[ObjectKey, LiveObject]
    unread: Mapping[str, Unknown] = field(default_factory=dict[str, Unknown])

    @classmethod
    def of(cls, name: str, objects: Iterable[LiveObject], unread: Mapping[str, Unknown] | None = None) -> LiveCluster:
        """A cluster from a list of objects."""
        return cls(name=name, objects={one.key: one for one in objects}, unread=unread or {})

    def find(self, kind: str, namespace: str, name: str) -> LiveObject | Unknown | None:
        """One object; None where there is none, Unknown where objects of its kind could not be read."""
        return self.unread.get(kind) or self.objects.get((kind, namespace, name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """All that is live: the tailnet, and each cluster by its name."""

    tailnet: LiveTailnet
    clusters: Mapping[str, LiveCluster | Unknown]

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """Everything that could not be read."""
        found = list(self.tailnet.unknown)
        for cluster in self.clusters.values():
            found += [cluster] if isinstance(cluster, Unknown) else cluster.unread.values()
        return tuple(found)
