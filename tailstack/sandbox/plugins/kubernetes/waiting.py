"""When an object counts as ready: `pulumi.com/waitFor`, the built-in rules of the official plugin, and the wait itself.

https://www.pulumi.com/registry/packages/kubernetes/#await-logic describes the annotations; the rules follow `await/` and
`jsonpath/` of the official plugin. Objects are asked for again and again instead of watched.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from tailstack.sandbox.plugins.kubernetes.kinds import group_of
from tailstack.sandbox.plugins.kubernetes.objects import annotation, dig, rows, table, text
from tailstack.sandbox.plugins.values import Properties

# Seconds between two looks: short at first, for objects that are ready at once.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_DEFAULT_TIMEOUT: Final = 600.0
# Seconds after which an Ingress no longer waits for Services that may never come.
_INGRESS_PATIENCE: Final = 60.0

_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)
      | \[(?P<index>-?\d+)\]
      | \[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]
      | (?P<all>\.\*|\[\*\])
      | \[\?\(?\s*@(?P<sub>(?:\.[A-Za-z_][\w-]*)+)\s*(?P<operator>==|!=)\s*(?P<q>['"]?)(?P<value>.*?)(?P=q)\s*\)?\]""",
    re.VERBOSE,
)
# What may wait on without being asked to be deleted first; the official plugin calls it a bug and keeps it.
_LEGACY_SKIP: Final = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)


class WaitForError(Exception):
    """A `pulumi.com/waitFor` that cannot be understood."""


class NotReadyError(Exception):
    """An object that exists and did not become ready."""

    def __init__(self, message: str, *, live: Properties, reasons: Sequence[str]) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = tuple(reasons)


class Cluster(Protocol):
    """What waiting needs of an API server."""

    def labelled(self, api_version: str, kind: str, namespace: str, labels: str, /) -> list[Properties]:
        """The objects of a kind that wear a label."""
        ...

    def one(self, api_version: str, kind: str, namespace: str, name: str, /) -> Properties | None:
        """One object."""
        ...


