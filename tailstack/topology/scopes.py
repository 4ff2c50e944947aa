"""What one file may declare, where it names its scope: some clusters, and nothing that reaches outside of them."""

from __future__ import annotations

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
    bad=(
        "# blue.yaml\n"
        "scope: {clusters: [blue]}\n"
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "machines: {ci: {tags: [tag:ci]}}\n"
    ),
    good=("# blue.yaml\nscope: {clusters: [blue]}\nclusters:\n  blue:\n    kubernetes: {context: blue}\n"),
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


def outside_of(scope: FileScope, root: PlacedMap) -> list[Finding]:
    """What one file declares that its scope leaves out. What access reaches is judged later."""
    findings: list[Finding] = []
    for section in [section for section in root if section not in {*_SECTIONS, SCOPE}]:
        message = f"A file with the scope {scope} has no section {quoted(section)}."
        findings.append(_outside(root, section, scope, message, expected=f"one of {listed(_SECTIONS)}"))
    clusters = root.get("clusters")
    if isinstance(clusters, PlacedMap):
        for name in [name for name in clusters if name not in scope.clusters]:
            message = f"{path_text(('clusters', name))} is outside of the scope {scope} of this file."
            findings.append(_outside(clusters, name, scope, message))
    return findings


def _outside(above: PlacedMap, key: str, scope: FileScope, message: str, expected: str = "") -> Finding:
    return OUTSIDE_SCOPE.at(Place(*above.marks[key][0]), scope.place, message=message, expected=expected)
