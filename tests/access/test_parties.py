"""Who is meant by a name, in a policy file alone and in an environment."""

from __future__ import annotations

import pytest

from tailstack.access.compile import compile_policy
from tailstack.access.facts import read_facts
from tailstack.access.inventory import NOTHING_KNOWN, Inventory
from tailstack.access.parties import (
    Directory,
    Party,
    PartyError,
    PartyKind,
    Role,
    directory_of_policy,
    directory_of_tailnet,
)
from tailstack.finding import Place
from tests.access.asking import INVENTORY
from tests.access.policies import grant, policy
from tests.rules.environments import tailnet_of

TEXT = """
groups:
  group:synced@example.com: {synced: true}
  group:ops: [ana@example.com]
machines:
  ci: {tags: [tag:ci]}
  blue: {tags: [tag:box], hostname: box}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
    ingress:
      page: {namespace: default, backend: {service: nginx, port: 80}, funnel: true}
    egress:
      out: {namespace: default, to: {ip: 100.64.0.1}, ports: [tcp:1]}
  green:
    kubernetes: {context: green}
access:
  - {name: ops use nginx, from: [group:ops], to: [{exposure: blue.nginx}]}
"""
BASE = '{"hosts": {"ci": "10.0.0.1", "db": "10.0.0.2"}, "grants": [{"src": ["tag:ci"], "dst": ["*"], "ip": ["1"]}]}'


def environment(inventory: Inventory = NOTHING_KNOWN) -> Directory:
    tailnet = tailnet_of(TEXT, base=BASE)
    return directory_of_tailnet(tailnet, compile_policy(tailnet), inventory)


def plain() -> Directory:
    return directory_of_policy(
        policy(
            grants=[grant("tag:named", "svc:named", "*")],
            tagOwners={"tag:web": []},
            groups={"group:dev": ["ana@example.com"]},
            hosts={"printer": "10.0.0.9", "web1": "10.0.0.8", "server": "100.64.0.3"},
            ipsets={"ipset:lab": ["10.0.3.0/24"]},
        ),
        INVENTORY,
    )


@pytest.mark.parametrize(
    ("name", "role", "kind", "called"),
    [
        ("blue.nginx", Role.TARGET, PartyKind.EXPOSURE, "exposure blue.nginx"),
        ("exposure:blue.nginx", Role.TARGET, PartyKind.EXPOSURE, "exposure blue.nginx"),
        ("blue-nginx", Role.TARGET, PartyKind.EXPOSURE, "exposure blue.nginx"),
        ("Blue-Nginx.tail1a2b.ts.net.", Role.TARGET, PartyKind.EXPOSURE, "exposure blue.nginx"),
        ("ingress:blue.page", Role.TARGET, PartyKind.INGRESS, "ingress blue.page"),
        ("blue.out", Role.SOURCE, PartyKind.EGRESS, "egress blue.out"),
        ("blue.out", Role.TARGET, PartyKind.EGRESS, "egress blue.out"),
        ("box", Role.SOURCE, PartyKind.MACHINE, "machine blue"),
        ("machine:ci", Role.TARGET, PartyKind.MACHINE, "machine ci"),
        ("host:ci", Role.TARGET, PartyKind.SELECTOR, "ci"),
        ("db", Role.TARGET, PartyKind.SELECTOR, "db"),
        ("green", Role.TARGET, PartyKind.API_SERVER, "the API server of green"),
        ("green", Role.SOURCE, PartyKind.OPERATOR, "operator green"),
        ("apiServer:blue", Role.TARGET, PartyKind.API_SERVER, "the API server of blue"),
        ("operator:blue", Role.TARGET, PartyKind.OPERATOR, "operator blue"),
        ("blue-operator", Role.TARGET, PartyKind.API_SERVER, "the API server of blue"),
        ("group:ops", Role.SOURCE, PartyKind.SELECTOR, "group:ops"),
        ("group:synced@example.com", Role.SOURCE, PartyKind.SELECTOR, "group:synced@example.com"),
        ("tag:box", Role.SOURCE, PartyKind.SELECTOR, "tag:box"),
        ("svc:any", Role.TARGET, PartyKind.SERVICE, "svc:any"),
    ],
)
def test_in_an_environment(name: str, role: Role, kind: PartyKind, called: str) -> None:
    party = environment().find(name, role)
    assert (party.kind, party.name) == (kind, called)


