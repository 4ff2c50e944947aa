from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tailstack.finding import Place
from tailstack.topology.declaration import CHART_REPOSITORY, ApiServerProxyMode, ManagedBy
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import (
    ALL_PORTS,
    HTTPS,
    Address,
    Bind,
    Chart,
    DestinationKind,
    Egress,
    Port,
    ServicePort,
    Target,
)
from tests.topology.marked import AT, BASE, ENVIRONMENT, path_of, resolved

BLUE = """
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80, udp:53], selector: {app: nginx}}
    ingress:
      web: {namespace: default, backend: {service: nginx, port: 80}}
machines:
  db: {tags: [tag:db, tag:sql]}
"""


def test_the_tailnet_and_its_defaults() -> None:
    tailnet = resolved("groups: {}")
    assert (tailnet.environment, tailnet.dns_name) == (ENVIRONMENT, "tail1a2b.ts.net")
    assert (tailnet.magic_dns, tailnet.https_certificates, tailnet.derive_tests) == (True, True, True)
    assert tailnet.base_policy is None
    assert tailnet.place == Place(path_of("a.yaml"), 1, 1)


def test_the_tailnet_by_hand() -> None:
    text = "tailnet: {dnsName: a.ts.net, magicDNS: false, httpsCertificates: false, policy: {base: base.hujson, tests: none}}"
    tailnet = resolve_files({path_of("a.yaml"): text, path_of("base.hujson"): "{} // mine\n"}, ENVIRONMENT, AT)
    assert (tailnet.magic_dns, tailnet.https_certificates, tailnet.derive_tests) == (False, False, False)
    assert tailnet.base_policy is not None
    assert (tailnet.base_policy.file, tailnet.base_policy.text) == (path_of("base.hujson"), "{} // mine\n")
    assert tailnet.files == (path_of("a.yaml"),)


def test_an_operator_by_default() -> None:
    (blue,) = resolved("clusters: {blue: {kubernetes: {context: kind-blue}}}").clusters
    operator = blue.operator
    assert (blue.name, blue.context, blue.kubeconfig_secret, blue.labels) == ("blue", "kind-blue", None, ())
    assert (operator.hostname, operator.fqdn) == ("blue-operator", "blue-operator.tail1a2b.ts.net")
    assert (operator.namespace, operator.existing_secret) == ("tailscale", None)
    assert (operator.tags, operator.proxy_tags) == (("tag:k8s-op-blue",), ("tag:k8s-blue",))
    assert operator.chart == Chart(version="1.102.3", repository=CHART_REPOSITORY, path=None)
    assert operator.api_server_proxy is ApiServerProxyMode.OFF
    assert blue.place == operator.place == Place(path_of("main.yaml"), 1, 12)


def test_an_operator_by_hand() -> None:
    (blue,) = resolved("""
        clusters:
          blue:
            kubernetes: {kubeconfig: {secret: blueKubeconfig}}
            labels: {env: prod, example.com/team: ""}
            operator:
              hostname: op
              namespace: ts
              tags: [tag:a, tag:b]
              proxyTags: [tag:c]
              chart: {version: 1.100.0, repository: "oci://example.com/charts"}
              apiServerProxy: {mode: "off"}
              credentials: {existingSecret: mine}
    """).clusters
    operator = blue.operator
    assert (blue.context, blue.kubeconfig_secret) == (None, "blueKubeconfig")
    assert blue.labels == (("env", "prod"), ("example.com/team", ""))
    assert (operator.hostname, operator.fqdn) == ("op", "op.tail1a2b.ts.net")
    assert (operator.namespace, operator.existing_secret) == ("ts", "mine")
    assert (operator.tags, operator.proxy_tags) == (("tag:a", "tag:b"), ("tag:c",))
    assert operator.chart == Chart(version="1.100.0", repository="oci://example.com/charts", path=None)
    assert operator.api_server_proxy is ApiServerProxyMode.OFF


