"""Egresses as manifests write them, and the ways that their traffic takes."""

from __future__ import annotations

from tailstack.rules import egress_paths, links, objects_egress
from tests.rules.cases import Case, found_and_silent, said_of

GROUP = """apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: egress-proxies}
spec: {type: egress}
---
"""


def service(name: str, annotations: str, *, spec: str = "type: ExternalName, ports: [{port: 80}]") -> str:
    """A Service; in the annotations `@` stands for `tailscale.com/`."""
    inner = annotations.replace("@", "tailscale.com/")
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: web, annotations: {{{inner}}}}}\n"
        f"spec: {{{spec}}}\n---\n"
    )


def fqdn(name: str) -> str:
    return f"# blue/a.yaml\n{service('out', f'@tailnet-fqdn: §{name}')}"


def many_ports(first: int, count: int) -> str:
    return f"type: ExternalName, ports: [{', '.join(f'{{port: {first + index}}}' for index in range(count))}]"


IN_GROUP = "@tailnet-ip: 100.64.0.9, @proxy-group: egress-proxies"
CONNECTOR = """---
apiVersion: tailscale.com/v1alpha1
kind: Connector
metadata: {name: office}
spec: {appConnector: {routes: [10.9.0.0/16]}}
"""
APPS = """# policy.hujson
{"grants": [], "nodeAttrs": [
  {"target": ["*"], "attr": ["funnel"], "app": {
    "example.com/other": [{"domains": ["api.example.org"]}],
    "tailscale.com/app-connectors": [{"connectors": ["tag:c"], "domains": ["api.example.com", "*.EXAMPLE.net"]}],
  }},
]}
"""
PASSING = """clusters:
  blue:
    kubernetes: {context: blue}
    operator: {hostname: blue-op}
    ingress:
      web: {namespace: web, backend: {service: out, port: 80}}
    egress:
      §out: {namespace: web, to: {ingress: green.web}}
      first: {namespace: web, to: {ingress: blue.web}}
      ip: {namespace: web, to: {ip: 100.64.0.1}, ports: [tcp:1]}
  green:
    kubernetes: {context: green}
    ingress:
      web: {namespace: web, backend: {service: out, port: 80}}
    egress:
      ②out: {namespace: web, to: {ingress: blue.web}}
"""

