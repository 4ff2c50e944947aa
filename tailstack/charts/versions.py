"""Versions of the operator's chart, which are those of the operator, and which of them are supported."""

from __future__ import annotations

import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, int, int]

SUPPORTED: tuple[Version, ...] = ((1, 104, 5), (1, 102, 3), (1, 100, 0))
"""The newest minor version and the two before it (odd ones are not released), each with the chart that the facts were
read in: `cmd/k8s-operator/deploy` of the Go module tailscale.com. Tests hold the facts against these charts."""

OLDEST: Version = (*SUPPORTED[-1][:2], 0)
"""The first supported version."""

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)\Z")


def version_of(text: str) -> Version | None:
    """Three numbers, or None for anything else."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def version_text(version: Version) -> str:
    """`1.104.5`."""
    return ".".join(map(str, version))


def is_read(version: Version) -> bool:
    """Whether it is known what this version does not know: of a later minor version it is not.

    Corrections within a minor version (1.102.0 to 1.102.5, 1.104.0 to 1.104.5) have never changed a key.
    """
    return version[:2] <= SUPPORTED[0][:2]
