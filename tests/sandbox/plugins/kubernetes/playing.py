"""The engine's part and everybody else's, played against the Kubernetes plugin without an engine."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tailstack.sandbox.plugins.frame import Diff, Engine, Live, PartialError, Request
from tailstack.sandbox.plugins.kubernetes.api import Client
from tailstack.sandbox.plugins.kubernetes.objects import dig
from tailstack.sandbox.plugins.kubernetes.provider import KubernetesProvider
from tailstack.sandbox.plugins.values import Properties, has_unknown, reveal

FAST = {"kubeClientSettings": json.dumps({"qps": 1000, "burst": 2000})}


class Listener(Engine):
    """An engine that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1")
        self.warnings: list[str] = []
        self.statuses: list[str] = []
        self.told = threading.Event()

    def warn(self, message: str, *, urn: str = "") -> None:
        self.warnings.append(f"{urn}: {message}")

    def status(self, message: str, *, urn: str) -> None:
        assert urn
        self.statuses.append(message)
        self.told.set()


class Plugin:
    """A configured provider, and the engine that it talks to."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)
        self.engine = Listener()
        self.provider = KubernetesProvider(self.engine)
        self.provider.configure(dict(config))

    def resource(self, token: str, name: str = "probe") -> Resource:
        return Resource(self, token, name)


@dataclass
class Resource:
    """One resource of a stack: its state, and what the engine does with it."""

    plugin: Plugin
    token: str
    name: str
    ignore_changes: tuple[str, ...] = ()
    timeout: float = 0.0
    id: str = ""
    inputs: Properties = field(default_factory=dict[str, Any])
    state: Properties = field(default_factory=dict[str, Any])

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::probe::{self.token}::{self.name}"

    def request(self, **changes: object) -> Request:
        values: dict[str, Any] = {
            "urn": self.urn,
            "type": self.token,
            "name": self.name,
            "id": self.id,
            "inputs": copy.deepcopy(self.inputs),
            "state": copy.deepcopy(self.state),
            "timeout": self.timeout,
            **changes,
        }
        return Request(**values)

    def check(self, program: Properties, *, seed: bytes = b"") -> Properties:
        checked = self.plugin.provider.check(self.request(inputs=program, old_inputs=self.inputs, seed=seed))
        assert checked.failures == ()
        return cast("Properties", reveal(checked.inputs))

    def diff(self, program: Properties) -> Diff:
        inputs = self.check(program)
        return self.plugin.provider.diff(
            self.request(inputs=inputs, old_inputs=self.inputs, ignore_changes=self.ignore_changes)
        )

    def preview(self, program: Properties) -> Properties:
        inputs = self.check(program)
        if self.id:
            return self.plugin.provider.update(
                self.request(inputs=inputs, old_inputs=self.inputs, ignore_changes=self.ignore_changes, preview=True)
            )
        return self.plugin.provider.create(self.request(inputs=inputs, preview=True)).outputs

    def create(self, program: Properties) -> Properties:
        """Make it, and keep what the state would: also where it is there but not ready."""
        inputs = self.check(program)
        assert not has_unknown(inputs)
        try:
            live = self.plugin.provider.create(self.request(inputs=inputs))
        except PartialError as left:
            self._keep(Live(id=left.id, outputs=left.outputs), inputs)
            raise
        self._keep(live, inputs)
        return self.state

    def update(self, program: Properties) -> Properties:
        inputs = self.check(program)
        outputs = self.plugin.provider.update(
            self.request(inputs=inputs, old_inputs=self.inputs, ignore_changes=self.ignore_changes)
        )
        self._keep(Live(id=self.id, outputs=outputs), inputs)
        return self.state

    def refresh(self) -> Diff | None:
        """What a refresh shows, framed as the next update would; None where the object is gone."""
        before = self.inputs
        live = self.plugin.provider.read(self.request())
        if live is None:
            return None
        self._keep(live, live.inputs)
        return self.plugin.provider.diff(
            self.request(inputs=before, old_inputs=self.inputs, ignore_changes=self.ignore_changes)
        )

    def delete(self) -> None:
        self.plugin.provider.delete(self.request())

    def _keep(self, live: Live, inputs: Properties) -> None:
        self.id = live.id
        self.state = cast("Properties", reveal(live.outputs))
        self.inputs = cast("Properties", reveal(inputs))


@dataclass(frozen=True)
class Cluster:
    """The cluster as others see it: the operator, kubectl, a controller."""

    client: Client
    namespace: str

    def path(self, kind: str, name: str) -> str:
        api_version = {"Ingress": "networking.k8s.io/v1", "EndpointSlice": "discovery.k8s.io/v1"}.get(kind, "v1")
        return self.client.locate(api_version, kind, namespace=self.namespace, name=name).path

    def get(self, kind: str, name: str) -> Properties:
        live = self.client.get(self.path(kind, name))
        assert live is not None
        return live

    def exists(self, kind: str, name: str) -> bool:
        return self.client.get(self.path(kind, name)) is not None

    def apply(self, wanted: Properties, *, manager: str) -> Properties:
        path = self.client.locate(
            wanted["apiVersion"], wanted["kind"], namespace=self.namespace, name=wanted["metadata"]["name"]
        ).path
        return self.client.apply(path, wanted, manager=manager, force=True)

    def edit(self, kind: str, name: str, changes: Mapping[str, object], *, manager: str, status: bool = False) -> None:
        """Set fields, by JSON pointer, as controllers and `kubectl annotate` do."""
        operations: list[Properties] = [{"op": "add", "path": path, "value": value} for path, value in changes.items()]
        self.client.patch(self.path(kind, name) + ("/status" if status else ""), operations, manager=manager)

    def owners(self, kind: str, name: str, *path: str) -> set[str]:
        """Who has applied or changed an object, or a field of it."""
        entries = self.get(kind, name)["metadata"]["managedFields"]
        return {
            entry["manager"] for entry in entries if dig(entry["fieldsV1"], *(f"f:{step}" for step in path)) is not None
        }

    def endpoints(self, service: str) -> None:
        """Give a Service a Pod to send its traffic to."""
        wanted: Properties = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": True}}],
        }
        self.apply(wanted, manager="a-controller")
