"""From files to objects: what is an object, whose it is, and what is wrong with it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.finding import Place, Rule
from tailstack.manifests.adapter import tailnet_of
from tailstack.manifests.reading import Read, object_of, read_manifests
from tailstack.manifests.rules import (
    DUPLICATE_OBJECT,
    NO_CLUSTER,
    NOT_KUBERNETES,
    NOT_RENDERED,
    OPERATOR_NOT_SHOWN,
    RULES,
    SHAPE,
)
from tailstack.manifests.values import ManifestMap
from tests.manifests.written import files_of

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def read(text: str, path: str = "blue/app.yaml") -> Read:
    return read_manifests({path: text})


def titles(text: str) -> list[str]:
    found = read(text)
    assert found.findings == ()
    return [made.title for made in found.objects.all]


def only(found: Read, rule: Rule) -> tuple[str, tuple[Place, ...]]:
    (finding,) = found.findings
    assert finding.rule is rule
    return finding.message, finding.places


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_examples(rule: Rule) -> None:
    assert [f.places for f in read_manifests(files_of(rule.bad)).findings if f.rule is rule]
    assert read_manifests(files_of(rule.good)).findings == ()


def test_the_first_folder_is_the_cluster_and_files_are_read_in_their_order() -> None:
    found = read_manifests(
        {"green/x/y.yaml": CONFIG_MAP, "blue/b.yaml": CONFIG_MAP.replace("a}", "b}"), "blue/a.yaml": CONFIG_MAP}
    )
    assert [(made.cluster, made.name) for made in found.objects.all] == [("blue", "a"), ("blue", "b"), ("green", "a")]
    assert found.findings == ()


def test_files_are_named_as_the_reader_finds_them() -> None:
    found = read_manifests(
        {"a.yaml": CONFIG_MAP, "blue/a.yaml": "b: [", "blue/b.yaml": CONFIG_MAP}, below="deploy/all/"
    )
    assert [finding.places[0].file for finding in found.findings] == ["deploy/all/a.yaml", "deploy/all/blue/a.yaml"]
    assert [made.file for made in found.objects.all] == ["deploy/all/blue/b.yaml"]
    assert found.findings[0].rule is NO_CLUSTER
    assert found.findings[0].expected == "a path such as <cluster>/a.yaml"


def test_lists_are_their_items() -> None:
    text = """\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
  - apiVersion: v1
    kind: ServiceList
    items:
      - metadata: {name: b}
      - {apiVersion: v1, kind: Service, metadata: {name: c}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}
---
apiVersion: x.io/v1
kind: AllowList
metadata: {name: no-list-at-all}
"""
    assert titles(text) == [
        "ConfigMap default/a",
        "Service default/b",
        "Service default/c",
        "ConfigMap default/d",
        "AllowList default/no-list-at-all",
    ]


def test_an_item_that_is_no_object_is_told_at_its_place() -> None:
    found = read("apiVersion: v1\nkind: List\nitems:\n  - a\n  - {name: b}\n")
    assert [finding.places for finding in found.findings] == [
        (Place("blue/app.yaml", 4, 5),),
        (Place("blue/app.yaml", 5, 5),),
    ]
    assert {finding.rule for finding in found.findings} == {NOT_KUBERNETES}


def test_a_list_of_a_kind_without_a_version_has_items_without_one() -> None:
    message, _ = only(read("kind: ServiceList\nitems: [{metadata: {name: a}}]\n"), SHAPE)
    assert message == "This object has no apiVersion that is a text."
    assert len(read("apiVersion: v1\nkind: ServiceList\nitems: [a, {metadata: {name: a}}]\n").objects.all) == 1


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("apiVersion: v1\nkind: A\n", "metadata.name"),
        ("apiVersion: v1\nkind: A\nmetadata: {name: 7}\n", "metadata.name"),
        ('apiVersion: v1\nkind: A\nmetadata: {name: ""}\n', "metadata.name"),
        ("kind: A\nmetadata: {name: a}\n", "apiVersion"),
        ("apiVersion: 1\nkind: [A]\n", "kind and no apiVersion and no metadata.name"),
    ],
)
def test_an_object_without_what_every_object_has_is_told(text: str, missing: str) -> None:
    found = read(text)
    message, places = only(found, SHAPE)
    assert message == f"This object has no {missing} that is a text."
    assert places == (Place("blue/app.yaml", 1, 1),)
    assert found.objects.all == ()


def test_a_generated_name_is_no_name_and_clashes_with_none() -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\n"
    found = read(f"{job}---\n{job}spec: {{a: 1}}\n")
    assert [made.name for made in found.objects.all] == ["", ""]
    assert found.findings == ()


def test_namespaces_are_by_default_default_and_none_where_an_object_is_the_clusters() -> None:
    text = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a, namespace: ignored}
---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: b}
---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroupPolicy
metadata: {name: c, namespace: web}
---
apiVersion: x.io/v1
kind: Wide
metadata: {name: d}
---
apiVersion: x.io/v1
kind: Narrow
metadata: {name: e, namespace: 7}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wides.x.io}
spec: {group: x.io, scope: Cluster, names: {kind: Wide}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: narrows.x.io}
spec: {group: x.io, scope: Namespaced, names: {kind: Narrow}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: broken.x.io}
spec: {scope: Cluster, names: []}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: nothing.x.io}
"""
    found = read(text)
    assert [made.title for made in found.objects.all][:5] == [
        "ClusterRoleBinding a",
        "ProxyGroup b",
        "ProxyGroupPolicy web/c",
        "Wide d",
        "Narrow default/e",
    ]


