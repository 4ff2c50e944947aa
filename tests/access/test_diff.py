"""Who gains and who loses what: exact, in the names people wrote, with causes, and the gravest first."""

from __future__ import annotations

import pytest

from tailstack.access.changes import Cause, Direction, RightKind, Risk, Side
from tailstack.access.diff import difference
from tailstack.access.inventory import Inventory, User
from tailstack.access.policy import Policy
from tailstack.access.reading import read_policy
from tailstack.access.sentences import sentences
from tailstack.finding import Place
from tests.access.policies import grant, policy

TAGS: dict[str, list[str]] = {"tag:a": [], "tag:b": [], "tag:k8s": [], "tag:op": []}
GROUPS = {"group:dev": ["ana@x.com", "li@x.com"], "group:ops": ["li@x.com"], "group:empty": []}
POSTURES = {"posture:mac": ["node:os == 'macos'"], "posture:new": ["node:tsVersion >= '1.60'"]}
KUBERNETES = "tailscale.com/cap/kubernetes"
MASTERS = {KUBERNETES: [{"impersonate": {"groups": ["system:masters"]}}]}
READERS = {KUBERNETES: [{"impersonate": {"groups": ["readers", "viewers"]}}]}


def made(*grants: dict[str, object], **sections: object) -> Policy:
    whole: dict[str, object] = {"tagOwners": TAGS, "groups": GROUPS, "postures": POSTURES, "grants": [*grants]}
    return policy(**{**whole, **sections})


def said(old: Policy, new: Policy) -> list[str]:
    return list(sentences(difference(old, new)))


