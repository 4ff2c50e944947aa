"""The provider: what the engine asks, answered from a cluster (`provider/provider.go` and `await/await.go`)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from tailstack.sandbox.plugins.frame import Checked, Diff, Engine, Failure, Live, PartialError, PluginError, Request
from tailstack.sandbox.plugins.kubernetes import configuration, kinds, objects, waiting
from tailstack.sandbox.plugins.kubernetes.api import ApiError, Client, NoMatchError, UnreachableError
from tailstack.sandbox.plugins.kubernetes.objects import annotation, dig, table, text
from tailstack.sandbox.plugins.kubernetes.release import Releases
from tailstack.sandbox.plugins.values import UNKNOWN, Properties, differences, has_unknown

_UNREACHABLE: Final = "configured Kubernetes cluster is unreachable"
_REMOVE_HINT: Final = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
_CONFLICT_LINK: Final = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"
)
_NO_KIND: Final = (
    "because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
    "Verify that any required CRDs have been created"
)
# A namespace or a definition that is made at the same time may be a moment late. Seconds between the tries.
_LATE: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


class KubernetesProvider:
    """Any kind of object by server-side apply, `…Patch` resources, and Helm releases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check_config(self, config: Properties) -> Sequence[Failure]:
        return configuration.check(config)

    def replaces_on(self, old: Properties, new: Properties) -> frozenset[str]:
        return configuration.replaces_on(old, new)

    def configure(self, config: Properties) -> None:
        self._config = configuration.configure(config)
        self._client, self._namespace = self._config.client, self._config.namespace
        self._releases = Releases(
            self._config,
            cancelled=self._engine.cancelled,
            warn=lambda message, urn: self._engine.warn(message, urn=urn),
        )

    def check(self, request: Request) -> Checked:
        if self._client is None and self._config.skip_update_unreachable and request.old_inputs:
            message = "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping..."
            self._engine.warn(message, urn=request.urn)
            return Checked(inputs=request.old_inputs)
        if request.type == kinds.RELEASE:
            return self._releases.check(request)
        inputs = {key: value for key, value in request.inputs.items() if value is not None}
        api_version, kind = _kind(request)
        if kind.endswith("List") and "items" in inputs:
            raise PluginError("list resources cannot be created directly. Use the underlying resource type instead")
        if dig(inputs, "metadata", "generateName") and not dig(inputs, "metadata", "name"):
            raise PluginError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
        if kinds.is_patch(request.type, inputs):
            if not dig(inputs, "metadata", "name"):
                raise PluginError("patch resources require the `.metadata.name` field to be set")
        else:
            inputs = objects.named(inputs, old=request.old_inputs, base=request.name, seed=request.seed)
        if self._namespace and not dig(inputs, "metadata", "namespace") and self._namespaced(api_version, kind):
            inputs = objects.with_namespace(inputs, self._namespace)
        try:
            if (expression := annotation(inputs, "waitFor")) and not has_unknown(expression):
                waiting.wait_for(expression)
        except waiting.WaitForError as error:
            return Checked(
                inputs=inputs, failures=(Failure(property="metadata", reason=f"pulumi.com/waitFor: {error}"),)
            )
        return Checked(inputs=inputs)

    def diff(self, request: Request) -> Diff:
        if request.type == kinds.RELEASE:
            return self._releases.diff(request)
        api_version, kind = _kind(request)
        namespaced = self._namespaced(api_version, kind)
        old, new = (
            _in_place(objects.normal(inputs), namespaced=namespaced) for inputs in (request.old_inputs, request.inputs)
        )
        name = text(request.state, "metadata", "name")
        if name and dig(new, "metadata", "name") == name:
            # A program that comes to say the name that was made up changes nothing.
            old = {**old, "metadata": {**table(old, "metadata"), "name": name}}
        changes = differences(old, new)
        changes = {path: change for path, change in changes.items() if not objects.within(path, request.ignore_changes)}
        immutable = dig(new, "immutable") is True
        fields: Sequence[str] = kinds.IDENTITY
        if not kinds.is_patch(request.type, new):
            fields = kinds.replacing_fields(
                api_version,
                kind,
                mutable_config_maps=self._config.mutable_config_maps and not immutable,
                mutable_secrets=self._config.mutable_secrets and not immutable,
            )
        replaces = objects.replacing(changes, old=old, new=new, fields=fields)
        stays = all(dig(new, "metadata", key) == dig(old, "metadata", key) for key in ("name", "namespace"))
        return Diff(
            changes=changes,
            replaces=replaces,
            delete_before_replace=bool(replaces and name) and stays and not objects.is_autonamed(new),
        )

    def create(self, request: Request) -> Live:
        if request.type == kinds.RELEASE:
            return self._releases.create(request)
        client = self._reachable(request)
        patch = kinds.is_patch(request.type, request.inputs)
        if client is None or (request.preview and (patch or not self._can_preview(client, request))):
            return Live(id="", outputs=request.inputs)
        manager = annotation(request.inputs, "patchFieldManager") or objects.new_field_manager()
        try:
            live, wanted = self._apply_new(client, request, manager)
        except ApiError as error:
            if request.preview and (error.forbidden or error.missing_namespace or error.immutable):
                return Live(id="", outputs=request.inputs)
            raise _refusal(
                f'resource "{request.urn}" was not successfully created by the Kubernetes API server', request, error
            ) from error
        except NoMatchError as error:
            raise _refusal(
                f'creation of resource "{request.urn}" with kind {"/".join(_kind(request))} failed {_NO_KIND}',
                request,
                error,
            ) from error
        if request.preview:
            live.pop("status", None)
            return Live(id="", outputs=objects.checkpoint(live, inputs=wanted, manager=manager))
        live = self._ready(
            client,
            request,
            live,
            manager,
            f'resource "{request.urn}" was successfully created, but the Kubernetes API server '
            "reported that it failed to fully initialize or become live",
        )
        return Live(id=objects.identifier(live), outputs=objects.checkpoint(live, inputs=wanted, manager=manager))

    def read(self, request: Request) -> Live | None:
        if self._client is None:
            return self._read_unreachable(request)
        if request.type == kinds.RELEASE:
            return self._releases.read(request)
        api_version, kind = _kind(request)
        namespace, name = objects.parse_identifier(request.id)
        live = None
        with contextlib.suppress(NoMatchError):
            live = self._client.one(api_version, kind, namespace or self._namespace, name)
        if live is None:
            return None
        known = bool(request.inputs)
        inputs = (
            objects.refreshed(request.inputs, recorded=request.state, live=live) if known else objects.imported(live)
        )
        manager = text(request.state, objects.FIELD_MANAGER) or objects.new_field_manager()
        outputs = objects.checkpoint(live, inputs=inputs, manager=manager)
        if objects.is_secret(live) and known:
            inputs = objects.masked(inputs)
        if known and annotation(request.inputs, "skipAwait") != "true" and not annotation(request.inputs, "waitFor"):
            pending = waiting.built_in(request.inputs, self._client)(live)
            if pending:
                reason = f"Resource '{name}' was created but failed to initialize"
                raise PartialError(id=request.id, outputs=outputs, inputs=inputs, reasons=(reason, *pending))
        return Live(id=request.id, outputs=outputs, inputs=inputs)

    def update(self, request: Request) -> Properties:
        if request.type == kinds.RELEASE:
            return self._releases.update(request)
        client = self._reachable(request)
        if client is None or (request.preview and not self._can_preview(client, request)):
            return request.inputs
        former = text(request.state, objects.FIELD_MANAGER) or objects.new_field_manager()
        manager = annotation(request.inputs, "patchFieldManager") or former
        try:
            live, wanted = self._apply_again(client, request, manager)
            if manager != former and not request.preview:
                self._relinquish(client, request, former)
        except ApiError as error:
            if request.preview and error.forbidden:
                return request.inputs
            raise _refusal(f'update of resource "{request.urn}" failed', request, error) from error
        except NoMatchError as error:
            raise _refusal(f'update of resource "{request.urn}" failed {_NO_KIND}', request, error) from error
        if request.preview:
            return objects.checkpoint(live, inputs=wanted, manager=manager)
        live = self._ready(
            client,
            request,
            live,
            manager,
            f'the Kubernetes API server reported that "{request.id}" failed to fully initialize or become live',
        )
        return objects.checkpoint(live, inputs=wanted, manager=manager)

    def delete(self, request: Request) -> None:
        if request.type == kinds.RELEASE:
            self._releases.delete(request)
            return
        if self._client is None:
            self._warn_unreachable(request)
            if not self._config.delete_unreachable:
                raise PluginError(f"{_UNREACHABLE}. {_REMOVE_HINT}")
            return
        client, inputs = self._client, request.inputs
        api_version, kind = _kind(request)
        namespace, name = objects.parse_identifier(request.id)
        try:
            path = client.locate(api_version, kind, namespace=namespace or self._namespace, name=name).path
            if kinds.is_patch(request.type, inputs):
                self._relinquish(client, request, text(request.state, objects.FIELD_MANAGER))
                return
            if client.delete(path, propagation=_propagation(inputs)) and not waiting.skips_deletion(inputs):
                waiting.until_gone(
                    lambda: client.get(path),
                    uid=text(request.state, "metadata", "uid"),
                    timeout=waiting.timeout_of(inputs, request.timeout),
                    cancelled=self._engine.cancelled,
                )
        except NoMatchError:
            return  # the definition is gone, and took its objects along
        except waiting.NotReadyError as error:
            outputs = objects.checkpoint(error.live, inputs=inputs, manager=text(request.state, objects.FIELD_MANAGER))
            raise PartialError(
                id=request.id, outputs=outputs, inputs=inputs, reasons=(str(error), *error.reasons)
            ) from error
        except ApiError as error:
            if error.required_field and kinds.is_patch(request.type, inputs):
                raise PluginError(
                    "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the "
                    f"`retainOnDelete` resource option, or transfer ownership of the field before deleting: {error.required_field}"
                ) from error
            raise

    def invoke(self, token: str, arguments: Properties) -> Properties:
        del arguments
        raise PluginError(f'the function "{token}" is not covered by the sandbox\'s stand-in (docs/plugins.md)')

    def _reachable(self, request: Request) -> Client | None:
        """The cluster, or None in a preview without one."""
        if self._client is None:
            if not request.preview:
                raise PluginError(f"{_UNREACHABLE}: {self._config.unreachable}")
            self._warn_unreachable(request)
        return self._client

    def _warn_unreachable(self, request: Request) -> None:
        self._engine.warn(f"{_UNREACHABLE}: {self._config.unreachable}", urn=request.urn)

    def _read_unreachable(self, request: Request) -> Live | None:
        self._warn_unreachable(request)
        if self._config.delete_unreachable:
            return None
        if self._config.skip_update_unreachable:
            return Live(id=request.id, outputs=request.state, inputs=request.inputs)
        raise PluginError(f"failed to read resource state due to unreachable cluster. {_REMOVE_HINT}")

    def _namespaced(self, api_version: str, kind: str) -> bool:
        if self._client is not None:
            try:
                return self._client.locate(api_version, kind).namespaced
            except (NoMatchError, ApiError, UnreachableError):
                pass  # a definition that is not installed yet
        return kinds.usually_namespaced(api_version, kind)

    def _can_preview(self, client: Client, request: Request) -> bool:
        """Whether the API server can say what an object would be: all is known, and so is the kind."""
        if has_unknown(request.inputs):
            return False
        try:
            client.locate(*_kind(request))
        except (NoMatchError, ApiError, UnreachableError):
            return False
        return True

    def _wanted(self, client: Client, request: Request) -> tuple[str, Properties]:
        """Where an object goes, and what is applied there."""
        api_version, kind = _kind(request)
        wanted = {**objects.normal(request.inputs), "apiVersion": api_version, "kind": kind}
        namespaced = client.locate(api_version, kind).namespaced
        namespace = (text(wanted, "metadata", "namespace") or self._namespace) if namespaced else ""
        wanted = objects.with_namespace(wanted, namespace)
        name = text(wanted, "metadata", "name")
        return client.locate(api_version, kind, namespace=namespace, name=name).path, wanted

    def _apply_new(self, client: Client, request: Request, manager: str) -> tuple[Properties, Properties]:
        """Apply an object that is not there yet, and give it with what was applied."""
        for pause in _LATE:
            try:
                return self._apply_once(client, request, manager)
            except (ApiError, NoMatchError) as error:
                late = isinstance(error, NoMatchError) or error.missing
                if not late or request.preview or self._engine.cancelled.wait(pause):
                    raise
        return self._apply_once(client, request, manager)

    def _apply_once(self, client: Client, request: Request, manager: str) -> tuple[Properties, Properties]:
        path, wanted = self._wanted(client, request)
        may_exist = request.preview or self._config.upsert or kinds.is_patch(request.type, request.inputs)
        if not may_exist and client.get(path) is not None:
            *_, plural, name = path.split("/")
            raise ApiError(409, f'{plural} "{name}" already exists', reason="AlreadyExists")
        force = self._force(request)
        return client.apply(path, wanted, manager=manager, force=force, dry_run=request.preview), wanted

    def _apply_again(self, client: Client, request: Request, manager: str) -> tuple[Properties, Properties]:
        path, wanted = self._wanted(client, request)
        live = client.get(path)
        if live is None and not kinds.is_patch(request.type, request.inputs):
            raise ApiError(404, f'"{request.id}" not found')
        if live is not None:
            if not request.preview and not kinds.is_patch(request.type, request.inputs):
                operations = objects.takeover(live, manager)
                live = client.patch(path, operations) if operations else live
            wanted = objects.without_ignored(wanted, live=live, manager=manager, ignored=request.ignore_changes)
        return client.apply(path, wanted, manager=manager, force=self._force(request), dry_run=request.preview), wanted

    def _force(self, request: Request) -> bool:
        asked = annotation(request.inputs, "patchForce")
        return request.preview or (asked == "true" if asked else self._config.patch_force)

    def _relinquish(self, client: Client, request: Request, manager: str) -> None:
        """Give up every field of an object that `manager` applied."""
        path, wanted = self._wanted(client, request)
        if client.get(path) is not None:
            identity = {key: value for key, value in wanted["metadata"].items() if key in ("name", "namespace")}
            bare: Properties = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": identity}
            client.apply(path, bare, manager=manager, force=True)

    def _ready(self, client: Client, request: Request, live: Properties, manager: str, failure: str) -> Properties:
        """Wait for an object as its inputs say."""
        path, _ = self._wanted(client, request)
        try:
            return waiting.until_ready(
                live,
                pending=waiting.rule_for(request.inputs, client),
                look=lambda: client.get(path),
                timeout=waiting.timeout_of(request.inputs, request.timeout),
                cancelled=self._engine.cancelled,
                report=lambda message: self._engine.status(message, urn=request.urn),
            )
        except waiting.NotReadyError as error:
            seen, reasons = error.live, (f"{failure}: {error}", *error.reasons)
        except (waiting.WaitForError, ApiError, UnreachableError) as error:
            seen, reasons = live, (f"{failure}: {error}",)
        outputs = objects.checkpoint(seen, inputs=request.inputs, manager=manager)
        raise PartialError(id=objects.identifier(seen), outputs=outputs, inputs=request.inputs, reasons=reasons)


