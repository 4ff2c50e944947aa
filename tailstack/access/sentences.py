"""A difference of access in words: one short sentence for each change, the riskiest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailstack.access.changes import Change, Difference, Direction, RightKind
from tailstack.access.diff_sections import EXIT_NODE
from tailstack.access.kubernetes import KUBERNETES_CAPABILITY, impersonated
from tailstack.access.phrases import joined
from tailstack.access.ports import EVERYTHING, Ports
from tailstack.access.ssh import CHECK, DEFAULT_PERIOD, how_often, users_text
from tailstack.access.vocabulary import PLAIN, Vocabulary
from tailstack.plain import mapping, texts

NOTHING = "Nobody gains or loses access."
_VERBS = {Direction.GAINED: ("gains", "gain"), Direction.LOST: ("loses", "lose")}


def sentences(difference: Difference, words: Vocabulary = PLAIN) -> tuple[str, ...]:
    """One sentence for each change and each note; `Nobody gains or loses access.` first where there is no change."""
    changes = tuple(sentence(change, words) for change in difference.changes)
    notes = tuple(f"{note}." for note in difference.notes)
    return (*(changes or (NOTHING,)), *notes)


def sentence(change: Change, words: Vocabulary = PLAIN) -> str:
    """One change in words: `group:platform gains tcp:80 to tag:k8s.`"""
    return "".join(_parts(change, words))


def _parts(change: Change, words: Vocabulary) -> Iterator[str]:
    yield words.listed(change.who, everything="everyone (*)")
    if change.through:
        yield f", {_through(change)} {change.through},"
    yield " " + _did(change, words)
    if change.direction in (Direction.WIDENED, Direction.NARROWED):
        yield ": " + ", and ".join(_conditions(change, words))
    else:
        yield from _under(change, words)
    if change.right.lacks:
        is_lost = change.direction is Direction.LOST
        yield f", {'which was of no use' if is_lost else 'which is of no use'}: no entry opens {change.right.lacks}"
    if change.elsewhere:
        yield ", but for what other entries "
        yield "gave before" if change.direction in _MORE else "still give"
    yield "."


def _through(change: Change) -> str:
    is_one = len(change.who) == 1
    if change.direction in _MORE:
        return "as a new member of" if is_one else "as new members of"
    return "who leaves" if is_one else "who leave"


def _under(change: Change, words: Vocabulary) -> Iterator[str]:
    if change.via:
        yield f", by way of {words.listed(change.via)}"
    if change.postures:
        devices = f"from a device in {' or '.join(change.postures)}"
        yield f", only {devices}" if change.direction is Direction.GAINED else f" ({devices})"


_MORE = (Direction.GAINED, Direction.WIDENED)


def _did(change: Change, words: Vocabulary) -> str:
    is_one = len(change.who) == 1
    targets = words.listed(change.what, everything="everything (*)")
    right = change.right
    match right.kind:
        case RightKind.NETWORK:
            return _network(change, targets, is_one=is_one)
        case RightKind.CAPABILITY:
            return _capability(change, targets, is_one=is_one)
        case RightKind.SSH:
            return _login(change, targets)
        case RightKind.TAG_OWNER:
            return f"{_may(change)} give nodes {PLAIN.listed(change.what)}"
        case RightKind.APPROVAL:
            what = "be exit nodes" if change.what == (EXIT_NODE,) else f"serve {targets}"
            return f"{_may(change)} {what} without approval by an admin"
        case _:
            return _attribute(change, is_one=is_one)


def _login(change: Change, targets: str) -> str:
    value = mapping(change.right.value)
    login = f"{_may(change)} log in to {targets} as {users_text(texts(value.get('users')), texts(value.get('except')))}"
    if change.direction not in _VERBS:
        return login
    how = ""
    if value["action"] == CHECK:
        often = f" ({how_often(str(value['checkPeriod']))})" if "checkPeriod" in value else ""
        how = f", after a fresh login{often}"
    return f"{login}{how}{_recorded(value)}"


def _recorded(value: Mapping[str, object]) -> str:
    recorders = texts(value.get("recorder"))
    only = "only " if "enforceRecorder" in value else ""
    return f", {only}recorded by {' or '.join(recorders)}" if recorders else ""


def _may(change: Change) -> str:
    """`may now`, or what the change makes of it."""
    match change.direction:
        case Direction.GAINED:
            return "may now"
        case Direction.LOST:
            return "may no longer"
        case _:
            return "may"


def _network(change: Change, targets: str, *, is_one: bool) -> str:
    ports = ports_text(change.right.ports)
    if change.direction in _VERBS:
        return f"{_VERBS[change.direction][not is_one]} {ports} to {targets}"
    return f"{'reaches' if is_one else 'reach'} {ports} of {targets}"


def _capability(change: Change, targets: str, *, is_one: bool) -> str:
    right = change.right
    groups = impersonated(right.value) if right.name == KUBERNETES_CAPABILITY else ()
    if groups:
        return f"{_may(change)} act in Kubernetes as {' and '.join(groups)} through {targets}"
    shown = f"the capability {right.name}"
    if change.direction in _VERBS:
        return f"{_VERBS[change.direction][not is_one]} {shown} at {targets}"
    return f"{'has' if is_one else 'have'} {shown} at {targets}"


def _attribute(change: Change, *, is_one: bool) -> str:
    if change.right.name == "funnel":
        word = "now" if change.direction is Direction.GAINED else "no longer"
        return f"may {word} be opened to the internet (Funnel)"
    return f"{_VERBS[change.direction][not is_one]} the node attribute {change.right.name}"


def _conditions(change: Change, words: Vocabulary) -> Iterator[str]:
    """What is asked now and what was asked before, in as many parts as differ."""
    if change.via != change.before_via:
        yield _instead(change, "by way of", words.listed(change.via), words.listed(change.before_via))
    if change.postures != change.before:
        yield _instead(change, "from a device in", " or ".join(change.postures), " or ".join(change.before))
    if change.right.kind is RightKind.SSH:
        yield from _login_conditions(mapping(change.right.value), mapping(change.before_value))
    elif change.postures == change.before and change.via == change.before_via:
        more = "something else" if change.is_swap else "less" if change.direction is Direction.WIDENED else "more"
        yield f"{' or '.join(change.postures)} asks for {more}"


def _login_conditions(now: Mapping[str, object], before: Mapping[str, object]) -> Iterator[str]:
    often, was_often = (how_often(str(side.get("checkPeriod", DEFAULT_PERIOD))) for side in (now, before))
    if now["action"] != before["action"]:
        explicit = f" ({often})" if "checkPeriod" in now else ""
        yield f"now after a fresh login{explicit}" if now["action"] == CHECK else "no longer after a fresh login"
    elif often != was_often:
        yield f"after a fresh login {often}, no longer {was_often}"
    recorders, were = (" or ".join(texts(side.get("recorder"))) for side in (now, before))
    if recorders != were and were:
        yield f"recorded by {recorders}, no longer by {were}" if recorders else f"no longer recorded by {were}"
    elif recorders != were:
        yield f"now recorded by {recorders}"
    if ("enforceRecorder" in now) != ("enforceRecorder" in before):
        yield f"{'now' if 'enforceRecorder' in now else 'no longer'} only while a recorder is reached"


def _instead(change: Change, how: str, now: str, before: str) -> str:
    if not now:
        return f"no longer only {how} {before}"
    if not before:
        return f"now only {how} {now}"
    only = "only " if change.direction is Direction.WIDENED and not change.is_swap else ""
    return f"{how} {now}, no longer {only}{before}"


def ports_text(ports: Ports) -> str:
    """`every port`, `port 80`, `tcp:80 and udp:53`."""
    if ports == EVERYTHING:
        return "every port"
    parts = str(ports).split(", ")
    plain = [part for part in parts if part[0].isdigit() and ":" not in part]
    others = [part for part in parts if part not in plain]
    start = [f"{'port' if len(plain) == 1 and '-' not in plain[0] else 'ports'} {joined(plain)}"] if plain else []
    return joined([*start, *others])
