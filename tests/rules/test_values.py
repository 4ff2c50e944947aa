"""7xx: values of the operator's chart, in facts and in releases, and what Helm makes of them."""

from __future__ import annotations

import pytest

from tailstack.rules import values
from tests.rules.cases import found_in, places_of, said_of
from tests.rules.manifests_frame import POLICY, operator

CLUSTERS = "clusters: {blue: {kubernetes: {context: blue}}}\n"
FLUX = """# blue/release.yaml
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: operator, namespace: tailscale}
spec:
  chart: {spec: {chart: tailscale-operator, version: "1.102.3"}}
  values: VALUES
"""
ARGO = """# blue/application.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: operator, namespace: argocd}
spec:
  source: {chart: tailscale-operator, targetRevision: "1.102.3", helm: {valuesObject: VALUES}}
"""
ARGO_OF_SEVERAL = """# blue/application.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: operator, namespace: argocd}
spec:
  sources:
    - {chart: redis, targetRevision: "1.0.0", helm: {valuesObject: {nothing: 1}}}
    - {chart: tailscale-operator, targetRevision: "1.*", helm: {valuesObject: VALUES}}
"""


def facts(given: str, version: str = "1.102.3") -> str:
    return f'{CLUSTERS}# facts.json\n{{"charts": {{"blue": {{"version": "{version}", "values": {given}}}}}}}\n'


@pytest.mark.parametrize(
    ("given", "says", "mend"),
    [
        ('{"operatorconfig": {}}', "operatorconfig.", "Write operatorConfig if that is meant."),
        ('{"oauth": {"client_id": "x"}}', "oauth.client_id.", "Write oauth.clientId if that is meant."),
        ('{"hostname": "x"}', "hostname.", "Write operatorConfig.hostname if that is meant."),
        ('{"apiServerProxyConfig": {"tags": "x"}}', "apiServerProxyConfig.tags.", values.UNKNOWN_VALUE.mend),
        ('{"zzz": 1}', "zzz.", values.UNKNOWN_VALUE.mend),
        ('{"operatorConfig": {"global": {}}}', "operatorConfig.global.", values.UNKNOWN_VALUE.mend),
    ],
)
def test_a_value_that_the_chart_does_not_know(given: str, says: str, mend: str) -> None:
    (finding,) = found_in(facts(given), values.UNKNOWN_VALUE)
    assert finding.message == f"The chart of blue has no value {says}"
    assert finding.mend == mend


def test_a_value_that_the_chart_lists_and_does_not_read() -> None:
    (finding,) = found_in(facts('{"operatorConfig": {"annotations": {"a": "b"}}}'), values.UNKNOWN_VALUE)
    assert finding.message == "No template of the chart of blue reads operatorConfig.annotations."
    assert finding.mend == "Write annotations if that is meant."
    assert said_of(facts('{"annotations": {"a": "b"}}'), values.UNKNOWN_VALUE) == []


@pytest.mark.parametrize(
    ("given", "version", "since"),
    [
        ('{"operatorConfig": {"priorityClassName": "x"}}', "1.96.0", "1.98.0"),
        ('{"fullnameOverride": "x"}', "1.102.3", "1.104.0"),
    ],
)
def test_a_value_that_the_chart_does_not_know_yet(given: str, version: str, since: str) -> None:
    (finding,) = found_in(facts(given, version), values.UNKNOWN_VALUE)
    assert finding.message.endswith(" yet.")
    assert finding.expected == f"the chart {since} or newer"
    assert said_of(facts(given, since), values.UNKNOWN_VALUE) == []


def test_the_version_of_the_declared_chart_stands_in_for_that_of_the_facts() -> None:
    assert said_of(facts('{"fullnameOverride": "x"}', ""), values.UNKNOWN_VALUE) != []


