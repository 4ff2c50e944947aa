"""Tailscale Services, groups and routes go by the names that people wrote, in questions and in differences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailstack.access.compare import compare
from tailstack.access.compile import compile_policy
from tailstack.access.explain import explain
from tailstack.access.inventory import Inventory, Node
from tailstack.access.listing import who_reaches
from tailstack.access.parties import Directory, PartyError, PartyKind, Role, directory_of_tailnet
from tailstack.access.sentences import sentence
from tailstack.report.answers import explanation_answer
from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.tailnet import HTTPS, DestinationKind, Tailnet
from tests.access import declared as d

API = d.group("blue.api", ProxyGroupKind.KUBE_API_SERVER)
BOTH = d.group("green.api", ProxyGroupKind.KUBE_API_SERVER)
THERE = d.group("blue.there", ProxyGroupKind.KUBE_API_SERVER, tailnet="other")
IN = d.group("blue.in")
WEB = d.ingress("blue.web", proxy_group="in")
LEDGER_HOST = d.machine("db", routes=("10.0.0.0/8",))
LEDGER = d.service(name="svc:ledger", machines=(LEDGER_HOST,))
OFFICE = d.connector("blue.office", "10.0.0.0/8")
ELSEWHERE = d.connector("blue.elsewhere", "10.9.0.0/16", tailnet="other")
RELAY = d.relay("blue.relay")
DEV = d.access(
    "dev",
    "group:dev",
    d.destination(DestinationKind.INGRESS, "blue.web", "svc:blue-web", ports=(HTTPS,)),
    d.destination(DestinationKind.SERVICE, "svc:ledger", "svc:ledger", ports=LEDGER.ports),
    d.destination(DestinationKind.CONNECTOR, "blue.office", "10.0.0.0/8", via=OFFICE.tags),
    d.destination(DestinationKind.PEER_RELAY, "blue.relay", *RELAY.tags, ports=(HTTPS,)),
    d.to_api_server("blue", API),
    d.to_api_server("green", BOTH),
    d.to_api_server("green"),
    kubernetes=d.rights("readers"),
)


def tailnet(*, is_granted: bool = True) -> Tailnet:
    blue = d.cluster(
        "blue",
        proxy_groups=(IN, API, THERE),
        ingresses=(WEB,),
        connectors=(OFFICE, ELSEWHERE),
        peer_relays=(RELAY,),
    )
    green = d.cluster("green", d.AUTH, proxy_groups=(BOTH,))
    return d.tailnet(blue, green, services=(LEDGER,), machines=(LEDGER_HOST,), access=(DEV,) if is_granted else ())


def directory() -> Directory:
    declared = tailnet()
    return directory_of_tailnet(declared, compile_policy(declared))


@pytest.mark.parametrize(
    ("target", "answer", "kind"),
    [
        ("blue.web", "group:dev reaches ingress blue.web (svc:blue-web) on tcp:443.", PartyKind.SERVICE),
        ("ingress:blue.web", "group:dev reaches ingress blue.web (svc:blue-web) on tcp:443.", PartyKind.SERVICE),
        ("Blue-web", "group:dev reaches ingress blue.web (svc:blue-web) on tcp:443.", PartyKind.SERVICE),
        (f"blue-web.{d.DOMAIN}", "group:dev reaches ingress blue.web (svc:blue-web) on tcp:443.", PartyKind.SERVICE),
        ("svc:ledger", "group:dev reaches service svc:ledger on tcp:5432.", PartyKind.SERVICE),
        ("blue.api", "group:dev reaches API server blue.api (svc:blue-api) on tcp:443.", PartyKind.API_SERVER),
        ("blue", "group:dev reaches API server blue.api (svc:blue-api) on tcp:443.", PartyKind.API_SERVER),
        ("apiServer:blue", "group:dev reaches API server blue.api (svc:blue-api) on tcp:443.", PartyKind.API_SERVER),
        ("green", "group:dev reaches the API server of green on tcp:443.", PartyKind.API_SERVER),
        ("blue.office", "group:dev does not reach connector blue.office on any port.", PartyKind.NODE),
        ("blue.in", "group:dev does not reach proxy group blue.in on any port.", PartyKind.NODE),
    ],
)
def test_what_is_asked_for_by_name(target: str, answer: str, kind: PartyKind) -> None:
    known = directory()
    found = explain(known, known.find("group:dev", Role.SOURCE), known.find(target, Role.TARGET))
    assert (explanation_answer(found), found.target.kind) == (answer, kind)
    assert [way.is_dead for way in found.capabilities] == [False] * len(found.capabilities)


@pytest.mark.parametrize(
    ("target", "end"), [("svc:blue-web", "{ingress: blue.web}"), ("svc:ledger", "{service: svc:ledger}")]
)
def test_the_declaration_that_would_open_it_names_what_is_declared(target: str, end: str) -> None:
    known = directory()
    found = explain(known, known.find("group:ops", Role.SOURCE), known.find(target, Role.TARGET))
    assert found.suggestion is not None
    assert found.suggestion.text.splitlines()[2:] == [f"  to: [{end}]"]


def test_as_a_source_a_name_means_the_nodes_behind_it() -> None:
    known = directory()
    assert known.find("blue.api", Role.SOURCE).name == "proxy group blue.api"
    with pytest.raises(PartyError, match=r"ingress blue\.web \(svc:blue-web\) opens no connections"):
        known.find("blue.web", Role.SOURCE)


def test_a_host_does_not_come_to_its_own_service() -> None:
    known = directory()
    found = explain(known, known.find("db", Role.SOURCE), known.find("svc:ledger", Role.TARGET))
    assert explanation_answer(found) == "machine db does not reach service svc:ledger on tcp:5432."


def test_the_rights_at_the_nodes_of_an_api_server_are_of_use_by_its_service() -> None:
    known = directory()
    target = known.find(f"{API.hostnames[1]}.{d.DOMAIN}", Role.TARGET)
    found = explain(known, known.find("group:dev", Role.SOURCE), target)
    assert [(way.groups, way.is_dead) for way in found.capabilities] == [(("readers",), False)]
    lines = who_reaches(known, target).lines
    assert [line.dead for line in lines] == [()]
    relay = known.find("blue.relay", Role.TARGET)
    assert [line.dead for line in who_reaches(known, relay).lines] == [()]


def said(old: Tailnet | None, new: Tailnet) -> list[str]:
    found = compare((old, compile_policy(old)) if old is not None else None, (new, compile_policy(new)))
    return [sentence(change, found.vocabulary) for change in found.difference.changes]


def test_a_difference_speaks_of_services_and_routes() -> None:
    changes = said(tailnet(is_granted=False), tailnet())
    assert (
        "group:dev may now act in Kubernetes as readers through proxy group blue.api, proxy group green.api and the "
        "operator of green." in changes
    )
    assert (
        "group:dev gains tcp:443 to API server blue.api, ingress blue.web, API server green.api and the operator of "
        "green." in changes
    )
    assert "group:dev gains tcp:5432 to service svc:ledger." in changes
    assert (
        "group:dev gains every port to route 10.0.0.0/8 of connector blue.office and machine db, by way of connector "
        "blue.office." in changes
    )
    assert "group:dev gains the capability tailscale.com/cap/relay at peer relay blue.relay." in changes


def test_rights_without_a_way_to_the_service_are_of_no_use() -> None:
    """The same by hand, and without the network to the Service."""
    base = """{"grants": [{"src": ["group:dev"], "dst": ["tag:k8s-blue--api"],
        "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["readers"]}}]}}]}"""
    alone = replace(tailnet(is_granted=False), derive_tests=False)
    by_hand = replace(alone, base_policy=d.tailnet(base=base).base_policy)
    (change,) = said(alone, by_hand)
    assert change == (
        "group:dev may now act in Kubernetes as readers through proxy group blue.api, which is of no use: no entry opens "
        "tcp:443."
    )
    known = directory_of_tailnet(by_hand, compile_policy(by_hand))
    found = explain(known, known.find("group:dev", Role.SOURCE), known.find("blue.api", Role.TARGET))
    assert [way.is_dead for way in found.capabilities] == [True]


def test_a_declared_machine_and_a_live_one_of_another_name_share_a_label() -> None:
    declared = tailnet()
    inventory = Inventory(nodes=(Node(name="db.elsewhere.ts.net", tags=("tag:db",)),))
    known = directory_of_tailnet(declared, compile_policy(declared), inventory)
    with pytest.raises(PartyError, match=r"db is the name of several things\. Say which: machine:db, db\.elsewhere"):
        known.find("db", Role.TARGET)
