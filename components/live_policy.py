"""What a stack does that writes no policy file: look whether the live one knows what its declarations need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pulumi

from components.checking import Declared
from components.refusal import RefusedError
from tailstack.access.needs import Lack, lacks, needed_by_files, needed_by_nodes
from tailstack.access.nodes import declared_nodes
from tailstack.access.reading import read_policy
from tailstack.engine.tailscale_api import Failure, TailscaleApi, TailscaleApiError
from tailstack.topology.shards import Shard
from tailstack.topology.sharing import services_in
from tailstack.topology.tailnet import Tailnet

_MOST_SHOWN = 20


def expect_known(declared: Declared, part: Shard, connected: Callable[[], TailscaleApi], *, is_preview: bool) -> None:
    """Refuse to apply a part of an environment for which the live policy file is not ready; in a preview, warn.

    Raises RefusedError, before anything is registered. Where there is no credential to look with, it warns and goes on.
    """
    try:
        live = read_policy(connected().policy().text, file="the live policy file")
    except TailscaleApiError as error:
        text = f"The tailnet's policy file, which this stack needs and does not write, could not be looked at: {error}."
        _say(text, is_warning=is_preview or error.failure is Failure.MISCONFIGURED)
        return
    compiled = declared.policy
    if part.cluster is None:
        needed = needed_by_files(compiled, declared.tailnet.files)
    else:
        needed = needed_by_nodes(compiled, _names_in(declared.tailnet, part.cluster))
    if missing := lacks(needed, live, compiled):
        _say(_told(missing, declared.tailnet, part), is_warning=is_preview)


def _say(text: str, *, is_warning: bool) -> None:
    if not is_warning:
        raise RefusedError(f"{text} Nothing was changed.")
    pulumi.log.warn(text)


def _names_in(tailnet: Tailnet, cluster: str) -> Iterator[str]:
    """The tags that nodes of a cluster wear, and the Tailscale Services that it serves, with their tags."""
    for node in declared_nodes(tailnet):
        if node.cluster == cluster:
            yield from node.tags
    for each in tailnet.clusters:
        if each.name == cluster:
            yield from (*each.operator.tags, *each.operator.proxy_tags)
            yield from (tag for exposed in (*each.exposures, *each.ingresses) for tag in exposed.tags)
            yield from (name for name, _ in services_in(each))


def _told(missing: Sequence[Lack], tailnet: Tailnet, part: Shard) -> str:
    shown = [f"  {lack}" for lack in missing[:_MOST_SHOWN]]
    if len(missing) > _MOST_SHOWN:
        shown.append(f"  and {len(missing) - _MOST_SHOWN} more")
    what = tailnet.environment if part.cluster is None else f"cluster {part.cluster} of {tailnet.environment}"
    owner = tailnet.guest_of or tailnet.environment
    return (
        f"The tailnet's policy file is not ready for {what}. What it would have to give, and does not:\n"
        + "\n".join(shown)
        + f"\nIt is written by the stack of {owner} that has the whole or the scope `tailnet`: apply that one first."
    )
