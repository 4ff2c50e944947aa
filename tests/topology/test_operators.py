from __future__ import annotations

import pytest

from tailstack.finding import InvalidTailnetError
from tailstack.topology.declaration import FirewallMode, Logging
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import NO_IMAGE, Federation, Image, Operator
from tests.topology.marked import AT, BASE, ENVIRONMENT, check_finding, findings_of, path_of, unmarked

DIGEST = "sha256:" + "0a" * 32


def operators(defaults: str, *by_cluster: str) -> tuple[Operator, ...]:
    """The operators of clusters a, b and so on, with these keys."""
    lines = [
        "tailnet: {dnsName: a.ts.net}",
        f'defaults: {{operator: {{chart: {{version: "1.102.3"}}, {defaults}}}}}',
        "clusters:",
        *(
            f"  {'abc'[n]}: {{kubernetes: {{context: a}}, operator: {keys}, proxyClasses: {{standard: {{}}, other: {{}}}}}}"
            for n, keys in enumerate(by_cluster)
        ),
    ]
    tailnet = resolve_files({path_of("a.yaml"): "\n".join(lines)}, ENVIRONMENT, AT)
    return tuple(cluster.operator for cluster in tailnet.clusters)


def test_an_operator_that_says_nothing() -> None:
    (operator,) = operators("", "{}")
    assert (operator.ingress_class, operator.default_proxy_class) == ("tailscale", None)
    assert (operator.credentials_volume, operator.federation, operator.login_server) == (None, None, None)
    assert (operator.image, operator.proxy_image, operator.k8s_proxy_image) == (NO_IMAGE, NO_IMAGE, None)
    assert (operator.image_pull_secrets, operator.firewall_mode, operator.logging) == ((), None, None)
    assert (operator.values, operator.chart.crds, operator.allows_impersonation) == ({}, None, False)


@pytest.mark.parametrize("tag", ["v1.102.3", "_a", "A" * 128])
def test_a_tag_as_registries_take_it(tag: str) -> None:
    (operator,) = operators("", f"{{images: {{proxy: {{tag: '{tag}'}}}}}}")
    assert operator.proxy_image == Image(tag=tag)


@pytest.mark.parametrize("tag", ["\u00e9", "\u0663", "-a", "A" * 129])
def test_a_tag_that_no_registry_takes(tag: str) -> None:
    with pytest.raises(InvalidTailnetError) as refused:
        operators("", f"{{images: {{proxy: {{tag: '{tag}'}}}}}}")
    (finding,) = refused.value.findings
    assert "clusters.a.operator.images.proxy.tag" in finding.message


def test_a_cluster_wins_over_the_defaults_a_whole_key_at_a_time() -> None:
    a, b = operators(
        "loginServer: 'https://a.example.com', imagePullSecrets: [x, w], ingressClass: {name: all},"
        " defaultProxyClass: standard, firewallMode: auto, logging: debug, values: {operatorConfig: {nodeSelector: {a: b}}},"
        f" images: {{operator: {{repository: m/op, tag: v1, pullPolicy: Never}}, proxy: {{digest: '{DIGEST}'}}, k8sProxy: 'm/k:v1'}}",
        "{}",
        "{loginServer: 'https://b.example.com', imagePullSecrets: [z], ingressClass: {name: mine}, defaultProxyClass: other,"
        " firewallMode: nftables, logging: info, values: {operatorConfig: {resources: {limits: {cpu: '1'}}}},"
        " images: {proxy: {repository: m/proxy}}}",
    )
    assert (a.login_server, b.login_server) == ("https://a.example.com", "https://b.example.com")
    assert (a.image_pull_secrets, b.image_pull_secrets) == (("x", "w"), ("z",))
    assert (a.ingress_class, b.ingress_class) == ("all", "mine")
    assert (a.default_proxy_class, b.default_proxy_class) == ("standard", "other")
    assert (a.firewall_mode, b.firewall_mode) == (FirewallMode.AUTO, FirewallMode.NFTABLES)
    assert (a.logging, b.logging) == (Logging.DEBUG, Logging.INFO)
    assert a.image == Image(repository="m/op", tag="v1", pull_policy="Never")
    assert (a.proxy_image, a.k8s_proxy_image) == (Image(digest=DIGEST), "m/k:v1")
    assert (b.image, b.proxy_image, b.k8s_proxy_image) == (NO_IMAGE, Image(repository="m/proxy"), None)
    assert a.values == {"operatorConfig": {"nodeSelector": {"a": "b"}}}
    assert b.values == {"operatorConfig": {"resources": {"limits": {"cpu": "1"}}}}
    assert type(b.values["operatorConfig"]) is dict


def test_credentials() -> None:
    a, b, c = operators(
        "",
        "{credentials: {federated: {issuer: 'https://oidc.example.com/a', claims: {x: 'y'}}}}",
        "{credentials: {volume: {csi: {driver: d, readOnly: true}}}}",
        "{credentials: {existingSecret: mine}}",
    )
    assert a.federation == Federation(issuer="https://oidc.example.com/a", claims=(("x", "y"),))
    assert (a.existing_secret, a.credentials_volume) == (None, None)
    assert (b.credentials_volume, b.federation) == ({"csi": {"driver": "d", "readOnly": True}}, None)
    assert (c.existing_secret, c.federation, c.credentials_volume) == ("mine", None, None)