@pytest.mark.parametrize(
    ("name", "role", "kind", "called", "nodes"),
    [
        ("tag:web", Role.TARGET, PartyKind.SELECTOR, "tag:web", 3),
        ("tag:db", Role.TARGET, PartyKind.SELECTOR, "tag:db", 1),
        ("tag:named", Role.SOURCE, PartyKind.SELECTOR, "tag:named", 0),
        ("ana@example.com", Role.SOURCE, PartyKind.SELECTOR, "ana@example.com", 2),
        ("autogroup:member", Role.SOURCE, PartyKind.SELECTOR, "autogroup:member", 3),
        ("group:other@example.com", Role.SOURCE, PartyKind.SELECTOR, "group:other@example.com", 0),
        ("*", Role.SOURCE, PartyKind.SELECTOR, "everyone (*)", 8),
        ("db", Role.SOURCE, PartyKind.NODE, "db.t.ts.net", 1),
        ("DB.t.ts.net", Role.SOURCE, PartyKind.NODE, "db.t.ts.net", 1),
        ("printer", Role.TARGET, PartyKind.SELECTOR, "printer", 0),
        ("server", Role.TARGET, PartyKind.SELECTOR, "server (web1.t.ts.net)", 1),
        ("ipset:lab", Role.TARGET, PartyKind.SELECTOR, "ipset:lab", 0),
        ("svc:pay", Role.TARGET, PartyKind.SERVICE, "svc:pay", 1),
        ("svc:named", Role.TARGET, PartyKind.SERVICE, "svc:named", 0),
        ("100.64.0.3", Role.SOURCE, PartyKind.ADDRESS, "100.64.0.3 (web1.t.ts.net)", 1),
        ("100.64.0.0/29", Role.TARGET, PartyKind.ADDRESS, "100.64.0.0/29", 7),
        ("[fd00::1]", Role.TARGET, PartyKind.ADDRESS, "fd00::1", 0),
        (" user:*@example.com ", Role.SOURCE, PartyKind.SELECTOR, "user:*@example.com", 3),
    ],
)
def test_in_a_policy_file(name: str, role: Role, kind: PartyKind, called: str, nodes: int) -> None:
    party = plain().find(name, role)
    assert (party.kind, party.name, len(party.nodes)) == (kind, called, nodes)


@pytest.mark.parametrize(
    ("name", "role", "message"),
    [
        ("blue", Role.TARGET, "blue is the name of several things. Say which: apiServer:blue, machine:blue."),
        ("ci", Role.TARGET, "ci is the name of several things. Say which: machine:ci, host:ci."),
        ("blue.ngin", Role.TARGET, "Nothing is called blue.ngin. Did you mean blue.nginx?"),
        ("qqq", Role.TARGET, "Nothing is called qqq."),
        ("group:op", Role.TARGET, "Nothing is called group:op. Did you mean group:ops?"),
        ("tag:boxx", Role.TARGET, "Nothing is called tag:boxx. Did you mean tag:box?"),
        ("autogroup:membr", Role.SOURCE, "Nothing is called autogroup:membr. Did you mean autogroup:member?"),
        ("ipset:x", Role.TARGET, "Nothing is called ipset:x."),
        ("blue.nginx", Role.SOURCE, "exposure blue.nginx opens no connections; ask who reaches it with --to blue.nginx."),
        ("apiServer:blue", Role.SOURCE, "the API server of blue opens no connections; ask who reaches it with --to apiServer:blue."),
        ("svc:x", Role.SOURCE, "svc:x opens no connections; ask who reaches it with --to svc:x."),
        ("autogroup:internet", Role.SOURCE, "autogroup:internet cannot be the source of a connection."),
        ("autogroup:shared", Role.TARGET, "autogroup:shared cannot be the target of a connection."),
    ],
)  # fmt: skip
def test_what_is_not_known_or_does_not_fit(name: str, role: Role, message: str) -> None:
    with pytest.raises(PartyError) as raised:
        environment().find(name, role)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("web1", "web1 is the name of several things. Say which: web1.t.ts.net, host:web1."),
        ("svc:payy", "Nothing is called svc:payy. Did you mean svc:pay?"),
        ("tag:offic", "Nothing is called tag:offic. Did you mean tag:office?"),
    ],
)
def test_the_same_of_a_policy_file(name: str, message: str) -> None:
    with pytest.raises(PartyError) as raised:
        plain().find(name, Role.TARGET)
    assert str(raised.value) == message


def test_what_is_live_counts_and_a_tag_that_differs_is_told() -> None:
    live = """{"devices": [
      {"name": "blue-nginx.tail1a2b.ts.net", "tags": ["tag:old"], "addresses": ["100.64.0.9"]},
      {"name": "ci.tail1a2b.ts.net", "tags": ["tag:ci"], "addresses": ["100.64.0.8"]},
      {"name": "bare.tail1a2b.ts.net", "addresses": ["100.64.0.7"]}]}"""
    directory = environment(read_facts(live, file="n").inventory)
    nginx = directory.find("blue.nginx", Role.TARGET)
    assert nginx.notes == ("exposure blue.nginx wears tag:old, and not tag:k8s-blue--nginx as declared",)
    assert directory.find("machine:ci", Role.TARGET).notes == ()
    assert directory.find("100.64.0.9", Role.TARGET).name == "100.64.0.9 (exposure blue.nginx)"
    bare = directory.find("bare", Role.SOURCE)
    assert (bare.kind, bare.place) == (PartyKind.NODE, Place("n", 4, 7))


def test_what_a_target_offers() -> None:
    def offers(name: str) -> tuple[str, bool]:
        party: Party = environment().find(name, Role.TARGET)
        return str(party.offers), party.is_public

    assert offers("blue.nginx") == ("tcp:80", False)
    assert offers("blue.page") == ("tcp:443", True)
    assert offers("apiServer:blue") == ("tcp:443", False)
    assert offers("operator:green") == ("None", False)
    assert str(plain().find("svc:pay", Role.TARGET).offers) == "tcp:443"


def test_causes_name_the_declaration_and_where_it_stands() -> None:
    directory = environment()
    said = [str(directory.cause(entry.place)) for entry in directory.access.entries]
    assert said == [
        "stacks/test/base.hujson:1:60",
        "access: ops use nginx (stacks/test/main.yaml:21:5)",
        "link: blue.out -> 100.64.0.1 (stacks/test/main.yaml:17:7)",
    ]
    alone = plain()
    assert str(alone.cause(alone.access.entries[0].place)) == "p.hujson:1:13"
