"""7xx: images of a mirror that are pulled without a Secret."""

from __future__ import annotations

import pytest

from tailstack.rules.images import PULL_SECRET_OUT_OF_REACH
from tests.rules.cases import found_in, said_of

MIRROR = "proxy: {repository: m.example.com/tailscale}"
OWN = "operator: {repository: m.example.com/operator}"
SECRETS = "statefulSet: {pod: {imagePullSecrets: [{name: mirror}]}}"


def blue(*parts: str, version: str = "1.102.3", images: str = f"{OWN}, {MIRROR}", secrets: str = "[mirror]") -> str:
    keys = [
        f"chart: {{version: '{version}'}}",
        f"images: {{{images}}}",
        *([f"imagePullSecrets: {secrets}"] if secrets else []),
    ]
    lines = "".join(f"    {part}\n" for part in parts)
    return f"clusters:\n  blue:\n    kubernetes: {{context: blue}}\n    operator: {{{', '.join(keys)}}}\n{lines}"


def says(who: str) -> list[str]:
    return [f"The pods of {who} pull from a mirror without mirror."]


EGRESS = "proxyGroups: {out: {type: egress}}"
NOAUTH = "proxyGroups: {api: {type: kube-apiserver, kubeAPIServer: {mode: noauth}}}"
AUTH = "proxyGroups: {api: {type: kube-apiserver}}"
API_IMAGE = f"{OWN}, k8sProxy: 'm.example.com/k8s-proxy:v1'"
RECORDER = "recorders: {r: {enableUI: true, statefulSet: {pod: {container: {image: 'm.example.com/rec:v1'}WHAT}}}}"
OF_THE_CHART = [
    ("expose: {web: {namespace: default, ports: [tcp:80], selector: {app: web}WHAT}}", "exposure blue.web"),
    ("ingress: {web: {namespace: default, backend: {service: web, port: 80}WHAT}}", "ingress blue.web"),
    ("egress: {db: {namespace: default, to: {ip: 100.64.0.9}, ports: [tcp:80]WHAT}}", "egress blue.db"),
    ("connectors: {exit: {exitNode: trueWHAT}}", "connector blue.exit"),
    ("peerRelays: {relay: {replicas: 1WHAT}}", "peer relay blue.relay"),
]


@pytest.mark.parametrize(("part", "who"), OF_THE_CHART)
def test_the_charts_own_service_accounts_have_the_secrets_since_1_104(part: str, who: str) -> None:
    plain = part.replace("WHAT", "")
    (finding,) = found_in(blue(plain), PULL_SECRET_OUT_OF_REACH)
    assert [finding.message] == says(who)
    assert [place.line for place in finding.places] == [4]
    assert said_of(blue(plain, version="1.104.5"), PULL_SECRET_OUT_OF_REACH) == []
    for keys, is_found in (("{}", True), (f"{{{SECRETS}}}", False)):
        text = blue(part.replace("WHAT", ", proxyClass: own"), f"proxyClasses: {{own: {keys}}}")
        assert said_of(text, PULL_SECRET_OUT_OF_REACH) == (says(who) if is_found else [])


@pytest.mark.parametrize("version", ["1.102.3", "1.104.5"])
@pytest.mark.parametrize(
    ("part", "images", "who"),
    [
        (EGRESS, f"{OWN}, {MIRROR}", "proxy group blue.out"),
        (EGRESS, MIRROR, "proxy group blue.out"),
        (NOAUTH, API_IMAGE, "proxy group blue.api"),
        (RECORDER.replace("WHAT", ""), OWN, "recorder blue.r"),
    ],
)
def test_what_has_a_service_account_of_its_own_does_not_have_them(
    part: str, images: str, who: str, version: str
) -> None:
    assert said_of(blue(part, images=images, version=version), PULL_SECRET_OUT_OF_REACH) == says(who)


@pytest.mark.parametrize(("version", "is_found"), [("1.102.3", True), ("1.104.5", False)])
def test_api_servers_in_auth_mode_have_the_service_account_of_the_chart(version: str, is_found: bool) -> None:
    found = said_of(blue(AUTH, images=API_IMAGE, version=version), PULL_SECRET_OUT_OF_REACH)
    assert found == (says("proxy group blue.api") if is_found else [])


@pytest.mark.parametrize(
    ("parts", "images", "secrets"),
    [
        ((EGRESS,), f"{OWN}, {MIRROR}", ""),
        ((EGRESS,), OWN, "[mirror]"),
        ((EGRESS,), f"{OWN}, proxy: {{repository: tailscale/tailscale}}", "[mirror]"),
        ((EGRESS,), f"{OWN}, proxy: {{repository: docker.io/tailscale/tailscale}}", "[mirror]"),
        ((EGRESS,), f"{OWN}, proxy: {{repository: other.example.com/tailscale}}", "[mirror]"),
        ((NOAUTH,), f"{OWN}, {MIRROR}", "[mirror]"),
        ((RECORDER.replace("WHAT", ", imagePullSecrets: [{name: mirror}]"),), OWN, "[mirror]"),
        (("recorders: {r: {enableUI: true}}",), OWN, "[mirror]"),
        (
            (
                "proxyGroups: {out: {type: egress, proxyClass: own}}",
                "proxyClasses: {own: {statefulSet: {pod: {tailscaleContainer: {image: 'tailscale/tailscale:v1'}}}}}",
            ),
            f"{OWN}, {MIRROR}",
            "[mirror]",
        ),
        (("proxyGroups: {out: {type: egress, proxyClass: missing}}",), f"{OWN}, {MIRROR}", "[mirror]"),
    ],
)
def test_what_pulls_from_elsewhere_or_with_a_secret(parts: tuple[str, ...], images: str, secrets: str) -> None:
    assert said_of(blue(*parts, images=images, secrets=secrets), PULL_SECRET_OUT_OF_REACH) == []


def test_a_class_with_an_image_of_the_mirror() -> None:
    text = blue(
        "proxyGroups: {out: {type: egress, proxyClass: own}}",
        "proxyClasses: {own: {statefulSet: {pod: {tailscaleContainer: {image: 'm.example.com/tailscale:v1'}}}}}",
        images=OWN,
    )
    assert said_of(text, PULL_SECRET_OUT_OF_REACH) == says("proxy group blue.out")


def test_members_of_a_group_have_no_pods_of_their_own() -> None:
    text = blue(
        "expose: {web: {namespace: default, ports: [tcp:80], selector: {app: web}, proxyGroup: in}}",
        "proxyGroups: {in: {type: ingress, proxyClass: own}}",
        f"proxyClasses: {{own: {{{SECRETS}}}}}",
    )
    assert said_of(text, PULL_SECRET_OUT_OF_REACH) == []