@pytest.mark.parametrize(
    "text",
    [
        facts('{"global": {"a": 1}}'),
        facts('{"zzz": 1}', "1.200.0"),
        facts('{"zzz": 1}', "latest"),
        facts('{"operatorConfig": {"podLabels": {"anything": "x"}, "defaultTags": "tag:x", "hostname": null}}'),
        facts('{"oauth": null, "imagePullSecrets": [], "apiServerProxyConfig": {"mode": true}}'),
        facts('{"proxyConfig": {"firewallMode": "", "defaultTags": ["tag:x"]}}'),
        facts('{"zzz": 1}', "").replace('"blue"', '"red"'),
    ],
)
def test_values_that_are_well(text: str) -> None:
    for rule in values.RULES:
        assert said_of(text, rule) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('{"proxyConfig": {"firewallMode": "ipvs"}}', 'proxyConfig.firewallMode of blue is "ipvs".'),
        ('{"operatorConfig": {"logging": "warn"}}', 'operatorConfig.logging of blue is "warn".'),
        ('{"apiServerProxyConfig": {"mode": "auth"}}', 'apiServerProxyConfig.mode of blue is "auth".'),
    ],
)
def test_a_word_that_the_operator_does_not_know(given: str, says: str) -> None:
    assert said_of(facts(given), values.VALUE_ENUM) == [says]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('{"installCRDs": "false"}', "installCRDs of blue is not true or false."),
        ('{"operatorConfig": {"hostname": 5}}', "operatorConfig.hostname of blue is not a text."),
        ('{"operatorConfig": {"defaultTags": [5]}}', "operatorConfig.defaultTags of blue is not a list of texts."),
        ('{"operatorConfig": {"extraEnv": {}}}', "operatorConfig.extraEnv of blue is not a list."),
        ('{"operatorConfig": {"nodeSelector": []}}', "operatorConfig.nodeSelector of blue is not a mapping."),
        ('{"oauth": "x"}', "oauth of blue is not a mapping."),
        ('{"apiServerProxyConfig": {"mode": 1}}', "apiServerProxyConfig.mode of blue is not a text, true or false."),
        ('{"proxyConfig": {"defaultTags": 5}}', "proxyConfig.defaultTags of blue is not a text."),
        ('{"imagePullSecrets": ["mine"]}', "imagePullSecrets[0] of blue is not a mapping."),
    ],
)
def test_a_value_of_another_type(given: str, says: str) -> None:
    assert said_of(facts(given), values.VALUE_TYPE) == [says]


@pytest.mark.parametrize(
    ("text", "who"),
    [(FLUX, "HelmRelease tailscale/operator of blue"), (ARGO, "Application argocd/operator of blue")],
)
def test_values_of_a_release(text: str, who: str) -> None:
    assert said_of(text.replace("VALUES", "{operatorConfig: {hostName: x}}"), values.UNKNOWN_VALUE) == [
        f"The chart of {who} has no value operatorConfig.hostName."
    ]
    assert said_of(text.replace("VALUES", "{operatorConfig: {hostname: x}}"), values.UNKNOWN_VALUE) == []
    other = text.replace("tailscale-operator", "redis").replace("VALUES", "{operatorConfig: {hostName: x}}")
    assert said_of(other, values.UNKNOWN_VALUE) == []
    assert said_of(text.replace("VALUES", "[]"), values.UNKNOWN_VALUE) == []


def test_the_place_in_a_release() -> None:
    assert places_of(FLUX.replace("VALUES", "{installCRDs: 'no'}"), values.VALUE_TYPE) == [["release.yaml:7:25"]]


def test_a_release_with_a_range_of_versions() -> None:
    text = ARGO_OF_SEVERAL.replace("VALUES", "{zzz: 1, installCRDs: 1}")
    assert said_of(text, values.UNKNOWN_VALUE) == []
    assert len(said_of(text, values.VALUE_TYPE)) == 1


@pytest.mark.parametrize(
    ("variable", "word"), [("PROXY_FIREWALL_MODE", "ipvs"), ("OPERATOR_LOGGING", "warn"), ("APISERVER_PROXY", "on")]
)
def test_a_word_that_helm_has_rendered(variable: str, word: str) -> None:
    more = f'            - {{name: {variable}, value: "{word}"}}\n'
    assert said_of(POLICY + operator(more=more), values.VALUE_ENUM) == [
        f'{variable} of the operator of blue is "{word}".'
    ]
    assert said_of(POLICY + operator(more=more.replace(word, "")), values.VALUE_ENUM) == []
