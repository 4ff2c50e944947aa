"""7xx: what only manifests show of an operator and of what it works in: its images, its namespace, its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.hujson import Json
from tailstack.charts.versions import version_of, version_text
from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.manifests.objects import TAILSCALE, KubernetesObject, Objects
from tailstack.manifests.operators import INGRESS_CLASS, OperatorDeployment, operator_deployments
from tailstack.rules.chart import known_version
from tailstack.rules.subject import Subject
from tailstack.topology.custom import ProxyGroupKind
from tailstack.topology.tailnet import Cluster, Egress, Exposure
from tailstack.topology.wording import listed

_OPERATOR = """# blue/NAME.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: NAME}
spec:
  template:
    spec:
      containers:
        - {name: operator, image: "tailscale/k8s-operator:v1.102.3", env: [{name: PROXY_IMAGE, value: "RUNS"}]}
"""
_NAMESPACE = """# blue/namespace.yaml
apiVersion: v1
kind: Namespace
metadata: {name: tailscale, labels: {pod-security.kubernetes.io/enforce: LEVEL}}
"""
_EXPOSED = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {tailscale.com/expose: "true", tailscale.com/ANNOTATION: other}}
spec: {ports: [{port: 80}]}
"""
_DNS = """# blue/dns.yaml
apiVersion: tailscale.com/v1alpha1
kind: DNSConfig
metadata: {name: dns}
spec: {nameserver: {image: {tag: v1.102.3}}}
# blue/coredns.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data: {Corefile: "DOMAIN {forward . 10.0.0.10}"}
"""
_IMAGE = "tailscale/tailscale:v1.102.3"
_TAILSCALE = _OPERATOR.replace("NAME", "tailscale").replace("RUNS", _IMAGE)

TWO_OPERATORS = Rule(
    code="TS717",
    slug="two-operators",
    what="A cluster has two operators with the same ingress class or in the same namespace.",
    why="Both work on the same objects and undo what the other one did.",
    mend="Keep one operator in a cluster; for a second tailnet use a Tailnet resource.",
    source="https://github.com/tailscale/tailscale/issues/16248",
    needs=Needs.MANIFESTS,
    bad=_TAILSCALE + _TAILSCALE.replace(" tailscale}", " other}").replace("blue/tailscale", "blue/other"),
    good=_TAILSCALE + _TAILSCALE.replace("blue/tailscale", "green/tailscale"),
)
DNSCONFIG_STUB = Rule(
    code="TS718",
    slug="dnsconfig-stub",
    severity=Severity.WARNING,
    what="A cluster has a DNSConfig, and its CoreDNS sends no question about ts.net there.",
    why="The nameserver runs, and no pod ever asks it.",
    mend="Forward ts.net in the Corefile to the address in the status of the DNSConfig.",
    source="https://tailscale.com/kb/1438/kubernetes-operator-cluster-egress",
    needs=Needs.MANIFESTS,
    bad=_DNS.replace("DOMAIN", "cluster.local"),
    good=_DNS.replace("DOMAIN", "ts.net"),
)
TAILNET_ON_SERVICE = Rule(
    code="TS719",
    slug="tailnet-on-service",
    severity=Severity.WARNING,
    what="A Service or an Ingress has an annotation for the tailnet that it is to join.",
    why="There is no such annotation: it joins the tailnet of the operator.",
    mend="Expose it by a ProxyGroup whose spec.tailnet names the Tailnet.",
    source="https://github.com/tailscale/tailscale/issues/18344",
    needs=Needs.MANIFESTS,
    bad=_EXPOSED.replace("ANNOTATION", "tailnet"),
    good=_EXPOSED.replace("ANNOTATION", "hostname"),
)
PSA = Rule(
    code="TS720",
    slug="psa",
    severity=Severity.WARNING,
    what="Proxies need privileges that the operator's namespace forbids.",
    why="Their pods are refused by Pod Security Admission, and nothing is exposed.",
    mend="Set the label pod-security.kubernetes.io/enforce: privileged, or give the proxies a ProxyClass that does without.",
    source="https://github.com/tailscale/tailscale/issues/7359",
    needs=Needs.MANIFESTS,
    bad=_TAILSCALE + _NAMESPACE.replace("LEVEL", "baseline") + _EXPOSED.replace("ANNOTATION", "hostname"),
    good=_TAILSCALE + _NAMESPACE.replace("LEVEL", "privileged") + _EXPOSED.replace("ANNOTATION", "hostname"),
)
IMAGE_VERSION = Rule(
    code="TS721",
    slug="image-version",
    severity=Severity.WARNING,
    what="An image of the operator's is of another version than the operator, or of no certain one.",
    why="Operator and proxies are made for one another; an image that is not pinned changes when a pod starts anew.",
    mend="Give the image the operator's version.",
    source="https://tailscale.com/kb/1236/kubernetes-operator#operator-and-proxies",
    needs=Needs.MANIFESTS,
    bad=_OPERATOR.replace("NAME", "tailscale").replace("RUNS", "tailscale/tailscale:v1.98.0"),
    good=_TAILSCALE,
)
RULES = (TWO_OPERATORS, DNSCONFIG_STUB, TAILNET_ON_SERVICE, PSA, IMAGE_VERSION)

