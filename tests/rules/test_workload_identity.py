"""2xx: operators that are known by their ServiceAccount."""

from __future__ import annotations

import pytest

from tailstack.rules import workload_identity
from tests.rules.cases import found_in, said_of
from tests.rules.manifests_frame import POLICY, operator, service

BLUE = POLICY + operator()
SUBJECT = "system:serviceaccount:tailscale:operator"
ISSUER = "https://oidc.example.com/blue"


def facts(
    *, subject: str = SUBJECT, issuer: str = ISSUER, audience: str = "aud", values: str = "{}", kind: str = "federated"
) -> str:
    return (
        f'# facts.json\n{{"keys": [{{"id": "k1", "keyType": "{kind}", "clusters": ["blue"], "scopes": ["all"], '
        f'"issuer": "{issuer}", "subject": "{subject}", "audience": "{audience}"}}],\n'
        f'"charts": {{"blue": {{"values": {values}}}}}}}\n'
    )


def said(text: str) -> list[str]:
    return said_of(BLUE + text, workload_identity.WIF_SUBJECT)


def test_a_subject_that_is_another() -> None:
    (message,) = said(facts(subject="system:serviceaccount:default:operator"))
    assert (
        message
        == f"The credential k1 is for {SUBJECT.replace('tailscale', 'default')}; the operator of blue is {SUBJECT}."
    )


@pytest.mark.parametrize(
    "text",
    [
        facts(),
        facts(subject=""),
        facts(subject="system:serviceaccount:*:operator"),
        facts(subject="repo:x", kind="client"),
        facts(subject="system:serviceaccount:tailscale:mine", values='{"fullnameOverride": "mine"}'),
        facts(issuer=""),
        facts(issuer="https://8.8.8.8/blue"),
        facts(values='{"oauth": {"audience": "aud", "clientId": "k1"}}'),
        facts(audience="", values='{"oauth": {"audience": "aud", "clientId": "k1"}}'),
        facts(values='{"oauth": {"audience": "aud"}, "oauthSecretVolume": {"csi": {}}}'),
        facts(values='{"oauth": 5}'),
    ],
)
def test_an_identity_that_fits(text: str) -> None:
    assert said(text) == []


def test_where_the_operator_is_not_shown_its_namespace_is_not_known() -> None:
    text = POLICY + service() + facts(subject="system:serviceaccount:ts:operator")
    assert said_of(text, workload_identity.WIF_SUBJECT) == []


@pytest.mark.parametrize(
    "issuer",
    [
        "http://oidc.example.com",
        "https://kubernetes.default.svc.cluster.local",
        "https://kubernetes.default.svc",
        "https://localhost:6443",
        "https://10.0.0.1:6443",
        "https://[",
    ],
)
def test_an_issuer_that_tailscale_cannot_ask(issuer: str) -> None:
    assert said(facts(issuer=issuer)) == [
        f"The issuer of the credential k1, {issuer}, cannot be asked for its keys from outside of blue."
    ]


def test_an_audience_that_is_another() -> None:
    text = BLUE + facts(values='{"oauth": {"audience": "other", "clientId": "k1"}}')
    (finding,) = found_in(text, workload_identity.WIF_SUBJECT)
    assert finding.message == "The operator of blue shows tokens for other; the credential k1 is for aud."
    assert finding.mend == "Write aud as oauth.audience."
    assert len(finding.places) == 2


def test_a_secret_beside_an_audience_and_an_audience_alone() -> None:
    assert said(facts(values='{"oauth": {"audience": "aud", "clientId": "k1", "clientSecret": "x"}}')) == [
        "The chart of blue has both oauth.audience and oauth.clientSecret; the secret is not used."
    ]
    assert said(facts(values='{"oauth": {"audience": "aud"}}')) == [
        "The chart of blue has oauth.audience, and no oauth.clientId."
    ]
