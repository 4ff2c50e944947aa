"""What a stack's config says: which environment it is, and how careful to be with it. Everything else is in its YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pulumi

from components.refusal import RefusedError
from tailstack.topology.rotation import MOMENT_VARIABLE, read_time
from tailstack.topology.shards import FORMS, WHOLE, Shard, read_shard


@dataclass(frozen=True, kw_only=True, slots=True)
class StackSettings:
    """The keys of `tailstack:` in `stacks/Pulumi.<stack>.yaml`; Pulumi.yaml says what each one means.

    `scope` is the part of the environment that the stack applies; `at` is the time at which rotations are read, with its
    zone.
    """

    environment: str
    scope: Shard = WHOLE
    at: datetime
    skip_await: bool
    protect: bool
    reset_on_destroy: bool
    overwrite_policy: bool


def read_settings(config: pulumi.Config, *, stack: str, now: datetime, variables: Mapping[str, str]) -> StackSettings:
    """The settings of the stack that runs. The environment is the stack's name unless the config names another.

    Of the environment variables one alone is looked at: the moment that `--at` of a command hands on wins over the config's.

    Raises RefusedError for a scope or a time that is none, and the SDK's ConfigTypeError for a value of another type.
    """
    return StackSettings(
        environment=config.get("environment") or stack,
        scope=_scope(config.get("scope") or ""),
        at=_time(variables.get(MOMENT_VARIABLE) or config.get("at") or "", now),
        skip_await=config.get_bool("skipAwait") or False,
        protect=config.get_bool("protect") is not False,
        reset_on_destroy=config.get_bool("resetOnDestroy") or False,
        overwrite_policy=config.get_bool("overwritePolicy") or False,
    )


def _scope(text: str) -> Shard:
    scope = read_shard(text)
    if scope is None:
        raise RefusedError(
            f"tailstack:scope is {text!r}; expected {FORMS}. Mend it with `pulumi config set tailstack:scope SCOPE`."
        )
    return scope


def _time(text: str, now: datetime) -> datetime:
    if not text:
        return now
    time = read_time(text)
    if time is None:
        raise RefusedError(
            f"tailstack:at is {text!r}; expected a time with its zone, such as 2026-01-05T09:00:00Z. "
            "Mend it with `pulumi config set tailstack:at TIME`, or remove it to read rotations now."
        )
    return time
