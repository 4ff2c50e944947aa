"""Tailscale Services: the groups that serve them, their approval, and to whom they are exposed."""

from __future__ import annotations

from tailstack.rules.exposed import EXPOSED_TO_ALL
from tailstack.rules.ingress import EXPOSED_TO_NOBODY
from tailstack.rules.services import PROXY_GROUP_MISSING, SERVICE_NOT_APPROVED
from tests.rules.cases import Case, found_and_silent

INGRESS = """# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: §web, namespace: default, annotations: {tailscale.com/proxy-group: in}}
spec:
  ingressClassName: tailscale
  tls: [{hosts: [shop]}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""
EXPOSURE = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: §web, namespace: default, annotations: {tailscale.com/expose: "true", tailscale.com/proxy-group: in}}
spec: {ports: [{port: 80}], selector: {app: web}}
"""
GROUP = """# CLUSTER/group.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress, tags: ["tag:in"]}
"""
POLICY = """# policy.hujson
{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:in": ["tag:k8s-operator"]},
 "grants": [],
 "autoApprovers": {"services": {}}}
"""
BLUE = GROUP.replace("CLUSTER", "blue")
API = """# blue/group.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: §kube}
spec: {type: kube-apiserver, tags: ["tag:in"]}
"""
LIVE = """# facts.json
{"devices": [{"name": "in-1.tail1a2b.ts.net", "tags": ["tag:in"]}],
 "vipServices": [{"name": "svc:default-web", "hosts": ["in-1.tail1a2b.ts.net"]}]}
"""

CASES = (
    Case(
        rule=PROXY_GROUP_MISSING,
        text=INGRESS + GROUP.replace("CLUSTER", "green").replace("name: in", "name: ②in"),
        says="ingress blue.web is to be served by ProxyGroup in, which blue does not have; green has it.",
        expected="a ProxyGroup of type ingress in blue",
        silent=(("# green/", "# blue/"), ("tailscale.com/proxy-group: in", "")),
    ),
    Case(
        rule=PROXY_GROUP_MISSING,
        text=EXPOSURE + BLUE.replace("name: in", "name: inn"),
        says="exposure blue.web is to be served by ProxyGroup in, which blue does not have.",
        expected="one of inn",
        mend="Did you mean inn?",
        silent=(("name: inn", "name: in"),),
    ),
    Case(
        rule=PROXY_GROUP_MISSING,
        text=INGRESS + BLUE.replace("type: ingress", "type: egress").replace("name: in", "name: ②in"),
        says="ingress blue.web is to be served by ProxyGroup in, which is of type egress.",
        silent=(("type: egress", "type: ingress"),),
    ),
    Case(
        rule=SERVICE_NOT_APPROVED,
        text=INGRESS
        + BLUE
        + POLICY.replace('"services": {}', '"services": {②"svc:shop": ["tag:k8s", "group:x"]}').replace(
            '"grants"', '"groups": {"group:x": ["ana@example.com"]}, "grants"'
        ),
        says="Nothing approves ProxyGroup blue.in (tag:in) as a host of svc:shop, for ingress blue.web.",
        expected='"svc:shop" or a tag of it (tag:k8s) in autoApprovers.services, with tag:in',
        silent=(
            ('["tag:k8s", "group:x"]', '["tag:in"]'),
            ('["tag:k8s", "group:x"]', '["autogroup:tagged"]'),
            ('②"svc:shop": ["tag:k8s", "group:x"]', '"tag:k8s": ["tag:in"]'),
            ("tailscale.com/proxy-group: in", ""),
        ),
    ),
    Case(
        rule=SERVICE_NOT_APPROVED,
        text=EXPOSURE + BLUE + POLICY,
        says="Nothing approves ProxyGroup blue.in (tag:in) as a host of svc:default-web, for exposure blue.web.",
        silent=(
            ('"services": {}', '"services": {"svc:default-web": ["tag:in"]}'),
            # Somebody has approved one by hand.
            ("# policy.hujson", LIVE + "# policy.hujson"),
        ),
    ),
    Case(
        rule=SERVICE_NOT_APPROVED,
        text=API + POLICY,
        says="Nothing approves ProxyGroup blue.kube (tag:in) as a host of svc:kube, for proxy group blue.kube.",
        silent=(
            ('"services": {}', '"services": {"tag:in": ["tag:in"]}'),
            ('["tag:in"]}', '["tag:in"], tailnet: other}'),
        ),
    ),
    Case(
        rule=EXPOSED_TO_NOBODY,
        text=INGRESS + BLUE + POLICY.replace("[],\n", '[{"src": ["*"], "dst": ["tag:in"], "ip": ["tcp:443"]}],\n'),
        says="Nobody may reach ingress blue.web on tcp:443.",
        expected="a grant to svc:shop on tcp:443",
        mend="Add a grant to svc:shop, or take the exposure out.",
        silent=(('"dst": ["tag:in"]', '"dst": ["svc:shop"]'), ('"dst": ["tag:in"]', '"dst": ["tag:k8s"]')),
    ),
    Case(
        rule=EXPOSED_TO_NOBODY,
        text=EXPOSURE.replace(", tailscale.com/proxy-group: in", "").replace("[{port: 80}]", "[]") + POLICY,
        says="Nobody may reach exposure blue.web on any port.",
        expected="a grant to tag:k8s on any port",
        mend="Add a grant to tag:k8s, or take the exposure out.",
        silent=(('grants": []', 'grants": [{"src": ["tag:in"], "dst": ["tag:k8s"], "ip": ["tcp:9"]}]'),),
    ),
    Case(
        rule=EXPOSED_TO_ALL,
        text=INGRESS.replace("§", "②")
        + BLUE
        + POLICY.replace("[],\n", '[§{"src": ["autogroup:member"], "dst": ["*"], "ip": ["tcp:443"]}],\n'),
        says="autogroup:member may reach ingress blue.web, by policy.hujson:3:13.",
        silent=(
            ('"dst": ["*"]', '"dst": ["svc:shop"]'),
            ('"dst": ["*"]', '"dst": ["tag:in"]'),
            ("autogroup:member", "autogroup:admin"),
            ('"tcp:443"', '"tcp:80"'),
        ),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)
