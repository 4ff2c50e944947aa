"""2xx: the credentials by which operators make themselves known: OAuth clients and federated identities."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.facts import Credential
from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.rules.ownership import not_given_by
from tailstack.rules.subject import Subject
from tailstack.topology.credentials import BASE_SCOPES, SERVICES_SCOPE, operator_scopes
from tailstack.topology.tailnet import Cluster
from tailstack.topology.wording import listed

_CLUSTER = """clusters:
  blue:
    kubernetes: {context: blue}
    operator: {tags: [tag:op], credentials: {existingSecret: operator-oauth}}
"""
_KEY = """# facts.json
{"keys": [{"id": "k1", "keyType": "client", "scopes": [SCOPES], "tags": [TAGS], "clusters": ["blue"]}]}
"""
_MINIMUM = '"auth_keys", "devices:core"'


def _facts(scopes: str = _MINIMUM, tags: str = '"tag:op"') -> str:
    return _CLUSTER + _KEY.replace("SCOPES", scopes).replace("TAGS", tags)


OPERATOR_TAGS_VS_CLIENT = Rule(
    code="TS206",
    slug="operator-tags-vs-client",
    what="The credential of a cluster's operator may not give the tags that the operator is to wear.",
    why="The operator is refused when it first logs in (`requested tags are invalid or not permitted`), and starts over for ever.",
    mend="Give the operator exactly the tags of its credential, or make one of those the owner of each tag it wears.",
    source="https://github.com/tailscale/tailscale/pull/15757",
    needs=Needs.FACTS,
    bad=_facts(tags='"tag:op", "tag:other"'),
    good=_facts(),
)
CLIENT_SCOPES = Rule(
    code="TS207",
    slug="client-scopes",
    what="The credential of a cluster's operator lacks a scope that the operator needs.",
    why="Tailscale answers 403, which is seen in the operator's log only; nothing, or nothing behind a ProxyGroup, joins.",
    mend="Make a credential with the scopes auth_keys, devices:core and services.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/e2e/setup.go",
    needs=Needs.FACTS,
    bad=_facts(scopes='"auth_keys", "devices:core:read"'),
    good=_facts(),
)
CLIENT_WITHOUT_TAGS = Rule(
    code="TS208",
    slug="client-without-tags",
    what="A credential may make keys or devices, and has no tags.",
    why="Tailscale refuses it: what a credential makes belongs to tags.",
    mend="Give it the tags of the operator that uses it.",
    source="https://tailscale.com/kb/1215/oauth-clients#scopes",
    needs=Needs.FACTS,
    bad=_facts(tags=""),
    good=_facts(tags="").replace(_MINIMUM, '"dns", "policy_file:read"'),
)
SHARED_CLIENT = Rule(
    code="TS209",
    slug="shared-client",
    severity=Severity.WARNING,
    what="The operators of several clusters use one credential.",
    why="The scope devices:core is not bound to tags: each of these clusters can delete any device of the tailnet, "
    "and none of them can be shut out alone.",
    mend="Make a credential for each cluster.",
    source="https://github.com/tailscale/tailscale/issues/10702",
    needs=Needs.FACTS,
    bad=_facts().replace('["blue"]', '["blue", "green"]'),
    good=_facts(),
)
RULES = (OPERATOR_TAGS_VS_CLIENT, CLIENT_SCOPES, CLIENT_WITHOUT_TAGS, SHARED_CLIENT)

_FORMER_SCOPE = "devices"
"""Stood for both of the two before there were finer ones, as https://tailscale.com/kb/1215/oauth-clients said."""


def clients_of(subject: Subject, cluster: Cluster) -> tuple[Credential, ...]:
    """The credentials that a cluster's operator is known to use.

    None where the stack makes the operator's client itself: what is live now is then not what it will be.
    """
    if subject.objects is None and cluster.operator.existing_secret is None:
        return ()
    return subject.credentials.get(cluster.name, ())


def gives_all(client: Credential) -> bool:
    """Whether it may give any tag that is defined, as one with every scope may."""
    return "all" in client.scopes


