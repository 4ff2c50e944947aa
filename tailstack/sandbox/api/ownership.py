"""Which tags a credential may give, and which tags a Service may wear."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from tailstack.sandbox.api import policy_file
from tailstack.sandbox.api.answers import RefusedError
from tailstack.sandbox.api.scopes import TAGGED_SCOPES, Actor
from tailstack.sandbox.api.tailnet import Tailnet


def refuse_foreign_tags(tailnet: Tailnet, actor: Actor, tags: Iterable[str]) -> None:
    """Raise RefusedError (400) unless the actor may give all of these tags.

    A trust credential may give exactly its own tags, or tags that its tags own; a proper part of its own tags is refused
    (tailscale/tailscale#15456, terraform-provider-tailscale#437). Who administers the tailnet may give every declared tag.
    """
    wanted = tuple(tags)
    owners = policy_file.tag_owners(tailnet)
    declared = all(tag in owners for tag in wanted)
    if actor.every_tag:
        permitted = declared
    else:
        owned = all(not actor.tags.isdisjoint(owners.get(tag, ())) for tag in wanted)
        permitted = declared and (owned or frozenset(wanted) == actor.tags)
    if not permitted:
        raise not_permitted(wanted)


def not_permitted(tags: Iterable[str]) -> RefusedError:
    """The service's answer to tags that are not declared or that the caller does not own."""
    return RefusedError(HTTPStatus.BAD_REQUEST, f"requested tags [{' '.join(tags)}] are invalid or not permitted")


def refuse_missing_tags(scopes: Iterable[str], tags: Iterable[str]) -> None:
    """Raise RefusedError (400) where a trust credential has a scope that makes devices, and no tag for them."""
    if not tuple(tags) and not TAGGED_SCOPES.isdisjoint(scopes):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "tags are required for the scopes devices:core and auth_keys")
