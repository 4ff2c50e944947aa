"""What changes because the nodes do: new and gone ones, other tags and owners, routes with their first or last router."""

from __future__ import annotations

import pytest

from tailstack.access.changes import Cause, Side
from tailstack.access.diff import difference
from tailstack.access.inventory import Inventory, Node, User
from tailstack.access.policy import Policy
from tailstack.access.principals import spans
from tailstack.access.sentences import sentences
from tailstack.access.vocabulary import Vocabulary
from tailstack.finding import Place
from tests.access.policies import GROUPS, TAGS, grant, policy

ANA, LI = "ana@example.com", "li@example.com"


def node(name: str, *tags: str, address: str = "", user: str | None = None, **more: object) -> Node:
    found = Node(name=name, tags=tags, user=user, addresses=spans([address] if address else []))
    for key, value in more.items():
        object.__setattr__(found, key, value)
    return found


def router(name: str, *routes: str, tag: str = "tag:router", place: Place | None = None) -> Node:
    return Node(name=name, tags=(tag,), routes=spans(routes), place=place)


def made(*grants: dict[str, object], **sections: object) -> Policy:
    return policy(tagOwners=TAGS, groups=GROUPS, grants=[*grants], **sections)


def said(
    entries: Policy, old: list[Node], new: list[Node], users: tuple[list[User], list[User]] = ([], [])
) -> list[str]:
    found = difference(
        entries,
        entries,
        old_inventory=Inventory(nodes=tuple(old), users=tuple(users[0])),
        new_inventory=Inventory(nodes=tuple(new), users=tuple(users[1])),
    )
    return list(sentences(found, Vocabulary(states=found.nodes)))


NOTHING = ["Nobody gains or loses access."]
POLICY = made(
    grant("group:dev", "tag:web", "tcp:80"),
    grant("tag:web", "tag:a", "tcp:5432"),
    grant("autogroup:member", "autogroup:self", "*"),
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            [],
            [node("n1", "tag:web"), node("n2", "tag:web")],
            ["group:dev gains tcp:80 to n1 (new) and n2 (new).", "n1 (new) and n2 (new) gain tcp:5432 to tag:a."],
        ),
        (
            [node("n1", "tag:web")],
            [],
            ["group:dev loses tcp:80 to n1 (gone).", "n1 (gone) loses tcp:5432 to tag:a."],
        ),
        (
            [node("n1", "tag:web")],
            [node("n1", "tag:b")],
            ["group:dev loses tcp:80 to n1 (now tag:b).", "n1 (now tag:b) loses tcp:5432 to tag:a."],
        ),
        (
            [node("n1", "tag:b", user=None)],
            [node("n1", user=ANA)],
            [
                f"n1 (now of {ANA}) gains every port to {ANA}.",
                f"{ANA} gains every port to n1 (now of {ANA}).",
                f"n1 (now of {ANA}) gains tcp:80 to tag:web.",
            ],
        ),
        (
            [node("n1", user=ANA)],
            [node("n1", user=LI)],
            [
                # its access to itself is what it had before
                f"n1 (now of {LI}) gains every port to {LI}, but for what other entries gave before.",
                f"{LI} gains every port to n1 (now of {LI}), but for what other entries gave before.",
                f"n1 (now of {LI}) loses every port to {ANA}, but for what other entries still give.",
                f"{ANA} loses every port to n1 (now of {LI}), but for what other entries still give.",
            ],
        ),
        ([node("n1", "tag:web")], [node("n1", "tag:web", routes=spans(["10.0.0.0/8"]))], NOTHING),
    ],
)
def test_nodes(old: list[Node], new: list[Node], expected: list[str]) -> None:
    assert said(POLICY, old, new) == expected


def test_a_node_under_another_address_is_another_host() -> None:
    entries = made(grant("tag:a", "db", "tcp:5432"), hosts={"db": "100.64.0.1"})
    old, new = node("db-1", "tag:b", address="100.64.0.1"), node("db-1", "tag:b", address="100.64.0.2")
    assert said(entries, [old], [new]) == ["tag:a loses tcp:5432 to db-1 (under another address)."]


def test_two_nodes_that_both_become_what_an_entry_names() -> None:
    entries = made(grant("tag:a", "tag:a", "tcp:1"), grant("tag:a", "tag:b", "tcp:1"), grant("tag:b", "tag:a", "tcp:1"))
    old = [node("n1", "tag:b"), node("n2", "tag:b")]
    new = [node("n1", "tag:a"), node("n2", "tag:a")]
    found = said(entries, old, new)
    assert found[0] == "n1 (now tag:a), n2 (now tag:a) and tag:b gain tcp:1 to n1 (now tag:a) and n2 (now tag:a)."


