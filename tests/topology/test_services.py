from __future__ import annotations

import pytest

from tailstack.topology.declaration import IngressHttp, ManagedBy
from tailstack.topology.tailnet import HTTP, HTTPS, Exposure, Ingress, Port, Tailnet
from tests.topology.marked import BASE, check_finding, findings_of, path_of, resolved, unmarked

CLUSTERS = """
machines: {db-1: {tags: [tag:db]}, db-2: {tags: [tag:db]}}
clusters:
  blue: {kubernetes: {context: blue}, operator: {defaultProxyClass: standard}, proxyClasses: {standard: {}}, proxyGroups: {in: {type: ingress}}}
  green: {kubernetes: {context: green}, proxyGroups: {in: {type: ingress}, other: {type: ingress}}}
"""


def of(service: str) -> Tailnet:
    return resolved(f"{CLUSTERS}services:\n  svc:pay: {service}\n")


def test_what_several_clusters_serve() -> None:
    tailnet = of("{ports: [tcp:5672, udp:53], proxyGroup: in, backends: {blue: pay/queue, green: pay/queue}}")
    (service,) = tailnet.services
    assert (service.name, service.hostname, service.fqdn) == ("svc:pay", "pay", "pay.tail1a2b.ts.net")
    assert service.ports == service.granted_ports == (Port("tcp", 5672, 5672), Port("udp", 53, 53))
    assert (service.tags, service.consumers, service.machines) == (("tag:svc-pay",), None, ())
    assert (service.comment, service.reference, service.tailscale_service) == ("", "svc:pay", "svc:pay")
    assert service.backends == tailnet.exposures
    blue, green = tailnet.exposures
    assert isinstance(blue, Exposure)
    assert (blue.reference, green.reference) == ("blue.pay", "green.pay")
    assert (blue.namespace, blue.service, blue.managed_by) == ("pay", "queue", ManagedBy.PATCH)
    assert (blue.hostname, blue.fqdn, blue.tailscale_service) == ("pay", service.fqdn, "svc:pay")
    assert (blue.proxy_group, blue.proxy_class, blue.is_shared, blue.tags) == ("in", None, True, service.tags)
    assert blue.granted_ports == service.ports
    assert (blue.place.line, blue.place.column) == (7, 67)


def test_backends_in_full() -> None:
    tailnet = of(
        "{ports: [tcp:80], tags: [tag:a, tag:b], consumers: [green], backends:"
        " {blue: {namespace: a, service: s, managedBy: pulumi, selector: {x: z}, proxyGroup: in},"
        " green: {namespace: b, service: t, managedBy: gitops, proxyGroup: other}}}"
    )
    (service,) = tailnet.services
    blue, green = tailnet.exposures
    assert (service.tags, service.consumers) == (("tag:a", "tag:b"), ("green",))
    assert (blue.managed_by, blue.selector, blue.proxy_group) == (ManagedBy.PULUMI, (("x", "z"),), "in")
    assert (green.managed_by, green.proxy_group, green.consumers) == (ManagedBy.GITOPS, "other", ("green",))


@pytest.mark.parametrize(
    ("https", "ports", "http"),
    [
        ("{}", (HTTPS,), None),
        ("{http: redirect}", (HTTPS, HTTP), IngressHttp.REDIRECT),
        ("{http: serve}", (HTTPS, HTTP), IngressHttp.SERVE),
    ],
)
def test_https_in_front_of_several_clusters(https: str, ports: tuple[Port, ...], http: IngressHttp | None) -> None:
    backend = "{namespace: pay, service: web, port: 8080}"
    tailnet = of(f"{{https: {https}, proxyGroup: in, backends: {{blue: {backend}, green: {backend}}}}}")
    (service,) = tailnet.services
    blue, _ = tailnet.ingresses
    assert isinstance(blue, Ingress)
    assert service.backends == tailnet.ingresses
    assert (service.ports, blue.granted_ports, blue.http) == (ports, ports, http)
    assert (blue.backend_service, blue.backend_port, blue.namespace) == ("web", 8080, "pay")
    assert (blue.is_shared, blue.funnel, blue.hostname, blue.proxy_group) == (True, False, "pay", "in")


def test_what_machines_serve() -> None:
    tailnet = of("{ports: [tcp:5432], machines: [db-1, db-2], comment: two databases}")
    (service,) = tailnet.services
    assert ([machine.name for machine in service.machines], service.backends) == (["db-1", "db-2"], ())
    assert (service.comment, tailnet.exposures, tailnet.ingresses) == ("two databases", (), ())


def test_one_name_stands_for_the_service_everywhere() -> None:
    """Services of a cluster and what it exposes itself may not be called alike; its egress may lead to the Service."""
    egress = "egress: {pay: {namespace: a, to: {service: svc:pay}}}"
    tailnet = resolved(
        CLUSTERS.replace("other: {type: ingress}}", f"other: {{type: ingress}}}}, {egress}")
        + "services: {svc:pay: {ports: [tcp:1], proxyGroup: in, backends: {green: a/b}}}\n"
    )
    (egress_found,) = tailnet.egresses
    assert egress_found.target == tailnet.services[0]


