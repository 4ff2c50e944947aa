"""The selectors that people wrote into declarations, each with its place."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Place
from tailstack.topology.tailnet import DestinationKind, Tailnet


def written_selectors(tailnet: Tailnet) -> Iterator[tuple[str, Place]]:
    """Selectors of access entries that stand in the YAML as such; references to what is declared are left out."""
    for access in tailnet.access:
        for source in access.sources:
            if source.selectors == (source.reference,):
                yield source.reference, source.place
        for destination in access.destinations:
            if destination.kind is DestinationKind.SELECTOR:
                yield destination.reference, destination.place
