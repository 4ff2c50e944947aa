"""Chains of links that manifests declare: through ProxyGroups, to Tailscale Services, to devices and behind routers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tailstack.rules.links import LINK_INCOMPLETE
from tailstack.rules.proof import LinkProof
from tests.rules.cases import said_of
from tests.rules.examples import checked, files_of_example

OPERATOR = """apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: tailscale, labels: {app.kubernetes.io/name: tailscale-operator}}
spec:
  template:
    spec:
      containers:
        - name: operator
          image: tailscale/k8s-operator:v1.102.3
          env:
            - {name: OPERATOR_HOSTNAME, value: CLUSTER-operator}
            - {name: OPERATOR_INITIAL_TAGS, value: tag:k8s-operator}
            - {name: PROXY_TAGS, value: tag:k8s}
---
"""
TEXT = f"""# blue/a.yaml
{OPERATOR.replace("CLUSTER", "blue")}
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {{name: web-proxies}}
spec: {{type: ingress, tags: [tag:web-proxy]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: shop, namespace: web, annotations: {{tailscale.com/proxy-group: web-proxies, tailscale.com/tags: tag:shop}}}}
spec: {{ingressClassName: tailscale, tls: [{{hosts: [shop]}}], defaultBackend: {{service: {{name: nginx, port: {{number: 80}}}}}}}}
# green/a.yaml
{OPERATOR.replace("CLUSTER", "green")}
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {{name: egress-proxies}}
spec: {{type: egress, tags: [tag:out], proxyClass: routes}}
---
apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {{name: routes}}
spec: {{tailscale: {{acceptRoutes: true}}}}
---
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: default
  annotations: {{tailscale.com/tailnet-fqdn: shop.tail1a2b.ts.net, tailscale.com/proxy-group: egress-proxies}}
spec: {{type: ExternalName, externalName: placeholder, ports: [{{port: 443}}]}}
---
# policy.hujson
{{
  "tagOwners": {{
    "tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:out": ["tag:k8s-operator"],
    "tag:web-proxy": ["tag:k8s-operator"], "tag:shop": ["tag:k8s-operator"],
  }},
  "autoApprovers": {{"services": {{"tag:shop": ["tag:web-proxy"]}}}},
  "grants": [{{"src": ["tag:out"], "dst": ["svc:shop"], "ip": ["tcp:443"]}}],
}}
"""
FACTS = """# facts.json
{"devices": [
  {"name": "web-proxies-1.tail1a2b.ts.net", "addresses": ["100.64.0.2"], "tags": ["tag:web-proxy"]},
  {"name": "vm.tail1a2b.ts.net", "addresses": ["100.64.0.3"], "tags": ["tag:vm"]},
  {"name": "mac.tail1a2b.ts.net", "addresses": ["100.64.0.4"], "user": "ana@example.com"}],
 "vipServices": [
  {"name": "svc:shop", "addrs": ["100.100.0.1"], "hosts": ["web-proxies-1.tail1a2b.ts.net"]},
  {"name": "svc:pay", "addrs": ["100.100.0.2"], "ports": ["tcp:443"]}]}
"""


def proof_of(text: str) -> LinkProof:
    (proof,) = checked(files_of_example(text)).links
    return proof


def changed(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def test_every_step_to_a_tailscale_service_through_a_proxy_group_is_shown() -> None:
    proof = proof_of(TEXT)
    assert proof.link == "green.shop -> blue.shop"
    assert [(step.name, step.text) for step in proof.steps] == [
        ("client", "Pods of green call shop.default on tcp:443."),
        ("proxy", "The ProxyGroup egress-proxies wears tag:out, which the operator of green may give."),
        ("name", "shop.tail1a2b.ts.net is svc:shop (ingress blue.shop)."),
        ("https", "The tailnet issues a certificate for shop.tail1a2b.ts.net."),
        (
            "approval",
            "svc:shop is hosted by the ProxyGroup web-proxies of blue, approved by autoApprovers.services of tag:shop.",
        ),
        ("routes", "svc:shop is a Tailscale Service, and the proxy accepts routes by ProxyClass routes."),
        ("grant", "tag:out reaches svc:shop on tcp:443, by policy.hujson:8:14."),
        ("target", "The ProxyGroup web-proxies wears tag:web-proxy, which the operator of blue may give."),
        ("service", "Behind it is Service web/nginx of blue, port 80."),
    ]
    assert proof.is_complete


def policy_of(group: str) -> str:
    """A ProxyGroupPolicy of the namespace of the egress, before the policy file."""
    return (
        "---\napiVersion: tailscale.com/v1alpha1\nkind: ProxyGroupPolicy\nmetadata: {name: a, namespace: default}\n"
        f"spec: {{egress: [{group}]}}\n# policy"
    )


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Changes of the text, and the step that no longer holds; `is_told` where a rule of its own tells of it."""

    changes: tuple[tuple[str, str], ...]
    name: str
    text: str
    mend: str
    is_told: bool = False


