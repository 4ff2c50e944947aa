"""Short ways to write policies in tests."""

from __future__ import annotations

import json

from tailstack.access.policy import Policy
from tailstack.access.reading import read_policy

FILE = "p.hujson"


def policy(**sections: object) -> Policy:
    """The policy with these sections, all on one line of p.hujson."""
    return read_policy(json.dumps(sections), file=FILE)


def grant(src: str | list[str], dst: str | list[str], *ip: str, **more: object) -> dict[str, object]:
    """A grant as it stands in a policy file."""
    found: dict[str, object] = {"src": _listed(src), "dst": _listed(dst), **more}
    return found | ({"ip": [*ip]} if ip else {})


def _listed(selectors: str | list[str]) -> list[str]:
    return [selectors] if isinstance(selectors, str) else selectors


TAGS: dict[str, object] = {"tag:a": [], "tag:b": [], "tag:web": [], "tag:router": []}
GROUPS: dict[str, object] = {"group:dev": ["ana@example.com", "li@example.com"], "group:nobody": []}