_ENFORCE = "pod-security.kubernetes.io/enforce"
_PRIVILEGED = "privileged"
_DNS_MAPS = frozenset({"coredns", "coredns-custom", "kube-dns", "node-local-dns", "rke2-coredns-rke2-coredns"})
_DNS_NAMESPACE = "kube-system"
_DOMAIN = "ts.net"
_FLOATING = frozenset({"", "latest", "stable", "unstable"})


def two_operators(subject: Subject) -> Iterator[Finding]:
    """Two with different classes in different namespaces are not said: one of them may be on its way out."""
    if subject.objects is not None:
        for cluster in subject.objects.clusters:
            every = operator_deployments(subject.objects, cluster)
            for other in every[1:]:
                yield from _two(cluster, every[0], other)


def _two(cluster: str, first: OperatorDeployment, other: OperatorDeployment) -> Iterator[Finding]:
    spaces = {first.made.namespace, other.made.namespace}
    classes = {_class(first), _class(other)}
    same = [
        f"the {what} {next(iter(found))}"
        for what, found in (("namespace", spaces), ("ingress class", classes))
        if len(found) == 1
    ]
    if same:
        yield TWO_OPERATORS.at(
            other.made.place("metadata", "name"),
            first.made.place("metadata", "name"),
            message=f"Cluster {cluster} has the operators {first.made.title} and {other.made.title} with {listed(same)}.",
            expected="one operator",
        )


def _class(operator: OperatorDeployment) -> str:
    return operator.env.get("OPERATOR_INGRESS_CLASS_NAME") or INGRESS_CLASS


def dnsconfig_stub(subject: Subject) -> Iterator[Finding]:
    """Where the settings of the cluster's DNS are among the manifests; mostly they are not."""
    if subject.objects is not None:
        for cluster in subject.tailnet.clusters:
            every = subject.objects.of_kind("ConfigMap", cluster.name)
            maps = [made for made in every if made.namespace == _DNS_NAMESPACE and made.name in _DNS_MAPS]
            for config in cluster.custom.dns_configs if maps else ():
                if not any(_mentions(made, _DOMAIN) for made in maps):
                    yield DNSCONFIG_STUB.at(
                        config.place,
                        *(made.place("metadata", "name") for made in maps),
                        message=f"DNSConfig {config.name} of {cluster.name} is asked by nobody: "
                        f"{listed(made.title for made in maps)} does not name {_DOMAIN}.",
                        expected=f"a server block for {_DOMAIN}",
                    )


def _mentions(made: KubernetesObject, word: str) -> bool:
    return any(word in f"{key} {made.text('data', key)}" for key in made.keys("data"))


def tailnet_on_service(subject: Subject) -> Iterator[Finding]:
    """As annotation or as label."""
    key = f"{TAILSCALE}/tailnet"
    if subject.objects is not None:
        for made in (*subject.objects.of_kind("Service"), *subject.objects.of_kind("Ingress")):
            for part, texts in (("annotations", made.annotations), ("labels", made.labels)):
                if key in texts:
                    yield TAILNET_ON_SERVICE.at(
                        made.place("metadata", part, key),
                        message=f"{made.title} of {made.cluster} asks for the tailnet {texts[key]}.",
                        expected="a ProxyGroup that belongs to it",
                    )


