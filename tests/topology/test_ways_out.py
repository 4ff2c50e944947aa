"""Egresses to Tailscale Services and to addresses behind connectors, by groups of proxies, and the class that they need."""

from __future__ import annotations

import pytest

from tailstack.topology.custom import ProxyClass
from tailstack.topology.tailnet import Address, Egress, Machine, Tailnet, TailscaleService
from tests.topology.marked import BASE, check_finding, findings_of, resolved, unmarked

VIA = "fd7a:115c:a1e0:b1a:0:1:a2a:0/112"
WORLD = """
machines:
  db: {tags: [tag:db]}
  office: {tags: [tag:office], routes: [10.20.0.0/16]}
  saas: {tags: [tag:saas], appConnector: {domains: [a.com], routes: [198.51.100.0/24]}}
services:
  svc:pay: {ports: [tcp:443, tcp:80], machines: [db], consumers: [red]}
clusters:
  blue:
    kubernetes: {context: blue}
    proxyGroups: {in: {type: ingress}, out: {type: egress}}
    tailnets: {other: {credentialsSecret: s}}
    expose: {ha: {namespace: a, ports: [tcp:80], managedBy: patch, proxyGroup: in}}
    ingress: {ha-web: {namespace: a, backend: {service: s, port: 1}, proxyGroup: in}}
    connectors:
      net: {routes: [10.1.0.0/16, {cidr: 10.42.0.0/16, site: 1}, "2001:db8::/48"]}
      saas: {appConnector: {domains: [b.com], routes: [203.0.113.0/24]}}
      exit: {exitNode: true}
      far: {routes: [10.9.0.0/16], tailnet: other}
"""
RED = "clusters:\n  red:\n    kubernetes: {context: red}\n"


def world(red: str) -> Tailnet:
    return resolved(WORLD, red=f"{RED}{red}")


def egress(keys: str, more: str = "") -> Egress:
    (found,) = world(f"    egress: {{it: {{namespace: a, {keys}}}}}\n{more}").egresses
    return found


def test_to_a_tailscale_service() -> None:
    found = egress("to: {service: svc:pay}")
    assert isinstance(found.target, TailscaleService)
    assert (found.target.name, [str(port) for port in found.ports]) == ("svc:pay", ["tcp:443", "tcp:80"])
    assert [str(port) for port in egress("to: {service: svc:pay}, ports: [tcp:80]").ports] == ["tcp:80"]
    assert egress("to: {fqdn: pay.tail1a2b.ts.net}").target == found.target
    assert found.proxy_class == "tailstack-accept-routes"


@pytest.mark.parametrize(
    ("ip", "through", "address"),
    [
        ("10.1.2.3", "blue.net", Address(ip="10.1.2.3", route="10.1.0.0/16")),
        ("10.42.3.4", "blue.net", Address(ip="fd7a:115c:a1e0:b1a:0:1:a2a:304", route=VIA)),
        ("fd7a:115c:a1e0:b1a:0:1:a2a:304", "blue.net", Address(ip="fd7a:115c:a1e0:b1a:0:1:a2a:304", route=VIA)),
        ("'2001:DB8:0::1'", "blue.net", Address(ip="2001:db8::1", route="2001:db8::/48")),
        ("203.0.113.7", "blue.saas", Address(ip="203.0.113.7", route="203.0.113.0/24")),
        ("10.20.3.4", "office", Address(ip="10.20.3.4", route="10.20.0.0/16")),
        ("198.51.100.7", "saas", Address(ip="198.51.100.7", route="198.51.100.0/24")),
    ],
)
def test_to_an_address_behind_something(ip: str, through: str, address: Address) -> None:
    found = egress(f"to: {{ip: {ip}, through: {through}}}, ports: [tcp:5432]")
    assert (found.target, found.proxy_class) == (address, "tailstack-accept-routes")


def test_by_a_group_of_proxies() -> None:
    tailnet = world(
        "    operator: {defaultProxyClass: standard}\n"
        "    proxyClasses: {standard: {}, mine: {}}\n"
        "    proxyGroups: {out: {type: egress}, own: {type: egress, tags: [tag:own], proxyClass: mine}}\n"
        "    egress:\n"
        "      a: {namespace: a, to: {machine: db}, ports: [tcp:1], proxyGroup: own, formerly: [old]}\n"
        "      b: {namespace: a, to: {machine: db}, ports: [tcp:1], proxyGroup: out}\n"
        "      c: {namespace: a, to: {machine: db}, ports: [tcp:1]}\n"
        "      d: {namespace: a, to: {machine: db}, ports: [tcp:1], proxyClass: mine}\n"
    )
    a, b, c, d = tailnet.egresses
    assert isinstance(a.target, Machine)
    assert (a.tags, a.proxy_group, a.proxy_class, a.hostname) == (("tag:own",), "own", None, "red-old")
    assert (b.tags, b.proxy_class) == (("tag:k8s-red--out",), None)
    assert (c.tags, c.proxy_group, c.proxy_class) == (("tag:k8s-red--c",), None, "standard")
    assert d.proxy_class == "mine"