Pending = Callable[[Properties], Sequence[str]]
"""What an object still lacks to be ready, in words; nothing when it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _JsonPath:
    """`jsonpath={.path}` or `jsonpath={.path}=value`."""

    source: str
    path: str
    value: str

    def pending(self, live: Properties) -> Sequence[str]:
        shown = f"{self.source}={self.value}" if self.value else self.source
        found = next(_select(live, self.path), None)
        if found is None:
            return (f"Waiting for {shown}: {self.source} selected nothing",)
        if not self.value:
            return ()
        if isinstance(found, dict | list):
            raise WaitForError(f'"{self.source}" has a non-primitive value')
        word = str(found).lower() if isinstance(found, bool) else str(found)
        return () if word == self.value else (f'Waiting for {shown} (found "{word}")',)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Condition:
    """`condition=Type` or `condition=Type=Status`."""

    type: str
    status: str

    def pending(self, live: Properties) -> Sequence[str]:
        for condition in rows(live, "status", "conditions"):
            if str(condition.get("type")).lower() != self.type.lower():
                continue
            seen = condition.get("observedGeneration", dig(live, "status", "observedGeneration"))
            if seen is not None and seen < (dig(live, "metadata", "generation") or 0):
                break
            if str(condition.get("status")).lower() == self.status.lower():
                return ()
            detail = f": {condition['message']}" if condition.get("message") else ""
            return (
                f'Waiting for condition {self.type} to be {self.status}, it is "{condition.get("status")}"{detail}',
            )
        return (f"Waiting for condition {self.type} to be {self.status}",)


def wait_for(value: str) -> Pending:
    """The rule that a `pulumi.com/waitFor` annotation gives. Raises WaitForError."""
    try:
        parsed: object = json.loads(value)
    except ValueError:
        parsed = value
    expressions = cast("list[object]", parsed) if isinstance(parsed, list) else [value]
    if not expressions:
        raise WaitForError("at least one condition must be specified")
    rules = [_rule(expression) for expression in expressions]

    def pending(live: Properties) -> Sequence[str]:
        return [message for rule in rules for message in rule.pending(live)]

    return pending


def _rule(expression: object) -> _JsonPath | _Condition:
    if isinstance(expression, str) and expression.startswith("condition="):
        kind, _, status = expression.removeprefix("condition=").partition("=")
        return _Condition(type=kind, status=status or "True")
    if isinstance(expression, str) and expression.startswith("jsonpath="):
        return _json_path(expression.removeprefix("jsonpath="))
    raise WaitForError(f'expected a "jsonpath=" or "condition=" prefix, got {json.dumps(expression)}')


def _json_path(raw: str) -> _JsonPath:
    if raw.startswith("'"):
        raise WaitForError(f"{raw} should omit shell quotes")
    match = re.fullmatch(r"(?P<source>\{(?P<path>[^{}]*)\})(?:(?P<equals>=)(?P<value>[^={][^=]*)?)?", raw)
    if match is None:
        hint = "format should be {.path}=value or {.path}"
        raise WaitForError(
            f"{raw} should be wrapped in brackets {{ ... }}" if "{" not in raw else f"{hint}, got {raw!r}"
        )
    if match["equals"] and not match["value"]:
        raise WaitForError(f"{match['source']}= requires a value")
    path = match["path"].strip().removeprefix("$")
    if not path or "".join(step[0] for step in _STEP.finditer(path)) != path:
        raise WaitForError(f'parsing "{match["source"]}": not a path that the stand-in knows (docs/plugins.md)')
    return _JsonPath(source=match["source"], path=path, value=match["value"] or "")


def _select(value: object, path: str) -> Iterator[Any]:
    found = [value]
    for step in _STEP.finditer(path):
        found = [below for one in found for below in _below(one, step)]
    yield from found


def _below(value: Any, step: re.Match[str]) -> Iterator[Any]:  # noqa: ANN401  any property value
    if isinstance(value, dict):
        known = cast("Properties", value)
        if step["all"]:
            yield from known.values()
        elif (key := step["name"] or step["key"]) in known:
            yield known[key]
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        if step["all"]:
            yield from elements
        elif step["index"] and -len(elements) <= int(step["index"]) < len(elements):
            yield elements[int(step["index"])]
        elif step["sub"]:
            wanted, sub = step["value"], step["sub"].lstrip(".").split(".")
            yield from (one for one in elements if (str(dig(one, *sub)) == wanted) == (step["operator"] == "=="))


def _none(_: Properties) -> Sequence[str]:
    return ()


def rule_for(inputs: Properties, cluster: Cluster) -> Pending:
    """How to tell that an object is ready: not at all, by its annotation, or as its kind demands. Raises WaitForError."""
    if annotation(inputs, "skipAwait") == "true":
        return _none
    if expression := annotation(inputs, "waitFor"):
        return wait_for(expression)
    return built_in(inputs, cluster)


def built_in(inputs: Properties, cluster: Cluster) -> Pending:
    """What the kind of an object demands."""
    key = (group_of(text(inputs, "apiVersion")), text(inputs, "kind"))
    if key == ("", "Service"):
        return lambda live: _service(live, cluster)
    if key == ("networking.k8s.io", "Ingress"):
        started = time.monotonic()
        return lambda live: _ingress(live, cluster, patient=time.monotonic() < started + _INGRESS_PATIENCE)
    return _BUILT_IN.get(key, _none)


def skips_deletion(inputs: Properties) -> bool:
    """Whether nobody waits for the end of an object."""
    return annotation(inputs, "skipAwait") == "true" and text(inputs, "kind") in _LEGACY_SKIP


def timeout_of(inputs: Properties, seconds: float) -> float:
    """How long to wait: the resource's own timeout, that of its annotation, or ten minutes. In seconds."""
    asked = annotation(inputs, "timeoutSeconds")
    return seconds or (float(asked) if asked.isdigit() else _DEFAULT_TIMEOUT)


def until_ready(
    live: Properties,
    *,
    pending: Pending,
    look: Callable[[], Properties | None],
    timeout: float,
    cancelled: threading.Event,
    report: Callable[[str], None],
) -> Properties:
    """Wait until nothing is pending, and give the object as it is then. Raises NotReadyError, WaitForError."""
    name, started, pause, said = text(live, "metadata", "name"), time.monotonic(), _FIRST_PAUSE, ""
    while messages := pending(live):
        if messages[0] != said:
            said = messages[0]
            report(said)
        left = started + timeout - time.monotonic()
        if left <= 0:
            raise NotReadyError(f"'{name}' timed out waiting to be Ready", live=live, reasons=messages)
        if cancelled.wait(min(pause, left)):
            raise NotReadyError(f'Resource operation was cancelled for "{name}"', live=live, reasons=messages)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        seen = look()
        if seen is None:
            raise NotReadyError(f'"{name}" was deleted while it was waited for', live=live, reasons=())
        live = seen
    return live


