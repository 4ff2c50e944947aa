"""4xx: Ingresses that the operator reads otherwise than they were meant, or not at all. Only manifests can be written so."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.manifests.nodes import ClusterView, backend_paths, ingress_hostname, is_tailscale_ingress
from tailstack.manifests.objects import TAILSCALE, KubernetesObject
from tailstack.manifests.operators import INGRESS_CLASS as INGRESS_CLASS_NAME
from tailstack.manifests.operators import INGRESS_CONTROLLER, operator_deployments
from tailstack.manifests.values import Step
from tailstack.rules.subject import Subject
from tailstack.topology.wording import nearest, quoted

_READING = "https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress.go"
_READING_HA = "https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress-for-pg.go"
_SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{port: 80}], selector: {app: web}}
"""
_BACKEND = "{service: {name: web, port: {number: 80}}}"


def _example(spec: str, annotations: str = "") -> str:
    return f"""# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: default, annotations: {{{annotations}}}}}
spec:
{spec}
{_SERVICE}"""


_PLAIN = f"""  ingressClassName: tailscale
  tls: [{{hosts: [web]}}]
  defaultBackend: {_BACKEND}"""
_RULED = f"""  ingressClassName: tailscale
  tls: [{{hosts: [web]}}]
  rules: [{{host: HOST, http: {{paths: [{{path: /, pathType: Prefix, backend: {_BACKEND}}}]}}}}]"""
_GROUP = "tailscale.com/proxy-group: in"
_CLASS = """---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: tailscale}
spec: {controller: tailscale.com/ts-ingress}
"""
_GROUP_OBJECT = """---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress}
"""

INGRESS_CLASS = Rule(
    code="TS405",
    slug="ingress-class",
    needs=Needs.MANIFESTS,
    what="An Ingress is meant for Tailscale, and its class is not the one that the operator of its cluster looks for.",
    why="The operator passes over it silently.",
    mend="Write the name of the operator's class as `ingressClassName`.",
    source=_READING,
    bad=_example(_PLAIN.replace("  ingressClassName: tailscale\n", ""), "kubernetes.io/ingress.class: tailscale")
    + _CLASS,
    good=_example(_PLAIN.replace("tailscale", "nginx"), "kubernetes.io/ingress.class: nginx") + _CLASS,
)
TLS_SHAPE = Rule(
    code="TS406",
    slug="tls-shape",
    needs=Needs.MANIFESTS,
    what="An Ingress names several hosts, or several entries of `tls`.",
    why="It gets one name. The others are passed over silently; with a ProxyGroup the whole Ingress is refused.",
    mend="Leave one host, and make an Ingress of its own for each other name.",
    source=_READING_HA,
    bad=_example(_PLAIN.replace("[web]", "[web, shop]")),
    good=_example(_PLAIN),
)
RULE_HOST = Rule(
    code="TS407",
    slug="rule-host",
    needs=Needs.MANIFESTS,
    what="The host of a rule is not that of the Ingress.",
    why="The operator leaves the rule out (InvalidIngressBackend).",
    mend="Leave the host of the rule out, or write it as it must be.",
    source=_READING,
    bad=_example(_RULED.replace("HOST", "web.tail1a2b.ts.net")),
    good=_example(_RULED.replace("HOST", "web")),
)
NO_BACKEND = Rule(
    code="TS409",
    slug="no-backend",
    needs=Needs.MANIFESTS,
    what="An Ingress has no backend.",
    why="The operator says NoValidBackends, and makes no proxy.",
    mend="Add a `defaultBackend`, or a rule with a path.",
    source=_READING,
    bad=_example("  ingressClassName: tailscale\n  tls: [{hosts: [web]}]"),
    good=_example(_PLAIN),
)
RULE_WITHOUT_HTTP = Rule(
    code="TS410",
    slug="rule-without-http",
    needs=Needs.MANIFESTS,
    what="A rule of an Ingress has no `http`.",
    why="The operator takes it for granted and fails at it (nil dereference): nothing of the Ingress is served.",
    mend="Add `http: {paths: [...]}`, or take the rule out.",
    source=_READING,
    bad=_example(_PLAIN + "\n  rules: [{host: web}]"),
    good=_example(_RULED.replace("HOST", "web")),
)
EXACT_PATH = Rule(
    code="TS411",
    slug="exact-path",
    severity=Severity.WARNING,
    needs=Needs.MANIFESTS,
    what="A path of an Ingress is to match exactly.",
    why="The operator takes it for a prefix (UnsupportedPathTypeExact): everything below it is reached too.",
    mend="Write `pathType: Prefix`, or refuse the paths below in the backend.",
    source=_READING,
    bad=_example(_RULED.replace("HOST", "web").replace("Prefix", "Exact")),
    good=_example(_RULED.replace("HOST", "web")),
)
DUPLICATE_PATH = Rule(
    code="TS412",
    slug="duplicate-path",
    severity=Severity.WARNING,
    needs=Needs.MANIFESTS,
    what="The same path stands twice in an Ingress.",
    why="The last one gets all requests, and the backend of the other one none.",
    mend="Take one of the two out.",
    source=_READING,
    bad=_example(_RULED.replace("HOST", "web") + f"\n  defaultBackend: {_BACKEND}"),
    good=_example(_RULED.replace("HOST", "web").replace("path: /,", "path: /api,") + f"\n  defaultBackend: {_BACKEND}"),
)
FUNNEL_ON_GROUP = Rule(
    code="TS413",
    slug="funnel-on-pg",
    needs=Needs.MANIFESTS,
    what="An Ingress that a ProxyGroup serves is to be open to the internet.",
    why="Funnel works with a proxy of the Ingress's own only: the annotation is passed over silently.",
    mend="Take `tailscale.com/proxy-group` out, or `tailscale.com/funnel`.",
    source=_READING_HA,
    bad=_example(_PLAIN, f'{_GROUP}, tailscale.com/funnel: "true"') + _GROUP_OBJECT,
    good=_example(_PLAIN, 'tailscale.com/funnel: "true"'),
)
RULES = (
    INGRESS_CLASS,
    TLS_SHAPE,
    RULE_HOST,
    NO_BACKEND,
    RULE_WITHOUT_HTTP,
    EXACT_PATH,
    DUPLICATE_PATH,
    FUNNEL_ON_GROUP,
)