def psa(subject: Subject) -> Iterator[Finding]:
    """Proxies of Services have privileges, unless a ProxyClass takes them away; those of Ingresses have none."""
    if subject.objects is not None:
        for cluster in subject.tailnet.clusters:
            name = cluster.operator.namespace
            namespace = subject.objects.find(cluster.name, "Namespace", name)
            level = namespace.labels.get(_ENFORCE, _PRIVILEGED) if namespace is not None else _PRIVILEGED
            needing = next((each for each in (*cluster.exposures, *cluster.egresses) if _is_privileged(each)), None)
            if namespace is not None and level != _PRIVILEGED and needing is not None:
                yield PSA.at(
                    namespace.place("metadata", "labels", _ENFORCE),
                    needing.place,
                    message=f"The namespace {name} of {cluster.name} is {level}, and the proxy of {needing.reference} needs "
                    "privileges.",
                    expected=f"{_ENFORCE}: {_PRIVILEGED}",
                )


def _is_privileged(each: Exposure | Egress) -> bool:
    return each.proxy_group is None and each.proxy_class is None


def image_version(subject: Subject) -> Iterator[Finding]:
    """The operator's images as Helm renders them, as the values say, and those that have a default of their own."""
    for name, chart in subject.facts.charts.items():
        cluster = subject.clusters.get(name)
        version = known_version(subject, cluster) if cluster is not None else version_of(chart.version)
        for section in ("operatorConfig", "proxyConfig"):
            tag = _tag_in(chart.values.get(section))
            given = version_of(tag)
            if version is not None and given is not None and given != version:
                yield IMAGE_VERSION.at(
                    chart.place_of(section, "image", "tag"),
                    message=f"{section}.image.tag of {name} is {tag}; the chart is {version_text(version)}.",
                    expected=f"v{version_text(version)}, or no tag",
                    mend="Leave the tag out: the chart has its own.",
                )
    if subject.objects is not None:
        for cluster in subject.tailnet.clusters:
            yield from _images(subject.objects, cluster)


def _tag_in(section: Json) -> str:
    image = section.get("image") if isinstance(section, dict) else None
    tag = image.get("tag") if isinstance(image, dict) and not image.get("digest") else None
    return tag if isinstance(tag, str) else ""


def _images(objects: Objects, cluster: Cluster) -> Iterator[Finding]:
    shown = next(iter(operator_deployments(objects, cluster.name)), None)
    own = version_of(cluster.operator.chart.version)
    meant = f"v{version_text(own)}" if own is not None else "the operator's version"
    if shown is not None:
        image = shown.env.get("PROXY_IMAGE", "")
        given = version_of(_tag(image))
        if own is not None and given is not None and given != own:
            yield IMAGE_VERSION.at(
                shown.place("PROXY_IMAGE"),
                cluster.operator.place,
                message=f"The proxies of {cluster.name} run {image}; its operator is v{version_text(own)}.",
                expected=meant,
            )
        elif image and _is_floating(image):
            yield _floating(shown.place("PROXY_IMAGE"), f"The image of the proxies of {cluster.name}", image, meant)
        yield from _of_api_servers(shown, cluster, meant)
    for made in objects.of_kind("DNSConfig", cluster.name):
        tag = made.text("spec", "nameserver", "image", "tag") or "stable"
        if version_of(tag) is None:
            place = made.place("spec", "nameserver", "image", "tag")
            yield _floating(
                place, f"The image of {made.title} of {cluster.name}", f"tailscale/k8s-nameserver:{tag}", meant
            )


def _of_api_servers(shown: OperatorDeployment, cluster: Cluster, meant: str) -> Iterator[Finding]:
    """They have an image of their own, which the chart does not set."""
    classes = {each.name: each.image for each in cluster.custom.proxy_classes}
    default = shown.env.get("K8S_PROXY_IMAGE") or "tailscale/k8s-proxy:latest"
    for group in cluster.custom.proxy_groups:
        image = classes.get(group.proxy_class or "") or default
        if group.kind is ProxyGroupKind.KUBE_API_SERVER and _is_floating(image):
            yield _floating(group.place, f"The image of proxy group {group.reference}", image, meant)


def _tag(image: str) -> str:
    return "" if "@" in image else image.rpartition("/")[2].partition(":")[2]


def _is_floating(image: str) -> bool:
    return "@" not in image and _tag(image) in _FLOATING


def _floating(place: Place, what: str, image: str, meant: str) -> Finding:
    return IMAGE_VERSION.at(
        place, message=f"{what} is {image}, which is another one from time to time.", expected=meant
    )


CHECKS = (two_operators, dnsconfig_stub, tailnet_on_service, psa, image_version)
