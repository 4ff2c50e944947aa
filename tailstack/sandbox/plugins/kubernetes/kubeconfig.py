"""Kubeconfig files: which API server a provider talks to, and as whom.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ describes the format. Logins
through a helper program (`exec`, `auth-provider`) are left out: the sandbox's clusters have none.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import yaml

from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.values import Properties

_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_LISTS: Final = ("clusters", "contexts", "users")


class KubeconfigError(PluginError):
    """A kubeconfig that cannot be used. The message never repeats the file's content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """One API server and one identity."""

    server: str
    namespace: str
    """Where objects go that name no namespace."""
    cluster: Mapping[str, Any] = field(repr=False)
    user: Mapping[str, Any] = field(repr=False)

    def headers(self) -> dict[str, str]:
        """What a request carries to be let in, as far as it is not a client certificate."""
        token: object = self.user.get("token")
        if not token and (path := self.user.get("tokenFile")):
            token = _read(str(path)).decode().strip()
        if token:
            return {"Authorization": f"Bearer {token}"}
        if name := self.user.get("username"):
            pair = f"{name}:{self.user.get('password', '')}".encode()
            return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        return {}

    def tls(self) -> ssl.SSLContext | None:
        """The TLS side of the connection; None for a server that is spoken to in the clear."""
        if urlsplit(self.server).scheme != "https":
            return None
        authority = _data(self.cluster, "certificate-authority")
        try:
            context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise KubeconfigError("certificate-authority: no certificate in PEM form") from error
        if self.cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = _data(self.user, "client-certificate"), _data(self.user, "client-key")
        if certificate and key:
            _load_pair(context, certificate + b"\n" + key)
        return context

    def as_kubeconfig(self) -> Properties:
        """A kubeconfig of this connection alone, for a program that reads files."""
        name = "cluster"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": dict(self.cluster)}],
            "users": [{"name": name, "user": dict(self.user)}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": self.namespace}}],
        }


def load(path_or_content: str) -> Properties:
    """A kubeconfig from a path or from its own content (YAML or JSON). Paths within it become absolute.

    Empty: the files of KUBECONFIG, or ~/.kube/config, the first to name something wins. Raises KubeconfigError.
    """
    if path_or_content:
        # What is no file is content, and never repeated in an error: it may be a secret.
        path = Path(path_or_content).expanduser()
        return _load_file(path) if _is_file(path) else _parse(path_or_content, Path.cwd())
    paths = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    merged: Properties = {}
    for path in paths or [Path("~/.kube/config").expanduser()]:
        if not path.is_file():
            continue
        one = _load_file(path)
        for key, value in one.items():
            merged[key] = [*merged.get(key, []), *cast("list[Any]", value)] if key in _LISTS else merged.get(key, value)
    return merged


def connection(kubeconfig: Properties, *, context: str = "", cluster: str = "", namespace: str = "") -> Connection:
    """What a kubeconfig says to do, with a provider's own options before it. Raises KubeconfigError."""
    name = context or str(kubeconfig.get("current-context") or "")
    chosen = _entry(kubeconfig, "contexts", "context", name)
    if chosen is None:
        if name:
            raise KubeconfigError(f'context "{name}" does not exist')
        raise KubeconfigError("invalid configuration: no configuration has been provided, and no context is set")
    cluster_name = cluster or str(chosen.get("cluster", ""))
    server = _entry(kubeconfig, "clusters", "cluster", cluster_name)
    if server is None or not server.get("server"):
        raise KubeconfigError(f'cluster "{cluster_name}" does not exist or has no server')
    user_name = str(chosen.get("user", ""))
    user = _entry(kubeconfig, "users", "user", user_name)
    if user is None and user_name:
        raise KubeconfigError(f'auth info "{user_name}" does not exist')
    if user and (user.get("exec") or user.get("auth-provider")):
        raise KubeconfigError(
            f'auth info "{user_name}" logs in through a program, which the stand-in does not do (docs/plugins.md)'
        )
    return Connection(
        server=str(server["server"]).rstrip("/"),
        namespace=namespace or str(chosen.get("namespace") or "default"),
        cluster=server,
        user=user or {},
    )


def active_cluster(kubeconfig: Properties, *, context: str, cluster: str) -> Properties | None:
    """The `cluster` entry that a provider would use, or None where the kubeconfig has none."""
    chosen = _entry(kubeconfig, "contexts", "context", context or str(kubeconfig.get("current-context") or ""))
    return _entry(kubeconfig, "clusters", "cluster", cluster or str((chosen or {}).get("cluster", "")))


def _entry(kubeconfig: Properties, section: str, kind: str, name: str) -> Properties | None:
    for entry in kubeconfig.get(section, []):
        if entry.get("name") == name:
            return cast("Properties", entry.get(kind) or {})
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # too long for a path, or with a null in it


def _load_file(path: Path) -> Properties:
    return _parse(_read(str(path)).decode(errors="replace"), path.absolute().parent)


def _parse(content: str, folder: Path) -> Properties:
    try:
        document: object = yaml.load(content, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise KubeconfigError(f"{where}{error.problem}") from None  # the cause quotes the file
    except yaml.YAMLError:
        raise KubeconfigError("not YAML") from None
    if not isinstance(document, dict):
        raise KubeconfigError("neither a file nor a mapping with clusters, contexts and users")
    kubeconfig = cast("Properties", document)
    for section in _LISTS:
        entries: object = kubeconfig.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in cast("list[object]", entries)):
            raise KubeconfigError(f"{section}: expected a list of mappings")
        kubeconfig[section] = entries
        for entry in cast("list[Properties]", entries):
            detail: object = entry.get(section.removesuffix("s"))
            if isinstance(detail, dict):
                _make_absolute(cast("Properties", detail), folder)
    return kubeconfig


def _make_absolute(detail: Properties, folder: Path) -> None:
    for key in _FILES:
        if detail.get(key):
            detail[key] = str(folder / str(detail[key]))


def _data(entry: Mapping[str, Any], key: str) -> bytes:
    if encoded := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(str(encoded), validate=True)
        except (binascii.Error, ValueError):
            raise KubeconfigError(f"{key}-data: not base64") from None
    return _read(str(entry[key])) if entry.get(key) else b""


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{path}: {error.strerror}") from error


def _load_pair(context: ssl.SSLContext, pem: bytes) -> None:
    # OpenSSL takes a client's certificate from a file only.
    with tempfile.NamedTemporaryFile(prefix="tailstack-", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise KubeconfigError("client-certificate, client-key: not a matching pair in PEM form") from error
