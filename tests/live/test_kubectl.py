"""The commands that people are told reach the cluster that is meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailstack.live.kubectl import kubectl
from tests.live.playing import live_object, whole


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("prod", "kubectl --context prod delete ingress web -n default"),
        ("my cluster", "kubectl --context 'my cluster' delete ingress web -n default"),
        (None, "kubectl delete ingress web -n default"),
    ],
)
def test_a_command_names_the_context_of_its_cluster(context: str | None, expected: str) -> None:
    cluster = replace(whole().clusters[0], context=context)
    assert kubectl(cluster, "delete", live_object(("Ingress", "default", "web"))) == expected


def test_what_is_in_no_namespace_names_none() -> None:
    found = kubectl(whole().clusters[0], "describe", live_object(("ProxyGroup", "", "in")))
    assert found == "kubectl --context blue describe proxygroup in"
