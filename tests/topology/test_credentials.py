from __future__ import annotations

import dataclasses
import re

import pytest

from tailstack.topology.credentials import credential_description, operator_scopes
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


def test_the_description_of_credentials_is_one_that_the_service_takes() -> None:
    assert credential_description("production", "eu-1") == "tailstack production eu-1"
    for environment, cluster in (("a_b/c", "x.y"), ("e" * 60, "c" * 40), ("e" * 38, "blue")):
        text = credential_description(environment, cluster)
        assert re.fullmatch(r"[A-Za-z0-9 -]{1,50}", text)
        assert text == text.strip()
