"""Names of nodes, of Tailscale Services and of Kubernetes objects: what is said, of which places, and near misses."""

from __future__ import annotations

from tailstack.rules import live_names, names, service_names
from tests.rules.cases import Case, found_and_silent, said_of

GROUP = """apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: web-proxies}
spec: {type: ingress}
---
"""


def service(name: str, mark: str = "", **annotations: str) -> str:
    """A Service that is exposed; annotations without the prefix, `_` for `-`."""
    texts = {"expose": "true", **{key.replace("_", "-"): value for key, value in annotations.items()}}
    inner = ", ".join(f'tailscale.com/{key}: "{value}"' for key, value in texts.items())
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {mark}{name}, namespace: web, annotations: {{{inner}}}}}\n"
        "spec: {ports: [{port: 80}]}\n---\n"
    )


def ingress(name: str, host: str, mark: str = "", tags: str = "", extra: str = "") -> str:
    """An Ingress that the group web-proxies serves."""
    return (
        f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {mark}{name}, namespace: web, annotations: "
        f'{{tailscale.com/proxy-group: web-proxies, tailscale.com/tags: "{tags or "tag:k8s"}"{extra}}}}}\n'
        f"spec: {{ingressClassName: tailscale, tls: [{{hosts: [{host}]}}], "
        "defaultBackend: {service: {name: shop, port: {number: 80}}}}\n---\n"
    )


def api(hostname: str, mark: str = "", name: str = "api-proxies") -> str:
    return (
        f"apiVersion: tailscale.com/v1alpha1\nkind: ProxyGroup\nmetadata: {{name: {mark}{name}}}\n"
        f"spec: {{type: kube-apiserver, kubeAPIServer: {{hostname: {hostname}}}}}\n---\n"
    )


WEB = """clusters:
  blue:
    kubernetes: {context: blue}
    operator: {tags: [tag:k8s-op-blue]}
    expose:
      §web: {namespace: web, ports: [tcp:80], selector: {app: web}}
"""


def device(name: str, *, mark: str = "", **parts: str) -> str:
    return f'{mark}{{"name": "{name}.tail1a2b.ts.net", ' + ", ".join(f'"{k}": {v}' for k, v in parts.items()) + "}"


def facts(*devices: str) -> str:
    return '# facts.json\n{"devices": [' + ",\n".join(devices) + "]}\n"


