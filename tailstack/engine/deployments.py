"""A stack's state as `pulumi stack export` gives it, and moving resources from one into another.

The shapes are those of `apitype.DeploymentV3` and `ResourceV3` (`sdk/go/common/apitype/core.go` of pulumi 3.250.0). What is
not known here is carried along as it is. Nothing of a deployment that is given is changed: each function makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, cast

ROOT = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:"
EVERYWHERE = "pulumi:providers:tailscale"
"""The provider that every stack has, whether a resource of its part uses it or not (components/environment.py)."""

_CREATING = "creating"
"""`OperationTypeCreating` in `sdk/go/common/resource/resource_operation.go`."""

Resource = Mapping[str, Any]


class StateError(Exception):
    """A state from which, or into which, nothing can be moved. The text says why, for the person at the keyboard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The state of one stack. `whole` is the export as it came; `name` is the stack's own, without organisation."""

    name: str
    project: str
    whole: Mapping[str, Any]

    @property
    def resources(self) -> Sequence[Resource]:
        return cast("Sequence[Resource]", self._state.get("resources") or ())

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The URNs of what an update had begun and not ended: operations, and what still waits for being deleted or replaced."""
        return tuple(urn_of(one) for one in (*(one["resource"] for one in self._operations), *self._waiting))

    @property
    def has_pending_creates(self) -> bool:
        """Whether a creation was begun of which the engine does not know how it ended."""
        return any(operation["type"] == _CREATING for operation in self._operations)

    def ways_to_finish(self, stack: str) -> tuple[str, ...]:
        """The commands that end what an update has begun, in their order, for the stack as people call it.

        A refresh looks how each operation ended and takes its note away, but for a creation, of which there is no id to ask for
        (`filterMapPendingCreates` in `pkg/cmd/pulumi/operations/refresh.go` of pulumi 3.250.0). What waits for being deleted or
        replaced is the next update's.
        """
        refresh = "pulumi refresh --clear-pending-creates" if self.has_pending_creates else "pulumi refresh"
        commands = (refresh if self._operations else "", "pulumi up" if self._waiting else "")
        return tuple(f"{command} --stack {stack}" for command in commands if command)

    @property
    def _operations(self) -> Sequence[Mapping[str, Any]]:
        return cast("Sequence[Mapping[str, Any]]", self._state.get("pending_operations") or ())

    @property
    def _waiting(self) -> Sequence[Resource]:
        return [one for one in self.resources if one.get("delete") or one.get("pendingReplacement")]

    @property
    def can_encrypt(self) -> bool:
        """Whether the state names a secrets provider, without which no secret can be written into it."""
        return bool(self._state.get("secrets_providers"))

    @property
    def prefix(self) -> str:
        """What every URN of the stack begins with."""
        return f"urn:pulumi:{self.name}::{self.project}::"

    @property
    def _state(self) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self.whole["deployment"])

    def with_resources(self, resources: Iterable[Resource]) -> Deployment:
        """The same state with other resources."""
        return replace(self, whole={**self.whole, "deployment": {**self._state, "resources": list(resources)}})


def urn_of(resource: Resource) -> str:
    """The resource's URN."""
    return str(resource["urn"])


def type_of(resource: Resource) -> str:
    """The resource's own type token."""
    return str(resource["type"])


def name_of(resource: Resource) -> str:
    """The resource's name, the last part of its URN."""
    return urn_of(resource).rsplit("::", 1)[-1]


def is_root(resource: Resource) -> bool:
    """Whether it stands for the stack itself."""
    return type_of(resource) == ROOT and not resource.get("parent")


def is_provider(resource: Resource) -> bool:
    """Whether it is a provider."""
    return type_of(resource).startswith(PROVIDER)


def below(resources: Iterable[Resource], tops: AbstractSet[str]) -> frozenset[str]:
    """The URNs of `tops` and of everything below them; a parent stands before its children."""
    found = set(tops)
    for resource in resources:
        if resource.get("parent") in found:
            found.add(urn_of(resource))
    return frozenset(found)


def without(source: Deployment, urns: AbstractSet[str]) -> Deployment:
    """The state without some resources, without the providers that were there for these alone, and without what leads to them.

    Where nothing but the stack itself and providers would be left, they go too, so that the stack can be removed.
    """
    gone = set(urns)
    used = {_provider_urn(one) for one in source.resources if urn_of(one) in gone}
    still_used = {_provider_urn(one) for one in source.resources if urn_of(one) not in gone}
    unused = (one for one in source.resources if is_provider(one) and type_of(one) != EVERYWHERE)
    gone |= {urn_of(one) for one in unused if urn_of(one) in used - still_used}
    left = [_cut(resource, gone) for resource in source.resources if urn_of(resource) not in gone]
    return source.with_resources([] if all(is_root(one) or is_provider(one) for one in left) else left)