def test_defaults_hold_for_every_cluster_that_says_nothing_else() -> None:
    files = {
        "a.yaml": """
tailnet: {dnsName: a.ts.net}
defaults: {operator: {namespace: ops, apiServerProxy: {mode: auth}, chart: {version: 1.1.1, path: charts/op}}}
clusters:
  a: {kubernetes: {context: a}}
  b: {kubernetes: {context: b}, operator: {namespace: mine, apiServerProxy: {mode: noauth}, chart: {version: 2.2.2}}}
  c: {kubernetes: {context: c}, operator: {chart: {repository: "https://example.com"}}}
  d: {kubernetes: {context: d}, operator: {chart: {path: other}}}
  e: {kubernetes: {context: e}, operator: {apiServerProxy: {}}}
"""
    }
    a, b, c, d, e = resolve_files({path_of(k): v for k, v in files.items()}, ENVIRONMENT, AT).clusters
    assert (a.operator.namespace, b.operator.namespace) == ("ops", "mine")
    assert [x.operator.api_server_proxy.value for x in (a, b, e)] == ["auth", "noauth", "off"]
    assert a.operator.chart == Chart(version="1.1.1", repository=CHART_REPOSITORY, path="charts/op")
    assert b.operator.chart == Chart(version="2.2.2", repository=CHART_REPOSITORY, path="charts/op")
    assert c.operator.chart == Chart(version="1.1.1", repository="https://example.com", path=None)
    assert d.operator.chart == Chart(version="1.1.1", repository=CHART_REPOSITORY, path="other")


def test_an_exposure_by_default() -> None:
    tailnet = resolved(BLUE)
    (nginx,) = tailnet.exposures
    assert (nginx.cluster, nginx.name, nginx.reference) == ("blue", "nginx", "blue.nginx")
    assert (nginx.namespace, nginx.service, nginx.managed_by) == ("default", "nginx", ManagedBy.PULUMI)
    assert (nginx.hostname, nginx.fqdn) == ("blue-nginx", "blue-nginx.tail1a2b.ts.net")
    assert nginx.tags == ("tag:k8s-blue--nginx",)
    assert nginx.selector == (("app", "nginx"),)
    assert nginx.ports == (
        ServicePort(port=Port("tcp", 80, 80), target_port=80, name="tcp-80"),
        ServicePort(port=Port("udp", 53, 53), target_port=53, name="udp-53"),
    )
    assert (nginx.consumers, nginx.former_names) == (None, ())
    assert nginx.place == Place(path_of("main.yaml"), 6, 7)


def test_an_exposure_by_hand() -> None:
    (nginx,) = resolved("""
        clusters:
          blue:
            kubernetes: {context: blue}
            expose:
              nginx:
                namespace: web
                service: nginx-service
                ports: [{port: tcp:80, targetPort: http, name: web}, {port: tcp:81}, {port: tcp:82, targetPort: 8082}]
                selector: {app: a, app.kubernetes.io/name: b}
                hostname: www
                tags: [tag:a, tag:b]
                consumers: [blue]
                formerly: [older, old]
    """).exposures
    assert (nginx.namespace, nginx.service, nginx.hostname) == ("web", "nginx-service", "www")
    assert [(p.target_port, p.name) for p in nginx.ports] == [("http", "web"), (81, "tcp-81"), (8082, "tcp-82")]
    assert nginx.selector == (("app", "a"), ("app.kubernetes.io/name", "b"))
    assert (nginx.tags, nginx.consumers, nginx.former_names) == (("tag:a", "tag:b"), ("blue",), ("older", "old"))


@pytest.mark.parametrize("managed_by", ["patch", "gitops"])
def test_the_ports_of_a_service_that_exists_are_those_granted(managed_by: str) -> None:
    (nginx,) = resolved(f"""
        clusters:
          blue:
            kubernetes: {{context: blue}}
            expose:
              a: {{namespace: b, managedBy: {managed_by}, ports: [tcp:1-9, "tcp:*", icmp:*, "*", tcp:65535, {{port: udp:1}}]}}
    """).exposures
    assert nginx.managed_by == managed_by
    assert nginx.selector == ()
    assert nginx.granted_ports == (
        Port("tcp", 1, 9),
        Port("tcp", 0, 65535),
        Port("icmp", 0, 0),
        ALL_PORTS,
        Port("tcp", 65535, 65535),
        Port("udp", 1, 1),
    )


