"""One cluster in the tailnet: its operator, and all that the operator makes nodes of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.custom_resources import make_custom_resources
from components.egress import lead_out
from components.exposure import expose
from components.ingress import open_ingress
from components.operator import install
from components.operator_chart import ChartSource
from components.role_bindings import Binding, bind
from components.tokens import CLUSTER
from tailstack.topology import tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterArgs:
    """`settled` are the tailnet's own resources, which the cluster waits for: without its tags in the policy file nothing in
    it can join. `bindings` go with their access entries. `environment` is what the credentials are called after.
    """

    environment: str
    cluster: tailnet.Cluster
    chart: ChartSource
    bindings: Mapping[Binding, tuple[str, ...]] = field(default_factory=dict[Binding, tuple[str, ...]])
    settled: Sequence[pulumi.Resource] = ()
    skip_await: bool = False
    protect: bool = True


class Cluster(pulumi.ComponentResource):
    """One declared cluster. Exposures, ingresses and egresses are one resource each, directly below this component: the
    engine writes its whole state at each step, so that a component around each of them would double the work."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(CLUSTER, name, None, opts)
        operator = install(
            self,
            args.cluster,
            environment=args.environment,
            chart=args.chart,
            depends_on=args.settled,
            skip_await=args.skip_await,
            protect=args.protect,
        )
        # On destroy all of these go first, while the operator still runs and takes its finalizers off them.
        custom = make_custom_resources(self, args.cluster, operator=operator.release, skip_await=args.skip_await)
        for exposure in args.cluster.exposures:
            expose(self, exposure, args.cluster, depends_on=custom.needed_by(exposure), skip_await=args.skip_await)
        for ingress in args.cluster.ingresses:
            open_ingress(self, ingress, args.cluster, depends_on=custom.needed_by(ingress), skip_await=args.skip_await)
        for egress in args.cluster.egresses:
            lead_out(self, egress, args.cluster, depends_on=custom.needed_by(egress), skip_await=args.skip_await)
        for binding, entries in args.bindings.items():
            bind(self, args.cluster.name, binding, entries)
        self.register_outputs({})
