"""The policy file between two: what is wanted, and beside it what nodes still need that have not been brought over yet.

A policy file is applied before the clusters are. Where it drops a tag that nodes wear, or a right of nodes, those nodes would be
cut off until their cluster has been brought over. So the first pass keeps that, and the second drops it.

What is kept is never more than the live policy file gave: a name that means something else by now is written out as it was, and
of people only those keep a right that have it in both files. It is less than all that the live file gave: what is taken from
people, and has no tag behind it that goes, is taken at once, because a cluster that cannot be reached must not hold it up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, cast

from tailstack.access import hujson
from tailstack.access.compile import sealed_again
from tailstack.plain import entries, mapping, texts

COMMENT = "kept until the nodes that need it have been brought over"
"""Stands above each entry that the first pass keeps."""

KEEP_VARIABLE = "TAILSTACK_POLICY_KEEP"
"""In the environment of the Pulumi program, in the first pass alone: a file with the policy file that nodes live by."""

_TAG, _GROUP = "tag:", "group:"
_ENTRIES = ("grants", "acls")
_NAMED = ("groups", "ipsets", "postures")

_Entry = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The policy file of the first pass, and what is in it beside what is wanted: tags, and entries in words."""

    text: str
    tags: tuple[str, ...]
    entries: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be kept, so that `text` is what is wanted."""
        return not self.tags and not self.entries


def keeping(wanted: str, live: str) -> Kept:
    """The policy file that is wanted, with what nodes still need of the live one. Where that cannot be read nothing is kept."""
    before, after = _document(live), _document(wanted)
    if before is None or after is None:
        return Kept(text=wanted, tags=(), entries=())
    found = _Comparison(before, after)
    owners, entries = dict(found.owners()), {section: list(found.entries(section)) for section in _ENTRIES}
    attributes, approvers = list(found.attributes()), dict(found.approvers())
    if not owners and not attributes and not approvers and not any(entries.values()):
        return Kept(text=wanted, tags=(), entries=())
    root = hujson.parse(wanted).root
    for tag, every in owners.items():
        root = _extended(root, ("tagOwners", tag), every)
    for path, every in approvers.items():
        root = _extended(root, path, every)
    for section, every in (*entries.items(), ("nodeAttrs", attributes)):
        root = _extended(root, (section,), every) if every else root
    root = _without_denials(root, after)
    return Kept(
        text=sealed_again(hujson.format(hujson.pack(root))),
        tags=tuple(sorted(found.leaving)),
        entries=tuple(_told(entry) for every in entries.values() for entry in every),
    )


class _Comparison:
    """Two policy files as plain data, and what of the first one the second has not."""

    def __init__(self, before: _Entry, after: _Entry) -> None:
        self._before = before
        self._after = after
        owned, wanted = set(mapping(before.get("tagOwners"))), set(mapping(after.get("tagOwners")))
        self.leaving: AbstractSet[str] = owned - wanted
        arriving = wanted - owned
        self._promised = {
            source
            for section in _ENTRIES
            for entry in entries(after.get(section))
            if any(_tag_in(target) in arriving for target in texts(entry.get("dst")))
            for source in texts(entry.get("src"))
        }

    def owners(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Tags that go, with their owners, and owners that go and are tags: an operator that wears one makes nodes by it."""
        wanted = mapping(self._after.get("tagOwners"))
        for tag, owners in mapping(self._before.get("tagOwners")).items():
            owned = texts(owners)
            if tag in self.leaving:
                yield tag, [owner for owner in owned if self._is_as_before(owner)]
            elif lost := [one for one in owned if one.startswith(_TAG) and one not in texts(wanted.get(tag))]:
                yield tag, lost

    def entries(self, section: str) -> Iterator[_Entry]:
        """What nodes could do, and what people could do with nodes whose tag goes; ports and capabilities as they were."""
        known = {_canonical(entry) for entry in self._conditioned(self._after, section)}
        for entry in self._conditioned(self._before, section):
            if _canonical(entry) in known or not all(map(self._is_as_before, texts(entry.get("srcPosture")))):
                continue
            sources, targets = texts(entry.get("src")), texts(entry.get("dst"))
            nodes = [source for source in sources if source.startswith(_TAG)]
            people = list(self._people(sources))
            reached = [target for target in targets if self._is_as_before(target)]
            tagged = [target for target in targets if _tag_in(target) in self.leaving]
            if nodes and reached:
                yield {**entry, "src": nodes, "dst": reached}
            if people and tagged:
                yield {**entry, "src": people, "dst": tagged}

    def _conditioned(self, document: _Entry, section: str) -> Iterator[_Entry]:
        """Entries with the condition that holds for them: the default of their own file, where they name none."""
        default = texts(document.get("defaultSrcPosture"))
        for entry in entries(document.get(section)):
            yield {**entry, "srcPosture": default} if default and not entry.get("srcPosture") else entry

    def attributes(self) -> Iterator[_Entry]:
        """Attributes of the nodes whose tag goes, such as Funnel."""
        for entry in entries(self._before.get("nodeAttrs")):
            if targets := [target for target in texts(entry.get("target")) if target in self.leaving]:
                yield {**entry, "target": targets}

    def approvers(self) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
        """By path of the list the tags that go, and that approve routes, exit nodes and Tailscale Services."""
        found = mapping(self._before.get("autoApprovers"))
        lists: dict[tuple[str, ...], Sequence[str]] = {("autoApprovers", "exitNode"): texts(found.get("exitNode"))}
        for section in ("routes", "services"):
            for name, every in mapping(found.get(section)).items():
                lists["autoApprovers", section, name] = texts(every)
        for path, every in lists.items():
            if tags := [one for one in every if one in self.leaving]:
                yield path, tags

    def _people(self, sources: Sequence[str]) -> Iterator[str]:
        """Of those who may reach what takes the place, those who could before and are the same now."""
        for source in sources:
            if source not in self._promised or source.startswith(_TAG):
                continue
            if self._is_as_before(source):
                yield source
            elif source.startswith(_GROUP):
                before, after = (texts(mapping(side.get("groups")).get(source)) for side in (self._before, self._after))
                yield from (member for member in before if member in after)

    def _is_as_before(self, name: str) -> bool:
        """Whether a name means in both files the same. One that neither defines, such as a user or a tag, does."""
        bare = name.partition(":")[0]
        if _value(self._before, "hosts", name) != _value(self._after, "hosts", name):
            return False
        if _value(self._before, "hosts", bare) != _value(self._after, "hosts", bare):
            return False
        return all(_value(self._before, each, name) == _value(self._after, each, name) for each in _NAMED)


