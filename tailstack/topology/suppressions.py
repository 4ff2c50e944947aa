"""Warnings that are meant, written beside the thing that they are about: from the declarations to where they hold.

Whether there is such a rule, and whether it still finds anything there, is decided in `tailstack.rules.suppress`, which
knows the rules and what they found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.topology.declaration import (
    ClusterDeclaration,
    EnvironmentDeclaration,
    GroupDeclaration,
    PostureDeclaration,
    SuppressionDeclaration,
)
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Mark, Path, PlacedList, PlacedMap, Value, key_place, value_at, value_place
from tailstack.topology.tailnet import Stretch, Suppression
from tailstack.topology.wording import quoted

_EXPOSED = """\
clusters:
  blue:
    kubernetes: {{context: blue}}
    expose:
      nginx:
        {{namespace: web, ports: [tcp:80], selector: {{app: nginx}}, suppress: [{{rule: {}, reason: not yet}}]}}
"""
_GOOD = _EXPOSED.format("exposed-to-nobody")

UNKNOWN_RULE = Rule(
    code="TS055",
    slug="unknown-rule",
    what="A suppression names a rule that does not exist.",
    why="It would suppress nothing, and whoever wrote it thinks that it does.",
    mend="Write the slug or the code of a rule; `tailstack rule` lists them.",
    bad="machines:\n  ci: {tags: [tag:ci], suppress: [{rule: tag-owner-to-wide, reason: one team}]}\n",
    good=_GOOD,
)
CANNOT_SUPPRESS = Rule(
    code="TS056",
    slug="cannot-suppress",
    what="A suppression names a rule that is an error, or one about suppressions.",
    why="An error would break something when it is applied, whatever the reason; only a warning can be meant.",
    mend="Mend what the rule finds, and take the suppression out.",
    bad="machines:\n  ci: {tags: [tag:ci], suppress: [{rule: duplicate-hostname, reason: one team}]}\n",
    good=_GOOD,
)
STALE_SUPPRESSION = Rule(
    code="TS057",
    slug="stale-suppression",
    severity=Severity.WARNING,
    what="A suppression that no warning matched.",
    why="Its reason no longer holds, or it stands beside the wrong thing; a later warning of this kind would stay unseen.",
    mend="Take it out, or move it to the thing that the warning is about.",
    bad=_EXPOSED.format("grant-span"),
    good=_EXPOSED.format("exposed-to-nobody"),
)
SUPPRESSION_FORM = Rule(
    code="TS058",
    slug="suppression-form",
    what="A suppression in a comment or an annotation does not have the form `<rule>: <reason>`.",
    why="Nobody could say what is meant, or why.",
    mend="Write the slug or the code of a rule, a colon, and the reason.",
    bad='# base.hujson\n{\n  // tailstack:suppress policy-without-rules\n  "groups": {},\n}\n',
    good='# base.hujson\n{\n  // tailstack:suppress policy-without-rules: all is derived\n  "groups": {},\n}\n',
)

RULES = (UNKNOWN_RULE, CANNOT_SUPPRESS, STALE_SUPPRESSION, SUPPRESSION_FORM)

_SUPPRESS = "suppress"
_FORM = re.compile(r"\s*([^\s:]+)\s*:\s*(\S(?:.*\S)?)\s*")


def suppressions(declaration: EnvironmentDeclaration, notes: Notes) -> Iterator[Suppression]:
    """Every suppression with the part of the files in which it holds, in the order of the declarations."""
    for path, declared in _declared(declaration):
        if declared:
            notes.once((*path, _SUPPRESS), [one.rule for one in declared])
            stretches = stretches_of(notes.root, path)
            for index, one in enumerate(declared):
                place = notes.value(*path, _SUPPRESS, index, "rule")
                yield Suppression(rule=one.rule, reason=one.reason, place=place, stretches=stretches)


def _declared(declaration: EnvironmentDeclaration) -> Iterator[tuple[Path, Sequence[SuppressionDeclaration]]]:
    """Everything that may have suppressions, with its path."""
    tailnet = declaration.tailnet
    yield ("tailnet",), tailnet.suppress
    yield from _of_each(("tailnet", "webhooks"), tailnet.webhooks)
    yield from _of_each(("tailnet", "keys"), tailnet.keys)
    groups = {name: group for name, group in declaration.groups.items() if isinstance(group, GroupDeclaration)}
    yield from _of_each(("groups",), groups)
    postures = {name: each for name, each in declaration.postures.items() if isinstance(each, PostureDeclaration)}
    yield from _of_each(("postures",), postures)
    yield from _of_each(("machines",), declaration.machines)
    for name, cluster in declaration.clusters.items():
        path = ("clusters", name)
        yield path, cluster.suppress
        yield (*path, "operator"), cluster.operator.suppress
        if cluster.dns_config is not None:
            yield (*path, "dnsConfig"), cluster.dns_config.suppress
        for part, things in _parts(cluster).items():
            yield from _of_each((*path, part), things)
    yield from _of_each(("services",), declaration.services)
    for section, entries in (("access", declaration.access), ("ssh", declaration.ssh)):
        yield from (((section, index), entry.suppress) for index, entry in enumerate(entries))


def _of_each(path: Path, things: Mapping[str, _Suppressing]) -> Iterator[tuple[Path, Sequence[SuppressionDeclaration]]]:
    for name, thing in things.items():
        yield (*path, name), thing.suppress


class _Suppressing(Protocol):
    @property
    def suppress(self) -> list[SuppressionDeclaration]: ...


def _parts(cluster: ClusterDeclaration) -> Mapping[str, Mapping[str, _Suppressing]]:
    return {
        "expose": cluster.expose,
        "ingress": cluster.ingress,
        "egress": cluster.egress,
        "proxyGroups": cluster.proxy_groups,
        "connectors": cluster.connectors,
        "recorders": cluster.recorders,
        "peerRelays": cluster.peer_relays,
        "proxyClasses": cluster.proxy_classes,
        "proxyGroupPolicies": cluster.proxy_group_policies,
        "tailnets": cluster.tailnets,
    }


def stretches_of(root: PlacedMap, path: Path) -> tuple[Stretch, ...]:
    """Where the thing at this path stands, from its key to the last place inside: one stretch for each file that has a part."""
    key, value = key_place(root, path), value_place(root, path)
    marks: list[Mark] = [(key.file, key.line, key.column), (value.file, value.line, value.column)]
    marks += _marks(value_at(root, path))
    found: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    for file, line, column in marks:
        at = (line, column)
        first, last = found.get(file, (at, at))
        found[file] = (min(first, at), max(last, at))
    return tuple(Stretch(file, first, last) for file, (first, last) in found.items())


def _marks(value: Value | None) -> Iterator[Mark]:
    """The places of all keys, values and items inside."""
    if isinstance(value, PlacedMap | PlacedList):
        inside: Iterable[tuple[Mark, Mark]] = value.marks.values() if isinstance(value, PlacedMap) else value.marks
        for marks in inside:
            yield from marks
        for below in value.values() if isinstance(value, PlacedMap) else value:
            yield from _marks(below)


def read_suppression(text: str, place: Place, stretches: tuple[Stretch, ...]) -> Suppression | Finding:
    """What a comment or an annotation says, `<rule>: <reason>`, or the finding that it does not have this form."""
    found = _FORM.fullmatch(text)
    if found is None:
        return SUPPRESSION_FORM.at(
            place,
            message=f"The suppression {quoted(text)} is not made of a rule, a colon and a reason.",
            expected="for example exposed-to-nobody: a test calls it from outside",
        )
    rule, reason = found.groups()
    return Suppression(rule=rule, reason=reason, place=place, stretches=stretches)