def test_posture_attributes_that_change_open_and_close() -> None:
    entries = made(
        grant("group:dev", "tag:a", "tcp:1", srcPosture=["posture:mac"]),
        postures={"posture:mac": ["node:os == 'macos'"]},
    )
    old, new = (node("n1", user=ANA, attributes={"node:os": system}) for system in ("linux", "macos"))
    assert said(entries, [old], [new]) == ["n1 (with other posture attributes) gains tcp:1 to tag:a."]


def test_a_node_names_where_it_is_declared_as_the_cause() -> None:
    place = Place("nodes.yaml", 3, 1)
    found = difference(POLICY, POLICY, new_inventory=Inventory(nodes=(node("n1", "tag:web", place=place),)))
    assert {cause for change in found.changes for cause in change.causes} == {Cause(side=Side.NEW, place=place)}


def test_a_new_role_is_a_change_for_who_has_it() -> None:
    entries = made(grant("autogroup:admin", "tag:a", "tcp:1"))
    before, after = [User(login=ANA)], [User(login=ANA, roles=frozenset({"admin"})), User(login=LI)]
    assert said(entries, [], [], (before, after)) == [
        f"{ANA}, as a new member of autogroup:admin, gains tcp:1 to tag:a."
    ]
    assert said(entries, [], [], (after, before)) == [f"{ANA}, who leaves autogroup:admin, loses tcp:1 to tag:a."]


def test_members_that_only_the_inventory_knows_join_and_leave() -> None:
    entries = made(grant("group:synced@example.com", "tag:a", "tcp:1"))
    known = [Inventory(groups={"group:synced@example.com": (login,)}) for login in (ANA, LI)]
    found = difference(entries, entries, old_inventory=known[0], new_inventory=known[1])
    assert sentences(found) == (
        f"{LI}, as a new member of group:synced@example.com, gains tcp:1 to tag:a.",
        f"{ANA}, who leaves group:synced@example.com, loses tcp:1 to tag:a.",
    )


class TestRoutes:
    NETS = made(
        grant("tag:a", "10.0.0.0/8", "tcp:80"),
        grant("tag:a", "10.1.2.3", "tcp:22", via=["tag:router"]),
        grant("tag:b", "*", "udp:53"),
        grant("group:dev", "autogroup:internet", "*", via=["tag:b"]),
    )

    def test_a_first_router_opens_what_entries_named_already(self) -> None:
        assert said(self.NETS, [router("r1")], [router("r1", "10.1.0.0/16")]) == [
            "tag:a gains tcp:80 to 10.1.0.0/16 behind r1.",
            "tag:b gains udp:53 to 10.1.0.0/16 behind r1.",
            "tag:a gains tcp:22 to 10.1.2.3 behind r1.",
        ]

    def test_of_an_ip_set_only_what_lies_behind_the_route_counts(self) -> None:
        entries = made(grant("tag:a", "ipset:two", "tcp:80"), ipsets={"ipset:two": ["10.1.0.0/24", "192.168.0.0/24"]})
        assert said(entries, [router("r1")], [router("r1", "10.1.0.0/16")]) == [
            "tag:a gains tcp:80 to 10.1.0.0/24 behind r1."
        ]

    def test_a_last_router_takes_it_away(self) -> None:
        assert said(self.NETS, [router("r1", "10.1.0.0/16", tag="tag:a")], [router("r1", tag="tag:a")]) == [
            "tag:a loses tcp:80 to 10.1.0.0/16 behind r1.",
            "tag:b loses udp:53 to 10.1.0.0/16 behind r1.",
        ]

    def test_a_second_router_changes_nothing_but_for_who_must_pass_it(self) -> None:
        first, second = router("r1", "10.1.0.0/16", tag="tag:b"), router("r2", "10.1.0.0/16")
        assert said(self.NETS, [first, router("r2")], [first, second]) == ["tag:a gains tcp:22 to 10.1.2.3 behind r2."]

    def test_an_exit_node_opens_the_internet_to_whom_it_may_serve(self) -> None:
        place = Place("nodes.yaml", 1, 1)
        old, new = router("e", tag="tag:b"), router("e", "0.0.0.0/0", "::/0", tag="tag:b", place=place)
        found = difference(
            self.NETS, self.NETS, old_inventory=Inventory(nodes=(old,)), new_inventory=Inventory(nodes=(new,))
        )
        assert sentences(found) == (
            "group:dev gains every port to autogroup:internet through e.",
            "tag:b gains udp:53 to autogroup:internet through e.",
        )
        assert {cause.place for change in found.changes for cause in change.causes} == {place}

    def test_what_an_entry_of_one_side_opens_is_said_of_the_entry_and_not_of_the_router(self) -> None:
        nodes = Inventory(nodes=(router("r1"),)), Inventory(nodes=(router("r1", "10.1.0.0/16"),))
        entries = made(), made(grant("tag:a", "10.0.0.0/8", "tcp:80"))
        found = difference(*entries, old_inventory=nodes[0], new_inventory=nodes[1])
        assert sentences(found) == ("tag:a gains tcp:80 to 10.0.0.0/8.",)
