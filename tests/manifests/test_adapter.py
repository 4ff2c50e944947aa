"""Objects as the resolved tailnet that the operator makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailstack.finding import Place
from tailstack.manifests.adapter import UNKNOWN_DNS_NAME, tailnet_of
from tailstack.manifests.operators import operator_deployments, tags_of, uses_tailscale
from tailstack.manifests.reading import read_manifests
from tailstack.topology.custom import (
    Connector,
    CustomResources,
    DnsConfig,
    OtherTailnet,
    PeerRelay,
    ProxyClass,
    ProxyGroup,
    ProxyGroupKind,
    ProxyGroupPolicy,
    Recorder,
    RoleBinding,
)
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Address, BasePolicy, Cluster, Egress, Exposure, Ingress, Operator, Port, Tailnet
from tests.manifests.written import files_of

DOMAIN = "tail1a2b.ts.net"
HERE = Place("", 1, 1)


def tailnet(text: str, dns_name: str | None = DOMAIN) -> Tailnet:
    objects = read_manifests(files_of(text) if text.startswith("# ") else {"blue/a.yaml": text}).objects
    return tailnet_of(objects, policy=None, dns_name=dns_name, environment="manifests")


def cluster(text: str) -> Cluster:
    (only,) = tailnet(text).clusters
    return only


def exposure(text: str) -> Exposure:
    (only,) = cluster(text).exposures
    return only


def ingress(text: str) -> Ingress:
    (only,) = cluster(text).ingresses
    return only


def egress(text: str) -> Egress:
    (only,) = cluster(text).egresses
    return only


def service(annotations: str = "", spec: str = "ports: [{port: 80}]", name: str = "nginx", more: str = "") -> str:
    metadata = f"name: {name}, annotations: {{{annotations}}}{more}"
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n"


def web(annotations: str = "", spec: str = "", name: str = "web") -> str:
    return (
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        f"metadata: {{name: {name}, namespace: shop, annotations: {{{annotations}}}}}\n"
        f"spec: {{ingressClassName: tailscale, {spec}}}\n"
    )


def custom(kind: str, spec: str = "", name: str = "it") -> str:
    return f"---\napiVersion: tailscale.com/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def operator(env: str = "", image: str = "tailscale/k8s-operator:v1.102.3", more: str = "", labels: str = "") -> str:
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: operator, namespace: ts, labels: {{{labels}}}}}\n"
        f"spec: {{template: {{spec: {{containers: [{{name: sidecar}}, {{image: '{image}', env: [{env}]}}], {more}}}}}}}\n"
    )


def variable(name: str, value: str) -> str:
    return f'{{name: {name}, value: "{value}"}}, '


EXPOSED = 'tailscale.com/expose: "true"'
PG = "tailscale.com/proxy-group: pg"


# What the tailnet as a whole is


def test_nothing_is_a_tailnet_without_clusters() -> None:
    found = tailnet_of(read_manifests({}).objects, policy=None, dns_name=None, environment="manifests")
    assert (found.clusters, found.dns_name, found.is_dns_name_assumed) == ((), UNKNOWN_DNS_NAME, True)
    assert found.place == Place("", 1, 1)


def test_the_policy_file_is_the_base_and_first_place() -> None:
    policy = BasePolicy(file="policy.hujson", text="{}")
    found = tailnet_of(read_manifests({}).objects, policy=policy, dns_name=DOMAIN, environment="manifests")
    assert (found.base_policy, found.place) == (policy, Place("policy.hujson", 1, 1))
    assert (found.magic_dns, found.https_certificates, found.derive_tests) == (True, True, False)
    assert (found.environment, found.dns_name, found.is_dns_name_assumed) == ("manifests", DOMAIN, False)


def test_a_cluster_that_has_nothing_to_do_with_the_tailnet_is_left_out() -> None:
    found = tailnet("# blue/a.yaml\n" + service() + "# green/b.yaml\n" + service(EXPOSED))
    assert [c.name for c in found.clusters] == ["green"]
    assert found.files == ("blue/a.yaml", "green/b.yaml")
    assert found.place == Place("blue/a.yaml", 3, 1)


def test_the_domain_is_what_most_objects_name() -> None:
    out = [
        service(f"tailscale.com/tailnet-fqdn: a.{domain}", name=f"s{n}")
        for n, domain in enumerate(("b.ts.net", "Web.ts.net.", "x.y.ts.net", "example.com"))
    ]
    text = "".join(out) + web(spec="tls: [{hosts: [shop.web.ts.net]}]")
    found = tailnet(text, dns_name=None)
    assert (found.dns_name, found.is_dns_name_assumed) == ("web.ts.net", True)
    assert found.clusters[0].ingresses[0].fqdn == "shop.web.ts.net"


# Operators


def test_an_operator_is_what_its_deployment_says() -> None:
    env = (
        variable("OPERATOR_HOSTNAME", "blue-op")
        + variable("OPERATOR_INITIAL_TAGS", "tag:a,tag:b")
        + variable("PROXY_TAGS", "tag:p, tag:q")
        + variable("APISERVER_PROXY", "noauth")
        + variable("PROXY_DEFAULT_CLASS", "fast")
        + variable("OPERATOR_INGRESS_CLASS_NAME", "ts")
        + "{name: OPERATOR_NAMESPACE, valueFrom: {fieldRef: {}}}, {value: x}, {name: ODD, value: [a]}"
    )
    more = "volumes: [{name: other}, {name: oauth, secret: {secretName: operator-oauth}}]"
    text = operator(env, more=more) + (
        "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: ts}\n"
        "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: kube-apiserver-auth-proxy, namespace: ts}\n"
    )
    assert cluster(text).operator == Operator(
        hostname="blue-op",
        fqdn=f"blue-op.{DOMAIN}",
        namespace="ts",
        tags=("tag:a", "tag:b"),
        proxy_tags=("tag:p", "tag:q"),
        chart=replace(cluster(text).operator.chart, version="1.102.3"),
        api_server_proxy=ApiServerProxyMode.NOAUTH,
        existing_secret="operator-oauth",
        ingress_class="ts",
        default_proxy_class="fast",
        allows_impersonation=True,
        place=Place("blue/a.yaml", 4, 18),
    )
    (shown,) = operator_deployments(read_manifests({"blue/a.yaml": text}).objects, "blue")
    assert shown.env["PROXY_TAGS"] == "tag:p, tag:q"
    assert "OPERATOR_NAMESPACE" not in shown.env
    assert shown.place("OPERATOR_HOSTNAME").line == 5
    assert shown.place("GONE") == Place("blue/a.yaml", 4, 18)


def test_an_operator_without_variables_has_the_operators_own_defaults() -> None:
    found = cluster(operator()).operator
    assert (found.hostname, found.tags, found.proxy_tags) == ("tailscale-operator", ("tag:k8s-operator",), ("tag:k8s",))
    assert (found.api_server_proxy, found.existing_secret, found.default_proxy_class) == ("off", None, None)
    # No IngressClass is among the manifests, and no ServiceAccount either.
    assert (found.ingress_class, found.allows_impersonation, found.is_assumed) == (None, False, False)


def test_a_cluster_whose_operator_is_not_shown_has_the_charts_own() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + service(EXPOSED)
    found = cluster(text)
    assert found.operator.is_assumed
    assert (found.operator.hostname, found.operator.namespace) == ("tailscale-operator", "tailscale")
    assert (found.operator.ingress_class, found.operator.chart.version) == ("tailscale", "")
    assert found.operator.place == Place("blue/a.yaml", 5, 1)
    assert found.place == Place("blue/a.yaml", 1, 1)


@pytest.mark.parametrize(
    ("env", "mode"),
    [
        (variable("APISERVER_PROXY", "true"), ApiServerProxyMode.AUTH),
        (variable("APISERVER_PROXY", "false"), ApiServerProxyMode.OFF),
        ("{name: APISERVER_PROXY, value: true}", ApiServerProxyMode.AUTH),
        (variable("APISERVER_PROXY", "yes"), ApiServerProxyMode.OFF),
        (variable("AUTH_PROXY", "true"), ApiServerProxyMode.AUTH),
        (variable("AUTH_PROXY", "false"), ApiServerProxyMode.OFF),
        (variable("AUTH_PROXY", "true") + variable("APISERVER_PROXY", "noauth"), ApiServerProxyMode.NOAUTH),
    ],
)
def test_the_mode_of_the_api_server_proxy(env: str, mode: ApiServerProxyMode) -> None:
    assert cluster(operator(env)).operator.api_server_proxy is mode


@pytest.mark.parametrize(
    ("image", "labels", "version"),
    [
        ("ghcr.io/tailscale/k8s-operator:v1.100.0", "", "1.100.0"),
        ("registry.example.com:5000/ts/k8s-operator:1.98.3@sha256:00", "", "1.98.3"),
        ("registry.example.com:5000/ts/k8s-operator@sha256:00", "", ""),
        ("tailscale/k8s-operator", "", ""),
        ("tailscale/k8s-operator:unstable", "", ""),
        ("tailscale/k8s-operator:v1.103.20", "helm.sh/chart: tailscale-operator-1.104.1", "1.104.1"),
    ],
)
def test_the_version_is_that_of_the_chart_or_of_the_image(image: str, labels: str, version: str) -> None:
    assert cluster(operator(image=image, labels=labels)).operator.chart.version == version


def test_an_operator_with_another_image_is_known_by_its_variables() -> None:
    env = variable("OPERATOR_SECRET", "operator") + variable("OPERATOR_INITIAL_TAGS", "tag:a")
    assert cluster(operator(env, image="mirror/ts-op:1")).operator.tags == ("tag:a",)
    assert tailnet(operator(variable("OPERATOR_SECRET", "x"), image="mirror/other")).clusters == ()


def test_workload_identity_names_no_secret() -> None:
    assert cluster(operator(more="volumes: [{name: oidc-jwt}]")).operator.existing_secret is None


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (None, ()),
        ("", ()),
        ("tag:a", ("tag:a",)),
        ("tag:a, tag:b,,tag:a", ("tag:a", "tag:b")),
        ("[tag:a tag:b]", ("tag:a", "tag:b")),
    ],
)
def test_tags_are_read_as_they_were_meant(text: str | None, tags: tuple[str, ...]) -> None:
    assert tags_of(text) == tags


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        (custom("DNSConfig"), True),
        (web(), True),
        (service(spec="type: LoadBalancer, loadBalancerClass: tailscale"), True),
        (service(more=", labels: {tailscale.com/proxy-class: a}"), True),
        (service("tailscale.com/unknown: a"), True),
        (service(), False),
        (
            "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a}\nspec: {controller: tailscale.com/ts-ingress}",
            True,
        ),
        ("apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a}\nspec: {controller: nginx}", False),
        (
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {group: tailscale.com}",
            True,
        ),
        (
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {group: x.io}",
            False,
        ),
    ],
)
def test_what_the_operator_has_to_do_with(text: str, uses: bool) -> None:
    (made,) = read_manifests({"blue/a.yaml": text}).objects.all
    assert uses_tailscale(made) is uses


# Exposures


def test_a_service_is_exposed_with_the_operators_defaults() -> None:
    spec = "ports: [{port: 80, name: http, targetPort: web}, {port: 53, protocol: UDP}, {port: 90, targetPort: 91}]"
    found = exposure(
        operator(variable("PROXY_TAGS", "tag:p") + variable("PROXY_DEFAULT_CLASS", "c")) + service(EXPOSED, spec)
    )
    assert (found.hostname, found.fqdn, found.tags) == ("default-nginx", f"default-nginx.{DOMAIN}", ("tag:p",))
    assert [(str(p.port), p.target_port, p.name) for p in found.ports] == [
        ("tcp:80", "web", "http"),
        ("udp:53", 53, "udp-53"),
        ("tcp:90", 91, "tcp-90"),
    ]
    assert (found.cluster, found.name, found.namespace, found.service) == ("blue", "nginx", "default", "nginx")
    assert (found.managed_by, found.selector, found.consumers, found.former_names) == ("gitops", (), None, ())
    assert (found.proxy_group, found.proxy_class, found.tailscale_service) == (None, "c", None)
    assert found.place == Place("blue/a.yaml", 9, 18)


def test_ports_that_are_none_are_passed_over() -> None:
    spec = "ports: [{port: 0}, {port: 65536}, {port: a}, {port: 1, protocol: ICMP}, {port: 2, protocol: SCTP}, {}]"
    assert [str(p.port) for p in exposure(service(EXPOSED, spec)).ports] == ["sctp:2"]


def test_annotations_and_labels_change_them() -> None:
    text = service(
        f'{EXPOSED}, tailscale.com/hostname: www, tailscale.com/tags: "tag:a, tag:b", tailscale.com/proxy-class: annotated',
        more=", labels: {tailscale.com/proxy-class: labelled}",
    )
    found = exposure(text)
    assert (found.hostname, found.tags, found.proxy_class) == ("www", ("tag:a", "tag:b"), "labelled")
    assert exposure(service(f"{EXPOSED}, tailscale.com/proxy-class: annotated")).proxy_class == "annotated"
    without = operator(variable("PROXY_DEFAULT_CLASS", "c")) + service(
        EXPOSED, more=', labels: {tailscale.com/proxy-class: ""}'
    )
    assert exposure(without).proxy_class is None


@pytest.mark.parametrize(
    ("annotations", "spec", "env", "is_exposed"),
    [
        ("", "type: LoadBalancer, loadBalancerClass: tailscale", "", True),
        ("", "type: LoadBalancer, loadBalancerClass: other", "", False),
        ("", "type: LoadBalancer", "", False),
        ("", "type: LoadBalancer", variable("OPERATOR_DEFAULT_LOAD_BALANCER", "true"), True),
        ("", "type: LoadBalancer, loadBalancerClass: other", variable("OPERATOR_DEFAULT_LOAD_BALANCER", "true"), False),
        ("", "type: ClusterIP, loadBalancerClass: tailscale", "", False),
        ('tailscale.com/expose: "1"', "ports: []", "", False),
        ('tailscale.com/expose: "True"', "ports: []", "", False),
        ("tailscale.com/expose: true", "ports: []", "", True),
        (EXPOSED, "type: ExternalName, externalName: db.example.com", "", True),
        (f'{EXPOSED}, tailscale.com/proxy-group: ""', "ports: []", "", False),
        (f"{EXPOSED}, tailscale.com/tailnet-fqdn: a.{DOMAIN}", "ports: []", "", True),
    ],
)
def test_which_services_are_exposed(annotations: str, spec: str, env: str, is_exposed: bool) -> None:
    found = cluster(operator(env) + service(annotations, spec))
    assert (len(found.exposures), found.egresses) == (int(is_exposed), ())


def test_names_are_made_unique_within_a_cluster() -> None:
    same = (
        service(EXPOSED, more=", namespace: one")
        + service(EXPOSED, more=", namespace: shop")
        + service(EXPOSED, name="own")
    )
    found = cluster(same + web(name="nginx"))
    assert [e.reference for e in found.exposures] == ["blue.one/nginx", "blue.Service shop/nginx", "blue.own"]
    assert [i.reference for i in found.ingresses] == ["blue.Ingress shop/nginx"]


# ProxyGroups


def test_with_a_proxy_group_a_service_becomes_a_tailscale_service() -> None:
    text = operator(variable("PROXY_DEFAULT_CLASS", "c")) + custom(
        "ProxyGroup", "type: ingress, tags: ['tag:pg']", "pg"
    )
    found = exposure(text + service(f"{EXPOSED}, {PG}"))
    assert (found.tailscale_service, found.proxy_group, found.proxy_class) == ("svc:default-nginx", "pg", None)
    assert found.tags == ("tag:k8s",)


def test_what_goes_through_a_group_of_another_tailnet_is_not_of_this_one() -> None:
    text = custom("ProxyGroup", "type: ingress, tailnet: other", "pg")
    found = cluster(
        text
        + service(f"{EXPOSED}, {PG}")
        + web(PG)
        + service(f"{PG}, tailscale.com/tailnet-fqdn: a.{DOMAIN}", "type: ExternalName, ports: [{port: 1}]", "out")
    )
    assert (found.exposures, found.ingresses, found.egresses) == ((), (), ())


# Ingresses


def test_an_ingress_has_the_operators_defaults() -> None:
    found = ingress(web(spec="defaultBackend: {service: {name: nginx, port: {number: 80}}}"))
    assert (found.hostname, found.fqdn) == ("shop-web-ingress", f"shop-web-ingress.{DOMAIN}")
    assert (found.backend_service, found.backend_port, found.funnel, found.serves_http) == ("nginx", 80, False, False)
    assert (found.tags, found.proxy_group, found.proxy_class) == (("tag:k8s",), None, None)


def test_an_ingress_is_called_by_the_first_label_of_its_first_host() -> None:
    assert ingress(web(spec=f"tls: [{{hosts: [www.{DOMAIN}, b]}}, {{hosts: [c]}}]")).hostname == "www"
    assert ingress(web(spec="tls: [{hosts: []}]")).hostname == "shop-web-ingress"


@pytest.mark.parametrize(
    ("annotations", "funnel", "serves_http"),
    [
        ('tailscale.com/funnel: "true", tailscale.com/http-redirect: "true"', True, True),
        ('tailscale.com/funnel: "1", tailscale.com/http-endpoint: enabled', False, False),
        (f'{PG}, tailscale.com/funnel: "true", tailscale.com/http-endpoint: enabled', False, True),
        (f'{PG}, tailscale.com/http-endpoint: "true"', False, False),
        (f'{PG}, tailscale.com/http-redirect: "true"', False, True),
    ],
)
def test_funnel_and_port_80(annotations: str, funnel: bool, serves_http: bool) -> None:
    found = ingress(web(annotations))
    assert (found.funnel, found.serves_http) == (funnel, serves_http)


def test_an_ingress_behind_a_group_is_a_tailscale_service() -> None:
    assert ingress(web(PG, "tls: [{hosts: [www]}]")).tailscale_service == "svc:www"
    assert ingress(web('tailscale.com/proxy-group: ""')).proxy_group is None


@pytest.mark.parametrize(
    ("spec", "backend"),
    [
        ("", ("", 0)),
        ("defaultBackend: {resource: {}}", ("", 0)),
        ("rules: [{host: a}, {http: {paths: [{backend: {service: {name: b, port: {number: 8}}}}]}}]", ("b", 8)),
        ("defaultBackend: {service: {name: nginx, port: {name: web}}}", ("nginx", 8080)),
        ("defaultBackend: {service: {name: nginx, port: {name: odd}}}", ("nginx", 0)),
        ("defaultBackend: {service: {name: nginx, port: {name: gone}}}", ("nginx", 0)),
        ("defaultBackend: {service: {name: nginx}}", ("nginx", 0)),
        ("defaultBackend: {service: {name: gone, port: {name: web}}}", ("gone", 0)),
    ],
)
def test_the_backend_is_the_first_one(spec: str, backend: tuple[str, int]) -> None:
    ports = "ports: [{port: 80, name: http}, {port: 8080, name: web}, {port: a, name: odd}]"
    found = ingress(service(spec=ports, more=", namespace: shop") + web(spec=spec))
    assert (found.backend_service, found.backend_port) == backend


def test_only_ingresses_of_the_operators_class_are_its_own() -> None:
    env = variable("OPERATOR_INGRESS_CLASS_NAME", "ts")
    assert cluster(operator(env) + web()).ingresses == ()
    assert (
        len(cluster(operator(env) + web().replace("ingressClassName: tailscale", "ingressClassName: ts")).ingresses)
        == 1
    )


# Egresses


def out(annotations: str, ports: str = "", name: str = "remote") -> str:
    return service(annotations, f"type: ExternalName, externalName: x, ports: [{ports}]", name)


LINK = (
    "# blue/a.yaml\n"
    + service(f"{EXPOSED}, tailscale.com/hostname: Nginx")
    + web(spec="tls: [{hosts: [www]}]")
    + "# green/a.yaml\n"
    + out(f"tailscale.com/tailnet-fqdn: nginx.{DOMAIN}.")
    + out(f"tailscale.com/tailnet-fqdn: WWW.{DOMAIN}", "{port: 443}", "web")
    + out(f"tailscale.com/tailnet-fqdn: other.{DOMAIN}", name="other")
)


def test_an_egress_to_what_is_exposed_is_a_link() -> None:
    found = tailnet(LINK)
    nginx, www, other = found.egresses
    assert nginx.target is found.exposures[0]
    assert (nginx.ports, nginx.hostname, nginx.tags) == ((Port("tcp", 80, 80),), "default-remote", ("tag:k8s",))
    assert www.target is found.ingresses[0]
    assert www.ports == (Port("tcp", 443, 443),)
    assert other.target == Address(fqdn=f"other.{DOMAIN}")
    assert (other.ports, other.reference, other.place.file) == ((), "green.other", "green/a.yaml")


@pytest.mark.parametrize(
    ("annotations", "target"),
    [
        ("tailscale.com/tailnet-ip: 100.64.0.1", Address(ip="100.64.0.1")),
        ("tailscale.com/ts-tailnet-target-ip: 100.64.0.2", Address(ip="100.64.0.2")),
        ("tailscale.com/tailnet-ip: 100.64.0.1, tailscale.com/tailnet-fqdn: a.b.ts.net", Address(ip="100.64.0.1")),
    ],
)
def test_addresses_of_egresses(annotations: str, target: Address) -> None:
    assert egress(out(annotations)).target == target


def test_an_egress_needs_a_target() -> None:
    assert cluster(out('tailscale.com/tailnet-fqdn: "", tailscale.com/tailnet-ip: ""')).egresses == ()
    assert cluster(out('tailscale.com/proxy-group: "", tailscale.com/tailnet-ip: 100.64.0.1')).egresses == ()


def test_an_egress_through_a_group_wears_its_tags() -> None:
    text = custom("ProxyGroup", "type: egress, tags: ['tag:pg']", "pg") + out(
        f"{PG}, tailscale.com/tailnet-ip: 100.64.0.1"
    )
    assert (egress(text).tags, egress(text).proxy_group) == (("tag:pg",), "pg")
    assert egress(text.replace("proxy-group: pg", "proxy-group: gone")).tags == ("tag:k8s",)


# Custom resources


def without_places(found: CustomResources) -> CustomResources:
    return CustomResources(
        **{
            name: tuple(replace(each, place=HERE) for each in getattr(found, name))
            for name in CustomResources.__dataclass_fields__
        }
    )


def test_custom_resources_have_the_operators_defaults() -> None:
    env = variable("PROXY_TAGS", "tag:p") + variable("PROXY_DEFAULT_CLASS", "c")
    kinds = ("Connector", "Recorder", "PeerRelay", "ProxyClass", "ProxyGroupPolicy", "DNSConfig", "Tailnet")
    text = operator(env) + custom("ProxyGroup", "type: egress") + custom("ProxyGroup", "type: odd", "odd")
    found = cluster(text + "".join(map(custom, kinds))).custom
    assert without_places(found) == CustomResources(
        proxy_groups=(
            ProxyGroup(
                cluster="blue",
                name="it",
                kind=ProxyGroupKind.EGRESS,
                replicas=2,
                hostname_prefix="it",
                tags=("tag:p",),
                proxy_class="c",
                place=HERE,
            ),
        ),
        connectors=(
            Connector(cluster="blue", name="it", hostnames=("it-connector",), replicas=1, tags=("tag:p",), place=HERE),
        ),
        recorders=(
            Recorder(
                cluster="blue",
                name="it",
                hostnames=("it-0",),
                replicas=1,
                tags=("tag:k8s",),
                has_ui=False,
                has_s3=False,
                has_default_tags=True,
                place=HERE,
            ),
        ),
        peer_relays=(
            PeerRelay(cluster="blue", name="it", hostnames=("it-0",), replicas=1, tags=("tag:p",), place=HERE),
        ),
        proxy_classes=(ProxyClass(cluster="blue", name="it", place=HERE),),
        proxy_group_policies=(
            ProxyGroupPolicy(cluster="blue", namespace="default", name="it", ingress=(), egress=(), place=HERE),
        ),
        dns_configs=(DnsConfig(cluster="blue", name="it", place=HERE),),
        tailnets=(OtherTailnet(cluster="blue", name="it", secret="", place=HERE),),
    )
    assert found.connectors[0].place.line > 1


@pytest.mark.parametrize(
    ("annotations", "shares"),
    [
        ("{}", None),
        ('{tailscale.com/share-acme-account: "true"}', True),
        ('{tailscale.com/share-acme-account: "false"}', False),
    ],
)
def test_a_group_may_have_the_account_of_the_tailnet(annotations: str, shares: bool | None) -> None:
    text = custom("ProxyGroup", "type: ingress").replace("name: it", f"name: it, annotations: {annotations}")
    (group,) = cluster(text).custom.proxy_groups
    assert group.shares_account is shares


def test_custom_resources_are_what_they_say() -> None:
    common = "tags: ['tag:x'], replicas: 2, hostnamePrefix: pre, proxyClass: fast, tailnet: other"
    container = "tailscaleContainer: {image: img, env: [{name: TS_A, value: b}, {value: c}]}"
    text = "".join(
        (
            custom("ProxyGroup", f"type: kube-apiserver, {common}, kubeAPIServer: {{mode: noauth, hostname: api}}"),
            custom("ProxyGroup", "type: kube-apiserver, replicas: -1", "second"),
            custom("ProxyGroup", "type: ingress, replicas: 1000000", "third"),
            custom("Connector", f"{common}, subnetRouter: {{advertiseRoutes: [10.0.0.0/8]}}, exitNode: true"),
            custom("Connector", "hostname: own, replicas: 2, appConnector: {routes: [1.2.3.4/32]}", "app"),
            custom("Recorder", f"{common}, enableUI: true, storage: {{s3: {{bucket: b}}}}"),
            custom("PeerRelay", f"{common}, aws: {{elasticIPs: [{{}}]}}"),
            custom(
                "ProxyClass",
                f"statefulSet: {{pod: {{{container}}}}}, metrics: {{enable: true, serviceMonitor: {{enable: true}}}}, "
                "tailscale: {acceptRoutes: true}, useLetsEncryptStagingEnvironment: true, "
                "staticEndpoints: {nodePort: {ports: [{port: 30000, endPort: 30010}, {port: 31000}, {}]}}",
            ),
            custom("ProxyGroupPolicy", "ingress: [a], egress: [b, c]"),
            custom("Tailnet", "credentials: {secretName: s}"),
        )
    )
    found = cluster(text).custom
    first, second, third = found.proxy_groups
    assert (first.tags, first.replicas, first.hostnames) == (("tag:x",), 2, ("pre-0", "pre-1"))
    assert (first.api_server_mode, first.service, first.tailnet) == (ApiServerProxyMode.NOAUTH, "svc:api", "other")
    assert first.proxy_class == "fast"
    assert (second.api_server_mode, second.service, second.hostnames) == (ApiServerProxyMode.AUTH, "svc:second", ())
    assert (third.replicas, third.api_server_mode, third.hostname) == (1000, None, None)
    router, app = found.connectors
    assert (router.hostnames, router.routes, router.exit_node) == (("pre-0", "pre-1"), ("10.0.0.0/8",), True)
    assert (router.app_connector, router.tailnet, router.proxy_class) == (False, "other", "fast")
    assert (app.hostnames, app.app_connector, app.app_routes) == (("own", "own"), True, ("1.2.3.4/32",))
    (recorder,) = found.recorders
    assert (recorder.hostnames, recorder.has_ui, recorder.has_s3) == (("it-0", "it-1"), True, True)
    (relay,) = found.peer_relays
    assert (relay.hostnames, relay.elastic_ips, relay.tags) == (("pre-0", "pre-1"), 1, ("tag:x",))
    (proxy_class,) = found.proxy_classes
    assert replace(proxy_class, place=HERE) == ProxyClass(
        cluster="blue",
        name="it",
        accept_routes=True,
        uses_staging=True,
        has_metrics=True,
        has_service_monitor=True,
        node_ports=((30000, 30010), (31000, 31000)),
        env=("TS_A",),
        image="img",
        place=HERE,
    )
    assert (found.proxy_group_policies[0].ingress, found.proxy_group_policies[0].egress) == (("a",), ("b", "c"))
    assert found.tailnets[0].secret == "s"


# What is deployed beside


def test_what_else_a_cluster_holds_is_known() -> None:
    rbac = "apiVersion: rbac.authorization.k8s.io/v1"
    subjects = "[{kind: Group, name: devs}, {kind: User, name: ana}, {kind: ServiceAccount, name: sa}, {kind: Group}]"
    text = custom("DNSConfig") + (
        f"---\n{rbac}\nkind: ClusterRoleBinding\nmetadata: {{name: wide}}\nsubjects: {subjects}\n"
        f"---\n{rbac}\nkind: RoleBinding\nmetadata: {{name: narrow, namespace: web}}\n"
        "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: sealed}\n"
        "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: e}\nspec: {target: {name: made}}\n"
        "---\napiVersion: example.com/v1\nkind: ExternalSecret\nmetadata: {name: other}\n"
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: pg}\n"
        "spec: {names: {kind: ProxyGroup}}\n"
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: odd}\n"
    )
    found = cluster(text).deployed
    assert found is not None
    assert [replace(b, place=HERE) for b in found.role_bindings] == [
        RoleBinding(cluster="blue", name="wide", namespace=None, groups=("devs",), users=("ana",), place=HERE),
        RoleBinding(cluster="blue", name="narrow", namespace="web", groups=(), users=(), place=HERE),
    ]
    assert found.secrets_to_come == (("default", "made"), ("default", "sealed"))
    assert found.kinds == {"ProxyGroup"}
