"""Tailscale Services, their addresses, hosts and approvals."""

from __future__ import annotations

import pytest

from tests.sandbox.api.conftest import StandIn

WEB = "tailnet/-/vip-services/svc:web"
POLICY = """{
	"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:front": ["tag:k8s-operator"]},
	"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}],
	"autoApprovers": {"services": {"tag:front": ["tag:k8s"], "svc:named": ["tag:k8s"]}},
}
"""


@pytest.fixture
def services(stand_in: StandIn) -> StandIn:
    stand_in.client.set_policy(POLICY)
    return stand_in


def body(**changes: object) -> dict[str, object]:
    return {"name": "svc:web", "ports": ["tcp:443"], "tags": ["tag:front"], **changes}


def test_a_service_gets_addresses_and_is_served_under_both_paths(services: StandIn) -> None:
    made = services.admin.put(WEB, body(comment="ours", annotations={"owner": "x"}))
    assert made.status == 200
    service = services.admin.get(WEB).json
    assert service == made.json
    assert service | {"addrs": []} == {
        "name": "svc:web",
        "addrs": [],
        "comment": "ours",
        "ports": ["tcp:443"],
        "tags": ["tag:front"],
        "annotations": {"owner": "x"},
    }
    assert service["addrs"][0].startswith("100.")
    assert service["addrs"][1].startswith("fd7a:115c:a1e0:")
    assert services.admin.get("tailnet/-/services/svc%3Aweb").json == service
    for path in ("services", "vip-services"):
        assert services.admin.get(f"tailnet/-/{path}").json == {"vipServices": [service]}


def test_an_update_has_the_addresses_and_replaces_the_rest(services: StandIn) -> None:
    addrs = services.admin.put(WEB, body(annotations={"owner": "x"})).json["addrs"]
    assert services.admin.put(WEB, body()).status == 400
    assert services.admin.put(WEB, body(addrs=[addrs[0], "fd7a:115c:a1e0::1"])).status == 400
    changed = services.admin.put(WEB, body(addrs=addrs, ports=["tcp:80", "tcp:8000-8010"])).json
    assert "annotations" not in changed
    assert changed["ports"] == ["tcp:80", "tcp:8000-8010"]
    assert services.admin.put(WEB, body(addrs=["100.80.0.1", addrs[1]])).json["addrs"] == ["100.80.0.1", addrs[1]]
    assert services.admin.put(WEB, body(addrs=["10.0.0.1", addrs[1]])).status == 400


def test_the_ipv4_of_a_new_service_may_be_wished_for(services: StandIn) -> None:
    assert services.admin.put(WEB, body(addrs=["100.80.0.1"])).json["addrs"][0] == "100.80.0.1"
    other = "tailnet/-/services/svc:other"
    for addrs in (["100.80.0.1"], ["100.80.0.2", "fd7a:115c:a1e0::1"], ["10.0.0.1"]):
        assert services.admin.put(other, body(name="svc:other", addrs=addrs)).status == 400


def test_names_are_unique_and_can_be_changed(services: StandIn) -> None:
    key = services.client.create_auth_key(tags=["tag:k8s"])
    services.client.register_device("taken", auth_key=key.secret)
    assert services.admin.put("tailnet/-/services/svc:taken", body(name="svc:taken")).status == 400
    assert services.admin.put(WEB, body(name="svc:else")).status == 400
    assert services.admin.put("tailnet/-/services/web", body(name="web")).status == 400
    addrs = services.admin.put(WEB, body()).json["addrs"]
    assert services.admin.put(WEB, body(name="svc:else", addrs=addrs)).json["name"] == "svc:else"
    assert services.admin.get(WEB).status == 404
    assert services.admin.get("tailnet/-/services/svc:else").status == 200


@pytest.mark.parametrize("port", ["udp:53", "443", "tcp:0", "tcp:70000", "tcp:90-80", "tcp:x"])
def test_ports_are_tcp(services: StandIn, port: str) -> None:
    assert services.admin.put(WEB, body(ports=[port])).status == 400
    assert services.admin.put(WEB, body(ports=["do-not-validate"])).status == 200


def test_tags_are_given_by_who_may(services: StandIn) -> None:
    assert services.admin.put(WEB, body(tags=["tag:nope"])).status == 400
    operator = services.oauth("services", "devices:core", tags=("tag:k8s-operator",))
    assert operator.put(WEB, body()).status == 200
    assert services.oauth("services:read").put(WEB, body()).status == 403
    assert services.oauth("services").put(WEB, body(tags=["tag:k8s"])).status == 400


def test_hosts_are_approved_by_service_or_by_its_tag(services: StandIn) -> None:
    key = services.client.create_auth_key(tags=["tag:k8s"], reusable=True)
    early = services.client.register_device(
        "early", auth_key=key.secret, services=["svc:web", "svc:named", "svc:plain"]
    )
    services.admin.put(WEB, body())
    for name in ("svc:named", "svc:plain"):
        services.admin.put(f"tailnet/-/services/{name}", body(name=name, tags=[]))
    late = services.client.register_device("late", auth_key=key.secret)
    services.client.advertise(late.node_id, services=["svc:web", "svc:missing"])

    def levels(name: str) -> dict[str, str]:
        hosts = services.admin.get(f"tailnet/-/services/{name}/devices").json["hosts"]
        return {host["stableNodeID"]: host["approvalLevel"] for host in hosts}

    assert levels("svc:web") == {early.node_id: "approved:auto", late.node_id: "approved:auto"}
    assert levels("svc:named") == {early.node_id: "approved:auto"}
    assert levels("svc:plain") == {early.node_id: "not-approved"}
    path = f"tailnet/-/services/svc:plain/device/{early.node_id}/approved"
    assert services.admin.get(path).json == {"approved": False, "autoApproved": False}
    assert services.admin.post(path, {"approved": True}).json == {"approved": True, "autoApproved": False}
    services.client.advertise(early.node_id, services=[])
    services.client.advertise(early.node_id, services=["svc:plain"])
    assert levels("svc:plain") == {early.node_id: "approved:manual"}
    assert services.admin.post(path, {"approved": False}).json == {"approved": False, "autoApproved": False}
    assert services.oauth("services").get(path).status == 403
    services.admin.delete(f"device/{early.node_id}")
    assert services.admin.get(path).status == 404
    assert levels("svc:web") == {late.node_id: "approved:auto"}


def test_a_deleted_service_is_gone(services: StandIn) -> None:
    services.admin.put(WEB, body())
    assert services.admin.delete(WEB).status == 200
    assert services.admin.get("tailnet/-/services").json == {"vipServices": []}
    for method in ("GET", "DELETE"):
        assert services.admin.send(method, WEB).status == 404
