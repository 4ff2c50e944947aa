"""The environments of a project at a git revision, or in the work tree: one of the two sides of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tailstack.access.compare import Declared
from tailstack.access.compile import compile_policy
from tailstack.commands.revisions import files_at, files_in_work_tree
from tailstack.finding import InvalidTailnetError
from tailstack.topology.loading import STACKS, environments, environments_of, load_environment, resolve_files
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """An environment at a revision: the texts that it is made of and those of all environments, to see whether they are the
    same, and how each environment there is loaded."""

    texts: Mapping[str, str]
    every: Mapping[str, str]
    load: Callable[[str], Tailnet]


def at_commit(project: Path, commit: str, at: datetime) -> dict[str, Side]:
    """The environments of a commit, with rotations as they are at a moment."""
    files = files_at(project, commit)
    return _sides(environments_of(files), files, lambda name: resolve_files(files, name, at))


def in_work_tree(project: Path, at: datetime) -> dict[str, Side]:
    """The environments as they are now, with rotations as they are at a moment."""
    files = files_in_work_tree(project)
    return _sides(environments(project), files, lambda name: load_environment(project, name, at))


def _sides(names: Iterable[str], files: Mapping[str, str], load: Callable[[str], Tailnet]) -> dict[str, Side]:
    return {name: Side(texts=_of_environment(files, name), every=files, load=load) for name in names}


def _of_environment(files: Mapping[str, str], name: str) -> Mapping[str, str]:
    return {path: text for path, text in files.items() if path.startswith(f"{STACKS}/{name}/")}


def is_same(environment: str, before: Side, after: Side) -> bool:
    """Whether an environment is as it was, and so are all that share its tailnet."""
    if before.texts != after.texts:
        return False
    if before.every == after.every:
        return True
    try:
        tailnet = after.load(environment)
    except InvalidTailnetError:
        return True
    return tailnet.guest_of is None and not tailnet.guests


def declared(tailnet: Tailnet) -> Declared:
    """A tailnet with its policy. Raises InvalidTailnetError where the policy has errors."""
    policy = compile_policy(tailnet)
    if any(finding.is_error for finding in policy.findings):
        raise InvalidTailnetError(policy.findings)
    return tailnet, policy