def test_the_oldest_name_gives_node_tag_and_service() -> None:
    (blue,) = resolved("""
        clusters:
          blue:
            kubernetes: {context: blue}
            expose: {c: {namespace: a, ports: [tcp:1], managedBy: patch, formerly: [a, b]}}
            ingress: {f: {namespace: a, backend: {service: s, port: 1}, formerly: [d, e]}}
            egress: {i: {namespace: a, to: {ip: 100.64.0.1}, ports: [tcp:1], formerly: [g, h]}}
    """).clusters
    nodes = (*blue.exposures, *blue.ingresses, *blue.egresses)
    assert [(n.hostname, n.tags, n.former_names) for n in nodes] == [
        ("blue-a", ("tag:k8s-blue--a",), ("a", "b")),
        ("blue-d", ("tag:k8s-blue--d",), ("d", "e")),
        ("blue-g", ("tag:k8s-blue--g",), ("g", "h")),
    ]
    assert [made.service for made in (*blue.exposures, *blue.egresses)] == ["a", "g"], "a renamed Service is a new node"


def test_an_ingress() -> None:
    tailnet = resolved(
        BLUE,
        more="""
        clusters:
          blue:
            ingress:
              shop: {namespace: a, backend: {service: s, port: 8080}, funnel: true, hostname: www, tags: [tag:a], consumers: []}
    """,
    )
    web, shop = tailnet.ingresses
    assert (web.reference, web.backend_service, web.backend_port, web.funnel) == ("blue.web", "nginx", 80, False)
    assert (web.hostname, web.fqdn, web.tags) == ("blue-web", "blue-web.tail1a2b.ts.net", ("tag:k8s-blue--web",))
    assert (web.granted_ports, web.consumers) == ((HTTPS,), None)
    assert (shop.funnel, shop.hostname, shop.tags, shop.consumers) == (True, "www", ("tag:a",), ())


def test_machines() -> None:
    tailnet = resolved("machines: {ci: {tags: [tag:ci]}, db: {tags: [tag:db, tag:sql], hostname: postgres}}")
    assert [(m.name, m.hostname, m.fqdn, m.tags) for m in tailnet.machines] == [
        ("ci", "ci", "ci.tail1a2b.ts.net", ("tag:ci",)),
        ("db", "postgres", "postgres.tail1a2b.ts.net", ("tag:db", "tag:sql")),
    ]


def egress(to: str, more: str = "") -> Egress:
    tailnet = resolved(
        BLUE,
        more=f"""
        clusters:
          green:
            kubernetes: {{context: green}}
            egress: {{out: {{namespace: apps, to: {to}{more}}}}}
    """,
    )
    (only,) = tailnet.egresses
    return only


def test_an_egress_by_default() -> None:
    out = egress("{exposure: blue.nginx}")
    assert (out.cluster, out.name, out.reference, out.namespace, out.service) == (
        "green",
        "out",
        "green.out",
        "apps",
        "out",
    )
    assert (out.hostname, out.tags, out.former_names) == ("green-out", ("tag:k8s-green--out",), ())
    assert out.place == Place(path_of("more.yaml"), 5, 22)


def test_an_egress_by_hand() -> None:
    out = egress("{exposure: blue.nginx}", ", service: nginx, hostname: proxy, tags: [tag:a], ports: [udp:53]")
    assert (out.service, out.hostname, out.tags, out.ports) == ("nginx", "proxy", ("tag:a",), (Port("udp", 53, 53),))


def name_of(target: Target) -> str:
    if isinstance(target, Address):
        return f"{target.fqdn or ''}{target.ip or ''}"
    return f"{type(target).__name__} {target.name}"


