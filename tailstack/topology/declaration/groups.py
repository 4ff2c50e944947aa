"""Groups of users, and postures of devices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic import Tag as WrittenAs

from tailstack.topology.declaration.base import BY_KIND, SUPPRESS, Declaration, Kind, SuppressionDeclaration, one_of
from tailstack.topology.declaration.syntax import Assertion, Login


class GroupRotation(Declaration):
    """Whose turn it is: members take turns of equal length, in the order written, for ever.

    Before the first turn the group is empty. With `size` 2 a person shares the first turn with the one before and the second
    with the one after.
    """

    members: list[Login] = Field(min_length=1, description="Login names, in the order of their turns")
    every: str = Field(
        pattern=r"^[1-9][0-9]{0,4}[hdw]$",
        description="Length of a turn in hours, days or weeks",
        examples=["12h", "7d", "2w"],
    )
    from_: str = Field(
        alias="from", description="Start of the first turn, RFC 3339 in quotes", examples=["2026-01-05T09:00:00Z"]
    )
    size: int = Field(default=1, ge=1, description="How many members are on at a time")


class GroupDeclaration(Declaration):
    """A group whose members are written here, synchronised from an identity provider, or taken from a rotation."""

    model_config = ConfigDict(json_schema_extra=one_of("members", "synced", "rotation"))

    members: list[Login] | None = Field(default=None, description="Login names of the members")
    synced: Literal[True] | None = Field(
        default=None, description="Members come from the identity provider; unknown here"
    )
    rotation: GroupRotation | None = Field(default=None, description="Members take turns")
    suppress: list[SuppressionDeclaration] = SUPPRESS


GroupEntry = Annotated[
    Annotated[list[Login], WrittenAs(Kind.LIST)] | Annotated[GroupDeclaration, WrittenAs(Kind.MAPPING)], BY_KIND
]


class PostureDeclaration(Declaration):
    """A posture as a mapping, for one that needs more than its assertions."""

    assertions: list[Assertion] = Field(min_length=1, description="Conditions on a device; all of them must hold")
    suppress: list[SuppressionDeclaration] = SUPPRESS


PostureEntry = Annotated[
    Annotated[list[Assertion], Field(min_length=1), WrittenAs(Kind.LIST)]
    | Annotated[PostureDeclaration, WrittenAs(Kind.MAPPING)],
    BY_KIND,
]
