"""What a reference such as `blue.nginx` leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tailstack.topology.notes import Notes
from tailstack.topology.tailnet import Cluster, Exposure, Ingress, Machine

_Thing = TypeVar("_Thing", Exposure, Ingress)


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """Everything that is declared, by the name that references use. Clusters are without their egresses yet."""

    notes: Notes
    clusters: Mapping[str, Cluster]
    exposures: Mapping[str, Exposure]
    ingresses: Mapping[str, Ingress]
    machines: Mapping[str, Machine]

    def exposure(self, reference: str, *path: str | int) -> Exposure | None:
        """The exposure `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("exposure", "expose", self.exposures, reference, *path)

    def ingress(self, reference: str, *path: str | int) -> Ingress | None:
        """The ingress `<cluster>.<name>` that is written at this path; None, with a finding, where there is none."""
        return self._member("ingress", "ingress", self.ingresses, reference, *path)

    def _member(
        self, kind: str, part: str, things: Mapping[str, _Thing], reference: str, *path: str | int
    ) -> _Thing | None:
        found = things.get(reference)
        cluster, _, name = reference.partition(".")
        if found is not None or self.notes.is_broken("clusters", cluster, part, name):
            return found
        if cluster not in self.clusters:
            self._say_unknown_cluster(cluster, *path)
            return None
        mend = ""
        for other_kind, others in (("exposure", self.exposures), ("ingress", self.ingresses)):
            if reference in others:
                mend = f"{reference} is an {other_kind}: write `{other_kind}: {reference}`."
        known = _references_of(self.clusters[cluster], part)
        known += [f"{cluster}.{name}" for name in self.notes.broken_names("clusters", cluster, part)]
        self.notes.unknown(*path, kind=kind, name=reference, known=known, mend=mend)
        return None

    def machine(self, name: str, *path: str | int) -> Machine | None:
        """The machine that is written at this path; None, with a finding, where there is none."""
        if name not in self.machines and not self.notes.is_broken("machines", name):
            known = [*self.machines, *self.notes.broken_names("machines")]
            self.notes.unknown(*path, kind="machine", name=name, known=known)
        return self.machines.get(name)

    def cluster(self, name: str, *path: str | int) -> Cluster | None:
        """The cluster that is written at this path; None, with a finding, where there is none."""
        if name not in self.clusters and not self.notes.is_broken("clusters", name):
            self._say_unknown_cluster(name, *path)
        return self.clusters.get(name)

    def _say_unknown_cluster(self, name: str, *path: str | int) -> None:
        known = [*self.clusters, *self.notes.broken_names("clusters")]
        self.notes.unknown(*path, kind="cluster", name=name, known=known)

    def by_fqdn(self) -> Mapping[str, Exposure | Ingress | Machine]:
        """Exposures, ingresses and machines by the full name of their node; of two with one name, the first."""
        every = (*self.exposures.values(), *self.ingresses.values(), *self.machines.values())
        return {thing.fqdn: thing for thing in reversed(every)}


def _references_of(cluster: Cluster, part: str) -> list[str]:
    things: Iterable[Exposure | Ingress] = cluster.exposures if part == "expose" else cluster.ingresses
    return [thing.reference for thing in things]
