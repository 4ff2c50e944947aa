"""How single values are written: names, tags, selectors, ports, addresses. Each has words for people and an example."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field


def _text(pattern: str, description: str, *examples: str) -> object:
    return Field(pattern=pattern, description=description, examples=list(examples))


# A declaration's own name becomes part of a tag and of a node name. `--` separates cluster and name in a derived tag, so
# that no two names can ever meet in one; it is refused by `resolve` with a message of its own.
Name = Annotated[
    str,
    _text(r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", "Lower-case letters, digits and single hyphens, at most 40", "nginx"),
]
Tag = Annotated[str, _text(r"^tag:[a-zA-Z][a-zA-Z0-9-]*$", "A tag of the policy file", "tag:k8s")]
GroupName = Annotated[str, _text(r"^group:[^\s:]+$", "A group of the policy file", "group:platform")]
PostureName = Annotated[str, _text(r"^posture:[a-zA-Z0-9_-]+$", "A posture of the policy file", "posture:latestMac")]
Selector = Annotated[
    str,
    _text(r"^\S+$", "A selector of the policy file, and nothing else", "group:platform", "autogroup:admin", "tag:k8s"),
]
Port = Annotated[
    str,
    _text(
        r"^(\*|(tcp|udp|sctp):(\*|[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?)|icmp:\*)$",
        "A protocol and a port, a range of ports, or * for all of them",
        "tcp:80",
        "udp:5000-5010",
        "tcp:*",
        "*",
    ),
]
DnsLabel = Annotated[
    str,
    _text(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "One label of a DNS name: at most 63 lower-case letters, digits, -",
        "nginx",
    ),
]
KubernetesName = Annotated[
    str, _text(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "The name of a Kubernetes object", "default")
]
ClusterMember = Annotated[
    str, _text(r"^[a-z0-9-]+\.[a-z0-9-]+$", "A declaration of a cluster: <cluster>.<name>", "blue.nginx")
]
Login = Annotated[str, _text(r"^[^\s:@]+@[^\s:@]+$", "The login name of a user", "ana@example.com", "ana@github")]
Assertion = Annotated[
    str,
    _text(r"^[^\s].*$", "A condition on an attribute of a device", "node:os IN ['macos']", "node:tsVersion >= '1.60'"),
]
LabelKey = Annotated[
    str,
    _text(
        r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        "The key of a Kubernetes label",
        "app.kubernetes.io/name",
    ),
]
LabelValue = Annotated[
    str,
    _text(
        r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$",
        "The value of a Kubernetes label: at most 63 letters, digits, -, _ and .",
        "nginx",
    ),
]
KubernetesGroup = Annotated[
    str, _text(r"^[^\s\x00-\x1f\x7f]+$", "A group as the API server sees it", "system:masters", "tailnet-readers")
]
RoleName = Annotated[str, _text(r"^[^\s/%\x00-\x1f\x7f]+$", "The name of a role", "view")]
PortNumber = Annotated[int, Field(ge=1, le=65535, description="A port number", examples=[8080])]
PortName = Annotated[
    str, Field(pattern=r"^[a-z0-9-]*[a-z][a-z0-9-]*$", max_length=15, description="The name of a container's port", examples=["http"])
]  # fmt: skip


# A pattern that JavaScript, in which editors check it, reads alike: at least one character that is no space.
Reason = Annotated[
    str, _text(r"\S", "Why this is meant, for whoever reads it next", "Both clusters are run by one team")
]
RuleName = Annotated[
    str,
    _text(
        r"^([Tt][Ss][0-9]{3}|[a-z][a-z0-9]*(-[a-z0-9]+)*)$",
        "The slug or the code of a rule",
        "exposed-to-nobody",
        "TS404",
    ),
]
ServiceName = Annotated[
    str, _text(r"^svc:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "The name of a Tailscale Service", "svc:payments")
]
Cidr = Annotated[str, _text(r"^[0-9a-fA-F:.]+/[0-9]{1,3}$", "A range of addresses", "10.0.0.0/24")]
Endpoint = Annotated[
    str,
    _text(
        r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-fA-F:.]+\]):[1-9][0-9]{0,4}$",
        "An address and a port, an IPv6 address in brackets",
        "203.0.113.1:41641",
        "[2001:db8::1]:41641",
    ),
]
SiteId = Annotated[int, Field(ge=0, le=65535, description="A number that tells one site from another", examples=[7])]
Domain = Annotated[
    str,
    _text(
        r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "A DNS domain",
        "example.com",
    ),
]
HttpsUrl = Annotated[str, _text(r"^https://\S+$", "A URL that begins with https://", "https://example.com")]
Email = Annotated[str, _text(r"^[^\s@]+@[^\s@]+\.[^\s@]+$", "A mail address", "ops@example.com")]
HttpPath = Annotated[str, _text(r"^/\S*$", "A path of a URL", "/api")]
LoginUser = Annotated[
    # Written in another way than a selector, because a pattern is what tells syntaxes apart.
    str, _text(r"^[^\s]+$", "A user of the machine that is logged in to", "ubuntu", "autogroup:nonroot", "root")
]
EnvironmentName = Annotated[str, _text(r"^[A-Za-z0-9][A-Za-z0-9_-]*$", "The name of an environment", "production")]
NamespacedService = Annotated[
    str,
    _text(
        r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        "A Service with its namespace: <namespace>/<service>",
        "pay/payments",
    ),
]
NodeReference = Annotated[
    str,
    _text(
        r"^[a-z0-9-]+(\.[a-z0-9-]+)?$",
        "A declaration of a cluster, <cluster>.<name>, or the name of a machine",
        "blue.exit",
    ),
]
