from __future__ import annotations

import ipaddress

import pytest

from tailstack.topology.custom import (
    AppConnector,
    CustomResources,
    ProxyGroupKind,
    S3Storage,
    SiteRange,
)
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.routes import via_address, via_route
from tests.topology.marked import BASE, check_finding, findings_of, path_of, resolved, unmarked

BLUE = "clusters:\n  blue:\n    kubernetes: {context: blue}\n"


def custom(*lines: str, operator: str = "{}") -> CustomResources:
    """The custom resources of a cluster with these parts, and with some classes and a tailnet that they can name."""
    named = ("proxyClasses: {standard: {}, c: {}}", "tailnets: {o: {credentialsSecret: s}}")
    more = [line for line in named if not any(other.startswith(line.partition(":")[0]) for other in lines)]
    text = f"{BLUE}    operator: {operator}\n" + "".join(f"    {line}\n" for line in (*lines, *more))
    (cluster,) = resolved(text).clusters
    return cluster.custom


def test_a_proxy_group_by_default() -> None:
    (group,) = custom("proxyGroups: {out: {type: egress}}", operator="{defaultProxyClass: standard}").proxy_groups
    assert (group.kind, group.replicas, group.hostname_prefix) == (ProxyGroupKind.EGRESS, 2, "blue-out")
    assert group.hostnames == ("blue-out-0", "blue-out-1")
    assert (group.tags, group.proxy_class) == (("tag:k8s-blue--out",), "standard")
    assert (group.api_server_mode, group.hostname, group.service, group.allowed_namespaces) == (None, None, None, None)
    assert group.reference == "blue.out"
    assert (group.place.line, group.place.column) == (5, 19)


@pytest.mark.parametrize(
    ("key", "shares"), [("", None), (", shareACMEAccount: true", True), (", shareACMEAccount: false", False)]
)
def test_a_group_can_have_the_account_of_the_tailnet(key: str, shares: bool | None) -> None:
    (group,) = custom(
        f"proxyGroups: {{in: {{type: ingress{key}}}}}", operator="{chart: {version: '1.104.5'}}"
    ).proxy_groups
    assert group.shares_account is shares


def test_a_proxy_group_by_hand() -> None:
    (group,) = custom(
        "proxyGroups: {out: {type: egress, replicas: 1, hostnamePrefix: gate, tags: [tag:gate], proxyClass: c, tailnet: o,"
        " formerly: [way], networkPolicy: {fromNamespaces: [a, b]}}}",
        operator="{defaultProxyClass: standard}",
    ).proxy_groups
    assert (group.hostnames, group.tags, group.proxy_class, group.tailnet) == (("gate-0",), ("tag:gate",), "c", "o")
    assert (group.allowed_namespaces, group.former_names) == (("a", "b"), ("way",))


def test_what_is_named_after_the_oldest_name() -> None:
    found = custom(
        "proxyGroups: {api: {type: kube-apiserver, formerly: [oldest, old]}}",
        "connectors: {net: {exitNode: true, formerly: [way]}}",
        "recorders: {audit: {enableUI: true, formerly: [tape]}}",
        "peerRelays: {relay: {formerly: [post]}}",
    )
    (group,), (connector,), (recorder,), (relay,) = (
        found.proxy_groups,
        found.connectors,
        found.recorders,
        found.peer_relays,
    )
    assert (group.hostname_prefix, group.hostname, group.tags) == (
        "blue-oldest",
        "blue-oldest",
        ("tag:k8s-blue--oldest",),
    )
    assert (connector.hostnames, connector.tags) == (("blue-way",), ("tag:k8s-blue--way",))
    assert (recorder.hostnames, recorder.tags) == (("tape-0",), ("tag:k8s-blue--tape",))
    assert (relay.hostnames, relay.hostname_prefix, relay.tags) == (
        ("blue-post-0",),
        "blue-post",
        ("tag:k8s-blue--post",),
    )


