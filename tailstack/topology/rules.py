"""Every rule about YAML, structure and references (TS001 to TS099), for the registry in `tailstack.rules`."""

from __future__ import annotations

from tailstack.finding import Rule
from tailstack.topology import (
    clusters,
    document,
    entries,
    links,
    loading,
    merging,
    notes,
    ports,
    resolve,
    scopes,
    sharing,
    suppressions,
    validation,
)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *document.RULES,
            *loading.RULES,
            merging.DECLARED_TWICE,
            scopes.OUTSIDE_SCOPE,
            *validation.RULES,
            *notes.RULES,
            *ports.RULES,
            *clusters.RULES,
            *links.RULES,
            *entries.RULES,
            *resolve.RULES,
            *suppressions.RULES,
            *sharing.RULES,
        ),
        key=lambda rule: rule.code,
    )
)
