from __future__ import annotations

import dataclasses

import pytest

from tailstack.topology.credentials import operator_scopes
from tailstack.topology.custom import CustomResources, ProxyGroup
from tests.components.custom_resources import API, IN, OUT
from tests.components.tailnets import BLUE

BASE = ("auth_keys", "devices:core")


@pytest.mark.parametrize(
    ("groups", "scopes"),
    [
        ((), BASE),
        ((OUT,), BASE),
        ((OUT, IN), (*BASE, "services")),
        ((API,), (*BASE, "services")),
        ((dataclasses.replace(IN, tailnet="other"),), BASE),
    ],
)
def test_an_operator_may_ask_for_services_only_where_it_makes_some(
    groups: tuple[ProxyGroup, ...], scopes: tuple[str, ...]
) -> None:
    cluster = dataclasses.replace(BLUE, custom=CustomResources(proxy_groups=groups))
    assert operator_scopes(cluster) == scopes
