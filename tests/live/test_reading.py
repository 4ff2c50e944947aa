"""The API's answers as what is live; what the service leaves out or writes otherwise does no harm."""

from __future__ import annotations

from tailstack.live.model import (
    Live,
    LiveCluster,
    LiveDevice,
    LiveKey,
    LiveObject,
    LiveService,
    LiveTailnet,
    ServiceHost,
    Unknown,
)
from tailstack.live.reading import read_devices, read_keys, read_services

DEVICE = {
    "nodeId": "n1",
    "id": "77",
    "name": "Web.tail1a2b.ts.net.",
    "hostname": "web",
    "user": "tagged-devices",
    "tags": ["tag:k8s"],
    "addresses": ["100.64.0.1"],
    "AdvertisedRoutes": ["10.0.0.0/8", 3],
    "enabledRoutes": ["10.0.0.0/8"],
    "authorized": False,
    "connectedToControl": True,
    "isExternal": True,
}
SILENT = Unknown(what="devices", reason="no answer")


def test_a_device() -> None:
    assert read_devices({"devices": [DEVICE]}) == (
        LiveDevice(
            id="n1",
            name="web.tail1a2b.ts.net",
            hostname="web",
            user="tagged-devices",
            tags=("tag:k8s",),
            addresses=("100.64.0.1",),
            routes=("10.0.0.0/8",),
            advertised=("10.0.0.0/8",),
            authorized=False,
            connected=True,
            is_external=True,
        ),
    )
    (bare,) = read_devices({"devices": [{"id": "77", "name": "web"}]})
    assert bare == LiveDevice(id="77", name="web", hostname="")
    assert bare.label == "web"


def test_answers_of_another_shape_are_empty() -> None:
    assert read_devices(None) == ()
    assert read_keys({"keys": "none"}) == ()
    assert read_services([], {}) == ()


def test_keys_that_are_valid_or_were_revoked() -> None:
    auth = {
        "id": "k1",
        "keyType": "auth",
        "capabilities": {"devices": {"create": {"reusable": True, "tags": ["tag:ci"]}}},
    }
    client = {"id": "k2", "keyType": "client", "description": "x", "scopes": ["auth_keys"], "tags": ["tag:a"]}
    gone = [{"id": "k3", "keyType": "auth", "invalid": True}, {"id": "k4", "keyType": "auth", "revoked": "2026-01-01"}]
    ended = {"id": "k5", "keyType": "client", "invalid": True}
    assert read_keys({"keys": [auth, client, *gone, ended]}) == (
        LiveKey(id="k1", kind="auth", tags=("tag:ci",), is_reusable=True),
        LiveKey(id="k2", kind="client", description="x", scopes=("auth_keys",), tags=("tag:a",)),
        LiveKey(id="k4", kind="auth", is_revoked=True),
        LiveKey(id="k5", kind="client", is_revoked=True),
    )


def test_services_with_their_hosts() -> None:
    services = [
        {
            "name": "svc:a",
            "tags": ["tag:a"],
            "ports": ["tcp:443"],
            "addrs": ["100.64.0.2"],
            "annotations": {"tailscale.com/owner-references": "{}"},
        },
        {"name": "svc:b"},
        {"name": "svc:c"},
    ]
    hosts = {
        "svc:a": {
            "hosts": [
                {"stableNodeID": "n1", "approvalLevel": "approved:auto"},
                {"stableNodeID": "n2", "approvalLevel": "not-approved"},
            ]
        },
        "svc:b": SILENT,
    }
    one, other, third = read_services({"vipServices": services}, hosts)
    assert one == LiveService(
        name="svc:a",
        tags=("tag:a",),
        ports=("tcp:443",),
        addresses=("100.64.0.2",),
        has_owner=True,
        hosts=(ServiceHost(device="n1", is_approved=True), ServiceHost(device="n2", is_approved=False)),
    )
    assert other.hosts == SILENT
    assert isinstance(third.hosts, Unknown)


def live_object(status: object = None, **metadata: object) -> LiveObject:
    return LiveObject(kind="Service", body={"metadata": {"name": "a", **metadata}, "status": status})


def test_an_object_says_its_names_and_conditions() -> None:
    conditions = [
        {"type": "Other"},
        {"type": "Ready", "status": "True", "reason": "R", "message": "m", "observedGeneration": 2},
    ]
    made = live_object(
        {"conditions": conditions}, namespace="ns", generation=2, labels={"l": "1"}, annotations={"a": "1"}
    )
    assert (made.key, made.path) == (("Service", "ns", "a"), "ns/a")
    assert (made.labels, made.annotations, made.spec) == ({"l": "1"}, {"a": "1"}, {})
    ready = made.condition("Ready")
    assert ready is not None
    assert (ready.is_true, ready.reason, ready.message, ready.is_outdated) == (True, "R", "m", False)
    assert made.condition("Absent") is None
    assert live_object().path == "a"


def test_an_object_says_where_it_is_reached() -> None:
    made = live_object(
        {"loadBalancer": {"ingress": [{"hostname": "x"}]}, "devices": [{"hostname": "A.ts.net."}, {"hostname": 3}, {}]}
    )
    assert made.addresses == ({"hostname": "x"},)
    assert made.devices == ("a.ts.net",)


def test_a_cluster_finds_what_it_could_read() -> None:
    made = live_object()
    cluster = LiveCluster.of("blue", [made], {"Ingress": SILENT})
    assert cluster.find("Service", "", "a") == made
    assert cluster.find("Service", "", "b") is None
    assert cluster.find("Ingress", "", "a") == SILENT


def test_what_is_unknown_is_gathered() -> None:
    tailnet = LiveTailnet(devices=SILENT, services=(), keys=(), settings={}, magic_dns=True, policy="")
    of_kind, of_cluster = Unknown(what="Ingress", reason="forbidden"), Unknown(what="cluster green", reason="gone")
    live = Live(
        tailnet=tailnet, clusters={"blue": LiveCluster.of("blue", [], {"Ingress": of_kind}), "green": of_cluster}
    )
    assert live.unknown == (SILENT, of_kind, of_cluster)
    assert str(SILENT) == "devices: no answer"
