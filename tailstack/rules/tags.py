"""2xx: tags, who may give them, and the credentials of the operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.compile import CompiledPolicy
from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.access.policy import Listed
from tailstack.access.selectors import MEMBER, TAGGED, SelectorKind, parse_selector
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.ownership import not_given, owners_by_tag
from tailstack.rules.selectors import written_selectors
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import did_you_mean, listed

TAG_UNDEFINED = Rule(
    code="TS201",
    slug="tag-undefined",
    what="An access entry names a tag that nothing in the environment wears or defines.",
    why="Tailscale refuses the whole policy file, and nothing of it takes effect.",
    mend="Correct the name, declare the node that wears it, or define the tag in the hand-written policy file.",
    source="https://tailscale.com/kb/1337/policy-syntax#tag-owners",
)
PROXY_TAG_NOT_OWNED = Rule(
    code="TS202",
    slug="proxy-tag-not-owned",
    what="The operator of a cluster may not give a tag that its proxies are to wear.",
    why="No key can be made for the proxy (`requested tags are invalid or not permitted`), and it never joins the tailnet.",
    mend="Add a tag of the operator to the owners of this tag in the hand-written policy file, or take the entry out there.",
    source="https://github.com/tailscale/tailscale/issues/15732",
)
OPERATOR_TAG_REUSE = Rule(
    code="TS203",
    slug="operator-tag-reuse",
    severity=Severity.WARNING,
    what="A proxy or a machine wears a tag of an operator.",
    why="Rights behind the API-server proxy then lead to it too, and what owns tags could make nodes with them.",
    mend="Give it a tag of its own.",
    source="https://tailscale.com/kb/1236/kubernetes-operator#prerequisites",
)
TAG_OWNER_TOO_WIDE = Rule(
    code="TS204",
    slug="tag-owner-too-wide",
    severity=Severity.WARNING,
    what="Every member of the tailnet, or every tagged node, may give a tag that a declared node wears.",
    why="Anybody could put a machine of theirs in that node's place, with all that may be reached by it.",
    mend="Name the group or the tag that needs it as the owner.",
    source="https://tailscale.com/kb/1337/policy-syntax#tag-owners",
)
RULES = (TAG_UNDEFINED, PROXY_TAG_NOT_OWNED, OPERATOR_TAG_REUSE, TAG_OWNER_TOO_WIDE)


def tag_undefined(subject: Subject) -> Iterator[Finding]:
    """Tags of nodes are defined by what wears them, so only those that people wrote as selectors can be missing."""
    defined = {owners.name for owners in subject.policy.policy.tag_owners}
    for text, place in written_selectors(subject.tailnet):
        if parse_selector(text, place).kind is SelectorKind.TAG and text not in defined:
            yield TAG_UNDEFINED.at(
                place,
                message=f"{text} is worn by no node of {subject.tailnet.environment} and defined nowhere.",
                expected=f"one of {listed(sorted(defined))}" if defined else "a tag that a declared node wears",
                mend=did_you_mean(text, defined),
            )


def proxy_tag_not_owned(subject: Subject) -> Iterator[Finding]:
    """Each tag is named once for a cluster, with the first proxy that wears it."""
    owners = owners_by_tag(subject.policy.policy)
    declared: dict[str | None, list[DeclaredNode]] = {}
    for node in subject.nodes:
        if node.kind is not NodeKind.OPERATOR:
            declared.setdefault(node.cluster, []).append(node)
    for cluster in subject.tailnet.clusters:
        said: set[str] = set()
        for wearing in (_undeclared_proxies(cluster), *map(_proxy, declared.get(cluster.name, ()))):
            for tag in not_given(cluster, wearing.tags, owners):
                if tag not in said:
                    said.add(tag)
                    yield _not_owned(cluster, wearing, tag, owners.get(tag), subject.policy)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wearing:
    """Tags that are asked for together in one key."""

    who: DeclaredNode | str
    tags: tuple[str, ...]
    place: Place


def _proxy(node: DeclaredNode) -> _Wearing:
    return _Wearing(who=node, tags=node.tags, place=node.place)


def _undeclared_proxies(cluster: Cluster) -> _Wearing:
    operator = cluster.operator
    return _Wearing(who=f"any other proxy of {cluster.name}", tags=operator.proxy_tags, place=operator.place)


def _not_owned(cluster: Cluster, wearing: _Wearing, tag: str, owners: Listed | None, policy: CompiledPolicy) -> Finding:
    if owners is None:
        owned, defined_at = "is defined nowhere", ()
    else:
        owned = f"is owned by {listed((owner.name for owner in owners.entries), none='admins only')}"
        defined_at = policy.sources(owners.place)
    return PROXY_TAG_NOT_OWNED.at(
        wearing.place,
        *(place for place in defined_at if place != wearing.place),
        message=f"{tag}, which {wearing.who} wears, {owned}: the operator of {cluster.name} may not give it.",
        expected=f"{listed(cluster.operator.tags)} among the owners of {tag}",
    )


def operator_tag_reuse(subject: Subject) -> Iterator[Finding]:
    """Operators may share a tag with one another; what is no operator should not have it."""
    operators = {node: node.tags for node in subject.nodes if node.kind is NodeKind.OPERATOR}
    by_tag = {tag: node for node, tags in reversed(operators.items()) for tag in tags}
    others = [
        *(_undeclared_proxies(cluster) for cluster in subject.tailnet.clusters),
        *(_proxy(node) for node in subject.nodes if node.kind is not NodeKind.OPERATOR),
    ]
    for wearing in others:
        for tag in wearing.tags:
            if tag in by_tag:
                yield OPERATOR_TAG_REUSE.at(
                    wearing.place,
                    *({by_tag[tag].place} - {wearing.place}),
                    message=f"{wearing.who} wears {tag}, a tag of {by_tag[tag]}.",
                    expected="tags that no operator wears",
                )


def tag_owner_too_wide(subject: Subject) -> Iterator[Finding]:
    """Only a hand-written policy file can say so: derived owners are operators' tags."""
    worn = {tag: node for node in reversed(subject.nodes) for tag in node.tags}
    for owned in subject.policy.policy.tag_owners:
        for owner in owned.entries:
            if owned.name in worn and owner.name in (MEMBER, TAGGED):
                yield TAG_OWNER_TOO_WIDE.at(
                    *subject.policy.sources(owner.place),
                    worn[owned.name].place,
                    message=f"{owner.name} may give {owned.name}, which {worn[owned.name]} wears.",
                    expected="a group of few, or a tag",
                )


CHECKS = (tag_undefined, proxy_tag_not_owned, operator_tag_reuse, tag_owner_too_wide)