ACCEPTING = [
    ("to: {service: svc:pay}", True),
    ("to: {exposure: blue.ha}", True),
    ("to: {ingress: blue.ha-web}", True),
    ("to: {ip: 10.1.2.3, through: blue.net}, ports: [tcp:1]", True),
    ("to: {ip: 100.64.0.1}, ports: [tcp:1]", False),
    ("to: {machine: db}, ports: [tcp:1]", False),
    ("to: {fqdn: other.tail1a2b.ts.net}, ports: [tcp:1]", False),
]


@pytest.mark.parametrize(("keys", "needs"), ACCEPTING, ids=[keys for keys, _ in ACCEPTING])
def test_which_proxies_need_to_accept_routes(keys: str, needs: bool) -> None:
    tailnet = world(f"    egress: {{it: {{namespace: a, {keys}}}}}\n")
    red = tailnet.clusters[1]
    (found,) = red.egresses
    assert found.proxy_class == ("tailstack-accept-routes" if needs else None)
    assert red.custom.proxy_classes == (
        (
            ProxyClass(
                cluster="red", name="tailstack-accept-routes", accept_routes=True, is_derived=True, place=found.place
            ),
        )
        if needs
        else ()
    )


def test_a_group_gets_the_class_and_one_class_is_enough() -> None:
    tailnet = world(
        "    proxyGroups: {out: {type: egress}, own: {type: egress, proxyClass: mine}, idle: {type: egress}}\n"
        "    proxyClasses: {mine: {acceptRoutes: true}}\n"
        "    egress:\n"
        "      a: {namespace: a, to: {service: svc:pay}, proxyGroup: out}\n"
        "      b: {namespace: a, to: {service: svc:pay}, proxyGroup: own}\n"
        "      c: {namespace: a, to: {service: svc:pay}}\n"
        "      d: {namespace: a, to: {service: svc:pay}, proxyClass: mine}\n"
        "      e: {namespace: a, to: {machine: db}, ports: [tcp:1], proxyGroup: idle}\n"
    )
    red = tailnet.clusters[1]
    assert {group.name: group.proxy_class for group in red.custom.proxy_groups} == {
        "out": "tailstack-accept-routes",
        "own": "mine",
        "idle": None,
    }
    assert [each.proxy_class for each in red.egresses] == [None, None, "tailstack-accept-routes", "mine", None]
    assert [(each.name, each.is_derived) for each in red.custom.proxy_classes] == [
        ("mine", False),
        ("tailstack-accept-routes", True),
    ]
    assert tailnet.clusters[0].custom.proxy_classes == ()


def test_the_class_is_as_the_default_one() -> None:
    tailnet = world(
        "    operator: {defaultProxyClass: standard}\n"
        "    proxyClasses: {standard: {metrics: {}, staticEndpoints: {ports: [{port: 30000}], selector: {a: b}}}}\n"
        "    egress: {a: {namespace: a, to: {service: svc:pay}}}\n"
    )
    standard, derived = tailnet.clusters[1].custom.proxy_classes
    assert (derived.name, derived.accept_routes, derived.is_derived) == ("tailstack-accept-routes", True, True)
    assert (standard.has_metrics, derived.has_metrics) == (True, True)
    assert (derived.node_ports, derived.node_port_selector) == ((), ())
    assert standard.accept_routes is False


def test_a_default_class_that_accepts_routes_is_enough() -> None:
    tailnet = world(
        "    operator: {defaultProxyClass: standard}\n"
        "    proxyClasses: {standard: {acceptRoutes: true}}\n"
        "    egress: {a: {namespace: a, to: {service: svc:pay}}}\n"
    )
    assert [each.name for each in tailnet.clusters[1].custom.proxy_classes] == ["standard"]
    assert tailnet.egresses[0].proxy_class == "standard"


