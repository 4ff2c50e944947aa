from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tailstack.sandbox.api.scopes import SCOPES
from tailstack.topology.needed_scopes import GUEST, OWNER, needed_scopes
from tests.rules.environments import TAILNET, tailnet_of

CLUSTER = "clusters: {blue: {kubernetes: {context: blue}}}\n"
PAGE = Path(__file__).parents[2] / "docs" / "tailnet.md"

DECLARED = {
    "settings": (
        "settings: {aclsExternallyManagedOn: true, networkFlowLoggingOn: true, usersApprovalOn: true}",
        ("logs:network",),
    ),
    "contacts": ("contacts: {support: ops@example.com}", ("account_settings",)),
    "webhooks": (
        "webhooks: {ops: {endpointUrl: 'https://hooks.example.com', subscriptions: [nodeCreated]}}",
        ("webhooks",),
    ),
    "log streams": (
        "logStreaming: {configuration: {destinationType: axiom, url: 'https://logs.example.com', token: {secret: axiom}}}",
        ("log_streaming",),
    ),
    "posture": (
        "postureIntegrations: {edr: {postureProvider: falcon, clientSecret: {secret: falcon}}}",
        (),
    ),
}


@pytest.mark.parametrize(("text", "more"), DECLARED.values(), ids=DECLARED)
def test_what_the_tailnet_declares_needs_its_scope(text: str, more: tuple[str, ...]) -> None:
    tailnet = tailnet_of(CLUSTER, tailnet=TAILNET.replace("ts.net}", f"ts.net, {text}}}", 1))
    assert tuple(needed.scope for needed in needed_scopes(tailnet)) == (*OWNER, *more)


MORE = {
    "group": (
        CLUSTER.replace("blue}}", "blue}, proxyGroups: {in: {type: ingress}}}"),
        ("services",),
        "proxy groups of blue",
    ),
    "egress group": (CLUSTER.replace("blue}}", "blue}, proxyGroups: {out: {type: egress}}}"), (), ""),
    "federated": (
        CLUSTER.replace("blue}}", "blue}, operator: {credentials: {federated: {issuer: 'https://oidc.example.com'}}}}"),
        ("federated_keys",),
        "the operator of blue",
    ),
    "routes of a machine": (
        CLUSTER + "machines: {bastion: {tags: [tag:b], routes: [10.0.0.0/8], device: {routes: true}}}\n",
        ("devices:routes",),
        "the machine bastion",
    ),
    "tags of a machine": (CLUSTER + "machines: {bastion: {tags: [tag:b], device: {tags: true}}}\n", (), ""),
    "service of machines": (
        CLUSTER + "machines: {db: {tags: [tag:db]}}\nservices: {'svc:ledger': {ports: [tcp:5432], machines: [db]}}\n",
        ("services",),
        "Tailscale Services of machines",
    ),
}


@pytest.mark.parametrize(("text", "more", "why"), MORE.values(), ids=MORE)
def test_what_clusters_and_machines_need(text: str, more: tuple[str, ...], why: str) -> None:
    found = needed_scopes(tailnet_of(text))
    assert tuple(needed.scope for needed in found) == (*OWNER, *more)
    assert why in found[-1].why or not more


def test_a_guest_leaves_the_tailnet_to_its_owner() -> None:
    guest = dataclasses.replace(tailnet_of(CLUSTER), guest_of="production")
    assert tuple(needed.scope for needed in needed_scopes(guest)) == GUEST


def test_every_scope_is_one_that_there_is_and_the_page_names_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("## Scopes") :]
    named = set(re.findall(r"`([a-z_]+(?::[a-z_]+)?)`", table))
    said = {*OWNER, *(scope for _, more in DECLARED.values() for scope in more)}
    said |= {scope for _, more, _ in MORE.values() for scope in more}
    assert said <= SCOPES
    assert said <= named
