from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pulumi
import pytest

from components.refusal import RefusedError
from components.stack_settings import StackSettings, read_settings
from tailstack.topology.rotation import MOMENT_VARIABLE
from tailstack.topology.shards import WHOLE, of_cluster
from tests.components.recording import record

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def settings(config: Mapping[str, str], variables: Mapping[str, str] | None = None) -> StackSettings:
    found: list[StackSettings] = []
    record(
        lambda: found.append(read_settings(pulumi.Config(), stack="prod", now=NOW, variables=variables or {})),
        config={f"tailstack:{key}": value for key, value in config.items()},
    )
    return found[0]


@pytest.mark.parametrize("config", [{}, {"environment": "", "at": ""}])
def test_without_config_a_stack_is_careful_and_belongs_to_the_environment_of_its_name(config: dict[str, str]) -> None:
    assert settings(config) == StackSettings(
        environment="prod",
        scope=WHOLE,
        at=NOW,
        skip_await=False,
        protect=True,
        reset_on_destroy=False,
        overwrite_policy=False,
    )


def test_config_says_otherwise() -> None:
    assert settings(
        {
            "environment": "production",
            "scope": "cluster:blue",
            "at": "2026-01-05T10:00:00+01:00",
            "skipAwait": "true",
            "protect": "false",
            "resetOnDestroy": "true",
            "overwritePolicy": "true",
        }
    ) == StackSettings(
        environment="production",
        scope=of_cluster("blue"),
        at=datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=1))),
        skip_await=True,
        protect=False,
        reset_on_destroy=True,
        overwrite_policy=True,
    )


def test_a_scope_that_is_none_is_refused() -> None:
    with pytest.raises(RefusedError, match="'blue'; expected whole, tailnet, or cluster:NAME"):
        settings({"scope": "blue"})


def test_the_moment_of_a_command_wins_over_the_config() -> None:
    found = settings({"at": "2026-01-05T10:00:00Z"}, {MOMENT_VARIABLE: "2026-02-05T10:00:00Z"})
    assert found.at == datetime(2026, 2, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("at", ["tomorrow", "2026-01-05", "2026-01-05T09:00:00"])
def test_a_time_that_is_none_or_has_no_zone_is_refused(at: str) -> None:
    with pytest.raises(RefusedError, match="2026-01-05T09:00:00Z") as refused:
        settings({"at": at})
    assert repr(at) in str(refused.value)


def test_a_switch_that_is_neither_on_nor_off_is_refused_by_its_name() -> None:
    with pytest.raises(pulumi.RunError, match="protect"):
        settings({"protect": "maybe"})