@pytest.mark.parametrize(
    ("to", "more", "target", "ports"),
    [
        ("{exposure: blue.nginx}", "", "Exposure nginx", "tcp:80 udp:53"),
        ("{ingress: blue.web}", "", "Ingress web", "tcp:443"),
        ("{machine: db}", ", ports: [tcp:5432]", "Machine db", "tcp:5432"),
        ("{fqdn: other.tail1a2b.ts.net}", ", ports: [tcp:1-9]", "other.tail1a2b.ts.net", "tcp:1-9"),
        ("{ip: 100.64.0.1}", ', ports: ["*"]', "100.64.0.1", "*"),
        ("{ip: 100.127.255.255}", ", ports: [tcp:1]", "100.127.255.255", "tcp:1"),
        ("{ip: 'fd7a:115c:a1e0:0::1'}", ", ports: [tcp:1]", "fd7a:115c:a1e0::1", "tcp:1"),
        # a full name of something declared here is a link
        ("{fqdn: blue-nginx.tail1a2b.ts.net}", "", "Exposure nginx", "tcp:80 udp:53"),
        ("{fqdn: blue-web.tail1a2b.ts.net}", "", "Ingress web", "tcp:443"),
        ("{fqdn: db.tail1a2b.ts.net}", ", ports: [tcp:5432]", "Machine db", "tcp:5432"),
        ("{fqdn: blue-operator.tail1a2b.ts.net}", ", ports: [tcp:443]", "blue-operator.tail1a2b.ts.net", "tcp:443"),
    ],
)
def test_where_an_egress_leads(to: str, more: str, target: str, ports: str) -> None:
    out = egress(to, more)
    assert (name_of(out.target), " ".join(map(str, out.ports))) == (target, ports)


def test_consumers_may_link() -> None:
    text = BLUE.replace("selector: {app: nginx}", "selector: {app: nginx}, consumers: [green]")
    tailnet = resolved(
        text,
        more="""
        clusters: {green: {kubernetes: {context: a}, egress: {out: {namespace: a, to: {exposure: blue.nginx}}}}}
    """,
    )
    assert tailnet.exposures[0].consumers == ("green",)


def test_groups() -> None:
    tailnet = resolved("""
        groups:
          group:list: [ana@example.com, li@github]
          group:none: []
          group:members: {members: [sam@example.com]}
          group:synced@example.com: {synced: true}
          group:turn: {rotation: {members: [a@x, b@x, c@x], every: 7d, from: "2026-01-05T09:00:00Z"}}
    """)
    assert [(g.name, g.members, g.on_rotation) for g in tailnet.groups] == [
        ("group:list", ("ana@example.com", "li@github"), False),
        ("group:none", (), False),
        ("group:members", ("sam@example.com",), False),
        ("group:synced@example.com", None, False),
        ("group:turn", ("a@x",), True),
    ]


def test_whose_turn_it_is_follows_from_the_time() -> None:
    rotation = '{rotation: {members: [a@x, b@x], every: 12h, from: "2026-01-05T09:00:00+01:00"}}'
    files = {path_of("a.yaml"): BASE["a.yaml"] + f"groups: {{group:a: {rotation}}}"}
    at = datetime(2026, 1, 5, 20, 0, tzinfo=UTC)
    assert resolve_files(files, ENVIRONMENT, at).groups[0].members == ("b@x",)
    assert resolve_files(files, ENVIRONMENT, at.replace(hour=19)).groups[0].members == ("a@x",)


def test_postures() -> None:
    (posture,) = resolved("postures: {posture:a: [\"node:os IN ['macos']\", node:tsVersion >= '1.60']}").postures
    assert (posture.name, posture.assertions) == ("posture:a", ("node:os IN ['macos']", "node:tsVersion >= '1.60'"))


ACCESS = """
clusters:
  blue:
    kubernetes: {context: blue}
    labels: {env: prod, region: eu}
    operator: {apiServerProxy: {mode: auth}}
    expose: {nginx: {namespace: default, ports: [tcp:80, tcp:81], selector: {app: nginx}}}
    ingress: {web: {namespace: default, backend: {service: nginx, port: 80}, tags: [tag:x, tag:y]}}
  green: {kubernetes: {context: green}, labels: {env: prod}, operator: {apiServerProxy: {mode: noauth}}}
machines: {db: {tags: [tag:db, tag:sql]}}
access:
"""


