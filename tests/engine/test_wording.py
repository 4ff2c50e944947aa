from __future__ import annotations

import pytest

from tailstack.engine.events import Json, Phase, Step
from tailstack.engine.wording import describe, is_object

SERVICE = {"metadata": {"namespace": "default", "name": "nginx-service"}}


def step(type_: str, name: str = "blue.x", provider: str = "blue", **sides: Json) -> Step:
    return Step(
        phase=Phase.DONE,
        op="create",
        urn=f"urn:pulumi:sandbox::tailstack::{type_}::{name}",
        type=type_,
        provider=provider,
        changed=(),
        inputs_before=sides.get("before", {}),
        inputs_after=sides.get("after", {}),
        outputs_before={},
        outputs_after={},
    )


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (step("kubernetes:core/v1:Service", after=SERVICE), "Service default/nginx-service in blue"),
        (step("kubernetes:core/v1:Service", before=SERVICE), "Service default/nginx-service in blue"),
        (step("kubernetes:core/v1:ServicePatch", after=SERVICE), "Service default/nginx-service in blue"),
        (
            step("kubernetes:core/v1:Namespace", after={"metadata": {"name": "tailscale"}}),
            "Namespace tailscale in blue",
        ),
        (
            step("kubernetes:helm.sh/v3:Release", after={"namespace": "tailscale", "name": "tailscale-operator"}),
            "Helm release tailscale/tailscale-operator in blue",
        ),
        (step("tailscale:index/acl:Acl", "policy", "tailscale"), "policy file"),
        (step("tailscale:index/oauthClient:OauthClient", "blue.operator"), "OAuth client blue.operator"),
        (step("tailstack:cluster:Cluster", "blue"), "tailstack:cluster:Cluster blue"),
    ],
)
def test_people_read_what_it_is_and_where(made: Step, words: str) -> None:
    assert describe(made) == words


def test_an_object_without_metadata_is_still_described() -> None:
    assert describe(step("kubernetes:core/v1:Pod")) == "Pod None in blue"


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("kubernetes:core/v1:Service", True),
        ("tailscale:index/acl:Acl", True),
        ("pulumi:pulumi:Stack", False),
        ("pulumi:providers:kubernetes", False),
        ("tailstack:cluster:Cluster", False),
    ],
)
def test_components_providers_and_the_stack_are_not_objects(type_: str, expected: bool) -> None:
    assert is_object(step(type_)) is expected
