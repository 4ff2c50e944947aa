"""The values of the operator's chart that this project sets, typed, because the chart has no schema of its own.

A key that the chart does not know is ignored without a word. Those below, with these types, were read in `values.yaml` and
`templates/deployment.yaml` of `cmd/k8s-operator/deploy/chart` in tailscale.com v1.100.0, v1.102.3 and v1.104.5, and are the
same in all of them; tests hold them against the chart that the sandbox builds and against `tailstack.charts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast

import pulumi

from components.plain_values import merged, plain
from tailstack.charts.values import OAUTH_CLIENT_ANNOTATION
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Image, Operator

CREDENTIALS_SECRET = "operator-oauth"  # noqa: S105  the name of a Secret, not a secret
"""The Secret from which the chart's Deployment takes the operator's credentials unless it is told another source."""

INGRESS_CLASS = "tailscale"
"""The IngressClass that the chart makes unless it is told another name."""

K8S_PROXY_IMAGE = "K8S_PROXY_IMAGE"
"""The environment variable of the operator that names the image of kube-apiserver groups; the chart has no value for it
(`cmd/k8s-operator/operator.go`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """How the operator proves who it is. Without an `audience` it has a Secret or a volume.

    `name` says which credentials these are, where the pod's own template does not: the id of an OAuth client or the name
    of a Secret.
    """

    name: pulumi.Input[str] | None = None
    client_id: pulumi.Input[str] | None = None
    audience: pulumi.Input[str] | None = None


class ImageValues(TypedDict, total=False):
    """Where an image comes from; what is left out is the chart's own. The chart prefers the digest to the tag, and takes a
    pull policy for the operator only."""

    repository: str
    tag: str
    digest: str
    pullPolicy: str


class Variable(TypedDict):
    """An environment variable of the operator."""

    name: str
    value: str


class OperatorConfig(TypedDict):
    """`defaultTags` is a list here and must be the OAuth client's whole set of tags."""

    hostname: str
    defaultTags: list[str]
    podAnnotations: NotRequired[dict[str, pulumi.Input[str]]]
    image: NotRequired[ImageValues]
    logging: NotRequired[str]
    extraEnv: NotRequired[list[Variable]]


class ProxyConfig(TypedDict):
    """`defaultTags` is a comma-separated text here: a list would be rendered as `[tag:a tag:b]`."""

    defaultTags: str
    image: NotRequired[ImageValues]
    firewallMode: NotRequired[str]
    defaultProxyClass: NotRequired[str]


class ApiServerProxyConfig(TypedDict):
    """Texts, not booleans: the operator panics on any other mode."""

    mode: Literal["true", "false", "noauth"]
    allowImpersonation: NotRequired[Literal["true"]]


class OAuthConfig(TypedDict):
    """A federated identity. `clientSecret` is absent on purpose: values are kept in the release's own Secret as well."""

    clientId: pulumi.Input[str]
    audience: pulumi.Input[str]


class IngressClassConfig(TypedDict):
    """The IngressClass that the chart makes and the operator answers to."""

    name: str


class PullSecret(TypedDict):
    """A Secret of the operator's namespace with credentials for a registry."""

    name: str


class ChartValues(TypedDict):
    """What follows from the declarations. `oauthSecretVolume` is a volume source with `client_id` and `client_secret`."""

    installCRDs: bool
    operatorConfig: OperatorConfig
    proxyConfig: ProxyConfig
    apiServerProxyConfig: ApiServerProxyConfig
    oauth: NotRequired[OAuthConfig]
    oauthSecretVolume: NotRequired[Mapping[str, Any]]
    loginServer: NotRequired[str]
    ingressClass: NotRequired[IngressClassConfig]
    imagePullSecrets: NotRequired[list[PullSecret]]


_MODES: dict[ApiServerProxyMode, Literal["true", "false", "noauth"]] = {
    ApiServerProxyMode.OFF: "false",
    ApiServerProxyMode.AUTH: "true",
    ApiServerProxyMode.NOAUTH: "noauth",
}


def chart_values(operator: Operator, login: Login) -> dict[str, Any]:
    """The values for one cluster: those that somebody wrote, and over them those that follow from the declarations.

    Lists are replaced, but for the operator's environment variables, to which ours is added.
    """
    return merged(operator.values, cast("Mapping[str, Any]", derived_values(operator, login)))


def derived_values(operator: Operator, login: Login) -> ChartValues:
    """Those that follow from the declarations; `operator.values` can name none of them."""
    values = ChartValues(
        installCRDs=operator.chart.crds is None,
        operatorConfig=_operator_config(operator, login),
        proxyConfig=_proxy_config(operator),
        apiServerProxyConfig=ApiServerProxyConfig(mode=_MODES[operator.api_server_proxy]),
    )
    if operator.allows_impersonation:
        values["apiServerProxyConfig"]["allowImpersonation"] = "true"
    if login.client_id is not None and login.audience is not None:
        values["oauth"] = OAuthConfig(clientId=login.client_id, audience=login.audience)
    if operator.credentials_volume is not None:
        values["oauthSecretVolume"] = operator.credentials_volume
    elif operator.existing_secret not in (None, CREDENTIALS_SECRET):
        values["oauthSecretVolume"] = {"secret": {"secretName": operator.existing_secret}}
    if operator.login_server is not None:
        values["loginServer"] = operator.login_server
    if operator.ingress_class not in (None, INGRESS_CLASS):
        values["ingressClass"] = IngressClassConfig(name=operator.ingress_class)
    if operator.image_pull_secrets:
        values["imagePullSecrets"] = [PullSecret(name=name) for name in operator.image_pull_secrets]
    return values


def _operator_config(operator: Operator, login: Login) -> OperatorConfig:
    config = OperatorConfig(hostname=operator.hostname, defaultTags=list(operator.tags))
    if login.name is not None:
        config["podAnnotations"] = {OAUTH_CLIENT_ANNOTATION: login.name}
    image = _image(operator.image)
    if operator.image.pull_policy:
        image["pullPolicy"] = operator.image.pull_policy
    if image:
        config["image"] = image
    if operator.logging is not None:
        config["logging"] = operator.logging.value
    if operator.k8s_proxy_image is not None:
        config["extraEnv"] = [*_variables(operator), Variable(name=K8S_PROXY_IMAGE, value=operator.k8s_proxy_image)]
    return config


def _variables(operator: Operator) -> list[Variable]:
    """Those that somebody wrote, but for the one that we set."""
    config: Mapping[str, Any] = operator.values.get("operatorConfig") or {}
    written: list[Variable] = plain(config.get("extraEnv") or [])
    return [variable for variable in written if variable.get("name") != K8S_PROXY_IMAGE]


def _proxy_config(operator: Operator) -> ProxyConfig:
    config = ProxyConfig(defaultTags=",".join(operator.proxy_tags))
    if image := _image(operator.proxy_image):
        config["image"] = image
    if operator.firewall_mode is not None:
        config["firewallMode"] = operator.firewall_mode.value
    if operator.default_proxy_class is not None:
        config["defaultProxyClass"] = operator.default_proxy_class
    return config


def _image(image: Image) -> ImageValues:
    values = ImageValues()
    if image.repository:
        values["repository"] = image.repository
    if image.tag:
        values["tag"] = image.tag
    if image.digest:
        values["digest"] = image.digest
    return values