WEB = grant("group:dev", "tag:k8s", "tcp:80")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], ["Nobody gains or loses access."]),
        ([], [WEB], ["group:dev gains tcp:80 to tag:k8s."]),
        ([WEB], [], ["group:dev loses tcp:80 to tag:k8s."]),
        ([WEB], [WEB, WEB], ["Nobody gains or loses access."]),
        (
            [],
            [grant(["group:dev", "tag:a"], ["tag:k8s", "tag:b"], "tcp:80", "53", "icmp:*")],
            ["group:dev and tag:a gain port 53 and tcp:80 to tag:b and tag:k8s."],
        ),
        ([WEB], [grant("group:dev", "tag:k8s", "tcp:80-90")], ["group:dev gains tcp:81-90 to tag:k8s."]),
        (
            [WEB],
            [grant("group:dev", "tag:k8s", "tcp:443")],
            ["group:dev gains tcp:443 to tag:k8s.", "group:dev loses tcp:80 to tag:k8s."],
        ),
        ([], [grant("*", "*", "*")], ["everyone (*) gains every port to everything (*)."]),
        ([], [grant("tag:a", "tag:b", "80-90", "443")], ["tag:a gains ports 80-90 and 443 to tag:b."]),
        # a right that another entry gives as well is neither gained nor lost
        (
            [grant("autogroup:member", "tag:k8s", "*")],
            [grant("autogroup:member", "tag:k8s", "*"), WEB],
            ["Nobody gains or loses access."],
        ),
        ([grant("*", "tag:k8s", "tcp:80"), WEB], [grant("*", "tag:k8s", "tcp:80")], ["Nobody gains or loses access."]),
        ([WEB], [grant(["ana@x.com", "li@x.com"], "tag:k8s", "tcp:80")], ["Nobody gains or loses access."]),
        # what a broader selector gains is not said again of a narrower one
        ([], [WEB, grant("autogroup:member", "tag:k8s", "tcp:80")], ["autogroup:member gains tcp:80 to tag:k8s."]),
        (
            [],
            [grant("group:ops", "tag:k8s", "tcp:80"), grant("li@x.com", "tag:k8s", "tcp:80")],
            ["group:ops gains tcp:80 to tag:k8s."],
        ),
        (
            [grant("*", "*", "*")],
            [WEB],
            ["everyone (*) loses every port to everything (*), but for what other entries still give."],
        ),
        (
            [grant("group:dev", "tag:k8s", "tcp:80", "tcp:443", app=MASTERS)],
            [WEB, grant("group:dev", "tag:k8s", "tcp:443")],
            ["group:dev may no longer act in Kubernetes as system:masters through tag:k8s."],
        ),
        (
            [],
            [grant("group:dev", "tag:op", "tcp:443", app=READERS)],
            [
                "group:dev may now act in Kubernetes as readers and viewers through tag:op.",
                "group:dev gains tcp:443 to tag:op.",
            ],
        ),
        (
            [],
            [grant("group:dev", "tag:op", app={"a.b/c": [], KUBERNETES: ["?"]})],
            [
                f"group:dev gains the capability {KUBERNETES} at tag:op, which is of no use: no entry opens tcp:443.",
                "group:dev gains the capability a.b/c at tag:op.",
            ],
        ),
        (
            [grant("*", "tag:op", app={"a.b/c": [1]}), grant("*", "tag:op", app={"a.b/c": [2]})],
            [grant("group:dev", "tag:op", app={"a.b/c": [1]})],
            [
                "everyone (*) loses the capability a.b/c at tag:op, but for what other entries still give.",
                "everyone (*) loses the capability a.b/c at tag:op.",
            ],
        ),
        (
            [],
            [grant("tag:a", "10.0.0.0/8", "*", via=["tag:b"])],
            ["tag:a gains every port to 10.0.0.0/8, by way of tag:b."],
        ),
        (
            [grant("tag:a", "10.0.0.0/8", "*", via=["tag:b"])],
            [grant("tag:a", "10.0.0.0/8", "*", via=["tag:b", "tag:k8s"])],
            ["tag:a reaches every port of 10.0.0.0/8: by way of tag:b and tag:k8s, no longer only tag:b."],
        ),
        (
            [grant("tag:a", "10.0.0.0/8", "*")],
            [grant("tag:a", "10.0.0.0/8", "*", via=["tag:b"])],
            ["tag:a reaches every port of 10.0.0.0/8: now only by way of tag:b."],
        ),
        (
            [grant("tag:a", "10.0.0.0/8", "*", via=["tag:b"])],
            [grant("tag:a", "10.0.0.0/8", "*")],
            ["tag:a reaches every port of 10.0.0.0/8: no longer only by way of tag:b."],
        ),
        (
            [],
            [
                grant(
                    ["tag:a", "tag:b", "tag:op", "group:dev", "group:ops", "yan@x.com", "zoe@x.com"],
                    "tag:k8s",
                    "tcp:80",
                )
            ],
            ["group:dev, tag:a, tag:b, tag:op and 2 more gain tcp:80 to tag:k8s."],
        ),
        (
            [grant("tag:a", "tag:op", app={"a.b/c": [1]}, srcPosture=["posture:mac"])],
            [grant("tag:a", "tag:op", app={"a.b/c": [1]})],
            ["tag:a has the capability a.b/c at tag:op: no longer only from a device in posture:mac."],
        ),
    ],
)
def test_entries(old: list[dict[str, object]], new: list[dict[str, object]], expected: list[str]) -> None:
    assert said(made(*old), made(*new)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], ["posture:mac"], "group:dev reaches tcp:443 of tag:op: now only from a device in posture:mac."),
        (["posture:mac"], [], "group:dev reaches tcp:443 of tag:op: no longer only from a device in posture:mac."),
        (
            ["posture:mac"],
            ["posture:new"],
            "group:dev reaches tcp:443 of tag:op: from a device in posture:new, no longer posture:mac.",
        ),
        (
            ["posture:mac"],
            ["posture:mac", "posture:new"],
            "group:dev reaches tcp:443 of tag:op: from a device in posture:mac or posture:new, no longer only posture:mac.",
        ),
        (
            ["posture:mac", "posture:new"],
            ["posture:mac"],
            "group:dev reaches tcp:443 of tag:op: from a device in posture:mac, no longer posture:mac or posture:new.",
        ),
    ],
)
def test_conditions(old: list[str], new: list[str], expected: str) -> None:
    before, after = (made(grant("group:dev", "tag:op", "tcp:443", srcPosture=postures)) for postures in (old, new))
    assert said(before, after) == [expected]


def test_a_condition_says_from_where_and_a_loss_from_where_it_was() -> None:
    with_posture = made(grant("group:dev", "tag:op", "tcp:443", srcPosture=["posture:mac"]))
    assert said(made(), with_posture) == ["group:dev gains tcp:443 to tag:op, only from a device in posture:mac."]
    assert said(with_posture, made()) == ["group:dev loses tcp:443 to tag:op (from a device in posture:mac)."]