@pytest.mark.parametrize(
    ("written", "mode", "hostname", "allows"),
    [
        ("{type: kube-apiserver}", ApiServerProxyMode.AUTH, "blue-api", True),
        ("{type: kube-apiserver, kubeAPIServer: {}}", ApiServerProxyMode.AUTH, "blue-api", True),
        (
            "{type: kube-apiserver, kubeAPIServer: {mode: noauth, hostname: api}}",
            ApiServerProxyMode.NOAUTH,
            "api",
            False,
        ),
        ("{type: ingress}", None, None, False),
    ],
)
def test_an_api_server_group(written: str, mode: ApiServerProxyMode | None, hostname: str | None, allows: bool) -> None:
    (cluster,) = resolved(f"{BLUE}    proxyGroups: {{api: {written}}}\n").clusters
    (group,) = cluster.custom.proxy_groups
    assert (group.api_server_mode, group.hostname) == (mode, hostname)
    assert group.service == (f"svc:{hostname}" if hostname else None)
    assert cluster.operator.allows_impersonation is cluster.impersonates is allows


def test_a_connector_with_routes() -> None:
    (connector,) = custom(
        "connectors: {net: {routes: [10.1.0.0/16, {cidr: 10.42.0.0/16, site: 7}, '2001:DB8:0::/48']}}",
        operator="{defaultProxyClass: standard}",
    ).connectors
    via = "fd7a:115c:a1e0:b1a:0:7:a2a:0/112"
    assert connector.routes == ("10.1.0.0/16", via, "2001:db8::/48")
    assert connector.sites == (SiteRange(cidr="10.42.0.0/16", site=7, route=via),)
    assert (connector.hostnames, connector.hostname_prefix, connector.replicas) == (("blue-net",), None, 1)
    assert (connector.exit_node, connector.app_connector, connector.domains) == (False, False, None)
    assert connector.proxy_class is None, "the operator gives a Connector no default class"


def test_the_range_of_a_site() -> None:
    """The figures are those of `tailscale debug via 7 10.1.1.0/24` in https://tailscale.com/kb/1201/4via6-subnets."""
    assert via_route(7, ipaddress.IPv4Network("10.1.1.0/24")) == "fd7a:115c:a1e0:b1a:0:7:a01:100/120"
    assert via_route(0, ipaddress.IPv4Network("192.168.0.1/32")) == "fd7a:115c:a1e0:b1a::c0a8:1/128"
    assert str(via_address(65535, ipaddress.IPv4Address("10.0.0.1"))) == "fd7a:115c:a1e0:b1a:0:ffff:a00:1"


@pytest.mark.parametrize(
    ("written", "hostnames", "prefix"),
    [
        ("replicas: 0", (), None),
        ("replicas: 1, hostname: way", ("way",), None),
        ("replicas: 2", ("blue-net-0", "blue-net-1"), "blue-net"),
        ("replicas: 2, hostname: way", ("way-0", "way-1"), "way"),
    ],
)
def test_the_nodes_of_a_connector(written: str, hostnames: tuple[str, ...], prefix: str | None) -> None:
    (connector,) = custom(f"connectors: {{net: {{exitNode: true, {written}, proxyClass: c}}}}").connectors
    assert (connector.hostnames, connector.hostname_prefix) == (hostnames, prefix)
    assert (connector.exit_node, connector.proxy_class) == (True, "c")


def test_an_app_connector() -> None:
    (one, two) = custom(
        "connectors:",
        "  one: {appConnector: {domains: [example.com, '*.example.com']}}",
        "  two: {appConnector: {domains: [example.org], routes: [203.0.113.0/24]}}",
    ).connectors
    assert one.app_connector
    assert one.domains == AppConnector(domains=("example.com", "*.example.com"), routes=())
    assert (two.app_routes, two.routes) == (("203.0.113.0/24",), ())
    assert two.domains == AppConnector(domains=("example.org",), routes=("203.0.113.0/24",))


def test_a_recorder() -> None:
    (one, two) = custom(
        "recorders:",
        "  one: {enableUI: true}",
        "  two: {s3: {endpoint: s3.example.com, bucket: b, credentialsSecret: s}, replicas: 2, tailnet: o,"
        " statefulSet: {pod: {labels: {a: b}, tolerations: [{key: k}]}}}",
    ).recorders
    assert (one.has_ui, one.has_s3, one.s3, one.stateful_set) == (True, False, None, {})
    assert (two.has_ui, two.has_s3, two.tailnet) == (False, True, "o")
    assert two.s3 == S3Storage(endpoint="s3.example.com", bucket="b", credentials_secret="s")
    assert two.hostnames == ("two-0", "two-1")
    assert two.stateful_set == {"pod": {"labels": {"a": "b"}, "tolerations": [{"key": "k"}]}}
    plain: dict[str, object] = two.stateful_set["pod"]
    assert (type(plain), type(plain["tolerations"])) == (dict, list)
    assert two.reference == "blue.two"


