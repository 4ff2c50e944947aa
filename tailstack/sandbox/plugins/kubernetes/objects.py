"""Objects between program, state and cluster: names, what counts as the same, and whose fields are whose. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from tailstack.sandbox.plugins.values import UNKNOWN, Change, Properties, Secret, has_unknown, reveal

AUTONAMED: Final = "pulumi.com/autonamed"
FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_READ_ONLY: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
# Whose changes an update takes over instead of meeting them as conflicts (`fixCSAFieldManagers` of the official plugin).
_TAKEN_OVER: Final = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")
_ABSENT: Final = object()

Path = tuple[str | int, ...]


def dig(value: object, *path: str | int) -> Any:  # noqa: ANN401  any property value
    """What lies at a path, or None where it ends early. UNKNOWN is found at every path below it."""
    for step in path:
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, dict):
            value = cast("Properties", value).get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[step]
        else:
            return None
    return value


def text(value: object, *path: str | int) -> str:
    """What lies at a path where that is a string, or nothing."""
    found = dig(value, *path)
    return found if isinstance(found, str) else ""


def table(value: object, *path: str | int) -> Properties:
    """What lies at a path where that is an object, or an empty one."""
    found = dig(value, *path)
    return cast("Properties", found) if isinstance(found, dict) else {}


def rows(value: object, *path: str | int) -> list[Properties]:
    """The objects in the list that lies at a path."""
    found = dig(value, *path)
    listed = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("Properties", one) for one in listed if isinstance(one, dict)]


def annotation(inputs: Properties, name: str) -> str:
    """An annotation of an object, or nothing."""
    return text(inputs, "metadata", "annotations", f"pulumi.com/{name}")


def identifier(live: Properties) -> str:
    """The resource id of an object: `namespace/name`, or the name alone for a kind without namespaces."""
    namespace, name = text(live, "metadata", "namespace"), text(live, "metadata", "name")
    return f"{namespace}/{name}" if namespace else name


def parse_identifier(identity: str) -> tuple[str, str]:
    """Namespace and name of a resource id. Without a namespace the first is empty."""
    namespace, slash, name = identity.partition("/")
    return (namespace, name) if slash else ("", namespace)


def parse_path(path: str) -> Path:
    """A property path, `spec.ports[0].name` or `metadata.annotations["a.b/c"]`, in steps."""
    steps: list[str | int] = []
    rest = path
    while rest:
        if rest.startswith('["'):
            key, rest = _quoted(rest)
            steps.append(key)
        elif rest.startswith("["):
            index, _, rest = rest[1:].partition("]")
            steps.append(int(index) if index.isdigit() else index)
        else:
            rest = rest.removeprefix(".")
            end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)


def _quoted(rest: str) -> tuple[str, str]:
    key, at = "", 2
    while at < len(rest) and rest[at] != '"':
        at += rest[at] == "\\"
        key += rest[at : at + 1]
        at += 1
    return key, rest[at + 2 :]


def named(inputs: Properties, *, old: Properties, base: str, seed: bytes) -> Properties:
    """The inputs with a name: their own, that of the old inputs where that was made up too, or `base` and eight letters."""
    if dig(inputs, "metadata", "name"):
        return inputs
    name = text(old, "metadata", "name")
    if old and not (name and is_autonamed(old)):
        return inputs
    annotations: object = {**table(inputs, "metadata", "annotations"), AUTONAMED: "true"}
    if dig(inputs, "metadata", "annotations") is UNKNOWN:
        annotations = UNKNOWN
    metadata = {**table(inputs, "metadata"), "name": name or f"{base}-{_letters(seed)}", "annotations": annotations}
    return {**inputs, "metadata": metadata}


def is_autonamed(inputs: Properties) -> bool:
    """Whether the plugin made the object's name up."""
    return text(inputs, "metadata", "annotations", AUTONAMED) == "true"


def _letters(seed: bytes) -> str:
    alphabet = string.ascii_lowercase + string.digits
    digest = hashlib.sha256(seed or secrets.token_bytes(32)).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:8])


