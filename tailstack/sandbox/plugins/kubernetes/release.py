"""Helm releases, `kubernetes:helm.sh/v3:Release`, through the `helm` program (`provider/helm_release.go`).

helm installs, upgrades, uninstalls and renders. What is there it keeps in the cluster itself, where it is read from.
Values reach helm on stdin and the kubeconfig in a file of its own, never on its command line.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from tailstack.sandbox.plugins.frame import Checked, Diff, Failure, Live, PartialError, PluginError, Request
from tailstack.sandbox.plugins.kubernetes.configuration import Configuration
from tailstack.sandbox.plugins.kubernetes.objects import dig, identifier, parse_identifier, replacing, text, within
from tailstack.sandbox.plugins.values import UNKNOWN, Properties, Secret, differences, has_unknown

_DEFAULT_TIMEOUT: Final = 300
_DRIVERS: Final = {"secret": "Secret", "secrets": "Secret", "configmap": "ConfigMap", "configmaps": "ConfigMap"}
_COMPUTED: Final = ("checksum", "resourceNames")
_OUTPUTS_ONLY: Final = ("status",)
_LEFT_OUT: Final = ("valueYamlFiles", "postrender", "keyring", "verify")
_RENDERING: Final = {
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableWebhooks": "--no-hooks",
}
_COMMON: Final = {
    "atomic": "--atomic",
    "dependencyUpdate": "--dependency-update",
    "devel": "--devel",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
}
_INSTALL: Final = _COMMON | {
    "createNamespace": "--create-namespace",
    "disableWebhooks": "--no-hooks",
    "replace": "--replace",
}
_UPGRADE: Final = _COMMON | {
    "cleanupOnFail": "--cleanup-on-fail",
    "disableCRDHooks": "--no-hooks",
    "forceUpdate": "--force",
    "recreatePods": "--recreate-pods",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}
# Shorter strings stay in error messages: they are words like "true", and no secret is that short.
_SHORTEST_HIDDEN: Final = 8
# Seconds between two looks at whether the user has interrupted.
_PAUSE: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A revision of a release as helm keeps it."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: Properties
    """`name`, `version`, `appVersion` and the rest of Chart.yaml."""
    values: Properties = field(repr=False)
    manifest: str = field(repr=False)


class HelmError(Exception):
    """What helm says went wrong, without the values it was given."""


class Releases:
    """The releases of one cluster. `warn` tells a message beside the resource with a URN."""

    def __init__(self, config: Configuration, *, cancelled: threading.Event, warn: Callable[[str, str], None]) -> None:
        self._config = config
        self._cancelled = cancelled
        self._warn = warn

    def check(self, request: Request) -> Checked:
        """The inputs with name, namespace and timeout, and with what the chart renders to."""
        inputs = {key: value for key, value in request.inputs.items() if value is not None and key not in _COMPUTED}
        failures = tuple(
            Failure(property=key, reason=f"{key} is not covered by the sandbox's stand-in (docs/plugins.md)")
            for key in _LEFT_OUT
            if inputs.get(key)
        )
        if dig(inputs, "repositoryOpts", "password"):
            reason = "a repository with a password is not covered by the sandbox's stand-in (docs/plugins.md)"
            failures = (*failures, Failure(property="repositoryOpts", reason=reason))
        if not inputs.get("name"):
            suffix = hashlib.sha256(request.seed or secrets.token_bytes(32)).hexdigest()[:8]
            inputs["name"] = request.old_inputs.get("name") or f"{request.name}-{suffix}"
        if not inputs.get("namespace"):
            inputs["namespace"] = self._config.namespace or "default"
        if inputs.get("skipAwait") is not True:
            inputs.setdefault("timeout", _DEFAULT_TIMEOUT)
        if isinstance(inputs.get("values"), dict) and not inputs.get("allowNullValues"):
            inputs["values"] = _without_nulls(inputs["values"])
        if failures:
            return Checked(inputs=inputs, failures=failures)
        if has_unknown(inputs):
            return Checked(inputs=inputs | dict.fromkeys(_COMPUTED, UNKNOWN))
        try:
            manifest = self._render(inputs)
        except HelmError as error:
            reason = f"{error}; check the chart name and repository configuration."
            return Checked(inputs=inputs, failures=(Failure(property="chart", reason=reason),))
        checksum = hashlib.sha256(manifest.encode()).hexdigest()
        return Checked(inputs=inputs | {"checksum": checksum, "resourceNames": resource_names(manifest)})

    def diff(self, request: Request) -> Diff:
        """Between the inputs; another name or namespace is another release."""
        old, new = request.old_inputs, request.inputs
        changes = {
            path: kind for path, kind in differences(old, new).items() if not within(path, request.ignore_changes)
        }
        return Diff(changes=changes, replaces=replacing(changes, old=old, new=new, fields=("name", "namespace")))

    def create(self, request: Request) -> Live:
        inputs = request.inputs
        if request.preview:
            return Live(id="", outputs=inputs)
        self._require("create")
        identity = f"{inputs['namespace']}/{inputs['name']}"
        before = self.stored(inputs["namespace"], inputs["name"])
        try:
            self._install("install", inputs, _INSTALL, timeout=request.timeout)
        except HelmError as error:
            left = self.stored(inputs["namespace"], inputs["name"])
            if left is None or before is not None:
                raise PluginError(str(error)) from error
            self._warn(
                f'Helm release "{inputs["name"]}" was created but has a failed status. Use the `helm` command to '
                f"investigate the error, correct it, then retry. Reason: {error}",
                request.urn,
            )
            what = f'Helm release "{identity}" was created, but failed to initialize completely. Use Helm CLI to investigate.'
            raise _partial(left, inputs, what, error) from error
        return Live(id=identity, outputs=self._outputs(inputs))

    def update(self, request: Request) -> Properties:
        inputs = request.inputs
        if request.preview:
            return inputs
        self._require("update")
        try:
            self._install("upgrade", inputs, _UPGRADE, timeout=request.timeout)
        except HelmError as error:
            left = self.stored(inputs["namespace"], inputs["name"])
            if left is None or left.status == "deployed":
                raise PluginError(str(error)) from error
            identity = f"{inputs['namespace']}/{inputs['name']}"
            what = f'Helm release "{identity}" failed to initialize completely. Use Helm CLI to investigate.'
            raise _partial(left, inputs, f"{what}: error running update", error) from error
        return self._outputs(inputs)

    def read(self, request: Request) -> Live | None:
        """The release as helm has it. Values and a chart's version that changed show in the inputs."""
        namespace, name = parse_identifier(request.id)
        stored = self.stored(namespace or self._config.namespace, name)
        if stored is None:
            return None
        if not request.inputs:
            inputs: Properties = {
                "chart": stored.chart.get("name", ""),
                "name": name,
                "namespace": stored.namespace,
                "timeout": _DEFAULT_TIMEOUT,
                "values": Secret(stored.values),  # nobody has marked the secrets among them
                "version": stored.chart.get("version", ""),
                "resourceNames": resource_names(stored.manifest),
            }
        else:
            inputs = dict(request.inputs)
            if (inputs.get("values") or {}) != stored.values:
                # Somebody else's values: nobody has marked the secrets among them.
                inputs["values"] = Secret(stored.values)
            if request.state.get("version", "") != (version := stored.chart.get("version", "")):
                inputs["version"] = version
        return Live(id=request.id, outputs=outputs_of(inputs, stored), inputs=inputs)

    def delete(self, request: Request) -> None:
        if self._config.client is None:
            raise PluginError(
                f'can\'t delete Helm Release with unreachable cluster. Reason: "{self._config.unreachable}"'
            )
        inputs = request.inputs
        arguments = ["uninstall", str(inputs["name"]), "--ignore-not-found"]
        if inputs.get("atomic") or inputs.get("skipAwait") is not True:
            arguments += ["--wait", "--timeout", f"{inputs.get('timeout') or _DEFAULT_TIMEOUT}s"]
        try:
            self._helm(arguments, namespace=str(inputs["namespace"]), values=None)
        except HelmError as error:
            raise PluginError(str(error)) from error

    def stored(self, namespace: str, name: str) -> Stored | None:
        """The newest revision of a release, or None."""
        driver = self._config.helm_variables["HELM_DRIVER"]
        if self._config.client is None or driver not in _DRIVERS:
            raise PluginError(f'the Helm driver "{driver}" is not covered by the sandbox\'s stand-in (docs/plugins.md)')
        kind = _DRIVERS[driver]
        found = self._config.client.labelled("v1", kind, namespace, f"owner=helm,name={name}")
        newest = max(found, key=lambda one: int(one["metadata"]["labels"]["version"]), default=None)
        return None if newest is None else _decoded(newest, kind)

    def _require(self, doing: str) -> None:
        if self._config.client is None:
            raise PluginError(f"can't {doing} Helm Release with unreachable cluster: {self._config.unreachable}")

    def _outputs(self, inputs: Properties) -> Properties:
        stored = self.stored(inputs["namespace"], inputs["name"])
        if stored is None:
            raise PluginError(f'the release "{inputs["name"]}" is gone right after helm made it')
        return outputs_of(inputs, stored)

    def _render(self, inputs: Properties) -> str:
        chart, flags = _chart(inputs)
        if inputs.get("skipCrds") is not True:
            flags.append("--include-crds")
        flags += [flag for key, flag in _RENDERING.items() if inputs.get(key) is True]
        arguments = ["template", str(inputs["name"]), chart, *flags]
        return self._helm(arguments, namespace=str(inputs["namespace"]), values=inputs.get("values"))

    def _install(self, verb: str, inputs: Properties, switches: Mapping[str, str], *, timeout: float) -> None:
        chart, flags = _chart(inputs)
        flags += [flag for key, flag in switches.items() if inputs.get(key) is True]
        flags += ["--timeout", f"{int(timeout or inputs.get('timeout') or _DEFAULT_TIMEOUT)}s"]
        if inputs.get("skipAwait") is not True:
            flags.append("--wait")
            if inputs.get("waitForJobs") is True:
                flags.append("--wait-for-jobs")
        if description := inputs.get("description"):
            flags += ["--description", str(description)]
        if verb == "upgrade":
            flags += ["--history-max", str(inputs.get("maxHistory") or 0)]
        arguments = [verb, str(inputs["name"]), chart, *flags, "--output", "json"]
        self._helm(arguments, namespace=str(inputs["namespace"]), values=inputs.get("values"))

    def _helm(self, arguments: Sequence[str], *, namespace: str, values: object) -> str:
        program = shutil.which("helm")
        if not program:
            raise HelmError("there is no helm on PATH")
        command = [program, *arguments, "--namespace", namespace, *(["--values", "-"] if values is not None else [])]
        environment = {**os.environ, **self._config.helm_variables}
        connection = self._config.connection
        with _file_of(connection.as_kubeconfig() if connection else {}) as (kubeconfig, descriptors):
            command += ["--kubeconfig", kubeconfig, *self._config.helm_flags]
            sent = json.dumps(values or {}).encode()
            output, errors, code = _run(command, environment, sent, descriptors, self._cancelled)
        if code:
            raise HelmError(_without_values(_error_of(errors), values))
        return output


