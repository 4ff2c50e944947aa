"""How much an apply may take away before somebody has to say that it is meant. Pure: judges a plan, and applies nothing.

Two kinds of limits: the share of nodes, links and grants that go (from so many on, because one of three is no share), and
objects that all others hang on, each of which is named one by one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tailstack.access import hujson
from tailstack.plain import entries, mapping, texts
from tailstack.report.plan import Op, Plan, PlannedChange, PolicyEdit
from tailstack.report.resource_kinds import (
    FEDERATED_IDENTITY,
    KUBERNETES,
    OAUTH_CLIENT,
    POLICY,
    RELEASE,
    SETTINGS,
    resource_kind,
)
from tailstack.report.style import counted

NODES, LINKS, GRANTS = "nodes", "links", "grants"
POLICY_FILE, TAILNET_SETTINGS = "policy-file", "tailnet-settings"
CLUSTER, OAUTH, OPERATOR, PROVIDER = "cluster", "oauth-client", "operator", "provider"

SHARES = (NODES, LINKS, GRANTS)
NAMES = (*SHARES, POLICY_FILE, TAILNET_SETTINGS)
OF_A_CLUSTER = (CLUSTER, OAUTH, OPERATOR, PROVIDER)

FORMS = f"{', '.join(NAMES)}, or {', '.join(f'{name}:NAME' for name in OF_A_CLUSTER)} with the name of a cluster"
"""What `--allow` can be, for people."""

_MOST_SHOWN = 5
_WHOLE = 100
_EVERYTHING = "*"
_NODE_KINDS = {
    "expose": {"Service"},
    "services": {"Service"},
    "ingress": {"Ingress"},
    "egress": {"Service"},
    "connectors": {"Connector"},
    "proxyGroups": {"ProxyGroup"},
    "recorders": {"Recorder"},
    "peerRelays": {"PeerRelay"},
}
"""By section of a cluster the kind of the one object that stands for a node; other objects of a declaration are beside it."""
_LINK_SECTION = "egress"
_CREDENTIALS = (OAUTH_CLIENT, FEDERATED_IDENTITY)
_NAMESPACE = re.compile(rf"{KUBERNETES}core/v\d\w*:Namespace\Z")

_Unit = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`removed` is the share in percent that may go without a word; it counts where there are `of_at_least` objects."""

    removed: int = 30
    of_at_least: int = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One reason not to apply. `allow` is what `--allow` takes to go on, `text` what would have happened."""

    allow: str
    text: str


def is_name(text: str) -> bool:
    """Whether `--allow` can be this."""
    kind, _, name = text.partition(":")
    return text in NAMES or (kind in OF_A_CLUSTER and bool(name))


def refusals(
    plan: Plan, limits: Limits, *, providers: Iterable[str] = (), allowed: Collection[str] = ()
) -> tuple[Refusal, ...]:
    """Every reason not to apply a plan that nobody has allowed. `providers` are the names of those that go or are replaced."""
    found = (
        *_shares(plan, limits),
        *_critical(plan),
        *(
            Refusal(
                allow=f"{PROVIDER}:{name}",
                text=f"The provider {name} goes, or is another: all that it looks after goes with it.",
            )
            for name in sorted(set(providers))
        ),
    )
    return tuple(one for one in found if not _is_allowed(one.allow, allowed))


def _is_allowed(name: str, allowed: Collection[str]) -> bool:
    kind, _, of = name.partition(":")
    return name in allowed or (bool(of) and f"{CLUSTER}:{of}" in allowed and kind in OF_A_CLUSTER)


def shortest(found: Sequence[Refusal]) -> tuple[str, ...]:
    """What to give to `--allow` for all of them, a cluster once instead of each of its objects."""
    names: dict[str, None] = {}
    for one in found:
        kind, _, of = one.allow.partition(":")
        same = [other for other in found if of and other.allow.partition(":")[2] == of]
        names[f"{CLUSTER}:{of}" if kind in OF_A_CLUSTER and len(same) > 1 else one.allow] = None
    return tuple(names)


def _shares(plan: Plan, limits: Limits) -> Iterator[Refusal]:
    gone = [(change.type, change.name) for change in plan.changes if change.op.removes]
    standing = [(token, name) for token, names in plan.standing.items() for name in names]
    for family, section in ((NODES, None), (LINKS, _LINK_SECTION)):
        before = {name for token, name in standing if _is_node(token, name, section)}
        removed = {name for token, name in gone if _is_node(token, name, section)}
        yield from _too_many(family, sorted(removed), len(before), limits)
    if plan.policy is not None:
        lost, number = _lost_grants(plan.policy)
        yield from _too_many(GRANTS, lost, number, limits)


def _too_many(family: str, removed: Sequence[str], number: int, limits: Limits) -> Iterator[Refusal]:
    if number < limits.of_at_least or len(removed) * _WHOLE <= limits.removed * number:
        return
    share = len(removed) * _WHOLE / number
    shown = ", ".join(removed[:_MOST_SHOWN])
    more = f" and {len(removed) - _MOST_SHOWN} more" if len(removed) > _MOST_SHOWN else ""
    yield Refusal(
        allow=family,
        text=f"{len(removed)} of {counted(number, family[:-1])} would go or lose something ({share:.0f} %; the limit is "
        f"{limits.removed} % from {limits.of_at_least} on): {shown}{more}.",
    )


def _is_node(token: str, name: str, section: str | None) -> bool:
    if token == RELEASE and section is None:
        return name.endswith(".operator")
    _, _, rest = name.partition(".")
    of, _, declared = rest.partition(".")
    if not declared or "." in declared or (section is not None and of != section):
        return False
    return resource_kind(token).words in _NODE_KINDS.get(of, ())


def _critical(plan: Plan) -> Iterator[Refusal]:
    for change in plan.changes:
        name = _critical_name(change)
        if name is not None:
            yield Refusal(allow=name, text=f"{change.what[:1].upper()}{change.what[1:]} {_BECOMES[change.op]}.")


_BECOMES = {
    Op.UPDATE: "would be changed, for the whole tailnet",
    Op.REPLACE: "would be deleted and made anew",
    Op.DELETE: "would be deleted",
    Op.FORGET: "would leave the stack, and nobody would look after it",
    Op.IMPORT: "would be taken over",
}


def _critical_name(change: PlannedChange) -> str | None:
    if change.type == SETTINGS:
        return TAILNET_SETTINGS if change.op is not Op.CREATE else None
    if change.type == POLICY:
        return POLICY_FILE if change.op.removes or change.op is Op.FORGET else None
    if not change.op.removes:
        return None
    cluster = change.name.removesuffix(".operator")
    if cluster == change.name:
        return None
    if change.type in _CREDENTIALS:
        return f"{OAUTH}:{cluster}"
    return f"{OPERATOR}:{cluster}" if change.type == RELEASE or _NAMESPACE.match(change.type) else None


def _lost_grants(edit: PolicyEdit) -> tuple[list[str], int]:
    """The grants of which a source, a destination or a right goes, and how many there are before."""
    before, after = _units(edit.before), {unit for units in _units(edit.after) for unit in units}
    lost = [units[0] for units in before if any(not _is_covered(unit, after) for unit in units)]
    return [f"{source} to {target}" for source, target, *_ in lost], len(before)


def _is_covered(unit: _Unit, units: Collection[_Unit]) -> bool:
    """Whether it is still given: by itself, by every port, or under no condition any more."""
    source, target, kind, name, posture = unit
    names = (name, _EVERYTHING) if kind == "ip" else (name,)
    return any((source, target, kind, one, condition) in units for one in names for condition in (posture, ""))


def _units(text: str) -> list[list[_Unit]]:
    """Of each grant, and each entry of `acls`, every single thing that it gives: to whom, on what, which right, under which
    condition. Empty where the policy file cannot be read."""
    try:
        document: object = hujson.to_python(hujson.parse(text).root)
    except hujson.HujsonError:
        return []
    policy = mapping(document)
    found = [_rights(entry) for section in ("grants", "acls") for entry in entries(policy.get(section))]
    return [units for units in found if units]


def _rights(entry: Mapping[str, Any]) -> list[_Unit]:
    rights = [("ip", port) for port in texts(entry.get("ip"))]
    rights += [("app", name) for name in mapping(entry.get("app"))]
    postures = ",".join(sorted(texts(entry.get("srcPosture"))))
    # An entry of `acls` has its ports behind the destination, and no rights of its own.
    return [
        (source, target, kind, name, postures)
        for source, target, (kind, name) in product(
            texts(entry.get("src")), texts(entry.get("dst")), rights or [("acl", "")]
        )
    ]
