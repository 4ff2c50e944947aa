"""What every declaration is made of: strict models, and the choice between two ways to write one thing."""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue
from pydantic.alias_generators import to_camel

from tailstack.topology.declaration.syntax import Reason, RuleName


class Declaration(BaseModel):
    """Base of every declaration: strict types, unknown keys refused, immutable."""

    # Built when the first file is read, and once for all of them: many commands import the declarations and read none.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_name=False, defer_build=True
    )


ONE_KEY: dict[str, JsonValue] = {"minProperties": 1, "maxProperties": 1}
"""For editors: exactly one key. `resolve` checks it too, with a message that says more."""


def one_of(*keys: str) -> dict[str, JsonValue]:
    """For editors: exactly one of these keys, whatever others there are. `resolve` checks it too."""
    pairs: list[JsonValue] = [{"not": {"required": list(pair)}} for pair in combinations(keys, 2)]
    return {"minProperties": 1, "allOf": pairs}


class Kind(StrEnum):
    """What a value is written as, where there are two ways to write it: it decides which of the two is meant."""

    TEXT = "text"
    NUMBER = "number"
    LIST = "list"
    MAPPING = "mapping"


def _kind(value: object) -> Kind | None:
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, dict | BaseModel):
        return Kind.MAPPING
    if isinstance(value, list):
        return Kind.LIST
    return Kind.NUMBER if isinstance(value, int) and not isinstance(value, bool) else None


# One choice and one mistake: a plain union would report a mistake once for each way to write the value.
BY_KIND = Discriminator(_kind, custom_error_type="wrong_kind", custom_error_message="written in none of the ways")


class SuppressionDeclaration(Declaration):
    """A warning that is meant: it is not shown where one of its places lies within what this stands in."""

    rule: RuleName = Field(description="The rule, by its slug or its code; `tailstack rule` lists them")
    reason: Reason = Field(description="Why the warning is meant, for whoever reads it next")


SUPPRESS: Any = Field(
    default_factory=list[SuppressionDeclaration],
    description="Warnings about this that are meant, each with its reason",
)

Passed = Annotated[dict[str, Any], Field(min_length=1)]
"""A part that is handed on as it is written, in the words of whoever reads it."""
