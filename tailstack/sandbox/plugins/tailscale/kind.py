"""What a resource of the tailscale provider is made of, so that one provider can serve all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tailstack.sandbox.plugins.tailscale.http_api import Api
from tailstack.sandbox.plugins.values import Properties

Create: TypeAlias = Callable[[Api, Properties], tuple[str, Properties]]
"""The inputs, defaults filled in, to the id and those outputs that are not inputs."""
Read: TypeAlias = Callable[[Api, str, Properties], Properties | None]
"""The id and the last state (empty on an import) to what is there now, or None where it is gone."""
Update: TypeAlias = Callable[[Api, str, Properties], Properties]
"""The id and the state with the new inputs in it to those outputs that changed with them."""
Delete: TypeAlias = Callable[[Api, str, Properties], None]
"""The id and the last state."""
Same: TypeAlias = Callable[[Any, Any], bool]
Complaint: TypeAlias = Callable[[Any], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One resource type: its inputs, what a change of each means, and its calls."""

    type: str
    """The type token, `tailscale:index/acl:Acl`."""
    label: str
    """As the provider's errors name it: `oauth client`."""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values that an optional input has where it is not given; they are outputs, never inputs."""
    computed: tuple[str, ...] = ()
    """Outputs of the API. An optional input among them keeps its value where it is no longer given."""
    stable: tuple[str, ...] = ()
    """Those of `computed` that no update changes."""
    secret: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    """Inputs that cannot be changed in place."""
    sets: tuple[str, ...] = ()
    """Inputs whose order means nothing."""
    same: Mapping[str, Same] = field(default_factory=dict[str, Same])
    """Inputs with a sameness of their own."""
    complaints: Mapping[str, Complaint] = field(default_factory=dict[str, Complaint])
    """What is wrong with a known value of an input."""
    named: bool = False
    """Whether `name` is made from the logical name where it is not given."""
    must_replace: Callable[[Properties], str | None] = lambda _: None
    """From the state, the output because of which the resource must be made anew whatever the inputs are."""
    verbs: tuple[str, str, str, str] = ("create", "fetch", "update", "delete")
    """The words of the errors of the four calls."""
    create: Create
    read: Read
    update: Update | None = None
    delete: Delete | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every input, the required ones first."""
        return self.required + self.optional