@pytest.mark.parametrize(
    ("to", "ports", "expected"),
    [
        ("tag:k8s", "[tcp:80, udp:*]", [("selector", "tag:k8s", "tag:k8s", "tcp:80 udp:*", None)]),
        ("{exposure: blue.nginx}", "", [("exposure", "blue.nginx", "tag:k8s-blue--nginx", "tcp:80 tcp:81", None)]),
        ("{exposure: blue.nginx}", "[tcp:81]", [("exposure", "blue.nginx", "tag:k8s-blue--nginx", "tcp:81", None)]),
        (
            "{exposure: blue.nginx}",
            "[tcp:80-81]",
            [("exposure", "blue.nginx", "tag:k8s-blue--nginx", "tcp:80-81", None)],
        ),
        ("{ingress: blue.web}", "", [("ingress", "blue.web", "tag:x tag:y", "tcp:443", None)]),
        ("{machine: db}", "[tcp:5432]", [("machine", "db", "tag:db tag:sql", "tcp:5432", None)]),
        ("{apiServer: blue}", "", [("apiServer", "blue", "tag:k8s-op-blue", "tcp:443", "blue")]),
        ("{apiServer: green}", "[tcp:443]", [("apiServer", "green", "tag:k8s-op-green", "tcp:443", "green")]),
        (
            "{apiServers: {matchLabels: {env: prod}}}",
            "",
            [
                ("apiServer", "blue", "tag:k8s-op-blue", "tcp:443", "blue"),
                ("apiServer", "green", "tag:k8s-op-green", "tcp:443", "green"),
            ],
        ),
        (
            "{apiServers: {matchLabels: {env: prod, region: eu}}}",
            "",
            [("apiServer", "blue", "tag:k8s-op-blue", "tcp:443", "blue")],
        ),
    ],
)
def test_what_an_access_entry_reaches(
    to: str, ports: str, expected: list[tuple[str, str, str, str, str | None]]
) -> None:
    entry = f"  - {{name: one, from: [group:a], to: [{to}]{', ports: ' + ports if ports else ''}}}"
    (access,) = resolved(ACCESS + entry).access
    assert [
        (d.kind.value, d.reference, " ".join(d.selectors), " ".join(map(str, d.ports)), d.cluster)
        for d in access.destinations
    ] == expected
    assert {d.place for d in access.destinations} == {Place(path_of("main.yaml"), 12, 39)}


def test_an_access_entry() -> None:
    (access,) = resolved(
        ACCESS
        + """
  - name: one
    from: [group:a, ana@example.com, {machine: db}]
    to: [{apiServer: blue}]
    srcPosture: [posture:a, posture:b]
    kubernetes: {impersonate: {groups: [system:masters, readers]}}
"""
    ).access
    assert (access.name, access.place) == ("one", Place(path_of("main.yaml"), 13, 5))
    assert [(s.reference, s.selectors) for s in access.sources] == [
        ("group:a", ("group:a",)),
        ("ana@example.com", ("ana@example.com",)),
        ("db", ("tag:db", "tag:sql")),
    ]
    assert access.src_posture == ("posture:a", "posture:b")
    assert access.destinations[0].kind is DestinationKind.API_SERVER
    assert access.kubernetes is not None
    assert (access.kubernetes.groups, access.kubernetes.bind) == (("system:masters", "readers"), None)
    assert access.kubernetes.place == Place(path_of("main.yaml"), 17, 5)


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("{clusterRole: view}", Bind(role_kind="ClusterRole", role="view", namespaces=())),
        ("{clusterRole: view, namespaces: [a, b]}", Bind(role_kind="ClusterRole", role="view", namespaces=("a", "b"))),
        ("{role: deployer, namespaces: [a]}", Bind(role_kind="Role", role="deployer", namespaces=("a",))),
    ],
)
def test_the_role_of_impersonated_groups(bind: str, expected: Bind) -> None:
    entry = f"""
  - name: one
    from: [group:a]
    to: [{{apiServer: blue}}]
    kubernetes: {{impersonate: {{groups: [readers]}}, bind: {bind}}}
"""
    (access,) = resolved(ACCESS + entry).access
    assert access.kubernetes is not None
    assert access.kubernetes.bind == expected


def test_two_readings_of_the_same_files_are_equal() -> None:
    assert resolved(ACCESS + "  []") == resolved(ACCESS + "  []")
