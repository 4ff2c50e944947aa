"""A shop with a program of its own, in which the tailnet and the cluster's part in it are two components among others."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components import (
    Cluster,
    ClusterArgs,
    Tailnet,
    TailnetArgs,
    bindings,
    connect,
    find_chart,
    guard,
    kubernetes_provider,
    load,
    refusals_shown,
    tailscale_provider,
)

PROJECT = Path(__file__).parent

config = pulumi.Config()
protect = config.get_bool("protect") is not False

with refusals_shown():
    declared = load(PROJECT, "plain")
    (blue,) = declared.tailnet.clusters
    chart = find_chart(blue.operator, project=PROJECT, environment=os.environ)
    to_blue = kubernetes_provider(blue, config)

to_tailnet = tailscale_provider()

tailnet = Tailnet(
    "tailnet",
    TailnetArgs(
        policy=declared.policy.text,
        magic_dns=declared.tailnet.magic_dns,
        https_certificates=declared.tailnet.https_certificates,
        protect=protect,
        guard=guard(partial(connect, pulumi.Config("tailscale"), os.environ)),
    ),
    pulumi.ResourceOptions(providers=[to_tailnet]),
)

# What the components expose lies in a namespace of ours, so that it is there first and goes last.
shop = Namespace("shop", metadata=ObjectMetaArgs(name="shop"), opts=pulumi.ResourceOptions(provider=to_blue))

cluster = Cluster(
    blue.name,
    ClusterArgs(
        environment=declared.tailnet.environment,
        cluster=blue,
        chart=chart,
        bindings=bindings(declared.tailnet, blue.name),
        settled=[*tailnet.settled, shop],
        skip_await=config.get_bool("skipAwait") or False,
        protect=protect,
    ),
    pulumi.ResourceOptions(providers=[to_tailnet, to_blue]),
)

# And what is ours knows the names, which are plain texts, and comes when all of the cluster's nodes have joined.
addresses = {ingress.name: f"https://{ingress.fqdn}" for ingress in blue.ingresses}
ConfigMap(
    "addresses",
    metadata=ObjectMetaArgs(name="addresses", namespace="shop"),
    data=addresses,
    opts=pulumi.ResourceOptions(provider=to_blue, depends_on=[cluster]),
)

pulumi.export("addresses", addresses)