REDIRECT = ', tailscale.com/http-redirect: "true"'
DERIVED = '["tag:k8s-blue--web"]'
CASES = (
    Case(
        name="a proxy of a group and a Service",
        rule=names.DUPLICATE_HOSTNAME,
        text=f"# blue/a.yaml\n{GROUP.replace('{name: web', '{name: §web')}# green/a.yaml\n"
        + service("shop", "②", hostname="Web-proxies-1"),
        says="proxy group blue.web-proxies asks for the name web-proxies-1, which exposure green.shop has.",
        silent=(("Web-proxies-1", "web-proxies-2"), ("spec: {type: ingress}", "spec: {type: ingress, replicas: 1}")),
    ),
    Case(
        name="a default that is too long",
        rule=names.INVALID_LABEL,
        text="# blue/a.yaml\n" + service("s" * 60, "§"),
        says=f'exposure blue.{"s" * 60} asks for the name "web-{"s" * 60}", which has 64 characters.',
        silent=(("s" * 60, "s" * 59),),
    ),
    Case(
        name="a Tailscale Service with a dot",
        rule=names.INVALID_LABEL,
        text=f"# blue/a.yaml\n{GROUP}" + service("shop", "§", proxy_group="web-proxies", hostname="web.shop"),
        says='exposure blue.shop asks for the name "web.shop", which is no label of DNS.',
        silent=(("web.shop", "Web-Shop"),),
    ),
    Case(
        name="two replicas of a group",
        rule=names.INVALID_LABEL,
        text=f"# blue/a.yaml\n{GROUP.replace('{name: web-proxies}', '{name: §' + 'p' * 62 + '}')}",
        says=f'proxy group blue.{"p" * 62} asks for the name "{"p" * 62}-0", which has 64 characters.',
        silent=(("spec: {", "spec: {hostnamePrefix: web, "),),
    ),
    Case(
        name="a Recorder called as a group",
        rule=names.RESERVED_OBJECT_NAME,
        text=f"# blue/a.yaml\n{GROUP.replace('{name: web', '{name: ②web')}"
        "apiVersion: tailscale.com/v1alpha1\nkind: Recorder\nmetadata: {name: §web-proxies}\nspec: {enableUI: true}\n",
        says="The Recorder web-proxies and the ProxyGroup web-proxies of blue both make the StatefulSet web-proxies.",
        silent=(("§web-proxies", "recorder"), ("kind: Recorder", "---\n# green/a.yaml\nkind: Recorder")),
    ),
    Case(
        name="a Recorder called as the chart's Secret",
        rule=names.RESERVED_OBJECT_NAME,
        text="# blue/a.yaml\napiVersion: tailscale.com/v1alpha1\nkind: Recorder\nmetadata: {name: §operator-oauth}\n",
        says="The Recorder operator-oauth of blue is called as something that the operator's chart makes.",
        silent=(("§operator-oauth", "oauth"), ("kind: Recorder", "kind: Connector")),
    ),
    Case(
        name="an Ingress and a node of another cluster",
        rule=service_names.SERVICE_AND_NODE,
        text=f"# blue/a.yaml\n{GROUP}{ingress('shop', 'shop', '§')}# green/a.yaml\n{service('x', '②', hostname='Shop')}",
        says="ingress blue.shop and exposure green.x both ask for the name shop.",
        silent=(("Shop", "shop2"), ("tailscale.com/proxy-group: web-proxies, ", "")),
    ),
    Case(
        name="a Service that was a node",
        rule=service_names.SERVICE_AND_NODE,
        text=f"# blue/a.yaml\n{GROUP}{service('shop', '§', proxy_group='web-proxies')}"
        + facts(device("web-shop", mark="②", tags='["tag:k8s"]')),
        says="exposure blue.shop asks for the name web-shop, which the device web-shop.tail1a2b.ts.net has.",
        silent=(("web-shop.tail1a2b", "web-shop.tail9z9z"), ("web-shop.tail1a2b", "web-shop-1.tail1a2b")),
    ),
    Case(
        name="one namespace and name in two clusters",
        rule=service_names.MERGED_BY_CHANCE,
        text=f"# blue/a.yaml\n{GROUP}{service('shop', '②', proxy_group='web-proxies', hostname='web-shop')}"
        f"# green/a.yaml\n{GROUP}{service('shop', '§', proxy_group='web-proxies')}",
        says="exposure blue.shop and exposure green.shop are one Tailscale Service, svc:web-shop, by the names that the "
        "operator makes.",
        silent=(
            ('hostname: "web-shop"', 'hostname: "shop"'),
            ("# green/a.yaml", "# green/b.yaml\n---\n# blue/b.yaml"),
        ),
    ),
    Case(
        name="other tags in another cluster",
        rule=service_names.MERGE_CONFLICT,
        text=f"# blue/a.yaml\n{GROUP}{ingress('shop', 'shop', '②')}"
        f"# green/a.yaml\n{GROUP}{ingress('shop', 'shop', '§', tags='tag:web')}",
        says="svc:shop is tagged tag:k8s in blue and tag:web in green.",
        silent=(("tag:web", "tag:k8s"),),
    ),
    Case(
        name="the same tags in another order",
        rule=service_names.MERGE_CONFLICT,
        text=f"# blue/a.yaml\n{GROUP}{ingress('shop', 'shop', '②', tags='tag:a,tag:b')}"
        f"# green/a.yaml\n{GROUP}{ingress('shop', 'shop', '§', tags='tag:b,tag:a')}",
        says="svc:shop is tagged tag:a, tag:b in blue and tag:b, tag:a in green, and their order counts.",
        silent=(("tag:b,tag:a", "tag:a,tag:b"),),
    ),
    Case(
        name="a Service and an Ingress",
        rule=service_names.MERGE_CONFLICT,
        text=f"# blue/a.yaml\n{GROUP}{ingress('shop', 'shop', '②')}"
        f"# green/a.yaml\n{GROUP}{service('shop', '§', proxy_group='web-proxies', hostname='shop')}",
        says="svc:shop is an Ingress in blue and a Service in green.",
        silent=(('hostname: "shop"', 'hostname: "web"'),),
    ),
    Case(
        name="plain HTTP in one of two",
        rule=service_names.MERGE_CONFLICT,
        text=f"# blue/a.yaml\n{GROUP}{ingress('shop', 'shop', '②', extra=REDIRECT)}"
        f"# green/a.yaml\n{GROUP}{ingress('shop', 'shop', '§')}",
        says="svc:shop is served on tcp:443, tcp:80 in blue and on tcp:443 in green.",
        silent=((REDIRECT, ""),),
    ),
    Case(
        name="an API server and an Ingress",
        rule=service_names.API_SERVER_NAME_TAKEN,
        text=f"# blue/a.yaml\n{api('shop', '§')}# green/a.yaml\n{GROUP}{ingress('shop', 'shop', '②')}",
        says="svc:shop, the API server of proxy group blue.api-proxies, is asked for by ingress green.shop too.",
        silent=(("hostname: shop", "hostname: blue"),),
    ),
    Case(
        name="a Service and an Ingress of one cluster",
        rule=service_names.DUPLICATE_IN_CLUSTER,
        text=f"# blue/a.yaml\n{GROUP}{service('x', '②', proxy_group='web-proxies', hostname='shop')}"
        f"{ingress('shop', 'shop.x', '§')}",
        says="ingress blue.shop and exposure blue.x are both svc:shop in blue.",
        silent=(("shop.x", "shop2.x"), (', tailscale.com/proxy-group: "web-proxies"', "")),
    ),
    Case(
        name="a device of a person",
        rule=live_names.EXISTING_DEVICE,
        text=WEB + facts(device("blue-web", mark="②", user='"ana@example.com"')),
        says="exposure blue.web asks for the name blue-web, which a device of ana@example.com has.",
        silent=(("blue-web.tail1a2b", "blue-web.tail9z9z"), ('"user": "ana@example.com"', f'"tags": {DERIVED}')),
    ),
    Case(
        name="a device with tags of others",
        rule=live_names.EXISTING_DEVICE,
        text=WEB + facts(device("blue-web", mark="②", tags='["tag:db"]')),
        says="exposure blue.web asks for the name blue-web, which a device with tag:db has.",
        silent=(('["tag:db"]', '["tag:k8s-blue"]'), ('["tag:db"]', f'["tag:db", {DERIVED[1:]}'), ('["tag:db"]', "[]")),
    ),
    Case(
        name="the node got a number",
        rule=live_names.EXISTING_DEVICE,
        text=WEB + facts(device("blue-web", mark="②", tags=DERIVED), device("blue-web-1", mark="③", tags=DERIVED)),
        says="exposure blue.web asks for the name blue-web, which a device with tag:k8s-blue--web has. "
        "blue-web-1.tail1a2b.ts.net, with the tags of exposure blue.web, is what it got instead.",
        silent=(
            ("blue-web-1.", "blue-web-x."),
            (
                "expose:",
                "expose:\n      web-1: {namespace: web, hostname: blue-web-1, ports: [tcp:1], selector: {a: b}}",
            ),
        ),
    ),
    Case(
        name="an operator's name",
        rule=live_names.EXISTING_DEVICE,
        text=WEB.replace("§", "").replace("operator:", "§operator:")
        + facts(device("blue-operator", mark="②", tags='["tag:k8s-op-green"]')),
        says="operator blue asks for the name blue-operator, which a device with tag:k8s-op-green has.",
        silent=(('["tag:k8s-op-green"]', '["tag:k8s-op-green", "tag:k8s-op-blue"]'), ('["tag:k8s-op-green"]', "[]")),
    ),
    Case(
        name="a Service of Terraform's",
        rule=live_names.FOREIGN_SERVICE,
        text=f"# blue/a.yaml\n{GROUP}{service('shop', '§', proxy_group='web-proxies')}# facts.json\n"
        '{"vipServices": [②{"name": "svc:web-shop", "ports": ["tcp:80"], "annotations": {"made-by": "terraform"}}]}',
        says="exposure blue.shop is to be svc:web-shop, which exists and was made by no operator.",
        silent=(
            (', "annotations": {"made-by": "terraform"}', ""),
            ("made-by", "tailscale.com/owner-references"),
            ("svc:web-shop", "svc:shop"),
        ),
    ),
    Case(
        name="a node with another name",
        rule=live_names.RENAME,
        text=WEB + "      other: {namespace: web, ports: [tcp:81], selector: {app: other}}\n"
        "    egress:\n      out: {namespace: web, to: {exposure: blue.web}}\n"
        "      db: {namespace: web, to: {ip: 100.64.0.9}, ports: [tcp:1]}\n"
        + facts(device("shop", mark="②", tags=DERIVED), device("blue-operator", tags='["tag:k8s-op-blue"]')),
        says="exposure blue.web is shop.tail1a2b.ts.net now, and will be blue-web.tail1a2b.ts.net. Egress blue.out leads to "
        "it.",
        silent=(
            ("selector: {app: web}", "selector: {app: web}, hostname: shop"),
            ('"shop.', '"blue-web.'),
            (DERIVED, '["tag:k8s-blue"]'),
            ("selector: {app: other}", "selector: {app: other}, tags: [tag:k8s-blue--web]"),
        ),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


def test_replicas_that_ask_for_one_name_are_not_two_nodes() -> None:
    connector = "# blue/a.yaml\napiVersion: tailscale.com/v1alpha1\nkind: Connector\nmetadata: {name: lan}\n"
    assert said_of(f"{connector}spec: {{replicas: 2, exitNode: true}}\n", names.DUPLICATE_HOSTNAME) == []


def test_a_machine_has_its_own_name_already() -> None:
    text = "machines: {db: {tags: [tag:db]}}\n" + facts(device("db", user='"ana@example.com"'))
    assert said_of(text, live_names.EXISTING_DEVICE) == []


def test_where_the_operator_is_not_shown_its_tags_prove_nothing() -> None:
    text = "# blue/a.yaml\n" + service("shop") + facts(device("web-shop", tags='["tag:other"]'))
    assert said_of(text, live_names.EXISTING_DEVICE) == []


def test_a_node_of_manifests_is_not_known_again_by_the_tag_of_the_chart() -> None:
    text = "# blue/a.yaml\n" + service("shop") + facts(device("old", tags='["tag:k8s"]'))
    assert said_of(text, live_names.RENAME) == []


def test_api_servers_of_three_clusters_are_named_together() -> None:
    text = "".join(f"# {name}/a.yaml\n{api('api', name=f'{name}-proxies')}" for name in ("blue", "green", "red"))
    (said,) = said_of(text, service_names.API_SERVER_NAME_TAKEN)
    assert said.endswith("by proxy group green.green-proxies and proxy group red.red-proxies too.")
    assert said_of(text, service_names.MERGE_CONFLICT) == []
