"""Every rule about YAML, structure and references (TS001 to TS099), for the registry in `tailstack.rules`."""

from __future__ import annotations

from tailstack.finding import Rule
from tailstack.topology import (
    document,
    ends,
    entries,
    handed_on,
    links,
    loading,
    merging,
    nodes,
    notes,
    ports,
    resolve,
    routes,
    scopes,
    sharing,
    ssh,
    suppressions,
    unique_names,
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
            *unique_names.RULES,
            *nodes.RULES,
            *routes.RULES,
            *handed_on.RULES,
            *links.RULES,
            *ends.RULES,
            *entries.RULES,
            *ssh.RULES,
            *resolve.RULES,
            *suppressions.RULES,
            *sharing.RULES,
        ),
        key=lambda rule: rule.code,
    )
)
