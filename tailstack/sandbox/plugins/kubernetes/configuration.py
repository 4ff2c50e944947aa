"""The provider's own options: what it is to do, and the cluster that they lead to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from tailstack.sandbox.plugins.frame import Failure, PluginError
from tailstack.sandbox.plugins.kubernetes import kubeconfig
from tailstack.sandbox.plugins.kubernetes.api import ApiError, Client, ClientSettings, UnreachableError
from tailstack.sandbox.plugins.kubernetes.kubeconfig import Connection, KubeconfigError
from tailstack.sandbox.plugins.values import Properties

_NOT_COVERED: Final = ("renderYamlToDirectory", "alwaysRender")
_HELM_VARIABLES: Final = {
    "pluginsPath": "HELM_PLUGINS",
    "registryConfigPath": "HELM_REGISTRY_CONFIG",
    "repositoryConfigPath": "HELM_REPOSITORY_CONFIG",
    "repositoryCache": "HELM_REPOSITORY_CACHE",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What the options come to. Without a cluster that answers, `client` is None and `unreachable` says why."""

    namespace: str
    """Where objects go that name no namespace; empty where no kubeconfig was found."""
    connection: Connection | None
    client: Client | None
    unreachable: str
    helm_variables: Mapping[str, str]
    """Environment variables for helm."""
    helm_flags: Sequence[str]
    delete_unreachable: bool
    skip_update_unreachable: bool
    patch_force: bool
    upsert: bool
    mutable_config_maps: bool
    mutable_secrets: bool


def check(config: Properties) -> list[Failure]:
    """What is wrong with the options, or not covered."""
    failures = [
        Failure(property=name, reason=f"{name} is not covered by the sandbox's stand-in (docs/plugins.md)")
        for name in _NOT_COVERED
        if config.get(name)
    ]
    if config.get("enableServerSideApply") in (False, "false"):
        reason = "the sandbox's stand-in knows server-side apply only (docs/plugins.md)"
        failures.append(Failure(property="enableServerSideApply", reason=reason))
    return failures


def replaces_on(old: Properties, new: Properties) -> frozenset[str]:
    """The options that lead to another cluster. Raises KubeconfigError."""
    before, after = old.get("clusterIdentifier"), new.get("clusterIdentifier")
    if before and after:
        # Setting or dropping the identifier replaces nothing, nor does a moved endpoint of the same cluster.
        return frozenset() if before == after else frozenset({"clusterIdentifier"})
    one, other = (
        kubeconfig.active_cluster(
            kubeconfig.load(_text(config, "kubeconfig")),
            context=_text(config, "context"),
            cluster=_text(config, "cluster"),
        )
        for config in (old, new)
    )
    moved = one is not None and other is not None and one != other
    return frozenset({"kubeconfig", "context", "cluster"}) if moved else frozenset()


def configure(config: Properties) -> Configuration:
    """Read the options, and find the cluster. Raises PluginError for an option that cannot be read."""
    limits, helm = _object(config, "kubeClientSettings"), _object(config, "helmReleaseSettings")
    settings = ClientSettings(
        qps=float(limits.get("qps") or os.environ.get("PULUMI_K8S_CLIENT_QPS") or 50),
        burst=int(limits.get("burst") or os.environ.get("PULUMI_K8S_CLIENT_BURST") or 120),
        timeout=float(limits.get("timeout") or os.environ.get("PULUMI_K8S_CLIENT_TIMEOUT") or 60),
    )
    connection, client, unreachable = _connect(config, settings)
    return Configuration(
        namespace=connection.namespace if connection else _text(config, "namespace"),
        connection=connection,
        client=client,
        unreachable=unreachable,
        helm_variables={
            "HELM_DRIVER": str(helm.get("driver") or os.environ.get("PULUMI_K8S_HELM_DRIVER") or "secret"),
            **{variable: str(helm[key]) for key, variable in _HELM_VARIABLES.items() if helm.get(key)},
        },
        helm_flags=("--qps", str(settings.qps), "--burst-limit", str(settings.burst)),
        delete_unreachable=_switch(config, "deleteUnreachable", "DELETE_UNREACHABLE"),
        skip_update_unreachable=_switch(config, "skipUpdateUnreachable", "SKIP_UPDATE_UNREACHABLE"),
        patch_force=_switch(config, "enablePatchForce", "ENABLE_PATCH_FORCE"),
        upsert=_switch(config, "upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
        mutable_config_maps=_switch(config, "enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
        mutable_secrets=_switch(config, "enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
    )


def _connect(config: Properties, settings: ClientSettings) -> tuple[Connection | None, Client | None, str]:
    connection = None
    try:
        loaded = kubeconfig.load(_text(config, "kubeconfig"))
    except KubeconfigError as error:
        return None, None, f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
    try:
        connection = kubeconfig.connection(
            loaded,
            context=_text(config, "context"),
            cluster=_text(config, "cluster"),
            namespace=_text(config, "namespace"),
        )
        client = Client(connection, settings)
        client.probe()
    except KubeconfigError as error:
        return connection, None, f"unable to load Kubernetes client configuration from kubeconfig file: {error}"
    except (UnreachableError, ApiError) as error:
        return connection, None, f"unable to load schema information from the API server: {error}"
    return connection, client, ""


def _text(config: Properties, name: str) -> str:
    return str(config.get(name) or "")


def _switch(config: Properties, name: str, variable: str) -> bool:
    """An option that is on or off: the provider's own input, else an environment variable, else off."""
    value = config.get(name)
    return value in (True, "true") if value is not None else os.environ.get(f"PULUMI_K8S_{variable}") == "true"


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
