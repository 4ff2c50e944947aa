"""Words for a resource of the stack: what a person calls it, instead of its URN."""

from __future__ import annotations

from tailstack.engine.events import Step
from tailstack.plain import mapping
from tailstack.report.resource_kinds import is_object as is_object_of
from tailstack.report.resource_kinds import resource_kind

RELEASE = "kubernetes:helm.sh/v3:Release"
_KUBERNETES = "kubernetes:"


def is_object(step: Step) -> bool:
    """Whether the step is about something outside of Pulumi: neither a component, nor a provider, nor the stack itself."""
    return is_object_of(step.type)


def describe(step: Step) -> str:
    """`Service default/nginx-service in blue`, `OAuth client blue.operator`, `policy file`."""
    if not step.type.startswith(_KUBERNETES):
        kind = resource_kind(step.type)
        return kind.words if kind.is_only else f"{kind.words} {step.name}"
    inputs = step.inputs_after or step.inputs_before
    if step.type == RELEASE:
        return f"Helm release {_path(inputs.get('namespace'), inputs.get('name'))} in {step.provider}"
    kind = step.type.rsplit(":", 1)[-1].removesuffix("Patch")
    metadata = mapping(inputs.get("metadata"))
    return f"{kind} {_path(metadata.get('namespace'), metadata.get('name'))} in {step.provider}"


def _path(namespace: object, name: object) -> str:
    return f"{namespace}/{name}" if namespace else str(name)
