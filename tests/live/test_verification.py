"""Each thing that can be wrong, told in terms of the declaration; everything else holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailstack.access.nodes import declared_nodes
from tailstack.live.declared import Scope
from tailstack.live.model import Live, LiveCluster, LiveObject, ServiceHost, Unknown
from tailstack.live.verification import Check, Outcome, hosted_services, verify
from tailstack.topology.shards import TAILNET, of_cluster
from tailstack.topology.tailnet import Tailnet
from tests.live.playing import (
    as_declared,
    condition,
    device,
    live_object,
    whole,
    with_device,
    with_object,
    with_service,
    with_tailnet,
    without_device,
)

TAILNET_OF_TEST = whole()
DONE = as_declared(TAILNET_OF_TEST)
SILENT = Unknown(what="something", reason="it does not answer")


def judged(live: Live, tailnet: Tailnet = TAILNET_OF_TEST) -> list[Check]:
    """What does not hold."""
    return [c for c in verify(tailnet, live, Scope.of(tailnet)) if c.outcome is not Outcome.HOLDS]


def only(live: Live) -> Check:
    (check,) = judged(live)
    assert check.place.file.startswith("stacks/test/")
    return check


def with_status(key: tuple[str, str, str], status: dict[str, Any], **parts: object) -> Live:
    return with_object(DONE, "blue", live_object(key, status=status, **parts))


def test_everything_holds_where_all_is_as_declared() -> None:
    assert judged(DONE) == []
    checks = verify(TAILNET_OF_TEST, DONE, Scope.of(TAILNET_OF_TEST))
    aspects = {check.aspect for check in checks}
    assert {
        "node",
        "tags",
        "address",
        "service",
        "hosts",
        "resolution",
        "certificate",
        "TailscaleProxyReady",
    } <= aspects
    assert "route 10.40.0.0/16" in aspects


def test_a_node_that_is_not_there() -> None:
    check = only(without_device(DONE, "blue-nginx"))
    assert (check.who, check.aspect, check.outcome) == ("exposure blue.nginx", "node", Outcome.FAILS)
    assert check.message == "No node of the tailnet is called blue-nginx."
    assert "operator of blue" in check.mend


def test_an_operator_and_a_machine_are_looked_for_elsewhere() -> None:
    assert "the log of its Deployment, operator, in green" in only(without_device(DONE, "green-operator")).mend
    assert "tailscale status" in only(without_device(DONE, "bastion")).mend


def test_a_node_that_came_too_late_for_its_name() -> None:
    nginx = next(node for node in declared_nodes(TAILNET_OF_TEST) if node.hostname == "blue-nginx")
    late = device(nginx, id="late", name="blue-nginx-1.tail1a2b.ts.net")
    assert isinstance(DONE.tailnet.devices, tuple)
    without = without_device(DONE, "blue-nginx").tailnet.devices
    assert isinstance(without, tuple)

    free = only(with_tailnet(DONE, devices=(*without, late)))
    assert free.message.startswith("Its node is called blue-nginx-1 instead of blue-nginx: the name was taken")
    assert "Rename it to blue-nginx" in free.mend

    holder = device(nginx, id="other", tags=(), user="ana@example.com", hostname="laptop")
    taken = only(with_tailnet(DONE, devices=(*without, late, holder)))
    assert taken.message == "Its node is called blue-nginx-1: another node (ana@example.com) has the name blue-nginx."
    tagged = only(with_tailnet(DONE, devices=(*without, late, replace(holder, tags=("tag:other",)))))
    assert "another node (tag:other)" in tagged.message

    twice = only(with_tailnet(DONE, devices=(*DONE.tailnet.devices, late)))
    assert twice.message == "A second node, blue-nginx-1, asked for the name blue-nginx."
    assert "Remove the one of the two" in twice.mend


def test_names_of_other_nodes_are_none_that_came_too_late() -> None:
    """`blue-in-1` is the second node of a group, and a shared device of another tailnet is nobody of ours."""
    assert isinstance(DONE.tailnet.devices, tuple)
    bastion = next(node for node in declared_nodes(TAILNET_OF_TEST) if node.hostname == "bastion")
    foreign = device(bastion, id="x", name="bastion-1.other.ts.net", is_external=True)
    assert judged(with_tailnet(DONE, devices=(*DONE.tailnet.devices, foreign))) == []


@pytest.mark.parametrize(
    ("hostname", "changes", "message", "mend"),
    [
        ("blue-nginx", {"tags": ("tag:k8s",)}, "wears tag:k8s, and tag:k8s-blue--nginx is declared", "join anew"),
        ("ci", {"tags": ()}, "wears no tag, and tag:ci is declared", "device: {tags: true}"),
        ("blue-nginx", {"addresses": ()}, "has no address", "join again"),
        ("blue-nginx", {"authorized": False}, "waits to be let into the tailnet", "Approve it"),
        ("blue-nginx", {"connected": False}, "is not connected to Tailscale", "the operator of blue"),
        (
            "blue-net",
            {"routes": ()},
            "advertises 10.40.0.0/16 (10.40.0.0/16), and that is not approved",
            "autoApprovers",
        ),
        ("bastion", {"routes": ("10.20.0.0/16", "::/0")}, "advertises the exit node (0.0.0.0/0)", "Approve it"),
        ("saas", {"routes": (), "advertised": ()}, "does not advertise 203.0.113.0/24", "tailscale status"),
    ],
)
def test_a_node_that_is_not_as_declared(hostname: str, changes: dict[str, Any], message: str, mend: str) -> None:
    check = only(with_device(DONE, hostname, **changes))
    assert message in check.message
    assert mend in check.mend


def test_whether_a_node_is_connected_may_not_be_said() -> None:
    assert judged(with_device(DONE, "blue-nginx", connected=None)) == []


def test_routes_are_compared_as_ranges() -> None:
    assert judged(with_device(DONE, "blue-net", routes=("10.40.0.1/16",))) == []


def test_settings_that_somebody_switched_off() -> None:
    names = only(with_tailnet(DONE, magic_dns=False))
    assert (names.who, names.message) == ("tailnet", "MagicDNS is switched off.")
    assert "HTTPS certificates are switched off" in only(with_tailnet(DONE, settings={})).message


def test_settings_that_are_not_declared_are_not_looked_at() -> None:
    tailnet = replace(TAILNET_OF_TEST, magic_dns=False, https_certificates=False)
    assert judged(with_tailnet(DONE, magic_dns=False, settings={}), tailnet) == []


@pytest.mark.parametrize(
    ("name", "changes", "message", "mend"),
    [
        ("svc:queue", {"has_owner": False}, "was not made by an operator", "Remove it"),
        ("svc:queue", {"tags": ()}, "svc:queue has no tag", "the operator of blue, green"),
        ("svc:ledger", {"tags": ("tag:x",)}, "svc:ledger has tag:x, and tag:svc-ledger is declared", "pulumi up"),
        ("svc:ledger", {"ports": ()}, "has the ports none, and tcp:5432 is declared", "pulumi up"),
        ("svc:ledger", {"addresses": ()}, "svc:ledger has no address", "Services"),
        ("svc:queue", {"hosts": ()}, "Nobody advertises svc:queue", "has endpoints"),
        ("svc:ledger", {"hosts": ()}, "Nobody advertises svc:ledger", "tailscale serve status"),
        (
            "svc:ha-name",
            {"hosts": (ServiceHost(device="n", is_approved=False),)},
            "none of its hosts is approved",
            "autoApprovers",
        ),
    ],
)
def test_a_tailscale_service_that_is_not_as_declared(
    name: str, changes: dict[str, Any], message: str, mend: str
) -> None:
    name = "svc:blue-ha" if name == "svc:ha-name" else name
    check = only(with_service(DONE, name, **changes))
    assert message in check.message
    assert mend in check.mend


@pytest.mark.parametrize(("name", "mend"), [("svc:ledger", "pulumi up"), ("svc:blue-api", "the operator of blue")])
def test_a_tailscale_service_that_is_not_there(name: str, mend: str) -> None:
    assert isinstance(DONE.tailnet.services, tuple)
    check = only(with_tailnet(DONE, services=tuple(s for s in DONE.tailnet.services if s.name != name)))
    assert check.message == f"There is no Tailscale Service {name}."
    assert mend in check.mend


def test_an_object_that_is_not_there() -> None:
    ours = only(with_object(DONE, "blue", None, instead_of=("Service", "default", "nginx")))
    assert ours.message == "There is no Service default/nginx in blue."
    assert "pulumi up" in ours.mend
    group = only(with_object(DONE, "blue", None, instead_of=("ProxyGroup", "", "in")))
    assert group.message == "There is no ProxyGroup in in blue."
    theirs = only(with_object(DONE, "blue", None, instead_of=("Service", "default", "theirs")))
    assert "gitopsAnnotations" in theirs.mend


NGINX = ("Service", "default", "nginx")


@pytest.mark.parametrize(
    ("conditions", "metadata", "message"),
    [
        ([], {}, "has no condition TailscaleProxyReady"),
        ([condition("TailscaleProxyReady", "False")], {}, "is not true (Because: it is so)"),
        (
            [condition("TailscaleProxyReady", "False", reason="", message="")],
            {},
            "is not true (no reason is given)",
        ),
        (
            [condition("TailscaleProxyReady", observedGeneration=1)],
            {"generation": 2},
            "is about an older version of it",
        ),
    ],
)
def test_a_condition_that_does_not_hold(
    conditions: list[dict[str, Any]], metadata: dict[str, Any], message: str
) -> None:
    check = only(with_status(NGINX, {"conditions": conditions}, metadata=metadata))
    assert message in check.message
    assert check.mend == "Its events say more: kubectl --context blue describe service nginx -n default."


def test_an_egress_that_leads_nowhere() -> None:
    done = {"conditions": [condition("TailscaleProxyReady")]}
    check = only(with_status(("Service", "default", "legacy"), done, spec={"externalName": "placeholder"}))
    assert check.aspect == "resolution"
    assert "leads nowhere yet" in check.message


WEB = ("Ingress", "default", "www")


@pytest.mark.parametrize(
    ("addresses", "aspect", "message"),
    [
        ([], "name", "has no name in the tailnet yet"),
        ([{"hostname": ""}], "name", "has no name in the tailnet yet"),
        (
            [{"hostname": "web-1.tail1a2b.ts.net", "ports": [{"port": 443}]}],
            "name",
            "is reached as web-1.tail1a2b.ts.net, and web.tail1a2b.ts.net is declared",
        ),
        (
            [{"hostname": "web.tail1a2b.ts.net.", "ports": [{"port": 80}]}],
            "certificate",
            "has no certificate for web.tail1a2b.ts.net yet",
        ),
    ],
)
def test_an_ingress_that_is_not_reached_by_its_name(addresses: list[Any], aspect: str, message: str) -> None:
    check = only(with_status(WEB, {"loadBalancer": {"ingress": addresses}}))
    assert check.aspect == aspect
    assert message in check.message


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({}, "reached at https://blue-api.tail1a2b.ts.net."),
        ({"url": "https://api.x"}, "but at https://api.x."),
    ],
)
def test_an_api_server_that_is_reached_elsewhere(status: dict[str, Any], message: str) -> None:
    conditions = [condition("ProxyGroupReady"), condition("KubeAPIServerProxyConfigured")]
    check = only(with_status(("ProxyGroup", "", "api"), {"conditions": conditions, **status}))
    assert check.who == "proxy group blue.api"
    assert message in check.message


def without_green() -> Live:
    return replace(DONE, clusters={"blue": DONE.clusters["blue"]})


def with_kinds_unread() -> Live:
    green = DONE.clusters["green"]
    assert isinstance(green, LiveCluster)
    return replace(DONE, clusters={**DONE.clusters, "green": replace(green, unread={"ProxyGroup": SILENT})})


@pytest.mark.parametrize(
    ("live", "aspects"),
    [
        (with_tailnet(DONE, devices=SILENT), {"node"}),
        (with_tailnet(DONE, services=SILENT), {"service"}),
        (with_tailnet(DONE, magic_dns=SILENT), {"MagicDNS"}),
        (with_tailnet(DONE, settings=SILENT), {"certificates"}),
        (with_service(DONE, "svc:queue", hosts=SILENT), {"hosts"}),
        (replace(DONE, clusters={**DONE.clusters, "blue": SILENT}), {"objects"}),
        (without_green(), {"objects"}),
        (with_kinds_unread(), {"object"}),
    ],
)
def test_what_cannot_be_read_is_not_known(live: Live, aspects: set[str]) -> None:
    found = judged(live)
    assert found
    assert {check.outcome for check in found} == {Outcome.UNKNOWN}
    assert {check.aspect for check in found} == aspects
    assert all("It cannot be told: " in check.message for check in found)


def test_a_stack_is_asked_for_what_it_holds() -> None:
    of_green = verify(TAILNET_OF_TEST, DONE, Scope.of(TAILNET_OF_TEST, [of_cluster("green")]))
    assert {check.who for check in of_green} == {
        *("operator green", "proxy group green.in", "service svc:queue", "exposure green.queue"),
    }
    of_tailnet = verify(TAILNET_OF_TEST, DONE, Scope.of(TAILNET_OF_TEST, [TAILNET]))
    assert {check.who.partition(" ")[0] for check in of_tailnet} == {"tailnet", "machine", "service"}


def test_hosts_are_asked_for_of_services_alone_that_belong_to_the_scope() -> None:
    assert hosted_services(TAILNET_OF_TEST, Scope.of(TAILNET_OF_TEST, [of_cluster("green")])) == ("svc:queue",)
    every = hosted_services(TAILNET_OF_TEST, Scope.of(TAILNET_OF_TEST))
    assert set(every) == {"svc:ledger", "svc:queue", "svc:blue-ha", "svc:shop", "svc:blue-api"}


def test_objects_of_no_interest_do_not_count() -> None:
    assert judged(with_object(DONE, "blue", LiveObject(kind="Service", body={}))) == []