def new_field_manager() -> str:
    """A name under which one resource's fields are applied."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def with_namespace(inputs: Properties, namespace: str) -> Properties:
    """The inputs in a namespace, or in none where that is empty."""
    if inputs.get("metadata") is UNKNOWN:
        return inputs
    kept = {key: value for key, value in table(inputs, "metadata").items() if key != "namespace"}
    return {**inputs, "metadata": {**kept, "namespace": namespace} if namespace else kept}


def normal(inputs: Properties) -> Properties:
    """One form for what means the same: no nulls, no read-only metadata, a Secret's `stringData` among its `data`.

    Such an object can be applied, and compared with another one.
    """
    result = _without_nulls(inputs)
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        result["metadata"] = {
            key: value for key, value in cast("Properties", metadata).items() if key not in _READ_ONLY
        }
    if is_secret(result):
        result = _normal_secret(result)
    return result


def is_secret(inputs: Properties) -> bool:
    """Whether an object is a Secret of the core group."""
    return inputs.get("kind") == "Secret" and inputs.get("apiVersion") == "v1"


def _without_nulls(value: Any) -> Any:  # noqa: ANN401  any property value
    if isinstance(value, dict):
        items = cast("Properties", value).items()
        return {key: _without_nulls(element) for key, element in items if element is not None}
    if isinstance(value, list):
        return [_without_nulls(element) for element in cast("list[Any]", value)]
    return value


def _normal_secret(inputs: Properties) -> Properties:
    plain, data = inputs.get("stringData"), inputs.get("data")
    rest = {key: value for key, value in inputs.items() if key != "stringData"}
    if plain is UNKNOWN or data is UNKNOWN:
        return {**rest, "data": UNKNOWN}
    if not isinstance(plain, dict):
        return inputs
    encoded = {key: _encoded(value) for key, value in cast("Properties", plain).items()}
    return {**rest, "data": {**table(data), **encoded}}


def _encoded(value: object) -> object:
    return base64.b64encode(value.encode()).decode() if isinstance(value, str) else value


def refreshed(inputs: Properties, *, recorded: Properties, live: Properties) -> Properties:
    """The inputs that a program would need to get the live object, in the keys of its inputs alone.

    A field of the live object that is still as it was recorded keeps the program's own way of writing it. So nothing
    that the server normalises shows as drift, and whatever changed since then does.
    """
    before = normal(inputs)
    after = _carried(before, recorded, live)
    return inputs if after == before else after


def _carried(wanted: object, recorded: object, live: object) -> Any:  # noqa: ANN401  any property value
    if recorded is not _ABSENT and live == recorded:
        return wanted
    if isinstance(wanted, dict) and isinstance(live, dict):
        now, then = cast("Properties", live), cast("Properties", recorded if isinstance(recorded, dict) else {})
        return {
            key: _carried(value, then.get(key, _ABSENT), now[key]) if key in now else value
            for key, value in cast("Properties", wanted).items()
            if key in now or key not in then
        }
    if isinstance(wanted, list) and isinstance(live, list):
        ours, then = cast("list[Any]", wanted), cast("list[Any]", recorded if isinstance(recorded, list) else [])
        return [
            _carried(ours[at], then[at] if at < len(then) else _ABSENT, element) if at < len(ours) else element
            for at, element in enumerate(cast("list[Any]", live))
        ]
    return live


def imported(live: Properties) -> Properties:
    """The inputs for an object that no program has described yet."""
    inputs = normal({key: value for key, value in live.items() if key != "status"})
    annotations = table(inputs, "metadata", "annotations")
    if annotations:
        dropped = (_LAST_APPLIED, "deployment.kubernetes.io/revision")
        kept = {key: value for key, value in annotations.items() if key not in dropped}
        inputs["metadata"] = {**inputs["metadata"], "annotations": kept}
        if not kept:
            del inputs["metadata"]["annotations"]
    return masked(inputs)


def masked(live: Properties) -> Properties:
    """An object with everything marked that is a secret by nature: a Secret's content, also where kubectl repeats it."""
    result = dict(live)
    if is_secret(live):
        for key in ("data", "stringData"):
            if key in result:
                result[key] = Secret(result[key])
    known = table(live, "metadata", "annotations")
    if _LAST_APPLIED in known:
        result["metadata"] = {
            **result["metadata"],
            "annotations": {**known, _LAST_APPLIED: Secret(known[_LAST_APPLIED])},
        }
    return result


def checkpoint(live: Properties, *, inputs: Properties, manager: str) -> Properties:
    """What goes into the state for an object. `inputs` tells the apiVersion that it was made with."""
    return {**masked(live), INITIAL_API_VERSION: inputs.get("apiVersion", ""), FIELD_MANAGER: manager}


