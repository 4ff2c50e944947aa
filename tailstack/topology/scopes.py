"""What one file may declare, where it names its scope: some clusters, and nothing that reaches outside of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tailstack.finding import Finding, Place, Rule
from tailstack.topology.placed import PlacedMap
from tailstack.topology.schema import SCOPE
from tailstack.topology.wording import listed, path_text, quoted

OUTSIDE_SCOPE = Rule(
    code="TS024",
    slug="outside-scope",
    what="A file declares something outside of the clusters that its `scope` names, or lets somebody reach it.",
    why="A scope gives a file to one owner; what is outside of it belongs to others.",
    mend="Move it to a file without this scope, or widen the scope.",
)

_SECTIONS = ("clusters", "access")


@dataclass(frozen=True, slots=True)
class FileScope:
    """The scope of one file: the names of its clusters, where each of them is written, and where the scope is."""

    clusters: tuple[str, ...]
    places: tuple[Place, ...]
    place: Place

    def __str__(self) -> str:
        return listed(self.clusters)


def outside_of_scope(root: PlacedMap, scope: FileScope) -> Iterable[Finding]:
    """Sections and clusters of one file that its scope leaves out. What its access entries reach is judged later."""
    for section, (at, _) in root.marks.items():
        if section not in {*_SECTIONS, SCOPE}:
            message = f"A file with the scope {scope} has no section {quoted(section)}."
            yield OUTSIDE_SCOPE.at(Place(*at), scope.place, message=message, expected=f"one of {listed(_SECTIONS)}")
    clusters = root.get("clusters")
    if isinstance(clusters, PlacedMap):
        for name, (at, _) in clusters.marks.items():
            if name not in scope.clusters:
                message = f"{path_text(('clusters', name))} is outside of the scope {scope} of this file."
                yield OUTSIDE_SCOPE.at(Place(*at), scope.place, message=message)
