"""Manifests that several tests begin with: an operator as the chart renders it, a policy file, and things in a cluster."""

from __future__ import annotations

POLICY = """# policy.hujson
{
  "tagOwners": {"tag:op": [], "tag:k8s": ["tag:op"], "tag:web": ["tag:op"]},
  "grants": []
}
"""


def operator(cluster: str = "blue", *, version: str = "1.102.3", file: str = "operator", more: str = "") -> str:
    """A Deployment of the operator that wears tag:op and whose proxies wear tag:k8s; `more` are further variables."""
    return f"""# {cluster}/{file}.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {{name: operator, namespace: tailscale}}
spec:
  template:
    spec:
      containers:
        - name: operator
          image: tailscale/k8s-operator:v{version}
          env:
            - {{name: OPERATOR_INITIAL_TAGS, value: "tag:op"}}
            - {{name: OPERATOR_HOSTNAME, value: "{cluster}-operator"}}
            - {{name: PROXY_TAGS, value: "tag:k8s"}}
{more}"""


def service(name: str = "web", annotations: str = "", *, cluster: str = "blue") -> str:
    """An exposed Service; `annotations` are further ones, in flow style with a comma before."""
    return f"""# {cluster}/{name}.yaml
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default, annotations: {{tailscale.com/expose: "true"{annotations}}}}}
spec: {{ports: [{{port: 80}}]}}
"""


def resource(kind: str, name: str, spec: str, *, cluster: str = "blue") -> str:
    """A custom resource of the operator; `spec` in flow style, with its braces."""
    return f"""# {cluster}/{f"{kind}-{name}".lower()}.yaml
apiVersion: tailscale.com/v1alpha1
kind: {kind}
metadata: {{name: {name}}}
spec: {spec}
"""
