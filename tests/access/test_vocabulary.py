from __future__ import annotations

import pytest

from tailstack.access.nodes import NodeKind
from tailstack.access.phrases import joined
from tailstack.access.vocabulary import PLAIN, Thing, Vocabulary


def thing(kind: NodeKind, name: str, cluster: str | None = "blue", whole: int = 9) -> Thing:
    return Thing(kind=kind, reference=f"{cluster}.{name}" if cluster else name, cluster=cluster, whole=whole)


THINGS = {
    **{f"tag:{name}": thing(NodeKind.EXPOSURE, name) for name in "abcd"},
    **{f"tag:i{name}": thing(NodeKind.INGRESS, name, "green", 3) for name in "xyz"},
    **{f"tag:e{name}": thing(NodeKind.EGRESS, name, "red") for name in "xyz"},
    "tag:op": Thing(kind=NodeKind.OPERATOR, reference="blue", cluster="blue", whole=1),
    "ingress green.x": thing(NodeKind.INGRESS, "x", "green", 3),
    **{f"tag:m{name}": thing(NodeKind.MACHINE, name, None, 3) for name in "xyz"},
}
WORDS = Vocabulary(things=THINGS, states={"tag:d": "new", "node": "gone"})


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ([], ""),
        (["*", "group:dev"], "all and group:dev"),
        (["tag:unknown", "node"], "tag:unknown and node (gone)"),
        (["tag:a", "tag:b"], "exposure blue.a and exposure blue.b"),
        (["tag:a", "tag:b", "tag:c", "group:dev"], "group:dev and 3 exposures of blue"),
        (["tag:a", "tag:b", "tag:c", "tag:d"], "3 exposures of blue and exposure blue.d (new)"),
        (["tag:ix", "tag:iy", "tag:iz", "ingress green.x"], "every ingress of green"),
        (["tag:ex", "tag:ey", "tag:ez"], "3 egresses of red"),
        (["tag:op"], "the operator of blue"),
        (["tag:mx", "tag:my", "tag:mz"], "machine x, machine y and machine z"),
        (["a", "b", "c", "d", "e"], "a, b, c, d and e"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"),
    ],
)
def test_lists(selectors: list[str], expected: str) -> None:
    assert WORDS.listed(selectors, everything="all") == expected


def test_what_became_of_many_is_said_once() -> None:
    words = Vocabulary(things=THINGS, states={f"tag:{name}": "gone" for name in "abc"})
    assert words.listed(["tag:a", "tag:b", "tag:c"]) == "3 exposures of blue (gone)"


def test_who_knows_nothing_uses_the_names() -> None:
    assert PLAIN.listed(["*", "tag:a"]) == "* and tag:a"
    assert joined([]) == ""