GROUPS = """\
    proxyGroups: {in: {type: ingress}, out: {type: egress}, far: {type: egress, tailnet: x}}
    tailnets: {x: {credentialsSecret: s}}
    proxyClasses: {c: {}}
"""
MISTAKES = [
    ("unknown-reference", "to: {service: §svc:play}", ('no Tailscale Service called "svc:play"', "mean svc:pay?")),
    ("port-not-offered", "to: {service: svc:pay}, ports: [§tcp:22]", ("svc:pay does not offer tcp:22",)),
    ("one-of", "to: §{service: svc:pay, machine: db}", ("service and machine",)),
    ("key-does-not-fit", "to: {machine: db, §through: blue.net}, ports: [tcp:1]", ("it is for an address",)),
    ("one-of", "to: §{through: blue.net}, ports: [tcp:1]", ("says nothing",)),
    ("foreign-address", "to: {ip: §10.1.2.3}, ports: [tcp:1]", ("with `through`",)),
    ("foreign-address", "to: {ip: §ten}, ports: [tcp:1]", ('"ten" is not the Tailscale IP address',)),
    ("unknown-reference", "to: {ip: 10.1.2.3, through: §blue.nett}, ports: [tcp:1]", ('router called "blue.nett"', "mean blue.net?")),
    ("unknown-reference", "to: {ip: 10.1.2.3, through: §blue.exit}, ports: [tcp:1]", ("declared without `routes:`", "blue.net, blue.saas, office, saas")),
    ("unknown-reference", "to: {ip: 10.9.2.3, through: §blue.far}, ports: [tcp:1]", ("blue.far",)),
    ("unknown-reference", "to: {ip: 10.1.2.3, through: §db}, ports: [tcp:1]", ("db is declared without `routes:`",)),
    ("unknown-reference", "to: {machine: db}, ports: [tcp:1], proxyGroup: §outt", ('no egress group called "outt"', "one of out", "mean out?")),
    ("unknown-reference", "to: {machine: db}, ports: [tcp:1], proxyGroup: §in", ("in is of type ingress",)),
    ("unknown-reference", "to: {machine: db}, ports: [tcp:1], proxyGroup: §far", ("far belongs to the tailnet x",)),
    ("wrong-port", "to: {machine: db}, ports: [tcp:1, §tcp:2-3], proxyGroup: out", ("cannot have the port tcp:2-3",)),
    ("key-does-not-fit", "to: {machine: db}, ports: [tcp:1], proxyGroup: out, §proxyClass: c", ("those of the group",)),
    ("key-does-not-fit", "to: {machine: db}, ports: [tcp:1], proxyGroup: out, §hostname: c", ("the nodes of the group",)),
    ("key-does-not-fit", "to: {machine: db}, ports: [tcp:1], proxyGroup: out, §tags: [tag:a]", ("the nodes of the group",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "keys", "words"), MISTAKES, ids=[keys for _, keys, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, keys: str, words: tuple[str, ...]) -> None:
    red = f"{RED}{GROUPS}    egress: {{it: {{namespace: a, {keys}}}}}\n"
    check_finding({**BASE, "world.yaml": WORLD, "red.yaml": red}, slug, *words)


@pytest.mark.parametrize("ip", ["10.2.0.1", "ten", "10.9.0.1", "'2001:db8:1::'"])
def test_an_address_to_which_nothing_leads(ip: str) -> None:
    main = WORLD.replace("      net:", "      ②net:")
    red = f"{RED}    egress: {{it: {{namespace: a, to: {{ip: §{ip}, through: blue.net}}, ports: [tcp:1]}}}}\n"
    words = ("blue.net does not lead to", "10.1.0.0/16")
    check_finding({**BASE, "world.yaml": main, "red.yaml": red}, "foreign-address", *words)


def test_a_group_needs_single_ports_of_its_target_too() -> None:
    many = WORLD.replace("ports: [tcp:80], managedBy", "ports: [tcp:80-90], managedBy")
    egress = "    egress: {it: §{namespace: a, to: {exposure: blue.ha}, proxyGroup: out}}\n"
    check_finding(
        {**BASE, "world.yaml": many, "red.yaml": f"{RED}{GROUPS}{egress}"}, "wrong-port", "tcp:80-90", "Add `ports:`"
    )
    one = egress.replace("§", "").replace("proxyGroup", "ports: [tcp:81], proxyGroup")
    assert findings_of(unmarked({**BASE, "world.yaml": many, "red.yaml": f"{RED}{GROUPS}{one}"})[0]) == ()


def test_a_service_for_some_clusters_only() -> None:
    world = WORLD.replace("consumers", "②consumers").replace("[red]", "[blue]")
    red = f"{RED}    egress: {{it: {{namespace: a, to: §{{service: svc:pay}}}}}}\n"
    check_finding(
        {**BASE, "world.yaml": world, "red.yaml": red}, "not-a-consumer", "svc:pay may be linked to from blue"
    )


@pytest.mark.parametrize(
    "broken",
    [
        "    proxyGroups: {out: {type: nothing}}\n    egress: {it: {namespace: a, to: {machine: db}, ports: [tcp:1], proxyGroup: out}}\n",
        "    connectors: {net: {routes: maybe}}\n    egress: {it: {namespace: a, to: {ip: 10.1.1.1, through: red.net}, ports: [tcp:1]}}\n",
        "services: {svc:new: {ports: [80], machines: [db]}}\nX    egress: {it: {namespace: a, to: {service: svc:new}}}\n",
        "services: {svc:new: {ports: [tcp:70000], machines: [db]}}\nX    egress: {it: {namespace: a, to: {service: svc:new}}}\n",
        "machines: {new: {routes: [10.0.0.0/8]}}\nX    egress: {it: {namespace: a, to: {ip: 10.1.1.1, through: new}, ports: [tcp:1]}}\n",
    ],
)
def test_what_has_a_mistake_is_not_missing_elsewhere(broken: str) -> None:
    before, _, after = broken.rpartition("X") if "X" in broken else ("", "", broken)
    texts, _ = unmarked({**BASE, "world.yaml": WORLD, "red.yaml": f"{before}{RED}{after}"})
    assert len(findings_of(texts)) == 1