def test_only_the_ports_that_were_there_before_are_said_to_change_their_condition() -> None:
    old = made(grant("group:dev", "tag:op", "tcp:443", srcPosture=["posture:mac"]))
    new = made(grant("group:dev", "tag:op", "tcp:443", "tcp:80"))
    assert said(old, new) == [
        "group:dev reaches tcp:443 of tag:op: no longer only from a device in posture:mac.",
        "group:dev gains tcp:80 to tag:op.",
    ]


@pytest.mark.parametrize(
    ("assertions", "expected"),
    [
        (["node:os == 'macos'", "node:tsVersion >= '1.60'"], "asks for more"),
        ([], "asks for less"),
        (["node:os == 'linux'"], "asks for something else"),
    ],
)
def test_a_posture_that_changes_changes_the_condition(assertions: list[str], expected: str) -> None:
    entries = grant("group:dev", "tag:op", app=MASTERS, srcPosture=["posture:mac"]), grant("*", "tag:op", "tcp:443")
    after = made(*entries, postures={**POSTURES, "posture:mac": assertions})
    assert said(made(*entries), after) == [
        f"group:dev may act in Kubernetes as system:masters through tag:op: posture:mac {expected}."
    ]


class TestGroups:
    ON_CALL = grant("group:ops", "tag:op", "tcp:443", app=MASTERS)

    def test_who_joins_gains_and_who_leaves_loses(self) -> None:
        before, after = made(self.ON_CALL), made(self.ON_CALL, groups={**GROUPS, "group:ops": ["ana@x.com"]})
        assert said(before, after) == [
            "ana@x.com, as a new member of group:ops, may now act in Kubernetes as system:masters through tag:op.",
            "ana@x.com, as a new member of group:ops, gains tcp:443 to tag:op.",
            "li@x.com, who leaves group:ops, may no longer act in Kubernetes as system:masters through tag:op.",
            "li@x.com, who leaves group:ops, loses tcp:443 to tag:op.",
        ]

    def test_devices_of_who_joins_are_reached(self) -> None:
        entry = grant("tag:a", "group:ops", "tcp:22")
        after = made(entry, groups={**GROUPS, "group:ops": ["li@x.com", "ana@x.com"]})
        assert said(made(entry), after) == ["tag:a, as a new member of group:ops, gains tcp:22 to ana@x.com."]

    def test_a_move_that_gives_and_takes_nothing_is_a_note(self) -> None:
        after = made(groups={**GROUPS, "group:ops": [], "group:empty": ["zoe@x.com"]})
        assert said(made(), after) == [
            "Nobody gains or loses access.",
            "zoe@x.com joins group:empty, which changes no access.",
            "li@x.com leaves group:ops, which changes no access.",
        ]

    def test_a_group_under_a_new_name_changes_nothing(self) -> None:
        new = {"group:renamed": GROUPS["group:dev"]}
        assert said(made(WEB), made({**WEB, "src": ["group:renamed"]}, groups=new)) == ["Nobody gains or loses access."]

    def test_a_group_whose_members_are_not_known_stays_a_group(self) -> None:
        synced = grant("group:all@x.com", "tag:op", "tcp:443")
        assert said(made(), made(synced)) == ["group:all@x.com gains tcp:443 to tag:op."]


def test_a_host_that_moves_is_lost_at_one_address_and_gained_at_the_other() -> None:
    entry = grant("tag:a", ["db", "net"], "tcp:5432")
    before = made(entry, hosts={"db": "10.0.0.1", "net": "10.1.0.0/16"})
    after = made(entry, hosts={"db": "10.0.0.2", "net": "10.1.0.0/16"})
    assert said(before, after) == [
        "tag:a gains tcp:5432 to db (10.0.0.2).",
        "tag:a loses tcp:5432 to db (10.0.0.1).",
    ]


def test_a_host_written_out_changes_nothing() -> None:
    hosts = {"db": "10.0.0.1"}
    assert said(made(grant("tag:a", "db", "*"), hosts=hosts), made(grant("tag:a", "10.0.0.1", "*"), hosts=hosts)) == [
        "Nobody gains or loses access."
    ]


LOGIN = grant("*", "*", "tcp:22")


