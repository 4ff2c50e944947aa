"""What is live in the clusters, read through the official Kubernetes client and nothing changed. All clusters at once.

A cluster that does not answer is an Unknown with its reason; so is each kind of object that the credentials may not list.
The client is imported when it is needed: that takes most of a second.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import yaml

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.engine.side_by_side import Failed, side_by_side
from tailstack.live.model import LiveCluster, LiveObject, Unknown
from tailstack.plain import entries, mapping

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

SECONDS = 30.0
"""How long a whole cluster may take."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
_PAGE = 500

KUBECONFIG = "KUBECONFIG"
_DEFAULT = "~/.kube/config"
CUSTOM_RESOURCES = "/apis/tailscale.com/v1alpha1"

COLLECTIONS: Mapping[str, str] = {
    "Service": "/api/v1/services",
    "Ingress": "/apis/networking.k8s.io/v1/ingresses",
    **{kind: f"{CUSTOM_RESOURCES}/{about.plural}" for kind, about in CUSTOM_KINDS.items()},
}
"""Where the objects of each kind are listed."""

DEPLOYMENT = "Deployment"


class _RefusedError(Exception):
    """The API server refused a request, in its own words."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(f"{message} ({status})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """How a cluster is reached: a context of the machine's kubeconfig, or a kubeconfig of its own, which is a secret.

    `namespace` is the operator's, of which Deployments are read.
    """

    name: str
    namespace: str
    context: str | None = None
    kubeconfig: str | None = field(default=None, repr=False)


def read_clusters(
    targets: Sequence[Target],
    *,
    seconds: float = SECONDS,
    environment: Mapping[str, str] | None = None,
    on_end: Callable[[str, LiveCluster | Unknown], None] = lambda _name, _cluster: None,
) -> dict[str, LiveCluster | Unknown]:
    """Each cluster by its name. Raises nothing; `on_end` is called as answers come.

    `environment` holds KUBECONFIG, by default this process's own: the plugin looks at the same one.
    """
    if targets:
        # Before the threads: they would wait for each other's import, and it would count for their deadlines.
        importlib.import_module("kubernetes.config")
    files = (os.environ if environment is None else environment).get(KUBECONFIG, "")
    calls = {target.name: partial(_read, target, files) for target in targets}
    answers = side_by_side(calls, seconds=seconds, on_end=lambda name, answer: on_end(name, _cluster(name, answer)))
    return {name: _cluster(name, answer) for name, answer in answers.items()}


def _cluster(name: str, answer: LiveCluster | Failed) -> LiveCluster | Unknown:
    return Unknown(what=f"cluster {name}", reason=reason_of(answer.error)) if isinstance(answer, Failed) else answer


def _read(target: Target, files: str) -> LiveCluster:
    """Raises what the client raises where the cluster does not answer at all."""
    client = client_for(target, files)
    objects: list[LiveObject] = []
    unread: dict[str, Unknown] = {}
    collections = {**COLLECTIONS, DEPLOYMENT: f"/apis/apps/v1/namespaces/{target.namespace}/deployments"}
    for kind, path in collections.items():
        try:
            objects += (LiveObject(kind=kind, body=body) for body in _listed(client, path))
        except _RefusedError as error:
            # Without the operator's CRDs there is no such kind, and so there are no objects of it.
            if error.status != HTTPStatus.NOT_FOUND:
                unread[kind] = Unknown(what=f"{kind} objects in {target.name}", reason=str(error))
    if len(unread) == len(collections):
        raise RuntimeError(next(iter(unread.values())).reason)
    return LiveCluster.of(target.name, objects, unread)


def client_for(target: Target, files: str) -> ApiClient:
    """A client for one cluster; `files` is the value of KUBECONFIG. Raises what the client raises for a kubeconfig that is none."""
    from kubernetes.client import Configuration  # noqa: PLC0415  see the module's text
    from kubernetes.config import new_client_from_config, new_client_from_config_dict  # noqa: PLC0415  as above

    settings = Configuration()
    settings.retries = 1
    if target.kubeconfig is not None:
        return new_client_from_config_dict(
            _loaded(target.kubeconfig), persist_config=False, client_configuration=settings
        )
    # Nothing is written back into the file, not even a token that was renewed.
    return new_client_from_config(
        files or _DEFAULT, context=target.context, persist_config=False, client_configuration=settings
    )


def _loaded(kubeconfig: str) -> object:
    """Without the parser's own words, in which a part of the secret would stand."""
    try:
        return cast("object", yaml.safe_load(kubeconfig))
    except yaml.YAMLError:
        raise ValueError("its kubeconfig in the stack's config is not YAML") from None


def _listed(client: ApiClient, path: str) -> Iterator[Mapping[str, Any]]:
    """All objects of a collection, page by page. Raises _RefusedError."""
    further = ""
    while True:
        query = [("limit", str(_PAGE)), *([("continue", further)] if further else [])]
        page = _got(client, path, query)
        yield from entries(page.get("items"))
        further = str(mapping(page.get("metadata")).get("continue") or "")
        if not further:
            return


def _got(client: ApiClient, path: str, query: list[tuple[str, str]]) -> Mapping[str, Any]:
    request = client.param_serialize(
        "GET", path, query_params=query, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
    )
    response = client.call_api(*request, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
    response.read()
    answer = _parsed(response.data or b"")
    if response.status != HTTPStatus.OK:
        raise _RefusedError(response.status, str(answer.get("message") or response.reason or "no reason given"))
    return answer


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        return mapping(cast("object", json.loads(body)))
    except ValueError:
        return {"message": "what answers is no API server of Kubernetes"}


def reason_of(error: Exception) -> str:
    """The innermost reason: the client's own text repeats the whole request, and the address of the server with it."""
    cause: BaseException = error
    while True:
        deeper = getattr(cause, "reason", None)
        inner = deeper if isinstance(deeper, BaseException) else cause.__cause__
        if inner is None or inner is cause:
            return _worded(cause)
        cause = inner


def _worded(cause: BaseException) -> str:
    """Without the number of an error of the operating system, or the line of the library that has waited."""
    said = " ".join((cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)).split())
    if isinstance(cause, TimeoutError) and "timed out" in said.lower():
        return "no answer in time"
    return said or type(cause).__name__