APPROVERS = '"services": {"tag:shop": ["tag:web-proxy"]}'
BROKEN = (
    Broken(
        changes=((APPROVERS, '"services": {"svc:shop": ["tag:shop"], "tag:web-proxy": ["tag:web-proxy"]}'),),
        name="approval",
        text="Nothing approves that nodes with tag:web-proxy host svc:shop.",
        mend='Add "svc:shop": ["tag:web-proxy"] to autoApprovers.services of the policy file.',
    ),
    Broken(
        changes=(("acceptRoutes: true", "acceptRoutes: false"),),
        name="routes",
        text="svc:shop is a Tailscale Service, which only a proxy that accepts routes reaches, and that of green.shop "
        "accepts none.",
        mend="Write `tailscale: {acceptRoutes: true}` in ProxyClass routes of green.",
    ),
    Broken(
        changes=((", proxyClass: routes", ""),),
        name="routes",
        text="svc:shop is a Tailscale Service, which only a proxy that accepts routes reaches, and that of green.shop "
        "accepts none.",
        mend="Give the proxy a ProxyClass with `tailscale: {acceptRoutes: true}`.",
    ),
    Broken(
        changes=(("proxyClass: routes", "proxyClass: other"),),
        name="routes",
        text="svc:shop is a Tailscale Service, which only a proxy that accepts routes reaches, and that of green.shop "
        "accepts none.",
        mend="Give the proxy a ProxyClass with `tailscale: {acceptRoutes: true}`.",
        is_told=True,
    ),
    Broken(
        changes=(('"dst": ["svc:shop"]', '"dst": ["tag:web-proxy"]'),),
        name="grant",
        text="Nothing grants tag:out to reach svc:shop on tcp:443.",
        mend='Add {"src": ["tag:out"], "dst": ["svc:shop"], "ip": ["tcp:443"]} to the grants of the policy file.',
    ),
    Broken(
        changes=(('"tag:out": ["tag:k8s-operator"]', '"tag:out": []'),),
        name="proxy",
        text="The ProxyGroup egress-proxies wears tag:out, and the operator of green may not give tag:out.",
        mend="Add tag:k8s-operator to the owners of tag:out.",
    ),
    Broken(
        changes=(('"tag:web-proxy": ["tag:k8s-operator"]', '"tag:web-proxy": []'),),
        name="target",
        text="The ProxyGroup web-proxies wears tag:web-proxy, and the operator of blue may not give tag:web-proxy.",
        mend="Add tag:k8s-operator to the owners of tag:web-proxy.",
    ),
    Broken(
        changes=(("port: 443", "port: 80"), ("tcp:443", "tcp:80")),
        name="service",
        text="blue.shop offers tcp:443, and not tcp:80.",
        mend="Add the port to blue.shop, or take it from green.shop.",
    ),
    Broken(
        changes=(("shop.tail1a2b", "shoq.tail1a2b"),),
        name="name",
        text="No declared node is called shoq.tail1a2b.ts.net.",
        mend="Lead the egress to something that is declared, or declare the node under `machines`.",
        is_told=True,
    ),
    Broken(
        changes=(("value: green-operator", "value: shop"),),
        name="name",
        text="Several nodes ask for the name shop.tail1a2b.ts.net, and only one will have it.",
        mend="Give each of them a hostname of its own.",
    ),
    Broken(
        changes=(("type: egress", "type: ingress"),),
        name="proxy",
        text="green has no ProxyGroup egress-proxies of the type egress.",
        mend="Declare the ProxyGroup egress-proxies of the type egress in green.",
        is_told=True,
    ),
    Broken(
        changes=(("{name: egress-proxies}", "{name: other-proxies}"),),
        name="proxy",
        text="green has no ProxyGroup egress-proxies of the type egress.",
        mend="Declare the ProxyGroup egress-proxies of the type egress in green.",
        is_told=True,
    ),
    Broken(
        changes=(("---\n# policy", policy_of("other")),),
        name="proxy",
        text="The ProxyGroupPolicy of default does not list egress-proxies under `egress`.",
        mend="Add egress-proxies to `egress` of the ProxyGroupPolicy.",
        is_told=True,
    ),
)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.name}: {case.changes[0][1][:40]}")
def test_a_chain_breaks_at_the_first_step_that_does_not_hold(case: Broken) -> None:
    text = changed(*case.changes)
    broken = proof_of(text).broken
    assert broken is not None
    assert (broken.name, broken.text, broken.mend, broken.is_told) == (case.name, case.text, case.mend, case.is_told)
    assert broken.places
    assert said_of(text, LINK_INCOMPLETE) == (
        [] if case.is_told else [f"Link {proof_of(text).link} breaks at its {case.name}: {case.text}"]
    )