def test_a_peer_relay() -> None:
    (one, two) = custom(
        "peerRelays:",
        "  one: {}",
        "  two: {replicas: 2, hostnamePrefix: post, proxyClass: c, serviceAnnotations: {example.com/a: 'on'}, servicePort: 443,"
        " staticEndpoints: ['203.0.113.1:41641', '[2001:db8::1]:65535'],"
        " elasticIPs: [{allocationID: eipalloc-1, subnetID: subnet-1}, {allocationID: eipalloc-2, subnetID: subnet-1}]}",
        operator="{chart: {version: '1.104.5'}}",
    ).peer_relays
    assert (one.service_port, one.static_endpoints) == (None, ())
    assert (two.service_port, two.static_endpoints) == (443, ("203.0.113.1:41641", "[2001:db8::1]:65535"))
    assert (one.elastic_ips, one.addresses, one.service_annotations, one.reference) == (None, (), (), "blue.one")
    assert (two.hostnames, two.proxy_class, two.elastic_ips) == (("post-0", "post-1"), "c", 2)
    assert two.addresses == (("eipalloc-1", "subnet-1"), ("eipalloc-2", "subnet-1"))
    assert two.service_annotations == (("example.com/a", "on"),)


def test_a_proxy_class() -> None:
    (one, two) = custom(
        "proxyClasses:",
        "  one: {}",
        "  two:",
        "    acceptRoutes: true",
        "    useLetsEncryptStagingEnvironment: true",
        "    metrics: {serviceMonitor: true, serviceMonitorLabels: {a: b}}",
        "    staticEndpoints: {ports: [{port: 30000}, {port: 30100, endPort: 30110}], selector: {c: d}}",
        "    statefulSet: {pod: {tailscaleContainer: {image: 'i:1', env: [{name: A, value: '1'}, {name: B}]}}}",
    ).proxy_classes
    assert (one.accept_routes, one.uses_staging, one.has_metrics, one.has_service_monitor) == (False,) * 4
    assert (one.node_ports, one.env, one.image, one.is_derived) == ((), (), None, False)
    assert (two.accept_routes, two.uses_staging, two.has_metrics, two.has_service_monitor) == (True,) * 4
    assert (two.node_ports, two.node_port_selector) == (((30000, 30000), (30100, 30110)), (("c", "d"),))
    assert (two.env, two.image, two.service_monitor_labels) == (("A", "B"), "i:1", (("a", "b"),))
    assert set(two.stateful_set) == {"pod"}


def test_policies_nameserver_and_tailnets() -> None:
    found = custom(
        "proxyGroups: {in: {type: ingress}, out: {type: egress}}",
        "proxyGroupPolicies: {shop: {namespace: shop, ingress: [in]}, none: {namespace: x, egress: [out]}}",
        "dnsConfig: {nameserver: {image: {tag: v1.102.3}}}",
        "tailnets: {other: {credentialsSecret: s}, third: {credentialsSecret: s, loginUrl: 'https://example.com'}}",
    )
    assert [(p.name, p.namespace, p.ingress, p.egress) for p in found.proxy_group_policies] == [
        ("shop", "shop", ("in",), ()),
        ("none", "x", (), ("out",)),
    ]
    (dns,) = found.dns_configs
    assert (dns.name, dns.nameserver) == ("ts-dns", {"image": {"tag": "v1.102.3"}})
    assert [(t.name, t.secret, t.login_url) for t in found.tailnets] == [
        ("other", "s", None),
        ("third", "s", "https://example.com"),
    ]
    assert custom("dnsConfig: {}").dns_configs[0].nameserver == {}


