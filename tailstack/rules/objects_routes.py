"""5xx: Connectors that the API server or the operator refuses.

Conditions were read in tailscale.com v1.102.3: the validations of k8s-operator/apis/v1alpha1/types_connector.go and
`validateRoutes` of cmd/k8s-operator/connector.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.manifests.objects import KubernetesObject
from tailstack.manifests.values import ManifestMap, Step
from tailstack.rules.subject import Subject
from tailstack.topology.wording import quoted

_SOURCE = "https://github.com/tailscale/tailscale/blob/main/k8s-operator/apis/v1alpha1/types_connector.go"


def _connector(spec: str) -> str:
    return (
        "# blue/connector.yaml\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: Connector\n"
        "metadata: {name: office}\n"
        f"spec: {{{spec}}}\n"
    )


ROUTE_FORM = Rule(
    code="TS504",
    slug="cidr-unmasked",
    what="A route of a Connector is no prefix, or has bits set behind its length.",
    why="The operator refuses the Connector (ConnectorInvalid), and none of its routes is advertised.",
    mend="Write the first address of the subnet with its length, such as 10.1.0.0/16.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/connector.go",
    needs=Needs.MANIFESTS,
    bad=_connector("subnetRouter: {advertiseRoutes: [10.1.2.3/16]}"),
    good=_connector("subnetRouter: {advertiseRoutes: [10.1.0.0/16, 10.1.2.3/32]}"),
)
CONNECTOR_SHAPE = Rule(
    code="TS505",
    slug="connector-shape",
    what="A Connector is nothing, or two things that exclude one another.",
    why="The API server refuses it, or the operator does (ConnectorInvalid).",
    mend="Make it a subnet router, an exit node or both; or an app connector by itself. Several replicas need hostnamePrefix.",
    source=_SOURCE,
    needs=Needs.MANIFESTS,
    bad=_connector("exitNode: true, hostname: office, replicas: 2"),
    good=_connector("exitNode: true, hostnamePrefix: office, replicas: 2"),
)

RULES = (ROUTE_FORM, CONNECTOR_SHAPE)

_ROUTES: tuple[tuple[Step, ...], ...] = (
    ("spec", "subnetRouter", "advertiseRoutes"),
    ("spec", "appConnector", "routes"),
)


def _connectors(subject: Subject) -> Iterator[KubernetesObject]:
    if subject.objects is not None:
        yield from subject.objects.of_kind("Connector")


def route_form(subject: Subject) -> Iterator[Finding]:
    """Each route by itself, of subnet routers and of app connectors."""
    for connector in _connectors(subject):
        for path in _ROUTES:
            for index in range(connector.length(*path)):
                text = connector.text(*path, index)
                meant = _masked(text or "")
                if meant is None:
                    wrong, mend = "is no prefix", ""
                elif meant != text:
                    wrong, mend = "has bits set behind its length", f"Write {meant}."
                else:
                    continue
                yield ROUTE_FORM.at(
                    connector.place(*path, index),
                    message=f"{connector.title} of {connector.cluster} advertises {quoted(text or '')}, which {wrong}.",
                    expected="a prefix, such as 10.1.0.0/16",
                    mend=mend,
                )


def _masked(text: str) -> str | None:
    """The prefix without bits behind its length, as it was written where it has none; None for what is no prefix."""
    address, slash, length = text.partition("/")
    if not slash or not length.isdecimal():
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
        is_masked = network.network_address == ipaddress.ip_address(address)
    except ValueError:
        return None
    return text if is_masked else str(network)


def connector_shape(subject: Subject) -> Iterator[Finding]:
    """One finding for each thing that is wrong."""
    for connector in _connectors(subject):
        for text, expected, places in _wrong(connector):
            yield CONNECTOR_SHAPE.at(
                *places,
                message=f"{connector.title} of {connector.cluster} {text}.",
                expected=expected,
            )


def _wrong(connector: KubernetesObject) -> Iterator[tuple[str, str, tuple[Place, ...]]]:
    router = isinstance(connector.value("spec", "subnetRouter"), ManifestMap)
    app = isinstance(connector.value("spec", "appConnector"), ManifestMap)
    is_exit = connector.truth("spec", "exitNode") is True
    if not (router or app or is_exit):
        expected = "one of subnetRouter, exitNode: true and appConnector"
        yield "is neither a subnet router, an exit node nor an app connector", expected, (connector.place("spec"),)
    if router and not connector.length("spec", "subnetRouter", "advertiseRoutes"):
        yield "is a subnet router without routes", "advertiseRoutes", (connector.key_place("spec", "subnetRouter"),)
    if app and (router or is_exit):
        other = "subnetRouter" if router else "exitNode"
        places = (connector.key_place("spec", "appConnector"), connector.key_place("spec", other))
        yield "is an app connector and something else", "appConnector by itself", places
    hostname = connector.text("spec", "hostname")
    if hostname and (connector.number("spec", "replicas") or 1) > 1:
        places = (connector.key_place("spec", "hostname"), connector.key_place("spec", "replicas"))
        yield "has several replicas and one hostname", "hostnamePrefix in place of hostname", places
    if hostname and connector.text("spec", "hostnamePrefix"):
        places = (connector.key_place("spec", "hostname"), connector.key_place("spec", "hostnamePrefix"))
        yield "has a hostname and a hostnamePrefix", "one of the two", places


CHECKS = (route_form, connector_shape)
