"""6xx: how API-server proxies are set up: their mode, their right to impersonate, their image, and who depends on them."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.manifests.operators import operator_deployments
from tailstack.rules.frames import operator_deployment
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.wording import listed, quoted

_OPERATOR = f"# blue/operator.yaml\n{operator_deployment()}---\n"
_GROUP = """apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: kube}
spec: {type: kube-apiserver, proxyClass: own}
---
"""
_CLASS = """apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {name: own}
spec: {statefulSet: {pod: {tailscaleContainer: {image: "registry.example.com/tailscale/IMAGE:v1.102.3"}}}}
"""
_ACCOUNT = """apiVersion: v1
kind: ServiceAccount
metadata: {name: kube-apiserver-auth-proxy, namespace: tailscale}
---
"""

IMPERSONATION_RBAC = Rule(
    code="TS608",
    slug="impersonation-rbac",
    what="A kube-apiserver ProxyGroup in auth mode has no right to impersonate anybody in its cluster.",
    why="The operator calls the group invalid (ProxyGroupInvalid) and makes no proxy.",
    mend='Set apiServerProxyConfig.allowImpersonation of the chart to "true".',
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/deploy/chart/templates/apiserverproxy-rbac.yaml",
    bad=_OPERATOR + _GROUP,
    good=_OPERATOR + _ACCOUNT + _GROUP,
)
MODE_VALUE = Rule(
    code="TS609",
    slug="mode-value",
    needs=Needs.FACTS,
    what="The mode of the operator's API-server proxy is none that there is.",
    why="The operator panics when it starts, and nothing of the cluster reaches the tailnet.",
    mend='Write "true", "false" or "noauth", in quotes.',
    source="https://github.com/tailscale/tailscale/blob/main/k8s-operator/api-proxy/env.go",
    bad="""clusters: {blue: {kubernetes: {context: x}}}
# facts.json
{"charts": {"blue": {"version": "1.102.3", "values": {"apiServerProxyConfig": {"mode": "auth"}}}}}
""",
    good="""clusters: {blue: {kubernetes: {context: x}}}
# facts.json
{"charts": {"blue": {"version": "1.102.3", "values": {"apiServerProxyConfig": {"mode": "true"}}}}}
""",
)
PROXY_CLASS_IMAGE = Rule(
    code="TS617",
    slug="apiserver-proxyclass-image",
    what="A ProxyClass gives a ProxyGroup the image of the other kind of proxy.",
    why="A kube-apiserver group runs k8s-proxy, and all others run tailscale: the wrong one does not start.",
    mend="Give the two kinds a ProxyClass each, or leave the image out.",
    source="https://tailscale.com/kb/1445/kubernetes-operator-customization",
    bad=_OPERATOR + _ACCOUNT + _GROUP + _CLASS.replace("IMAGE", "tailscale"),
    good=_OPERATOR + _ACCOUNT + _GROUP + _CLASS.replace("IMAGE", "k8s-proxy"),
)
SELF_MANAGED_PATH = Rule(
    code="TS618",
    slug="self-managed-path",
    severity=Severity.WARNING,
    what="The stack reaches a cluster through an API-server proxy that it manages itself.",
    why="A change of the policy or the operator that fails half way cuts the stack off from what it would have to mend.",
    mend="Use a kubeconfig that leads to the API server directly, and keep the proxy's for people.",
    source="https://tailscale.com/kb/1437/kubernetes-operator-api-server-proxy",
    bad="""clusters:
  blue: {kubernetes: {context: blue-operator.tail1a2b.ts.net}, operator: {apiServerProxy: {mode: auth}}}
""",
    good="""clusters:
  blue: {kubernetes: {context: blue-operator}, operator: {apiServerProxy: {mode: auth}}}
