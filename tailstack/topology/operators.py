"""The operator of a cluster: its own keys, and those of all clusters where it says nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tailstack.topology import naming
from tailstack.topology.declaration import (
    CHART_REPOSITORY,
    ApiServerProxyMode,
    ChartDeclaration,
    CredentialsDeclaration,
    ImageDeclaration,
    ImagesDeclaration,
    OperatorDeclaration,
    OperatorDefaults,
    OperatorImageDeclaration,
)
from tailstack.topology.handed_on import check_chart_values, without_places
from tailstack.topology.nodes import NodeResolver
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.tailnet import NO_IMAGE, Chart, Federation, Image, Operator

_DEFAULT_NAMESPACE = "tailscale"
_NO_CHART = ChartDeclaration()
_NO_CREDENTIALS = CredentialsDeclaration()
_NO_IMAGES = ImagesDeclaration()
_DEFAULTS: Path = ("defaults", "operator")


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorResolver:
    """Fills in what operators leave out, a whole key at a time: a cluster's own `images` replaces that of the defaults.

    `checked` are the versions of the chart that the values of the defaults were held against.
    """

    notes: Notes
    nodes: NodeResolver
    defaults: OperatorDefaults
    checked: set[str] = field(default_factory=set[str])

    def check_defaults(self) -> None:
        """Note what is wrong with the defaults, whether a cluster uses them or not."""
        check_chart(self.notes, (*_DEFAULTS, "chart"), self.defaults.chart)
        self._check_images((*_DEFAULTS, "images"), self.defaults.images)
        self.notes.once((*_DEFAULTS, "imagePullSecrets"), self.defaults.image_pull_secrets or ())

    def operator(self, cluster: str, declared: OperatorDeclaration, *, allows_impersonation: bool) -> Operator:
        """The operator of a cluster."""
        defaults = self.defaults
        path = ("clusters", cluster, "operator")
        ingress_class = declared.ingress_class or defaults.ingress_class
        images = declared.images or defaults.images or _NO_IMAGES
        credentials = self._credentials((*path, "credentials"), declared.credentials)
        hostname = declared.hostname or naming.operator_name(cluster)
        check_chart(self.notes, (*path, "chart"), declared.chart)
        self._check_images((*path, "images"), declared.images)
        self.notes.once((*path, "imagePullSecrets"), declared.image_pull_secrets or ())
        chart = self._chart(path, declared.chart or _NO_CHART, defaults.chart or _NO_CHART)
        return Operator(
            hostname=hostname,
            fqdn=self.nodes.fqdn(hostname),
            namespace=declared.namespace or defaults.namespace or _DEFAULT_NAMESPACE,
            tags=self.nodes.tags((*path, "tags"), declared.tags, naming.operator_tag(cluster)),
            proxy_tags=self.nodes.tags((*path, "proxyTags"), declared.proxy_tags, naming.proxy_tag(cluster)),
            chart=chart,
            api_server_proxy=self._mode(path, declared),
            existing_secret=credentials.existing_secret,
            credentials_volume=without_places(credentials.volume) if credentials.volume else None,
            federation=Federation(
                issuer=credentials.federated.issuer, claims=tuple(credentials.federated.claims.items())
            )
            if credentials.federated
            else None,
            ingress_class=ingress_class.name if ingress_class else naming.INGRESS_CLASS,
            default_proxy_class=declared.default_proxy_class or defaults.default_proxy_class,
            allows_impersonation=allows_impersonation,
            login_server=declared.login_server or defaults.login_server,
            image=_operator_image(images.operator),
            proxy_image=_image(images.proxy),
            k8s_proxy_image=images.k8s_proxy,
            image_pull_secrets=tuple(declared.image_pull_secrets or defaults.image_pull_secrets or ()),
            firewall_mode=declared.firewall_mode or defaults.firewall_mode,
            logging=declared.logging or defaults.logging,
            values=self._values(path, declared, chart.version),
            place=self.notes.key(*path),
        )

    def _mode(self, path: Path, declared: OperatorDeclaration) -> ApiServerProxyMode:
        """What the API-server proxy does; where that is not known after a finding, what suits everybody who reaches it."""
        where = path if declared.api_server_proxy else _DEFAULTS
        if not (self.notes.knows(path, "apiServerProxy") and self.notes.knows(where, "apiServerProxy")):
            return ApiServerProxyMode.AUTH
        proxy = declared.api_server_proxy or self.defaults.api_server_proxy
        return proxy.mode if proxy else ApiServerProxyMode.OFF

    def _chart(self, path: Path, declared: ChartDeclaration, default: ChartDeclaration) -> Chart:
        is_own_known = self.notes.knows((*path, "chart"), "version")
        version = declared.version or (default.version if is_own_known else None)
        if version is None and self.notes.knows((*_DEFAULTS, "chart"), "version"):
            self.notes.needs(
                *path,
                key="chart",
                why="nothing says which version of the operator's chart it gets",
                expected='a version such as "1.102.3", of this cluster or of all of them',
                mend="Add `chart: {version: ...}` to the cluster's `operator`, or to `defaults.operator` for all clusters.",
            )
        source = declared if declared.path or declared.repository else default
        # The CRDs are those of one version, so that another version does not take those of the defaults.
        crds = declared if declared.version or declared.crds else default
        return Chart(
            version=version or "", repository=source.repository or CHART_REPOSITORY, path=source.path, crds=crds.crds
        )

    def _credentials(self, path: Path, declared: CredentialsDeclaration | None) -> CredentialsDeclaration:
        if declared is None:
            return _NO_CREDENTIALS
        self.notes.exactly_one(
            path,
            {"existingSecret": declared.existing_secret, "federated": declared.federated, "volume": declared.volume},
        )
        return declared

    def _check_images(self, path: Path, declared: ImagesDeclaration | None) -> None:
        for key, image in (("operator", declared.operator), ("proxy", declared.proxy)) if declared else ():
            if image is not None and image.tag and image.digest:
                self.notes.exactly_one((*path, key), {"tag": image.tag, "digest": image.digest})

    def _values(self, path: Path, declared: OperatorDeclaration, version: str) -> Mapping[str, Any]:
        if declared.values:
            check_chart_values(self.notes, (*path, "values"), declared.values, version)
            return without_places(declared.values)
        if not self.defaults.values:
            return {}
        if version not in self.checked:
            self.checked.add(version)
            check_chart_values(self.notes, (*_DEFAULTS, "values"), self.defaults.values, version)
        return without_places(self.defaults.values)


def _image(declared: ImageDeclaration | None) -> Image:
    if declared is None:
        return NO_IMAGE
    return Image(
        repository=declared.repository or "",
        tag=declared.tag or "",
        digest=declared.digest or "",
    )


def _operator_image(declared: OperatorImageDeclaration | None) -> Image:
    pull_policy = declared.pull_policy if declared else None
    return replace(_image(declared), pull_policy=pull_policy or "")


def check_chart(notes: Notes, path: Path, declared: ChartDeclaration | None) -> None:
    """Note a chart that comes from two places at once."""
    if declared is not None and declared.path is not None and declared.repository is not None:
        notes.exactly_one(path, {"repository": declared.repository, "path": declared.path})