def _refusal(what: str, request: Request, error: PluginError) -> PluginError:
    message = str(error)
    if isinstance(error, ApiError) and error.conflict:
        message = (
            f"Server-Side Apply field conflict detected. See {_CONFLICT_LINK} for troubleshooting help\n: {message}"
        )
    return PluginError(f"{what}: {objects.without_content(message, request.inputs)}")


def _kind(request: Request) -> tuple[str, str]:
    """apiVersion and kind of a resource: those of its inputs, else those that its type names."""
    inputs = request.inputs
    try:
        api_version, kind = kinds.kind_of_token(request.type)
    except ValueError as error:
        raise PluginError(str(error)) from error
    if not inputs:
        # An import, or a read without a program: `…Patch` types have no objects of that kind.
        kind = kind.removesuffix("Patch")
    return text(inputs, "apiVersion") or api_version, text(inputs, "kind") or kind


def _in_place(inputs: Properties, *, namespaced: bool) -> Properties:
    namespace = dig(inputs, "metadata", "namespace")
    if namespace is UNKNOWN:
        return inputs
    return objects.with_namespace(inputs, (namespace or "default") if namespaced else "")


def _propagation(inputs: Properties) -> str:
    return {"orphan": "Orphan", "background": "Background"}.get(
        annotation(inputs, "deletionPropagationPolicy").lower(), "Foreground"
    )