""",
)
RULES = (IMPERSONATION_RBAC, MODE_VALUE, PROXY_CLASS_IMAGE, SELF_MANAGED_PATH)

MODES = ("true", "false", "noauth")
_TAILSCALE, _K8S_PROXY = "tailscale", "k8s-proxy"


def impersonation_rbac(subject: Subject) -> Iterator[Finding]:
    """An operator that is not shown may be set up any way."""
    for proxy in subject.api_proxies:
        operator = subject.clusters[proxy.cluster].operator
        is_set_up = operator.allows_impersonation or operator.api_server_proxy is ApiServerProxyMode.AUTH
        if proxy.group is not None and proxy.impersonates and not is_set_up and not operator.is_assumed:
            yield IMPERSONATION_RBAC.at(
                proxy.place,
                operator.place,
                message=f"The operator of {proxy.cluster} sets up no impersonation, which {proxy.who} in auth mode needs.",
                expected='apiServerProxyConfig.allowImpersonation: "true", or its mode "true"',
            )


def mode_value(subject: Subject) -> Iterator[Finding]:
    """By the chart's values, where they are known, else by what the operator's Deployment was rendered to."""
    for cluster, value, place in _modes(subject):
        if value not in MODES:
            yield MODE_VALUE.at(
                place,
                message=f"The mode of the API-server proxy of {cluster} is {quoted(str(value))}"
                f"{'' if isinstance(value, str) else ', and no text'}.",
                expected=f"one of {listed(MODES)}, as a text",
            )


def _modes(subject: Subject) -> Iterator[tuple[str, object, Place]]:
    for cluster, chart in subject.facts.charts.items():
        config = chart.values.get("apiServerProxyConfig")
        if isinstance(config, dict) and "mode" in config:
            yield cluster, config["mode"], chart.place_of("apiServerProxyConfig", "mode")
    for cluster in subject.objects.clusters if subject.objects is not None else ():
        for operator in operator_deployments(subject.objects, cluster) if subject.objects is not None else ():
            mode = operator.env.get("APISERVER_PROXY")
            if mode and cluster not in subject.facts.charts:
                yield cluster, mode, operator.place("APISERVER_PROXY")


def apiserver_proxyclass_image(subject: Subject) -> Iterator[Finding]:
    """By the names of the vendor's images; a mirror under another name may hold either."""
    for cluster in subject.tailnet.clusters:
        classes = {proxy_class.name: proxy_class for proxy_class in cluster.custom.proxy_classes}
        for group in cluster.custom.proxy_groups:
            proxy_class = classes.get(group.proxy_class or "")
            is_api_server = group.kind is ProxyGroupKind.KUBE_API_SERVER
            if proxy_class is not None and _image_name(proxy_class.image) == (
                _TAILSCALE if is_api_server else _K8S_PROXY
            ):
                wanted = _K8S_PROXY if is_api_server else _TAILSCALE
                yield PROXY_CLASS_IMAGE.at(
                    proxy_class.place,
                    group.place,
                    message=f"ProxyClass {proxy_class.name} of {cluster.name} has the image {proxy_class.image}, and "
                    f"ProxyGroup {group.name} of type {group.kind} runs {wanted}.",
                    expected=f"an image of {wanted}, or none",
                )


def _image_name(image: str | None) -> str:
    return (image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]


def self_managed_path(subject: Subject) -> Iterator[Finding]:
    """`tailscale configure kubeconfig` calls a context by the full name of the proxy; what a Secret holds is not known."""
    by_fqdn = {proxy.fqdn: proxy for proxy in subject.api_proxies}
    for cluster in subject.tailnet.clusters:
        proxy = by_fqdn.get(cluster.context or "")
        if proxy is not None:
            yield SELF_MANAGED_PATH.at(
                cluster.place,
                *({proxy.place} - {cluster.place}),
                message=f"Cluster {cluster.name} is reached by the context {cluster.context}: that is the API-server proxy "
                f"of {proxy.who}.",
                expected="a context that leads to the API server directly",
            )


CHECKS = (impersonation_rbac, mode_value, apiserver_proxyclass_image, self_managed_path)
