"""6xx: recordings of sessions, in Kubernetes and by SSH: the recorders that the policy names, and the way to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.access.evaluate import Verdict
from tailstack.access.inventory import Node
from tailstack.access.kubernetes import kubernetes_values
from tailstack.access.nodes import DeclaredNode, NodeKind
from tailstack.access.selectors import SelectorKind
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.plain import texts
from tailstack.rules.frames import operator_deployment
from tailstack.rules.kubernetes_grants import with_capability
from tailstack.rules.subject import Subject
from tailstack.topology.wording import listed

_SOURCE = "https://tailscale.com/docs/kubernetes-operator/recorder/kubectl-session-recording"
_REST = """---
apiVersion: tailscale.com/v1alpha1
kind: Recorder
metadata: {name: recorder}
spec: {enableUI: true, tags: ["tag:recorder"]}
# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:recorder": ["tag:k8s-operator"]},
 "grants": [
   {"src": ["autogroup:admin"], "dst": ["tag:k8s-operator"], "ip": ["tcp:443"],
    "app": {"tailscale.com/cap/kubernetes": [{"recorder": ["tag:recorder"], "enforceRecorder": true}]}},
   {"src": ["tag:k8s-operator"], "dst": ["tag:recorder"], "ip": ["tcp:80", "tcp:443"]}]}
"""
_FRAME = "# blue/operator.yaml\n" + operator_deployment(env='{name: APISERVER_PROXY, value: "true"}') + _REST

RECORDER_MISSING = Rule(
    code="TS613",
    slug="recorder-missing",
    what="A grant or an SSH rule sends recordings to a tag that no Recorder wears, or a grant to several tags.",
    why="With enforceRecorder nobody can open a session any more, and without it nothing is recorded.",
    mend="Name the one tag that a Recorder wears.",
    source=_SOURCE,
    bad=_FRAME.replace('"recorder": ["tag:recorder"]', '"recorder": ["tag:k8s"]'),
    good=_FRAME,
)
RECORDER_PATH = Rule(
    code="TS614",
    slug="recorder-path",
    what="An API-server proxy may not connect to the recorder that a grant names, or a node to that of an SSH rule.",
    why="Its recordings arrive nowhere: with enforceRecorder sessions are refused, without it they go unrecorded.",
    mend="Grant the proxy's tag tcp:80 and tcp:443 of the recorder's tag.",
    source=_SOURCE,
    bad=_FRAME.replace('"src": ["tag:k8s-operator"]', '"src": ["tag:k8s"]'),
    good=_FRAME,
)
RECORDER_FAIL_OPEN = Rule(
    code="TS615",
    slug="recorder-fail-open",
    severity=Severity.WARNING,
    what="A grant or an SSH rule asks for recordings, and lets a session go on without one.",
    why="By default a session goes unrecorded while the recorder cannot be reached, and nobody is told.",
    mend='Add "enforceRecorder": true, or accept it with a reason.',
    source=_SOURCE,
    bad=_FRAME.replace(', "enforceRecorder": true', ""),
    good=_FRAME,
)
RULES = (RECORDER_MISSING, RECORDER_PATH, RECORDER_FAIL_OPEN)

RECORDING_PORT = 80
"""On which a recorder takes recordings; 443 is its page for people: https://tailscale.com/kb/1246/tailscale-ssh-session-recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recording:
    """What one value of the capability, or one SSH rule, says of recordings, and the destinations for which it says so."""

    who: str
    is_ssh: bool
    tags: tuple[str, ...]
    is_enforced: bool
    names: frozenset[str]
    places: tuple[Place, ...]


def _recordings(subject: Subject) -> Iterator[_Recording]:
    for grant in with_capability(subject):
        for value in kubernetes_values(grant.app):
            tags = texts(value.get("recorder"))
            if tags:
                yield _Recording(
                    who="A grant",
                    is_ssh=False,
                    tags=tags,
                    is_enforced=value.get("enforceRecorder") is True,
                    names=frozenset(target.name for target in grant.dst),
                    places=subject.policy.sources(grant.place),
                )
    for rule in subject.policy.policy.ssh:
        if rule.recorder:
            yield _Recording(
                who="An SSH rule",
                is_ssh=True,
                tags=tuple(recorder.name for recorder in rule.recorder),
                is_enforced=rule.enforce_recorder,
                names=frozenset(target.name for target in rule.dst if target.kind is SelectorKind.TAG),
                places=subject.policy.sources(rule.place),
            )


