"""What changes of what is declared, as a plan: which declarations' resources would be created, updated, replaced or deleted.

Derived from two resolved tailnets alone, without an engine and without credentials, so that a fork's pull request gets it too.
What a stack has applied is not known here: it says what the change does to a stack that is up to date with the base.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tailstack.access.compare import Declared
from tailstack.report.masking import Masking
from tailstack.report.meaning import changed_values, policy_sentences
from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange, PolicyEdit, in_order
from tailstack.report.resource_kinds import OPERATOR_OF
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.extras import ConfigSecret
from tailstack.topology.tailnet import Address, Cluster, Egress, Exposure, Ingress, Port, Tailnet

POLICY_FILE = "policy file"

_LEFT_OUT = frozenset(
    {
        *("cluster", "consumers", "former_names", "fqdn", "has_default_hostname", "is_shared", "name", "place"),
        *("is_assumed", "is_derived", "backends", "machines"),
    }
)
"""Fields that no resource is made of, or that say the same as another one."""

_NAMES = ("namespace", "service")
_UNDERSCORE = re.compile(r"_([a-z])")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Thing:
    """One declaration with resources: what it is called, what its resources are made of, what they are replaced for."""

    kind: str
    reference: str
    cluster: str
    made_of: Mapping[str, object]
    former: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    change_class: ChangeClass = ChangeClass.NETWORK
    is_lost: bool = False

    @property
    def declaration(self) -> str:
        return f"{self.kind} {self.reference}".strip()


def model_plan(old: Declared | None, new: Declared, own: tuple[Tailnet | None, Tailnet], masking: Masking) -> Plan:
    """What changes from one state of an environment to another; with no `old` everything is new.

    `old` and `new` are the whole tailnet with its policy; `own` are the environment's own declarations in it, which are less
    where several environments share a tailnet. The policy file is the owner's alone.
    """
    before = {thing.declaration: thing for thing in _things(own[0])} if own[0] is not None else {}
    after = list(_things(own[1]))
    changes: list[PlannedChange] = []
    for thing in after:
        called = (thing.declaration, *(f"{thing.kind} {name}" for name in thing.former))
        was = next((before.pop(name) for name in called if name in before), None)
        changes += _compared(was, thing, masking)
    changes += [_change(thing, Op.DELETE) for thing in before.values()]
    policy = None
    if own[1].guest_of is None:
        texts = old[1].text if old is not None else "", new[1].text
        if texts[0] != texts[1]:
            policy = PolicyEdit(before=texts[0], after=texts[1])
            changes.append(_policy_change(policy))
    return Plan(changes=tuple(sorted(changes, key=in_order)), policy=policy)


def _compared(was: _Thing | None, now: _Thing, masking: Masking) -> Iterator[PlannedChange]:
    values = changed_values("", was.made_of if was is not None else {}, now.made_of, masking)
    if was is None:
        yield dataclasses.replace(_change(now, Op.CREATE), values=values)
        return
    if not values:
        return
    because = tuple(
        dict.fromkeys(path for path in (value.path.partition("[")[0] for value in values) if path in now.replaced_by)
    )
    made = _change(now, Op.REPLACE if because else Op.UPDATE)
    yield dataclasses.replace(made, values=values, because=because)


def _change(thing: _Thing, op: Op) -> PlannedChange:
    change_class = thing.change_class
    if op.removes:
        change_class = (
            ChangeClass.DATA_LOSS if thing.is_lost else ChangeClass.REPLACE if op is Op.REPLACE else change_class
        )
    return PlannedChange(
        urn=f"{thing.kind}:{thing.reference}",
        type="",
        name=thing.reference or thing.kind,
        declaration=thing.declaration,
        kind=thing.kind,
        what=thing.declaration,
        cluster=thing.cluster,
        op=op,
        change_class=change_class,
    )


def _policy_change(policy: PolicyEdit) -> PlannedChange:
    gives_other_access, sentences = policy_sentences(policy)
    return PlannedChange(
        urn=POLICY_FILE,
        type="",
        name="policy",
        declaration=POLICY_FILE,
        kind=POLICY_FILE,
        what=POLICY_FILE,
        op=Op.UPDATE if policy.before else Op.CREATE,
        change_class=ChangeClass.METADATA if gives_other_access is False else ChangeClass.ACCESS,
        sentences=sentences,
    )


def _things(tailnet: Tailnet) -> Iterator[_Thing]:
    yield from _of_tailnet(tailnet)
    for cluster in tailnet.clusters:
        yield from _of_cluster(cluster)
    for access in tailnet.access:
        rights = access.kubernetes
        if rights is not None and rights.bind is not None:
            clusters = sorted({to.cluster for to in access.destinations if to.cluster is not None})
            yield _Thing(
                kind="role binding",
                reference=access.name,
                cluster="",
                made_of={"groups": list(rights.groups), "bind": _plain(rights.bind), "clusters": clusters},
                change_class=ChangeClass.ACCESS,
            )


def _of_tailnet(tailnet: Tailnet) -> Iterator[_Thing]:
    if tailnet.guest_of is not None:
        return
    extras = tailnet.extras
    yield _single("MagicDNS", {"magicDns": tailnet.magic_dns}, ChangeClass.NETWORK)
    settings = {"httpsCertificates": tailnet.https_certificates, **_mapping(extras.settings)}
    yield _single("tailnet settings", settings, ChangeClass.ACCESS)
    if extras.dns is not None:
        yield _single("DNS", _fields(extras.dns), ChangeClass.NETWORK)
    if extras.contacts is not None:
        yield _single("contacts", _fields(extras.contacts), ChangeClass.METADATA)
    for kind, several, change_class, is_lost in (
        ("auth key", extras.keys, ChangeClass.ACCESS, True),
        ("webhook", extras.webhooks, ChangeClass.METADATA, False),
        ("posture integration", extras.posture_integrations, ChangeClass.ACCESS, False),
    ):
        for each in several:
            yield _Thing(
                kind=kind,
                reference=each.name,
                cluster="",
                made_of=_fields(each),
                change_class=change_class,
                is_lost=is_lost,
            )
    for stream in extras.log_streams:
        yield _Thing(
            kind="log stream",
            reference=stream.log_type,
            cluster="",
            made_of=_fields(stream),
            change_class=ChangeClass.METADATA,
        )
    for service in tailnet.services:
        if service.machines:
            yield _Thing(kind="Tailscale Service", reference=service.name, cluster="", made_of=_fields(service))
    for machine in tailnet.machines:
        if machine.device is not None:
            yield _Thing(kind="machine", reference=machine.name, cluster="", made_of=_fields(machine))


def _single(kind: str, made_of: Mapping[str, object], change_class: ChangeClass) -> _Thing:
    return _Thing(kind=kind, reference="", cluster="", made_of=made_of, change_class=change_class)


def _of_cluster(cluster: Cluster) -> Iterator[_Thing]:
    yield _Thing(
        kind=OPERATOR_OF.strip(),
        reference=cluster.name,
        cluster=cluster.name,
        made_of=_fields(cluster.operator),
        replaced_by=("namespace",),
        is_lost=True,
    )
    for kind, several in (
        ("exposure", cluster.exposures),
        ("ingress", cluster.ingresses),
        ("egress", cluster.egresses),
    ):
        for each in several:
            if not isinstance(each, Exposure) or each.managed_by is not ManagedBy.GITOPS:
                yield _proxied(kind, each)
    custom = cluster.custom
    for kind, several, replaced_by, is_lost in (
        ("proxy group", custom.proxy_groups, ("kind",), False),
        ("connector", custom.connectors, (), False),
        ("recorder", custom.recorders, (), True),
        ("peer relay", custom.peer_relays, (), False),
        ("proxy class", custom.proxy_classes, (), False),
        ("proxy group policy", custom.proxy_group_policies, ("namespace",), False),
        ("DNS config", custom.dns_configs, (), False),
        ("tailnet", custom.tailnets, (), False),
    ):
        for each in several:
            former = cast("tuple[str, ...]", getattr(each, "former_names", ()))
            yield _Thing(
                kind=kind,
                reference=f"{each.cluster}.{each.name}",
                cluster=each.cluster,
                made_of=_fields(each),
                former=tuple(f"{each.cluster}.{name}" for name in former),
                replaced_by=replaced_by,
                is_lost=is_lost,
            )


def _proxied(kind: str, each: Exposure | Ingress | Egress) -> _Thing:
    """Of what is replaced `components.options.replaced_by` and the names of Kubernetes objects decide."""
    made_of = _fields(each)
    if isinstance(each, Egress):
        made_of["target"] = _target(each)
    else:
        kind = "Tailscale Service" if each.is_shared else kind
    return _Thing(
        kind=kind,
        reference=each.reference,
        cluster=each.cluster,
        made_of=made_of,
        former=tuple(f"{each.cluster}.{name}" for name in each.former_names),
        replaced_by=(*_NAMES, "managedBy", "proxyGroup", *(() if each.proxy_group else ("tags",))),
    )


def _target(egress: Egress) -> str:
    target = egress.target
    if isinstance(target, Address):
        return target.fqdn or target.ip or ""
    return target.fqdn


def _fields(thing: object) -> dict[str, object]:
    """The fields of a dataclass that say what it makes, by their names in the YAML."""
    found = cast("Any", thing)
    return {
        _UNDERSCORE.sub(lambda match: match.group(1).upper(), field.name): _plain(getattr(found, field.name))
        for field in dataclasses.fields(found)
        if field.name not in _LEFT_OUT and not _is_default(field, getattr(found, field.name))
    }


def _is_default(field: dataclasses.Field[Any], value: object) -> bool:
    """What nobody asked for is not shown as asked for when the declaration is new."""
    return value is None or value in ((), "") or (field.default is not dataclasses.MISSING and value == field.default)


def _plain(value: object) -> object:
    if isinstance(value, Port):
        return str(value)
    if isinstance(value, ConfigSecret):
        return f"the config's {value.name}"
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[str, object]", value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return str(value) if isinstance(value, str) else value


def _mapping(mapping: Mapping[str, object]) -> dict[str, object]:
    return {key: _plain(value) for key, value in mapping.items()}
