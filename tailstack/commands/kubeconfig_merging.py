"""Adds contexts to the text of a kubeconfig, and leaves everything else in it as it is, byte for byte.

The file is parsed only to find where things stand; what is new is put in between. So comments, order, quoting and
whatever other programs keep there stay. What comes out is parsed again and compared with what was meant: a text that
cannot be changed in this way is refused, and never damaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import yaml

from tailstack.commands.kubeconfig_nodes import (
    Problem,
    UnfitKubeconfigError,
    cannot,
    end,
    is_null,
    line_after,
    members,
    no_kubeconfig,
    parsed,
    plain,
)
from tailstack.report.kubeconfigs import (
    AUTH_USER,
    Kubeconfig,
    cluster_entry,
    context_entry,
    kubeconfig_of,
    server_of,
    user_entry,
    user_of,
)
from tailstack.rules.api_proxies import ApiServerProxy

SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_CURRENT = "current-context"


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """The new text, and what was done: entries such as `context blue-operator.tail1a2b.ts.net`."""

    text: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    kept: tuple[str, ...]


def merge(text: str, proxies: Sequence[ApiServerProxy], *, current: ApiServerProxy | None = None) -> Merged:
    """`text` with a context for each proxy, and with `current` as the current context if there is one.

    An entry that has the name of one of ours is ours if it says the same: a cluster that leads to the same host, a context of
    that cluster. It keeps what others added, such as a namespace; only the user of a context is put right when the mode of
    the proxy changed, and only if the context named one of the two users that we give. Credentials are never touched.

    Raises UnfitKubeconfigError with every problem at once.
    """
    root = parsed(text)
    if root is None:
        return _into_nothing(text, proxies, current)
    file = _File(text, root)
    for proxy in proxies:
        file.put_cluster(proxy)
        file.put_context(proxy)
        file.put_user(proxy)
    if current is not None:
        file.put_current(current.fqdn)
    merged = file.written()
    _verify(text, merged, file)
    return Merged(text=merged, added=tuple(file.added), changed=tuple(file.changed), kept=tuple(file.kept))


def _into_nothing(text: str, proxies: Sequence[ApiServerProxy], current: ApiServerProxy | None) -> Merged:
    """A file that says nothing, though it may hold comments."""
    whole = kubeconfig_of(proxies, current=current)
    before = text + _newline(text) if text and not text.endswith(("\n", "\r")) else text
    merged = before + _block(whole, _newline(text))
    if plain(merged) != whole:
        raise UnfitKubeconfigError([cannot(1, 1)])
    added = [f"{one} {entry['name']}" for many, one in SECTIONS.items() for entry in whole[many]]
    return Merged(text=merged, added=tuple(added), changed=(_CURRENT,) if current is not None else (), kept=())


@dataclass(frozen=True, slots=True)
class _Edit:
    """The text from `start` to `end` is replaced by `text`."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class _File:
    """A kubeconfig that is being changed. Edits are gathered, and made at the end."""

    text: str
    root: yaml.MappingNode
    members: dict[str, yaml.Node] = field(init=False)
    entries: dict[str, dict[str, yaml.MappingNode]] = field(init=False)
    new: dict[str, list[Kubeconfig]] = field(init=False)
    meant: Kubeconfig = field(init=False)
    edits: list[_Edit] = field(default_factory=list[_Edit])
    problems: list[Problem] = field(default_factory=list[Problem])
    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    kept: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.members = members(self.root)
        for key, wanted in (("apiVersion", "v1"), ("kind", "Config")):
            found = self.members.get(key)
            if found is not None and found.value != wanted:
                self.problems.append(no_kubeconfig(found, f"its {key} is not {wanted}"))
        self.entries = {section: self._entries_of(section) for section in SECTIONS}
        self.new = {section: [] for section in SECTIONS}
        if self.problems:
            raise UnfitKubeconfigError(self.problems)
        self.meant = plain(self.text)

    def _entries_of(self, section: str) -> dict[str, yaml.MappingNode]:
        """The entries of a section by name. Of several of one name the first counts, as for kubectl."""
        node = self.members.get(section)
        found: dict[str, yaml.MappingNode] = {}
        if node is None or is_null(node):
            return found
        if not isinstance(node, yaml.SequenceNode):
            self.problems.append(no_kubeconfig(node, f"{section} is no list"))
            return found
        for entry in node.value:
            name = members(entry).get("name") if isinstance(entry, yaml.MappingNode) else None
            if isinstance(entry, yaml.MappingNode) and isinstance(name, yaml.ScalarNode):
                found.setdefault(name.value, entry)
            else:
                self.problems.append(no_kubeconfig(entry, f"an entry of {section} has no name"))
        return found

    def put_cluster(self, proxy: ApiServerProxy) -> None:
        """The cluster is kept where it leads to the same host, whatever else was set there."""
        found = self.entries["clusters"].get(proxy.fqdn)
        if found is None:
            self._add("clusters", cluster_entry(proxy))
            return
        server = _inner(found, "cluster").get("server")
        if isinstance(server, yaml.ScalarNode) and _host(server.value) == proxy.fqdn:
            self.kept.append(f"cluster {proxy.fqdn}")
        else:
            self._foreign(found, "cluster", proxy, f"it does not lead to {server_of(proxy)}")

    def put_context(self, proxy: ApiServerProxy) -> None:
        """The context is kept where it is one of that cluster; a user that we gave it is put right."""
        found = self.entries["contexts"].get(proxy.fqdn)
        if found is None:
            self._add("contexts", context_entry(proxy))
            return
        inner = _inner(found, "context")
        cluster, user = inner.get("cluster"), inner.get("user")
        if cluster is None or cluster.value != proxy.fqdn:
            self._foreign(found, "context", proxy, "it is one of another cluster")
        elif isinstance(user, yaml.ScalarNode) and user.value in {AUTH_USER, proxy.fqdn} - {user_of(proxy)}:
            self._replace_scalar(user, user_of(proxy))
            meant = next(each for each in self.meant["contexts"] if each["name"] == proxy.fqdn)
            meant["context"]["user"] = user_of(proxy)
            self.changed.append(f"context {proxy.fqdn}")
        else:
            self.kept.append(f"context {proxy.fqdn}")

    def put_user(self, proxy: ApiServerProxy) -> None:
        """A user is never changed: in noauth mode somebody fills in credentials there."""
        name = user_of(proxy)
        found = self.entries["users"].get(name)
        if found is None:
            if all(entry["name"] != name for entry in self.new["users"]):
                self._add("users", user_entry(proxy))
        elif proxy.impersonates and _inner(found, "user").keys() != {"token"}:
            self._foreign(found, "user", proxy, "it is not the token that Tailscale throws away")
        elif f"user {name}" not in self.kept:
            self.kept.append(f"user {name}")

    def put_current(self, name: str) -> None:
        found = self.members.get(_CURRENT)
        if found is not None and found.value == name:
            return
        self.meant[_CURRENT] = name
        self.changed.append(_CURRENT)
        if isinstance(found, yaml.ScalarNode):
            self._replace_scalar(found, name)

    def written(self) -> str:
        """The text with all edits made. Raises UnfitKubeconfigError with all problems."""
        if self.problems:
            raise UnfitKubeconfigError(self.problems)
        missing: Kubeconfig = {}
        for section, entries in self.new.items():
            node = self.members.get(section)
            if not entries:
                continue
            if node is None:
                missing[section] = entries
                self.meant[section] = entries
            else:
                before = self.meant[section]
                self.meant[section] = [*(before if isinstance(before, list) else ()), *entries]
                self._extend(node, entries)
        if _CURRENT in self.meant and _CURRENT not in self.members:
            missing[_CURRENT] = self.meant[_CURRENT]
        if missing:
            self._append_members(missing)
        text = self.text
        # From the end, so that places before stay right; of two at one place the later one stands behind.
        in_order = sorted(self.edits, key=lambda each: (each.start, each.end))
        for edit in reversed(in_order):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def _add(self, section: str, entry: Kubeconfig) -> None:
        self.new[section].append(entry)
        self.added.append(f"{SECTIONS[section]} {entry['name']}")

    def _foreign(self, node: yaml.Node, kind: str, proxy: ApiServerProxy, why: str) -> None:
        name = user_of(proxy) if kind == "user" else proxy.fqdn
        message = f"There is a {kind} {name} that is not ours: {why}. Rename or remove it."
        problem = Problem(node.start_mark.line + 1, node.start_mark.column + 1, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def _replace_scalar(self, node: yaml.ScalarNode, value: str) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        text = json.dumps(value) if node.style in {'"', "'"} else value
        # An empty value stands right behind its colon.
        self.edits.append(_Edit(start, end, text if end > start else f" {text}"))

    def _extend(self, node: yaml.Node, entries: Sequence[Kubeconfig]) -> None:
        is_empty = not isinstance(node, yaml.SequenceNode) or not node.value
        if is_empty and not self.root.flow_style:
            start = len(self.text[: node.start_mark.index].rstrip(" "))
            self.edits.append(_Edit(start, node.end_mark.index, ""))
            self._insert_lines(node, " " * self.root.start_mark.column, _block(list(entries), self._newline))
        elif is_empty:
            text = json.dumps(list(entries))
            start, end = node.start_mark.index, node.end_mark.index
            self.edits.append(_Edit(start, end, text if end > start else f" {text}"))
        elif isinstance(node, yaml.SequenceNode) and node.flow_style:
            self._insert_in_flow(node, json.dumps(list(entries))[1:-1])
        else:
            self._insert_lines(node, " " * node.start_mark.column, _block(list(entries), self._newline))

    def _append_members(self, members: Kubeconfig) -> None:
        if self.root.flow_style:
            self._insert_in_flow(self.root, json.dumps(members)[1:-1])
        else:
            self._insert_lines(self.root, " " * self.root.start_mark.column, _block(members, self._newline))

    def _insert_in_flow(self, node: yaml.Node, text: str) -> None:
        at = node.end_mark.index - 1
        before = self.text[:at].rstrip()
        comma = "" if before.endswith((",", "[", "{")) else ", "
        # Right behind what stands there, so that a closing bracket on a line of its own stays there.
        at = len(before)
        self.edits.append(_Edit(at, at, f"{comma}{text}" if comma or before.endswith(("[", "{")) else f" {text}"))

    def _insert_lines(self, after: yaml.Node, indentation: str, lines: str) -> None:
        """Lines behind the one on which `after` ends."""
        at = line_after(self.text, end(after))
        before = "" if not at or self.text[at - 1] in "\r\n" else self._newline
        indented = "".join(f"{indentation}{line}" for line in lines.splitlines(keepends=True))
        self.edits.append(_Edit(at, at, before + indented))

    @property
    def _newline(self) -> str:
        return _newline(self.text)


def _verify(old: str, new: str, file: _File) -> None:
    """Raises UnfitKubeconfigError if the new text does not say what was meant."""
    try:
        said = plain(new)
    except (yaml.YAMLError, RecursionError):
        said = None
    if said != file.meant or (old != new) != bool(file.added or file.changed):
        mark = file.root.start_mark
        raise UnfitKubeconfigError([cannot(mark.line + 1, mark.column + 1)])


def _inner(entry: yaml.MappingNode, kind: str) -> dict[str, yaml.Node]:
    """What an entry holds below `cluster`, `context` or `user`; nothing where that is no mapping."""
    node = members(entry).get(kind)
    return members(node) if isinstance(node, yaml.MappingNode) else {}


def _host(server: str) -> str | None:
    try:
        return urlsplit(server).hostname
    except ValueError:
        return None


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _block(value: object, newline: str) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000).replace("\n", newline)
