"""Stands before the policy file is written: no edit made behind the stack is lost unseen, and a refusal says why.

The provider replaces the whole file on an update without looking at it. Three versions are compared here, in canonical
form: what is live, what this stack applied last (or saw at its last refresh), and what it wants now. And of a policy whose
tests fail, the provider tells that they failed, but not which.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import pulumi

from components.refusal import RefusedError
from tailstack.access import hujson
from tailstack.engine.stack_config import KEYS, with_config
from tailstack.engine.tailscale_api import Complaint, Failure, TailscaleApi, TailscaleApiError, from_environment
from tailstack.report.differences import differences

_MOST_SHOWN = 8


def connect(config: pulumi.Config, variables: Mapping[str, str]) -> TailscaleApi:
    """The API with the credentials that the provider uses: those of the config `tailscale:`, else of the environment.

    Raises TailscaleApiError (MISCONFIGURED) where neither has any that can be used here.
    """
    stated = {key: value for key in KEYS if (value := config.get(key.removeprefix("tailscale:")))}
    return from_environment(with_config(variables, stated))


def guard(connected: Callable[[], TailscaleApi]) -> pulumi.ResourceHookBinding:
    """A hook for the policy that looks at the live tailnet before each create and update, and refuses by raising.

    `pulumi up` calls it, a preview does not. `connected` is called when it is needed.
    """

    async def before_write(args: pulumi.ResourceHookArgs) -> None:
        applied, wanted = _policy(args.old_outputs), _policy(args.new_inputs)
        await asyncio.to_thread(check, connected, applied=applied, wanted=wanted)

    hooks: list[pulumi.ResourceHook | pulumi.ResourceHookFunction] = [pulumi.ResourceHook("policy-guard", before_write)]
    return pulumi.ResourceHookBinding(before_create=hooks, before_update=hooks)


def _policy(properties: Mapping[str, object] | None) -> str:
    policy = (properties or {}).get("acl")
    return policy if isinstance(policy, str) else ""


def check(connected: Callable[[], TailscaleApi], *, applied: str, wanted: str) -> None:
    """Refuse to write `wanted` where that would lose an edit, or where the service would not take it.

    `applied` is empty before the policy is created: the provider itself then writes only over the tailnet's untouched
    default, unless it is told to overwrite. Raises RefusedError; warns where there is no credential to look with.
    """
    try:
        api = connected()
        if applied:
            refuse_lost_edit(live=api.policy().text, applied=applied, wanted=wanted)
        refuse_invalid(*api.validate_policy(wanted))
    except TailscaleApiError as error:
        if error.failure is not Failure.MISCONFIGURED:
            raise RefusedError(
                f"The tailnet's policy file could not be looked at before writing it: {error}. Nothing was changed."
            ) from error
        pulumi.log.warn(f"The live policy file is written without having been looked at: {error}")


def refuse_lost_edit(*, live: str, applied: str, wanted: str) -> None:
    """Raise RefusedError when the live policy is neither what was applied last nor what is wanted now."""
    if hujson.comparable(live) in (hujson.comparable(applied), hujson.comparable(wanted)):
        return
    edits = "\n".join(f"  {edit}" for edit in _edits(applied, live))
    raise RefusedError(
        "The tailnet's policy file was edited behind this stack, and applying it would undo the edit:\n"
        f"{edits}\n"
        "The policy was left as it is. To keep the edit, write it into the environment's files. To go on, with or without "
        "it, run `pulumi refresh`, which takes the edit into the stack's state; `pulumi preview --diff` then shows what "
        "would be undone, and `pulumi up` does it."
    )


def refuse_invalid(message: str, complaints: Sequence[Complaint]) -> None:
    """Raise RefusedError when the service would not take the policy; `message` is empty when it would."""
    if not message:
        return
    details = "".join(
        f"\n  {c.subject}: {error}" if c.subject else f"\n  {error}" for c in complaints for error in c.errors
    )
    hint = (
        "\nDerived tests can be switched off: tailnet: {policy: {tests: none}}. They are then no longer held by Tailscale."
        if details
        else ""
    )
    raise RefusedError(f"Tailscale refuses the policy file: {message}{details}\nThe policy was left as it is.{hint}")


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
