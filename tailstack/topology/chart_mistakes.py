"""What was meant by a key or a word that the operator's chart does not know."""

from __future__ import annotations

from tailstack.charts.checking import Mistake, Path
from tailstack.topology.wording import nearest


def meant_key(mistake: Mistake) -> Path | None:
    """The path that was most likely meant by an unknown key: a name much like it beside it, or the same one elsewhere."""
    near = nearest(str(mistake.path[-1]), mistake.known)
    return (*mistake.path[:-1], near) if near else mistake.elsewhere
