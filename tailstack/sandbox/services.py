"""What a sandbox runs, each with what it needs before it: etcd, the HTTP API, and two processes for each cluster."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tailstack.sandbox import clusters, processes
from tailstack.sandbox.folder import Folder, PluginsRecord, plugins_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ETCD = "etcd"
API = "tailscale-api"
API_MODULE = "tailstack.sandbox.api"

_REQUEST_SECONDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a supervisor is to run."""

    folder: str
    clusters: tuple[str, ...]
    tools: Mapping[str, str]
    """Paths of the programs, by name."""
    plugins: PluginsRecord
    """For the record."""

    def to_json(self) -> str:
        """As text, for the command line of the supervisor."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Of `to_json`."""
        document = json.loads(text)
        return cls(
            folder=str(document["folder"]),
            clusters=tuple(document["clusters"]),
            tools=dict(document["tools"]),
            plugins=plugins_record(document["plugins"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A process to run, in terms of the port it listens on; 0 for one that listens on none."""

    name: str
    folder: Path
    """Where it runs."""
    command: Callable[[int], Sequence[str]]
    ready: Callable[[int], bool]
    """Whether it does its work now. It is asked several times a second and must not wait for long."""
    address: Callable[[int], str] = lambda _port: ""
    after: tuple[str, ...] = ()
    """Names of the services that must be ready before this one starts."""
    port_file: Path | None = None
    """Keeps the port, so that a sandbox that was kept has the same addresses again. None for one without a port."""
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Environment variables of its own."""
    port_taken: bytes = b""
    """What it writes when somebody else took its port in the meantime."""

    def choose_port(self) -> int:
        """A port that is free at this moment: the one it had last, if it still is."""
        if self.port_file is None:
            return 0
        try:
            port = int(self.port_file.read_text())
        except (OSError, ValueError):
            port = 0
        if not port or not processes.is_free(port):
            port = processes.free_port()
            self.port_file.write_text(str(port))
        return port


def apiserver(cluster: str) -> str:
    """The name of the service that is this cluster's API server."""
    return f"kube-apiserver {cluster}"


def controllers(cluster: str) -> str:
    """The name of the service that is this cluster's controller manager."""
    return f"kube-controller-manager {cluster}"


def services_for(order: Order) -> tuple[Service, ...]:
    """The services of an order. Makes the keys of its clusters where there are none yet."""
    folder = Folder(Path(order.folder))
    tools = {name: Path(path) for name, path in order.tools.items()}
    services = [_etcd(folder, tools), _api(folder)]
    for name in order.clusters:
        cluster = clusters.prepare(folder, name)
        services += [_apiserver(folder, tools, cluster), _controllers(folder, tools, cluster)]
    return tuple(services)


def _etcd(folder: Folder, tools: Mapping[str, Path]) -> Service:
    socket = clusters.etcd_socket(folder)
    # A socket that a killed etcd left would look like one that is ready.
    socket.unlink(missing_ok=True)
    return Service(
        name=ETCD,
        folder=folder.etcd,
        command=lambda _port: clusters.etcd_command(tools["etcd"]),
        ready=lambda _port: socket.exists(),
        address=lambda _port: str(socket),
    )


def _api(folder: Folder) -> Service:
    start = [sys.executable, "-P", "-m", API_MODULE, "--folder", str(folder.api)]
    return Service(
        name=API,
        folder=folder.path,
        command=lambda port: [*start, "--port", str(port)],
        ready=lambda port: _api_answers(_api_url(port), folder.api_key),
        address=_api_url,
        port_file=folder.path / "api-port",
        port_taken=b"cannot listen on port",
    )


def _apiserver(folder: Folder, tools: Mapping[str, Path], cluster: clusters.Cluster) -> Service:
    return Service(
        name=apiserver(cluster.name),
        # The socket of etcd is named relative to this folder.
        folder=folder.etcd,
        command=lambda port: clusters.apiserver_command(tools["kube-apiserver"], cluster, port),
        ready=lambda port: clusters.answers(cluster, clusters.url(port), "/readyz"),
        address=clusters.url,
        after=(ETCD,),
        # Collect less garbage while there is little: a fifth less processor time until it is ready (measured).
        variables=MappingProxyType({"GOGC": "400", "GOMEMLIMIT": "400MiB"}),
        port_file=cluster.port_file,
        port_taken=b"address already in use",
    )


def _controllers(folder: Folder, tools: Mapping[str, Path], cluster: clusters.Cluster) -> Service:
    def url() -> str:
        return clusters.url(int(cluster.port_file.read_text()))

    def command(_port: int) -> Sequence[str]:
        clusters.write_kubeconfig(cluster.kubeconfig, {cluster: url()})
        return clusters.controllers_command(tools["kube-controller-manager"], cluster)

    return Service(
        name=controllers(cluster.name),
        folder=folder.path,
        command=command,
        # Made by one of the controllers: whoever makes it has started them all.
        ready=lambda _port: clusters.answers(cluster, url(), "/api/v1/namespaces/default/serviceaccounts/default"),
        after=(apiserver(cluster.name),),
    )


def _api_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _api_answers(url: str, key_file: Path) -> bool:
    """Whether the stand-in answers, and it is ours: another one does not know our key."""
    try:
        key = key_file.read_text().strip()
        request = urllib.request.Request(f"{url}/api/v2/tailnet/-/keys", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 -- always http
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_REQUEST_SECONDS):
            return True
    except (OSError, urllib.error.URLError):
        return False