def _document(text: str) -> _Entry | None:
    try:
        document: object = hujson.to_python(hujson.parse(text).root)
    except hujson.HujsonError:
        return None
    return cast("_Entry", document) if isinstance(document, dict) else None


def _extended(root: hujson.Value, path: Sequence[str], added: Sequence[_Entry | str]) -> hujson.Value:
    """The document with more elements in one of its lists, which may be new, and a comment above the first of them."""
    there = hujson.find_path(root, path) or hujson.build([])
    elements = [hujson.build(one) for one in added]
    elements[:1] = [hujson.commented(first, COMMENT) for first in elements[:1]]
    return hujson.with_path(root, path, hujson.append_elements(there, elements))


def _without_denials(root: hujson.Value, wanted: _Entry) -> hujson.Value:
    """What must not be possible may still be, until nothing is kept any more: such tests are left out meanwhile."""
    tests = [
        {key: value for key, value in test.items() if key != "deny"}
        for test in entries(wanted.get("tests"))
        if texts(test.get("accept"))
    ]
    return hujson.with_member(root, "tests", tests) if "tests" in wanted else root


def _told(entry: _Entry) -> str:
    return f"{', '.join(texts(entry.get('src')))} to {', '.join(texts(entry.get('dst')))}"


def _tag_in(target: str) -> str:
    """The tag in a destination: that of `acls` has ports behind it."""
    return ":".join(target.split(":")[:2]) if target.startswith(_TAG) else ""


def _canonical(entry: _Entry) -> str:
    return json.dumps(entry, sort_keys=True)


def _value(document: _Entry, section: str, name: str) -> object:
    return mapping(document.get(section)).get(name)
