"""3xx: egresses and the links that they make between clusters."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.derive import normal_fqdn
from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Address, Ingress, Machine
from tailstack.topology.wording import nearest

EGRESS_TARGET_UNKNOWN = Rule(
    code="TS301",
    slug="egress-target-unknown",
    what="An egress leads to a name that no declared node has.",
    why="The operator reports the egress as ready; only the proxy's log says `could not find ...`, and connections hang.",
    mend="Refer to what is declared (`to: {exposure: ...}`), correct the name, or declare the node under `machines`.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
)
LINK_INCOMPLETE = Rule(
    code="TS302",
    slug="link-incomplete",
    what="A step between an egress's clients and its target is missing.",
    why="Connections hang or are refused, and nothing in either cluster says why.",
    mend="Mend the step that is named.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
)
EGRESS_LOOP = Rule(
    code="TS303",
    slug="egress-loop",
    severity=Severity.WARNING,
    what="An egress leads to something of its own cluster.",
    why="Traffic leaves the cluster and comes back through two proxies, though the Service could be called directly.",
    mend="Let clients call the Service itself, or lead the egress to the cluster that is meant.",
)
EGRESS_TLS_NAME = Rule(
    code="TS304",
    slug="egress-tls-name",
    severity=Severity.WARNING,
    what="An egress leads to an ingress, whose certificate is for its MagicDNS name only.",
    why="Clients that call the egress's Service by its name in the cluster fail on the certificate and on the host name.",
    mend="Lead the egress to an exposure of the Service, or let clients send the MagicDNS name as host and server name.",
    source="https://github.com/tailscale/tailscale/issues/11500",
)
RULES = (EGRESS_TARGET_UNKNOWN, LINK_INCOMPLETE, EGRESS_LOOP, EGRESS_TLS_NAME)


def egress_target_unknown(subject: Subject) -> Iterator[Finding]:
    """Names written by hand; a reference to nothing is refused while the files are resolved."""
    nodes = {normal_fqdn(node.fqdn): node for node in reversed(subject.nodes)}
    for egress in subject.tailnet.egresses:
        target = egress.target
        if not isinstance(target, Address) or target.fqdn is None or normal_fqdn(target.fqdn) in nodes:
            continue
        # Compared without the tailnet's name, which would make any two names look alike.
        labels = {fqdn.partition(".")[0]: fqdn for fqdn in nodes}
        near = labels.get(nearest(normal_fqdn(target.fqdn).partition(".")[0], labels) or "")
        yield EGRESS_TARGET_UNKNOWN.at(
            egress.place,
            message=f"Egress {egress.reference} leads to {target.fqdn}, and no declared node has this name.",
            expected="the name of a declared node",
            mend=f"Write {near}, the name of {nodes[near]}, if that is meant." if near else "",
        )


def link_incomplete(subject: Subject) -> Iterator[Finding]:
    """The first broken step of each link, but for a name that nothing has, of which the rule above tells."""
    unknown = {finding.places[0] for finding in egress_target_unknown(subject)}
    for proof in subject.links:
        broken = proof.broken
        if broken is not None and proof.place not in unknown:
            yield LINK_INCOMPLETE.at(
                proof.place,
                *(place for place in dict.fromkeys(broken.places) if place != proof.place),
                message=f"Link {proof.link} breaks at its {broken.name}: {broken.text}",
                expected="each step from the client's namespace to the Service at the other end",
                mend=broken.mend,
            )


def egress_loop(subject: Subject) -> Iterator[Finding]:
    """Only declared targets have a cluster."""
    for egress in subject.tailnet.egresses:
        target = egress.target
        if not isinstance(target, Address | Machine) and target.cluster == egress.cluster:
            yield EGRESS_LOOP.at(
                egress.place,
                target.place,
                message=f"Egress {egress.reference} leads to {target.reference} of the same cluster.",
                expected="a target outside of the cluster",
            )


def egress_tls_name(subject: Subject) -> Iterator[Finding]:
    """HTTPS ends at the ingress's node, under its own name."""
    for egress in subject.tailnet.egresses:
        target = egress.target
        if isinstance(target, Ingress):
            yield EGRESS_TLS_NAME.at(
                egress.place,
                target.place,
                message=f"Clients of {egress.service}.{egress.namespace} get a certificate for {target.fqdn}.",
                expected="a target without TLS of its own, or clients that use its MagicDNS name",
            )


CHECKS = (egress_target_unknown, link_incomplete, egress_loop, egress_tls_name)
