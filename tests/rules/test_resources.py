"""7xx: custom resources that are refused or wait for ever."""

from __future__ import annotations

import pytest

from tailstack.rules import resources
from tests.rules.cases import found_in, said_of
from tests.rules.manifests_frame import POLICY, operator, resource

BLUE = POLICY + operator()


def test_two_dns_configs_are_both_named() -> None:
    text = BLUE + resource("DNSConfig", "a", "{}") + resource("DNSConfig", "b", "{}")
    (finding,) = found_in(text, resources.DNSCONFIG_COUNT)
    assert finding.message == "Cluster blue has the DNSConfigs a, b."
    assert [place.file for place in finding.places] == ["blue/dnsconfig-a.yaml", "blue/dnsconfig-b.yaml"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("{}", "recorder blue.r has neither its UI nor S3."),
        ("{enableUI: true, replicas: 2}", "recorder blue.r has 2 replicas and no S3."),
        ("{replicas: 2}", "recorder blue.r has 2 replicas and no S3."),
    ],
)
def test_recordings_that_nobody_could_look_at(spec: str, says: str) -> None:
    assert said_of(BLUE + resource("Recorder", "r", spec), resources.RECORDER_STORAGE) == [says]


@pytest.mark.parametrize(
    "spec", ["{enableUI: true}", "{storage: {s3: {bucket: b}}}", "{storage: {s3: {}}, replicas: 3}"]
)
def test_recordings_that_can_be_looked_at(spec: str) -> None:
    assert said_of(BLUE + resource("Recorder", "r", spec), resources.RECORDER_STORAGE) == []


def test_a_relay_with_too_few_addresses() -> None:
    few = resource("PeerRelay", "p", "{replicas: 3, aws: {elasticIPs: [{allocationID: a}, {allocationID: b}]}}")
    assert said_of(BLUE + few, resources.PEER_RELAY_ADDRESSES) == [
        "peer relay blue.p has 2 elastic IPs for 3 replicas."
    ]
    for enough in (few.replace("replicas: 3", "replicas: 2"), resource("PeerRelay", "p", "{replicas: 3, aws: {}}")):
        assert said_of(BLUE + enough, resources.PEER_RELAY_ADDRESSES) == []


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (resource("ProxyGroup", "x", "{type: egress, tailnet: othr}"), "proxy group blue.x"),
        (resource("Connector", "x", "{exitNode: true, tailnet: othr}"), "connector blue.x"),
        (resource("Recorder", "x", "{enableUI: true, tailnet: othr}"), "recorder blue.x"),
        (resource("PeerRelay", "x", "{tailnet: othr}"), "peer relay blue.x"),
    ],
)
def test_a_tailnet_that_the_cluster_does_not_have(text: str, who: str) -> None:
    other = resource("Tailnet", "other", "{credentials: {secretName: other}}")
    (finding,) = found_in(BLUE + other + text, resources.TAILNET_MISSING)
    assert finding.message == f"{who} is to join the Tailnet othr, which cluster blue does not declare."
    assert finding.mend == "Did you mean other?"
    assert said_of(BLUE + other + text.replace("othr", "other"), resources.TAILNET_MISSING) == []
    (alone,) = found_in(BLUE + text, resources.TAILNET_MISSING)
    assert alone.expected == "a Tailnet of this name"
