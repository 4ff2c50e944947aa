"""The values of the operator's chart that this project sets, typed, because the chart has no schema of its own.

A key that the chart does not know is ignored without a word. Those below, with these types, were read in `values.yaml` and
`templates/deployment.yaml` of `cmd/k8s-operator/deploy/chart` in tailscale.com v1.84.0, 1.90.0, 1.96.0, 1.98.0, 1.100.0,
1.102.0, 1.102.3 and 1.104.5, and are the same in all of them; a test holds them against the chart that the sandbox builds.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

import pulumi

from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Operator

OAUTH_SECRET = "operator-oauth"  # noqa: S105  the name of a Secret, not a secret
"""The Secret from which the chart's Deployment takes the operator's credentials unless it is told another source."""

OAUTH_CLIENT_ANNOTATION = "tailstack/oauth-client"
"""On the operator's pod: which OAuth client it runs with. The operator does not read a rotated Secret again, and a changed
annotation of the pod template restarts it."""


class OperatorConfig(TypedDict):
    """`defaultTags` is a list here and must be the OAuth client's whole set of tags."""

    hostname: str
    defaultTags: list[str]
    podAnnotations: dict[str, pulumi.Input[str]]


class ProxyConfig(TypedDict):
    """`defaultTags` is a comma-separated text here: a list would be rendered as `[tag:a tag:b]`."""

    defaultTags: str


class ApiServerProxyConfig(TypedDict):
    """Texts, not booleans: the operator panics on anything else."""

    mode: Literal["true", "false", "noauth"]


class SecretVolume(TypedDict):
    """Where the operator's credentials lie when it is not in `operator-oauth`."""

    secretName: str


class OAuthSecretVolume(TypedDict):
    """A volume source with the files `client_id` and `client_secret`."""

    secret: SecretVolume


class ChartValues(TypedDict):
    """`oauth` is absent on purpose: credentials in Helm values would be kept in the release's own Secret as well."""

    installCRDs: bool
    operatorConfig: OperatorConfig
    proxyConfig: ProxyConfig
    apiServerProxyConfig: ApiServerProxyConfig
    oauthSecretVolume: NotRequired[OAuthSecretVolume]


_MODES: dict[ApiServerProxyMode, Literal["true", "false", "noauth"]] = {
    ApiServerProxyMode.OFF: "false",
    ApiServerProxyMode.AUTH: "true",
    ApiServerProxyMode.NOAUTH: "noauth",
}


def chart_values(operator: Operator, *, credentials: pulumi.Input[str]) -> ChartValues:
    """The values for one cluster. `credentials` names what the operator runs with: an OAuth client's id, or a Secret."""
    values = ChartValues(
        installCRDs=True,
        operatorConfig=OperatorConfig(
            hostname=operator.hostname,
            defaultTags=list(operator.tags),
            podAnnotations={OAUTH_CLIENT_ANNOTATION: credentials},
        ),
        proxyConfig=ProxyConfig(defaultTags=",".join(operator.proxy_tags)),
        apiServerProxyConfig=ApiServerProxyConfig(mode=_MODES[operator.api_server_proxy]),
    )
    if operator.existing_secret not in (None, OAUTH_SECRET):
        values["oauthSecretVolume"] = OAuthSecretVolume(secret=SecretVolume(secretName=operator.existing_secret))
    return values