def test_crds_are_those_of_one_version() -> None:
    chart = "{path: charts/op, crds: charts/crds}"
    lines = [
        "tailnet: {dnsName: a.ts.net}",
        f"defaults: {{operator: {{chart: {chart[:-1]}, version: '1.102.3'}}}}}}",
        "clusters:",
        "  a: {kubernetes: {context: a}}",
        "  b: {kubernetes: {context: a}, operator: {chart: {version: '1.104.5'}}}",
        "  c: {kubernetes: {context: a}, operator: {chart: {crds: other}}}",
        "  d: {kubernetes: {context: a}, operator: {chart: {path: elsewhere}}}",
    ]
    tailnet = resolve_files({path_of("a.yaml"): "\n".join(lines)}, ENVIRONMENT, AT)
    assert [(c.operator.chart.path, c.operator.chart.crds) for c in tailnet.clusters] == [
        ("charts/op", "charts/crds"),
        ("charts/op", None),
        ("charts/op", "other"),
        ("elsewhere", "charts/crds"),
    ]


MISTAKES = [
    ("one-of", "credentials: §{existingSecret: a, volume: {csi: {driver: d}}}", ("existingSecret and volume",)),
    ("one-of", "credentials: §{}", ("exactly one of existingSecret, federated, volume",)),
    ("one-of", f"images: {{proxy: §{{tag: v1, digest: '{DIGEST}'}}}}", ("tag and digest",)),
    ("listed-twice", "imagePullSecrets: [②a, §a]", ("imagePullSecrets",)),
    ("unknown-key", "images: {proxy: {§pullPolicy: Always}}", ("pullPolicy", "digest")),
    ("wrong-value", "loginServer: §http://example.com", ("https://",)),
    ("wrong-value", "images: {k8sProxy: §mirror/k8s-proxy}", ("with its tag",)),
    ("wrong-value", "logging: §trace", ("one of info, debug, dev",)),
    ("wrong-value", "values: §{}", ("is empty",)),
    (
        "not-taken",
        "values: {operatorConfig: {§podLabel: {a: b}}}",
        ("has no such key", "Did you mean clusters.blue.operator.values.operatorConfig.podLabels?"),
    ),
    ("not-taken", "values: {§resources: {}}", ("Did you mean clusters.blue.operator.values.operatorConfig.resources?",)),
    ("not-taken", "values: {operatorConfig: {§sharedACMEAccountKey: true}}", ("no effect yet", "1.104.0 or newer")),
    ("not-taken", "values: {operatorConfig: {§annotations: {a: b}}}", ("no such key, or does not read it",)),
    ("not-taken", "values: {operatorConfig: {§hostname: a}}", ("follows from what is declared", "operator.hostname")),
    ("not-taken", "values: {§nameOverride: a}", ("follows from what is declared", "written")),
    ("not-taken", "values: {operatorConfig: {nodeSelector: §x}}", ("not what the operator's chart 1.102.3 takes", "a mapping")),
    ("not-taken", "values: {operatorConfig: {extraEnv: §{}}}", ("a list",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "keys", "words"), MISTAKES, ids=[keys for _, keys, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, keys: str, words: tuple[str, ...]) -> None:
    text = f"clusters:\n  blue:\n    kubernetes: {{context: blue}}\n    operator: {{{keys}}}\n"
    check_finding({**BASE, "main.yaml": text}, slug, *words)


CLUSTERS = "\nclusters: {a: {kubernetes: {context: a}}, b: {kubernetes: {context: b}}}\n"


@pytest.mark.parametrize(
    ("slug", "keys"),
    [
        ("not-taken", "values: {operatorConfig: {§podLabel: {a: b}}}"),
        ("one-of", f"images: {{operator: §{{tag: v1, digest: '{DIGEST}'}}}}"),
        ("listed-twice", "imagePullSecrets: [②a, §a]"),
    ],
)
def test_a_mistake_of_the_defaults_is_said_once_for_all_clusters(slug: str, keys: str) -> None:
    defaults = f"defaults: {{operator: {{chart: {{version: '1.102.3'}}, {keys}}}}}"
    check_finding({"main.yaml": f"tailnet: {{dnsName: a.ts.net}}\n{defaults}{CLUSTERS}"}, slug)


def test_values_of_a_chart_that_is_not_known_are_not_judged_by_their_names() -> None:
    keys = "values: {operatorConfig: {podLabel: {a: b}}}"
    texts, _ = unmarked({"main.yaml": f"tailnet: {{dnsName: a.ts.net}}\ndefaults: {{operator: {{{keys}}}}}{CLUSTERS}"})
    assert {finding.rule.slug for finding in findings_of(texts)} == {"missing-key"}
    newer = f"defaults: {{operator: {{chart: {{version: '1.200.0'}}, {keys}}}}}"
    assert findings_of({path_of("main.yaml"): f"tailnet: {{dnsName: a.ts.net}}\n{newer}{CLUSTERS}"}) == ()
