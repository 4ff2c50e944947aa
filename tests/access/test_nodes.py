from __future__ import annotations

from dataclasses import replace

from tailstack.access.nodes import DeclaredNode, declared_nodes
from tailstack.finding import Place
from tailstack.topology.custom import Connector, CustomResources, PeerRelay, ProxyGroup, ProxyGroupKind, Recorder
from tests.rules.environments import tailnet_of

TEXT = """
machines: {ci: {tags: [tag:ci]}}
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      a: {namespace: default, ports: [tcp:80], selector: {a: b}}
"""
PLACE = Place("x", 1, 1)
CUSTOM = CustomResources(
    proxy_groups=(
        ProxyGroup(
            cluster="blue",
            name="in",
            kind=ProxyGroupKind.INGRESS,
            replicas=2,
            hostname_prefix="in",
            tags=("tag:in",),
            place=PLACE,
        ),
        ProxyGroup(
            cluster="blue",
            name="api",
            kind=ProxyGroupKind.KUBE_API_SERVER,
            replicas=1,
            hostname_prefix="pre",
            tags=("tag:api",),
            hostname="api",
            tailnet="other",
            place=PLACE,
        ),
    ),
    connectors=(
        Connector(cluster="blue", name="c", hostnames=("c-connector",), replicas=1, tags=("tag:c",), place=PLACE),
    ),
    recorders=(
        Recorder(
            cluster="blue", name="r", hostnames=("r-0",), replicas=1, tags=(), has_ui=True, has_s3=False, place=PLACE
        ),
    ),
    peer_relays=(PeerRelay(cluster="blue", name="p", hostnames=("p-0",), replicas=1, tags=(), place=PLACE),),
)


def nodes(**change: object) -> list[str]:
    tailnet = tailnet_of(TEXT)
    (cluster,) = tailnet.clusters
    (exposure,) = cluster.exposures
    changed = replace(exposure, proxy_group=change.get("proxy_group"))
    found = declared_nodes(replace(tailnet, clusters=(replace(cluster, exposures=(changed,), custom=CUSTOM),)))
    return [shown(node) for node in found]


def shown(node: DeclaredNode) -> str:
    return f"{node} {node.fqdn.partition('.')[0]}"


def test_every_node_is_there_but_those_of_other_tailnets() -> None:
    assert nodes() == [
        "operator blue blue-operator",
        "exposure blue.a blue-a",
        "proxy group blue.in in-0",
        "proxy group blue.in in-1",
        "connector blue.c c-connector",
        "recorder blue.r r-0",
        "peer relay blue.p p-0",
        "machine ci ci",
    ]


def test_what_is_exposed_by_a_group_has_no_node_of_its_own() -> None:
    assert "exposure blue.a blue-a" not in nodes(proxy_group="in")


def test_names_of_services() -> None:
    group = CUSTOM.proxy_groups[1]
    assert (group.service, group.hostnames, group.reference) == ("svc:api", ("pre-0",), "blue.api")
    assert CUSTOM.proxy_groups[0].service is None
    (exposure,) = tailnet_of(TEXT).exposures
    assert exposure.tailscale_service is None
    assert replace(exposure, proxy_group="in").tailscale_service == "svc:blue-a"
