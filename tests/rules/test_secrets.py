"""7xx: Secrets with credentials."""

from __future__ import annotations

import pytest

from tailstack.rules import secrets
from tests.rules.cases import found_in, said_of
from tests.rules.manifests_frame import POLICY, operator, resource

CLUSTERS = "clusters: {blue: {kubernetes: {context: blue}}}\n"
VOLUME = "      volumes: [{name: tmp, emptyDir: {}}, {name: oauth, secret: {secretName: operator-oauth}}]\n"
BLUE = POLICY + operator() + VOLUME


def values(text: str) -> str:
    return f'# facts.json\n{{"charts": {{"blue": {{"values": {text}}}}}}}\n'


def secret(name: str = "operator-oauth", *, keys: str, namespace: str = "tailscale", more: str = "") -> str:
    return (
        f"# blue/secret.yaml\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}{more}}}\n"
        f"stringData: {{{keys}}}\n"
    )


def test_a_client_without_its_secret() -> None:
    text = CLUSTERS + values('{"oauth": {"clientId": "k1"}}')
    (finding,) = found_in(text, secrets.OAUTH_MISSING)
    assert finding.message == "The chart of blue has oauth.clientId, and neither oauth.clientSecret nor oauth.audience."


@pytest.mark.parametrize(
    "given",
    [
        '{"oauth": {"clientId": "k1", "clientSecret": "x"}}',
        '{"oauth": {"clientId": "k1", "audience": "x"}}',
        '{"oauth": {"clientId": "k1"}, "oauthSecretVolume": {"csi": {}}}',
        '{"oauth": {}}',
        "{}",
    ],
)
def test_a_credential_that_is_whole_or_in_a_secret(given: str) -> None:
    assert said_of(CLUSTERS + values(given), secrets.OAUTH_MISSING) == []


def test_an_operators_secret_with_other_keys() -> None:
    (finding,) = found_in(BLUE + secret(keys="clientId: a, client_secret: b"), secrets.OAUTH_MISSING)
    assert finding.message == "The operator of blue: the Secret tailscale/operator-oauth has no key client_id."
    assert finding.expected == "client_id, client_secret"
    assert [place.file for place in finding.places] == ["blue/operator.yaml", "blue/secret.yaml"]


def test_an_operators_secret_in_another_namespace() -> None:
    text = BLUE + secret(keys="client_id: a, client_secret: b", namespace="default")
    assert said_of(text, secrets.OAUTH_MISSING) == [
        "The operator of blue: the Secret operator-oauth lies in the namespace default, and is looked for in tailscale."
    ]


SEALED = """# blue/sealed.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: operator-oauth, namespace: tailscale}
spec: {}
"""
HERE = secret(keys="client_id: a, client_secret: b")
ELSEWHERE = secret(keys="client_id: a", namespace="default")


@pytest.mark.parametrize(
    "text",
    [
        BLUE,
        BLUE + HERE,
        BLUE + secret(keys=""),
        BLUE + secret("other", keys="a: b"),
        BLUE + ELSEWHERE + SEALED,
        BLUE + secret(keys="client_id: a", namespace="default", more=", annotations: {reflector: 'yes'}"),
        POLICY + operator() + secret(keys="a: b"),
        POLICY
        + operator()
        + VOLUME.replace("operator-oauth}", "operator-oauth, items: [{key: a, path: client_id}]}")
        + secret(keys="a: b"),
    ],
)
def test_a_secret_that_is_well_or_not_known(text: str) -> None:
    assert said_of(text, secrets.OAUTH_MISSING) == []


TAILNET = resource("Tailnet", "two", "{credentials: {secretName: two}}")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("client_id: a", "Tailnet two of blue: the Secret tailscale/two has no key client_secret or audience."),
        ("client_secret: a", "Tailnet two of blue: the Secret tailscale/two has no key client_id."),
    ],
)
def test_the_secret_of_a_tailnet(keys: str, says: str) -> None:
    assert said_of(BLUE + TAILNET + secret("two", keys=keys), secrets.TAILNET_SECRET) == [says]


def test_the_secret_of_a_tailnet_that_is_well() -> None:
    for keys in ("client_id: a, audience: b", "client_id: a, client_secret: b"):
        assert said_of(BLUE + TAILNET + secret("two", keys=keys), secrets.TAILNET_SECRET) == []
    # Without an operator its namespace is not known.
    assert said_of(POLICY + TAILNET + secret("two", keys="a: b"), secrets.TAILNET_SECRET) == []
