"""The chain of a link: every step of a complete one, and each place where one can break."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tailstack.access.compile import compile_policy
from tailstack.access.reading import read_policy
from tailstack.rules.proof import LinkProof, links
from tailstack.topology.tailnet import Port, Tailnet
from tests.rules.environments import TAILNET, tailnet_of

TEXT = """
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: web, service: nginx-service, ports: [tcp:80], selector: {a: b}}
    ingress:
      page: {namespace: web, backend: {service: nginx-service, port: 80}}
  green:
    kubernetes: {context: green}
    egress:
      out: {namespace: default, service: nginx-remote, to: {exposure: blue.nginx}}
"""


def proof_of(tailnet: Tailnet) -> LinkProof:
    (proof,) = links(tailnet, compile_policy(tailnet))
    return proof


def test_a_complete_link_names_every_step_in_the_order_of_a_request() -> None:
    proof = proof_of(tailnet_of(TEXT))
    assert proof.link == "green.out -> blue.nginx"
    assert proof.is_complete
    assert proof.broken is None
    assert [(step.name, step.text) for step in proof.steps] == [
        ("client", "Pods of green call nginx-remote.default on tcp:80."),
        ("proxy", "The proxy green-out wears tag:k8s-green--out, which the operator of green may give."),
        ("name", "blue-nginx.tail1a2b.ts.net is exposure blue.nginx."),
        ("grant", "tag:k8s-green--out reaches exposure blue.nginx on tcp:80, by link: green.out -> blue.nginx."),
        ("target", "exposure blue.nginx wears tag:k8s-blue--nginx, which the operator of blue may give."),
        ("service", "Behind it is Service web/nginx-service of blue."),
    ]
    assert all(step.holds and not step.mend for step in proof.steps)


@pytest.mark.parametrize(
    ("target", "ports", "names", "last"),
    [
        ("ingress: blue.page", "[tcp:443]", ["client", "proxy", "name", "grant", "target", "service"], "Behind it is Service web/nginx-service of blue, port 80."),
        ("machine: db", "[tcp:5432]", ["client", "proxy", "name", "grant"], "tag:k8s-green--out reaches machine db on tcp:5432, by link: green.out -> db."),
        ("fqdn: green-operator.tail1a2b.ts.net", "[tcp:443]", ["client", "proxy", "name", "grant", "target"], "operator green wears tag:k8s-op-green, which the operator of green may give."),
        ("ip: 100.64.0.9", "[tcp:1]", ["client", "proxy", "grant"], "tag:k8s-green--out reaches 100.64.0.9 on tcp:1, by link: green.out -> 100.64.0.9."),
        ("ip: 'fd7a:115c:a1e0::9'", "[icmp:*]", ["client", "proxy", "grant"], "tag:k8s-green--out reaches fd7a:115c:a1e0::9 on icmp:*, by link: green.out -> fd7a:115c:a1e0::9."),
    ],
)  # fmt: skip
def test_the_chain_of_every_kind_of_target_is_complete(target: str, ports: str, names: list[str], last: str) -> None:
    text = (
        TEXT.replace("{exposure: blue.nginx}", f"{{{target}}}, ports: {ports}") + "machines: {db: {tags: [tag:db]}}\n"
    )
    proof = proof_of(tailnet_of(text))
    assert [step.name for step in proof.steps] == names
    assert proof.is_complete
    assert proof.steps[-1].text == last


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A change of the text, the tailnet's settings or the base, and the step that no longer holds."""

    change: tuple[str, str] = ("", "")
    tailnet: str = TAILNET
    base: str | None = None
    name: str
    text: str
    mend: str