def ssh(*users: str, **more: object) -> dict[str, object]:
    return {"action": "accept", "src": ["group:dev"], "dst": ["tag:k8s"], "users": [*users], **more}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [ssh("root", "ubuntu")], ["group:dev may now log in to tag:k8s as root or ubuntu."]),
        ([], [ssh("root", action="check")], ["group:dev may now log in to tag:k8s as root, after a fresh login."]),
        ([ssh("root")], [], ["group:dev may no longer log in to tag:k8s as root."]),
        (
            [ssh("root")],
            [ssh("root", action="check")],
            ["group:dev may log in to tag:k8s as root: now after a fresh login."],
        ),
        (
            [ssh("root", action="check")],
            [ssh("root")],
            ["group:dev may log in to tag:k8s as root: no longer after a fresh login."],
        ),
        (
            [ssh("root")],
            [ssh("root"), ssh("root", action="check")],
            ["group:dev may log in to tag:k8s as root: now after a fresh login."],
        ),
        (
            [ssh("x", srcPosture=["posture:mac"])],
            [ssh("x")],
            ["group:dev may log in to tag:k8s as x: no longer only from a device in posture:mac."],
        ),
        (
            [ssh("x")],
            [ssh("x", srcPosture=["posture:mac"])],
            ["group:dev may log in to tag:k8s as x: now only from a device in posture:mac."],
        ),
        ([], [ssh("autogroup:nonroot", src=["*"])], ["everyone (*) may now log in to tag:k8s as any user but root."]),
        ([ssh("autogroup:nonroot")], [ssh("autogroup:nonroot", "ubuntu")], ["Nobody gains or loses access."]),
        (
            [ssh("root", src=["autogroup:member"])],
            [ssh("root", src=["autogroup:member"]), ssh("root")],
            ["Nobody gains or loses access."],
        ),
    ],
)
def test_ssh(old: list[dict[str, object]], new: list[dict[str, object]], expected: list[str]) -> None:
    assert said(made(LOGIN, ssh=old), made(LOGIN, ssh=new)) == expected


def check(*users: str, **more: object) -> dict[str, object]:
    return ssh(*users, action="check", **more)


