"""7xx: ProxyClasses."""

from __future__ import annotations

import pytest

from tailstack.rules import proxy_classes
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator, resource, service

BLUE = POLICY + operator()
SMALL = resource("ProxyClass", "small", "{}")
INGRESS = """# blue/ing.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: default, labels: {tailscale.com/proxy-class: smal}}
spec: {ingressClassName: tailscale, tls: [{hosts: [shop]}]}
"""
EGRESS = """# blue/out.yaml
apiVersion: v1
kind: Service
metadata:
  name: out
  namespace: default
  labels: {tailscale.com/proxy-class: smal}
  annotations: {tailscale.com/tailnet-fqdn: db.tail1a2b.ts.net}
spec: {type: ExternalName, externalName: placeholder}
"""


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (INGRESS, "ingress blue.i"),
        (EGRESS, "egress blue.out"),
        (service().replace("namespace: default", "labels: {tailscale.com/proxy-class: smal}"), "exposure blue.web"),
        (resource("ProxyGroup", "out", "{type: egress, proxyClass: smal}"), "proxy group blue.out"),
        (resource("Connector", "exit", "{exitNode: true, proxyClass: smal}"), "connector blue.exit"),
        (resource("PeerRelay", "relay", "{proxyClass: smal}"), "peer relay blue.relay"),
    ],
)
def test_a_class_that_the_cluster_does_not_have(text: str, who: str) -> None:
    (finding,) = found_in(BLUE + SMALL + text, proxy_classes.PROXYCLASS_MISSING)
    assert finding.message == f"{who} names the ProxyClass smal, which cluster blue does not have."
    assert finding.mend == "Did you mean small?"
    assert said_of(BLUE + SMALL + text.replace("smal}", "small}"), proxy_classes.PROXYCLASS_MISSING) == []


def test_a_class_of_another_cluster_is_not_there() -> None:
    text = (
        BLUE + resource("ProxyGroup", "out", "{type: egress, proxyClass: small}") + SMALL.replace("# blue", "# green")
    )
    (finding,) = found_in(text, proxy_classes.PROXYCLASS_MISSING)
    assert finding.expected == "a ProxyClass of this name"


def test_the_charts_default_is_said_once() -> None:
    text = POLICY + operator(more='            - {name: PROXY_DEFAULT_CLASS, value: "smal"}\n') + service() + INGRESS
    assert said_of(text, proxy_classes.PROXYCLASS_MISSING) == [
        "The chart's default for cluster blue names the ProxyClass smal, which cluster blue does not have."
    ]


def ports(name: str, *ranges: str) -> str:
    return resource("ProxyClass", name, f"{{staticEndpoints: {{nodePort: {{ports: [{', '.join(ranges)}]}}}}}}")


def test_a_service_monitor_needs_metrics() -> None:
    text = BLUE + resource("ProxyClass", "small", "{metrics: {enable: false, serviceMonitor: {enable: true}}}")
    assert said_of(text, proxy_classes.PROXYCLASS_CONTENT) == [
        "ProxyClass small of blue has a ServiceMonitor, and no metrics."
    ]


def test_node_ports_of_two_classes_do_not_overlap() -> None:
    text = (
        BLUE
        + ports("a", "{port: 30000, endPort: 30100}", "{port: 30200}")
        + ports("b", "{port: 30050, endPort: 30060}")
    )
    assert said_of(text, proxy_classes.PROXYCLASS_CONTENT) == [
        "ProxyClass b of blue has node ports that ProxyClass a has already: 30050-30060."
    ]
    assert places_of(text, proxy_classes.PROXYCLASS_CONTENT) == [["proxyclass-b.yaml:4:18", "proxyclass-a.yaml:4:18"]]
    assert said_of(text.replace("30050", "30101").replace("30060", "30110"), proxy_classes.PROXYCLASS_CONTENT) == []
    assert said_of(text.replace("# blue/proxyclass-b", "# green/b"), proxy_classes.PROXYCLASS_CONTENT) == []


def test_node_ports_of_one_class_do_not_overlap() -> None:
    text = BLUE + ports("a", "{port: 30000, endPort: 30100}", "{port: 30100, endPort: 30200}", "{port: 30150}")
    assert said_of(text, proxy_classes.PROXYCLASS_CONTENT) == [
        "ProxyClass a of blue has node ports that it has already: 30100-30100.",
        "ProxyClass a of blue has node ports that it has already: 30150-30150.",
    ]
    assert [len(places) for places in places_of(text, proxy_classes.PROXYCLASS_CONTENT)] == [1, 1]


def test_node_ports_that_are_no_range() -> None:
    text = BLUE + ports("a", "{port: 30100, endPort: 30000}", "{port: 30200, endPort: 70000}")
    assert said_of(text, proxy_classes.PROXYCLASS_CONTENT) == [
        "ProxyClass a of blue has the node ports 30100-30000, which is no range.",
        "ProxyClass a of blue has the node ports 30200-70000, which is no range.",
    ]


def env(name: str) -> str:
    return f"{{statefulSet: {{pod: {{tailscaleContainer: {{env: [{{name: {name}, value: a}}]}}}}}}}}"


@pytest.mark.parametrize("name", ["TS_EXTRA_ARGS", "experimental_ts_configfile_path"])
def test_variables_of_the_operator(name: str) -> None:
    assert said_of(BLUE + resource("ProxyClass", "a", env(name)), proxy_classes.PROXYCLASS_RISKY) == [
        f"ProxyClass a of blue sets {name}, which the operator may set too."
    ]
    assert said_of(BLUE + resource("ProxyClass", "a", env("ATS_1")), proxy_classes.PROXYCLASS_RISKY) == []


def test_node_ports_outside_of_the_default_range() -> None:
    assert said_of(BLUE + ports("a", "{port: 20000, endPort: 20010}"), proxy_classes.PROXYCLASS_RISKY) == [
        "ProxyClass a of blue takes the node ports 20000-20010, which a cluster does not have by default."
    ]
    assert said_of(BLUE + ports("a", "{port: 30000, endPort: 32767}"), proxy_classes.PROXYCLASS_RISKY) == []


def test_a_class_that_is_derived_of_another_one_is_not_judged_a_second_time() -> None:
    text = (
        "machines: {db: {tags: [tag:db]}}\n"
        "services: {svc:db: {ports: [tcp:1], machines: [db]}}\n"
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    operator: {defaultProxyClass: small}\n"
        "    proxyClasses:\n"
        "      small:\n"
        "        metrics: {enable: false, serviceMonitor: true}\n"
        "        statefulSet: {pod: {tailscaleContainer: {env: [{name: TS_USERSPACE, value: 'true'}]}}}\n"
        "    egress: {db: {namespace: a, to: {service: svc:db}}}\n"
    )
    for rule in (proxy_classes.PROXYCLASS_CONTENT, proxy_classes.PROXYCLASS_RISKY):
        assert len(said_of(text, rule)) == 1
