"""2xx: tags as they are written in manifests and in values of the chart, where they are texts and nothing checks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.manifests.objects import Objects
from tailstack.manifests.operators import OperatorDeployment, operator_deployments
from tailstack.manifests.values import ManifestList, Step
from tailstack.rules.ownership import is_tag
from tailstack.rules.releases import Release, releases
from tailstack.rules.subject import Subject
from tailstack.topology.wording import quoted

_SERVICE = """# blue/app.yaml
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {tailscale.com/expose: "true", tailscale.com/tags: "TAGS"}}
spec: {ports: [{port: 80}]}
"""
_VALUES = """clusters: {blue: {kubernetes: {context: blue}}}
# facts.json
{"charts": {"blue": {"values": {"proxyConfig": {"defaultTags": TAGS}}}}}
"""

TAG_SYNTAX = Rule(
    code="TS210",
    slug="tag-syntax",
    what="A tag in a manifest or in a value of the chart is not one: it has a space in or before it, or another form.",
    why="The operator checks tags without the spaces, sends them with them, and Tailscale answers 400.",
    mend="Write tag: and then letters, digits and hyphens, with a letter first; between tags a comma and no space.",
    source="https://pkg.go.dev/tailscale.com/tailcfg#CheckTag",
    needs=Needs.MANIFESTS,
    bad=_SERVICE.replace("TAGS", "tag:k8s, tag:web"),
    good=_SERVICE.replace("TAGS", "tag:k8s,tag:web"),
)
DEFAULT_TAGS_TYPE = Rule(
    code="TS211",
    slug="default-tags-type",
    what="The chart's value proxyConfig.defaultTags is a list.",
    why="It is a text with commas, unlike operatorConfig.defaultTags: a list becomes `[tag:a tag:b]`, which is no tag, "
    "and no proxy gets a key.",
    mend="Write the tags as one text with commas between them.",
    source="https://github.com/tailscale/tailscale/issues/15732",
    needs=Needs.FACTS,
    bad=_VALUES.replace("TAGS", '["tag:k8s", "tag:web"]'),
    good=_VALUES.replace("TAGS", '"tag:k8s,tag:web"'),
)
RULES = (TAG_SYNTAX, DEFAULT_TAGS_TYPE)

_TAGGED_KINDS = ("ProxyGroup", "Connector", "Recorder", "PeerRelay")
_OPERATOR_TAGS = "OPERATOR_INITIAL_TAGS"
_PROXY_TAGS = "PROXY_TAGS"

_Written = tuple[str, str, Place]
"""What wears the tag, the tag as it is written, and where."""


def tag_syntax(subject: Subject) -> Iterator[Finding]:
    """A text that the chart made of a list is left to the rule for that."""
    objects = subject.objects
    written = [*_in_values(subject), *(_in_manifests(objects) if objects is not None else ())]
    for who, tag, place in written:
        if not is_tag(tag):
            yield TAG_SYNTAX.at(
                place,
                message=f"{who} is to wear {quoted(tag)}, which is no tag." if tag else f"{who} has an empty tag.",
                expected="tag: and then letters, digits and hyphens",
                mend=f"Write {tag.strip()}, without the space." if is_tag(tag.strip()) else "",
            )


def _in_manifests(objects: Objects) -> Iterator[_Written]:
    for kind in ("Service", "Ingress"):
        for made in objects.of_kind(kind):
            text = made.annotation("tags")
            if text is not None:
                yield from ((made.title, tag, made.annotation_place("tags")) for tag in text.split(","))
    for kind in _TAGGED_KINDS:
        for made in objects.of_kind(kind):
            for index in range(made.length("spec", "tags")):
                tag = made.text("spec", "tags", index)
                if tag is not None:
                    yield made.title, tag, made.place("spec", "tags", index)
    for cluster in objects.clusters:
        for operator in operator_deployments(objects, cluster):
            for variable, who in ((_OPERATOR_TAGS, "The operator"), (_PROXY_TAGS, "Every other proxy")):
                text = operator.env.get(variable, "")
                if text and not _is_rendered_list(text):
                    place = operator.place(variable)
                    yield from ((f"{who} of {cluster}", tag, place) for tag in text.split(","))


def _in_values(subject: Subject) -> Iterator[_Written]:
    for release in releases(subject):
        for section, who in (("operatorConfig", "The operator"), ("proxyConfig", "Every other proxy")):
            tags = _default_tags(release, section)
            each = tags.split(",") if isinstance(tags, str) and tags else tags if isinstance(tags, list) else ()
            place = release.place((section, "defaultTags"))
            yield from ((f"{who} of {release.who}", tag, place) for tag in each if isinstance(tag, str))


def _default_tags(release: Release, section: str) -> str | list[object] | None:
    values = release.values.get(section)
    tags = cast("dict[str, object]", values).get("defaultTags") if isinstance(values, dict) else None
    if isinstance(tags, list):
        return cast("list[object]", tags)
    return tags if isinstance(tags, str) else None


def _is_rendered_list(text: str) -> bool:
    return text.strip().startswith("[")


def default_tags_type(subject: Subject) -> Iterator[Finding]:
    """In values of the chart, and in what Helm makes of them: quotes or none decide whether it is a text or a list."""
    for release in releases(subject):
        tags = _default_tags(release, "proxyConfig")
        if isinstance(tags, list):
            meant = ",".join(tag for tag in tags if isinstance(tag, str))
            yield _list(release.who, release.place(("proxyConfig", "defaultTags")), meant)
    if subject.objects is not None:
        yield from _rendered(subject.objects)


def _rendered(objects: Objects) -> Iterator[Finding]:
    for cluster in objects.clusters:
        for operator in operator_deployments(objects, cluster):
            text = operator.env.get(_PROXY_TAGS, "")
            if _is_rendered_list(text):
                yield _list(cluster, operator.place(_PROXY_TAGS), ",".join(text.strip(" []").split()))
            for path in _variable(operator, _PROXY_TAGS):
                if isinstance(operator.made.value(*path), ManifestList):
                    words = " ".join(operator.made.texts(*path)).split()
                    yield _list(cluster, operator.made.place(*path), ",".join(words))


def _variable(operator: OperatorDeployment, name: str) -> Iterator[tuple[Step, ...]]:
    """The path to the value of a variable, of whatever type it is."""
    env: tuple[Step, ...] = ("spec", "template", "spec", "containers", operator.container, "env")
    for index in range(operator.made.length(*env)):
        if operator.made.text(*env, index, "name") == name:
            yield (*env, index, "value")


def _list(cluster: str, place: Place, meant: str) -> Finding:
    return DEFAULT_TAGS_TYPE.at(
        place,
        message=f"The default tags of proxies of {cluster} are a list.",
        expected="one text",
        mend=f'Write "{meant}".',
    )


CHECKS = (tag_syntax, default_tags_type)
