"""What the examples of several rules begin with: objects of manifests, as the text of one document without a `---`."""

from __future__ import annotations


def operator_deployment(version: str = "1.102.3", *, env: str = "") -> str:
    """The Deployment of an operator, as its chart makes it; `env` are variables in flow style."""
    variables = f"          env: [{env}]\n" if env else ""
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: operator, namespace: tailscale}}
spec:
  template:
    spec:
      containers:
        - name: operator
          image: tailscale/k8s-operator:v{version}
{variables}"""


def web_ingress(metadata: str = "") -> str:
    """An Ingress of the operator before the Service of `web_service`; `metadata` are further keys, in flow style."""
    return f"""apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{{_with("name: web, namespace: default", metadata)}}}
spec:
  ingressClassName: tailscale
  tls: [{{hosts: [web]}}]
  defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}
"""


def web_service(metadata: str = "", *, port: str = "port: 80") -> str:
    """A Service with one port, which is given in flow style as further metadata are."""
    return f"""apiVersion: v1
kind: Service
metadata: {{{_with("name: web, namespace: default", metadata)}}}
spec: {{ports: [{{{port}}}], selector: {{app: web}}}}
"""


def _with(keys: str, more: str) -> str:
    return f"{keys}, {more}" if more else keys
