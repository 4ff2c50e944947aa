"""4xx: annotations that the operator passes over without a word. Only manifests can be written so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailstack.charts.annotations import ANNOTATIONS
from tailstack.charts.versions import version_of
from tailstack.finding import Finding, Needs, Rule
from tailstack.manifests.objects import TAILSCALE, KubernetesObject
from tailstack.rules.subject import Subject
from tailstack.topology.wording import listed, nearest, quoted

_SERVICE = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, annotations: {tailscale.com/expose: "VALUE"}}
spec: {ports: [{port: 80}], selector: {app: web}}
"""

ANNOTATION_VALUE = Rule(
    code="TS414",
    slug="annotation-value",
    needs=Needs.MANIFESTS,
    what="An annotation of the operator stands where it has no effect, or has a value or a name that the operator does not know.",
    why="The operator passes over it silently: nothing is exposed, or not in the way that was meant.",
    mend="Write it as the operator reads it, or take it out.",
    source="https://github.com/tailscale/tailscale/issues/14323",
    bad=_SERVICE.replace("VALUE", "True"),
    good=_SERVICE.replace("VALUE", "true"),
)
RULES = (ANNOTATION_VALUE,)

_INSTEAD: Mapping[str, str] = {
    "expose": "`ingressClassName: tailscale` exposes an Ingress",
    "hostname": "an Ingress takes its name from the first host of its `tls`",
    "funnel": "Funnel is for an Ingress",
    "share-acme-account": "a ProxyGroup can have it",
}
"""What to do where an annotation of another kind is written."""

_NO_ANNOTATION = "accept-app-caps"
"""An option of `tailscale serve` that people look for here."""

_ONLY_WITH_GROUP = frozenset({"http-endpoint"})
_NEVER_WITH_GROUP = frozenset({"experimental-forward-cluster-traffic-via-ingress"})


def annotation_value(subject: Subject) -> Iterator[Finding]:
    """Of Services and Ingresses. A name that resembles none may be one of a newer operator."""
    for view in subject.views:
        is_label_only = _is_label_only(view.operator.chart.version)
        for kind in ("Service", "Ingress"):
            for made in view.objects.of_kind(kind, view.cluster):
                for key in made.annotations:
                    prefix, _, name = key.partition("/")
                    if prefix == TAILSCALE:
                        yield from _annotation(made, name, is_label_only=is_label_only)
                yield from _labels(made)


def _is_label_only(version: str) -> bool:
    numbers = version_of(version)
    return numbers is not None and numbers < ANNOTATIONS["proxy-class"].since


def _annotation(made: KubernetesObject, name: str, *, is_label_only: bool) -> Iterator[Finding]:
    value = made.annotation(name) or ""
    known = ANNOTATIONS.get(name)
    if known is None:
        near = nearest(name, ANNOTATIONS)
        if near is not None or name == _NO_ANNOTATION:
            yield _finding(
                made,
                name,
                "is none that the operator knows",
                mend=f"Write {TAILSCALE}/{near} if that is meant." if near else "",
            )
    elif made.kind not in known.kinds:
        yield _finding(made, name, f"has no effect on {_article(made.kind)}", expected=_INSTEAD.get(name, ""))
    elif known.values and value not in known.values:
        yield _finding(made, name, f"has the value {quoted(value)}", expected=f'"{known.values[0]}" exactly')
    elif name in _ONLY_WITH_GROUP and value == known.values[0] and not made.annotation("proxy-group"):
        yield _finding(
            made, name, "has no effect without a ProxyGroup", expected=f"{TAILSCALE}/http-redirect, or a ProxyGroup"
        )
    elif name in _NEVER_WITH_GROUP and made.annotation("proxy-group"):
        yield _finding(made, name, "has no effect with a ProxyGroup")
    elif name == "proxy-class" and is_label_only and f"{TAILSCALE}/proxy-class" not in made.labels:
        yield _finding(made, name, "is read as a label only by this version of the operator", mend="Make it a label.")


def _labels(made: KubernetesObject) -> Iterator[Finding]:
    """What is an annotation has no effect as a label."""
    names = [name for name in ANNOTATIONS if name != "proxy-class" and f"{TAILSCALE}/{name}" in made.labels]
    for name in names:
        if made.annotation(name) is None:
            yield ANNOTATION_VALUE.at(
                made.key_place("metadata", "labels", f"{TAILSCALE}/{name}"),
                message=f"{TAILSCALE}/{name} is a label of {made.title}, and the operator reads it as an annotation only.",
                expected="an annotation",
            )


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "Ingress" else f"a {kind}"


def _finding(made: KubernetesObject, name: str, what: str, *, expected: str = "", mend: str = "") -> Finding:
    return ANNOTATION_VALUE.at(
        made.key_place("metadata", "annotations", f"{TAILSCALE}/{name}"),
        message=f"{TAILSCALE}/{name} of {made.title} {what}.",
        expected=expected
        or f"one of {listed(sorted(known for known, each in ANNOTATIONS.items() if made.kind in each.kinds))}",
        mend=mend,
    )


CHECKS = (annotation_value,)