def test_a_policy_that_lists_the_group_lets_the_namespace_use_it() -> None:
    assert proof_of(changed(("---\n# policy", policy_of("egress-proxies")))).is_complete


def test_a_service_that_a_node_of_the_group_hosts_already_was_approved_by_somebody() -> None:
    proof = proof_of(changed((APPROVERS, '"services": {}')) + FACTS)
    assert "svc:shop is hosted by the ProxyGroup web-proxies of blue, approved by an admin." in [
        step.text for step in proof.steps
    ]


def test_of_several_clusters_that_host_a_service_one_is_enough() -> None:
    start, end = TEXT.index("apiVersion: tailscale.com"), TEXT.index("# green")
    elsewhere = f"# aaa/a.yaml\n{TEXT[start:end].replace('[tag:web-proxy]', '[tag:k8s]')}# blue/a.yaml"
    text = changed(("# blue/a.yaml", elsewhere))
    proof = proof_of(text)
    assert proof.is_complete
    assert "The ProxyGroup web-proxies wears tag:web-proxy, which the operator of blue may give." in [
        step.text for step in proof.steps
    ]
    neither = proof_of(text.replace(APPROVERS, '"services": {}')).broken
    assert neither is not None
    assert neither.text == "Nothing approves that nodes with tag:k8s host svc:shop."


def to(target: str, *, ports: str = "port: 443") -> str:
    """The same with an egress of one proxy to another target."""
    return changed(
        ("tailscale.com/tailnet-fqdn: shop.tail1a2b.ts.net, tailscale.com/proxy-group: egress-proxies", target),
        ("[{port: 443}]", f"[{{{ports}}}]" if ports else "[]"),
        ('"dst": ["svc:shop"]', '"dst": ["tag:vm", "svc:pay", "ana@example.com", "10.1.0.0/16", "tag:k8s-operator"]'),
        ('"src": ["tag:out"]', '"src": ["tag:k8s"]'),
    )


@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("tailscale.com/tailnet-fqdn: vm.tail1a2b.ts.net", "tag:k8s reaches the device vm.tail1a2b.ts.net on tcp:443"),
        (
            "tailscale.com/tailnet-fqdn: mac.tail1a2b.ts.net",
            "tag:k8s reaches the device mac.tail1a2b.ts.net on tcp:443",
        ),
        ("tailscale.com/tailnet-ip: 100.64.0.3", "tag:k8s reaches 100.64.0.3 on tcp:443"),
    ],
)
def test_a_link_may_end_at_a_device_that_there_is(target: str, last: str) -> None:
    proof = proof_of(to(target) + FACTS)
    assert proof.is_complete
    assert proof.steps[-1].text == f"{last}, by policy.hujson:8:14."


