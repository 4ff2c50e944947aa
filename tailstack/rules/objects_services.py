"""4xx: Services that cannot be exposed the way they ask for. Only manifests can be written so."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Rule
from tailstack.manifests.nodes import is_exposed
from tailstack.manifests.objects import KubernetesObject
from tailstack.rules.subject import Subject

_SERVICE = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, annotations: {ANNOTATIONS}}
spec: {SPEC}
"""
_GROUP = """---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress}
"""


def _example(annotations: str, spec: str) -> str:
    return _SERVICE.replace("ANNOTATIONS", annotations).replace("SPEC", spec)


_EXPOSE = 'tailscale.com/expose: "true"'
_IN_GROUP = f"{_EXPOSE}, tailscale.com/proxy-group: in"
_EXTERNAL = "type: ExternalName, externalName: db.example.com, ports: [{port: 5432}]"

EXTERNAL_NAME_ON_GROUP = Rule(
    code="TS415",
    slug="externalname-on-pg",
    needs=Needs.MANIFESTS,
    what="A Service of type ExternalName is to be exposed by a ProxyGroup.",
    why="The operator passes over it silently.",
    mend="Take `tailscale.com/proxy-group` out: a proxy of its own can serve such a Service.",
    source="https://github.com/tailscale/tailscale/issues/18495",
    bad=_example(_IN_GROUP, _EXTERNAL) + _GROUP,
    good=_example(_EXPOSE, _EXTERNAL) + _GROUP,
)
HEADLESS = Rule(
    code="TS416",
    slug="headless",
    needs=Needs.MANIFESTS,
    what="A headless Service is to be exposed.",
    why="It has no address that a proxy could lead to: the operator refuses it (INVALIDSERVICE).",
    mend="Expose a Service with a ClusterIP that selects the same pods.",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/svc.go",
    bad=_example(_EXPOSE, 'clusterIP: "None", ports: [{port: 80}], selector: {app: web}'),
    good=_example("", 'clusterIP: "None", ports: [{port: 80}], selector: {app: web}'),
)
RULES = (EXTERNAL_NAME_ON_GROUP, HEADLESS)


def _exposed(subject: Subject) -> Iterator[KubernetesObject]:
    for view in subject.views:
        for made in view.objects.of_kind("Service", view.cluster):
            if is_exposed(view, made):
                yield made


def externalname_on_pg(subject: Subject) -> Iterator[Finding]:
    """With a proxy of its own an ExternalName is served."""
    for made in _exposed(subject):
        if made.text("spec", "type") == "ExternalName" and made.annotation("proxy-group"):
            yield EXTERNAL_NAME_ON_GROUP.at(
                made.place("spec", "type"),
                made.annotation_place("proxy-group"),
                message=f"{made.title} is of type ExternalName, and ProxyGroup {made.annotation('proxy-group')} never serves it.",
                expected="a Service with a ClusterIP, or no ProxyGroup",
            )


def headless(subject: Subject) -> Iterator[Finding]:
    """An egress may be headless: the operator makes an ExternalName of it."""
    for made in _exposed(subject):
        if made.text("spec", "clusterIP") == "None":
            yield HEADLESS.at(
                made.place("spec", "clusterIP"),
                message=f"{made.title} is headless, and is to be exposed.",
                expected="a Service with a ClusterIP",
            )


CHECKS = (externalname_on_pg, headless)
