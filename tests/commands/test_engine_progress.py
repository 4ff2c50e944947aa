"""The engine's events as progress: in whose row and column, in which words, and how often."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from tailstack.commands.engine_progress import counting, following, part_of
from tailstack.commands.progress import progress_of
from tailstack.engine.events import Diagnostic, Event, Phase, Step

CLUSTERS = ("blue", "green")


def step(phase: Phase, op: str, type_: str, name: str, provider: str = "blue") -> Step:
    inputs = {"metadata": {"namespace": "default", "name": name.rpartition(".")[2]}, "name": "it"}
    return Step(
        phase=phase,
        op=op,
        urn=f"urn:pulumi:production::tailstack::{type_}::{name}",
        type=type_,
        provider=provider,
        changed=(),
        inputs_before={},
        inputs_after=inputs,
        outputs_before={},
        outputs_after={},
    )


def whole(op: str, type_: str, name: str, provider: str = "blue") -> tuple[Step, Step]:
    return step(Phase.STARTED, op, type_, name, provider), step(Phase.DONE, op, type_, name, provider)


SERVICE = "kubernetes:core/v1:Service"
ACL = "tailscale:index/acl:Acl"


def lines(events: Iterable[Event], *, is_plan: bool = False) -> list[str]:
    out = io.StringIO()
    with (
        progress_of("Applying", CLUSTERS, stream=out, clock=lambda: 0.0) as progress,
        following(progress, CLUSTERS, is_plan=is_plan) as on_event,
    ):
        for event in events:
            on_event(event)
    return [line.strip() for line in out.getvalue().splitlines()[1:-1]]


@pytest.mark.parametrize(
    ("type_", "name", "provider", "expected"),
    [
        ("tailscale:index/oauthClient:OauthClient", "blue.operator", "tailscale", ("blue", "operator")),
        ("kubernetes:helm.sh/v3:Release", "blue.operator", "blue", ("blue", "operator")),
        ("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "blue.crd.x", "blue", ("blue", "operator")),
        (SERVICE, "green.expose.nginx", "green", ("green", "exposures")),
        ("kubernetes:tailscale.com/v1alpha1:Connector", "blue.connectors.x", "blue", ("blue", "custom resources")),
        (SERVICE, "mine", "green", ("green", "others")),
        (ACL, "policy", "tailscale", ("tailnet", "policy file")),
        # Declared in the tailnet, and named as a cluster's section is; but no cluster is called so.
        ("tailscale:index/deviceTags:DeviceTags", "nas.tags", "tailscale", ("tailnet", "machines")),
        # Nobody has said that there is a cluster red.
        (SERVICE, "red.expose.nginx", "red", ("red", "exposures")),
        (SERVICE, "blue.expose.nginx", "", ("blue", "exposures")),
        (SERVICE, "mine", "", ("tailnet", "others")),
        ("tailscale:index/service:Service", "ledger", "tailscale", ("tailnet", "services")),
        ("tailscale:index/something:New", "new", "tailscale", ("tailnet", "others")),
    ],
)
def test_a_step_belongs_to_a_cluster_and_a_part(
    type_: str, name: str, provider: str, expected: tuple[str, str]
) -> None:
    assert part_of(step(Phase.DONE, "create", type_, name, provider), CLUSTERS) == expected


EVENTS = [
    *whole("update", ACL, "policy", "tailscale"),
    *whole("create", "pulumi:providers:kubernetes", "blue"),
    *whole("create", "tailstack:cluster:Cluster", "blue"),
    Diagnostic(severity="warning", message="hello", urn=""),
    step(Phase.STARTED, "create", SERVICE, "blue.expose.nginx"),
    step(Phase.STARTED, "same", SERVICE, "blue.expose.web"),
    step(Phase.DONE, "create", SERVICE, "blue.expose.nginx"),
    step(Phase.DONE, "same", SERVICE, "blue.expose.web"),
    *whole("delete", SERVICE, "green.expose.old", "green"),
]


FAILING = [
    step(Phase.FAILED, "refresh", SERVICE, "green.expose.web", "green"),
    *whole("same", SERVICE, "green.expose.y", "green"),
]


def test_what_changes_is_a_line_and_what_does_not_is_counted() -> None:
    assert lines(EVENTS) == [
        "tailnet: policy file: running",
        "tailnet: policy file: policy file updated",
        "blue: exposures: running",
        "blue: exposures: Service default/nginx in blue created",
        "green: exposures: running",
        "green: exposures: Service default/old in green deleted",
        "tailnet: policy file: done in 0 s: 1 of 1 changed",
        "blue: exposures: done in 0 s: 1 of 2 changed",
        "green: exposures: done in 0 s: 1 of 1 changed",
    ]


def test_a_plan_says_what_would_be_done() -> None:
    assert lines(whole("create", SERVICE, "blue.expose.nginx"), is_plan=True) == [
        "blue: exposures: running",
        "blue: exposures: Service default/nginx in blue to be created",
        "blue: exposures: done in 0 s: 1 of 1 to be changed",
    ]


def test_a_run_that_only_looks_counts_what_it_has_looked_at() -> None:
    out = io.StringIO()
    events = [*EVENTS, step(Phase.STARTED, "refresh", SERVICE, "blue.egress.x"), *FAILING]
    with (
        progress_of("Looking", CLUSTERS, stream=out, clock=lambda: 0.0) as progress,
        counting(progress, CLUSTERS, "behind") as on_event,
    ):
        for event in events:
            on_event(event)
    assert [line.strip() for line in out.getvalue().splitlines()[1:-1]] == [
        "tailnet: behind: running",
        "blue: behind: running",
        "green: behind: running",
        "green: behind: FAILED in 0 s: Service default/web in green failed",
        "tailnet: behind: done in 0 s: 1 looked at",
    ]


def test_what_failed_stays_failed_and_what_did_not_end_is_not_called_done() -> None:
    events = [
        step(Phase.STARTED, "create", SERVICE, "blue.expose.nginx"),
        step(Phase.STARTED, "create", SERVICE, "blue.expose.web"),
        step(Phase.FAILED, "create", SERVICE, "blue.expose.nginx"),
        step(Phase.DONE, "create", SERVICE, "blue.expose.web"),
        step(Phase.STARTED, "create", SERVICE, "green.ingress.web", "green"),
    ]
    assert lines(events) == [
        "blue: exposures: running",
        "blue: exposures: FAILED in 0 s: Service default/nginx in blue failed",
        "green: ingresses: running",
    ]