ANY, OWN = "autogroup:nonroot", "localpart:*@x.com"
MAC, NEWER = {"srcPosture": ["posture:mac"]}, {"srcPosture": ["posture:new"]}
RECORDED = {"recorder": ["tag:a"]}
MAY = "group:dev may log in to tag:k8s as "
MAY_NOW = "group:dev may now log in to tag:k8s as "
NO_LONGER = "group:dev may no longer log in to tag:k8s as "


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # as whom
        ([check(ANY, "root")], [check(ANY)], [NO_LONGER + "root, after a fresh login."]),
        ([check(ANY, "root")], [check("root")], [NO_LONGER + "any user but root, after a fresh login."]),
        ([check(ANY, "root")], [], [NO_LONGER + "any user, after a fresh login."]),
        ([], [ssh(ANY, "root", "x")], [MAY_NOW + "any user."]),
        ([ssh(ANY)], [ssh("x")], [NO_LONGER + "any user but root and x."]),
        ([ssh("x", "y")], [ssh(ANY)], [MAY_NOW + "any user but root, x and y."]),
        ([ssh("x")], [ssh(ANY, "root")], [MAY_NOW + "any user but x."]),
        ([ssh("x", src=["*"])], [ssh("x", src=["*"]), ssh(ANY)], [MAY_NOW + "any user but root and x."]),
        ([ssh(ANY)], [ssh(ANY), check("x")], [MAY + "x: now after a fresh login."]),
        ([check(ANY)], [ssh(ANY), check("x")], [MAY + "any user but root and x: no longer after a fresh login."]),
        # the part of a login before the @
        ([], [ssh(OWN)], [MAY_NOW + "their own name before @x.com."]),
        ([ssh(ANY, OWN)], [ssh(OWN)], [NO_LONGER + "any user but root and their own name before @x.com."]),
        ([], [ssh(ANY, OWN)], [MAY_NOW + "any user but root or their own name before @x.com."]),
        ([], [ssh(ANY, "root", OWN)], [MAY_NOW + "any user."]),
        ([ssh(OWN, src=["ana@x.com"])], [ssh("ana", src=["ana@x.com"])], ["Nobody gains or loses access."]),
        ([], [ssh(OWN, src=["ana@x.com"])], ["ana@x.com may now log in to tag:k8s as ana."]),
        ([], [ssh(OWN, src=["ana@y.com"])], ["Nobody gains or loses access."]),
        ([], [ssh(OWN, src=["tag:a"])], ["Nobody gains or loses access."]),
        # at once or after a fresh login, and how long that counts
        (
            [ssh(ANY, "root")],
            [check(ANY), ssh("root")],
            [MAY + "any user but root: now after a fresh login."],
        ),
        ([], [check("x", checkPeriod="1h")], [MAY_NOW + "x, after a fresh login (once in 1h)."]),
        ([], [check("x", checkPeriod="always")], [MAY_NOW + "x, after a fresh login (each time)."]),
        ([ssh("x", checkPeriod="1h")], [ssh("x")], ["Nobody gains or loses access."]),
        ([check("x")], [check("x", checkPeriod="12h")], ["Nobody gains or loses access."]),
        (
            [check("x")],
            [check("x", checkPeriod="soon")],
            ["Nobody gains or loses access."],
        ),
        (
            [check("x")],
            [check("x", checkPeriod="1h")],
            [MAY + "x: after a fresh login once in 1h, no longer once in 12h."],
        ),
        (
            [check("x", checkPeriod="always")],
            [check("x", checkPeriod="1h")],
            [MAY + "x: after a fresh login once in 1h, no longer each time."],
        ),
        ([ssh("x")], [check("x", checkPeriod="1h")], [MAY + "x: now after a fresh login (once in 1h)."]),
        # of several rules that check the first one counts
        (
            [check("x", checkPeriod="1h")],
            [check("x", checkPeriod="1h"), check("x", checkPeriod="2h")],
            ["Nobody gains or loses access."],
        ),
        # recorded
        ([], [ssh("x", **RECORDED)], [MAY_NOW + "x, recorded by tag:a."]),
        ([], [ssh("x", **RECORDED, enforceRecorder=True)], [MAY_NOW + "x, only recorded by tag:a."]),
        ([], [ssh("x", enforceRecorder=True)], [MAY_NOW + "x."]),
        ([ssh("x")], [ssh("x", **RECORDED)], [MAY + "x: now recorded by tag:a."]),
        ([ssh("x", **RECORDED)], [ssh("x")], [MAY + "x: no longer recorded by tag:a."]),
        (
            [ssh("x", **RECORDED)],
            [ssh("x", recorder=["tag:b", "tag:a"])],
            [MAY + "x: recorded by tag:a or tag:b, no longer by tag:a."],
        ),
        (
            [ssh("x", **RECORDED)],
            [ssh("x", **RECORDED, enforceRecorder=True)],
            [MAY + "x: now only while a recorder is reached."],
        ),
        (
            [ssh("x", **RECORDED, enforceRecorder=True)],
            [check("x", **RECORDED)],
            [MAY + "x: now after a fresh login, and no longer only while a recorder is reached."],
        ),
        # several conditions at once
        (
            [ssh("x", **MAC)],
            [check("x")],
            [MAY + "x: no longer only from a device in posture:mac, and now after a fresh login."],
        ),
        ([ssh("x", **MAC)], [check("x", **MAC)], [MAY + "x: now after a fresh login."]),
        ([ssh("x", **MAC), ssh("x", **NEWER)], [ssh("x", srcPosture=[*POSTURES])], ["Nobody gains or loses access."]),
        (
            [check("x", **MAC), ssh("x", **NEWER)],
            [ssh("x", **NEWER)],
            [NO_LONGER + "x, after a fresh login (from a device in posture:mac)."],
        ),
        (
            [ssh("x", **NEWER)],
            [check("x", **MAC), ssh("x", **NEWER)],
            [MAY_NOW + "x, after a fresh login, only from a device in posture:mac."],
        ),
    ],
)
def test_logins_are_told_exactly(
    old: list[dict[str, object]], new: list[dict[str, object]], expected: list[str]
) -> None:
    assert said(made(LOGIN, ssh=old), made(LOGIN, ssh=new)) == expected


def test_what_a_login_was_and_is_stands_in_the_data() -> None:
    old, new = [check(ANY, "x", checkPeriod="1h")], [ssh(ANY, "root", **RECORDED, enforceRecorder=True), check("x")]
    found = difference(made(LOGIN, ssh=old), made(LOGIN, ssh=new)).changes
    told = [(change.right.value, change.before_value, change.is_swap) for change in found]
    rule = {"action": "accept", "recorder": ["tag:a"], "enforceRecorder": True}
    hourly = {"action": "check", "checkPeriod": "1h"}
    assert told == [
        ({"users": ["root"], **rule}, None, False),
        ({"users": [ANY], "except": ["x"], **rule}, hourly, True),
        ({"users": ["x"], "action": "check"}, hourly, False),
    ]


