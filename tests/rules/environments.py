"""Environments for tests of rules: small texts with the expected places marked in them (see tests/topology/marked.py)."""

from __future__ import annotations

from tailstack.finding import Finding, Place, Rule
from tailstack.rules.check import Checked, check_tailnet
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet
from tests.topology.marked import AT, ENVIRONMENT, path_of, unmarked

TAILNET = 'tailnet: {dnsName: tail1a2b.ts.net}\ndefaults: {operator: {chart: {version: "1.102.3"}}}\n'
WITH_BASE = TAILNET.replace("ts.net}", "ts.net, policy: {base: base.hujson}}")

Files = dict[str, str]


def files_of(text: str, *, tailnet: str = TAILNET, base: str | None = None) -> Files:
    """An environment of one text, with the tailnet's own settings and, if there is one, a hand-written policy file."""
    if base is None:
        return {"a.yaml": tailnet, "main.yaml": text}
    return {"a.yaml": tailnet if tailnet is not TAILNET else WITH_BASE, "main.yaml": text, "base.hujson": base}


def tailnet_of(text: str, *, tailnet: str = TAILNET, base: str | None = None) -> Tailnet:
    """The resolved tailnet of such an environment."""
    files = files_of(text, tailnet=tailnet, base=base)
    return resolve_files({path_of(name): content for name, content in files.items()}, ENVIRONMENT, AT)


def check(text: str, *, base: str | None = None) -> tuple[Checked, tuple[Place, ...]]:
    """What checking such an environment finds, and the places that are marked in it."""
    texts, places = unmarked(files_of(text, tailnet=TAILNET, base=base))
    return check_tailnet(resolve_files(texts, ENVIRONMENT, AT)), places


def found(checked: Checked, rule: Rule) -> tuple[Finding, ...]:
    """The findings of one rule."""
    return tuple(finding for finding in checked.findings if finding.rule is rule)
