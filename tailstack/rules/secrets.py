"""7xx: Secrets with the credentials of an operator or of one more tailnet. No value of a Secret is ever known here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.manifests.objects import Objects
from tailstack.manifests.operators import OperatorDeployment, operator_deployments
from tailstack.manifests.values import Step
from tailstack.rules.frames import operator_deployment
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Cluster, Tailnet
from tailstack.topology.wording import listed

_TAILNET = f"""# blue/secret.yaml
apiVersion: v1
kind: Secret
metadata: {{name: other, namespace: tailscale}}
stringData: {{client_id: a, KEY: b}}
# blue/tailnet.yaml
apiVersion: tailscale.com/v1alpha1
kind: Tailnet
metadata: {{name: other}}
spec: {{credentials: {{secretName: other}}}}
# blue/operator.yaml
{operator_deployment()}"""
_VALUES = """clusters: {blue: {kubernetes: {context: blue}}}
# facts.json
{"charts": {"blue": {"values": {"oauth": {"clientId": "k1", "clientSecret": "SECRET"}}}}}
"""

OAUTH_MISSING = Rule(
    code="TS712",
    slug="oauth-missing",
    what="The operator has no credential, or its Secret is not as it has to be.",
    why="Its pod cannot start, or stops at once.",
    mend="Give the chart a client's id and secret, or a Secret operator-oauth in the operator's namespace with the keys "
    "client_id and client_secret.",
    source="https://github.com/tailscale/tailscale/issues/16776",
    needs=Needs.FACTS,
    bad=_VALUES.replace("SECRET", ""),
    good=_VALUES.replace("SECRET", "(secret)"),
)
TAILNET_SECRET = Rule(
    code="TS713",
    slug="tailnet-secret",
    what="The Secret of a Tailnet lacks a key, or lies in another namespace than the operator.",
    why="The Tailnet never becomes ready, nor does anything that is to join it.",
    mend="Put client_id and client_secret, or client_id and audience, into a Secret in the operator's namespace.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/k8s-operator/reconciler/tailnet/tailnet.go",
    needs=Needs.MANIFESTS,
    bad=_TAILNET.replace("KEY", "clientSecret"),
    good=_TAILNET.replace("KEY", "client_secret"),
)
RULES = (OAUTH_MISSING, TAILNET_SECRET)

_VOLUME = "oauth"
_OAUTH_KEYS = (("client_id",), ("client_secret",))
_TAILNET_KEYS = (("client_id",), ("client_secret", "audience"))

_Keys = tuple[tuple[str, ...], ...]
"""Keys that must be there; of each group one is enough."""


def oauth_missing(subject: Subject) -> Iterator[Finding]:
    """A Secret that no manifest shows may have been made by hand, so only one that is shown can be wrong."""
    for name, chart in subject.facts.charts.items():
        oauth = chart.values.get("oauth")
        if not isinstance(oauth, dict) or chart.values.get("oauthSecretVolume"):
            continue
        if oauth.get("clientId") and not oauth.get("clientSecret") and not oauth.get("audience"):
            yield OAUTH_MISSING.at(
                chart.place_of("oauth", "clientId"),
                message=f"The chart of {name} has oauth.clientId, and neither oauth.clientSecret nor oauth.audience.",
                expected="a secret, or the audience of a federated identity",
                mend="Write one of the two; of a secret any text does in the file of facts.",
            )
    if subject.objects is not None:
        yield from _of_operators(subject.objects, subject.tailnet)


def _of_operators(objects: Objects, tailnet: Tailnet) -> Iterator[Finding]:
    for cluster in tailnet.clusters:
        for operator in operator_deployments(objects, cluster.name):
            name = _secret_of(operator)
            wrong = _wrong(objects, cluster, operator.made.namespace, name, _OAUTH_KEYS) if name else None
            if wrong is not None:
                yield OAUTH_MISSING.at(
                    operator.made.place("metadata", "name"),
                    wrong.place,
                    message=f"The operator of {cluster.name}: {wrong.message}",
                    expected=wrong.expected,
                )


def _secret_of(operator: OperatorDeployment) -> str | None:
    """The Secret that is mounted as a whole; where only some keys are, they may have other names."""
    volumes: tuple[Step, ...] = ("spec", "template", "spec", "volumes")
    for index in range(operator.made.length(*volumes)):
        volume = (*volumes, index)
        if operator.made.text(*volume, "name") == _VOLUME and not operator.made.has(*volume, "secret", "items"):
            return operator.made.text(*volume, "secret", "secretName")
    return None


def tailnet_secret(subject: Subject) -> Iterator[Finding]:
    """Where an operator is shown, and so its namespace."""
    for cluster in subject.tailnet.clusters if subject.objects is not None else ():
        for each in cluster.custom.tailnets if not cluster.operator.is_assumed else ():
            wrong = _wrong(subject.objects, cluster, cluster.operator.namespace, each.secret, _TAILNET_KEYS)
            if wrong is not None:
                yield TAILNET_SECRET.at(
                    each.place,
                    wrong.place,
                    message=f"Tailnet {each.name} of {cluster.name}: {wrong.message}",
                    expected=wrong.expected,
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wrong:
    """What is wrong with a Secret, what was expected, and where it stands."""

    message: str
    expected: str
    place: Place


def _wrong(objects: Objects | None, cluster: Cluster, namespace: str, name: str, needed: _Keys) -> _Wrong | None:
    """Nothing of a Secret without keys, which somebody fills, nor of one with annotations, which somebody may copy."""
    every = objects.of_kind("Secret", cluster.name) if objects is not None else ()
    named = {made.namespace: made for made in every if made.name == name}
    made = named.get(namespace)
    if made is not None:
        keys = {*made.keys("data"), *made.keys("stringData")}
        missing = [" or ".join(group) for group in needed if keys.isdisjoint(group)]
        if not missing or not keys:
            return None
        return _Wrong(
            message=f"the Secret {namespace}/{name} has no key {listed(missing)}.",
            expected=listed(" or ".join(group) for group in needed),
            place=made.place("metadata", "name"),
        )
    to_come = cluster.deployed.secrets_to_come if cluster.deployed is not None else ()
    other = next(iter(named.values()), None)
    if other is None or other.annotations or (namespace, name) in to_come:
        return None
    return _Wrong(
        message=f"the Secret {name} lies in the namespace {other.namespace}, and is looked for in {namespace}.",
        expected=f"a Secret {namespace}/{name}",
        place=other.place("metadata", "name"),
    )


CHECKS = (oauth_missing, tailnet_secret)
