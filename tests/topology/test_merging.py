from __future__ import annotations

import pytest

from tests.topology.marked import BASE, check_finding, findings_of, path_of, resolved

CLUSTER = "{kubernetes: {context: blue}}"
NGINX = "{namespace: default, ports: [tcp:80], selector: {app: nginx}}"


def test_sections_merge_by_name_and_access_is_joined() -> None:
    tailnet = resolved(
        f"""
        groups: {{group:a: [a@x.com]}}
        postures: {{posture:a: [node:os == 'macos']}}
        machines: {{ci: {{tags: [tag:ci]}}}}
        clusters: {{blue: {CLUSTER}}}
        access: [{{name: one, from: [group:a], to: ["*"], ports: ["*"]}}]
        """,
        more=f"""
        groups: {{group:b: [b@x.com]}}
        postures: {{posture:b: [node:os == 'linux']}}
        machines: {{db: {{tags: [tag:db]}}}}
        clusters: {{green: {CLUSTER}}}
        access: [{{name: two, from: [group:b], to: ["*"], ports: ["*"]}}]
        """,
    )
    assert [g.name for g in tailnet.groups] == ["group:a", "group:b"]
    assert [p.name for p in tailnet.postures] == ["posture:a", "posture:b"]
    assert [m.name for m in tailnet.machines] == ["ci", "db"]
    assert [c.name for c in tailnet.clusters] == ["blue", "green"]
    assert [a.name for a in tailnet.access] == ["one", "two"]
    assert [a.place.file for a in tailnet.access] == [path_of("main.yaml"), path_of("more.yaml")]
    assert tailnet.files == (path_of("a.yaml"), path_of("main.yaml"), path_of("more.yaml"))


def test_one_cluster_may_be_spread_over_files() -> None:
    tailnet = resolved(
        f"""
        clusters:
          blue:
            expose: {{nginx: {NGINX}}}
            ingress: {{web: {{namespace: a, backend: {{service: s, port: 80}}}}}}
        """,
        more=f"""
        clusters:
          blue:
            labels: {{env: prod}}
            kubernetes: {{context: blue}}
            operator: {{hostname: op}}
            expose: {{apache: {NGINX}}}
            ingress: {{web2: {{namespace: a, backend: {{service: s, port: 80}}}}}}
            egress: {{out: {{namespace: a, to: {{ip: 100.64.0.1}}, ports: [tcp:1]}}}}
        """,
        third="clusters: {blue: {egress: {out2: {namespace: a, to: {ip: 100.64.0.1}, ports: [tcp:1]}}}}",
    )
    (blue,) = tailnet.clusters
    assert [e.name for e in blue.exposures] == ["nginx", "apache"]
    assert [e.name for e in blue.ingresses] == ["web", "web2"]
    assert [e.name for e in blue.egresses] == ["out", "out2"]
    assert (blue.context, blue.operator.hostname, blue.labels) == ("blue", "op", (("env", "prod"),))
    assert blue.place.file == path_of("main.yaml")
    assert blue.operator.place.file == path_of("more.yaml")


SECTIONS = {
    "tailnet": "tailnet: {dnsName: a.ts.net}",
    "defaults": 'defaults: {operator: {chart: {version: "1.102.3"}}}',
}
TWICE = [
    ("②tailnet: {dnsName: a.ts.net}", "§tailnet: {dnsName: a.ts.net}", "tailnet"),
    ("②defaults: {}", "§defaults: {}", "defaults"),
    ("groups: {②group:a: []}", "groups: {§group:a: []}", "groups.group:a"),
    ("postures: {②posture:a: [x]}", "postures: {§posture:a: [x]}", "postures.posture:a"),
    ("machines: {②ci: {tags: [tag:ci]}}", "machines: {§ci: {tags: [tag:ci]}}", "machines.ci"),
    (
        "clusters: {blue: {②kubernetes: {context: a}}}",
        "clusters: {blue: {§kubernetes: {context: b}}}",
        "clusters.blue.kubernetes",
    ),
    (
        "clusters: {blue: {kubernetes: {context: a}, ②labels: {a: b}}}",
        "clusters: {blue: {§labels: {c: d}}}",
        "clusters.blue.labels",
    ),
    (
        "clusters: {blue: {kubernetes: {context: a}, ②operator: {hostname: a}}}",
        "clusters: {blue: {§operator: {namespace: b}}}",
        "clusters.blue.operator",
    ),
    (
        f"clusters: {{blue: {{kubernetes: {{context: a}}, expose: {{②nginx: {NGINX}}}}}}}",
        f"clusters: {{blue: {{expose: {{§nginx: {NGINX}}}}}}}",
        "clusters.blue.expose.nginx",
    ),
]


@pytest.mark.parametrize(("one", "two", "what"), TWICE, ids=lambda t: t[:30])
def test_what_is_declared_twice_is_named_with_both_places(one: str, two: str, what: str) -> None:
    base = {f"{section}.yaml": text for section, text in SECTIONS.items() if section not in one}
    check_finding({**base, "m.yaml": one, "n.yaml": two}, "declared-twice", f"{what} is declared twice")


def test_two_access_entries_with_one_name_are_named_with_both_places() -> None:
    entry = '{{name: {}one, from: ["*"], to: ["*"], ports: ["*"]}}'
    files = {**BASE, "m.yaml": f"access: [{entry.format('②')}]", "n.yaml": f"access: [{entry.format('§')}]"}
    check_finding(files, "declared-twice", 'called "one"')


@pytest.mark.parametrize(
    ("one", "two", "word"),
    [
        ("groups: {group:a: []}", "groups: §[x]", "a mapping"),
        ("groups: §[x]", "groups: {group:a: []}", "a mapping"),
        ("access: []", "access: §{}", "a list"),
        ("access: §{}", "access: []", "a list"),
        ("clusters: {blue: {kubernetes: {context: a}}}", "clusters: {blue: {expose: §[]}}", "a mapping"),
        ("clusters: {blue: {kubernetes: {context: a}, expose: §text}}", "clusters: {blue: {expose: {}}}", "a mapping"),
        ("clusters: {blue: {kubernetes: {context: a}}}", "clusters: {blue: §text}", "a mapping"),
    ],
)
def test_a_section_of_the_wrong_kind_is_one_mistake_whatever_stands_in_other_files(
    one: str, two: str, word: str
) -> None:
    check_finding({**BASE, "m.yaml": one, "n.yaml": two}, "wrong-type", word)


def test_two_files_that_are_both_wrong_are_two_mistakes() -> None:
    files = {**BASE, "m.yaml": "groups: text", "n.yaml": "groups: []"}
    findings = findings_of({path_of(name): text for name, text in files.items()})
    assert [(f.rule.slug, f.places[0].file) for f in findings] == [
        ("wrong-type", path_of("m.yaml")),
        ("wrong-type", path_of("n.yaml")),
    ]
