"""What a previewed refresh tells of changes behind the stack: objects in words, the policy file as access gained and lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from tailstack.access import hujson
from tailstack.engine.deployments import Deployment, Resource, name_of, type_of, urn_of
from tailstack.engine.events import EventLog, Json, Phase, Step
from tailstack.engine.plans import masking_of
from tailstack.engine.wording import describe
from tailstack.live.model import LiveKey, ObjectKey
from tailstack.live.unmanaged import Managed
from tailstack.plain import mapping
from tailstack.report.drift import Drift, DriftKind, DriftReport
from tailstack.report.masking import Masking
from tailstack.report.meaning import blinded_values, changed_values, policy_sentences
from tailstack.report.plan import ChangedValue, PolicyEdit
from tailstack.report.resource_kinds import (
    FEDERATED_IDENTITY,
    KUBERNETES,
    OAUTH_CLIENT,
    POLICY,
    RELEASE,
    declaration_of,
    is_object,
    resource_kind,
)

_VOLATILE: tuple[tuple[str, frozenset[str]], ...] = (
    (RELEASE, frozenset({"status", "manifest", "resourceNames", "checksum", "chart", "repositoryOpts"})),
    (KUBERNETES, frozenset({"status"})),
    ("tailscale:index/acl:", frozenset({"etag"})),
    ("tailscale:index/tailnetKey:", frozenset({"invalid", "createdAt", "expiresAt", "userId"})),
    ("tailscale:index/oauthClient:", frozenset({"createdAt", "updatedAt", "userId"})),
    ("tailscale:index/federatedIdentity:", frozenset({"createdAt", "updatedAt", "userId"})),
    ("tailscale:index/service:", frozenset({"addrs", "annotations"})),
    ("tailscale:", frozenset({"lastSeen", "updated", "created"})),
)
"""By the beginning of a type: properties that change by themselves, or by who else has to do with the object.

