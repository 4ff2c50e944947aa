"""7xx: images of a mirror that are pulled without the Secret that the mirror asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tailstack.access.nodes import NodeKind
from tailstack.charts.versions import version_of
from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyClass, ProxyGroup
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.handed_on import part_of
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import listed

_EXAMPLE = """clusters:
  blue:
    kubernetes: {context: blue}
    operator:
      defaultProxyClass: mirrored
      images:
        operator: {repository: mirror.example.com/tailscale/k8s-operator}
        proxy: {repository: mirror.example.com/tailscale/tailscale}
      imagePullSecrets: [mirror]
    proxyClasses: {mirrored: {statefulSet: {pod: {WHAT}}}}
    proxyGroups: {out: {type: egress}}
"""

PULL_SECRET_OUT_OF_REACH = Rule(
    code="TS722",
    slug="pull-secret-out-of-reach",
    severity=Severity.WARNING,
    what="Images of proxies come from a mirror, and the Secrets for it do not reach the pods that pull them.",
    why="The chart gives `imagePullSecrets` to the operator's pod, and since 1.104 to ServiceAccounts that it makes itself; a"
    " group and a recorder have their own. Their pods stay in ImagePullBackOff, unless the nodes can pull without it.",
    mend="Name the Secrets in the proxy class, under statefulSet.pod.imagePullSecrets; in a recorder's own statefulSet.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/deploy/chart/templates/proxy-rbac.yaml",
    bad=_EXAMPLE.replace("WHAT", "labels: {team: platform}"),
    good=_EXAMPLE.replace("WHAT", "imagePullSecrets: [{name: mirror}]"),
)
RULES = (PULL_SECRET_OUT_OF_REACH,)

_SINCE = (1, 104, 0)
"""Since when the chart gives its ServiceAccounts the Secrets (`proxy-rbac.yaml`, `apiserverproxy-rbac.yaml`)."""


def pull_secret_out_of_reach(subject: Subject) -> Iterator[Finding]:
    """Of a mirror that the operator's own image comes from as well, or that alone there is: else no Secret may be for it."""
    for cluster in subject.tailnet.clusters:
        operator = cluster.operator
        if not operator.image_pull_secrets:
            continue
        own = _registry(operator.image.repository)
        lacking = [
            who for who, image in _pulling(cluster) if (registry := _registry(image)) and registry == (own or registry)
        ]
        if lacking:
            yield PULL_SECRET_OUT_OF_REACH.at(
                operator.place,
                message=f"The pods of {listed(lacking)} pull from a mirror without {listed(operator.image_pull_secrets)}.",
                expected="imagePullSecrets in what their pods are made of",
            )


def _registry(image: str) -> str:
    """The registry of an image; empty for the public one of Docker."""
    first, slash, _ = image.partition("/")
    return first if slash and any(sign in first for sign in ".:") and first != "docker.io" else ""


def _pulling(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """What has pods without a Secret for pulling, and their image."""
    operator, custom = cluster.operator, cluster.custom
    classes = {each.name: each for each in custom.proxy_classes}
    version = version_of(operator.chart.version)
    is_reached = version is None or version >= _SINCE
    image = operator.proxy_image.repository
    alone = (
        (NodeKind.EXPOSURE, cluster.exposures),
        (NodeKind.INGRESS, cluster.ingresses),
        (NodeKind.EGRESS, cluster.egresses),
    )
    named: list[tuple[str, str | None, str]] = []
    if not is_reached:
        named += [
            (f"{kind} {each.reference}", each.proxy_class, image)
            for kind, every in alone
            for each in every
            if each.proxy_group is None
        ]
        named += [(f"{NodeKind.CONNECTOR} {each.reference}", each.proxy_class, image) for each in custom.connectors]
        named += [(f"{NodeKind.PEER_RELAY} {each.reference}", each.proxy_class, image) for each in custom.peer_relays]
    named += [
        (f"{NodeKind.PROXY_GROUP} {group.reference}", group.proxy_class, _image_of(group, cluster))
        for group in custom.proxy_groups
        if not is_reached or group.api_server_mode is not ApiServerProxyMode.AUTH
    ]
    for who, name, default in named:
        found = classes.get(name or "")
        # A class that is named and not there is a finding of its own.
        if (found is not None or name is None) and not _has_secrets(found.stateful_set if found else {}):
            yield who, _own_image(found) or default
    for recorder in custom.recorders:
        if not _has_secrets(recorder.stateful_set):
            own = part_of(recorder.stateful_set, "pod", "container").get("image")
            yield f"{NodeKind.RECORDER} {recorder.reference}", own if isinstance(own, str) else ""


def _image_of(group: ProxyGroup, cluster: Cluster) -> str:
    operator = cluster.operator
    return operator.proxy_image.repository if group.api_server_mode is None else operator.k8s_proxy_image or ""


def _own_image(proxy_class: ProxyClass | None) -> str:
    return (proxy_class.image if proxy_class else None) or ""


def _has_secrets(stateful_set: Mapping[str, Any]) -> bool:
    return bool(part_of(stateful_set, "pod").get("imagePullSecrets"))


CHECKS = (pull_secret_out_of_reach,)
