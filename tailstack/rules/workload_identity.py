"""2xx: operators that make themselves known by their ServiceAccount instead of a secret (workload identity federation)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from tailstack.access.facts import ChartFacts, Credential
from tailstack.access.hujson import Json
from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Cluster

_FACTS = """clusters: {blue: {kubernetes: {context: blue}}}
# facts.json
{"keys": [{"id": "k1", "keyType": "federated", "clusters": ["blue"], "scopes": ["all"],
  "issuer": "https://oidc.example.com/blue", "subject": "system:serviceaccount:NAMESPACE:operator"}]}
"""

WIF_SUBJECT = Rule(
    code="TS214",
    slug="wif-subject",
    what="The identity that an operator shows is not the one that its credential is for.",
    why="Tailscale answers 401, which is seen in the operator's log only, and the operator never joins.",
    mend="Make issuer, subject and audience of the federated identity those of the operator's ServiceAccount.",
    source="https://tailscale.com/kb/1581/workload-identity-federation",
    needs=Needs.FACTS,
    bad=_FACTS.replace("NAMESPACE", "default"),
    good=_FACTS.replace("NAMESPACE", "tailscale"),
)
RULES = (WIF_SUBJECT,)

_ACCOUNT = "operator"
_LOCAL = (".localhost", ".local", ".internal", ".svc")


def wif_subject(subject: Subject) -> Iterator[Finding]:
    """The subject may be a pattern: https://tailscale.com/kb/1581/workload-identity-federation."""
    for cluster in subject.tailnet.clusters:
        chart = subject.facts.charts.get(cluster.name)
        for client in subject.credentials.get(cluster.name, ()):
            if client.kind == "federated":
                yield from _subject(cluster, client, chart)
                yield from _issuer(cluster, client)
                yield from _audience(cluster, client, chart)
    for name, chart in subject.facts.charts.items():
        yield from _values(name, chart)


def _subject(cluster: Cluster, client: Credential, chart: ChartFacts | None) -> Iterator[Finding]:
    operator = cluster.operator
    renamed = chart is not None and any(chart.values.get(key) for key in ("fullnameOverride", "nameOverride"))
    shown = f"system:serviceaccount:{operator.namespace}:{_ACCOUNT}"
    is_pattern = "*" in client.subject
    if operator.is_assumed or renamed or is_pattern or not client.subject or client.subject == shown:
        return
    yield WIF_SUBJECT.at(
        client.place,
        operator.place,
        message=f"The credential {client.key} is for {client.subject}; the operator of {cluster.name} is {shown}.",
        expected=f"the subject {shown}",
    )


def _issuer(cluster: Cluster, client: Credential) -> Iterator[Finding]:
    if not client.issuer:
        return
    if not _is_public(client.issuer):
        yield WIF_SUBJECT.at(
            client.place,
            message=f"The issuer of the credential {client.key}, {client.issuer}, cannot be asked for its keys from outside "
            f"of {cluster.name}.",
            expected="a URL with https that can be reached from the Internet",
            mend="Publish the cluster's issuer, or use an OAuth client with a secret.",
        )


def _is_public(issuer: str) -> bool:
    try:
        url = urlsplit(issuer)
    except ValueError:
        return False
    host = (url.hostname or "").rstrip(".")
    try:
        return url.scheme == "https" and ip_address(host).is_global
    except ValueError:
        return url.scheme == "https" and "." in host and not host.endswith(_LOCAL)


def _audience(cluster: Cluster, client: Credential, chart: ChartFacts | None) -> Iterator[Finding]:
    asked = _oauth(chart).get("audience") if chart is not None else None
    if chart is not None and isinstance(asked, str) and asked and client.audience and asked != client.audience:
        yield WIF_SUBJECT.at(
            chart.place_of("oauth", "audience"),
            client.place,
            message=f"The operator of {cluster.name} shows tokens for {asked}; the credential {client.key} is for "
            f"{client.audience}.",
            expected=f"the audience {client.audience}",
            mend=f"Write {client.audience} as oauth.audience.",
        )


def _values(cluster: str, chart: ChartFacts) -> Iterator[Finding]:
    oauth = _oauth(chart)
    if not oauth.get("audience") or chart.values.get("oauthSecretVolume"):
        return
    if oauth.get("clientSecret"):
        yield _clash(cluster, chart.place_of("oauth", "audience"), chart.place_of("oauth", "clientSecret"))
    if not oauth.get("clientId"):
        yield WIF_SUBJECT.at(
            chart.place_of("oauth", "audience"),
            message=f"The chart of {cluster} has oauth.audience, and no oauth.clientId.",
            expected="the id of the federated identity as oauth.clientId",
            mend="Write oauth.clientId.",
        )


def _clash(cluster: str, audience: Place, secret: Place) -> Finding:
    return WIF_SUBJECT.at(
        audience,
        secret,
        message=f"The chart of {cluster} has both oauth.audience and oauth.clientSecret; the secret is not used.",
        expected="one of the two",
        mend="Remove oauth.clientSecret, or oauth.audience if no federated identity is meant.",
    )


def _oauth(chart: ChartFacts) -> dict[str, Json]:
    oauth = chart.values.get("oauth")
    return oauth if isinstance(oauth, dict) else {}


CHECKS = (wif_subject,)
