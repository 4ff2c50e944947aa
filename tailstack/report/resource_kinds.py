"""What the types of resources are called and what it means when one changes. Pure: knows type tokens, and no engine.

Tokens of Tailscale are those of pulumi-tailscale 0.29.2, those of Kubernetes of pulumi-kubernetes 4.34.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tailstack.plain import mapping
from tailstack.report.plan import ChangeClass

POLICY = "tailscale:index/acl:Acl"
SETTINGS = "tailscale:index/tailnetSettings:TailnetSettings"
OAUTH_CLIENT = "tailscale:index/oauthClient:OauthClient"
FEDERATED_IDENTITY = "tailscale:index/federatedIdentity:FederatedIdentity"
RELEASE = "kubernetes:helm.sh/v3:Release"
KUBERNETES = "kubernetes:"
TAILSCALE = "tailscale:"
OPERATOR_OF = "operator of "
"""With the name of a cluster: what the resources of its operator are declared as."""
_PATCH = "Patch"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceKind:
    """`words` name the kind; `is_only` tells that a tailnet has one. `is_lost` tells that a delete cannot be undone by
    creating it again: what is in it, or a credential that others hold, is gone."""

    words: str
    change_class: ChangeClass
    is_only: bool = False
    is_lost: bool = False


_TAILNET: Mapping[str, ResourceKind] = {
    POLICY: ResourceKind(words="policy file", change_class=ChangeClass.ACCESS, is_only=True, is_lost=True),
    SETTINGS: ResourceKind(words="tailnet settings", change_class=ChangeClass.ACCESS, is_only=True),
    OAUTH_CLIENT: ResourceKind(words="OAuth client", change_class=ChangeClass.ACCESS, is_lost=True),
    FEDERATED_IDENTITY: ResourceKind(words="federated identity", change_class=ChangeClass.ACCESS),
    "tailscale:index/tailnetKey:TailnetKey": ResourceKind(
        words="auth key", change_class=ChangeClass.ACCESS, is_lost=True
    ),
    "tailscale:index/deviceAuthorization:DeviceAuthorization": ResourceKind(
        words="authorization of device", change_class=ChangeClass.ACCESS
    ),
    "tailscale:index/deviceKey:DeviceKey": ResourceKind(words="key of device", change_class=ChangeClass.ACCESS),
    "tailscale:index/deviceTags:DeviceTags": ResourceKind(words="tags of device", change_class=ChangeClass.ACCESS),
    "tailscale:index/deviceSubnetRoutes:DeviceSubnetRoutes": ResourceKind(
        words="routes of device", change_class=ChangeClass.NETWORK
    ),
    "tailscale:index/postureIntegration:PostureIntegration": ResourceKind(
        words="posture integration", change_class=ChangeClass.ACCESS
    ),
    "tailscale:index/service:Service": ResourceKind(words="Tailscale Service", change_class=ChangeClass.NETWORK),
    "tailscale:index/dnsPreferences:DnsPreferences": ResourceKind(
        words="MagicDNS", change_class=ChangeClass.NETWORK, is_only=True
    ),
    "tailscale:index/dnsNameservers:DnsNameservers": ResourceKind(
        words="nameservers", change_class=ChangeClass.NETWORK, is_only=True
    ),
    "tailscale:index/dnsSearchPaths:DnsSearchPaths": ResourceKind(
        words="search paths", change_class=ChangeClass.NETWORK, is_only=True
    ),
    "tailscale:index/dnsSplitNameservers:DnsSplitNameservers": ResourceKind(
        words="split DNS", change_class=ChangeClass.NETWORK
    ),
    "tailscale:index/dnsConfiguration:DnsConfiguration": ResourceKind(
        words="DNS configuration", change_class=ChangeClass.NETWORK, is_only=True
    ),
    "tailscale:index/contacts:Contacts": ResourceKind(
        words="contacts", change_class=ChangeClass.METADATA, is_only=True
    ),
    "tailscale:index/webhook:Webhook": ResourceKind(words="webhook", change_class=ChangeClass.METADATA),
    "tailscale:index/logstreamConfiguration:LogstreamConfiguration": ResourceKind(
        words="log stream", change_class=ChangeClass.METADATA
    ),
    "tailscale:index/awsExternalId:AwsExternalId": ResourceKind(
        words="AWS external ID", change_class=ChangeClass.METADATA
    ),
}

_OPERATOR_CHART = "tailscale-operator"
_LOAD_BALANCER_CLASS = "tailscale"
_EXPOSING = frozenset({"tailscale.com/expose", "tailscale.com/tailnet-fqdn", "tailscale.com/tailnet-ip"})
_REPLICAS: Mapping[str, int] = {"ProxyGroup": 2, "Connector": 1, "Recorder": 1, "PeerRelay": 1}
_ACCESS_KINDS = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "Role", "RoleBinding", "Secret", "ServiceAccount"}
)
_LOST_KINDS = frozenset({"CustomResourceDefinition", "Namespace", "PersistentVolumeClaim", "Recorder"})
_METADATA_KINDS = frozenset({"CustomResourceDefinition", "Namespace", "NamespacePatch"})

_SECTIONS: Mapping[str, str] = {
    "expose": "exposure",
    "ingress": "ingress",
    "egress": "egress",
    "services": "Tailscale Service",
    "proxyGroups": "proxy group",
    "connectors": "connector",
    "recorders": "recorder",
    "peerRelays": "peer relay",
    "proxyClasses": "proxy class",
    "proxyGroupPolicies": "proxy group policy",
    "dnsConfig": "DNS config",
    "tailnets": "tailnet",
    "bind": "role binding",
    "crd": "CRD",
}
"""What the sections of a cluster are called, which are the middle of the names of its resources: `blue.expose.nginx`."""


def is_object(token: str) -> bool:
    """Whether it is something outside of Pulumi: neither a component, nor a provider, nor the stack itself."""
    return token.startswith((KUBERNETES, TAILSCALE))


def resource_kind(token: str) -> ResourceKind:
    """What a type is and means. A type that nobody has met before is its own token."""
    if token in _TAILNET:
        return _TAILNET[token]
    if token == RELEASE:
        return ResourceKind(words="Helm release", change_class=ChangeClass.NETWORK)
    if token.startswith(KUBERNETES):
        kind = token.rsplit(":", 1)[-1]
        is_patch = kind.endswith(_PATCH)
        whole = kind.removesuffix(_PATCH)
        if kind in _METADATA_KINDS:
            change_class = ChangeClass.METADATA
        else:
            change_class = ChangeClass.ACCESS if whole in _ACCESS_KINDS else ChangeClass.NETWORK
        # To take a patch away leaves the object, which is somebody else's.
        return ResourceKind(words=whole, change_class=change_class, is_lost=whole in _LOST_KINDS and not is_patch)
    return ResourceKind(words=token, change_class=ChangeClass.METADATA)


def nodes_in(token: str, inputs: Mapping[str, object]) -> int:
    """How many nodes of the tailnet an object with these inputs is.

    Defaults are those of the CRDs of chart 1.102.3: a ProxyGroup has two replicas, every other custom resource one.
    """
    if token == RELEASE:
        return int(_OPERATOR_CHART in (inputs.get("name"), inputs.get("chart")))
    kind = token.rsplit(":", 1)[-1].removesuffix(_PATCH)
    if token.startswith(f"{KUBERNETES}tailscale.com/"):
        replicas = mapping(inputs.get("spec")).get("replicas", _REPLICAS.get(kind, 0))
        return int(replicas) if kind in _REPLICAS and isinstance(replicas, int | float) else 0
    annotations = mapping(mapping(inputs.get("metadata")).get("annotations"))
    spec = mapping(inputs.get("spec"))
    if not token.startswith(KUBERNETES) or "tailscale.com/proxy-group" in annotations:
        return 0
    if kind == "Service":
        return int(bool(_EXPOSING & annotations.keys()) or spec.get("loadBalancerClass") == _LOAD_BALANCER_CLASS)
    return int(kind == "Ingress" and "tailscale.com/tags" in annotations)


def declaration_of(token: str, name: str) -> str:
    """What people call what they declared: `exposure blue.nginx`, `operator of blue`, `policy file`."""
    kind = resource_kind(token)
    if kind.is_only:
        return kind.words
    cluster, _, rest = name.partition(".")
    if rest == "operator":
        return f"{OPERATOR_OF}{cluster}"
    section, _, declared = rest.partition(".")
    if section in _SECTIONS and declared:
        return f"{_SECTIONS[section]} {cluster}.{declared}"
    return f"{kind.words} {name}"


_URN = re.compile(r"urn:pulumi:[^\s\"'`]*::[^\s\"'`]*[^\s\"'`.,:;)]")


def declaration_at(urn: str) -> str:
    """The same of `urn:pulumi:<stack>::<project>::<types>$<type>::<name>`; nothing of a text that is none, such as an empty one."""
    match urn.split("::", 3):
        case [_, _, types, name]:
            return declaration_of(types.rpartition("$")[2], name)
        case _:
            return ""


def in_words(text: str) -> str:
    """A text of the engine with declarations in place of URNs."""
    return _URN.sub(lambda found: declaration_at(found.group()) or found.group(), text)
