from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.policy_tests import acceptable
from tailstack.access.compile import compile_policy
from tailstack.engine.tailscale_api import ApiKey, Complaint, Failure, TailscaleApi, TailscaleApiError
from tailstack.topology.tailnet import Tailnet
from tests.components.recording import record
from tests.components.tailnets import BLUE, GREEN, tailnet

DESCRIBED = tailnet(BLUE, GREEN)
WITH_TESTS = compile_policy(DESCRIBED).text
WITHOUT_TESTS = compile_policy(dataclasses.replace(DESCRIBED, derive_tests=False)).text
TAGS = ("tag:k8s-blue--nginx", "tag:shared", "tag:k8s-green--nginx-remote", "tag:k8s-blue--web", "tag:k8s-op-blue")


class Service(TailscaleApi):
    """A tailnet with nodes that wear these tags, which refuses whatever `refuses` says."""

    def __init__(self, refuses: Callable[[str], bool], worn: tuple[str, ...] = ()) -> None:
        super().__init__(ApiKey(secret="unused"))
        self.refuses = refuses
        self.worn = worn

    def validate_policy(self, text: str) -> tuple[str, tuple[Complaint, ...]]:
        return ("test(s) failed" if self.refuses(text) else ""), ()

    def get(self, *path: str, query: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401  as the API has it
        assert (path, query) == (("devices",), None)
        return {"devices": [{"name": "laptop"}, {"name": "tagged", "tags": list(self.worn)}]}


def sent(connected: Callable[[], TailscaleApi], described: Tailnet = DESCRIBED, policy: str = WITH_TESTS) -> str:
    found: list[str] = []
    record(lambda: found.append(acceptable(described, policy, connected)))
    return found[0]


def test_the_policies_of_this_module_differ_by_their_tests() -> None:
    assert '"tests"' in WITH_TESTS
    assert '"tests"' not in WITHOUT_TESTS


def test_a_policy_that_the_service_takes_keeps_its_tests() -> None:
    assert sent(lambda: Service(lambda _: False)) == WITH_TESTS


def test_tests_about_tags_that_no_node_wears_wait_for_the_nodes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert sent(lambda: Service(lambda text: '"tests"' in text, worn=TAGS[1:])) == WITHOUT_TESTS
    assert "no node wears tag:k8s-blue--nginx. " in caplog.text
    assert "run `pulumi up` again" in caplog.text


def test_a_test_that_fails_with_every_node_there_is_no_reason_to_drop_it() -> None:
    every = tuple(dict.fromkeys((*TAGS, *(f"tag:k8s-{name}" for name in ("blue", "green", "op-green")), "tag:more")))
    assert sent(lambda: Service(lambda text: '"tests"' in text, worn=every)) == WITH_TESTS


def test_a_policy_that_is_refused_without_tests_too_is_refused_as_a_whole() -> None:
    assert sent(lambda: Service(lambda _: True)) == WITH_TESTS


def test_a_service_that_cannot_be_asked_changes_nothing() -> None:
    def unreachable() -> TailscaleApi:
        raise TailscaleApiError(Failure.UNREACHABLE, "cannot reach it")

    assert sent(unreachable) == WITH_TESTS


def test_without_derived_tests_nobody_is_asked() -> None:
    def never() -> TailscaleApi:
        raise AssertionError

    described = dataclasses.replace(DESCRIBED, derive_tests=False)
    assert sent(never, described, WITHOUT_TESTS) == WITHOUT_TESTS
