"""What a cluster has for an environment: an answer, the rights that a stack needs in it, and the operator's version.

Rights are asked by SelfSubjectAccessReview, which the API server answers and does not keep
(https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.versions import version_of, version_text
from tailstack.engine.live_clusters import CONNECT_SECONDS, KUBECONFIG, READ_SECONDS, Target, client_for, reason_of
from tailstack.engine.side_by_side import Failed, side_by_side
from tailstack.live.declared import OPERATOR_DEPLOYMENT, objects_of
from tailstack.live.model import LiveCluster, LiveObject, Unknown
from tailstack.plain import entries, mapping
from tailstack.report.diagnosed import Mark, Point
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.tailnet import Cluster

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

SECONDS = 60.0
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
_TAILSCALE = "tailscale.com"
_VERBS = ("get", "create", "patch", "delete")
_TAG = re.compile(r":v?(\d+\.\d+\.\d+)(?:@.*)?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """A verb on a kind of objects; an empty namespace means the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}{f' in {self.namespace}' if self.namespace else ''}"


def needed_rights(cluster: Cluster) -> tuple[Right, ...]:
    """What a stack does in a cluster: server-side apply is a patch, which makes what is not there as well."""
    found: list[Right] = []
    for group, resource, namespace in _kinds(cluster):
        found += (Right(verb=verb, group=group, resource=resource, namespace=namespace) for verb in _VERBS)
    return tuple(dict.fromkeys(found))


def _kinds(cluster: Cluster) -> Iterator[tuple[str, str, str]]:
    """Group, plural and namespace of the objects of a cluster: those of the operator's chart, then what is declared."""
    own = cluster.operator.namespace
    yield "", "namespaces", ""
    yield "apiextensions.k8s.io", "customresourcedefinitions", ""
    for resource in ("clusterroles", "clusterrolebindings"):
        yield "rbac.authorization.k8s.io", resource, ""
    yield "networking.k8s.io", "ingressclasses", ""
    yield "", "secrets", own
    yield "", "serviceaccounts", own
    yield "apps", "deployments", own
    for exposure in cluster.exposures:
        if exposure.managed_by is not ManagedBy.GITOPS:
            yield "", "services", exposure.namespace
    for egress in cluster.egresses:
        yield "", "services", egress.namespace
    for ingress in cluster.ingresses:
        yield "networking.k8s.io", "ingresses", ingress.namespace
    for declared in objects_of(cluster):
        kind, namespace, _ = declared.key
        if kind in CUSTOM_KINDS:
            yield _TAILSCALE, CUSTOM_KINDS[kind].plural, namespace


def cluster_points(
    clusters: Sequence[Cluster],
    targets: Sequence[Target],
    live: Mapping[str, LiveCluster | Unknown],
    variables: Mapping[str, str],
) -> Iterator[Point]:
    """All points of all clusters, in their order. Rights are only asked where the cluster answers."""
    by_name = {target.name: target for target in targets}
    asked = {
        cluster.name: partial(lacking_rights, by_name[cluster.name], needed_rights(cluster), variables)
        for cluster in clusters
        if cluster.name in by_name and not isinstance(live.get(cluster.name), Unknown)
    }
    answers = side_by_side(asked, seconds=SECONDS)
    for cluster in clusters:
        found = live[cluster.name]
        area = f"cluster {cluster.name}"
        if isinstance(found, Unknown):
            mend = "Mend the context or the kubeconfig, or the way to the API server (a VPN, an API-server proxy)."
            yield Point(area=area, what="API server", mark=Mark.MISSING, told=found.reason, mend=mend)
            continue
        yield Point(area=area, what="API server", mark=Mark.OK, told="answers")
        yield from _rights_points(area, cluster, answers[cluster.name])
        yield _operator_point(area, cluster, found)


def lacking_rights(target: Target, rights: Sequence[Right], variables: Mapping[str, str]) -> tuple[Right, ...]:
    """Those of the rights that the credentials of a cluster do not have.

    Raises what the Kubernetes client raises, and RuntimeError where the API server does not answer the question.
    """
    client = client_for(target, variables.get(KUBECONFIG, ""))
    return tuple(right for right in rights if not _may(client, right))


def _may(client: ApiClient, right: Right) -> bool:
    asked = {"verb": right.verb, "group": right.group, "resource": right.resource}
    asked |= {"namespace": right.namespace} if right.namespace else {}
    request = client.param_serialize(
        "POST",
        _REVIEWS,
        query_params=[],
        header_params={"Accept": "application/json", "Content-Type": "application/json"},
        auth_settings=["BearerToken"],
        body={**_REVIEW, "spec": {"resourceAttributes": asked}},
    )
    response = client.call_api(*request, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
    response.read()
    if response.status != HTTPStatus.CREATED:
        raise RuntimeError(f"the API server does not say which rights there are ({response.status})")
    return mapping(mapping(cast("object", json.loads(response.data or b"null"))).get("status")).get("allowed") is True


def _rights_points(area: str, cluster: Cluster, answer: tuple[Right, ...] | Failed) -> Iterator[Point]:
    if isinstance(answer, Failed):
        yield Point(area=area, what="rights", mark=Mark.UNKNOWN, told=reason_of(answer.error))
        return
    if not answer:
        count = len(needed_rights(cluster))
        yield Point(area=area, what="rights", mark=Mark.OK, told=f"all {count} that the stack needs")
        return
    by_kind: dict[tuple[str, str, str], list[str]] = {}
    for right in answer:
        by_kind.setdefault((right.group, right.resource, right.namespace), []).append(right.verb)
    for (group, resource, namespace), verbs in by_kind.items():
        right = Right(verb="/".join(verbs), group=group, resource=resource, namespace=namespace)
        mend = "Bind a role that has it to the user of the kubeconfig."
        yield Point(area=area, what=f"right to {right}", mark=Mark.MISSING, mend=mend)


def _operator_point(area: str, cluster: Cluster, live: LiveCluster) -> Point:
    what = "operator"
    declared = cluster.operator.chart.version
    found = live.find("Deployment", cluster.operator.namespace, OPERATOR_DEPLOYMENT)
    if isinstance(found, Unknown):
        return Point(area=area, what=what, mark=Mark.UNKNOWN, told=found.reason)
    if found is None:
        return Point(area=area, what=what, mark=Mark.OK, told=f"not there yet; `up` installs {declared}")
    running = _version(found)
    runs, wanted = version_of(running), version_of(declared)
    if runs is None or wanted is None:
        told = f"its image does not tell its version; {declared} is declared"
        return Point(area=area, what=what, mark=Mark.UNKNOWN, told=told)
    if runs > wanted:
        mend = f"Declare {version_text(runs)}: an older operator may not know what the newer one has written."
        told = f"{running} runs, and {declared} is declared"
        return Point(area=area, what=what, mark=Mark.MISSING, told=told, mend=mend)
    told = running if runs == wanted else f"{running} runs; `up` brings {declared}"
    return Point(area=area, what=what, mark=Mark.OK, told=told)


def _version(deployment: LiveObject) -> str:
    """By the tag of the operator's image; empty where it tells none."""
    template = mapping(mapping(deployment.spec.get("template")).get("spec"))
    for container in entries(template.get("containers")):
        match = _TAG.search(str(container.get("image", "")))
        if match is not None:
            return match[1]
    return ""