def until_gone(look: Callable[[], Properties | None], *, uid: str, timeout: float, cancelled: threading.Event) -> None:
    """Wait until an object is gone, or another one has its name. Raises NotReadyError."""
    started, pause = time.monotonic(), _FIRST_PAUSE
    while (live := look()) is not None and (not uid or dig(live, "metadata", "uid") == uid):
        name = text(live, "metadata", "name")
        left = started + timeout - time.monotonic()
        if left <= 0:
            held = ", ".join(dig(live, "metadata", "finalizers") or [])
            reason = f'Timed out waiting for deletion of {live.get("apiVersion")}/{live.get("kind")} "{name}"'
            raise NotReadyError(
                f"'{name}' timed out waiting to be deleted",
                live=live,
                reasons=(f"{reason}; finalizers: {held}" if held else reason,),
            )
        if cancelled.wait(min(pause, left)):
            raise NotReadyError(f'Resource operation was cancelled for "{name}"', live=live, reasons=())
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _service(live: Properties, cluster: Cluster) -> Sequence[str]:
    spec = table(live, "spec")
    kind = spec.get("type", "ClusterIP")
    messages: list[str] = []
    if kind != "ExternalName" and spec.get("clusterIP") != "None" and spec.get("selector"):
        slices = _slices(live, text(live, "metadata", "name"), cluster)
        if not any(
            dig(endpoint, "conditions", "ready") is not False for one in slices for endpoint in rows(one, "endpoints")
        ):
            messages.append(
                "Service does not target any Pods. Selected Pods may not be ready, or "
                "field '.spec.selector' may not match labels on any Pods"
            )
    if kind == "LoadBalancer" and not dig(live, "status", "loadBalancer", "ingress"):
        messages.append("Service was not allocated an IP address; does your cloud provider support this?")
    return messages


def _slices(live: Properties, service: str, cluster: Cluster) -> list[Properties]:
    label = f"kubernetes.io/service-name={service}"
    return cluster.labelled("discovery.k8s.io/v1", "EndpointSlice", text(live, "metadata", "namespace"), label)


def _ingress(live: Properties, cluster: Cluster, *, patient: bool) -> Sequence[str]:
    messages: list[str] = []
    namespace = text(live, "metadata", "namespace")
    paths = [path for rule in rows(live, "spec", "rules") for path in rows(rule, "http", "paths")]
    for name in dict.fromkeys(text(path, "backend", "service", "name") for path in paths) if patient else ():
        service = cluster.one("v1", "Service", namespace, name) if name else None
        if name and text(service, "spec", "type") != "ExternalName" and not _slices(live, name, cluster):
            messages.append(f'Ingress has at least one rule that does not target any Service: "{name}"')
    if not dig(live, "status", "loadBalancer", "ingress"):
        messages.append(
            "Ingress .status.loadBalancer field was not updated with a hostname/IP address. "
            "\n    for more information about this error, see https://pulumi.io/xdv72s"
        )
    return messages


def _replicas(ready: str) -> Pending:
    def pending(live: Properties) -> Sequence[str]:
        wanted = dig(live, "spec", "replicas")
        wanted = 1 if wanted is None else wanted
        status = table(live, "status")
        current = (status.get("observedGeneration") or 0) >= (dig(live, "metadata", "generation") or 0)
        counts = (status.get("updatedReplicas") or 0, status.get(ready) or 0)
        if current and min(counts) >= wanted:
            return ()
        return (f"{counts[1]} of {wanted} Pods are ready, {counts[0]} updated",)

    return pending


def _daemons(live: Properties) -> Sequence[str]:
    status = table(live, "status")
    wanted = status.get("desiredNumberScheduled") or 0
    current = (status.get("observedGeneration") or 0) >= (dig(live, "metadata", "generation") or 0)
    if current and min(status.get("updatedNumberScheduled") or 0, status.get("numberReady") or 0) >= wanted:
        return ()
    return (f"{status.get('numberReady') or 0} of {wanted} Pods are ready",)


def _pod(live: Properties) -> Sequence[str]:
    if dig(live, "status", "phase") == "Succeeded":
        return ()
    return _Condition(type="Ready", status="True").pending(live)


def _claim(live: Properties) -> Sequence[str]:
    phase = dig(live, "status", "phase")
    return () if phase == "Bound" else (f"PersistentVolumeClaim is not bound, it is {phase or 'Pending'}",)


_BUILT_IN: Final[Mapping[tuple[str, str], Pending]] = {
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _Condition(type="Established", status="True").pending,
    ("apps", "DaemonSet"): _daemons,
    ("apps", "Deployment"): _replicas("availableReplicas"),
    ("apps", "StatefulSet"): _replicas("readyReplicas"),
    ("batch", "Job"): _Condition(type="Complete", status="True").pending,
}