def test_a_login_is_of_use_only_where_its_port_is_open() -> None:
    rules = [ssh("root")]
    said_of = "group:dev may {} log in to tag:k8s as root"
    assert said(made(), made(ssh=rules)) == [said_of.format("now") + ", which is of no use: no entry opens tcp:22."]
    assert said(made(ssh=rules), made()) == [
        said_of.format("no longer") + ", which was of no use: no entry opens tcp:22."
    ]
    assert said_of.format("now") + "." in said(made(ssh=rules), made(LOGIN, ssh=rules))
    assert said_of.format("no longer") + "." in said(made(LOGIN, ssh=rules), made(ssh=rules))


def test_several_postures_of_logins_are_said_together() -> None:
    either = [ssh("x", srcPosture=["posture:mac"]), ssh("x", srcPosture=["posture:new"])]
    assert said(made(LOGIN, ssh=either), made(LOGIN, ssh=[ssh("x")])) == [
        "group:dev may log in to tag:k8s as x: no longer only from a device in posture:mac or posture:new."
    ]


def test_a_port_that_opens_makes_a_capability_that_was_granted_before_of_use() -> None:
    dead = grant("group:dev", "tag:op", app=MASTERS)
    before, after = made(dead), made(dead, grant("autogroup:member", "tag:op", "tcp:443"))
    assert said(before, after) == [
        "group:dev may now act in Kubernetes as system:masters through tag:op.",
        "autogroup:member gains tcp:443 to tag:op.",
    ]
    assert "group:dev may no longer act in Kubernetes as system:masters through tag:op." in said(after, before)


def test_who_joins_a_group_may_log_in_where_it_may() -> None:
    rules = [ssh("root"), ssh("root", src=["tag:a"])]
    after = made(LOGIN, ssh=rules, groups={**GROUPS, "group:dev": ["ana@x.com", "li@x.com", "zoe@x.com"]})
    assert said(made(LOGIN, ssh=rules), after) == [
        "zoe@x.com, as a new member of group:dev, may now log in to tag:k8s as root."
    ]


def test_what_is_named_for_one_user_is_not_said_again_of_any() -> None:
    rule = ssh("autogroup:nonroot")
    after = [rule, ssh("ubuntu", src=["zoe@x.com"])]
    groups = {**GROUPS, "group:dev": ["ana@x.com", "li@x.com", "zoe@x.com"]}
    assert said(made(LOGIN, ssh=[rule]), made(LOGIN, ssh=after, groups=groups)) == [
        "zoe@x.com, as a new member of group:dev, may now log in to tag:k8s as any user but root."
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            {"tagOwners": {"tag:a": ["group:dev"]}},
            {"tagOwners": {"tag:a": ["group:ops"]}},
            [
                "group:ops may now give nodes tag:a.",
                "group:dev may no longer give nodes tag:a.",
            ],
        ),
        (
            {"tagOwners": {"tag:a": []}},
            {"tagOwners": {"tag:b": []}},
            [
                "Nobody gains or loses access.",
                "tag:b is defined.",
                "tag:a is no longer defined.",
            ],
        ),
        (
            {},
            {
                "autoApprovers": {
                    "routes": {"10.0.0.0/8": ["tag:a"]},
                    "exitNode": ["tag:a"],
                    "services": {"svc:x": ["tag:a"]},
                }
            },
            [
                "tag:a may now be exit nodes without approval by an admin.",
                "tag:a may now serve 10.0.0.0/8 and svc:x without approval by an admin.",
            ],
        ),
        (
            {"autoApprovers": {"exitNode": ["tag:a"]}},
            {},
            ["tag:a may no longer be exit nodes without approval by an admin."],
        ),
        (
            {},
            {"nodeAttrs": [{"target": ["tag:a"], "attr": ["funnel", "mullvad"]}]},
            [
                "tag:a may now be opened to the internet (Funnel).",
                "tag:a gains the node attribute mullvad.",
            ],
        ),
        (
            {"nodeAttrs": [{"target": ["tag:a", "tag:b"], "attr": ["funnel", "mullvad"]}]},
            {},
            [
                "tag:a and tag:b may no longer be opened to the internet (Funnel).",
                "tag:a and tag:b lose the node attribute mullvad.",
            ],
        ),
        (
            {},
            {
                "nodeAttrs": [
                    {"target": ["*"], "app": {"tailscale.com/app-connectors": [1]}, "ipPool": ["100.80.0.0/16"]}
                ]
            },
            [
                "everyone (*) gains the node attribute addresses from 100.80.0.0/16.",
                "everyone (*) gains the node attribute tailscale.com/app-connectors.",
            ],
        ),
        (
            {"tests": []},
            {"tests": [{"src": "tag:a", "accept": ["tag:b:1"]}]},
            ["Nobody gains or loses access.", "tests changed."],
        ),
        (
            {"sshTests": []},
            {"sshTests": [{"src": "tag:a", "dst": ["tag:b"], "accept": ["root"]}]},
            ["Nobody gains or loses access.", "sshTests changed."],
        ),
        (
            {},
            {"randomizeClientPort": True},
            ["Nobody gains or loses access.", "the setting randomizeClientPort changed."],
        ),
        (
            {"nodeAttrs": [{"target": ["tag:a"], "attr": ["mullvad"]}]},
            {"nodeAttrs": [{"target": ["tag:a", "tag:b"], "attr": ["mullvad"]}], "derpMap": {}},
            ["tag:b gains the node attribute mullvad.", "the setting derpMap changed."],
        ),
        ({"randomizeClientPort": True}, {"randomizeClientPort": True}, ["Nobody gains or loses access."]),
    ],
)
def test_the_other_sections(old: dict[str, object], new: dict[str, object], expected: list[str]) -> None:
    assert said(made(**old), made(**new)) == expected


