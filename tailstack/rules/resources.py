"""7xx: custom resources of the operator that it refuses, or that wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.nodes import NodeKind
from tailstack.finding import Finding, Rule
from tailstack.rules.subject import Subject
from tailstack.topology.wording import did_you_mean, listed

_RESOURCE = """# blue/NAME.yaml
apiVersion: tailscale.com/v1alpha1
kind: KIND
metadata: {name: NAME}
spec: SPEC
"""


def _resource(kind: str, name: str, spec: str) -> str:
    return _RESOURCE.replace("KIND", kind).replace("NAME", name).replace("SPEC", spec)


_DNS = _resource("DNSConfig", "dns", "{nameserver: {image: {tag: v1.102.3}}}")

DNSCONFIG_COUNT = Rule(
    code="TS708",
    slug="dnsconfig-count",
    what="A cluster has more than one DNSConfig.",
    why="The operator serves none but the first and reports MultipleDNSConfigsPresent at the others.",
    mend="Keep one of them.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/nameserver.go",
    bad=_DNS + _DNS.replace(" dns}", " dns2}").replace("blue/dns", "blue/dns2"),
    good=_DNS + _DNS.replace("blue/dns", "green/dns"),
)
RECORDER_STORAGE = Rule(
    code="TS709",
    slug="recorder-storage",
    what="A Recorder has neither its UI nor S3, or several replicas and no S3.",
    why="Its recordings could not be looked at: the operator does not make it.",
    mend="Set enableUI to true, or storage.s3; with several replicas storage.s3.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/tsrecorder.go",
    bad=_resource("Recorder", "recorder", '{tags: ["tag:k8s"]}'),
    good=_resource("Recorder", "recorder", '{tags: ["tag:k8s"], enableUI: true}'),
)
PEER_RELAY_ADDRESSES = Rule(
    code="TS710",
    slug="peer-relay-addresses",
    what="A PeerRelay has fewer elastic IPs than replicas.",
    why="The API server refuses it.",
    mend="Name an elastic IP for each replica, or have fewer replicas.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/k8s-operator/apis/v1alpha1/types_peerrelay.go",
    bad=_resource("PeerRelay", "relay", "{replicas: 2, aws: {elasticIPs: [{allocationID: eipalloc-1}]}}"),
    good=_resource("PeerRelay", "relay", "{replicas: 1, aws: {elasticIPs: [{allocationID: eipalloc-1}]}}"),
)
TAILNET_MISSING = Rule(
    code="TS711",
    slug="tailnet-missing",
    what="A custom resource is to join a Tailnet that the cluster does not declare.",
    why="The operator waits for it (TailnetUnavailable), and which tailnet it belongs to cannot be changed later.",
    mend="Declare the Tailnet in this cluster, or correct the name.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/k8s-operator/apis/v1alpha1/types_tailnet.go",
    bad=_resource("Connector", "exit", "{exitNode: true, tailnet: other}"),
    good=_resource("Connector", "exit", "{exitNode: true, tailnet: other}")
    + _resource("Tailnet", "other", "{credentials: {secretName: other}}"),
)
RULES = (DNSCONFIG_COUNT, RECORDER_STORAGE, PEER_RELAY_ADDRESSES, TAILNET_MISSING)


def dnsconfig_count(subject: Subject) -> Iterator[Finding]:
    """All of a cluster together."""
    for cluster in subject.tailnet.clusters:
        several = cluster.custom.dns_configs
        if len(several) > 1:
            yield DNSCONFIG_COUNT.at(
                *(each.place for each in several),
                message=f"Cluster {cluster.name} has the DNSConfigs {listed(each.name for each in several)}.",
                expected="one",
            )


def recorder_storage(subject: Subject) -> Iterator[Finding]:
    """As the operator checks it, and the API server."""
    for cluster in subject.tailnet.clusters:
        for recorder in cluster.custom.recorders:
            if recorder.has_s3 or (recorder.has_ui and recorder.replicas <= 1):
                continue
            lacks = f"{recorder.replicas} replicas and no S3" if recorder.replicas > 1 else "neither its UI nor S3"
            yield RECORDER_STORAGE.at(
                recorder.place,
                message=f"recorder {recorder.reference} has {lacks}.",
                expected="storage.s3" if recorder.replicas > 1 else "enableUI: true, or storage.s3",
            )


def peer_relay_addresses(subject: Subject) -> Iterator[Finding]:
    """Without any, the cloud gives them."""
    for cluster in subject.tailnet.clusters:
        for relay in cluster.custom.peer_relays:
            if relay.elastic_ips and relay.elastic_ips < relay.replicas:
                yield PEER_RELAY_ADDRESSES.at(
                    relay.place,
                    message=f"peer relay {relay.reference} has {relay.elastic_ips} elastic IPs for {relay.replicas} replicas.",
                    expected=f"{relay.replicas} elastic IPs",
                )


def tailnet_missing(subject: Subject) -> Iterator[Finding]:
    """Each cluster has Tailnets of its own."""
    for cluster in subject.tailnet.clusters:
        custom = cluster.custom
        there = {each.name for each in custom.tailnets}
        for kind, every in (
            (NodeKind.PROXY_GROUP, custom.proxy_groups),
            (NodeKind.CONNECTOR, custom.connectors),
            (NodeKind.RECORDER, custom.recorders),
            (NodeKind.PEER_RELAY, custom.peer_relays),
        ):
            for each in every:
                if each.tailnet is not None and each.tailnet not in there:
                    yield TAILNET_MISSING.at(
                        each.place,
                        message=f"{kind} {each.reference} is to join the Tailnet {each.tailnet}, which cluster "
                        f"{cluster.name} does not declare.",
                        expected=f"one of {listed(sorted(there))}" if there else "a Tailnet of this name",
                        mend=did_you_mean(each.tailnet, there),
                    )


CHECKS = (dnsconfig_count, recorder_storage, peer_relay_addresses, tailnet_missing)