BROKEN = (
    Broken(
        change=("{exposure: blue.nginx}", "{fqdn: blue-x.tail1a2b.ts.net}, ports: [tcp:80]"),
        name="name",
        text="No declared node is called blue-x.tail1a2b.ts.net.",
        mend="Lead the egress to something that is declared, or declare the node under `machines`.",
    ),
    Broken(
        change=("backend:", "hostname: blue-nginx, backend:"),
        name="name",
        text="Several nodes ask for the name blue-nginx.tail1a2b.ts.net, and only one will have it.",
        mend="Give each of them a hostname of its own.",
    ),
    Broken(
        tailnet=TAILNET.replace("{dnsName", "{magicDNS: false, dnsName"),
        name="name",
        text="MagicDNS is off, so blue-nginx.tail1a2b.ts.net means nothing.",
        mend="Write `magicDNS: true` under `tailnet`.",
    ),
    Broken(
        change=("{exposure: blue.nginx}", "{ingress: blue.page}"),
        tailnet=TAILNET.replace("{dnsName", "{httpsCertificates: false, dnsName"),
        name="https",
        text="The tailnet issues no HTTPS certificates, and blue-page.tail1a2b.ts.net needs one.",
        mend="Write `httpsCertificates: true` under `tailnet`.",
    ),
    Broken(
        base='{"tagOwners": {"tag:k8s-green--out": []}}',
        name="proxy",
        text="The proxy green-out wears tag:k8s-green--out, and the operator of green may not give tag:k8s-green--out.",
        mend="Add tag:k8s-op-green to the owners of tag:k8s-green--out.",
    ),
    Broken(
        base='{"tagOwners": {"tag:k8s-blue--nginx": ["tag:k8s-op-green"]}}',
        name="target",
        text="exposure blue.nginx wears tag:k8s-blue--nginx, and the operator of blue may not give tag:k8s-blue--nginx.",
        mend="Add tag:k8s-op-blue to the owners of tag:k8s-blue--nginx.",
    ),
)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.text)
def test_a_chain_breaks_at_the_first_step_that_does_not_hold(case: Broken) -> None:
    proof = proof_of(tailnet_of(TEXT.replace(*case.change), tailnet=case.tailnet, base=case.base))
    assert not proof.is_complete
    assert proof.broken is not None
    assert (proof.broken.name, proof.broken.text, proof.broken.mend) == (case.name, case.text, case.mend)
    assert proof.broken.places


def test_a_port_that_the_target_does_not_offer_breaks_the_chain_at_its_service() -> None:
    tailnet = tailnet_of(TEXT)
    egress = tailnet.clusters[1].egresses[0]
    wrong = replace(egress, ports=(Port("tcp", 80, 80), Port("tcp", 81, 81)))
    green = replace(tailnet.clusters[1], egresses=(wrong,))
    broken = proof_of(replace(tailnet, clusters=(tailnet.clusters[0], green))).broken
    assert broken is not None
    assert (broken.name, broken.text) == ("service", "blue.nginx offers tcp:80, and not tcp:81.")


def test_a_policy_of_others_may_lack_the_grant_or_the_tag() -> None:
    tailnet = tailnet_of(TEXT)
    compiled = compile_policy(tailnet)
    (without_grant,) = links(tailnet, replace(compiled, policy=replace(compiled.policy, grants=())))
    assert without_grant.broken is not None
    assert without_grant.broken.name == "grant"
    assert without_grant.broken.text == ("Nothing grants tag:k8s-green--out to reach exposure blue.nginx on tcp:80.")
    (without_tags,) = links(tailnet, replace(compiled, policy=read_policy('{"grants": []}')))
    assert without_tags.broken is not None
    assert without_tags.broken.name == "proxy"


def test_of_several_grants_only_those_that_help_are_named() -> None:
    more = "access:\n" + "".join(
        f"  - {{name: {name}, from: ['{who}'], to: [tag:k8s-blue--nginx], ports: ['{port}']}}\n"
        for name, who, port in (
            ("all", "*", "tcp:1-100"),
            ("other", "*", "tcp:443"),
            ("people", "autogroup:member", "*"),
        )
    )
    proof = proof_of(tailnet_of(TEXT + more))
    assert proof.steps[3].text.endswith("on tcp:80, by access: all, link: green.out -> blue.nginx.")
    assert len(proof.steps[3].places) == 2