def operator_tags_vs_client(subject: Subject) -> Iterator[Finding]:
    """One of several credentials is enough, as there are two of them while a secret is replaced."""
    for cluster in subject.tailnet.clusters:
        operator = cluster.operator
        clients = () if operator.is_assumed else clients_of(subject, cluster)
        refused = [
            (client, missing)
            for client in clients
            if client.tags
            and not gives_all(client)
            and (missing := not_given_by(client.tags, operator.tags, subject.owners))
        ]
        if refused and len(refused) == len(clients):
            client, missing = refused[0]
            yield OPERATOR_TAGS_VS_CLIENT.at(
                operator.place,
                client.place,
                message=f"The operator of {cluster.name} is to wear {listed(operator.tags)}; its credential {client.key} "
                f"has {listed(client.tags)} and may not give {listed(missing)}.",
                expected=f"{listed(client.tags)}, or tags that one of these owns",
            )


def client_scopes(subject: Subject) -> Iterator[Finding]:
    """Tailscale Services are made for ProxyGroups of two kinds only; an egress needs none."""
    serving = {service.cluster: service for service in reversed(subject.services)}
    for cluster in subject.tailnet.clusters:
        needed = operator_scopes(cluster)
        for client in clients_of(subject, cluster):
            missing = [scope for scope in needed if not _has(client, scope)]
            if missing:
                service = serving.get(cluster.name) if SERVICES_SCOPE in missing else None
                yield CLIENT_SCOPES.at(
                    client.place,
                    *((service.place,) if service is not None else ()),
                    message=f"The credential {client.key}, which the operator of {cluster.name} uses, lacks "
                    f"{listed(missing)}{f', for {service.who} too' if service is not None else ''}.",
                    expected=listed(needed),
                )


def _has(client: Credential, scope: str) -> bool:
    stands_for = {scope, "all", _FORMER_SCOPE if scope in BASE_SCOPES else scope}
    return not stands_for.isdisjoint(client.scopes)


def client_without_tags(subject: Subject) -> Iterator[Finding]:
    """A credential for everything is made by hand, and asks for its tags each time."""
    for client in subject.facts.credentials or ():
        making = [scope for scope in BASE_SCOPES if scope in client.scopes]
        if making and not client.tags and not gives_all(client):
            yield CLIENT_WITHOUT_TAGS.at(
                client.place,
                message=f"The credential {client.key} has {listed(making)}, and no tags.",
                expected="the tags of the operator that uses it",
            )


def shared_client(subject: Subject) -> Iterator[Finding]:
    """By what the facts say of credentials, and by the client's id among the values of charts."""
    for client in subject.facts.credentials or ():
        clusters = tuple(dict.fromkeys(client.clusters))
        if len(clusters) > 1:
            yield _shared(client.key, clusters, client.place, *_operators(subject, clusters))
    said = {client.key for client in subject.facts.credentials or () if len(set(client.clusters)) > 1}
    by_id: dict[str, list[str]] = {}
    for cluster, chart in subject.facts.charts.items():
        oauth = chart.values.get("oauth")
        key = oauth.get("clientId") if isinstance(oauth, dict) else None
        if isinstance(key, str) and key and key not in said:
            by_id.setdefault(key, []).append(cluster)
    for key, clusters in by_id.items():
        if len(clusters) > 1:
            places = (subject.facts.charts[cluster].place_of("oauth", "clientId") for cluster in clusters)
            yield _shared(key, tuple(clusters), *places)


def _operators(subject: Subject, clusters: tuple[str, ...]) -> Iterator[Place]:
    return (subject.clusters[name].operator.place for name in clusters if name in subject.clusters)


def _shared(key: str, clusters: tuple[str, ...], *places: Place) -> Finding:
    return SHARED_CLIENT.at(
        *places,
        message=f"The operators of {listed(clusters)} use one credential, {key}.",
        expected="a credential for each cluster",
    )


CHECKS = (operator_tags_vs_client, client_scopes, client_without_tags, shared_client)
