"""Node attributes: Funnel for what is open to the internet, and the domains of app connectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailstack.access.derive import Derived, Section
from tailstack.access.hujson import Buildable
from tailstack.access.nodes import DeclaredNode, NodeKind, narrowest, tag_wearers
from tailstack.finding import Place
from tailstack.topology.custom import AppConnector
from tailstack.topology.tailnet import Tailnet

APP_CONNECTORS = "tailscale.com/app-connectors"
"""https://tailscale.com/kb/1337/policy-syntax#node-attributes, as `AppConnectorAttr` of types/appctype reads it."""


def node_attributes(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """Those of ingresses with Funnel, then those of app connectors."""
    worn = tag_wearers(nodes)
    for ingress in tailnet.ingresses:
        if ingress.funnel:
            yield Derived(
                section=Section.NODE_ATTRS,
                key=None,
                value={"target": [narrowest(ingress.tags, worn)], "attr": ["funnel"]},
                declaration=f"ingress {ingress.reference}, open to the internet",
                places=(ingress.place,),
            )
    for reference, kind, app, tags, place in _apps(tailnet):
        declared: dict[str, Buildable] = {
            "name": reference,
            "connectors": [narrowest(tags, worn)],
            "domains": app.domains,
        }
        if app.routes:
            declared["routes"] = app.routes
        yield Derived(
            section=Section.NODE_ATTRS,
            key=None,
            value={"target": ["*"]},
            app={APP_CONNECTORS: [declared]},
            is_spread=True,
            declaration=f"domains of {kind} {reference}",
            places=(place,),
        )


def _apps(tailnet: Tailnet) -> Iterator[tuple[str, NodeKind, AppConnector, tuple[str, ...], Place]]:
    for connector in tailnet.connectors:
        if connector.domains is not None and connector.tailnet is None:
            yield connector.reference, NodeKind.CONNECTOR, connector.domains, connector.tags, connector.place
    for machine in tailnet.machines:
        if machine.app_connector is not None:
            yield machine.name, NodeKind.MACHINE, machine.app_connector, machine.tags, machine.place
