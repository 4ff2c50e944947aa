"""What exists after the demo's `pulumi up`, read back from the clusters and from the tailnet's API, not from the stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.plugins.kubernetes.api import Client

ANNOTATION = "tailscale.com/"


def tailnet_facts(api: SandboxClient) -> Iterator[str]:
    """Lines on the tailnet: its policy file, settings and OAuth clients."""
    policy = api.get_policy()
    yield f"policy file: {len(policy.text.splitlines())} lines, ETag {policy.etag[:12]}…"
    dns, settings = api.dns(), api.settings()
    yield f"MagicDNS {_switch(dns.magic_dns)}, HTTPS certificates {_switch(settings['httpsEnabled'])}"
    credentials = api.keys()
    for client in sorted(credentials, key=lambda key: key.description):
        if client.kind == "client":
            yield f"OAuth client “{client.description}”: scopes {', '.join(client.scopes)}; tags {', '.join(client.tags)}"


def cluster_facts(client: Client) -> Iterator[str]:
    """Lines on one cluster: its operator, and every object that the operator would make a node of."""
    deployment = client.one("apps/v1", "Deployment", "tailscale", "operator")
    if deployment is not None:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        variables = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        yield (
            f"operator {container['image']} as {variables['OPERATOR_HOSTNAME']},"
            f" tags {variables['OPERATOR_INITIAL_TAGS']}, API-server proxy {variables['APISERVER_PROXY']}"
        )
    for service in client.labelled("v1", "Service", "default", ""):
        annotations = _annotations(service)
        if "expose" in annotations:
            ports = ", ".join(str(port["port"]) for port in service["spec"]["ports"])
            yield f"Service {_path(service)} on {ports} is the node {annotations['hostname']}, {annotations['tags']}"
        elif "tailnet-fqdn" in annotations:
            yield f"Service {_path(service)} leads to {annotations['tailnet-fqdn']}, {annotations['tags']}"
    for ingress in client.labelled("networking.k8s.io/v1", "Ingress", "default", ""):
        annotations = _annotations(ingress)
        (host,) = ingress["spec"]["tls"][0]["hosts"]
        public = ", open to the internet" if annotations.get("funnel") == "true" else ""
        yield f"Ingress {_path(ingress)} is the node {host} on 443, {annotations['tags']}{public}"
    labels = "app.kubernetes.io/managed-by=tailstack"
    for binding in client.labelled("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", labels):
        groups = ", ".join(subject["name"] for subject in binding["subjects"])
        yield f"ClusterRoleBinding: {groups} may {binding['roleRef']['name']}"


def _annotations(live: Mapping[str, Any]) -> dict[str, str]:
    """The annotations that the operator reads, without their prefix."""
    found = live["metadata"].get("annotations", {})
    return {key.removeprefix(ANNOTATION): value for key, value in found.items() if key.startswith(ANNOTATION)}


def _path(live: Mapping[str, Any]) -> str:
    return f"{live['metadata']['namespace']}/{live['metadata']['name']}"


def _switch(on: object) -> str:
    return "on" if on else "off"