_LEGACY_CLASS = "kubernetes.io/ingress.class"
_DEFAULT_PATH = "/"


def _tailscale_ingresses(subject: Subject) -> Iterator[tuple[ClusterView, KubernetesObject]]:
    """The Ingresses that the operator of their cluster looks at."""
    for view in subject.views:
        for made in view.objects.of_kind("Ingress", view.cluster):
            if is_tailscale_ingress(view, made):
                yield view, made


def ingress_class(subject: Subject) -> Iterator[Finding]:
    """Where the operator is not shown, its class is not known: then only an Ingress without any class is sure to be lost."""
    for view in subject.views:
        classes = _classes(view)
        for made in view.objects.of_kind("Ingress", view.cluster):
            name = made.text("spec", "ingressClassName")
            if name in classes:
                if made.annotation("proxy-group") and _is_class_off(view):
                    yield _off(view, made)
            elif _is_meant(view, made, name, classes):
                written = "no ingressClassName" if name is None else f"the class {quoted(name)}"
                yield INGRESS_CLASS.at(
                    made.place("spec", "ingressClassName"),
                    message=f"{made.title} of {view.cluster} is meant for Tailscale, and has {written}.",
                    expected=f"ingressClassName: {view.ingress_class}",
                )


def _classes(view: ClusterView) -> frozenset[str]:
    operators = operator_deployments(view.objects, view.cluster)
    return frozenset(
        {view.ingress_class, *(each.env.get("OPERATOR_INGRESS_CLASS_NAME") or INGRESS_CLASS_NAME for each in operators)}
    )


def _is_class_off(view: ClusterView) -> bool:
    """Whether the chart made no class. An Ingress with a proxy of its own does without one, another does not."""
    return not view.operator.is_assumed and view.operator.ingress_class is None


def _off(view: ClusterView, made: KubernetesObject) -> Finding:
    return INGRESS_CLASS.at(
        made.place("spec", "ingressClassName"),
        view.operator.place,
        message=f"{made.title} of {view.cluster} has the class {view.ingress_class}, and no such IngressClass is there.",
        expected="the IngressClass of the chart",
        mend="Set ingressClass.enabled of the chart to true.",
    )


def _is_meant(view: ClusterView, made: KubernetesObject, name: str | None, classes: frozenset[str]) -> bool:
    is_annotated = any(key.startswith(f"{TAILSCALE}/") for key in made.annotations)
    if name is None:
        return is_annotated or made.annotations.get(_LEGACY_CLASS) in classes
    if view.operator.is_assumed:
        return False
    declared = view.objects.find(view.cluster, "IngressClass", name)
    if declared is not None:
        return is_annotated or declared.text("spec", "controller") == INGRESS_CONTROLLER
    return is_annotated or INGRESS_CLASS_NAME in name or nearest(name, classes) is not None


def tls_shape(subject: Subject) -> Iterator[Finding]:
    """Only the first host of the first entry is read."""
    for _, made in _tailscale_ingresses(subject):
        entries = range(made.length("spec", "tls"))
        hosts = [
            made.place("spec", "tls", entry, "hosts", index)
            for entry in entries
            for index in range(made.length("spec", "tls", entry, "hosts"))
        ]
        if len(hosts) > 1 or len(entries) > 1:
            first = quoted(ingress_hostname(made))
            refused = "is refused for it" if made.annotation("proxy-group") else f"gets the name {first} only"
            others = hosts[1:] or [made.place("spec", "tls", 1)]
            yield TLS_SHAPE.at(
                *others,
                message=f"{made.title} has {len(hosts)} hosts in {len(entries)} entries of tls, and {refused}.",
                expected="one entry with one host",
            )


