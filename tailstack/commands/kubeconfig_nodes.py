"""A kubeconfig as YAML nodes: each value with the place in the text where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import yaml

from tailstack.report.kubeconfigs import Kubeconfig

_NULL = "tag:yaml.org,2002:null"


class _Loader(Protocol):
    """What is used of PyYAML's loader, which brings no types."""

    def check_event(self, choice: type[yaml.Event]) -> bool: ...
    def get_event(self) -> yaml.Event: ...
    def get_single_node(self) -> yaml.Node | None: ...


# In Python and not by libyaml, which counts bytes and not characters.
_LOADER = cast("Callable[[str], _Loader]", yaml.SafeLoader)


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """Why the file is left alone: line and column, counted from 1, and a sentence. Never a value of the file."""

    line: int
    column: int
    message: str


class UnfitKubeconfigError(Exception):
    """The file is broken, no kubeconfig, holds foreign entries of our names, or cannot be changed in place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("; ".join(problem.message for problem in self.problems))


def parsed(text: str) -> yaml.MappingNode | None:
    """The document's root, None where there is nothing in it. Raises UnfitKubeconfigError."""
    try:
        root = _LOADER(text).get_single_node()
        anchor = _first_anchor(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        # The snippet that the error carries may hold a credential; its problem names characters and structure only.
        raise UnfitKubeconfigError([Problem(*place, f"This is no YAML: {error.problem}.")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnfitKubeconfigError(
            [Problem(line, 1, "This is no YAML: it holds a character that YAML forbids.")]
        ) from None
    except RecursionError:
        raise UnfitKubeconfigError([Problem(1, 1, "This is nested too deeply for a kubeconfig.")]) from None
    if root is None or is_null(root):
        return None
    if anchor is not None:
        mark = anchor.start_mark
        raise UnfitKubeconfigError([cannot(mark.line + 1, mark.column + 1, " because of its YAML anchors")])
    if not isinstance(root, yaml.MappingNode):
        raise UnfitKubeconfigError([no_kubeconfig(root, "it is no mapping")])
    return root


def _first_anchor(text: str) -> yaml.Event | None:
    """The first value with an anchor: it would be changed in more than one place."""
    loader = _LOADER(text)
    while not loader.check_event(yaml.StreamEndEvent):
        event = loader.get_event()
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            return event
    return None


def plain(text: str) -> Kubeconfig:
    """What a text says, every scalar as it is written: enough to compare."""
    return cast("Kubeconfig", yaml.load(text, yaml.BaseLoader))  # noqa: S506  it makes strings, lists and maps only


def cannot(line: int, column: int, why: str = "") -> Problem:
    return Problem(
        line,
        column,
        f"This file cannot be changed in place{why}. Merge what `tailstack kubeconfig` prints by hand, or name another --file.",
    )


def no_kubeconfig(node: yaml.Node, why: str) -> Problem:
    return Problem(node.start_mark.line + 1, node.start_mark.column + 1, f"This is no kubeconfig: {why}.")


def members(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    """The values of a mapping by their keys. Raises UnfitKubeconfigError for a key that is there twice."""
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            raise UnfitKubeconfigError([no_kubeconfig(key, "a key is there twice")])
        found[name] = value
    return found


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def end(node: yaml.Node) -> yaml.Mark:
    """Where the text of a node ends. What PyYAML calls the end of a block is the start of what follows it."""
    if isinstance(node, yaml.MappingNode | yaml.SequenceNode) and not node.flow_style and node.value:
        last: Any = node.value[-1]
        return end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return node.end_mark


def line_after(text: str, mark: yaml.Mark) -> int:
    """Where the line behind the one of `mark` starts; a block scalar ends on that line already."""
    if not text[mark.index - mark.column : mark.index].strip() and mark.index < len(text):
        return mark.index - mark.column
    end = re.compile(r"\r\n|\n|\r|\Z").search(text, mark.index)
    return end.end() if end else len(text)