OPEN = grant("*", "tag:op", "tcp:443")


class TestRisk:
    def risks(self, old: Policy, new: Policy) -> list[Risk]:
        return [change.risk for change in difference(old, new).changes]

    def test_the_gravest_comes_first(self) -> None:
        new = made(
            grant("tag:a", "tag:b", "tcp:1"),
            grant("tag:a", "autogroup:internet", "tcp:2"),
            grant("tag:a", "tag:op", app=READERS),
            grant("tag:b", "tag:op", app=MASTERS),
            OPEN,
            nodeAttrs=[{"target": ["tag:a"], "attr": ["funnel", "mullvad"]}],
            ssh=[ssh("root"), ssh("ubuntu", src=["tag:a"])],
            autoApprovers={"routes": {"10.0.0.0/8": ["tag:a"]}},
            tagOwners={**TAGS, "tag:a": ["tag:b"]},
        )
        found = self.risks(made(grant("tag:k8s", "tag:b", "tcp:1"), OPEN), new)
        assert found == sorted(found)
        assert [found.count(risk) for risk in Risk] == [2, 4, 2, 2, 1]

    def test_an_easier_condition_is_raised_above_a_new_grant(self) -> None:
        old = made(grant("group:dev", "tag:op", "tcp:443", srcPosture=["posture:mac"]))
        assert self.risks(old, made(grant("group:dev", "tag:op", "tcp:443"))) == [Risk.RAISED]


def test_each_change_names_the_places_that_cause_it() -> None:
    entry = '{"src": ["tag:a"], "dst": ["tag:%s"], "ip": ["tcp:%s"]}'
    old = read_policy('{"grants": [\n' + entry % ("b", 1) + "]}", file="old.hujson")
    new = read_policy('{"grants": [\n' + entry % ("c", 1) + ",\n" + entry % ("c", 2) + "]}", file="new.hujson")
    gained, lost = difference(old, new).changes
    assert [str(cause.place) for cause in gained.causes] == ["new.hujson:2:1", "new.hujson:3:1"]
    assert {cause.side for cause in gained.causes} == {Side.NEW}
    assert (gained.direction, gained.right.kind) == (Direction.GAINED, RightKind.NETWORK)
    assert lost.causes == (Cause(side=Side.OLD, place=Place("old.hujson", 2, 1)),)


def test_what_is_known_of_users_is_taken_into_account() -> None:
    known = Inventory(users=(User(login="ana@x.com", roles=frozenset({"admin"})),))
    old, new = made(grant("autogroup:admin", "tag:a", "*")), made(grant(["autogroup:admin", "ana@x.com"], "tag:a", "*"))
    assert not difference(old, new).is_empty
    assert difference(old, new, old_inventory=known, new_inventory=known).is_empty
