"""What holds for every environment, and for everything that somebody may write in place of one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tailstack.finding import Finding
from tailstack.topology.loading import resolve_files
from tailstack.topology.schema import file_schema
from tailstack.topology.tailnet import Tailnet
from tests.topology.generated import SCHEMA, environment, ways
from tests.topology.marked import AT, ENVIRONMENT, findings_of, path_of

QUICK = settings(deadline=timedelta(seconds=20), max_examples=60, suppress_health_check=[HealthCheck.too_slow])

WAYS = ways()

RICH = """\
scope: {clusters: [blue]}
tailnet:
  dnsName: tail1a2b.ts.net
  magicDNS: true
  policy: {base: base.hujson, tests: derived}
  dns: {nameservers: [1.1.1.1], overrideLocalDNS: true, splitDNS: {corp.example.com: [10.0.0.53]}, searchPaths: [a.com]}
  settings: {devicesApprovalOn: true, usersRoleAllowedToJoinExternalTailnet: none}
  contacts: {support: ops@example.com}
  webhooks: {edits: {endpointUrl: {secret: hook}, providerType: slack, subscriptions: [policyUpdate]}}
  keys: {ci: {tags: [tag:ci], expiry: 7d}}
  logStreaming: {network: {destinationType: splunk, url: "https://a", token: {secret: splunk}}}
  postureIntegrations: {laptops: {postureProvider: kolide, clientSecret: {secret: kolide}}}
defaults: {operator: {namespace: ts, chart: {version: "1.104.5"}, apiServerProxy: {mode: auth}, defaultProxyClass: small}}
groups:
  group:a: [ana@example.com]
  group:b@example.com: {synced: true}
  group:c: {rotation: {members: [a@x, b@x], every: 7d, from: "2026-01-05T09:00:00Z", size: 2}}
postures: {posture:a: ["node:os IN ['macos']"]}
machines:
  ci: {tags: [tag:ci], hostname: runner}
  office: {tags: [tag:office], routes: [10.20.0.0/16], exitNode: true, device: {routes: true}}
services:
  svc:pay: {https: {http: redirect}, proxyGroup: in, backends: {blue: {namespace: a, service: b, port: 80}}}
  svc:queue: {ports: [tcp:5672], proxyGroup: in, backends: {blue: a/queue}}
  svc:db: {ports: [tcp:5432], machines: [ci], comment: a database}
clusters:
  blue:
    labels: {env: prod}
    kubernetes: {context: blue}
    operator:
      hostname: op
      tags: [tag:op]
      chart: {repository: "https://example.com"}
      credentials: {federated: {issuer: "https://oidc.example.com"}}
      images: {proxy: {repository: mirror/tailscale}}
      values: {operatorConfig: {podLabels: {team: platform}}}
    proxyClasses: {small: {metrics: {}, statefulSet: {pod: {labels: {a: b}}}}}
    proxyGroups: {in: {type: ingress, shareACMEAccount: true}, api: {type: kube-apiserver, kubeAPIServer: {mode: auth}}}
    connectors:
      net: {routes: [10.1.0.0/16, {cidr: 10.42.0.0/16, site: 7}]}
      apps: {appConnector: {domains: [example.com], routes: [203.0.113.0/24]}, replicas: 2}
    recorders: {audit: {enableUI: true, s3: {endpoint: e, bucket: b}, statefulSet: {labels: {a: b}}}}
    peerRelays: {relay: {servicePort: 443, staticEndpoints: ["203.0.113.1:443"], elasticIPs: [{allocationID: eipalloc-1, subnetID: subnet-1}]}}
    proxyGroupPolicies: {shop: {namespace: a, ingress: [in]}}
    dnsConfig: {nameserver: {image: {tag: v1.102.3}}}
    tailnets: {other: {credentialsSecret: s}}
    expose:
      nginx:
        namespace: default
        ports: [tcp:80, {port: tcp:81, targetPort: http, name: web}]
        selector: {app: nginx}
        consumers: [green]
        formerly: [old]
      outside: {namespace: default, ports: [tcp:443], type: ExternalName, externalName: a.com}
    ingress:
      web: {namespace: default, backend: {service: nginx, port: 80}, funnel: true}
      shop: {namespace: default, paths: {/a: {service: nginx, port: 80}}, http: serve, proxyGroup: in}
  green:
    kubernetes: {kubeconfig: {secret: greenKubeconfig}}
    proxyClasses: {small: {}}
    proxyGroups: {out: {type: egress, networkPolicy: {fromNamespaces: [a]}}}
    egress:
      remote: {namespace: a, to: {exposure: blue.nginx}, ports: [tcp:80]}
      pay: {namespace: a, to: {service: svc:pay}, proxyGroup: out}
      legacy: {namespace: a, to: {ip: 10.42.3.4, through: blue.net}, ports: [tcp:5432]}