GROUP = "proxyGroup: in"
CREATED = "{namespace: a, service: b, managedBy: pulumi, selector: {c: d}}"
MISTAKES = [
    ("one-of", f"§{{ports: [tcp:1], {GROUP}}}", ("exactly one of backends, machines",)),
    ("one-of", f"§{{ports: [tcp:1], {GROUP}, backends: {{blue: a/b}}, machines: [db-1]}}", ("at once",)),
    ("one-of", f"§{{{GROUP}, backends: {{blue: a/b}}}}", ("exactly one of ports, https",)),
    ("one-of", f"§{{{GROUP}, ports: [tcp:1], https: {{}}, backends: {{blue: a/b}}}}", ("ports and https",)),
    ("key-does-not-fit", "{§https: {}, machines: [db-1]}", ("serve what they have", "Write `ports:`.")),
    ("key-does-not-fit", f"{{ports: [tcp:1], §{GROUP}, machines: [db-1]}}", ("machines",)),
    ("key-does-not-fit", f"{{ports: [tcp:1], {GROUP}, backends: {{blue: a/b}}, §comment: x}}", ("operators write",)),
    ("listed-twice", "{ports: [tcp:1], machines: [②db-1, §db-1]}", ("db-1",)),
    ("listed-twice", "{ports: [②tcp:1, §tcp:1], machines: [db-1]}", ("tcp:1",)),
    ("listed-twice", "{ports: [tcp:1], machines: [db-1], tags: [②tag:a, §tag:a]}", ("tag:a",)),
    ("listed-twice", "{ports: [tcp:1], machines: [db-1], consumers: [②blue, §blue]}", ("blue",)),
    ("unknown-reference", "{ports: [tcp:1], machines: [§db-3]}", ('no machine called "db-3"', "db-1, db-2")),
    ("unknown-reference", f"{{ports: [tcp:1], {GROUP}, backends: {{red: §a/b}}}}", ('no cluster called "red"',)),
    ("unknown-reference", "{ports: [tcp:1], machines: [db-1], consumers: [§red]}", ("red",)),
    ("wrong-port", "{ports: [§tcp:70000], machines: [db-1]}", ("tcp:70000",)),
    (
        "wrong-port",
        f"{{ports: [§tcp:1-9], {GROUP}, backends: {{blue: {CREATED}, green: {CREATED}}}}}",
        ("A Service that the stack creates cannot have the port tcp:1-9.",),
    ),
    ("missing-key", "{ports: [tcp:1], backends: {blue: §a/b}}", ("needs the key proxyGroup", "for all of its clusters")),
    ("missing-key", f"{{https: {{}}, {GROUP}, backends: {{blue: §a/b}}}}", ("needs the key port", "https")),
    (
        "missing-key",
        f"{{ports: [tcp:1], {GROUP}, backends: {{blue: §{{namespace: a, service: b, managedBy: pulumi}}}}}}",
        ("needs the key selector",),
    ),
    (
        "key-does-not-fit",
        f"{{ports: [tcp:1], {GROUP}, backends: {{blue: {{namespace: a, service: b, §port: 80}}}}}}",
        ("those of the Service",),
    ),
    (
        "key-does-not-fit",
        f"{{ports: [tcp:1], {GROUP}, backends: {{blue: {{namespace: a, service: b, §selector: {{c: d}}}}}}}}",
        ("managedBy: patch",),
    ),
    (
        "key-does-not-fit",
        f"{{https: {{}}, {GROUP}, backends: {{blue: {{namespace: a, service: b, port: 1, §managedBy: gitops}}}}}}",
        ("as it is",),
    ),
    (
        "key-does-not-fit",
        f"{{https: {{}}, {GROUP}, backends: {{blue: {{namespace: a, service: b, port: 1, §selector: {{c: d}}}}}}}}",
        ("as it is",),
    ),
    ("wrong-value", f"{{ports: [tcp:1], {GROUP}, backends: {{blue: §queue}}}}", ("<namespace>/<service>",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "service", "words"), MISTAKES, ids=[service for _, service, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, service: str, words: tuple[str, ...]) -> None:
    check_finding({**BASE, "main.yaml": f"{CLUSTERS}services:\n  svc:pay: {service}\n"}, slug, *words)


def test_a_name_that_is_none() -> None:
    text = CLUSTERS + "services: {§pay: {ports: [tcp:1], machines: [db-1]}}\n"
    check_finding(
        {**BASE, "main.yaml": text}, "wrong-name", "the name of a Tailscale Service, for example svc:payments"
    )


@pytest.mark.parametrize(
    "exposed",
    [
        "expose: {②pay: {namespace: a, ports: [tcp:1], managedBy: patch}}",
        "ingress: {②pay: {namespace: a, backend: {service: s, port: 1}}}",
    ],
)
def test_a_name_that_the_cluster_has_already(exposed: str) -> None:
    text = CLUSTERS.replace("{kubernetes: {context: blue}", f"{{{exposed}, kubernetes: {{context: blue}}")
    service = "services: {svc:pay: {ports: [tcp:1], proxyGroup: in, backends: {§blue: a/b}}}\n"
    check_finding({**BASE, "main.yaml": text + service}, "name-taken", "The name pay is taken")


def test_machines_that_have_a_mistake_are_not_missing_too() -> None:
    text = (
        CLUSTERS.replace("db-1: {tags: [tag:db]}", "db-1: {}")
        + "services: {svc:pay: {ports: [tcp:1], machines: [db-1]}}\n"
    )
    assert [finding.rule.slug for finding in findings_of(unmarked({**BASE, "main.yaml": text})[0])] == ["missing-key"]


def test_services_merge_by_name_over_files() -> None:
    tailnet = resolved(
        CLUSTERS + "services: {svc:a: {ports: [tcp:1], machines: [db-1]}}\n",
        more="services: {svc:b: {ports: [tcp:1], machines: [db-1]}}",
    )
    assert [service.name for service in tailnet.services] == ["svc:a", "svc:b"]
    assert tailnet.services[1].place.file == path_of("more.yaml")
