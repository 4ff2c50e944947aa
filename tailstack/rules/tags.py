"""2xx: tags, who may give them, and who wears them."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.nodes import NodeKind
from tailstack.access.selectors import MEMBER, TAGGED, SelectorKind, parse_selector
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.rules.credentials import clients_of, gives_all
from tailstack.rules.ownership import given_by_no_tag, is_tag, not_given_by
from tailstack.rules.selectors import written_selectors
from tailstack.rules.subject import Subject
from tailstack.rules.wearing import Wearing
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import did_you_mean, listed

_WEB = "machines:\n  web: {tags: [tag:web]}\naccess:\n  - {name: web, from: [autogroup:member], to: [TAG], ports: [tcp:443]}\n"
_BLUE = """clusters:
  blue:
    kubernetes: {context: blue}
    operator: {tags: [tag:op], proxyTags: [tag:proxy]}
"""
_BASE = '# base.hujson\n{"tagOwners": {"tag:proxy": [OWNERS]}, "groups": {"group:ops": ["ana@example.com"]}}\n'
_RECORDER = """# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:recorder": ["tag:k8s-operator"]}, "grants": []}
# blue/recorder.yaml
apiVersion: tailscale.com/v1alpha1
kind: Recorder
metadata: {name: recorder}
spec: {enableUI: true}
"""

TAG_UNDEFINED = Rule(
    code="TS201",
    slug="tag-undefined",
    what="A tag is used that no policy defines: an access entry names it, or a node or a credential is to wear it.",
    why="Tailscale refuses a policy file that names it, and a key for a node that is to wear it.",
    mend="Correct the name, declare the node that wears it, or define the tag in the hand-written policy file.",
    source="https://tailscale.com/kb/1337/policy-syntax#tag-owners",
    bad=_WEB.replace("TAG", "tag:wev"),
    good=_WEB.replace("TAG", "tag:web"),
)
PROXY_TAG_NOT_OWNED = Rule(
    code="TS202",
    slug="proxy-tag-not-owned",
    what="The operator of a cluster may not give a tag that its proxies are to wear.",
    why="No key can be made for the proxy (`requested tags are invalid or not permitted`), and it never joins the tailnet.",
    mend="Add a tag of the operator to the owners of this tag in the hand-written policy file, or take the entry out there.",
    source="https://github.com/tailscale/tailscale/issues/15732",
    bad=_BLUE + _BASE.replace("OWNERS", '"group:ops"'),
    good=_BLUE + _BASE.replace("OWNERS", '"group:ops", "tag:op"'),
)
OPERATOR_TAG_REUSE = Rule(
    code="TS203",
    slug="operator-tag-reuse",
    severity=Severity.WARNING,
    what="A proxy or a machine wears a tag of an operator.",
    why="Rights behind the API-server proxy then lead to it too, and what owns tags could make nodes with them.",
    mend="Give it a tag of its own.",
    source="https://tailscale.com/kb/1236/kubernetes-operator#prerequisites",
    bad=_BLUE.replace("tag:proxy", "tag:op"),
    good=_BLUE,
)
TAG_OWNER_TOO_WIDE = Rule(
    code="TS204",
    slug="tag-owner-too-wide",
    severity=Severity.WARNING,
    what="Every member of the tailnet, or every tagged node, may give a tag that a declared node wears.",
    why="Anybody could put a machine of theirs in that node's place, with all that may be reached by it.",
    mend="Name the group or the tag that needs it as the owner.",
    source="https://tailscale.com/kb/1337/policy-syntax#tag-owners",
    bad=_BLUE + _BASE.replace("OWNERS", '"tag:op", "autogroup:member"'),
    good=_BLUE + _BASE.replace("OWNERS", '"tag:op", "autogroup:admin"'),
)
IMPLICIT_DEFAULT_TAG = Rule(
    code="TS205",
    slug="implicit-default-tag",
    what="A Recorder without tags of its own wears tag:k8s, which its operator may not give.",
    why="The operator does not give it the default tags of proxies, and makes no key for it: it stays in RecorderCreationFailed.",
    mend="Write the tags into spec.tags of the Recorder.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/tsrecorder.go",
    bad=_RECORDER,
    good=_RECORDER.replace("true}", "true, tags: [tag:recorder]}"),
)
RULES = (TAG_UNDEFINED, PROXY_TAG_NOT_OWNED, OPERATOR_TAG_REUSE, TAG_OWNER_TOO_WIDE, IMPLICIT_DEFAULT_TAG)

_RECORDER_TAG = "tag:k8s"


def tag_undefined(subject: Subject) -> Iterator[Finding]:
    """What people wrote as selectors, and what wears tags: each undefined tag once for a cluster, where it is worn first."""
    for text, place in written_selectors(subject.tailnet):
        if parse_selector(text, place).kind is SelectorKind.TAG and text not in subject.owners:
            yield _undefined(
                subject, text, place, f"{text} is worn by no node of {subject.tailnet.environment} and defined nowhere."
            )
    said: set[tuple[str | None, str]] = set()
    for wearing in subject.wearings:
        if wearing.is_assumed or wearing.has_default_tags:
            continue
        for tag in wearing.tags:
            if is_tag(tag) and tag not in subject.owners and (wearing.cluster, tag) not in said:
                said.add((wearing.cluster, tag))
                yield _undefined(subject, tag, wearing.place, f"{tag}, which {wearing.who} wears, is defined nowhere.")
    for approved in subject.policy.policy.auto_approvers.services:
        tag = approved.name
        if is_tag(tag) and tag not in subject.owners:
            place = subject.policy.sources(approved.place)[0]
            yield _undefined(subject, tag, place, f"{tag}, whose Services are to be approved, is defined nowhere.")
    for client in subject.facts.credentials or ():
        for tag in client.tags:
            if tag not in subject.owners:
                yield _undefined(
                    subject, tag, client.place, f"{tag}, a tag of the credential {client.key}, is defined nowhere."
                )


def _undefined(subject: Subject, tag: str, place: Place, message: str) -> Finding:
    defined = subject.owners
    return TAG_UNDEFINED.at(
        place,
        message=message,
        expected=f"one of {listed(sorted(defined))}" if defined else "a tag that a declared node wears",
        mend=did_you_mean(tag, defined),
    )


def proxy_tag_not_owned(subject: Subject) -> Iterator[Finding]:
    """Each tag is named once for a cluster, with the first proxy that wears it. Undefined tags have a rule of their own."""
    said: set[tuple[str, str]] = set()
    for wearing in subject.wearings:
        if wearing.cluster is None or wearing.kind is NodeKind.OPERATOR or wearing.has_default_tags:
            continue
        for tag in _refused(subject, subject.clusters[wearing.cluster], wearing):
            if tag in subject.owners and is_tag(tag) and (wearing.cluster, tag) not in said:
                said.add((wearing.cluster, tag))
                yield _not_owned(subject, subject.clusters[wearing.cluster], wearing, tag)


def _refused(subject: Subject, cluster: Cluster, wearing: Wearing) -> tuple[str, ...]:
    """The tags that no credential of the cluster gives. Where its own tags are not known, those that none ever could."""
    clients = clients_of(subject, cluster)
    if any(gives_all(client) for client in clients):
        return ()
    if clients:
        refused = [not_given_by(client.tags, wearing.tags, subject.owners) for client in clients]
        return min(refused, key=len)
    if cluster.operator.is_assumed:
        return () if wearing.is_assumed else given_by_no_tag(wearing.tags, subject.owners)
    return not_given_by(cluster.operator.tags, wearing.tags, subject.owners)


def _not_owned(subject: Subject, cluster: Cluster, wearing: Wearing, tag: str) -> Finding:
    owners = subject.owners[tag]
    owned = listed((owner.name for owner in owners.entries), none="admins only")
    clients = [client for client in clients_of(subject, cluster) if client.tags]
    expected = listed(clients[0].tags) if clients else listed(cluster.operator.tags)
    places = dict.fromkeys((*subject.policy.sources(owners.place), *(client.place for client in clients)))
    return PROXY_TAG_NOT_OWNED.at(
        wearing.place,
        *(place for place in places if place != wearing.place),
        message=f"{tag}, which {wearing.who} wears, is owned by {owned}: the operator of {cluster.name} may not give it.",
        expected=f"{expected} among the owners of {tag}",
    )


def operator_tag_reuse(subject: Subject) -> Iterator[Finding]:
    """Operators may share a tag with one another; what is no operator should not have it."""
    by_tag = {
        tag: wearing
        for wearing in reversed(subject.wearings)
        if wearing.kind is NodeKind.OPERATOR and not wearing.is_assumed
        for tag in wearing.tags
    }
    for wearing in subject.wearings:
        if wearing.kind is NodeKind.OPERATOR:
            continue
        for tag in wearing.tags:
            if tag in by_tag:
                yield OPERATOR_TAG_REUSE.at(
                    wearing.place,
                    *({by_tag[tag].place} - {wearing.place}),
                    message=f"{wearing.who} wears {tag}, a tag of {by_tag[tag].who}.",
                    expected="tags that no operator wears",
                )


def tag_owner_too_wide(subject: Subject) -> Iterator[Finding]:
    """Only a hand-written policy file can say so: derived owners are operators' tags."""
    worn = {tag: wearing for wearing in reversed(subject.wearings) if not wearing.is_assumed for tag in wearing.tags}
    for tag, owned in subject.owners.items():
        for owner in owned.entries:
            if tag in worn and owner.name in (MEMBER, TAGGED):
                yield TAG_OWNER_TOO_WIDE.at(
                    *subject.policy.sources(owner.place),
                    worn[tag].place,
                    message=f"{owner.name} may give {tag}, which {worn[tag].who} wears.",
                    expected="a group of few, or a tag",
                )


def implicit_default_tag(subject: Subject) -> Iterator[Finding]:
    """Where all proxies of a cluster wear tag:k8s, what is wrong with it is said of them."""
    for wearing in subject.wearings:
        if not wearing.has_default_tags or wearing.cluster is None:
            continue
        cluster = subject.clusters[wearing.cluster]
        if _RECORDER_TAG in cluster.operator.proxy_tags and not cluster.operator.is_assumed:
            continue
        is_undefined = _RECORDER_TAG not in subject.owners
        if is_undefined or _refused(subject, cluster, wearing):
            state = "which is defined nowhere" if is_undefined else f"which the operator of {cluster.name} may not give"
            yield IMPLICIT_DEFAULT_TAG.at(
                wearing.place,
                message=f"{wearing.who} names no tags, and so wears {_RECORDER_TAG}, {state}.",
                expected="tags in spec.tags that the operator may give",
            )


CHECKS = (tag_undefined, proxy_tag_not_owned, operator_tag_reuse, tag_owner_too_wide, implicit_default_tag)
