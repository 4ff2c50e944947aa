"""What access entries lead to, beyond exposures and ingresses."""

from __future__ import annotations

import pytest

from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Access, Destination, DestinationKind, Tailnet
from tests.topology.marked import BASE, check_finding, findings_of, resolved, unmarked

WORLD = """
machines:
  db: {tags: [tag:db]}
  bastion: {tags: [tag:bastion, tag:old], routes: [10.20.0.0/16], exitNode: true}
  saas: {tags: [tag:saas], appConnector: {domains: [a.com]}}
services:
  svc:pay: {ports: [tcp:443], proxyGroup: in, backends: {blue: pay/payments}}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: noauth}}
    labels: {env: prod}
    proxyGroups: {in: {type: ingress}, api: {type: kube-apiserver}, afar: {type: kube-apiserver, tailnet: other}}
    tailnets: {other: {credentialsSecret: s}}
    expose: {ha: {namespace: a, ports: [tcp:80], managedBy: patch, proxyGroup: in}}
    ingress: {web: {namespace: a, backend: {service: s, port: 1}, proxyGroup: in, http: serve, hostname: shop}}
    connectors:
      net: {routes: [10.20.0.0/16, {cidr: 10.42.0.0/16, site: 1}]}
      saas: {appConnector: {domains: [b.com], routes: [203.0.113.0/24]}}
      exit: {exitNode: true}
      far: {routes: [10.9.0.0/16], tailnet: other}
    recorders: {audit: {enableUI: true}, quiet: {s3: {endpoint: e, bucket: b}}, distant: {enableUI: true, tailnet: other}}
    peerRelays: {relay: {}}
  green:
    kubernetes: {context: green}
    labels: {env: prod}
    proxyGroups: {api: {type: kube-apiserver, kubeAPIServer: {mode: noauth}}}
  grey: {kubernetes: {context: grey}, operator: {apiServerProxy: {mode: auth}}}
"""
VIA = "fd7a:115c:a1e0:b1a:0:1:a2a:0/112"


def entry(to: str, more: str = "") -> Access:
    (found,) = resolved(WORLD, access=f"access: [{{name: a, from: [group:a], to: [{to}]{more}}}]").access
    return found