def without_content(message: str, inputs: Properties) -> str:
    """An error message without what a Secret holds, plain or in base64."""
    if not is_secret(inputs):
        return message
    for section in ("data", "stringData"):
        for key, value in table(inputs, section).items():
            for form in _forms(reveal(value)):
                message = message.replace(form, f"[{section}.{key}]")
    return message


def _forms(value: object) -> list[str]:
    if not isinstance(value, str):
        return []
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    return [form for form in (value, decoded, base64.b64encode(value.encode()).decode()) if form]


def within(path: str, patterns: Sequence[str]) -> bool:
    """Whether a property path lies at or below one of the patterns of `ignoreChanges`, in which `*` is any step."""
    steps = parse_path(path)
    return any(
        len(wanted) <= len(steps) and all(part in ("*", step) for part, step in zip(wanted, steps, strict=False))
        for wanted in map(parse_path, patterns)
    )


def replacing(
    changes: Mapping[str, Change], *, old: Properties, new: Properties, fields: Sequence[str]
) -> frozenset[str]:
    """Those of the changes that touch a field which cannot be changed in place."""
    touched = [parse_path(field) for field in fields]
    touched = [field for field in touched if has_unknown(dig(new, *field)) or dig(old, *field) != dig(new, *field)]
    return frozenset(
        path
        for path in changes
        if any(all(a == b for a, b in zip(parse_path(path), field, strict=False)) for field in touched)
    )


def without_ignored(inputs: Properties, *, live: Properties, manager: str, ignored: Sequence[str]) -> Properties:
    """The inputs of an update whose ignored fields force nothing on anybody.

    A field that only other managers own is left out; one of ours, or of nobody, keeps its live value.
    """
    ours, theirs = _owned(live, manager)
    result = inputs
    for path in map(parse_path, ignored):
        if _has(theirs, path) and not _has(ours, path):
            result = _edited(result, path, _ABSENT)
        elif (value := dig(live, *path)) is not None:
            result = _edited(result, path, value)
    return result


def _owned(live: Properties, manager: str) -> tuple[Properties, Properties]:
    sides: dict[bool, Properties] = {True: {}, False: {}}
    for entry in rows(live, "metadata", "managedFields"):
        ours = entry.get("manager") == manager
        sides[ours] = _union(sides[ours], table(entry, "fieldsV1"))
    return sides[True], sides[False]


def _union(one: Properties, other: Properties) -> Properties:
    return {key: _union(one.get(key, {}), other.get(key, {})) for key in one | other}


def _has(fields: Properties, path: Path) -> bool:
    for step in path:
        found = fields.get(f"f:{step}")
        if found is None:
            return False
        fields = found
    return True


def _edited(value: object, path: Path, new: object) -> Any:  # noqa: ANN401  any property value
    """`value` with `new` at a path; lists on the way are left alone, as in the official plugin."""
    if not path:
        return new
    if not isinstance(value, dict):
        return value
    step, rest, known = str(path[0]), path[1:], cast("Properties", value)
    if new is _ABSENT and (not rest or step not in known):
        return {key: element for key, element in known.items() if key != step}
    return {**known, step: _edited(known.get(step, {}), rest, new)}


def takeover(live: Properties, manager: str) -> list[Properties]:
    """A JSON patch that makes ours what kubectl and client-side applies changed; empty where they changed nothing."""
    entries = rows(live, "metadata", "managedFields")
    taken = [entry for entry in entries if _is_taken_over(entry, manager)]
    if not taken:
        return []
    kept = [entry for entry in entries if entry not in taken]
    own = next((entry for entry in kept if entry.get("manager") == manager and entry.get("operation") == "Apply"), None)
    fields = table(own, "fieldsV1")
    for entry in taken:
        fields = _union(fields, table(entry, "fieldsV1"))
    ours = {**(own or taken[0]), "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*(one for one in kept if one is not own), ours]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": text(live, "metadata", "resourceVersion")},
    ]


def _is_taken_over(entry: Properties, manager: str) -> bool:
    name = text(entry, "manager")
    if name == manager or entry.get("subresource") or not name.startswith(_TAKEN_OVER):
        return False
    return entry.get("operation") == "Update" or name.startswith("kubectl")