def outputs_of(inputs: Properties, stored: Stored) -> Properties:
    """What the state keeps of a release: its inputs, and what helm says of it. No manifest, which repeats secrets."""
    values = inputs.get("values")
    return {
        **{key: value for key, value in inputs.items() if key not in _OUTPUTS_ONLY},
        **({"values": values if isinstance(values, Secret) else stored.values} if stored.values or values else {}),
        "version": stored.chart.get("version", ""),
        "resourceNames": resource_names(stored.manifest),
        "status": {
            "appVersion": stored.chart.get("appVersion", ""),
            "chart": stored.chart.get("name", ""),
            "name": stored.name,
            "namespace": stored.namespace,
            "revision": stored.revision,
            "status": stored.status,
            "version": stored.chart.get("version", ""),
        },
    }


def _partial(left: Stored, inputs: Properties, what: str, error: HelmError) -> PartialError:
    identity = f"{left.namespace}/{left.name}"
    reason = f"failed to become available within allocated timeout. Error: Helm Release {identity}: {error}"
    return PartialError(id=identity, outputs=outputs_of(inputs, left), inputs=inputs, reasons=(f"{what}: {reason}",))


def resource_names(manifest: str) -> dict[str, list[str]]:
    """The objects of a manifest by kind: `Deployment.apps/apps/v1` to the sorted `namespace/name` of each."""
    found: dict[str, set[str]] = {}
    try:
        documents: list[object] = list(yaml.load_all(manifest, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        raise HelmError("the chart renders to something that is not YAML") from None  # the cause quotes the manifest
    for document in documents:
        kind, api_version = text(document, "kind"), text(document, "apiVersion")
        if not kind:
            continue
        group = api_version.rpartition("/")[0]
        key = f"{kind}.{group}/{api_version}" if group else f"{kind}/{api_version}"
        found.setdefault(key, set()).add(identifier(cast("Properties", document)))
    return {key: sorted(names) for key, names in sorted(found.items())}


def _chart(inputs: Properties) -> tuple[str, list[str]]:
    """What to install, and the flags that say where it lies."""
    chart, options = str(inputs.get("chart", "")).strip(), cast("Properties", inputs.get("repositoryOpts") or {})
    flags: list[str] = []
    repository = str(options.get("repo") or "")
    if "://" in repository and not chart.startswith("oci://"):
        flags += ["--repo", repository]
    elif repository and "/" not in chart:
        chart = f"{repository}/{chart}"
    for key, flag in {
        "caFile": "--ca-file",
        "certFile": "--cert-file",
        "keyFile": "--key-file",
        "username": "--username",
    }.items():
        if options.get(key):
            flags += [flag, str(options[key])]
    if version := inputs.get("version"):
        flags += ["--version", str(version)]
    return chart, flags


def _decoded(kept: Properties, kind: str) -> Stored:
    """https://github.com/helm/helm/blob/main/pkg/storage/driver/util.go: JSON, in gzip, in base64 (a Secret: twice)."""
    packed = base64.b64decode(kept["data"]["release"])
    release: Any = json.loads(gzip.decompress(base64.b64decode(packed) if kind == "Secret" else packed))
    return Stored(
        name=release["name"],
        namespace=release["namespace"],
        revision=int(release["version"]),
        status=release["info"]["status"],
        chart=release["chart"]["metadata"],
        values=release.get("config") or {},
        manifest=release.get("manifest") or "",
    )


@contextlib.contextmanager
def _file_of(kubeconfig: Properties) -> Generator[tuple[str, tuple[int, ...]]]:
    """A path under which helm finds a kubeconfig, and what helm must inherit for that.

    On Linux it is in memory only, so that no credentials are left when this process is killed.
    """
    content = json.dumps(kubeconfig).encode()
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("kubeconfig"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}", (file.fileno(),)
    else:
        with tempfile.NamedTemporaryFile(prefix="tailstack-") as file:
            file.write(content)
            file.flush()
            yield file.name, ()


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    sent: bytes,
    descriptors: Sequence[int],
    cancelled: threading.Event,
) -> tuple[str, str, int]:
    """Output, errors and exit code. A cancelled helm is asked to leave: it then marks its release as failed."""
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
    ) as helm:
        asked, pending = False, cast("bytes | None", sent)
        while True:
            try:
                output, errors = helm.communicate(pending, timeout=_PAUSE)
            except subprocess.TimeoutExpired:
                pending = None  # what is left of it goes on being sent
                if cancelled.is_set() and not asked:
                    asked = True
                    helm.send_signal(signal.SIGTERM)
                continue
            return output.decode(errors="replace"), errors.decode(errors="replace"), helm.returncode