def short(destination: Destination) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Reference, selectors, the ways there and ports."""
    ports = tuple(map(str, destination.ports))
    return destination.reference, destination.selectors, destination.via, ports


@pytest.mark.parametrize(
    ("to", "kind", "expected"),
    [
        ("{service: svc:pay}", DestinationKind.SERVICE, [("svc:pay", ("svc:pay",), (), ("tcp:443",))]),
        ("{exposure: blue.ha}", DestinationKind.EXPOSURE, [("blue.ha", ("svc:blue-ha",), (), ("tcp:80",))]),
        ("{ingress: blue.web}", DestinationKind.INGRESS, [("blue.web", ("svc:shop",), (), ("tcp:443", "tcp:80"))]),
        (
            "{recorder: blue.audit}",
            DestinationKind.RECORDER,
            [("blue.audit", ("tag:k8s-blue--audit",), (), ("tcp:443",))],
        ),
        ("{peerRelay: blue.relay}", DestinationKind.PEER_RELAY, [("blue.relay", ("tag:k8s-blue--relay",), (), ())]),
        (
            "{exitNode: blue.exit}",
            DestinationKind.EXIT_NODE,
            [("blue.exit", ("autogroup:internet",), ("tag:k8s-blue--exit",), ("*",))],
        ),
        (
            "{exitNode: bastion}",
            DestinationKind.EXIT_NODE,
            [("bastion", ("autogroup:internet",), ("tag:bastion", "tag:old"), ("*",))],
        ),
        (
            "{appConnector: blue.saas}",
            DestinationKind.APP_CONNECTOR,
            [
                ("blue.saas", ("autogroup:internet",), ("tag:k8s-blue--saas",), ("*",)),
                ("blue.saas", ("tag:k8s-blue--saas",), (), ("tcp:53", "udp:53")),
            ],
        ),
        (
            "{appConnector: saas}",
            DestinationKind.APP_CONNECTOR,
            [
                ("saas", ("autogroup:internet",), ("tag:saas",), ("*",)),
                ("saas", ("tag:saas",), (), ("tcp:53", "udp:53")),
            ],
        ),
    ],
)
def test_what_an_entry_leads_to(to: str, kind: DestinationKind, expected: list[object]) -> None:
    found = entry(to).destinations
    assert [short(destination) for destination in found] == expected
    assert {destination.kind for destination in found} == {kind}


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (
            "{connector: blue.net}",
            [
                ("blue.net", ("10.20.0.0/16",), ("tag:k8s-blue--net",), ("tcp:1",)),
                ("blue.net", (VIA,), ("tag:k8s-blue--net",), ("tcp:1",)),
            ],
        ),
        (
            "{route: 10.20.3.0/24}",
            [("10.20.3.0/24", ("10.20.3.0/24",), ("tag:k8s-blue--net", "tag:bastion", "tag:old"), ("tcp:1",))],
        ),
        (f"{{route: '{VIA}'}}", [(VIA, (VIA,), ("tag:k8s-blue--net",), ("tcp:1",))]),
    ],
)
def test_ranges_have_no_ports_of_their_own(to: str, expected: list[object]) -> None:
    assert [short(destination) for destination in entry(to, ", ports: [tcp:1]").destinations] == expected
    text = f"access: [§{{name: a, from: [group:a], to: [{to}]}}]"
    check_finding({**BASE, "world.yaml": WORLD, "main.yaml": text}, "missing-key", "needs the key ports", "says none")


def test_ports_are_not_about_relays_and_the_dns_of_an_app_connector() -> None:
    found = entry("{peerRelay: blue.relay}, {appConnector: blue.saas}, {exitNode: blue.exit}", ", ports: [tcp:443]")
    assert [tuple(map(str, destination.ports)) for destination in found.destinations] == [
        (),
        ("tcp:443",),
        ("tcp:53", "udp:53"),
        ("tcp:443",),
    ]


def test_every_way_to_an_api_server() -> None:
    blue, green, grey = (entry(f"{{apiServer: {cluster}}}").destinations for cluster in ("blue", "green", "grey"))
    assert [(d.cluster, d.selectors, d.service) for d in blue] == [
        ("blue", ("tag:k8s-op-blue",), None),
        ("blue", ("tag:k8s-blue--api",), "svc:blue-api"),
    ]
    assert [(d.cluster, d.selectors, d.service) for d in green] == [("green", ("tag:k8s-green--api",), "svc:green-api")]
    assert [(d.cluster, d.selectors, d.service) for d in grey] == [("grey", ("tag:k8s-op-grey",), None)]
    chosen = entry("{apiServers: {matchLabels: {env: prod}}}").destinations
    assert [short(destination) for destination in chosen] == [short(destination) for destination in (*blue, *green)]


RIGHTS = ", kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}"


def test_rights_where_one_of_the_proxies_impersonates() -> None:
    """In blue the operator only carries connections, and a group of proxies impersonates."""
    found = entry("{apiServer: blue}", f"{RIGHTS}}}")
    assert found.kubernetes is not None
    assert (found.kubernetes.groups, found.kubernetes.recording) == (("readers",), None)


def test_recording() -> None:
    found = entry("{apiServer: grey}", f"{RIGHTS}, record: {{recorder: blue.quiet, enforce: false, events: true}}}}")
    assert found.kubernetes is not None
    recording = found.kubernetes.recording
    assert recording is not None
    assert (recording.recorder.reference, recording.enforce, recording.events) == ("blue.quiet", False, True)
    by_default = entry("{apiServer: grey}", f"{RIGHTS}, record: {{recorder: blue.audit}}}}").kubernetes
    assert by_default is not None
    assert by_default.recording is not None
    assert (by_default.recording.enforce, by_default.recording.events) == (True, False)


MISTAKES = [
    ("unknown-reference", "{service: §svc:play}", ("Did you mean svc:pay?",)),
    ("unknown-reference", "{exposure: §blue.pay}", ("blue serves svc:pay: write `service: svc:pay`",)),
    ("unknown-reference", "{ingress: §green.pay}", ('no ingress called "green.pay"', "declare the thing")),
    ("unknown-reference", "{exposure: §blue.net}", ("blue.net is a connector: write `connector: blue.net`.",)),
    ("unknown-reference", "{connector: §blue.audit}", ("write `recorder: blue.audit`",)),
    ("unknown-reference", "{recorder: §blue.relay}", ("write `peerRelay: blue.relay`",)),
    ("unknown-reference", "{peerRelay: §blue.relai}", ('no peer relay called "blue.relai"', "mean blue.relay?")),
    ("unknown-reference", "{recorder: §blue.distant}", ("blue.distant",)),
    ("unknown-reference", "{exitNode: §blue.net}", ("blue.net is declared without `exitNode: true`.", "blue.exit, bastion")),
    ("unknown-reference", "{exitNode: §blue.exot}", ("Did you mean blue.exit?",)),
    ("unknown-reference", "{appConnector: §bastion}", ("declared without `appConnector:`", "blue.saas, saas")),
    ("unknown-reference", "{route: §10.21.0.0/24}", ("No declared route holds 10.21.0.0/24.", "10.20.0.0/16")),
    ("unknown-reference", "{route: §10.42.1.0/24}", ("a range of a site: write `connector: blue.net`",)),
    ("unknown-reference", "{route: §10.9.1.0/24}", ("10.9.1.0/24",)),
    ("wrong-route", "{route: §10.20.3.4/24}", ("Write 10.20.3.0/24.",)),
    ("wrong-route", "{route: §10.20.3.4/99}", ("no range of addresses",)),
    ("one-of", "§{route: 10.20.0.0/16, connector: blue.net}", ("route and connector at once",)),
    ("port-not-offered", "{service: svc:pay}|, ports: [§tcp:80]", ("The Tailscale Service svc:pay does not offer tcp:80",)),
    ("port-not-offered", "{apiServer: blue}|, ports: [§tcp:80]", ("The API server of blue does not offer",)),
    ("port-not-offered", "{recorder: blue.audit}|, ports: [§tcp:80]", ("The recorder blue.audit does not offer",)),
    ("key-does-not-fit", "{peerRelay: blue.relay}|, §ports: [tcp:1]", ("a peer relay has no ports",)),
    ("unknown-reference", "{apiServer: grey}|" + f"{RIGHTS}, record: {{recorder: §blue.audi}}}}", ("mean blue.audit?",)),
    ("listed-twice", "②{route: 10.20.0.0/16}, §{route: 10.20.0.0/16}|, ports: [tcp:1]", ("route: 10.20.0.0/16",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "entry", "words"), MISTAKES, ids=[text for _, text, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, entry: str, words: tuple[str, ...]) -> None:
    to, _, more = entry.partition("|")
    needs_ports = "route" in to and not more and slug != "one-of"
    text = f"access: [{{name: a, from: [group:a], to: [{to}]{more or (', ports: [tcp:1]' if needs_ports else '')}}}]"
    check_finding({**BASE, "world.yaml": WORLD, "main.yaml": text}, slug, *words)


def test_a_recorder_without_an_interface_and_a_connector_without_routes() -> None:
    for key, name in (("recorder", "quiet"), ("connector", "exit")):
        world = WORLD.replace(f"{name}:", f"②{name}:")
        text = f"access: [{{name: a, from: [group:a], to: [{{{key}: §blue.{name}}}]}}]"
        check_finding({**BASE, "world.yaml": world, "main.yaml": text}, "unknown-reference", f"blue.{name} has no")


def test_a_group_of_another_tailnet_is_no_way_to_an_api_server_of_this_one() -> None:
    """In blue the operator carries connections only, and of its two groups the one that impersonates is elsewhere."""
    world = WORLD.replace("api: {type: kube-apiserver}, afar", "afar").replace("  blue:", "  ②blue:")
    text = f"access: [{{name: a, from: [group:a], to: [§{{apiServer: blue}}], {RIGHTS[2:]}}}}}]"
    texts, _ = unmarked({**BASE, "world.yaml": world, "main.yaml": text})
    (finding,) = findings_of(texts)
    assert finding.rule.slug == "rights-without-proxy"


@pytest.mark.parametrize(
    "green", ["  ③green:\n", "  green:\n    ③operator: {apiServerProxy: {mode: noauth}}\n"], ids=["group", "both"]
)
def test_rights_where_no_proxy_impersonates(green: str) -> None:
    text = f"access: [{{name: a, from: [group:a], to: [§{{apiServer: green}}], ②{RIGHTS[2:]}}}}}]"
    world = WORLD.replace("  green:\n", green)
    check_finding(
        {**BASE, "world.yaml": world, "main.yaml": text},
        "rights-without-proxy",
        "noauth mode, which impersonates nobody",
    )


def test_an_api_server_without_any_proxy() -> None:
    world = WORLD.replace(
        "  grey: {kubernetes: {context: grey}, operator: {apiServerProxy: {mode: auth}}}",
        "  ②grey: {kubernetes: {context: grey}}",
    )
    text = "access: [{name: a, from: [group:a], to: [§{apiServer: grey}]}]"
    check_finding({**BASE, "world.yaml": world, "main.yaml": text}, "api-server-off", "or a kube-apiserver group")


SCOPED = [
    ("{connector: blue.net}, {connector: §green.x}", "x: {routes: [10.8.0.0/16]}", "The connector green.x"),
    ("{exitNode: blue.exit}, §{exitNode: bastion}", "", "The exit node bastion"),
    ("§{exitNode: green.x}", "x: {exitNode: true}", "The exit node green.x"),
    ("§{appConnector: saas}", "", "The app connector saas"),
    ("§{service: svc:pay}", "", "The Tailscale Service svc:pay"),
    ("§{route: 10.20.0.0/24}", "", "The route 10.20.0.0/24"),
    ("{recorder: blue.audit}, {peerRelay: blue.relay}, §{machine: db}", "", "The machine db"),
]


@pytest.mark.parametrize(("to", "connector", "said"), SCOPED, ids=[to for to, _, _ in SCOPED])
def test_what_lies_outside_of_a_scope(to: str, connector: str, said: str) -> None:
    to = to.replace("{connector: §", "§{connector: ")
    world = WORLD.replace(
        "    labels: {env: prod}\n    proxyGroups: {api", f"    connectors: {{{connector}}}\n    proxyGroups: {{api"
    )
    text = f"§scope: {{clusters: [blue]}}\naccess: [{{name: a, from: [group:a], to: [{to}], ports: [tcp:443]}}]"
    texts, _ = unmarked({**BASE, "world.yaml": world, "main.yaml": text.replace("§", "")})
    findings = [finding for finding in findings_of(texts) if finding.rule.slug == "outside-scope"]
    assert {finding.message.partition(" is outside")[0] for finding in findings} == {said}


def test_the_recorder_of_a_scoped_file_is_of_its_clusters() -> None:
    text = (
        "②scope: {clusters: [grey]}\n"
        f"access: [{{name: a, from: [group:a], to: [{{apiServer: grey}}]{RIGHTS}, record: {{recorder: §blue.audit}}}}}}]"
    )
    check_finding(
        {**BASE, "world.yaml": WORLD, "main.yaml": text}, "outside-scope", "a recorder of a cluster of the scope"
    )
    assert len(entry("{apiServer: grey}", f"{RIGHTS}, record: {{recorder: blue.audit}}}}").destinations) == 1


@pytest.mark.parametrize(
    ("broken", "to"),
    [
        ("clusters: {red: {kubernetes: {context: a}, connectors: {x: {routes: 1}}}}", "{route: 10.77.0.0/16}"),
        ("clusters: {red: {kubernetes: {context: a}, connectors: {x: {routes: 1}}}}", "{connector: red.x}"),
        ("clusters: {red: {kubernetes: {context: a}, connectors: {x: {exitNode: 1}}}}", "{exitNode: red.x}"),
        ("clusters: {red: {kubernetes: {context: a}, proxyGroups: {api: {type: x}}}}", "{apiServer: red}"),
        ("clusters: {red: 1}", "{route: 10.77.0.0/16}"),
        ("machines: {x: {tags: [tag:x], routes: 1}}", "{route: 10.77.0.0/16}"),
        ("machines: {x: {tags: [tag:x], exitNode: 1}}", "{exitNode: x}"),
        ("machines: {x: 1}", "{exitNode: x}"),
        ("services: {svc:x: {ports: [1], proxyGroup: in, backends: {blue: a/b}}}", "{service: svc:x}"),
    ],
)
def test_what_has_a_mistake_is_not_missing_elsewhere(broken: str, to: str) -> None:
    text = f"access: [{{name: a, from: [group:a], to: [{to}], ports: [tcp:443]}}]"
    texts, _ = unmarked({**BASE, "world.yaml": WORLD, "broken.yaml": broken, "main.yaml": text})
    assert len(findings_of(texts)) == 1


def test_what_there_is_in_all_clusters() -> None:
    tailnet: Tailnet = resolved(WORLD)
    assert [cluster.operator.api_server_proxy for cluster in tailnet.clusters] == [
        ApiServerProxyMode.NOAUTH,
        ApiServerProxyMode.OFF,
        ApiServerProxyMode.AUTH,
    ]
    assert [one.name for one in (*tailnet.connectors, *tailnet.recorders, *tailnet.peer_relays)] == [
        *("net", "saas", "exit", "far", "audit", "quiet", "distant", "relay"),
    ]
    assert [cluster.impersonates for cluster in tailnet.clusters] == [True, False, True]
