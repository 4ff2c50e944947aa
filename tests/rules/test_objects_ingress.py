"""Ingresses that the operator reads otherwise than they were meant."""

from __future__ import annotations

import pytest

from tailstack.manifests.reading import read_manifests
from tailstack.rules.check import check_manifests
from tailstack.rules.frames import operator_deployment
from tailstack.rules.objects_backends import INGRESS_BACKEND
from tailstack.rules.objects_ingress import (
    DUPLICATE_PATH,
    EXACT_PATH,
    FUNNEL_ON_GROUP,
    INGRESS_CLASS,
    NO_BACKEND,
    RULE_HOST,
    RULE_WITHOUT_HTTP,
    TLS_SHAPE,
)
from tailstack.topology.tailnet import BasePolicy
from tests.rules.cases import Case, found_and_silent
from tests.rules.examples import POLICY, files_of_example

CLASSES = """---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: ts}
spec: {controller: tailscale.com/ts-ingress}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
"""
OPERATOR = f"# blue/operator.yaml\n{operator_deployment(env='{name: OPERATOR_INGRESS_CLASS_NAME, value: ts}')}{CLASSES}"
SHOWN = f"# blue/operator.yaml\n{operator_deployment()}{CLASSES.replace('name: ts}', 'name: tailscale}')}"
SECOND = """---
apiVersion: apps/v1
kind: Deployment
metadata: {name: second, namespace: other}
spec: {template: {spec: {containers: [{name: operator, image: tailscale/k8s-operator}]}}}
---
"""
SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{port: 80, name: http}], selector: {app: web}}
"""
HEAD = """# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default, annotations: {}}
spec:
"""
BACKEND = "{service: {name: web, port: {number: 80}}}"
GROUP = HEAD.replace("annotations: {}", "annotations: {tailscale.com/proxy-group: in}")
IN = """---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress}
"""
TLS = "  ingressClassName: tailscale\n  tls: [{hosts: [web]}]\n"

CASES = (
    Case(
        rule=INGRESS_CLASS,
        text=f"{OPERATOR}{HEAD}  ingressClassName: §tailscale\n  defaultBackend: {BACKEND}\n",
        says='Ingress default/web of blue is meant for Tailscale, and has the class "tailscale".',
        expected="ingressClassName: ts",
        silent=(
            ("§tailscale", "ts"),
            ("§tailscale", "nginx"),
            ("§tailscale", "traefik"),
            # One class more, of an operator of its own.
            (
                "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: ts}",
                SECOND + "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: ts}",
            ),
        ),
    ),
    Case(
        rule=INGRESS_CLASS,
        text=f"{OPERATOR}{HEAD}  ingressClassName: §private\n  defaultBackend: {BACKEND}\n"
        "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: private}\n"
        "spec: {controller: tailscale.com/ts-ingress}\n",
        says='Ingress default/web of blue is meant for Tailscale, and has the class "private".',
        silent=(
            (
                "{name: private}\nspec: {controller: tailscale.com/ts-ingress}",
                "{name: private}\nspec: {controller: example.com/x}",
            ),
        ),
    ),
    Case(
        rule=INGRESS_CLASS,
        text=f"{SHOWN}{HEAD}  ingressClassName: §tailscal\n  defaultBackend: {BACKEND}\n",
        says='Ingress default/web of blue is meant for Tailscale, and has the class "tailscal".',
        silent=(("§tailscal", "tailscale"), ("§tailscal", "haproxy")),
    ),
    Case(
        rule=INGRESS_CLASS,
        text=f"{SHOWN}{HEAD.replace('{}}', '{tailscale.com/tags: tag:k8s}}')}  ingressClassName: §nginx\n  defaultBackend: {BACKEND}\n",
        says='Ingress default/web of blue is meant for Tailscale, and has the class "nginx".',
        silent=(("tailscale.com/tags", "example.com/tags"),),
    ),
    Case(
        rule=INGRESS_CLASS,
        text=f"{HEAD.replace('{}}', '{kubernetes.io/ingress.class: tailscale}}')}  §defaultBackend: {BACKEND}\n{IN}",
        says="Ingress default/web of blue is meant for Tailscale, and has no ingressClassName.",
        silent=(
            ("ingress.class: tailscale", "ingress.class: nginx"),
            ("  §default", "  ingressClassName: other\n  default"),
        ),
    ),
    Case(
        rule=INGRESS_CLASS,
        text=SHOWN.replace("name: operator, namespace", "name: ②operator, namespace").replace(
            "metadata: {name: tailscale}", "metadata: {name: other}"
        )
        + f"{GROUP}  ingressClassName: §tailscale\n  defaultBackend: {BACKEND}\n{IN}",
        says="Ingress default/web of blue has the class tailscale, and no such IngressClass is there.",
        mend="Set ingressClass.enabled of the chart to true.",
        silent=(("name: other", "name: tailscale"), ("tailscale.com/proxy-group: in", "")),
    ),
    Case(
        rule=TLS_SHAPE,
        text=f"{HEAD}  ingressClassName: tailscale\n  tls: [{{hosts: [web, §shop]}}, {{hosts: [②app]}}]\n  defaultBackend: {BACKEND}\n",
        says='Ingress default/web has 3 hosts in 2 entries of tls, and gets the name "web" only.',
        silent=((", §shop]}, {hosts: [②app]}", "]}"), ("tailscale", "nginx")),
    ),
    Case(
        rule=TLS_SHAPE,
        text=f"{GROUP}  ingressClassName: tailscale\n  tls: [{{hosts: [web]}}, §{{secretName: own}}]\n  defaultBackend: {BACKEND}\n{IN}",
        says="Ingress default/web has 1 hosts in 2 entries of tls, and is refused for it.",
        silent=((", §{secretName: own}", ""), ("]}, §{secretName", "], secretName")),
    ),
    Case(
        rule=RULE_HOST,
        text=f"{HEAD}{TLS}  rules: [{{host: §web.tail1a2b.ts.net, http: {{paths: [{{path: /, backend: {BACKEND}}}]}}}}]\n",
        says='A rule of Ingress default/web is for "web.tail1a2b.ts.net".',
        expected='"web", or no host',
        silent=(
            ("§web.tail1a2b.ts.net", "web"),
            ("host: §web.tail1a2b.ts.net, ", ""),
            ("[web]", "[web.tail1a2b.ts.net]"),
        ),
    ),
    Case(
        rule=RULE_HOST,
        text=f"{HEAD}  ingressClassName: tailscale\n  rules: [{{host: §web, http: {{paths: [{{path: /, backend: {BACKEND}}}]}}}}]\n",
        says='A rule of Ingress default/web is for "web".',
        expected="no host, as there is none in tls",
        silent=(("host: §web, ", ""),),
    ),
    Case(
        rule=RULE_HOST,
        text=f"{GROUP}{TLS}  rules: [{{host: §web, http: {{paths: [{{path: /, backend: {BACKEND}}}]}}}}]\n{IN}",
        says='A rule of Ingress default/web is for "web".',
        expected='"web.tail1a2b.ts.net", or no host',
        silent=(("§web", "web.tail1a2b.ts.net"),),
    ),
    Case(
        rule=NO_BACKEND,
        text=f"{HEAD}  §ingressClassName: tailscale\n  rules: []\n",
        says="Ingress default/web has neither a defaultBackend nor a rule with a path.",
        silent=(
            ("rules: []", f"defaultBackend: {BACKEND}"),
            ("rules: []", f"rules: [{{http: {{paths: [{{path: /, backend: {BACKEND}}}]}}}}]"),
            ("rules: []", "rules: [{host: web}]"),
        ),
    ),
    Case(
        rule=RULE_WITHOUT_HTTP,
        text=f"{HEAD}{TLS}  defaultBackend: {BACKEND}\n  rules: [§{{host: web}}]\n",
        says="A rule of Ingress default/web has no http.",
        silent=(("§{host: web}", "{host: other}"), ("§{host: web}", "{http: {paths: []}}")),
    ),
    Case(
        rule=EXACT_PATH,
        text=f"{HEAD}{TLS}  rules: [{{http: {{paths: [{{path: /x, pathType: §Exact, backend: {BACKEND}}}]}}}}]\n",
        says='The path "/x" of Ingress default/web is taken for a prefix.',
        silent=(("§Exact", "Prefix"), ("{http", "{host: other, http")),
    ),
    Case(
        rule=DUPLICATE_PATH,
        text=f"{HEAD}{TLS}  rules: [{{http: {{paths: [②{{path: /x, backend: {BACKEND}}}, {{path: /y, backend: {BACKEND}}}]}}}}, "
        f"{{host: web, http: {{paths: [§{{path: /x, backend: {BACKEND}}}]}}}}]\n",
        says='The path "/x" of Ingress default/web stands here a second time.',
        silent=(("§{path: /x", "{path: /z"), ("host: web", "host: other")),
    ),
    Case(
        rule=DUPLICATE_PATH,
        text=f"{HEAD}{TLS}  ②defaultBackend: {BACKEND}\n  rules: [{{http: {{paths: [§{{backend: {BACKEND}}}]}}}}]\n",
        says='The path "/" of Ingress default/web stands here a second time.',
        silent=(("§{backend", "{path: /x, backend"),),
    ),
    Case(
        rule=FUNNEL_ON_GROUP,
        text=GROUP.replace("group: in", 'group: ②in, tailscale.com/funnel: §"true"')
        + f"{TLS}  defaultBackend: {BACKEND}\n{IN}",
        says="Ingress default/web is served by ProxyGroup in, and never open to the internet.",
        silent=(('"true"', '"false"'), ("tailscale.com/proxy-group: ②in, ", "")),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: web, port: §{{number: 8080}}}}}}\n"
        + SERVICE.replace("ports: [", "ports: ②["),
        says="Ingress default/web leads to the port 8080 of Service default/web, which does not have it.",
        expected="one of 80",
        silent=(
            ("number: 8080", "number: 80"),
            ("number: 8080", "name: http"),
            ("ClassName: tailscale", "ClassName: nginx"),
        ),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: web, port: §{{name: https}}}}}}\n"
        + SERVICE.replace("ports: [", "ports: ②["),
        says='Ingress default/web leads to the port "https" of Service default/web, which does not have it.',
        expected="one of http",
        silent=(("name: https", "name: http"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: §{{name: web}}}}\n" + SERVICE.replace("ports: [", "ports: ②["),
        says="Ingress default/web leads to the port none of Service default/web, which does not have it.",
        silent=(("§{name: web}", "{name: web, port: {number: 80}}"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: §wep, port: {{number: 80}}}}}}\n{SERVICE}",
        says='Ingress default/web leads to Service "wep", and default has none of this name.',
        mend="Did you mean web?",
        silent=(("§wep", "web"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: §web, port: {{number: 80}}}}}}\n"
        + SERVICE.replace("{name: web, namespace: default}", "{name: ②web, namespace: shop}"),
        says='Ingress default/web leads to Service "web", and default has none of this name; shop has one.',
        silent=(("namespace: shop", "namespace: default"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: §web, port: {{number: 80}}}}}}\n"
        + SERVICE.replace("{name: web", "{name: ②web").replace("spec: {", "spec: {clusterIP: None, "),
        says="Ingress default/web leads to Service default/web, which is headless and has no address of its own.",
        mend="Put a Service with a ClusterIP before it.",
        silent=(("clusterIP: None", "clusterIP: 10.0.0.1"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: {{service: {{name: §web, port: {{number: 80}}}}}}\n"
        + SERVICE.replace("{name: web", "{name: ②web").replace("spec: {", "spec: {type: ExternalName, "),
        says="Ingress default/web leads to Service default/web, which is of type ExternalName and has no address of its own.",
        mend="Put a Service with a ClusterIP before it.",
        silent=(("type: ExternalName", "type: ClusterIP"),),
    ),
    Case(
        rule=INGRESS_BACKEND,
        text=f"{HEAD}{TLS}  defaultBackend: §{{resource: {{kind: Bucket, name: web}}}}\n{SERVICE}",
        says="A backend of Ingress default/web is no Service.",
        silent=(("§{resource: {kind: Bucket, name: web}}", BACKEND),),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


@pytest.mark.parametrize(
    ("host", "is_kept"),
    [("web.other.ts.net", True), ("web", False), ("shop.other.ts.net", False), ("web.example.com", False)],
)
def test_a_domain_that_nobody_told_may_be_any(host: str, is_kept: bool) -> None:
    rules = f"rules: [{{host: {host}, http: {{paths: [{{path: /, backend: {BACKEND}}}]}}}}]"
    files = files_of_example(f"{GROUP}{TLS}  {rules}\n{IN}")
    found = check_manifests(read_manifests(files), BasePolicy(file="policy.hujson", text=POLICY)).findings
    assert (RULE_HOST not in {finding.rule for finding in found}) is is_kept
