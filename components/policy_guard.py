"""Stands before the policy file is overwritten: an edit that somebody made behind the stack is never lost unseen.

The provider replaces the whole file on an update without looking at it. Three versions are compared here, in canonical
form: what is live, what this stack applied last (or saw at its last refresh), and what it wants now.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping

import pulumi

from components.refusal import RefusedError
from tailstack.access import hujson
from tailstack.report.differences import differences

_MOST_SHOWN = 8


def guard(read_live: Callable[[], str]) -> pulumi.ResourceHookBinding:
    """A hook that reads the live policy by `read_live` before each update of the policy and refuses to lose an edit.

    Creation needs none: there the provider itself writes only over the tailnet's untouched default, or when it is told to
    overwrite. `pulumi up` calls the hook, a preview does not.
    """

    async def before_update(args: pulumi.ResourceHookArgs) -> None:
        live = await asyncio.to_thread(read_live)
        refuse_lost_edit(live=live, applied=_policy(args.old_outputs), wanted=_policy(args.new_inputs))

    return pulumi.ResourceHookBinding(before_update=[pulumi.ResourceHook("policy-guard", before_update)])


def _policy(properties: Mapping[str, object] | None) -> str:
    policy = (properties or {}).get("acl")
    return policy if isinstance(policy, str) else ""


def refuse_lost_edit(*, live: str, applied: str, wanted: str) -> None:
    """Raise RefusedError when the live policy is neither what was applied last nor what is wanted now."""
    if _canonical(live) in (_canonical(applied), _canonical(wanted)):
        return
    edits = "\n".join(f"  {edit}" for edit in _edits(applied, live))
    raise RefusedError(
        "The tailnet's policy file was edited behind this stack, and applying it would undo the edit:\n"
        f"{edits}\n"
        "The policy was left as it is. To keep the edit, write it into the environment's files. To go on, with or without "
        "it, run `pulumi refresh`, which takes the edit into the stack's state; `pulumi preview --diff` then shows what "
        "would be undone, and `pulumi up` does it."
    )


def _canonical(policy: str) -> str:
    try:
        return hujson.format(policy)
    except hujson.HujsonError:
        return policy


def _edits(applied: str, live: str) -> Iterator[str]:
    try:
        before, after = (hujson.to_python(hujson.parse(text).root) for text in (applied, live))
    except hujson.HujsonError:
        yield "one of the two is not HuJSON"
        return
    found = list(differences(before, after))
    yield from map(str, itertools.islice(found, _MOST_SHOWN))
    if len(found) > _MOST_SHOWN:
        yield f"and {len(found) - _MOST_SHOWN} more"
    if not found:
        yield "comments or their places"