def test_the_same_object_twice_is_told_only_where_it_differs() -> None:
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"
    both = {"blue/a.yaml": namespace, "blue/b.yaml": "---\n" + namespace}
    assert read_manifests(both).findings == ()
    assert len(read_manifests(both).objects.all) == 1
    labelled = namespace.replace("web}", "web, labels: {a: b}}")
    found = read_manifests({**both, "blue/c.yaml": labelled, "green/a.yaml": labelled})
    message, places = only(found, DUPLICATE_OBJECT)
    assert message == "Namespace web of cluster blue is declared twice, and differently."
    assert places == (Place("blue/c.yaml", 3, 18), Place("blue/a.yaml", 3, 18))


def test_objects_of_two_groups_with_one_name_are_two() -> None:
    knative = "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n"
    assert len(read(f"{knative}---\napiVersion: v1\nkind: Service\nmetadata: {{name: a}}\n").objects.all) == 2


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("annotations: [a]", "metadata.annotations of ConfigMap default/a is no mapping."),
        ("labels: text", "metadata.labels of ConfigMap default/a is no mapping."),
        ("annotations: {a: {}}", '"a" in metadata.annotations of ConfigMap default/a is no text.'),
        (
            "annotations: {a: true}",
            '"a" in metadata.annotations of ConfigMap default/a is a truth value, and the API server takes texts only.',
        ),
        (
            "labels: {a: 1}",
            '"a" in metadata.labels of ConfigMap default/a is a number, and the API server takes texts only.',
        ),
    ],
)
def test_annotations_and_labels_are_texts(part: str, said: str) -> None:
    message, places = only(read(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, {part}}}\n"), SHAPE)
    assert message == said
    assert places[0].line == 3


def test_what_was_meant_by_a_number_is_said() -> None:
    (finding,) = read("apiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {a: 1.5, b: ~, c: d}}\n").findings
    assert (finding.expected, finding.mend) == ('"1.5" in quotes', "Put the value in quotes.")


def test_tests_of_charts_are_left_out_and_other_hooks_are_not() -> None:
    def hook(name: str, hooks: str) -> str:
        return CONFIG_MAP.replace("name: a", f"name: {name}, annotations: {{helm.sh/hook: '{hooks}'}}")

    assert titles(
        "---\n".join((hook("a", "test"), hook("b", "test-success, test"), hook("c", "pre-install,test")))
    ) == ["ConfigMap default/c"]


SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: operator-oauth
  namespace: tailscale
  annotations:
    a: b
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData": {"client_secret": "s3cr3t"}}'
stringData: &data {client_id: s3cr3t, client_secret: s3cr3t}
data: [s3cr3t]
---
apiVersion: v1
kind: Secret
metadata: {name: plain, annotations: {a: b}}
data: {password: s3cr3t}
---
apiVersion: v1
kind: Secret
metadata: {name: bare}
"""


def test_values_of_secrets_are_nowhere() -> None:
    found = read(SECRET)
    oauth, plain, bare = found.objects.all
    assert oauth.keys("stringData") == ("client_id", "client_secret")
    assert oauth.key_place("stringData", "client_secret") == Place("blue/app.yaml", 9, 39)
    assert oauth.value("stringData", "client_id") is None
    assert oauth.value("data") is None
    assert oauth.annotations == {"a": "b"}
    assert plain.keys("data") == ("password",)
    assert bare.keys("data") == ()
    tailnet = tailnet_of(found.objects, policy=None, dns_name=None, environment="x")
    assert "s3cr3t" not in "".join(map(repr, (found, [made.root for made in found.objects.all], tailnet)))


def test_an_object_can_come_from_elsewhere_than_a_file() -> None:
    (root,) = (made.root for made in read(CONFIG_MAP).objects.all)
    made = object_of(root, cluster="green", file="urn")
    assert made is not None
    assert (made.title, made.cluster, made.place()) == ("ConfigMap default/a", "green", Place("urn", 1, 1))
    assert object_of(ManifestMap((1, 1)), cluster="green", file="urn") is None


def test_only_secrets_of_the_core_lose_their_values() -> None:
    text = "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: shown}\n"
    assert read(text).objects.all[0].value("data", "a") == "shown"


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nmetadata: {name: a}\n",
        (
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n"
            "spec: {chart: {spec: {chart: tailscale-operator}}}\n"
        ),
        "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: a}\nspec: {chart: ts/tailscale-operator}\n",
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
            "spec: {source: {chart: tailscale-operator}}\n"
        ),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
            "spec: {sources: [{ref: values}, {chart: tailscale-operator}]}\n"
        ),
    ],
)
def test_what_is_not_rendered_is_told(text: str) -> None:
    exposed = 'apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {tailscale.com/expose: "true"}}\n'
    is_kustomization = "kustomize" in text
    found = read(text if is_kustomization else f"{text}---\n{exposed}")
    _, places = only(found, NOT_RENDERED)
    assert places == (Place("blue/app.yaml", 1, 1),)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n",
        "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: a}\nspec: {chart: redis}\n",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {sources: [{path: x}]}\n",
    ],
)
def test_other_sources_are_objects_like_any(text: str) -> None:
    assert read(text).findings == ()


def test_a_cluster_without_its_operator_is_told_once() -> None:
    exposed = 'apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {tailscale.com/expose: "true"}}\n'
    found = read_manifests({"blue/a.yaml": CONFIG_MAP + "---\n" + exposed, "green/a.yaml": CONFIG_MAP})
    message, places = only(found, OPERATOR_NOT_SHOWN)
    assert message == "No manifest shows the operator of cluster blue, which Service default/a is for."
    assert places == (Place("blue/a.yaml", 5, 1),)


KEYS = st.sampled_from(
    [
        *(
            "apiVersion",
            "kind",
            "metadata",
            "name",
            "namespace",
            "annotations",
            "labels",
            "spec",
            "items",
            "type",
            "ports",
        ),
        *("tailscale.com/expose", "tailscale.com/tags", "tailscale.com/hostname", "tailscale.com/proxy-group", "port"),
        *("tailscale.com/tailnet-fqdn", "tailscale.com/tailnet-ip", "template", "containers", "env", "value", "image"),
        *(
            "replicas",
            "subjects",
            "data",
            "tls",
            "hosts",
            "rules",
            "http",
            "paths",
            "backend",
            "service",
            "helm.sh/hook",
        ),
        *(
            "ingressClassName",
            "loadBalancerClass",
            "defaultBackend",
            "statefulSet",
            "volumes",
            "scope",
            "names",
            "group",
        ),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=False) | st.text(max_size=8) | KEYS
INNER = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
KINDS = st.sampled_from(
    [
        *(("v1", kind) for kind in ("Service", "Secret", "Namespace", "List", "ServiceList", "ServiceAccount")),
        *(("networking.k8s.io/v1", kind) for kind in ("Ingress", "IngressClass")),
        *(("rbac.authorization.k8s.io/v1", kind) for kind in ("RoleBinding", "ClusterRoleBinding")),
        *(
            ("tailscale.com/v1alpha1", kind)
            for kind in (
                *("ProxyGroup", "ProxyClass", "Connector", "Recorder", "PeerRelay", "DNSConfig", "Tailnet"),
                "ProxyGroupPolicy",
            )
        ),
        ("apps/v1", "Deployment"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(KINDS, INNER, INNER, INNER), max_size=4))
def test_any_structure_becomes_a_tailnet_or_a_finding(
    objects: list[tuple[tuple[str, str], object, object, object]],
) -> None:
    documents = [
        json.dumps(
            {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, "items": more, "subjects": more}
        )
        for (version, kind), metadata, spec, more in objects
    ]
    found = read("\n---\n".join(documents))
    tailnet = tailnet_of(found.objects, policy=None, dns_name=None, environment="x")
    assert all(finding.places for finding in found.findings)
    assert all(re.match(r"blue/app\.yaml\Z", cluster.place.file) for cluster in tailnet.clusters)