def rule_host(subject: Subject) -> Iterator[Finding]:
    """With a proxy of its own the host is the text in `tls`; with a ProxyGroup it is the full name."""
    for view, made in _tailscale_ingresses(subject):
        for rule in range(made.length("spec", "rules")):
            if not _is_kept(subject, view, made, rule):
                expected = _host(view, made)
                yield RULE_HOST.at(
                    made.place("spec", "rules", rule, "host"),
                    message=f"A rule of {made.title} is for {quoted(made.text('spec', 'rules', rule, 'host') or '')}.",
                    expected=f"{quoted(expected)}, or no host" if expected else "no host, as there is none in tls",
                )


def _host(view: ClusterView, made: KubernetesObject) -> str:
    if made.annotation("proxy-group"):
        return f"{ingress_hostname(made)}.{view.dns_name}"
    return made.text("spec", "tls", 0, "hosts", 0) or ""


def _is_kept(subject: Subject, view: ClusterView, made: KubernetesObject, rule: int) -> bool:
    """Whether the operator keeps a rule. Of a domain that nobody told, any will do."""
    host = made.text("spec", "rules", rule, "host") or ""
    if made.annotation("proxy-group") and subject.tailnet.is_dns_name_assumed:
        label, _, domain = host.partition(".")
        return not host or (label == ingress_hostname(made) and domain.endswith(".ts.net"))
    return host in ("", _host(view, made))


def no_backend(subject: Subject) -> Iterator[Finding]:
    """A rule without `http` has a rule of its own."""
    for _, made in _tailscale_ingresses(subject):
        is_empty = all(made.has("spec", "rules", rule, "http") for rule in range(made.length("spec", "rules")))
        if is_empty and not any(backend_paths(made)):
            yield NO_BACKEND.at(
                made.place("spec"),
                message=f"{made.title} has neither a defaultBackend nor a rule with a path.",
                expected="a backend",
            )


def rule_without_http(subject: Subject) -> Iterator[Finding]:
    """Of rules that the operator keeps: others it leaves out before it looks."""
    for view, made in _tailscale_ingresses(subject):
        for rule in range(made.length("spec", "rules")):
            if made.value("spec", "rules", rule, "http") is None and _is_kept(subject, view, made, rule):
                yield RULE_WITHOUT_HTTP.at(
                    made.place("spec", "rules", rule),
                    message=f"A rule of {made.title} has no http.",
                    expected="http: {paths: [...]}",
                )


def _paths(subject: Subject, view: ClusterView, made: KubernetesObject) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """The paths that the operator keeps, each with its way in the manifest."""
    for rule in range(made.length("spec", "rules")):
        paths = ("spec", "rules", rule, "http", "paths")
        for index in range(made.length(*paths)) if _is_kept(subject, view, made, rule) else ():
            yield made.text(*paths, index, "path") or _DEFAULT_PATH, (*paths, index)


def exact_path(subject: Subject) -> Iterator[Finding]:
    """Of paths that the operator keeps."""
    for view, made in _tailscale_ingresses(subject):
        for path, way in _paths(subject, view, made):
            if made.text(*way, "pathType") == "Exact":
                yield EXACT_PATH.at(
                    made.place(*way, "pathType"),
                    message=f"The path {quoted(path)} of {made.title} is taken for a prefix.",
                    expected="pathType: Prefix",
                )


def duplicate_path(subject: Subject) -> Iterator[Finding]:
    """The default backend has the path `/`."""
    for view, made in _tailscale_ingresses(subject):
        first: dict[str, Place] = {}
        if made.value("spec", "defaultBackend") is not None:
            first[_DEFAULT_PATH] = made.key_place("spec", "defaultBackend")
        for path, way in _paths(subject, view, made):
            earlier = first.setdefault(path, made.place(*way))
            if earlier != made.place(*way):
                yield DUPLICATE_PATH.at(
                    made.place(*way),
                    earlier,
                    message=f"The path {quoted(path)} of {made.title} stands here a second time.",
                    expected="each path once",
                )


def funnel_on_pg(subject: Subject) -> Iterator[Finding]:
    """The adapter takes such an Ingress for what it becomes: one without Funnel."""
    for _, made in _tailscale_ingresses(subject):
        if made.annotation("proxy-group") and made.annotation("funnel") == "true":
            yield FUNNEL_ON_GROUP.at(
                made.annotation_place("funnel"),
                made.annotation_place("proxy-group"),
                message=f"{made.title} is served by ProxyGroup {made.annotation('proxy-group')}, and never open to the internet.",
                expected="one of the two annotations",
            )


CHECKS = (
    ingress_class,
    tls_shape,
    rule_host,
    no_backend,
    rule_without_http,
    exact_path,
    duplicate_path,
    funnel_on_pg,
)
