"""Who reaches a target, what a source reaches, and all of a policy; and the warnings that follow from it."""

from __future__ import annotations

import pytest

from tailstack.access.answers import Listing
from tailstack.access.doubts import doubts
from tailstack.access.listing import everything, what_reaches, who_reaches
from tailstack.access.parties import Directory, Role, directory_of_policy
from tests.access.asking import INVENTORY, port, with_nodes
from tests.access.policies import grant, policy

OWNERS: dict[str, object] = {"tag:web": [], "tag:db": [], "tag:office": [], "tag:rack": []}
GROUPS: dict[str, object] = {"group:dev": ["ana@example.com", "cy@example.com"]}
KUBERNETES: dict[str, object] = {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["readers"]}}]}
POSTURES: dict[str, object] = {"posture:mac": ["node:os == 'macos'"]}


def made(*grants: dict[str, object], **sections: object) -> Directory:
    return with_nodes(policy(grants=list(grants), tagOwners=OWNERS, groups=GROUPS, postures=POSTURES, **sections))


def who(directory: Directory, target: str, asked: str | None = None) -> Listing:
    return who_reaches(directory, directory.find(target, Role.TARGET), port(asked))


def what(directory: Directory, source: str, asked: str | None = None) -> Listing:
    return what_reaches(directory, directory.find(source, Role.SOURCE), port(asked))


def rows(listing: Listing) -> list[tuple[str, str, str]]:
    return [(",".join(line.who), ",".join(line.what), str(line.ports)) for line in listing.lines]


def test_who_is_told_by_the_entries_on_the_ports_asked_about() -> None:
    directory = made(
        grant(["group:dev", "group:dev"], ["tag:web", "tag:db"], "tcp:80", "tcp:443"),
        grant("*", "100.64.0.3", "udp:53"),
        grant("li@example.com", "tag:office", "*"),
        grant("li@example.com", "tag:web", "*", via=["tag:office"]),
        grant("group:other@example.com", "tag:web", app=KUBERNETES),
    )
    assert rows(who(directory, "web1")) == [
        ("group:dev", "tag:web,tag:db", "tcp:80, tcp:443"),
        ("*", "100.64.0.3", "udp:53"),
        ("group:other@example.com", "tag:web", ""),
    ]
    assert rows(who(directory, "web1", "tcp:443")) == [("group:dev", "tag:web,tag:db", "tcp:443")]
    assert who(directory, "web1").members == (
        ("group:dev", ("ana@example.com", "cy@example.com")),
        ("group:other@example.com", None),
    )
    assert rows(who(directory, "svc:pay", "tcp:1")) == []


def test_who_comes_by_which_router() -> None:
    directory = made(
        grant("li@example.com", "10.0.0.0/16", "*"), grant("group:dev", "10.0.0.0/16", "*", via=["tag:web"])
    )
    (line,) = who(directory, "10.0.7.1").lines
    assert [hop.router.name for hop in line.hops] == ["rack.t.ts.net"]


def test_the_user_of_a_device_comes_to_it_by_self_whatever_is_via() -> None:
    directory = made(grant("autogroup:member", "autogroup:self", "*", via=["tag:web"]))
    assert rows(who(directory, "ana-mac")) == [("autogroup:member", "autogroup:self", "*")]
    assert rows(who(directory, "web1")) == []


def test_what_is_told_by_the_entries_with_the_nodes_behind_them() -> None:
    directory = made(
        grant("group:dev", ["tag:web", "10.0.0.0/16"], "tcp:80", srcPosture=["posture:mac"]),
        grant("autogroup:member", "autogroup:self", "udp:53"),
        grant("group:dev", "tag:db", app=KUBERNETES),
    )
    found = what(directory, "ana@example.com")
    assert rows(found) == [
        ("group:dev", "tag:web,10.0.0.0/16", "tcp:80"),
        ("autogroup:member", "autogroup:self", "udp:53"),
        ("group:dev", "tag:db", ""),
    ]
    assert [line.postures for line in found.lines] == [("posture:mac",), (), ()]
    assert found.known_as == (
        ("tag:web", ("web1.t.ts.net", "web2.t.ts.net", "db.t.ts.net")),
        ("tag:db", ("db.t.ts.net",)),
    )
    assert rows(what(directory, "ana@example.com", "tcp:1")) == []
    # The device that is not in the posture reaches less.
    assert rows(what(directory, "ana-pc"))[0] == ("autogroup:member", "autogroup:self", "udp:53")


@pytest.mark.parametrize(
    ("more", "dead"),
    [
        ([], ("tailscale.com/cap/kubernetes needs tcp:443",)),
        ([grant("ana@example.com", "tag:web", "tcp:80")], ("tailscale.com/cap/kubernetes needs tcp:443",)),
        ([grant("ana@example.com", "tag:web", "tcp:443")], ()),
    ],
)
def test_a_capability_is_joined_with_the_network(more: list[dict[str, object]], dead: tuple[str, ...]) -> None:
    directory = made(grant("ana@example.com", "tag:web", app=KUBERNETES), *more)
    for listing in (who(directory, "web1"), what(directory, "ana@example.com"), everything(directory)):
        assert [line.dead for line in listing.lines if line.groups] == [dead]
    assert [finding.rule.slug for finding in doubts(directory)] == ["dead-capability"] * len(dead) + ["unknown-user"]


def rule(src: str, dst: str, **more: object) -> dict[str, object]:
    return {"action": "accept", "src": [src], "dst": [dst], "users": ["root"], **more}


def logins(listing: Listing) -> list[tuple[str, str, bool]]:
    return [(line.who[0], line.what[0], line.way.is_dead) for line in listing.logins]


def test_ssh_rules_are_joined_with_the_network() -> None:
    directory = made(
        grant("autogroup:member", "autogroup:self", "tcp:22"),
        grant("ana@example.com", "tag:web", "tcp:22"),
        ssh=[
            rule("autogroup:member", "autogroup:self"),
            rule("ana@example.com", "tag:web"),
            rule("li@example.com", "tag:web"),
            rule("ana@example.com", "tag:db", srcPosture=["posture:mac"]),
        ],
    )
    assert logins(who(directory, "web1")) == [
        ("ana@example.com", "tag:web", False),
        ("li@example.com", "tag:web", True),
    ]
    assert logins(who(directory, "ana-mac")) == [("autogroup:member", "autogroup:self", False)]
    assert logins(who(directory, "web1", "tcp:80")) == []
    assert logins(what(directory, "ana@example.com")) == [
        ("autogroup:member", "autogroup:self", False),
        ("ana@example.com", "tag:web", False),
        ("ana@example.com", "tag:db", True),
    ]
    assert logins(what(directory, "ana-pc")) == [
        ("autogroup:member", "autogroup:self", False),
        ("ana@example.com", "tag:web", False),
    ]
    assert logins(what(directory, "ana@example.com", "tcp:80")) == []
    assert [way[2] for way in logins(everything(directory))] == [False, False, True, True]
    assert [finding.message for finding in doubts(directory)] == [
        "Nothing opens tcp:22 from li@example.com to tag:web.",
        "Nothing opens tcp:22 from ana@example.com to tag:db.",
        '"group:dev": user not found: "cy@example.com"',
    ]


def test_users_are_looked_for_only_where_any_is_known() -> None:
    sections: dict[str, object] = {"groups": GROUPS, "grants": []}
    assert list(doubts(directory_of_policy(policy(**sections)))) == []
    (finding,) = doubts(directory_of_policy(policy(**sections), INVENTORY))
    assert finding.message == '"group:dev": user not found: "cy@example.com"'