def test_a_grant_to_a_device_names_its_tag_its_user_or_its_name() -> None:
    for name, selector in (("vm", "tag:vm"), ("mac", "ana@example.com"), ("old", "old.tail1a2b.ts.net")):
        text = to(f"tailscale.com/tailnet-fqdn: {name}.tail1a2b.ts.net").replace(
            '"src": ["tag:k8s"]', '"src": ["tag:x"]'
        )
        facts = FACTS.replace('{"devices": [', '{"devices": [{"name": "old.tail1a2b.ts.net"},')
        broken = proof_of(text + facts).broken
        assert broken is not None
        assert f'"dst": ["{selector}"]' in broken.mend


def test_a_tailscale_service_of_others_needs_a_proxy_that_accepts_routes() -> None:
    text = to("tailscale.com/tailnet-fqdn: pay.tail1a2b.ts.net") + FACTS
    broken = proof_of(text).broken
    assert broken is not None
    assert broken.text.startswith("svc:pay is a Tailscale Service, which only a proxy that accepts routes reaches")
    with_class = text.replace("  name: shop\n", "  name: shop\n  labels: {tailscale.com/proxy-class: routes}\n")
    assert proof_of(with_class).is_complete


def test_an_address_behind_a_subnet_router_needs_a_proxy_that_accepts_routes() -> None:
    text = to("tailscale.com/tailnet-ip: 10.1.0.9")
    broken = proof_of(text).broken
    assert broken is not None
    assert (broken.name, broken.text.partition(",")[0]) == ("routes", "10.1.0.9 is behind a subnet router")


def test_where_the_operator_is_not_shown_its_default_class_and_tags_prove_nothing() -> None:
    text = to("tailscale.com/tailnet-ip: 10.1.0.9").replace(OPERATOR.replace("CLUSTER", "green"), "")
    proof = proof_of(text)
    assert proof.is_complete
    assert [step.text for step in proof.steps[1:3]] == [
        "The proxy default-shop wears tag:k8s; the operator of green is not shown.",
        (
            "10.1.0.9 is behind a subnet router; whether the proxy accepts routes, the chart's default ProxyClass says, "
            "which is not shown."
        ),
    ]


def test_a_link_to_an_operator_ends_at_its_node() -> None:
    proof = proof_of(to("tailscale.com/tailnet-fqdn: blue-operator.tail1a2b.ts.net"))
    assert proof.is_complete
    assert proof.steps[-1].text == "operator blue wears tag:k8s-operator, which the operator of blue may give."


def test_an_api_server_behind_a_group_is_a_service_too() -> None:
    group = (
        "apiVersion: tailscale.com/v1alpha1\nkind: ProxyGroup\nmetadata: {name: api}\n"
        "spec: {type: kube-apiserver, tags: [tag:shop]}\n# green/a.yaml"
    )
    text = changed(
        ("# green/a.yaml", f"---\n{group}"),
        ("shop.tail1a2b.ts.net", "api.tail1a2b.ts.net"),
        ('"svc:shop"', '"svc:api"'),
        ('["tag:web-proxy"]}}', '["tag:shop"]}}'),
    )
    proof = proof_of(text)
    assert proof.is_complete
    assert proof.steps[-1].text == "Behind it is the API server of blue."


def test_a_service_without_ports_lets_any_port_through() -> None:
    text = to("tailscale.com/tailnet-fqdn: vm.tail1a2b.ts.net", ports="") + FACTS
    assert proof_of(text).steps[-1].text == (
        "tag:k8s reaches the device vm.tail1a2b.ts.net on any port, by policy.hujson:8:14."
    )
    broken = proof_of(text.replace('"tag:vm", ', "")).broken
    assert broken is not None
    assert broken.text == "Nothing grants tag:k8s to reach the device vm.tail1a2b.ts.net on any port."
    assert '"ip": ["*"]' in broken.mend


def test_settings_that_are_known_to_be_off_break_the_chain() -> None:
    for live, name in (('"settings": {"httpsEnabled": false}', "https"), ('"dns": {"magicDNS": false}', "name")):
        broken = proof_of(f"{TEXT}# facts.json\n{{{live}}}\n").broken
        assert broken is not None
        assert (broken.name, broken.is_told) == (name, True)
    assert proof_of(f'{TEXT}# facts.json\n{{"settings": {{"httpsEnabled": true}}}}\n').is_complete