CASES = (
    Case(
        name="a label alone",
        rule=objects_egress.EGRESS_SUFFIX,
        text=fqdn("web"),
        says='Service web/out of blue leads to "web", which is no MagicDNS name.',
        mend="Write web.tail1a2b.ts.net.",
        silent=(("§web", "web.tail1a2b.ts.net"), ("§web", "''")),
    ),
    Case(
        name="a port",
        rule=objects_egress.EGRESS_SUFFIX,
        text=fqdn('"web.tail1a2b.ts.net:80"'),
        says='Service web/out of blue leads to "web.tail1a2b.ts.net:80", which is no MagicDNS name.',
        mend="Write web.tail1a2b.ts.net.",
        silent=((":80", ""), (".net:80", ".net.")),
    ),
    Case(
        name="another tailnet",
        rule=objects_egress.EGRESS_SUFFIX,
        text=fqdn("web.tail9z9z.ts.net"),
        says='Service web/out of blue leads to "web.tail9z9z.ts.net", which is not of the tailnet tail1a2b.ts.net.',
        silent=(("tail9z9z", "TAIL1a2b"),),
    ),
    Case(
        name="two targets",
        rule=objects_egress.EGRESS_TARGET_COUNT,
        text="# blue/a.yaml\n" + service("out", "@tailnet-fqdn: §web.tail1a2b.ts.net, @tailnet-ip: ②100.64.0.9"),
        says='Service web/out of blue leads to "web.tail1a2b.ts.net" and to "100.64.0.9".',
        silent=(("②100.64.0.9", '""'),),
    ),
    Case(
        name="a range",
        rule=objects_egress.EGRESS_TARGET_COUNT,
        text="# blue/a.yaml\n" + service("out", "@tailnet-ip: §100.64.0.0/24"),
        says='Service web/out of blue leads to "100.64.0.0/24", which is no IP address.',
        mend="Write one address; a range cannot be a target.",
        silent=(("100.64.0.0/24", '"fd7a:115c:a1e0::1"'),),
    ),
    Case(
        name="no target",
        rule=objects_egress.EGRESS_TARGET_COUNT,
        text=f"# blue/a.yaml\n{GROUP}{service('out', '@proxy-group: §egress-proxies')}",
        says="Service web/out of blue is to leave by a ProxyGroup for egress, and nothing says where to.",
        mend="Add one of the two annotations.",
        silent=(
            ("{type: egress}", "{type: ingress}"),
            ("§egress-proxies", 'egress-proxies, tailscale.com/expose: "true"'),
            ("type: ExternalName", "type: LoadBalancer"),
            ("tailscale.com/proxy-group", "example.com/proxy-group"),
        ),
    ),
    Case(
        name="a ClusterIP",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text=f"# blue/a.yaml\n{GROUP}{service('out', IN_GROUP, spec='type: §ClusterIP, ports: [{port: 80}]')}",
        says="Service web/out of blue leaves by a ProxyGroup and is of the type ClusterIP.",
        mend="Write `type: ExternalName`, with any `externalName` such as placeholder.",
        silent=(("§ClusterIP", "ExternalName"), (", tailscale.com/proxy-group: egress-proxies", "")),
    ),
    Case(
        name="no ports",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text=f"# blue/a.yaml\n{GROUP}{service('out', IN_GROUP, spec='type: ExternalName').replace('spec: {type: E', 'spec: §{type: E')}",
        says="Service web/out of blue leaves by a ProxyGroup and has no port.",
        mend="List the ports of the target under `ports`.",
        silent=(("type: ExternalName", "type: ExternalName, ports: [{port: 1}]"),),
    ),
    Case(
        name="a group of another cluster",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text=f"# green/a.yaml\n{GROUP.replace('{name: e', '{name: ②e')}# blue/a.yaml\n"
        + service("out", IN_GROUP.replace("group: ", "group: §")),
        says="Service web/out of blue leaves by the ProxyGroup egress-proxies, which is declared in green only.",
        mend="Declare the ProxyGroup egress-proxies of the type egress in blue, or name another one.",
        silent=(("# green/a.yaml", "# blue/b.yaml"),),
    ),
    Case(
        name="a group of another type",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text=f"# blue/a.yaml\n{GROUP.replace('{name: e', '{name: ②e').replace('type: egress', 'type: ingress')}"
        + service("out", IN_GROUP.replace("group: ", "group: §")),
        says="Service web/out of blue leaves by the ProxyGroup egress-proxies, which is of the type ingress.",
        mend="Declare the ProxyGroup egress-proxies of the type egress in blue, or name another one.",
        silent=(("type: ingress", "type: egress"),),
    ),
    Case(
        name="a group that is nowhere",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text="# blue/a.yaml\n" + service("out", IN_GROUP.replace("group: ", "group: §")),
        says="Service web/out of blue leaves by the ProxyGroup egress-proxies, which is declared nowhere.",
        mend="Declare the ProxyGroup egress-proxies of the type egress in blue, or name another one.",
        silent=(("§egress-proxies", '""'),),
    ),
    Case(
        name="too many ports",
        rule=objects_egress.EGRESS_GROUP_SHAPE,
        text=f"# blue/a.yaml\n{GROUP}{service('out', IN_GROUP, spec=many_ports(1, 999))}"
        f"{service('§more', IN_GROUP, spec=many_ports(1, 2))}{service('third', IN_GROUP, spec=many_ports(1, 1))}",
        says="With Service web/more of blue the ProxyGroup egress-proxies has more than 1000 ports.",
        mend="Lead some of the egresses out by another ProxyGroup.",
        silent=((many_ports(1, 999), many_ports(1, 997)),),
    ),
    Case(
        name="a host of an app connector",
        rule=objects_egress.EGRESS_APP_CONNECTOR,
        text=fqdn("Api.v1.example.net.") + APPS,
        says='Service web/out of blue leads to "api.v1.example.net", a domain of an app connector.',
        silent=(
            ("Api.v1.example.net", "api.example.org"),
            ("Api.v1.example.net", "v1.api.example.com"),
            ("tailscale.com/app-connectors", "example.com/app-connectors"),
            ('"domains": ["api.example.com", "*.EXAMPLE.net"]', '"domains": "*.example.net"'),
        ),
    ),
    Case(
        name="an address that nothing routes",
        rule=egress_paths.ADDRESS_UNROUTED,
        text=f"# blue/a.yaml\n{service('§out', '@tailnet-ip: 10.1.0.9')}{CONNECTOR}"
        '# facts.json\n{"devices": [{"name": "vm", "addresses": ["100.64.0.1"], "advertisedRoutes": ["10.2.0.0/16"], '
        '"enabledRoutes": ["10.2.0.0/16"]}]}',
        says="Egress blue.out leads to 10.1.0.9, which is no Tailscale address, and no Connector that is known advertises "
        "it.",
        silent=(
            ("10.1.0.9", "10.2.0.9"),
            ("10.1.0.9", "10.9.0.9"),
            ("10.1.0.9", "100.101.0.9"),
            ("10.1.0.9", "none"),
        ),
    ),
    Case(
        name="two clusters that pass on to one another",
        rule=egress_paths.EGRESS_CYCLE,
        text=PASSING,
        says="Egress blue.out leads to egress green.out leads to egress blue.out.",
        silent=(
            ("②out: {namespace: web", "out: {namespace: other"),
            (
                "②out: {namespace: web, to: {ingress: blue.web}",
                "out: {namespace: web, to: {ip: 100.64.0.1}, ports: [tcp:1]",
            ),
        ),
    ),
    Case(
        name="an Ingress in a namespace with a policy",
        rule=egress_paths.POLICY_DENIED,
        text="# blue/a.yaml\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: §shop, namespace: web, "
        "annotations: {tailscale.com/proxy-group: shop-proxies}}\nspec: {ingressClassName: tailscale}\n---\n"
        "apiVersion: tailscale.com/v1alpha1\nkind: ProxyGroupPolicy\nmetadata: {name: ②a, namespace: web}\n"
        "spec: {egress: [shop-proxies]}\n---\n"
        "apiVersion: tailscale.com/v1alpha1\nkind: ProxyGroupPolicy\nmetadata: {name: ③b, namespace: web}\nspec: {}\n---\n"
        + service("api", '@expose: "true", @proxy-group: shop-proxies').replace("namespace: web", "namespace: api"),
        says="ingress blue.shop uses the ProxyGroup shop-proxies, and the policy of namespace web allows nothing for "
        "ingress.",
        silent=(
            ("spec: {}", "spec: {ingress: [shop-proxies]}"),
            ("{tailscale.com/proxy-group: shop-proxies}", "{}"),
            ("§shop, namespace: web", "shop, namespace: other"),
        ),
    ),
    Case(
        name="an egress in a manifest to a name that nothing has",
        rule=links.EGRESS_TARGET_UNKNOWN,
        text=f"# blue/a.yaml\n{service('§out', '@tailnet-fqdn: zzzzz.tail1a2b.ts.net')}"
        '# facts.json\n{"devices": [{"name": "vm.tail1a2b.ts.net"}], "vipServices": [{"name": "svc:pay"}]}',
        says="Egress blue.out leads to zzzzz.tail1a2b.ts.net, and no declared node has this name.",
        mend="Correct the name; if it is a device outside of the clusters, name it under `devices` of the facts.",
        silent=(("zzzzz", "VM"), ("zzzzz", "pay"), ("zzzzz.tail1a2b", "zzzzz.tail9z9z")),
    ),
    Case(
        name="a name like that of a device",
        rule=links.EGRESS_TARGET_UNKNOWN,
        text=f"# blue/a.yaml\n{service('§out', '@tailnet-fqdn: databaes.tail1a2b.ts.net')}"
        '# facts.json\n{"devices": [{"name": "database.tail1a2b.ts.net"}]}',
        says="Egress blue.out leads to databaes.tail1a2b.ts.net, and no declared node has this name.",
        mend="Write database.tail1a2b.ts.net, the name of a device that there is, if that is meant.",
        silent=(("databaes", "database"),),
    ),
    Case(
        name="a name like that of a Tailscale Service",
        rule=links.EGRESS_TARGET_UNKNOWN,
        text=f"# blue/a.yaml\n{service('§out', '@tailnet-fqdn: chekout.tail1a2b.ts.net')}"
        + GROUP.replace("egress", "ingress")
        + service("checkout", '@expose: "true", @hostname: checkout, @proxy-group: ingress-proxies'),
        says="Egress blue.out leads to chekout.tail1a2b.ts.net, and no declared node has this name.",
        mend="Write checkout.tail1a2b.ts.net, the name of svc:checkout (exposure blue.checkout), if that is meant.",
        silent=(("chekout", "checkout"),),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


def test_what_is_meant_by_a_name_of_no_form_is_not_guessed() -> None:
    assert said_of(fqdn("a.b.c").replace("§", ""), objects_egress.EGRESS_SUFFIX) == [
        'Service web/out of blue leads to "a.b.c", which is no MagicDNS name.'
    ]


def ha(cluster: str) -> str:
    """An Ingress that a ProxyGroup of this cluster hosts as svc:shop."""
    return (
        f"# {cluster}/a.yaml\n{GROUP.replace('egress', 'ingress')}"
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        "metadata: {name: shop, annotations: {tailscale.com/proxy-group: ingress-proxies}}\n"
        "spec: {ingressClassName: tailscale, tls: [{hosts: [shop]}], "
        "defaultBackend: {service: {name: shop, port: {number: 80}}}}\n---\n"
    )


TO_SHOP = service("out", "@tailnet-fqdn: shop.tail1a2b.ts.net", spec="type: ExternalName, ports: [{port: 443}]")


def test_an_egress_to_a_service_of_its_own_cluster_is_a_loop() -> None:
    assert said_of(ha("blue") + TO_SHOP, links.EGRESS_LOOP) == [
        "Egress blue.out leads to blue.shop of the same cluster."
    ]


def test_one_that_another_cluster_hosts_too_may_be_meant_to_fail_over() -> None:
    assert said_of(ha("blue") + TO_SHOP + ha("green"), links.EGRESS_LOOP) == []


def test_a_nameserver_in_the_cluster_lets_clients_use_the_name_of_the_certificate() -> None:
    text = f"{ha('green')}# blue/a.yaml\n{TO_SHOP}"
    assert said_of(text, links.EGRESS_TLS_NAME) == ["Clients of out.web get a certificate for shop.tail1a2b.ts.net."]
    nameserver = "apiVersion: tailscale.com/v1alpha1\nkind: DNSConfig\nmetadata: {name: ts-dns}\n"
    assert said_of(text + nameserver, links.EGRESS_TLS_NAME) == []
    assert said_of(text.replace("port: 443", "port: 80"), links.EGRESS_TLS_NAME) == []
