"""What a planned step means: which values of an object change, in words, and what kind of change that is. Pure.

Values are compared after JSON in texts is read and secrets are masked; what is masked here is masked in every report.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from tailstack.access.diff import difference
from tailstack.access.reading import read_policy
from tailstack.access.sentences import sentences
from tailstack.report.differences import ABSENT, joined_path
from tailstack.report.masking import BLINDED, UNKNOWN, Masked, Masking
from tailstack.report.plan import ChangeClass, ChangedValue, Op, PolicyEdit
from tailstack.report.resource_kinds import KUBERNETES, RELEASE, resource_kind

KNOWN_LATER = "known after the apply"
UNREADABLE = "It cannot be read as a policy file: what it gives access to cannot be told."

_BOOKKEEPING: Mapping[str, frozenset[str]] = {RELEASE: frozenset({"checksum", "resourceNames"})}
"""Inputs that the provider makes of others."""

_NOTHING_GRANTED = '{"grants": []}'
"""What stands for a policy file that the stack has not written: an empty one would let everyone reach everything."""

_NOISE = re.compile(r'metadata\.annotations\["pulumi\.com/')
_METADATA = re.compile(r"metadata\.(?:labels|annotations)\b")
_TAILSCALE = re.compile(r"[\"./]tailscale\.com/")

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern + r"(?![A-Za-z])"), words)
    for pattern, words in (
        (r'metadata\.annotations\["tailscale\.com/expose"\]', "whether it is in the tailnet"),
        (r'metadata\.annotations\["tailscale\.com/hostname"\]', "its name in the tailnet"),
        (r'metadata\.annotations\["tailscale\.com/tags"\]', "its tags"),
        (r'metadata\.annotations\["tailscale\.com/tailnet-fqdn"\]', "the node that it leads to"),
        (r'metadata\.annotations\["tailscale\.com/tailnet-ip"\]', "the address that it leads to"),
        (r'metadata\.annotations\["tailscale\.com/proxy-group"\]', "its proxy group"),
        (r'metadata\.annotations\["tailscale\.com/funnel"\]', "whether it is open to the internet"),
        (r'metadata\.annotations\["tailscale\.com/http-endpoint"\]', "what it answers on port 80"),
        (r'metadata\.labels\["tailscale\.com/proxy-class"\]', "its proxy class"),
        (r"metadata\.name", "its name in Kubernetes"),
        (r"metadata\.namespace", "its namespace"),
        (r"spec\.ports", "its ports"),
        (r"spec\.selector", "the pods behind it"),
        (r"spec\.externalName", "the name that it stands for"),
        (r"spec\.defaultBackend", "the Service behind it"),
        (r"spec\.rules", "the Services behind its paths"),
        (r"spec\.tls", "its name in the tailnet"),
        (r"spec\.replicas", "how many nodes it has"),
        (r"spec\.hostnamePrefix", "the names of its nodes"),
        (r"spec\.hostname", "its name in the tailnet"),
        (r"spec\.tags", "its tags"),
        (r"spec\.proxyClass", "its proxy class"),
        (r"spec\.subnetRouter\.advertiseRoutes", "the routes that it offers"),
        (r"spec\.exitNode", "whether it is an exit node"),
        (r"spec\.appConnector", "what it is an app connector for"),
        (r"spec\.storage", "where it keeps what it records"),
        (r"roleRef", "the role"),
        (r"subjects", "who has the role"),
        (r"rules", "what the role allows"),
    )
)
_OF_RELEASE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"version\Z"), "the version of the chart"),
    (re.compile(r"values\.apiServerProxyConfig\.mode\Z"), "the API-server proxy"),
    (re.compile(r"values\.operatorConfig\.hostname\Z"), "the operator's name in the tailnet"),
    (re.compile(r"values\.operatorConfig\.defaultTags"), "the operator's tags"),
    (re.compile(r"values\.proxyConfig\.defaultTags"), "the tags of proxies that nobody declared"),
    (re.compile(r"values\.operatorConfig\.image"), "the operator's image"),
    (re.compile(r"values\.proxyConfig\.image"), "the image of proxies"),
)
_STEP = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([^.\[\]]+)')
_IDENTITIES = ("name", "port", "path", "host", "key")
"""Keys by which the items of a list are told apart, so that one that is put in between is not a change of all after it."""


def changed_values(
    token: str, before: Mapping[str, object], after: Mapping[str, object], masking: Masking
) -> tuple[ChangedValue, ...]:
    """Every path at which two states of the inputs of a resource differ, in order; all of `after` where `before` is empty."""
    kind = _kind(token)
    left, right = (masking.tree(_parsed(_inputs(token, side)), kind=kind) for side in (before, after))
    return tuple(_changed(token, *found) for found in _differing(left, right, ""))


def _inputs(token: str, inputs: Mapping[str, object]) -> dict[str, object]:
    found = {key: value for key, value in inputs.items() if key not in _left_out(token)}
    chart = found.get("chart")
    if token == RELEASE and isinstance(chart, str) and chart.startswith("/"):
        # A folder of this machine: where the checkout stands says nothing about the change.
        found["chart"] = posixpath.basename(chart)
    return found


def _kind(token: str) -> str:
    return token.rsplit(":", 1)[-1].removesuffix("Patch") if token.startswith(KUBERNETES) else ""


def blinded_values(paths: Sequence[str], values: Sequence[ChangedValue], token: str) -> tuple[ChangedValue, ...]:
    """A value for each path that changes from one blinded secret to another, of which no comparison tells."""
    known = {value.path for value in values}
    return tuple(
        ChangedValue(path=path, before="secret", after="another secret", words=words_of(token, path), is_secret=True)
        for path in paths
        if path not in known
    )


def put_back(
    token: str, paths: Sequence[str], live: Mapping[str, object], wanted: Mapping[str, object], masking: Masking
) -> tuple[ChangedValue, ...]:
    """The values at paths where the live object is not as it is wanted, though what is wanted has not changed."""
    kind = _kind(token)
    left, right = (masking.tree(_parsed(side), kind=kind) for side in (live, wanted))
    return tuple(
        _changed(token, path, value_at(left, path), value_at(right, path))
        for path in paths
        if path.partition("[")[0].partition(".")[0] not in _left_out(token)
    )


def value_at(value: object, path: str) -> object:
    """What stands at a path as the engine writes it (`a.b[0]["c.d"]`), or the value that hides all below it; ABSENT if none.

    https://www.pulumi.com/docs/iac/concepts/miscellaneous/property-paths has the syntax.
    """
    here = value
    for quoted, index, key in _STEP.findall(path):
        if _hides(here):
            return here
        name: object = int(index) if index else json.loads(quoted) if quoted else key
        here = _items(here).get(name, ABSENT)
    return here


def _items(value: object) -> Mapping[object, object]:
    """What stands below a value, by key or by number; nothing below a plain one."""
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value)
    return dict(enumerate(cast("list[object]", value))) if isinstance(value, list) else {}


def _hides(value: object) -> bool:
    return isinstance(value, Masked) or value == BLINDED


def _left_out(token: str) -> frozenset[str]:
    return _BOOKKEEPING.get(token, frozenset()) | {"__defaults"}


def _changed(token: str, path: str, before: object, after: object) -> ChangedValue:
    return ChangedValue(
        path=path,
        before=_written(before),
        after=_written(after),
        words=words_of(token, path),
        is_secret=isinstance(before, Masked) or isinstance(after, Masked),
    )


def _written(value: object) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, Masked):
        return str(value)
    return KNOWN_LATER if value == UNKNOWN else json.dumps(value, ensure_ascii=False, sort_keys=True)


def words_of(token: str, path: str) -> str:
    """What a path of an object of a type means, or nothing where the path must speak for itself."""
    table = _OF_RELEASE if token == RELEASE else _WORDS if token.startswith(KUBERNETES) else ()
    return next((words for pattern, words in table if pattern.match(path)), "")


def class_of(
    token: str, op: Op, values: Sequence[ChangedValue], *, gives_other_access: bool | None = None
) -> ChangeClass:
    """What kind of change it is. `gives_other_access` is for the policy file: None where nobody can tell."""
    kind = resource_kind(token)
    if op is Op.FORGET:
        return ChangeClass.METADATA
    if op.removes and kind.is_lost:
        return ChangeClass.DATA_LOSS
    if op is Op.REPLACE:
        return ChangeClass.REPLACE
    if op is Op.UPDATE:
        if not values or all(_NOISE.match(value.path) for value in values):
            return ChangeClass.NOISE
        if gives_other_access is False or all(_is_metadata(value.path) for value in values):
            return ChangeClass.METADATA
    return kind.change_class


def _is_metadata(path: str) -> bool:
    return bool(_METADATA.match(path)) and not _TAILSCALE.search(path)


def policy_sentences(edit: PolicyEdit) -> tuple[bool | None, tuple[str, ...]]:
    """Whether another policy file gives other access, and what changes in words. None where it cannot be read."""
    before, after = read_policy(edit.before or _NOTHING_GRANTED), read_policy(edit.after)
    if any(finding.is_error for read in (before, after) for finding in read.findings):
        return None, (UNREADABLE,)
    found = difference(before, after)
    return not found.is_empty, sentences(found)


def _parsed(value: object) -> object:
    """The same with JSON objects and lists in place of texts that hold them."""
    if isinstance(value, Mapping):
        return {key: _parsed(each) for key, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_parsed(each) for each in cast("list[object]", value)]
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _parsed(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return value


def _differing(before: object, after: object, path: str) -> Iterator[tuple[str, object, object]]:
    if _is_mapping(before, after):
        left, right = (cast("Mapping[str, object]", {} if side is ABSENT else side) for side in (before, after))
        for key in sorted({*left, *right}):
            yield from _differing(left.get(key, ABSENT), right.get(key, ABSENT), joined_path(path, key))
        if not left and not right and before is not after and ABSENT in (before, after):
            yield path, before, after
    elif _is_list(before, after):
        lists = [cast("list[object]", [] if side is ABSENT else side) for side in (before, after)]
        yield from _differing_lists(before, after, lists[0], lists[1], path)
    elif any(isinstance(side, Mapping | list) for side in (before, after)):
        # Something else stands there now: what was below it is gone, and each part may be a secret of its own.
        yield from _differing(before, ABSENT, path)
        yield from _differing(ABSENT, after, path)
    elif before != after:
        yield path, before, after


def _differing_lists(
    before: object, after: object, left: list[object], right: list[object], path: str
) -> Iterator[tuple[str, object, object]]:
    every = [*left, *right]
    if not any(isinstance(item, Mapping | list | Masked) for item in every):
        if before != after:
            yield path, before, after
        return
    identity = _identity(left, right)
    if identity is None:
        for index in range(max(len(left), len(right))):
            one = left[index] if index < len(left) else ABSENT
            other = right[index] if index < len(right) else ABSENT
            yield from _differing(one, other, f"{path}[{index}]")
        return
    named = [
        {json.dumps(cast("Mapping[str, object]", item)[identity]): item for item in side} for side in (left, right)
    ]
    for name in dict.fromkeys([*named[0], *named[1]]):
        yield from _differing(named[0].get(name, ABSENT), named[1].get(name, ABSENT), f"{path}[{identity}={name}]")


def _identity(left: Sequence[object], right: Sequence[object]) -> str | None:
    """The key that tells the items of both lists apart, if there is one."""
    for key in _IDENTITIES:
        if all(_is_told_apart(side, key) for side in (left, right)):
            return key
    return None


def _is_told_apart(items: Sequence[object], key: str) -> bool:
    found: list[object] = []
    for item in items:
        value = cast("Mapping[str, object]", item).get(key) if isinstance(item, Mapping) else None
        if not isinstance(value, str | int):
            return False
        found.append(value)
    return len(found) == len(set(found))


def _is_mapping(one: object, other: object) -> bool:
    return _both(one, other, Mapping)


def _is_list(one: object, other: object) -> bool:
    return _both(one, other, list)


def _both(one: object, other: object, kind: type) -> bool:
    """Whether both are of a kind, or one is and the other is not there."""
    sides = [side for side in (one, other) if side is not ABSENT]
    return bool(sides) and all(isinstance(side, kind) for side in sides)
