"""The mistakes that reading manifests can find, before any rule looks at what they say."""

from __future__ import annotations

from itertools import pairwise

from tailstack.finding import Needs, Rule, Severity


def _multiplied(names: str) -> str:
    """Aliases that amount to nine times as much on each line."""
    return "".join(f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in pairwise(names))


SYNTAX = Rule(
    code="TS060",
    slug="manifest-syntax",
    what="A file of manifests is not valid YAML.",
    why="What stands after the mistake is not read, so that nothing is known of it.",
    mend="Look at the place and the lines just above it. A template must be rendered first: see docs/manifests.md.",
    source="https://yaml.org/spec/1.2.2/",
    needs=Needs.MANIFESTS,
    bad='# blue/app.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: "nginx}\n',
    good='# blue/app.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: "nginx"}\nspec: {ports: [{port: 80}]}\n',
)
DUPLICATE_KEY = Rule(
    code="TS061",
    slug="manifest-duplicate-key",
    what="A mapping of a manifest has the same key twice.",
    why="Kubernetes keeps the last one, or refuses the object; the other one is lost without a word.",
    mend="Keep one of the two.",
    source="https://kubernetes.io/blog/2023/04/24/openapi-v3-field-validation-ga/",
    needs=Needs.MANIFESTS,
    bad='# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "1", a: "2"}\n',
    good='# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: "1", b: "2"}\n',
)
NO_CLUSTER = Rule(
    code="TS062",
    slug="manifest-without-cluster",
    what="A file of manifests lies in no cluster's folder.",
    why="Nothing says which cluster its objects are in, and they are left out.",
    mend="Move the file into a folder that is called as its cluster.",
    needs=Needs.MANIFESTS,
    bad=(
        "# app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        "# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
    ),
    good="# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
)
NOT_KUBERNETES = Rule(
    code="TS063",
    slug="manifest-not-kubernetes",
    severity=Severity.WARNING,
    what="A document is no Kubernetes object: it has no kind.",
    why="It is left out. Values of a chart or a patch do nothing here, what they render to would.",
    mend="Render it with `helm template` or `kustomize build`, or move it out of the folder.",
    source="https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields",
    needs=Needs.MANIFESTS,
    bad="# blue/values.yaml\noperatorConfig: {hostname: blue-operator}\n",
    good="# blue/app.yaml\n# Only a comment.\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
)
SHAPE = Rule(
    code="TS064",
    slug="manifest-shape",
    what="What every Kubernetes object has is missing, or is of another type.",
    why="The API server refuses the object.",
    mend="Write apiVersion, kind and metadata with a name; put annotations and labels in quotes.",
    source="https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields",
    needs=Needs.MANIFESTS,
    bad=(
        "# blue/app.yaml\napiVersion: v1\nkind: Service\n"
        "metadata: {name: a, annotations: {tailscale.com/expose: true}}\nspec: {ports: [{port: 80}]}\n"
    ),
    good=(
        "# blue/app.yaml\napiVersion: v1\nkind: Service\n"
        'metadata: {name: a, annotations: {example.com/a: "true"}}\nspec: {ports: [{port: 80}]}\n'
    ),
)
DUPLICATE_OBJECT = Rule(
    code="TS065",
    slug="manifest-duplicate-object",
    what="Two manifests of one cluster declare the same object, and not the same of it.",
    why="Whichever is applied last wins, and with Argo CD or Flux they overwrite one another for ever.",
    mend="Keep one of the two, or give one of them another name or its namespace.",
    source="https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#fail-the-sync-if-a-shared-resource-is-found",
    needs=Needs.MANIFESTS,
    bad=(
        "# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {a: "1"}\n'
    ),
    good=(
        "# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\ndata: {a: "1"}\n'
    ),
)
NOT_RENDERED = Rule(
    code="TS066",
    slug="manifest-not-rendered",
    severity=Severity.WARNING,
    what="A manifest stands for others that are not here: a kustomization, or a release of the operator's chart.",
    why="What it renders to is not seen. An operator that is not seen is taken to be as the chart makes it by default.",
    mend="Put what it renders to into the cluster's folder, with `kustomize build` or `helm template`.",
    source="https://fluxcd.io/flux/components/helm/helmreleases/",
    needs=Needs.MANIFESTS,
    bad=(
        "# blue/tailscale.yaml\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: operator, namespace: tailscale}\nspec: {chart: {spec: {chart: tailscale-operator}}}\n"
    ),
    good=(
        "# blue/other.yaml\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: redis, namespace: redis}\nspec: {chart: {spec: {chart: redis}}}\n"
    ),
)
TOO_LARGE = Rule(
    code="TS067",
    slug="manifest-too-large",
    what="A file of manifests is larger, or nested deeper, than Kubernetes takes.",
    why="It is not read, or no further than to there; aliases that multiply have no other end.",
    mend="Check that it is the right file; split it where it holds many objects.",
    source="https://kubernetes.io/docs/concepts/configuration/configmap/#motivation",
    needs=Needs.MANIFESTS,
    bad="# blue/app.yaml\na: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + _multiplied("abcdefg"),
    good="# blue/app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: &a app, labels: {app: *a, part-of: *a}}\n",
)
OPERATOR_NOT_SHOWN = Rule(
    code="TS068",
    slug="operator-not-shown",
    severity=Severity.WARNING,
    what="A cluster has something for the operator, and no manifest shows the operator itself.",
    why="Names, tags and the class of Ingresses come from its settings, which are taken to be those of the chart by default.",
    mend="Put the output of `helm template tailscale-operator` with your values into the cluster's folder.",
    source="https://github.com/tailscale/tailscale/tree/main/cmd/k8s-operator/deploy/chart",
    needs=Needs.MANIFESTS,
    bad=(
        '# blue/app.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {tailscale.com/expose: "true"}}\n'
        "spec: {ports: [{port: 80}]}\n"
    ),
    good=(
        '# blue/app.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {tailscale.com/expose: "true"}}\n'
        "spec: {ports: [{port: 80}]}\n"
        "# blue/tailscale.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: operator, namespace: tailscale}\n"
        "spec: {template: {spec: {containers: [{name: operator, image: tailscale/k8s-operator:v1.102.3}]}}}\n"
    ),
)

RULES = (
    SYNTAX,
    DUPLICATE_KEY,
    NO_CLUSTER,
    NOT_KUBERNETES,
    SHAPE,
    DUPLICATE_OBJECT,
    NOT_RENDERED,
    TOO_LARGE,
    OPERATOR_NOT_SHOWN,
)
