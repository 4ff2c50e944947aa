"""What `tailstack doctor` found: each thing that is needed, whether it is there, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tailstack.report.style import Style, one_line

JSON_VERSION = "1"
"""Version of the JSON: raised when a field changes its meaning or goes, not when one is added."""


class Mark(StrEnum):
    """Whether something is there."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One thing that is needed. `area` is where: `this machine`, `tailnet`, `cluster blue`. `mend` is empty where all is well."""

    area: str
    what: str
    mark: Mark
    told: str = ""
    mend: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """All points, in the order in which they are told."""

    environment: str
    points: tuple[Point, ...]

    @property
    def has_missing(self) -> bool:
        return any(point.mark is Mark.MISSING for point in self.points)

    def count(self, mark: Mark) -> int:
        return sum(point.mark is mark for point in self.points)

    def as_text(self, *, colour: bool) -> str:
        """For people. Ends with a newline."""
        return "\n".join(self._lines(Style(colour=colour))) + "\n"

    def as_data(self) -> dict[str, object]:
        """Plain data, for JSON; docs/doctor.md describes it."""
        points = [
            {"area": p.area, "what": p.what, "mark": str(p.mark), "told": p.told, "mend": p.mend} for p in self.points
        ]
        return {
            "version": JSON_VERSION,
            "environment": self.environment,
            "points": points,
            **{str(mark): self.count(mark) for mark in Mark},
        }

    def _lines(self, style: Style) -> Iterator[str]:
        for area in dict.fromkeys(point.area for point in self.points):
            yield style.strong(area[:1].upper() + area[1:])
            for point in self.points:
                if point.area == area:
                    yield from _told(point, style)
            yield ""
        yield ", ".join(f"{self.count(mark)} {mark}" for mark in Mark) + "."


def _told(point: Point, style: Style) -> Iterator[str]:
    paint = {Mark.OK: style.good, Mark.MISSING: style.bad, Mark.UNKNOWN: style.doubtful}[point.mark]
    told = f": {one_line(point.told)}" if point.told else ""
    yield f"  {paint(f'{point.mark:<7}')}  {point.what}{told}"
    if point.mend:
        yield f"           {style.faint(one_line(point.mend))}"
