"""A whole environment: providers, the tailnet, its clusters, and what the stack tells when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pulumi

from components.cluster import Cluster, ClusterArgs
from components.config_secrets import config_secrets
from components.exposure import annotations_of
from components.kubeconfig import kubeconfigs
from components.kubernetes_objects import class_label
from components.operator_chart import find_chart
from components.providers import kubernetes_provider, require_kubeconfigs, tailscale_provider
from components.role_bindings import bindings
from components.stack_settings import StackSettings
from components.tailnet import Tailnet, TailnetArgs
from tailstack.rules.api_proxies import api_server_proxies
from tailstack.topology import tailnet as topology
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.extras import NO_EXTRAS
from tailstack.topology.shards import WHOLE, Shard

STAYS = ("the policy file of the tailnet", "MagicDNS as it is set", "HTTPS certificates as they are set")
STAYS_AFTER_RESET = STAYS[2:]
"""The provider has no way back for the tailnet's settings: its delete of TailnetSettings does nothing."""
NAMESERVERS_STAY = "nameservers and search domains as they are set"
SETTINGS_STAY = "the tailnet's other settings as they are set"
CONTACTS_STAY = "contacts as they are set"
DEVICES_STAY = "what was set on the devices of machines"


def build(
    tailnet: topology.Tailnet,
    policy: str,
    settings: StackSettings,
    *,
    config: pulumi.Config,
    project: Path,
    variables: Mapping[str, str],
    guard: pulumi.ResourceHookBinding | None,
    part: Shard = WHOLE,
) -> dict[str, object]:
    """Register every resource of a part of the environment; gives the outputs of the stack by name.

    Names and parents are the same for every part, so that resources can be moved between stacks. `policy` is the policy
    file, which only a part with the tailnet needs; `variables` are the environment variables. Raises RefusedError, before
    anything is registered, for what only this machine or this stack's config can get wrong.
    """
    clusters = part.clusters(tailnet)
    charts = {c.name: find_chart(c.operator, project=project, environment=variables) for c in clusters}
    secret_of = config_secrets(tailnet.extras if part.has_tailnet else NO_EXTRAS, config)
    require_kubeconfigs(clusters, config)
    to_tailnet = tailscale_provider()
    settled: Sequence[pulumi.Resource] = ()
    told: Mapping[str, object] = {}
    if part.has_tailnet:
        whole = Tailnet(
            "tailnet",
            TailnetArgs(
                policy=policy,
                magic_dns=tailnet.magic_dns,
                https_certificates=tailnet.https_certificates,
                protect=settings.protect,
                reset_on_destroy=settings.reset_on_destroy,
                overwrite_policy=settings.overwrite_policy,
                guard=guard,
                extras=tailnet.extras,
                services=tailnet.services,
                machines=tailnet.machines,
                secret_of=secret_of,
            ),
            pulumi.ResourceOptions(providers=[to_tailnet]),
        )
        settled, told = whole.settled, whole.told
    for cluster in clusters:
        # Not before the tailnet: the engine starts one plugin at a time, and the tailnet's resources need not wait for it.
        to_cluster = kubernetes_provider(cluster, config)
        Cluster(
            cluster.name,
            ClusterArgs(
                environment=tailnet.environment,
                cluster=cluster,
                bindings=bindings(tailnet, cluster.name),
                chart=charts[cluster.name],
                settled=settled,
                skip_await=settings.skip_await,
                protect=settings.protect,
            ),
            pulumi.ResourceOptions(providers=[to_tailnet, to_cluster]),
        )
    stays = _what_stays(tailnet, is_reset=settings.reset_on_destroy) if part.has_tailnet else ()
    return {**outputs(replace(tailnet, clusters=clusters), stays=stays), **told}


def _what_stays(tailnet: topology.Tailnet, *, is_reset: bool) -> tuple[str, ...]:
    """What a destroy leaves of the tailnet."""
    extras = tailnet.extras
    more = (
        (NAMESERVERS_STAY, extras.dns),
        (SETTINGS_STAY, extras.settings),
        (CONTACTS_STAY, extras.contacts),
        (DEVICES_STAY, [machine for machine in tailnet.machines if machine.device]),
    )
    return (STAYS_AFTER_RESET if is_reset else STAYS) + tuple(text for text, declared in more if declared)


def outputs(tailnet: topology.Tailnet, *, stays: Sequence[str]) -> dict[str, object]:
    """What the stack tells: names that people and other programs need, and what a destroy would leave behind."""
    gitops = [(c, e) for c in tailnet.clusters for e in c.exposures if e.managed_by is ManagedBy.GITOPS]
    return {
        "operators": {c.name: c.operator.fqdn for c in tailnet.clusters},
        "apiServers": {
            proxy.group.reference if proxy.group else proxy.cluster: proxy.fqdn for proxy in api_server_proxies(tailnet)
        },
        "exposures": {e.reference: e.fqdn for e in tailnet.exposures},
        "ingresses": {i.reference: i.fqdn for i in tailnet.ingresses},
        "services": {service.name: service.fqdn for service in tailnet.services},
        "gitopsAnnotations": {e.reference: annotations_of(e, c) for c, e in gitops},
        "gitopsLabels": {e.reference: class_label(e.proxy_class) for _, e in gitops if e.proxy_class},
        "kubeconfigs": {name: pulumi.Output.secret(text) for name, text in kubeconfigs(tailnet).items()},
        "staysAfterDestroy": list(stays),
    }