def _error_of(errors: str) -> str:
    """The message in what helm wrote, without its warnings and without the name of the step."""
    message = errors[errors.rfind("\nError: ") + 1 :].strip() if "\nError: " in errors else errors.strip()
    for prefix in ("Error: ", "INSTALLATION FAILED: ", "UPGRADE FAILED: "):
        message = message.removeprefix(prefix)
    return message


def _without_values(message: str, values: object) -> str:
    """An error without the values that helm was given: the name of the value stands in its place."""
    for path, value in sorted(_leaves("", values), key=lambda leaf: -len(leaf[1])):
        for form in (value, base64.b64encode(value.encode()).decode()):
            message = message.replace(form, f"[value of {path}]")
    return message


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, element in cast("Properties", value).items():
            yield from _leaves(f"{path}.{key}" if path else key, element)
    elif isinstance(value, list):
        for element in cast("list[object]", value):
            yield from _leaves(path, element)
    elif isinstance(value, str) and len(value) >= _SHORTEST_HIDDEN:
        yield path, value


def _without_nulls(value: Any) -> Any:  # noqa: ANN401  any property value
    if isinstance(value, dict):
        items = cast("Properties", value).items()
        return {key: _without_nulls(element) for key, element in items if element is not None}
    if isinstance(value, list):
        return [_without_nulls(element) for element in cast("list[Any]", value) if element is not None]
    return value
