from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE, UnknownValueError

from policies.funnel import POLICIES, RULE
from tests.policies.judging import INGRESS, POLICY_FILE, judge, policy_file


def ingress(
    annotations: dict[str, str] | None = None, hosts: tuple[str, ...] = ("status.tail1a2b.ts.net",)
) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "annotations": annotations or {"tailscale.com/funnel": "true"}},
        "spec": {"ingressClassName": "tailscale", "tls": [{"hosts": list(hosts)}]},
    }


def opened(props: dict[str, Any], *allowed: str) -> list[str]:
    return judge(POLICIES, RULE, INGRESS, props, {"allowed": list(allowed)})


def test_an_open_ingress_must_be_on_the_list() -> None:
    (message,) = opened(ingress())
    assert message.startswith("The ingress it opens the node status to the internet.")
    assert len(opened(ingress(), "nginx")) == 1
    assert opened(ingress(), "nginx", "status") == []


def test_without_config_nothing_is_on_the_list() -> None:
    assert len(judge(POLICIES, RULE, INGRESS, ingress())) == 1


@pytest.mark.parametrize(
    "annotations",
    [{"tailscale.com/tags": "tag:k8s"}, {"tailscale.com/funnel": "false"}, {"tailscale.com/funnel": "True"}],
)
def test_an_ingress_without_funnel_passes(annotations: dict[str, str]) -> None:
    assert opened(ingress(annotations)) == []


@pytest.mark.parametrize("props", [{}, {"metadata": {"name": "web"}}, {"metadata": {"annotations": None}}])
def test_an_ingress_without_annotations_passes(props: dict[str, Any]) -> None:
    assert opened(props) == []


NO_HOST: list[dict[str, Any]] = [{}, {"tls": []}, {"tls": [{}]}, {"tls": [{"hosts": []}]}]


@pytest.mark.parametrize("spec", NO_HOST)
def test_an_open_ingress_without_a_host_goes_by_its_own_name(spec: dict[str, Any]) -> None:
    props = {"metadata": {"annotations": {"tailscale.com/funnel": "true"}}, "spec": spec}
    assert len(opened(props)) == 1
    assert opened(props, "it") == []


def test_each_target_that_may_use_funnel_must_be_on_the_list() -> None:
    text = """{"nodeAttrs": [
        {"target": ["tag:a"], "attr": ["randomize-client-port"]},
        {"target": ["autogroup:member", "tag:status"], "attr": ["drive:share", "funnel"]},
    ]}"""
    (message,) = judge(POLICIES, RULE, POLICY_FILE, policy_file(text), {"allowed": ["tag:status"]})
    assert message.startswith("nodeAttrs[1] lets autogroup:member open nodes to the internet.")


@pytest.mark.parametrize(
    "props",
    [
        {"metadata": UNKNOWN_OBJECT_VALUE},
        ingress({"tailscale.com/funnel": UNKNOWN_STRING_VALUE}),
        ingress(hosts=(UNKNOWN_STRING_VALUE,)),
    ],
)
def test_what_a_preview_cannot_know_is_left_to_the_update(props: dict[str, Any]) -> None:
    with pytest.raises(UnknownValueError):
        opened(props)


def test_an_unknown_annotation_of_another_kind_does_not_matter() -> None:
    assert opened(ingress({"tailscale.com/tags": UNKNOWN_STRING_VALUE})) == []


def test_other_resources_are_nothing_to_this_policy() -> None:
    assert judge(POLICIES, RULE, "kubernetes:core/v1:Service", ingress()) == []