def recorder_missing(subject: Subject) -> Iterator[Finding]:
    """A machine may run a recorder too, and so may a device of which only the live tailnet tells."""
    recording = {NodeKind.RECORDER, NodeKind.MACHINE}
    live = {tag for node in subject.facts.inventory.nodes for tag in node.tags}
    known = sorted({tag for node in subject.nodes if node.kind is NodeKind.RECORDER for tag in node.tags})
    for asked in _recordings(subject):
        if len(asked.tags) > 1 and not asked.is_ssh:
            yield RECORDER_MISSING.at(
                *asked.places,
                message=f"A grant sends recordings to {listed(asked.tags)}, and one tag is the most there can be.",
                expected="one tag",
            )
            continue
        for tag in asked.tags:
            wearers = subject.wearers.get(tag, ())
            if tag not in live and not any(node.kind in recording for node in wearers):
                yield RECORDER_MISSING.at(
                    *asked.places,
                    *(node.place for node in _first_of_each_kind(wearers)),
                    message=f"{asked.who} sends recordings to {tag}, which no Recorder wears.",
                    expected=f"one of {listed(known)}" if known else "a Recorder that wears it",
                )


def _first_of_each_kind(nodes: tuple[DeclaredNode, ...]) -> tuple[DeclaredNode, ...]:
    return tuple({node.kind: node for node in reversed(nodes)}.values())


def recorder_path(subject: Subject) -> Iterator[Finding]:
    """The proxy itself sends the recording, by the tags of its own nodes, and in noauth mode too: `sessionForProto` of
    k8s-operator/api-proxy/proxy.go asks for no mode."""
    said: set[tuple[str, str]] = set()
    for asked in _recordings(subject):
        for sender in _senders(subject, asked):
            for tag in asked.tags:
                is_cut_off = subject.access.reach(sender.source, tag, "tcp", RECORDING_PORT).verdict is Verdict.DENIED
                if is_cut_off and (sender.who, tag) not in said and tag in subject.wearers:
                    said.add((sender.who, tag))
                    yield RECORDER_PATH.at(
                        *asked.places,
                        *sender.places,
                        message=f"{sender.who} may not connect to {tag} on tcp:{RECORDING_PORT}.",
                        expected=f"a grant from {sender.tag} to {tag} on tcp:80 and tcp:443",
                    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sender:
    """What sends recordings, and a tag to grant it by."""

    who: str
    source: Node | str
    tag: str
    places: tuple[Place, ...] = ()


def _senders(subject: Subject, asked: _Recording) -> Iterator[_Sender]:
    if asked.is_ssh:
        for tag in sorted(asked.names):
            yield _Sender(who=f"What wears {tag}, where sessions of SSH are recorded,", source=tag, tag=tag)
        return
    for proxy in subject.api_proxies:
        if asked.names & proxy.names:
            yield _Sender(
                who=f"The API-server proxy of {proxy.who} ({listed(proxy.tags)})",
                source=Node(name=proxy.fqdn, tags=proxy.tags),
                tag=proxy.tags[0],
                places=(proxy.place,),
            )


def recorder_fail_open(subject: Subject) -> Iterator[Finding]:
    """Of every value that names a recorder; one that enforces it makes it so for whoever has both."""
    for asked in _recordings(subject):
        if not asked.is_enforced:
            yield RECORDER_FAIL_OPEN.at(
                *asked.places,
                message=f"{asked.who} asks for recordings by {listed(asked.tags)}, and does not enforce them.",
                expected='"enforceRecorder": true',
            )


CHECKS = (recorder_missing, recorder_path, recorder_fail_open)
