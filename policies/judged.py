"""All that the rules say of a stack, worked out once for all policies that ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from policies.objects import SeenObjects, objects_in
from policies.resources import POLICY_FILE
from tailstack.access.facts import Credential, Facts
from tailstack.finding import Finding, Place
from tailstack.manifests.objects import Objects
from tailstack.manifests.reading import Read
from tailstack.rules.check import check_manifests
from tailstack.topology.tailnet import BasePolicy

CLIENT = "tailscale:index/oauthClient:OauthClient"
SETTINGS = "tailscale:index/tailnetSettings:TailnetSettings"
DNS = "tailscale:index/dnsPreferences:DnsPreferences"

_NO_POLICY = BasePolicy(file="", text='{"grants": []}')


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What is found among the objects of the clusters whose operator is in the stack, and (`anywhere`) among all of them.

    `has_policy` tells whether the tailnet's policy file is in the stack, and known. `unknown` are the names of resources
    that could not be judged, because a value is not known before the update.
    """

    findings: tuple[Finding, ...]
    anywhere: tuple[Finding, ...]
    has_policy: bool
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    objects: SeenObjects
    policy: BasePolicy | None
    facts: Facts
    unknown: tuple[str, ...]


class Judge:
    """Reads a stack once for all policies: the pack's server hands each of them the same resources, read anew, one policy
    after the other (`AnalyzeStack` in pulumi_policy 1.21). A policy that asks a second time asks about another run."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._urns: list[str] = []
        self._last: Judged | None = None

    def judged(self, policy: str, resources: Iterable[PolicyResource]) -> Judged:
        """What the rules say to the policy of this name, and what they could not judge."""
        every = list(resources)
        urns = [resource.urn for resource in every]
        if self._last is None or policy in self._asked or urns != self._urns:
            # Nothing is kept of a reading that fails: the next policy reads for itself, and says that it failed too.
            self._last = None
            self._last = _judged(_seen(every))
            self._asked, self._urns = set(), urns
        self._asked.add(policy)
        return self._last


def _judged(seen: _Seen) -> Judged:
    known, every = seen.objects.with_their_operators(), seen.objects.all()
    findings = _findings(known, seen)
    return Judged(
        findings=findings,
        anywhere=findings if len(known.all) == len(every.all) else _findings(every, seen),
        has_policy=seen.policy is not None,
        unknown=seen.unknown,
    )


def _findings(objects: Objects, seen: _Seen) -> tuple[Finding, ...]:
    read = Read(objects=objects, findings=())
    return check_manifests(read, seen.policy or _NO_POLICY, facts=seen.facts).findings


def _seen(resources: list[PolicyResource]) -> _Seen:
    objects = objects_in(resources)
    unknown: list[str] = []
    policy: BasePolicy | None = None
    clients: list[Credential] = []
    https = magic_dns = is_external = None
    file = ""
    for resource in resources:
        try:
            match resource.resource_type:
                case str(kind) if kind == POLICY_FILE:
                    policy = BasePolicy(file=resource.urn, text=str(resource.props["acl"]))
                case str(kind) if kind == CLIENT:
                    clients.append(_client(resource))
                case str(kind) if kind == SETTINGS:
                    https = _truth(resource.props, "httpsEnabled")
                    is_external = _truth(resource.props, "aclsExternallyManagedOn")
                    file = resource.urn
                case str(kind) if kind == DNS:
                    magic_dns = _truth(resource.props, "magicDns")
                    file = file or resource.urn
                case _:
                    pass
        except UnknownValueError:
            unknown.append(resource.name)
    facts = Facts(
        credentials=tuple(clients), https=https, magic_dns=magic_dns, is_policy_external=is_external, file=file
    )
    return _Seen(objects=objects, policy=policy, facts=facts, unknown=(*unknown, *objects.unknown))


def _client(resource: PolicyResource) -> Credential:
    return Credential(
        key=resource.name,
        kind="client",
        scopes=frozenset(_texts(resource.props, "scopes")),
        tags=_texts(resource.props, "tags"),
        clusters=(),
        issuer="",
        subject="",
        audience="",
        place=Place(resource.urn, 1, 1),
    )


def _texts(props: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("Iterable[object]", props[name] or ())) if name in props else ()


def _truth(props: Mapping[str, Any], name: str) -> bool | None:
    """A setting; None too where it is not known, which in a first preview is each one that the program does not set."""
    try:
        value: object = props.get(name)
    except UnknownValueError:
        return None
    return value if isinstance(value, bool) else None