NEWER = "operator: {chart: {version: '1.104.5'}}\n"
MISTAKES = [
    # connectors
    ("missing-key", "connectors: {net: §{}}", ("connectors.net leads nowhere", "routes, exitNode: true or both")),
    ("missing-key", "connectors: {net: §{exitNode: false, routes: []}}", ("leads nowhere",)),
    ("unknown-key", "connectors: {net: {§exitNod: true}}", ("Did you mean exitNode",)),
    (
        "key-does-not-fit",
        "connectors: {net: {appConnector: {domains: [a.com]}, §routes: [10.0.0.0/8]}}",
        ("an app connector can be nothing else",),
    ),
    ("key-does-not-fit", "connectors: {net: {appConnector: {domains: [a.com]}, §exitNode: true}}", ("exitNode",)),
    ("wrong-route", "connectors: {net: {routes: [§10.1.2.3/16]}}", ("bits set behind", "Write 10.1.0.0/16.")),
    ("wrong-route", "connectors: {net: {routes: [§10.1.0.0/33]}}", ("no range of addresses",)),
    ("wrong-route", "connectors: {net: {routes: [§0.0.0.0/0]}}", ("every address", "exitNode: true")),
    ("wrong-route", "connectors: {net: {routes: [{cidr: §10.1.2.3/16, site: 1}]}}", ("routes[0].cidr",)),
    ("wrong-route", "connectors: {net: {routes: [{cidr: §300.1.2.3/16, site: 1}]}}", ("no range",)),
    ("wrong-route", "connectors: {net: {routes: [{cidr: §'2001:db8::/32', site: 1}]}}", ("IPv6", "without a site")),
    ("wrong-route", "connectors: {net: {appConnector: {domains: [a.com], routes: [§1.2.3.4/8]}}}", ("1.0.0.0/8",)),
    ("listed-twice", "connectors: {net: {routes: [②10.0.0.0/8, §10.0.0.0/8]}}", ("10.0.0.0/8",)),
    (
        "listed-twice",
        "connectors: {net: {routes: [②{cidr: 10.0.0.0/8, site: 1}, §{cidr: 10.0.0.0/8, site: 1}]}}",
        ("site 1",),
    ),
    ("listed-twice", "connectors: {net: {appConnector: {domains: [②a.com, §a.com]}}}", ("domains",)),
    ("wrong-value", "connectors: {net: {routes: [{cidr: 10.0.0.0/8, site: §70000}]}}", ("from 0 to 65535",)),
    # proxy groups
    ("key-does-not-fit", "proxyGroups: {in: {type: ingress, §kubeAPIServer: {}}}", ("type: ingress",)),
    (
        "key-does-not-fit",
        "proxyGroups: {in: {type: ingress, §networkPolicy: {fromNamespaces: [a]}}}",
        ("nothing in the cluster dials",),
    ),
    (
        "listed-twice",
        "proxyGroups: {out: {type: egress, networkPolicy: {fromNamespaces: [②a, §a]}}}",
        ("fromNamespaces",),
    ),
    ("wrong-value", "proxyGroups: {out: {type: §both}}", ("one of egress, ingress, kube-apiserver",)),
    (
        "long-node-name",
        f"proxyGroups: {{§out: {{type: egress, replicas: 11, hostnamePrefix: {'p' * 61}}}}}",
        ("has 64 characters",),
    ),
    # proxy classes and what is handed on
    ("reserved-name", "proxyClasses: {§tailstack-accept-routes: {}}", ("the stack makes itself",)),
    ("key-does-not-fit", "proxyClasses: {c: {metrics: {§serviceMonitorLabels: {a: b}}}}", ("no serviceMonitor",)),
    (
        "not-taken",
        "proxyClasses: {c: {statefulSet: {pod: {§label: {a: b}}}}}",
        ("statefulSet.pod.label has no effect", "Did you mean clusters.blue.proxyClasses.c.statefulSet.pod.labels?"),
    ),
    (
        "not-taken",
        "proxyClasses: {c: {statefulSet: {pod: {dnsPolicy: §Defalt}}}}",
        ("none of the words", "Did you mean Default?"),
    ),
    ("not-taken", "recorders: {r: {enableUI: true, statefulSet: {pod: {labels: {a: §1}}}}}", ("expected", "a text")),
    (
        "not-taken",
        "proxyClasses: {c: {statefulSet: {pod: {tailscaleContainer: {env: [§{value: x}]}}}}}",
        ("env[0] needs the key name",),
    ),
    ("not-taken", "dnsConfig: {nameserver: {§images: {tag: a}}}", ("Did you mean clusters.blue.dnsConfig.nameserver",)),
    # policies
    (
        "unknown-reference",
        "proxyGroups: {in: {type: ingress}, out: {type: egress}}\n    proxyGroupPolicies: {p: {namespace: a, ingress: [in, §out]}}",
        ('no ingress group called "out"', "one of in"),
    ),
    ("listed-twice", "proxyGroups: {in: {type: ingress}}\n    proxyGroupPolicies: {p: {namespace: a, ingress: [②in, §in]}}", ()),
    # names
    (
        "name-taken",
        "proxyGroups: {②net: {type: egress}}\n    connectors: {§net: {exitNode: true}}",
        ("clusters.blue.proxyGroups.net",),
    ),
    (
        "name-taken",
        "recorders: {②a: {enableUI: true}}\n    peerRelays: {b: {formerly: [§a]}}",
        ("clusters.blue.recorders.a",),
    ),
    (
        "listed-twice",
        "peerRelays: {r: {elasticIPs: [②{allocationID: eipalloc-1, subnetID: subnet-a}, §{allocationID: eipalloc-1, subnetID: subnet-b}]}}",
        ("eipalloc-1",),
    ),
    (
        "not-taken",
        "peerRelays: {r: {elasticIPs: [{allocationID: eipalloc-1, subnetID: §private}]}}",
        ("elasticIPs[0].subnetID is not what a PeerRelay of the operator 1.102.3 takes", "subnet-0123abcd"),
    ),
    ("not-taken", "peerRelays: {r: {§servicePort: 443}}", ("servicePort has no effect yet", "1.104.0 or newer")),
    ("not-taken", "peerRelays: {r: {§staticEndpoints: ['1.2.3.4:1']}}", ("has no effect yet", "1.104.0 or newer")),
    ("not-taken", f"{NEWER}    peerRelays: {{r: {{staticEndpoints: [§'1.2.3.4:65536']}}}}", ("no address with a port",)),
    ("not-taken", f"{NEWER}    peerRelays: {{r: {{staticEndpoints: [§'1.2.3.400:1']}}}}", ("no address with a port",)),
    ("wrong-value", f"{NEWER}    peerRelays: {{r: {{staticEndpoints: [§'1.2.3.4']}}}}", ("an address and a port",)),
    ("listed-twice", f"{NEWER}    peerRelays: {{r: {{staticEndpoints: [②'1.2.3.4:1', §'1.2.3.4:2']}}}}", ("1.2.3.4",)),
    ("not-taken", "proxyGroups: {in: {type: ingress, §shareACMEAccount: true}}", ("no effect yet", "1.104.0 or newer")),
    ("key-does-not-fit", "proxyGroups: {out: {type: egress, §shareACMEAccount: true}}", ("type: egress",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "text", "words"), MISTAKES, ids=[text for _, text, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, text: str, words: tuple[str, ...]) -> None:
    wanted = tuple(word for word in words if word != "expected")
    check_finding({**BASE, "main.yaml": f"{BLUE}    {text}\n"}, slug, *wanted)


def test_a_class_that_has_a_mistake_is_not_missing_elsewhere() -> None:
    texts, _ = unmarked(
        {
            **BASE,
            "main.yaml": f"{BLUE}    proxyGroups: {{in: {{type: nothing}}}}\n"
            "    proxyGroupPolicies: {p: {namespace: a, ingress: [in]}}\n",
        }
    )
    assert [finding.rule.slug for finding in findings_of(texts)] == ["wrong-value"]


def test_an_app_connector_reaches_beyond_a_scope() -> None:
    main = f"§scope: {{clusters: [blue]}}\n{BLUE}    connectors: {{net: {{§appConnector: {{domains: [a.com]}}}}}}\n"
    texts, _ = unmarked({**BASE, "main.yaml": main.replace("§", "")})
    (finding,) = findings_of(texts)
    assert (finding.rule.slug, [(p.file, p.line) for p in finding.places]) == (
        "outside-scope",
        [(path_of("main.yaml"), 5), (path_of("main.yaml"), 1)],
    )


@pytest.mark.parametrize(
    "exposed",
    [
        "expose: {§a: {namespace: a, ports: [tcp:1], managedBy: patch, proxyGroup: in}}",
        "ingress: {§a: {namespace: a, backend: {service: s, port: 1}, proxyGroup: in}}",
    ],
)
def test_what_a_group_of_another_tailnet_would_serve(exposed: str) -> None:
    main = f"{BLUE}    proxyGroups: {{②in: {{type: ingress, tailnet: other}}}}\n    tailnets: {{other: {{credentialsSecret: s}}}}\n"
    check_finding({**BASE, "main.yaml": f"{main}    {exposed}\n"}, "key-does-not-fit", "belongs to the tailnet other")
