from __future__ import annotations

import pytest

from tests.topology.marked import BASE, check_finding, findings_of, resolved, unmarked

EU = """
clusters:
  eu:
    kubernetes: {context: eu}
    labels: {env: prod, region: eu}
    operator: {apiServerProxy: {mode: auth}}
    expose: {search: {namespace: a, ports: [tcp:1], managedBy: patch}}
    ingress: {web: {namespace: a, backend: {service: a, port: 1}}}
"""
OTHERS = """
clusters:
  us:
    kubernetes: {context: us}
    labels: {env: prod}
    operator: {apiServerProxy: {mode: auth}}
    expose: {search: {namespace: a, ports: [tcp:1], managedBy: patch}}
machines: {db: {tags: [tag:db]}}
"""
SCOPE = "②scope: {clusters: [eu]}\n"


def entry(to: str, more: str = "") -> str:
    return f"access: [{{name: one, from: [group:a], to: [{to}]{more}}}]\n"


def test_a_file_with_a_scope_declares_its_clusters_and_access_to_them() -> None:
    text = "scope: {clusters: [eu]}\n" + EU.replace("patch}", "patch, tags: [tag:k8s-eu--other, tag:k8s-eu]}")
    text = text.replace("operator: {", "operator: {tags: [tag:k8s-op-eu], ")
    to = "{exposure: eu.search}, {ingress: eu.web}"
    more = """    egress: {out: {namespace: a, to: {exposure: us.search}}, db: {namespace: a, to: {machine: db}, ports: [tcp:1]}}
"""
    tailnet = resolved(text + more + entry(to), others=OTHERS)
    assert [d.reference for d in tailnet.access[0].destinations] == ["eu.search", "eu.web"]
    api = "{apiServer: eu}, {apiServers: {matchLabels: {region: eu}}}"
    tailnet = resolved(text + entry(api), others=OTHERS)
    assert [d.reference for d in tailnet.access[0].destinations] == ["eu", "eu"]


def test_a_scope_may_name_several_clusters() -> None:
    tailnet = resolved(
        "scope: {clusters: [eu, us]}\n" + entry("{exposure: us.search}, {apiServer: eu}"), eu=EU, us=OTHERS
    )
    assert len(tailnet.access[0].destinations) == 2


OUTSIDE = [
    (SCOPE + "§groups: {}", ('no section "groups"', "one of clusters, access")),
    (SCOPE + "§defaults: {}", ('no section "defaults"',)),
    ("§machines: {ci: {tags: [tag:ci]}}\n" + SCOPE, ('no section "machines"',)),
    (SCOPE + "clusters: {§us2: {kubernetes: {context: us}}}", ("clusters.us2 is outside of the scope eu",)),
    (SCOPE + "clusters: {§us: {egress: {}}}", ("clusters.us is outside",)),
    (SCOPE + entry("§tag:db", ", ports: [tcp:1]"), ("The selector tag:db is outside", "something that a cluster of the scope declares")),
    (SCOPE + entry("§{machine: db}", ", ports: [tcp:1]"), ("The machine db is outside",)),
    (SCOPE + entry("{exposure: eu.search}, §{exposure: us.search}"), ("The exposure us.search is outside",)),
    (SCOPE + entry("§{apiServer: us}"), ("The API server of us is outside of the scope eu",)),
    (SCOPE + entry("§{apiServers: {matchLabels: {env: prod}}}"), ("The API server of us is outside",)),
    (SCOPE + "clusters: {eu: {egress: {a: {namespace: a, to: {exposure: us.search}, tags: [§tag:db]}}}}", ("tag:db", "tag:k8s-eu--a")),
    (SCOPE + "clusters: {eu: {egress: {a: {namespace: a, to: {exposure: us.search}, tags: [tag:k8s-eu--a, §tag:k8s-us--search]}}}}", ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), OUTSIDE, ids=lambda text: repr(text[-60:]))
def test_what_is_outside_of_a_scope_is_named_with_the_scope(text: str, words: tuple[str, ...]) -> None:
    check_finding({**BASE, "eu.yaml": EU, "others.yaml": OTHERS, "scoped.yaml": text}, "outside-scope", *words)


def test_an_operator_cannot_wear_a_tag_from_outside_of_its_scope() -> None:
    scoped = SCOPE + EU.replace("operator: {", "operator: {tags: [§tag:k8s-op-us], ")
    check_finding({**BASE, "eu.yaml": scoped, "others.yaml": OTHERS}, "outside-scope", "tag:k8s-op-us", "tag:k8s-op-eu")
    scoped = SCOPE + EU.replace("operator: {", "operator: {proxyTags: [§tag:k8s-us], ")
    check_finding({**BASE, "eu.yaml": scoped, "others.yaml": OTHERS}, "outside-scope", "tag:k8s-us", "tag:k8s-eu")


def test_a_scope_names_clusters_that_exist() -> None:
    files = {**BASE, "eu.yaml": EU, "scoped.yaml": "scope: {clusters: [eu, §eu2]}\naccess: []"}
    check_finding(files, "unknown-reference", 'cluster called "eu2"', "Did you mean eu?")


def test_a_scope_of_a_cluster_with_a_mistake_is_no_second_mistake() -> None:
    check_finding({**BASE, "eu.yaml": "scope: {clusters: [eu]}\nclusters: {eu: §[]}"}, "wrong-type", "clusters.eu")


def test_a_scope_is_not_judged_while_a_file_cannot_be_read() -> None:
    files = {**BASE, "scoped.yaml": "scope: {clusters: [eu2]}\naccess: []", "z.yaml": "clusters: {eu2: "}
    assert [f.rule.slug for f in findings_of(unmarked(files)[0])] == ["yaml-syntax"]


def test_a_wrong_scope_is_one_mistake() -> None:
    files = {**BASE, "eu.yaml": EU, "others.yaml": OTHERS, "scoped.yaml": "scope: {clusters: §eu}\ngroups: {}"}
    check_finding(files, "wrong-type", "scope.clusters")


def test_sections_of_the_wrong_kind_in_a_file_with_a_scope() -> None:
    check_finding(
        {**BASE, "eu.yaml": EU, "z.yaml": "scope: {clusters: [eu]}\nclusters: §[]"}, "wrong-type", "a mapping"
    )
