"""Several phrases as one."""

from __future__ import annotations

from collections.abc import Sequence


def joined(phrases: Sequence[str]) -> str:
    """`a, b and c`; nothing for nothing."""
    return " and ".join(filter(None, (", ".join(phrases[:-1]), phrases[-1] if phrases else "")))