def added(target: Deployment, source: Deployment, urns: AbstractSet[str]) -> Deployment:
    """The target with some of the source's resources, and with those of their providers that it does not have.

    Names, types and places in the tree stay, so that the same program finds each of them again. Resources that stand in
    the target already stay as they are there. `source` must hold its secrets in plain text, because the two stacks encrypt
    with different keys. Raises StateError where the target has another resource of the same name and type.
    """
    known = {urn_of(one): one for one in target.resources}
    root = next((one for one in (*target.resources, *source.resources) if is_root(one)), None)
    if root is None:
        raise StateError(f"The state of {source.name} has no root, so that nothing can be told of its tree.")
    moved = [resource for resource in source.resources if urn_of(resource) in urns]
    new: list[Resource] = [] if any(is_root(one) for one in target.resources) else [_bare_root(root, target)]
    references: dict[str, str] = {}
    needed = {_provider_urn(resource) for resource in moved}
    needed |= {urn_of(one) for one in source.resources if type_of(one) == EVERYWHERE}
    for resource in (*(one for one in source.resources if is_provider(one) and urn_of(one) in needed), *moved):
        renamed = _renamed(_cut_to(resource, urns | needed), source, target)
        there = known.get(urn_of(renamed))
        if is_provider(resource):
            reference = f"{urn_of(there or renamed)}::{(there or renamed)['id']}"
            references[f"{urn_of(resource)}::{resource['id']}"] = reference
        elif there is not None and there.get("id") != renamed.get("id"):
            raise StateError(
                f"{target.name} has a {type_of(renamed)} {name_of(renamed)} already, and it is another one than that of "
                f"{source.name}: {there.get('id')} and {renamed.get('id')}. Only one of the two is the live one."
            )
        if there is None:
            if provider := resource.get("provider"):
                renamed = {**renamed, "provider": references.get(provider, renamed["provider"])}
            new.append(renamed)
            known[urn_of(renamed)] = renamed
    return target.with_resources((*target.resources, *new))


def _provider_urn(resource: Resource) -> str:
    return str(resource.get("provider", "")).rpartition("::")[0]


def _bare_root(root: Resource, target: Deployment) -> Resource:
    """What stands for a stack that has been applied never yet."""
    name = f"{target.project}-{target.name}"
    return {
        **{key: value for key, value in root.items() if key in {"custom", "type"}},
        "urn": f"{target.prefix}{ROOT}::{name}",
    }


def _renamed(resource: Resource, source: Deployment, target: Deployment) -> Resource:
    """The resource with every URN of the source's stack as it is in the target's. The stack's own is by its name as well."""
    own_root = f"{source.prefix}{ROOT}::{source.project}-{source.name}"
    other_root = f"{target.prefix}{ROOT}::{target.project}-{target.name}"

    def rename(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
        if isinstance(value, str):
            if value == own_root:
                return other_root
            return target.prefix + value.removeprefix(source.prefix) if value.startswith(source.prefix) else value
        if isinstance(value, dict):
            return {key: rename(each) for key, each in cast("dict[str, Any]", value).items()}
        return [rename(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value

    return cast("Resource", rename(resource))


def _cut(resource: Resource, gone: AbstractSet[str]) -> Resource:
    """The resource without what leads to resources that are gone."""
    return _keeping(resource, lambda urn: urn not in gone)


def _cut_to(resource: Resource, here: AbstractSet[str]) -> Resource:
    """The resource without what leads elsewhere than to resources that come along."""
    return _keeping(resource, here.__contains__)


def _keeping(resource: Resource, keep: Callable[[str], bool]) -> Resource:
    """The resource with those of its dependencies alone that `keep` says; its parent and its provider are none of them."""
    found = dict(resource)
    for key in ("dependencies", "replaceWith"):
        if key in found:
            found[key] = [urn for urn in found[key] if keep(urn)]
    if "propertyDependencies" in found:
        by_property = cast("Mapping[str, Sequence[str] | None]", found["propertyDependencies"])
        found["propertyDependencies"] = {
            name: [urn for urn in urns or () if keep(urn)] for name, urns in by_property.items()
        }
    if "deletedWith" in found and not keep(found["deletedWith"]):
        del found["deletedWith"]
    return found
