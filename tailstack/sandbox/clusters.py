"""Real Kubernetes control planes without nodes: one etcd, and for each cluster an API server and a controller manager.

Which flags a loopback-only API server needs was found by running v1.37.2; the reasons stand beside the flags.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tailstack.sandbox.folder import Folder

DEFAULT_CLUSTERS = ("blue", "green")

# Relative, because the path of a socket may have no more than about 100 characters: whoever uses it runs in its folder.
_ETCD_SOCKET = "client.sock"
_PEER_SOCKET = "peer.sock"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_CERTIFICATE_SECONDS = 180 * 24 * 3600
_REQUEST_SECONDS = 5

# Order of the group of NIST P-256 (FIPS 186-5).
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_CONTROLLERS = (
    # Deletes of the Kubernetes provider are foreground deletes: without this one they wait for ever.
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    # The roles `view`, `edit` and `admin` have no rules without it.
    "clusterrole-aggregation-controller",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """One cluster of a sandbox: its name and the files of its own."""

    name: str
    folder: Path

    @property
    def certificates(self) -> Path:
        """Where the API server keeps the certificate that it makes for itself."""
        return self.folder / "certificates"

    @property
    def authority(self) -> Path:
        """The certificate chain to trust; it ends in an authority of its own."""
        return self.certificates / "apiserver.crt"

    @property
    def tokens(self) -> Path:
        """Bearer tokens that the API server accepts: one, of an administrator."""
        return self.folder / "tokens.csv"

    @property
    def signing_key(self) -> Path:
        """Signs the tokens of service accounts."""
        return self.folder / "service-accounts.key"

    @property
    def port_file(self) -> Path:
        """The port used last, asked for again so that a sandbox that was kept keeps its addresses."""
        return self.folder / "port"

    @property
    def kubeconfig(self) -> Path:
        """For the controller manager."""
        return self.folder / "kubeconfig"

    def token(self) -> str:
        """The administrator's bearer token."""
        return self.tokens.read_text().split(",", 1)[0]


def check_names(names: Sequence[str]) -> None:
    """Raise SandboxError unless the names can be names of clusters, each once."""
    bad = [name for name in names if not _NAME.fullmatch(name)]
    if bad:
        raise SandboxError(
            f"Not a name for a cluster: {', '.join(map(repr, bad))}. Use small letters, digits and inner hyphens, at most 40."
        )
    if not names or len(set(names)) != len(names):
        raise SandboxError("Name each cluster of the sandbox once, and at least one.")


def find(folder: Folder, name: str) -> Cluster:
    """A cluster of the sandbox in `folder`."""
    return Cluster(name=name, folder=folder.path / "clusters" / name)


def prepare(folder: Folder, name: str) -> Cluster:
    """Make the keys of a cluster, or find those of an earlier run."""
    cluster = find(folder, name)
    cluster.certificates.mkdir(parents=True, exist_ok=True)
    if not cluster.tokens.exists():
        write_private(cluster.tokens, f'{secrets.token_urlsafe(32)},sandbox-admin,sandbox-admin,"system:masters"\n')
    if not cluster.signing_key.exists():
        write_private(cluster.signing_key, _private_key())
    # It is valid for a year; the API server makes another when it finds none.
    if cluster.authority.exists() and time.time() - cluster.authority.stat().st_mtime > _CERTIFICATE_SECONDS:
        cluster.authority.unlink()
    return cluster


def etcd_command(program: Path) -> list[str]:
    """The command line of etcd, to be run in its folder: it listens on sockets there, and on no port."""
    client, peer = f"unix://{_ETCD_SOCKET}", f"unix://{_PEER_SOCKET}"
    return [
        str(program),
        "--name=sandbox",
        "--data-dir=data",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        # Survives the end of any process; a sandbox need not survive the loss of power.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def etcd_socket(folder: Folder) -> Path:
    """The socket that etcd listens on once it is ready for clients."""
    return folder.etcd / _ETCD_SOCKET


def apiserver_command(program: Path, cluster: Cluster, port: int) -> list[str]:
    """The command line of an API server, to be run in the folder of etcd."""
    return [
        str(program),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # The default writes the address into the Endpoints of `kubernetes`, where a loopback address is not allowed.
        "--endpoint-reconciler-type=none",
        f"--cert-dir={cluster.certificates}",
        f"--etcd-servers=unix://{_ETCD_SOCKET}",
        f"--etcd-prefix=/{cluster.name}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=Node,RBAC",
        f"--token-auth-file={cluster.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={cluster.signing_key}",
        f"--service-account-signing-key-file={cluster.signing_key}",
        # The operator's proxies are privileged.
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controllers_command(program: Path, cluster: Cluster) -> list[str]:
    """The command line of a controller manager; it listens nowhere."""
    return [
        str(program),
        f"--kubeconfig={cluster.kubeconfig}",
        f"--controllers={','.join(_CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={cluster.signing_key}",
        f"--root-ca-file={cluster.authority}",
        # There is one client on one machine: nobody needs to be protected from it.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def url(port: int) -> str:
    """The address of the API server that listens on `port`."""
    return f"https://127.0.0.1:{port}"


def answers(cluster: Cluster, address: str, path: str) -> bool:
    """Whether the API server at `address` answers a GET of `path` with success: it has our certificate and knows our token."""
    try:
        context = ssl.create_default_context(cafile=str(cluster.authority))
        request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {cluster.token()}"})  # noqa: S310 -- always https
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=_REQUEST_SECONDS):
            return True
    except (OSError, ssl.SSLError, urllib.error.URLError):
        return False


def write_kubeconfig(path: Path, urls: Mapping[Cluster, str]) -> None:
    """Write a kubeconfig with a context for each cluster, named as the cluster; the first one is current.

    `urls` are the addresses of the API servers, which have run before: their certificates are in it.
    """
    clusters = list(urls)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": clusters[0].name,
        "clusters": [
            {
                "name": cluster.name,
                "cluster": {
                    "server": urls[cluster],
                    "certificate-authority-data": base64.b64encode(cluster.authority.read_bytes()).decode(),
                },
            }
            for cluster in clusters
        ],
        "contexts": [
            {"name": cluster.name, "context": {"cluster": cluster.name, "user": f"{cluster.name}-admin"}}
            for cluster in clusters
        ],
        "users": [{"name": f"{cluster.name}-admin", "user": {"token": cluster.token()}} for cluster in clusters],
    }
    # Through JSON, so that no text becomes a YAML anchor.
    write_private(path, yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False))


def _private_key() -> str:
    """A new private key on P-256 in PEM (RFC 5915; the public key is optional there, and Go computes it)."""
    scalar = (secrets.randbelow(_P256_ORDER - 1) + 1).to_bytes(32, "big")
    # SEQUENCE { INTEGER 1, OCTET STRING scalar, [0] OBJECT IDENTIFIER prime256v1 }
    der = bytes.fromhex("303102010104 20") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.b64encode(der).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join(("-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----", ""))
