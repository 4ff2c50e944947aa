"""What a part of a tailnet needs of a policy file that another stack writes, and what of it the live one does not have.

The whole policy is compiled all the same. Out of it come the entries that declarations of the part brought, and the
definitions that these name. The live policy is then compared with itself plus these: what would be gained is missing. Access
that the live policy gives in other words is not. Who is in a group is left to the stack that writes the policy, because a
rotation changes it at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tailstack.access.changes import Change, Direction, RightKind
from tailstack.access.compile import CompiledPolicy
from tailstack.access.diff import difference
from tailstack.access.diff_sections import EXIT_NODE
from tailstack.access.policy import AutoApprovers, Grant, Listed, NodeAttribute, Policy, SshRule
from tailstack.access.selectors import Selector, SelectorKind, parse_selector
from tailstack.access.sentences import sentence
from tailstack.finding import Place

_MORE = (Direction.GAINED, Direction.WIDENED)
_NOWHERE = Place("", 1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lack:
    """Something that a policy does not have, in a sentence, and the declarations that need it."""

    text: str
    declarations: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.text} Needed for: {', '.join(self.declarations)}."


def needed_by_nodes(compiled: CompiledPolicy, names: Iterable[str]) -> Policy:
    """The part of a compiled policy that some nodes need; `names` are their tags and the Tailscale Services they serve.

    It is who owns their tags, and what derived entries let them reach and let reach them.
    """
    own = frozenset(names)
    needs = _Needs(compiled, lambda place, named: compiled.is_derived(place) and not own.isdisjoint(named))
    return needs.policy(own, only=own)


def needed_by_files(compiled: CompiledPolicy, files: Iterable[str]) -> Policy:
    """The part of a compiled policy that declarations in some files brought."""
    own = frozenset(files)

    def is_own(place: Place, _named: Iterable[str]) -> bool:
        return compiled.is_derived(place) and any(source.file in own for source in compiled.sources(place))

    return _Needs(compiled, is_own).policy(o.name for o in compiled.policy.tag_owners if is_own(o.place, ()))


def lacks(needed: Policy, live: Policy, compiled: CompiledPolicy) -> tuple[Lack, ...]:
    """What `needed`, a part of `compiled`, asks for and `live` does not have."""

    def lack(text: str, places: Iterable[Place]) -> Lack:
        return Lack(text=text, declarations=tuple(dict.fromkeys(map(compiled.declaration, places))))

    changes = difference(live, _with(live, needed)).changes
    return (
        *(lack(f"{name} is not defined.", [place]) for name, place in _undefined(needed, live)),
        *(
            lack(sentence(change), (cause.place for cause in change.causes))
            for change in changes
            if change.direction in _MORE and not _is_given_more_widely(change, live)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Needs:
    compiled: CompiledPolicy
    is_own: Callable[[Place, Iterable[str]], bool]

    def policy(self, tags: Iterable[str], only: frozenset[str] | None = None) -> Policy:
        """The own entries, and the definitions of `tags` and of all that the entries name.

        With `only`, an entry from elsewhere keeps those destinations that are among these.
        """
        whole = self.compiled.policy
        grants = tuple(
            _narrowed(grant, only)
            for grant in whole.grants or ()
            if self.is_own(grant.place, map(str, (*grant.src, *grant.dst, *grant.via)))
        )
        ssh = tuple(
            _narrowed(rule, only) for rule in whole.ssh if self.is_own(rule.place, map(str, (*rule.src, *rule.dst)))
        )
        attributes = tuple(one for one in whole.node_attributes if self.is_own(one.place, map(str, one.target)))
        approvers = AutoApprovers(
            routes=self._listed(whole.auto_approvers.routes, only),
            exit_node=tuple(one for one in whole.auto_approvers.exit_node if self.is_own(one.place, [one.name])),
            services=self._listed(whole.auto_approvers.services, only),
        )
        named = {*tags, *(selector.name for selector in _selectors((*grants, *ssh), attributes))}
        postures = {posture.text for entry in (*grants, *ssh) for posture in entry.src_posture}
        return Policy(
            file=whole.file,
            grants=grants,
            groups=tuple(group for group in whole.groups if group.name in named),
            tag_owners=tuple(owned for owned in whole.tag_owners if owned.name in named),
            postures=tuple(posture for posture in whole.postures if posture.name in postures),
            auto_approvers=approvers,
            node_attributes=attributes,
            ssh=ssh,
        )

    def _listed(self, entries: Iterable[Listed], only: frozenset[str] | None) -> tuple[Listed, ...]:
        return tuple(
            replace(one, entries=tuple(entry for entry in one.entries if only is None or entry.name in only))
            for one in entries
            if self.is_own(one.place, (one.name, *map(str, one.entries)))
        )


_Entry = TypeVar("_Entry", Grant, SshRule)


def _narrowed(entry: _Entry, only: frozenset[str] | None) -> _Entry:
    """The entry with those destinations that are among these, unless it is one from there or by way of there."""
    ways = entry.via if isinstance(entry, Grant) else ()
    if only is None or any(selector.name in only for selector in (*entry.src, *ways)):
        return entry
    return replace(entry, dst=tuple(target for target in entry.dst if target.name in only))


def _selectors(entries: Iterable[Grant | SshRule], attributes: Iterable[NodeAttribute]) -> Iterator[Selector]:
    """What the entries name. Approvers are the nodes themselves, of which the tags are known."""
    for entry in entries:
        yield from (*entry.src, *entry.dst)
    for attribute in attributes:
        yield from attribute.target


def _undefined(needed: Policy, live: Policy) -> Iterator[tuple[str, Place]]:
    for wanted, there in (
        (needed.tag_owners, live.tag_owners),
        (needed.groups, live.groups),
        (needed.postures, live.postures),
    ):
        defined = {one.name for one in there}
        yield from ((one.name, one.place) for one in wanted if one.name not in defined)


def _with(live: Policy, needed: Policy) -> Policy:
    """The live policy with what is needed beside what it has."""
    postures = {posture.name for posture in live.postures}
    approvers, wanted = live.auto_approvers, needed.auto_approvers
    return replace(
        live,
        grants=(*(live.grants or ()), *(needed.grants or ()))
        if live.grants is not None or live.acls is not None
        else None,
        groups=_joined(live.groups, (group for group in needed.groups if group.name not in _names(live.groups))),
        tag_owners=_joined(live.tag_owners, needed.tag_owners),
        postures=(*live.postures, *(posture for posture in needed.postures if posture.name not in postures)),
        auto_approvers=replace(
            approvers,
            routes=_joined(approvers.routes, wanted.routes),
            exit_node=(*approvers.exit_node, *wanted.exit_node),
            services=_joined(approvers.services, wanted.services),
        ),
        node_attributes=(*live.node_attributes, *needed.node_attributes),
        ssh=(*live.ssh, *needed.ssh),
    )


def _names(entries: Iterable[Listed]) -> frozenset[str]:
    return frozenset(one.name for one in entries)


def _joined(first: Sequence[Listed], second: Iterable[Listed]) -> tuple[Listed, ...]:
    """The entries of both by name, so that a name of both has the selectors of both. The places are those of the second."""
    found: dict[str, Listed] = {one.name: one for one in first}
    for one in second:
        known = found.get(one.name)
        found[one.name] = one if known is None else replace(one, entries=(*known.entries, *one.entries))
    return tuple(found.values())


def _is_given_more_widely(change: Change, live: Policy) -> bool:
    """Whether the live policy has it in another form: for a larger prefix, or for every node."""
    match change.right.kind:
        case RightKind.APPROVAL:
            return change.what != (EXIT_NODE,) and all(
                _approves(live, who, what) for who in change.who for what in change.what
            )
        case RightKind.ATTRIBUTE:
            return any(
                target.kind is SelectorKind.EVERYONE and change.right.name in map(str, attribute.attr)
                for attribute in live.node_attributes
                for target in attribute.target
            )
        case _:
            return False


def _approves(live: Policy, who: str, what: str) -> bool:
    span = parse_selector(what, _NOWHERE).span
    return span is not None and any(
        wider is not None and span in wider and any(entry.name == who for entry in route.entries)
        for route in live.auto_approvers.routes
        for wider in (parse_selector(route.name, _NOWHERE).span,)
    )
