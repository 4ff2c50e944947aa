"""Services that cannot be exposed as they ask for, and annotations that the operator passes over."""

from __future__ import annotations

from tailstack.rules.objects_annotations import ANNOTATION_VALUE
from tailstack.rules.objects_services import EXTERNAL_NAME_ON_GROUP, HEADLESS
from tests.rules.cases import Case, found_and_silent

HEAD = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, LABELSannotations: {ANNOTATIONS}}
spec: {ports: [{port: 80}], selector: {app: web}}
"""
INGRESS = """# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default, annotations: {ANNOTATIONS}}
spec:
  ingressClassName: tailscale
  tls: [{hosts: [web]}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""
VERSION = """# blue/operator.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: tailscale}
spec: {template: {spec: {containers: [{name: operator, image: "tailscale/k8s-operator:v1.102.3"}]}}}
"""


def service(annotations: str, labels: str = "") -> str:
    return HEAD.replace("ANNOTATIONS", annotations).replace("LABELS", labels)


def ingress(annotations: str) -> str:
    return INGRESS.replace("ANNOTATIONS", annotations)


CASES = (
    Case(
        rule=EXTERNAL_NAME_ON_GROUP,
        text=service('tailscale.com/expose: "true", tailscale.com/proxy-group: ②in').replace(
            "spec: {", "spec: {type: §ExternalName, "
        ),
        says="Service default/web is of type ExternalName, and ProxyGroup in never serves it.",
        silent=(("§ExternalName", "ClusterIP"), (", tailscale.com/proxy-group: ②in", ""), ('"true"', '"false"')),
    ),
    Case(
        rule=HEADLESS,
        text=service('tailscale.com/expose: "true"').replace("spec: {", "spec: {clusterIP: §None, "),
        says="Service default/web is headless, and is to be exposed.",
        silent=(
            ("§None", "10.0.0.1"),
            ('tailscale.com/expose: "true"', "tailscale.com/tailnet-fqdn: db.tail1a2b.ts.net"),
        ),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=service('§tailscale.com/expose: "True"'),
        says='tailscale.com/expose of Service default/web has the value "True".',
        expected='"true" exactly',
        silent=(('"True"', '"true"'), ('"True"', '"false"'), ("tailscale.com", "example.com")),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=service('§tailscale.com/funnel: "true"'),
        says="tailscale.com/funnel of Service default/web has no effect on a Service.",
        expected="Funnel is for an Ingress",
        silent=(("funnel", "expose"),),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=ingress("§tailscale.com/hostname: shop"),
        says="tailscale.com/hostname of Ingress default/web has no effect on an Ingress.",
        expected="an Ingress takes its name from the first host of its `tls`",
        silent=(("hostname: shop", "tags: tag:k8s"),),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=service("§tailscale.com/tailnet-fdqn: db.tail1a2b.ts.net"),
        says="tailscale.com/tailnet-fdqn of Service default/web is none that the operator knows.",
        mend="Write tailscale.com/tailnet-fqdn if that is meant.",
        silent=(("fdqn", "fqdn"), ("tailnet-fdqn", "zzzzzzzz")),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=ingress('§tailscale.com/accept-app-caps: "x"'),
        says="tailscale.com/accept-app-caps of Ingress default/web is none that the operator knows.",
        silent=(("§tailscale.com/accept-app-caps", "other"),),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=ingress('§tailscale.com/http-endpoint: "true", tailscale.com/proxy-group: in'),
        says='tailscale.com/http-endpoint of Ingress default/web has the value "true".',
        expected='"enabled" exactly',
        silent=(('"true"', '"enabled"'), ('"true"', '"disabled"')),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=ingress('§tailscale.com/http-endpoint: "enabled"'),
        says="tailscale.com/http-endpoint of Ingress default/web has no effect without a ProxyGroup.",
        silent=(('"enabled"', '"enabled", tailscale.com/proxy-group: in'), ('"enabled"', '"disabled"')),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=ingress(
            '§tailscale.com/experimental-forward-cluster-traffic-via-ingress: "true", tailscale.com/proxy-group: in'
        ),
        says="tailscale.com/experimental-forward-cluster-traffic-via-ingress of Ingress default/web has no effect with a "
        "ProxyGroup.",
        silent=((", tailscale.com/proxy-group: in", ""),),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=VERSION.replace("v1.102.3", "v1.84.0")
        + service('tailscale.com/expose: "true", §tailscale.com/proxy-class: own'),
        says="tailscale.com/proxy-class of Service default/web is read as a label only by this version of the operator.",
        mend="Make it a label.",
        silent=(
            ("v1.84.0", "v1.86.0"),
            ("v1.84.0", "latest"),
            (", annotations", ", labels: {tailscale.com/proxy-class: own}, annotations"),
        ),
    ),
    Case(
        rule=ANNOTATION_VALUE,
        text=service("", 'labels: {§tailscale.com/expose: "true"}, '),
        says="tailscale.com/expose is a label of Service default/web, and the operator reads it as an annotation only.",
        expected="an annotation",
        silent=(
            ("§tailscale.com/expose", "tailscale.com/proxy-class"),
            ("annotations: {}", 'annotations: {tailscale.com/expose: "true"}'),
        ),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)