ssh:
  - {name: in, from: [group:a], to: [{machine: ci}], users: [root], action: check, checkPeriod: 1h, record: {recorder: blue.audit}}
access:
  - name: one
    from: [group:a, {machine: ci}]
    to: [{apiServer: blue}, {apiServers: {matchLabels: {env: prod}}}]
    srcPosture: [posture:a]
    kubernetes: {impersonate: {groups: [readers]}, bind: {role: view, namespaces: [a]}, record: {recorder: blue.audit}}
  - {name: two, from: [group:a], to: [{service: svc:pay}, {recorder: blue.audit}, {exitNode: office}], srcPosture: [posture:a]}
  - {name: three, from: [group:a], to: [{connector: blue.net}, {route: 10.20.3.0/24}, {appConnector: blue.apps}], ports: [tcp:443]}
  - {name: four, from: [group:a], to: [{peerRelay: blue.relay}]}
"""


def check_findings(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Load; every finding must say something, once, with a place inside of a file. None where the files are valid."""
    findings = findings_of(files)
    for finding in findings:
        assert finding.message
        assert finding.mend
        assert finding.places or finding.rule.slug == "unknown-environment"
        assert finding.places == tuple(dict.fromkeys(finding.places))
        for place in finding.places:
            lines = re.split("\r\n|\r|\n", files[place.file])
            assert 1 <= place.line <= len(lines), place
            assert 1 <= place.column <= len(lines[place.line - 1]) + 1, place
    assert len(set(findings)) == len(findings)
    return findings


def test_what_is_damaged_below_is_valid_before() -> None:
    text = RICH.partition("\n")[2]
    assert findings_of({path_of("a.yaml"): text, path_of("base.hujson"): "{}"}) == ()


@QUICK
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    check_findings({path_of("a.yaml"): text})


YAML_CHARACTERS = "ab:-?[]{},&*!|>'\"%@#~ \n\t\r0129.<\\\u00e4\ufeff"


@QUICK
@given(st.text(alphabet=YAML_CHARACTERS, max_size=60), st.text(alphabet=YAML_CHARACTERS, max_size=60))
def test_any_text_that_resembles_yaml_is_read(text: str, other: str) -> None:
    check_findings({path_of("a.yaml"): text, path_of("b.yaml"): f"clusters:\n  blue: {other}"})


@QUICK
@given(st.data())
def test_a_damaged_file_is_read(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(RICH)))
    end = data.draw(st.integers(start, min(len(RICH), start + 30)))
    text = RICH[:start] + data.draw(st.text(alphabet=YAML_CHARACTERS, max_size=8)) + RICH[end:]
    check_findings({path_of("a.yaml"): text, path_of("base.hujson"): "{}"})


WORDS = sorted(
    {*re.findall(r"[A-Za-z0-9.:@/-]+", RICH)}
    | {
        "off",
        "012",
        "1.100",
        "~",
        "tcp:0",
        "tcp:99999",
        "a--b",
        "op-x",
        "[key]",
        "mapping",
        "text",
        "list",
        "number",
        "",
    }
)
SCALARS = (
    st.sampled_from(WORDS) | st.integers(-1, 70_000) | st.booleans() | st.none() | st.text(max_size=8) | st.floats()
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=6)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@QUICK
@given(st.dictionaries(st.sampled_from(sorted(file_schema()["properties"])) | KEYS, ANYTHING, max_size=6))
def test_any_structure_is_read(structure: dict[str, object]) -> None:
    check_findings({path_of("a.yaml"): json.dumps(structure, ensure_ascii=False)})


@QUICK
@given(st.sampled_from(sorted(WAYS)), st.integers(0, 1 << 32))
def test_anything_in_the_words_of_the_language_is_read(key: str, seed: int) -> None:
    structure = environment(WAYS[key], seed)
    check_findings({path_of("a.yaml"): json.dumps(structure, ensure_ascii=False)})


def test_every_key_of_the_language_is_read() -> None:
    definitions = SCHEMA["definitions"]
    assert WAYS.keys() >= {f"{name}.{key}" for name, each in definitions.items() for key in each.get("properties", ())}
    for key, way in WAYS.items():
        structure = environment(way, key)
        check_findings({path_of("a.yaml"): json.dumps(structure, ensure_ascii=False)})


