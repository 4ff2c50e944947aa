"""The provider: what the engine asks, answered from a cluster (`provider/provider.go` and `await/await.go`)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from tailstack.sandbox.plugins.frame import Checked, Diff, Engine, Failure, Live, PartialError, PluginError, Request
from tailstack.sandbox.plugins.kubernetes import kinds, kubeconfig, objects, waiting
from tailstack.sandbox.plugins.kubernetes.api import ApiError, Client, ClientSettings, NoMatchError, UnreachableError
from tailstack.sandbox.plugins.kubernetes.objects import annotation, dig, table, text
from tailstack.sandbox.plugins.kubernetes.release import HelmSettings, Releases
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
_NOT_COVERED: Final = ("renderYamlToDirectory", "alwaysRender")
# A namespace or a definition that is made at the same time may be a moment late. Seconds between the tries.
_LATE: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Switches:
    """The provider's options that are on or off: its own inputs, else environment variables, else false."""

    delete_unreachable: bool
    skip_update_unreachable: bool
    patch_force: bool
    upsert: bool
    mutable_config_maps: bool
    mutable_secrets: bool


class KubernetesProvider:
    """Any kind of object by server-side apply, `…Patch` resources, and Helm releases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client: Client | None = None
        self._unreachable = "the provider is not configured"
        self._namespace = ""

    def check_config(self, config: Properties) -> Sequence[Failure]:
        failures = [
            Failure(property=name, reason=f"{name} is not covered by the sandbox's stand-in")
            for name in _NOT_COVERED
            if config.get(name)
        ]
        if config.get("enableServerSideApply") in (False, "false"):
            reason = "the sandbox's stand-in knows server-side apply only"
            failures.append(Failure(property="enableServerSideApply", reason=reason))
        return failures

    def replaces_on(self, old: Properties, new: Properties) -> frozenset[str]:
        before, after = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        if before and after:
            # Setting or dropping the identifier replaces nothing, nor does a moved endpoint of the same cluster.
            return frozenset() if before == after else frozenset({"clusterIdentifier"})
        try:
            one, other = (
                kubeconfig.active_cluster(
                    kubeconfig.load(str(config.get("kubeconfig") or "")),
                    context=str(config.get("context") or ""),
                    cluster=str(config.get("cluster") or ""),
                )
                for config in (old, new)
            )
        except kubeconfig.KubeconfigError as error:
            raise PluginError(f"failed to parse kubeconfig: {error}") from error
        moved = one is not None and other is not None and one != other
        return frozenset({"kubeconfig", "context", "cluster"}) if moved else frozenset()

    def configure(self, config: Properties) -> None:
        self._switches = _Switches(
            delete_unreachable=_switch(config, "deleteUnreachable", "DELETE_UNREACHABLE"),
            skip_update_unreachable=_switch(config, "skipUpdateUnreachable", "SKIP_UPDATE_UNREACHABLE"),
            patch_force=_switch(config, "enablePatchForce", "ENABLE_PATCH_FORCE"),
            upsert=_switch(config, "upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
            mutable_config_maps=_switch(config, "enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
            mutable_secrets=_switch(config, "enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
        )
        limits = _object(config, "kubeClientSettings")
        settings = ClientSettings(
            qps=float(limits.get("qps") or os.environ.get("PULUMI_K8S_CLIENT_QPS") or 50),
            burst=int(limits.get("burst") or os.environ.get("PULUMI_K8S_CLIENT_BURST") or 120),
            timeout=float(limits.get("timeout") or os.environ.get("PULUMI_K8S_CLIENT_TIMEOUT") or 60),
        )
        connection = self._connect(config, settings)
        self._releases = Releases(
            settings=_helm_settings(_object(config, "helmReleaseSettings"), settings),
            namespace=self._namespace or "default",
            connection=connection,
            client=self._client,
            unreachable=self._unreachable,
            cancelled=self._engine.cancelled,
            warn=lambda message, urn: self._engine.warn(message, urn=urn),
        )

    def _connect(self, config: Properties, settings: ClientSettings) -> kubeconfig.Connection | None:
        """Find the cluster. Where that fails the reason is kept, for the calls that need it."""
        self._namespace = str(config.get("namespace") or "")
        given = str(config.get("kubeconfig") or "")
        connection = None
        try:
            loaded = kubeconfig.load(given)
        except kubeconfig.KubeconfigError as error:
            self._unreachable = f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
            return None
        try:
            connection = kubeconfig.connection(
                loaded,
                context=str(config.get("context") or ""),
                cluster=str(config.get("cluster") or ""),
                namespace=self._namespace,
            )
            self._namespace = connection.namespace
            client = Client(connection, settings)
            client.probe()
        except kubeconfig.KubeconfigError as error:
            self._unreachable = f"unable to load Kubernetes client configuration from kubeconfig file: {error}"
        except (UnreachableError, ApiError) as error:
            self._unreachable = f"unable to load schema information from the API server: {error}"
        else:
            self._client, self._unreachable = client, ""
        return connection

    def check(self, request: Request) -> Checked:
        if self._client is None and self._switches.skip_update_unreachable and request.old_inputs:
            message = "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping..."
            self._engine.warn(message, urn=request.urn)
            return Checked(inputs=request.old_inputs)
        if request.type == kinds.RELEASE:
            return self._releases.check(request)
        inputs = {key: value for key, value in request.inputs.items() if value is not None}
        api_version, kind = _kind(request, inputs)
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
        api_version, kind = _kind(request, request.inputs)
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
                mutable_config_maps=self._switches.mutable_config_maps and not immutable,
                mutable_secrets=self._switches.mutable_secrets and not immutable,
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
            live, wanted = self._apply_new(client, request, manager, patch=patch)
        except ApiError as error:
            if request.preview and (error.forbidden or error.missing_namespace or error.immutable):
                return Live(id="", outputs=request.inputs)
            raise self._refused(request, error, manager) from error
        except NoMatchError as error:
            raise PluginError(
                f'creation of resource "{request.urn}" with kind {"/".join(_kind(request, request.inputs))} failed because the '
                "Kubernetes API server reported that the apiVersion for this resource does not exist. "
                f"Verify that any required CRDs have been created: {error}"
            ) from error
        except UnreachableError as error:
            raise PluginError(f"{_UNREACHABLE}: {error}") from error
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
        api_version, kind = _kind(request, request.inputs)
        namespace, name = objects.parse_identifier(request.id)
        try:
            live = self._client.one(api_version, kind, namespace or self._namespace, name)
        except NoMatchError:
            return None
        except (ApiError, UnreachableError) as error:
            raise PluginError(str(error)) from error
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
                self._relinquish(client, wanted, former)
        except (ApiError, NoMatchError, UnreachableError) as error:
            if request.preview and isinstance(error, ApiError) and error.forbidden:
                return request.inputs
            raise self._not_updated(request, error, manager) from error
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
            if not self._switches.delete_unreachable:
                raise PluginError(f"{_UNREACHABLE}. {_REMOVE_HINT}")
            return
        client, inputs = self._client, request.inputs
        api_version, kind = _kind(request, inputs)
        namespace, name = objects.parse_identifier(request.id)
        try:
            path = client.locate(api_version, kind, namespace=namespace or self._namespace, name=name).path
            if kinds.is_patch(request.type, inputs):
                wanted = {
                    "apiVersion": api_version,
                    "kind": kind,
                    "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
                }
                self._relinquish(client, wanted, text(request.state, objects.FIELD_MANAGER))
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
            raise PluginError(str(error)) from error
        except UnreachableError as error:
            raise PluginError(f"{_UNREACHABLE}: {error}") from error

    def invoke(self, token: str, arguments: Properties) -> Properties:
        del arguments
        raise PluginError(f'the function "{token}" is not covered by the sandbox\'s stand-in')

    def _reachable(self, request: Request) -> Client | None:
        """The cluster, or None in a preview without one."""
        if self._client is None:
            if not request.preview:
                raise PluginError(f"{_UNREACHABLE}: {self._unreachable}")
            self._warn_unreachable(request)
        return self._client

    def _warn_unreachable(self, request: Request) -> None:
        self._engine.warn(f"{_UNREACHABLE}: {self._unreachable}", urn=request.urn)

    def _read_unreachable(self, request: Request) -> Live | None:
        self._warn_unreachable(request)
        if self._switches.delete_unreachable:
            return None
        if self._switches.skip_update_unreachable:
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
            client.locate(*_kind(request, request.inputs))
        except (NoMatchError, ApiError, UnreachableError):
            return False
        return True

    def _wanted(self, client: Client, request: Request) -> tuple[str, Properties]:
        """Where an object goes, and what is applied there."""
        api_version, kind = _kind(request, request.inputs)
        wanted = {**objects.normal(request.inputs), "apiVersion": api_version, "kind": kind}
        namespaced = client.locate(api_version, kind).namespaced
        namespace = (text(wanted, "metadata", "namespace") or self._namespace) if namespaced else ""
        wanted = objects.with_namespace(wanted, namespace)
        name = text(wanted, "metadata", "name")
        return client.locate(api_version, kind, namespace=namespace, name=name).path, wanted

    def _apply_new(
        self, client: Client, request: Request, manager: str, *, patch: bool
    ) -> tuple[Properties, Properties]:
        for pause in (*_LATE, None):
            try:
                path, wanted = self._wanted(client, request)
                if not (request.preview or patch or self._switches.upsert) and client.get(path) is not None:
                    plural, _, name = path.rpartition("/")
                    raise PluginError(
                        f'resource "{request.urn}" was not successfully created by the Kubernetes API server: '
                        f'{plural.rpartition("/")[2]} "{name}" already exists'
                    )
                return client.apply(
                    path, wanted, manager=manager, force=self._force(request), dry_run=request.preview
                ), wanted
            except (ApiError, NoMatchError) as error:
                late = isinstance(error, NoMatchError) or error.missing
                if not late or request.preview or pause is None or self._engine.cancelled.wait(pause):
                    raise
        raise AssertionError  # the last try returns or raises

    def _apply_again(self, client: Client, request: Request, manager: str) -> tuple[Properties, Properties]:
        path, wanted = self._wanted(client, request)
        live = client.get(path)
        if live is None and not kinds.is_patch(request.type, request.inputs):
            raise ApiError(404, f'"{request.id}" not found', {})
        if live is not None:
            if not request.preview and not kinds.is_patch(request.type, request.inputs):
                operations = objects.takeover(live, manager)
                live = client.patch(path, operations) if operations else live
            wanted = objects.without_ignored(wanted, live=live, manager=manager, ignored=request.ignore_changes)
        return client.apply(path, wanted, manager=manager, force=self._force(request), dry_run=request.preview), wanted

    def _force(self, request: Request) -> bool:
        asked = annotation(request.inputs, "patchForce")
        return request.preview or (asked == "true" if asked else self._switches.patch_force)

    def _relinquish(self, client: Client, wanted: Properties, manager: str) -> None:
        """Give up every field of an object that `manager` applied."""
        metadata = {key: value for key, value in wanted["metadata"].items() if key in ("name", "namespace")}
        path = client.locate(
            wanted["apiVersion"], wanted["kind"], namespace=metadata.get("namespace", ""), name=metadata["name"]
        ).path
        if client.get(path) is not None:
            bare = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": metadata}
            client.apply(path, bare, manager=manager, force=True)

    def _ready(self, client: Client, request: Request, live: Properties, manager: str, failure: str) -> Properties:
        """Wait for an object as its inputs say."""
        metadata: Any = live["metadata"]
        path = client.locate(
            live["apiVersion"], live["kind"], namespace=metadata.get("namespace", ""), name=metadata["name"]
        ).path
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

    def _refused(self, request: Request, error: ApiError, manager: str) -> PluginError:
        message = objects.without_content(_explained(error, manager), request.inputs)
        return PluginError(
            f'resource "{request.urn}" was not successfully created by the Kubernetes API server: {message}'
        )

    def _not_updated(self, request: Request, error: Exception, manager: str) -> PluginError:
        message = _explained(error, manager) if isinstance(error, ApiError) else str(error)
        message = objects.without_content(message, request.inputs)
        if isinstance(error, NoMatchError):
            return PluginError(
                f'update of resource "{request.urn}" failed because the Kubernetes API server reported that the apiVersion for '
                f"this resource does not exist. Verify that any required CRDs have been created: {message}"
            )
        return PluginError(f'update of resource "{request.urn}" failed: {message}')


def _explained(error: ApiError, manager: str) -> str:
    if not error.conflict:
        return str(error)
    return (
        f"Server-Side Apply field conflict detected. See {_CONFLICT_LINK} for troubleshooting help\n"
        f': the resource managed by field manager "{manager}" had an apply conflict: {error}'
    )


def _kind(request: Request, inputs: Properties) -> tuple[str, str]:
    """apiVersion and kind of a resource: those of its inputs, else those that its type names."""
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


def _switch(config: Properties, name: str, variable: str) -> bool:
    value = config.get(name)
    return value is True or value == "true" if value is not None else os.environ.get(f"PULUMI_K8S_{variable}") == "true"


def _object(config: Properties, name: str) -> Properties:
    """An option that is an object. The engine sends those as JSON."""
    value: object = config.get(name) or "{}"
    try:
        parsed: object = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise PluginError(f"failed to unmarshal {name} option: {error}") from error
    if not isinstance(parsed, dict):
        raise PluginError(f"failed to unmarshal {name} option: expected an object")
    return cast("Properties", parsed)


def _helm_settings(options: Properties, limits: ClientSettings) -> HelmSettings:
    variables = {
        "pluginsPath": "HELM_PLUGINS",
        "registryConfigPath": "HELM_REGISTRY_CONFIG",
        "repositoryConfigPath": "HELM_REPOSITORY_CONFIG",
        "repositoryCache": "HELM_REPOSITORY_CACHE",
    }
    return HelmSettings(
        driver=str(options.get("driver") or os.environ.get("PULUMI_K8S_HELM_DRIVER") or "secret"),
        environment={variable: str(options[key]) for key, variable in variables.items() if options.get(key)},
        flags=("--qps", str(limits.qps), "--burst-limit", str(limits.burst)),
    )
