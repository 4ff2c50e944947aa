"""The offline tier of a preview: the declarations of a base revision against those of the work tree or of another one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from tailstack.access.compare import NOTHING_CHANGED, Declared, compare
from tailstack.access.nodes import declared_nodes
from tailstack.allocation import without_garbage_collection
from tailstack.commands.revisions import commit_of, common_ancestor
from tailstack.commands.sides import Side, at_commit, declared, in_work_tree, is_same
from tailstack.finding import InvalidTailnetError
from tailstack.report.cost import cost_of
from tailstack.report.link_map import link_changes
from tailstack.report.masking import Masking
from tailstack.report.model_difference import model_plan
from tailstack.report.notices import notices_of
from tailstack.report.preview import Preview, Tier
from tailstack.rules.certificates import certificate_names
from tailstack.rules.check import check_shared
from tailstack.rules.subject import subject_of
from tailstack.topology.sharing import load_shared
from tailstack.topology.tailnet import Tailnet

_GONE = "This environment is no longer declared. Its stack stays as it is until somebody destroys it, and nobody looks after it."
_BASE_UNREADABLE = "The base has errors, so that nobody can say what changes; the first of them is: {error}"
_GUEST = "It is a guest: who gains or loses access is told with {owner}, whose policy file it is."


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is compared: the git revision `base` with `head`, which is the work tree where it is None."""

    project: Path
    base: str
    head: str | None
    from_ancestor: bool
    at: datetime


def preview_offline(question: Question, environment: str, masking: Masking) -> Preview:
    """What changes of what is declared. Raises click.UsageError for a revision or an environment that there is not."""
    project, at = question.project, question.at
    old = commit_of(project, question.base)
    new = commit_of(project, question.head) if question.head is not None else None
    if question.from_ancestor:
        old = common_ancestor(project, old, new or "HEAD")
    before = at_commit(project, old, at)
    after = at_commit(project, new, at) if new is not None else in_work_tree(project, at)
    if environment not in {*before, *after}:
        known = ", ".join(sorted({*before, *after}))
        raise click.UsageError(f"No environment called {environment}. There are: {known}.")
    with without_garbage_collection():
        return _preview(question.base, environment, before.get(environment), after.get(environment), masking)


def _preview(base: str, environment: str, before: Side | None, after: Side | None, masking: Masking) -> Preview:
    asked = Preview(environment=environment, tier=Tier.OFFLINE, base=base)
    if after is None:
        return replace(asked, untold=_GONE)
    try:
        shared = load_shared(environment, after.load)
    except InvalidTailnetError as error:
        return replace(asked, findings=error.findings)
    checked = check_shared(shared)
    asked = replace(asked, findings=checked.findings)
    if checked.policy is None or checked.has_errors:
        return asked
    if before is not None and is_same(environment, before, after):
        return replace(asked, comparison=NOTHING_CHANGED)
    try:
        was = None if before is None else load_shared(environment, before.load)
        old = None if was is None else declared(was.whole)
    except InvalidTailnetError as error:
        first = error.findings[0]
        place = f"{first.places[0]}: " if first.places else ""
        return replace(asked, untold=_BASE_UNREADABLE.format(error=f"{place}{first.message}"))
    own = was.own if was is not None else None, shared.own
    return _compared(asked, old, (shared.whole, checked.policy), own, masking)


def _compared(
    asked: Preview, old: Declared | None, new: Declared, own: tuple[Tailnet | None, Tailnet], masking: Masking
) -> Preview:
    plan = model_plan(old, new, own, masking)
    was, now = own
    notices = notices_of(now, plan)
    is_guest = now.guest_of is not None
    return replace(
        asked,
        comparison=None if is_guest else compare(old, new),
        plan=plan,
        links=link_changes(was, now),
        notices=(*([_GUEST.format(owner=now.guest_of)] if is_guest else []), *notices),
        cost=cost_of(
            plan,
            devices=(_devices(was) if was is not None else 0, _devices(now)),
            certified=_certified(old),
            names=_certified(new),
        ),
    )


def _devices(tailnet: Tailnet) -> int:
    return len({node.fqdn for node in declared_nodes(tailnet)})


def _certified(side: Declared | None) -> Collection[str]:
    return () if side is None else certificate_names(subject_of(*side))