PATHS = [
    ("tailnet",),
    ("tailnet", "policy"),
    ("defaults", "operator", "chart"),
    ("groups", "group:a"),
    ("groups", "group:c", "rotation", "size"),
    ("machines", "ci", "tags"),
    ("clusters", "blue"),
    ("clusters", "blue", "labels"),
    ("clusters", "blue", "kubernetes"),
    ("clusters", "blue", "operator", "tags"),
    ("clusters", "blue", "expose", "nginx"),
    ("clusters", "blue", "expose", "nginx", "ports"),
    ("clusters", "blue", "expose", "nginx", "ports", 1),
    ("clusters", "blue", "expose", "nginx", "selector"),
    ("clusters", "blue", "expose", "nginx", "formerly"),
    ("clusters", "blue", "ingress", "web", "backend"),
    ("clusters", "green", "egress", "remote", "to"),
    ("clusters", "green", "egress", "pay", "proxyGroup"),
    ("clusters", "green", "egress", "legacy", "to", "through"),
    ("clusters", "blue", "operator", "credentials"),
    ("clusters", "blue", "operator", "values", "operatorConfig"),
    ("clusters", "blue", "proxyGroups", "api"),
    ("clusters", "blue", "proxyClasses", "small", "statefulSet", "pod"),
    ("clusters", "blue", "connectors", "net", "routes", 1),
    ("clusters", "blue", "connectors", "apps", "appConnector"),
    ("clusters", "blue", "recorders", "audit", "statefulSet"),
    ("clusters", "blue", "peerRelays", "relay", "elasticIPs"),
    ("clusters", "blue", "proxyGroupPolicies", "shop", "ingress"),
    ("clusters", "blue", "dnsConfig", "nameserver"),
    ("clusters", "blue", "ingress", "shop", "paths"),
    ("machines", "office", "routes"),
    ("services", "svc:pay", "backends", "blue"),
    ("services", "svc:db", "machines"),
    ("tailnet", "dns", "splitDNS"),
    ("tailnet", "webhooks", "edits", "endpointUrl"),
    ("tailnet", "logStreaming"),
    ("ssh", 0),
    ("ssh", 0, "record"),
    ("access", 1, "to", 0),
    ("access", 0),
    ("access", 0, "from", 0),
    ("access", 0, "to", 0),
    ("access", 0, "kubernetes", "bind"),
    ("scope", "clusters"),
]


@QUICK
@given(st.sampled_from(PATHS), ANYTHING)
def test_anything_in_place_of_a_part_is_read(path: tuple[str | int, ...], value: object) -> None:
    structure: Any = yaml.safe_load(RICH)
    above = structure
    for step in path[:-1]:
        above = above[step]
    above[path[-1]] = value
    check_findings({path_of("a.yaml"): json.dumps(structure), path_of("base.hujson"): "{}"})


def in_any_order(tailnet: Tailnet) -> object:
    """Everything of a tailnet but order and places."""

    def plain(value: Any) -> object:  # noqa: ANN401  whatever a tailnet is made of
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return sorted((key, repr(plain(v))) for key, v in fields.items() if key not in {"place", "files"})
        if isinstance(value, tuple):
            return sorted(repr(plain(item)) for item in cast("tuple[Any, ...]", value))
        return value

    return plain(dataclasses.asdict(tailnet))


PARTS = [
    "tailnet: {dnsName: tail1a2b.ts.net}",
    'defaults: {operator: {chart: {version: "1.102.3"}, apiServerProxy: {mode: auth}}}',
    "groups: {group:a: [ana@example.com]}",
    "groups: {group:b: {synced: true}}",
    "machines: {db: {tags: [tag:db]}}",
    "clusters: {blue: {kubernetes: {context: blue}, labels: {env: prod}}}",
    "clusters: {blue: {expose: {nginx: {namespace: a, ports: [tcp:80], selector: {app: nginx}}}}}",
    "clusters: {blue: {expose: {apache: {namespace: a, ports: [tcp:81], managedBy: patch, formerly: [httpd]}}}}",
    "clusters: {blue: {ingress: {web: {namespace: a, backend: {service: nginx, port: 80}}}}}",
    "clusters: {green: {kubernetes: {context: green}, labels: {env: prod}}}",
    "clusters: {green: {egress: {nginx: {namespace: a, to: {exposure: blue.nginx}}}}}",
    "clusters: {green: {egress: {db: {namespace: a, to: {machine: db}, ports: [tcp:5432]}}}}",
    "clusters: {blue: {proxyGroups: {in: {type: ingress}}}}",
    "clusters: {blue: {proxyGroups: {out: {type: egress}}, connectors: {net: {routes: [10.1.0.0/16]}}}}",
    "clusters: {blue: {recorders: {audit: {enableUI: true}}, proxyClasses: {small: {acceptRoutes: true}}}}",
    "clusters: {green: {egress: {pay: {namespace: a, to: {service: svc:pay}}}}}",
    "clusters: {green: {egress: {far: {namespace: a, to: {ip: 10.1.2.3, through: blue.net}, ports: [tcp:1]}}}}",
    "services: {svc:pay: {ports: [tcp:443], proxyGroup: in, backends: {blue: a/pay}}}",
    "services: {svc:db: {ports: [tcp:5432], machines: [db]}}",
    "ssh: [{name: in, from: [group:a], to: [{machine: db}], users: [root], record: {recorder: blue.audit}}]",
    "access: [{name: three, from: [group:a], to: [{service: svc:pay}, {recorder: blue.audit}]}]",
    "access: [{name: one, from: [group:a], to: [{apiServers: {matchLabels: {env: prod}}}]}]",
    "access: [{name: two, from: [{machine: db}], to: [{exposure: blue.apache}, {ingress: blue.web}]}]",
]