A release's chart is a folder of the machine that applied it, or the address of a repository, and neither is live.
"""

_AUTH_KEY = "tailscale:index/tailnetKey:TailnetKey"
_TRUST = frozenset({OAUTH_CLIENT, FEDERATED_IDENTITY})
_WRITTEN_AS_TEXT = "kubernetes:core/v1:Secret"

_VOLATILE_METADATA = frozenset(
    {"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp", "finalizers", "ownerReferences"}
)
_VOLATILE_ANNOTATIONS = re.compile(
    r"(?:pulumi\.com/|kubectl\.kubernetes\.io/|deployment\.kubernetes\.io/|tailscale\.com/operator-last-set-)"
)
"""Annotations that tools and controllers note down for themselves."""


def drift_of(log: EventLog, environment: str, masking: Masking | None = None, *, stack: str = "") -> DriftReport:
    """The drift that `pulumi refresh --preview-only` found in a stack, by default the one that is called as its environment.

    Secrets are masked: by a key of this run where none is given.
    """
    mask = masking_of({}) if masking is None else masking
    steps = (step for step in log.steps if step.phase is Phase.DONE and is_object(step.type))
    drifts = (_drift(step, stack or environment, mask) for step in steps)
    return DriftReport(environment=environment, drifts=tuple(drift for drift in drifts if drift is not None))


def credentials_of(deployment: Deployment) -> dict[str, Resource]:
    """The credentials of a stack by their ids, but for auth keys for one device, which are spent when it has joined."""
    return {
        str(one.get("id")): one
        for one in deployment.resources
        if not one.get("delete")
        and (
            type_of(one) in _TRUST or (type_of(one) == _AUTH_KEY and mapping(one.get("inputs")).get("reusable") is True)
        )
    }


def revoked(credentials: Mapping[str, Resource], stack: str, keys: Iterable[LiveKey]) -> tuple[Drift, ...]:
    """Those of a stack's credentials that were revoked. A refresh does not tell: what was revoked can still be read
    (https://tailscale.com/api#tag/keys), so that the provider finds it as it was."""
    return tuple(
        Drift(
            kind=DriftKind.REVOKED,
            stack=stack,
            what=f"{resource_kind(type_of(one)).words} {name_of(one)}",
            resource=name_of(one),
            urn=urn_of(one),
            changes=("It was revoked: whoever uses it is refused.",),
        )
        for key in keys
        if key.is_revoked and (one := credentials.get(key.id)) is not None
    )


def managed_by(deployments: Iterable[Deployment]) -> Managed:
    """What stands in the states of some stacks, by what it is called outside of Pulumi."""
    credentials: set[str] = set()
    services: set[str] = set()
    objects: dict[str, dict[ObjectKey, frozenset[str]]] = {}
    for resource in (one for deployment in deployments for one in deployment.resources):
        inputs = mapping(resource.get("inputs"))
        if type_of(resource).startswith(KUBERNETES):
            there = objects.setdefault(_provider(resource), {})
            key = _key(resource, inputs)
            there[key] = there.get(key, frozenset()).union(mapping(mapping(inputs.get("metadata")).get("annotations")))
        elif type_of(resource) == "tailscale:index/service:Service":
            services.add(str(inputs.get("name")))
        elif resource.get("custom"):
            credentials.add(str(resource.get("id")))
    return Managed(
        credentials=frozenset(credentials),
        services=frozenset(services),
        objects=objects,
    )


def unfinished(deployment: Deployment) -> tuple[str, ...]:
    """What an update had begun and not ended, in people's words, each once."""
    parts = (urn.split("::") for urn in deployment.unfinished)
    return tuple(dict.fromkeys(declaration_of(types.rpartition("$")[2], name) for *_, types, name in parts))


def of_cluster(stack: str, project: str, cluster: str) -> str:
    """A pattern for `--exclude`: every object that a stack has, or is to have, in a cluster."""
    return f"urn:pulumi:{stack.rsplit('/', 1)[-1]}::{project}::**{KUBERNETES}**::{cluster}.**"


def _provider(resource: Resource) -> str:
    """The cluster of an object, which its provider is called after; its reference is `<urn>::<id>`."""
    return name_of({"urn": str(resource.get("provider", "")).rpartition("::")[0]})


def _key(resource: Resource, inputs: Json) -> ObjectKey:
    metadata = mapping(inputs.get("metadata"))
    kind = type_of(resource).rsplit(":", 1)[-1].removesuffix("Patch")
    return (kind, str(metadata.get("namespace") or ""), str(metadata.get("name", "")))


def _drift(step: Step, stack: str, masking: Masking) -> Drift | None:
    kind, changes, lasting = DriftKind.CHANGED, (), ()
    if step.op == "delete":
        kind, changes = DriftKind.MISSING, ("It is gone.",)
    elif step.op == "update" and step.type == POLICY:
        changes = _policy_changes(step)
    elif step.op == "update":
        values = _values(step, masking)
        changes, lasting = tuple(map(_told, values)), tuple(map(_lasting, values))
    if not changes:
        return None
    return Drift(
        kind=kind,
        stack=stack,
        what=describe(step),
        resource=step.name,
        urn=step.urn,
        changes=changes,
        lasting=lasting,
    )


def _policy_changes(step: Step) -> tuple[str, ...]:
    before, after = (str(side.get("acl", "")) for side in _sides(step))
    if hujson.comparable(before) == hujson.comparable(after):
        return ()
    _, told = policy_sentences(PolicyEdit(before=before, after=after))
    return told


def _values(step: Step, masking: Masking) -> tuple[ChangedValue, ...]:
    before, after = (_without_volatile(step.type, side) for side in _sides(step))
    if before != after:
        return changed_values(step.type, before, after, masking)
    # Only where one secret has become another are both sides the same: the provider has told the paths.
    paths = [path for path in step.changed if path.partition("[")[0].partition(".")[0] in before]
    return blinded_values(paths, (), step.type)


def _told(value: ChangedValue) -> str:
    path = f"{value.words} ({value.path})" if value.words else value.path
    if value.is_secret:
        return f"{path}: is another secret"
    if not value.before:
        return f"{path}: is {value.after}, was not there"
    return f"{path}: was {value.before}, is {value.after or 'gone'}"


def _lasting(value: ChangedValue) -> str:
    """The same for the digest: what stands for a secret is another text in each run."""
    return f"{value.path} secret" if value.is_secret else f"{value.path} {value.before} {value.after}"


def _sides(step: Step) -> tuple[Json, Json]:
    """The state as it was and as it is live: the inputs where they differ, as a provider fills them in from the live object;
    else those outputs that are inputs too, because all others change by themselves."""
    if step.inputs_before != step.inputs_after:
        return step.inputs_before, step.inputs_after
    return _only(step.outputs_before, step.inputs_before), _only(step.outputs_after, step.inputs_before)


def _only(outputs: Json, inputs: Json) -> Json:
    """The part of `outputs` at the paths of `inputs`."""
    return {
        key: _only(cast("Json", outputs[key]), cast("Json", value))
        if isinstance(value, Mapping) and isinstance(outputs[key], Mapping)
        else outputs[key]
        for key, value in inputs.items()
        if key in outputs
    }


def _without_volatile(token: str, side: Json) -> Json:
    left_out = frozenset[str]().union(*(names for beginning, names in _VOLATILE if token.startswith(beginning)))
    found = {key: value for key, value in side.items() if key not in left_out}
    if token == _WRITTEN_AS_TEXT and "stringData" in found:
        # What is written as one is read back as the other.
        found["data"] = found.pop("stringData")
    metadata = found.get("metadata")
    if token.startswith(KUBERNETES) and isinstance(metadata, Mapping):
        found["metadata"] = _lasting_metadata(cast("Json", metadata))
    return found


def _lasting_metadata(metadata: Json) -> Json:
    found = {key: value for key, value in metadata.items() if key not in _VOLATILE_METADATA}
    if isinstance(metadata.get("annotations"), Mapping):
        annotations = mapping(metadata["annotations"])
        found["annotations"] = {k: v for k, v in annotations.items() if not _VOLATILE_ANNOTATIONS.match(k)}
    return found