@QUICK
@given(st.permutations(range(len(PARTS))), st.lists(st.integers(0, 4), min_size=len(PARTS), max_size=len(PARTS)))
def test_how_declarations_are_spread_over_files_changes_nothing_but_order(order: list[int], places: list[int]) -> None:
    one_each = {path_of(f"{n:02}.yaml"): part for n, part in enumerate(PARTS)}
    shuffled = {path_of(f"{order[n]:02}.yaml"): part for n, part in enumerate(PARTS)}
    expected = in_any_order(resolve_files(one_each, ENVIRONMENT, AT))
    assert in_any_order(resolve_files(shuffled, ENVIRONMENT, AT)) == expected
    # Several parts in one file only where they are of different sections, because a key stands once in a file.
    joined: dict[str, str] = {}
    for part, place in zip(PARTS, places, strict=True):
        section = part.partition(":")[0]
        while f"\n{section}:" in joined.get(path_of(f"{place}.yaml"), ""):
            place += 5  # noqa: PLW2901  the next file of this row
        joined[path_of(f"{place}.yaml")] = joined.get(path_of(f"{place}.yaml"), "") + "\n" + part
    assert in_any_order(resolve_files(joined, ENVIRONMENT, AT)) == expected


@QUICK
@given(st.permutations(list(range(4))))
def test_mistakes_are_found_whatever_the_order_of_the_files(order: list[int]) -> None:
    texts = [
        PARTS[0],
        PARTS[1] + "\nclusters: {blue: {kubernetes: {context: blue}, expse: {}}}",
        "access: [{name: one, from: [group:a], to: [{exposure: green.nginx}]}]",
        "groups: {group:a: off}\nmachines: {a--b: {tags: [tag:a]}}",
    ]
    files = {path_of(f"{name}.yaml"): text for name, text in zip(order, texts, strict=True)}
    assert sorted(f.rule.slug for f in check_findings(files)) == [
        *("ambiguous-word", "reserved-name", "unknown-key", "unknown-reference"),
    ]


@QUICK
@given(
    st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True),
)
def test_derived_tags_can_be_taken_apart_again(cluster: str, name: str) -> None:
    text = f"""{PARTS[0]}
{PARTS[1]}
clusters: {{"{cluster}": {{kubernetes: {{context: a}}, expose: {{"{name}": {{namespace: a, ports: [tcp:1], managedBy: patch}}}}}}}}
"""
    files = {path_of("a.yaml"): text}
    slugs = {finding.rule.slug for finding in findings_of(files)}
    assert ("reserved-name" in slugs) == ("--" in f"{cluster} {name}" or cluster.startswith("op-"))
    assert ("long-node-name" in slugs) == (len(cluster) + len(name) > 62)
    assume(not slugs)
    (exposure,) = resolve_files(files, ENVIRONMENT, AT).exposures
    (tag,) = exposure.tags
    assert tag.removeprefix("tag:k8s-").split("--") == [cluster, name]


@pytest.mark.parametrize("count", [200])
def test_many_mistakes_take_no_long_time(count: int) -> None:
    exposures = "".join(f"      e{n}: {{namespace: a, ports: [tcp:1], managedBy: patch}}\n" for n in range(count))
    egresses = "".join(f"      g{n}: {{namespace: a, to: {{exposure: blue.x{n}}}}}\n" for n in range(count))
    text = f"clusters:\n  blue:\n    kubernetes: {{context: a}}\n    expose:\n{exposures}    egress:\n{egresses}"
    findings = check_findings({path_of("a.yaml"): PARTS[0] + "\n" + PARTS[1] + "\n" + text})
    assert [f.rule.slug for f in findings] == ["unknown-reference"] * count
