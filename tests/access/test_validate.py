"""What the service refuses, in its words where they were recorded."""

from __future__ import annotations

import pytest

from tailstack.access.reading import read_policy
from tailstack.access.validate import refusal, validate
from tailstack.finding import Place
from tests.access.policies import FILE, GROUPS, TAGS, grant, policy

ANY: list[dict[str, object]] = [{}]
NO_SELF = "autogroup:self can only be used with users, groups, or supported autogroups"


def messages(**sections: object) -> list[str]:
    whole: dict[str, object] = {"tagOwners": TAGS, "groups": GROUPS, "grants": [], **sections}
    return [finding.message for finding in validate(policy(**whole), domains={"example.com"})]


def acl(dst: str, src: str = "*", **more: object) -> dict[str, object]:
    return {"action": "accept", "src": [src], "dst": [dst], **more}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (acl("tag:web:22", "tag:none"), ['src=tag not found: "tag:none"']),
        (acl("tag:web:22", "group:none"), ['src=group not found: "group:none"']),
        (acl("tag:web:22", "autogroup:self"), ['"autogroup:self" not valid on the src side of a rule']),
        (acl("autogroup:self"), ['dst="autogroup:self": port range "self": invalid first integer']),
        (acl("tag:none:22"), ['dst="tag:none": tag not found: "tag:none"']),
        (acl("tag:web:ssh"), ['dst="tag:web:ssh": port range "ssh": invalid first integer']),
        (acl("tag:web:22", action="deny"), ['action="deny" is not supported']),
        (acl("tag:web:22", proto="*"), ['unknown protocol "*"']),
        (
            acl("tag:web:22", proto="icmp"),
            ['dst="tag:web:22": protocol "icmp" does not support specific ports, use "*"'],
        ),
        (acl("tag:web:22", srcPosture=["posture:x"]), ['posture not found: "posture:x"']),
        (acl("autogroup:self:22", "tag:a"), [NO_SELF]),
        (acl("autogroup:self:22", "10.0.0.1"), [NO_SELF]),
        (acl("autogroup:self:22"), []),
        (acl("autogroup:self:22", "autogroup:admin"), []),
        (acl("*:*", "ipset:none"), ['src=ipset not found: "ipset:none"']),
        (acl("svc:web:443"), []),
        (acl("[fd7a:115c:a1e0::1]:443"), []),
        (acl("autogroup:internet:*"), []),
        (acl("autogroup:danger-all:*"), ["cannot use autogroup:danger-all as a dst"]),
    ],
)
def test_acls(entry: dict[str, object], expected: list[str]) -> None:
    assert messages(acls=[entry]) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (grant("tag:none", "*", "*"), ['src=tag not found: "tag:none"']),
        (grant("*", "autogroup:self", "*"), [NO_SELF]),
        (grant("tag:a", "autogroup:self", "*"), [NO_SELF]),
        (grant("autogroup:member", "autogroup:self", "*"), []),
        (grant("user:*@example.com", "autogroup:self", "*"), []),
        (grant("autogroup:self", "*", "*"), ['"autogroup:self" not valid on the src side of a rule']),
        (grant("svc:x", "*", "*"), ['"svc:x" not valid on the src side of a rule']),
        (grant("*", "*"), ["ip and app can not both be empty"]),
        (grant("*", "*", ip=[], app={}), ["ip and app can not both be empty"]),
        (grant("*", "tag:a", "icmp"), ['port range "icmp": invalid first integer']),
        (grant("*", "tag:a", "tcp:0"), ["port range \"0\": first port must be >0, or use '*' for wildcard"]),
        (grant("*", "tag:a:443", "*"), ['dst="tag:a:443": tag not found: "tag:a:443"']),
        (grant("*", "%bogus%", "*"), ['"%bogus%": invalid address']),
        (grant("*", "autogroup:danger-all", "*"), ["cannot use autogroup:danger-all as a dst"]),
        (grant("*", "autogroup:nope", "*"), ['dst="autogroup:nope": autogroup not found: "autogroup:nope"']),
        (grant("*", "0.0.0.0/0", "*"), ['dst "0.0.0.0/0": to allow all IP addresses, use "*" or "autogroup:internet"']),
        (grant("*", "tag:a", app={"https://x.y/z": ANY}), ["capability name must have the form {domain}/{path}"]),
        (
            grant("*", "tag:a", app={"tailscale.com/cap/funnel": ANY}),
            ["capability name must not be in the tailscale.com domain"],
        ),
        (grant("*", "tag:a", app={"tailscale.com/cap/kubernetes": ANY, "example.com/x": []}), []),
        (
            grant("*", "autogroup:internet", app={"example.com/x": []}),
            ["cannot use app grants with autogroup:internet"],
        ),
        (grant("*", "10.0.0.0/8", "*", via=["autogroup:tagged"]), ["via can only be a tag"]),
        (grant("*", "10.0.0.0/8", "*", via=["tag:router", "tag:none"]), ['tag "tag:none" not found']),
        (grant("*", "tag:a", "*", srcPosture=["posture:x"]), ['posture not found: "posture:x"']),
        (
            grant("user:*@foreign.org", "tag:a", "*"),
            ["foreign.org is not associated with this Tailnet and cannot be used in user:*@<domain> expressions"],
        ),
        (grant("user:*@example.com", "tag:a", "*"), []),
        (grant(["autogroup:danger-all", "autogroup:shared"], "tag:a", "*"), []),
        (grant("group:synced@example.com", "tag:a", "*"), []),
    ],
)
def test_grants(entry: dict[str, object], expected: list[str]) -> None:
    assert messages(grants=[entry]) == expected


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"groups": {"group:a": ["group:b"]}}, ['groups["group:a"]: "group:b": group members cannot be recursive']),
        ({"groups": {"group:a": ["tag:a"]}}, ['groups["group:a"]: "tag:a": group members must be users']),
        ({"groups": {"dev": []}}, ["groups[\"dev\"]: group names must start with 'group:'"]),
        ({"groups": {"group:": []}}, ["groups[\"group:\"]: group names must start with 'group:'"]),
        ({"hosts": {"a@b": "10.0.0.1"}}, ['hosts["a@b"]: invalid host name']),
        ({"hosts": {"a": "x"}}, ['hosts["a"]: "x": invalid address']),
        ({"tagOwners": {"tag:1a": []}}, ["tagOwners[\"tag:1a\"]: tag names must start with a letter, after 'tag:'"]),
        (
            {"tagOwners": {"tag:a_b": []}},
            ['tagOwners["tag:a_b"]: tag names can only contain numbers, letters, or dashes'],
        ),
        ({"tagOwners": {"tag:": []}}, ['tagOwners["tag:"]: tag names must not be empty']),
        ({"tagOwners": {"a": []}}, ["tagOwners[\"a\"]: tags must start with 'tag:'"]),
        ({"tagOwners": {"tag:a": ["tag:none"]}}, ['tagOwners["tag:a"]: tag not found: "tag:none"']),
        ({"tagOwners": {"tag:a": ["tag:a", "autogroup:admin", "group:dev"]}}, []),
        ({"tagOwners": {"tag:a": ["*"]}}, ['"*" not valid on the owners of a tag']),
        ({"postures": {"mac": []}}, ["postures[\"mac\"]: posture names must start with 'posture:'"]),
        ({"postures": {"posture:x": ["os is mac"]}}, ['postures["posture:x"]: invalid assertion "os is mac"']),
        ({"defaultSrcPosture": ["posture:x"]}, ['posture not found: "posture:x"']),
        ({"postures": {"posture:x": []}, "defaultSrcPosture": ["posture:x"]}, []),
        ({"autoApprovers": {"routes": {"10.0.0.1": ["tag:a"]}}}, ['autoApprovers.routes["10.0.0.1"]: invalid prefix']),
        (
            {
                "autoApprovers": {
                    "routes": {"10.0.0.0/8": ["tag:none"]},
                    "exitNode": ["tag:none"],
                    "services": {"x": ["*"]},
                }
            },
            [
                'autoApprovers.routes["10.0.0.0/8"]: tag not found: "tag:none"',
                'autoApprovers.exitNode: tag not found: "tag:none"',
                'autoApprovers.services["x"]: invalid service',
                '"*" not valid on the approvers',
            ],
        ),
        ({"autoApprovers": {"services": {"svc:x": ["tag:a"], "tag:a": ["tag:a"]}}}, []),
        ({"nodeAttrs": [{"target": ["tag:none"], "attr": ["funnel"]}]}, ['tag not found: "tag:none"']),
        ({"nodeAttrs": [{"target": ["%bogus%"], "attr": ["funnel"]}]}, ['"%bogus%": invalid address']),
        (
            {"nodeAttrs": [{"target": ["autogroup:self"]}]},
            ['"autogroup:self" not valid on the targets of node attributes'],
        ),
        (
            {"nodeAttrs": [{"target": ["*"], "ipPool": ["100.100.100.0/24"]}]},
            ["IPPool(100.100.100.0/24): network within reserved range"],
        ),
        (
            {"nodeAttrs": [{"target": ["*"], "ipPool": ["10.0.0.0/8"]}]},
            ["IPPool(10.0.0.0/8): must be within 100.64.0.0/10"],
        ),
        ({"nodeAttrs": [{"target": ["*"], "ipPool": ["x"]}]}, ["IPPool(x): must be within 100.64.0.0/10"]),
        ({"nodeAttrs": [{"target": ["*"], "ipPool": ["100.81.0.0/16"], "attr": ["funnel", "my-own"]}]}, []),
        ({"nodeAttrs": [{"target": ["*"], "ipPool": ["100.81.0.0/16", "100.82.0.0/16"]}]}, []),
        ({"nodeAttrs": [{"target": ["*"], "attr": ["funel"]}]}, ['"funel" is no node attribute that is known']),
        ({"ipsets": {"x": []}}, ["ipsets[\"x\"]: IP set names must start with 'ipset:'"]),
        (
            {
                "hosts": {"db": "10.0.0.1"},
                "ipsets": {
                    "ipset:x": ["10.0.0.1", "add host:db", "remove host:no", "autogroup:internet", "tag:a", "ipset:no"]
                },
            },
            [
                'ipsets["ipset:x"]: "host:no": not found or not allowed in an IP set',
                'ipsets["ipset:x"]: "tag:a": not found or not allowed in an IP set',
                'ipsets["ipset:x"]: "ipset:no": not found or not allowed in an IP set',
            ],
        ),
    ],
)
def test_definitions(sections: dict[str, object], expected: list[str]) -> None:
    assert messages(**sections) == expected


def test_ip_sets_that_are_made_of_each_other_are_named_with_the_way_round() -> None:
    read = read_policy(
        '{"grants": [], "ipsets": {\n"ipset:a": ["ipset:b", "ipset:c"],\n"ipset:b": ["ipset:c"],\n"ipset:c": ["ipset:b"], "ipset:d": ["ipset:a", "ipset:a"]}}',
        file=FILE,
    )
    found = [(finding.message, finding.places) for finding in validate(read)]
    assert found == [
        ('ipsets["ipset:b"]: IP sets cannot be recursive', (Place(FILE, 3, 13), Place(FILE, 4, 13))),
        ('ipsets["ipset:c"]: IP sets cannot be recursive', (Place(FILE, 4, 13), Place(FILE, 3, 13))),
    ]


def ssh(**more: object) -> dict[str, object]:
    return {"action": "accept", "src": ["autogroup:member"], "dst": ["tag:a"], "users": ["root"], **more}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ssh(), []),
        (ssh(action=""), ["action must be specified"]),
        (ssh(action="Accept"), ['"Accept" is not a valid action']),
        (ssh(users=[]), ["users must be specified"]),
        (ssh(users=["root", ""]), ['user "" is not valid']),
        (ssh(users=["*"]), ['user "*" is not valid']),
        (ssh(users=["localpart:*@example.com", "localpart:*@"]), []),
        (
            ssh(users=["localpart:*@example.org"]),
            ["example.org is not associated with this Tailnet and cannot be used in user:*@<domain> expressions"],
        ),
        (
            ssh(src=["user:*@example.org"]),
            ["[ssh] example.org is not associated with this Tailnet and cannot be used in user:*@<domain> expressions"],
        ),
        (ssh(src=["*"]), ['"*" not valid on the src side of an ssh rule']),
        (ssh(dst=["srv"]), ['invalid dst "srv"']),
        (ssh(dst=["*"]), ['invalid dst "*"']),
        (ssh(dst=["autogroup:internet"]), ['"autogroup:internet" not valid on the dst side of an ssh rule']),
        (ssh(src=["tag:a"], dst=["autogroup:self"]), [NO_SELF]),
        (ssh(src=["autogroup:tagged"], dst=["autogroup:self"]), [NO_SELF]),
        (ssh(src=["ana@example.com"], dst=["ana@example.com"]), []),
        (ssh(src=["tag:a"], dst=["ana@example.com"]), ['dst "ana@example.com": src must be the same single user']),
        (ssh(action="check", checkPeriod="always"), []),
        (ssh(action="check", checkPeriod="168h"), []),
        (ssh(action="check", checkPeriod="200h"), ["checkPeriod 200h0m0s is above the max (168h)"]),
        (ssh(action="check", checkPeriod="-1m"), ["checkPeriod -1m0s must be a positive duration"]),
        (ssh(action="check", checkPeriod="abc"), ['time: invalid duration "abc"']),
        (ssh(acceptEnv=["A", ""]), ["acceptEnv values cannot be empty"]),
        (ssh(recorder=["tag:none"]), ['tag not found: "tag:none"']),
        (ssh(recorder=["group:dev"]), ['"group:dev" not valid on the recorders']),
        (ssh(srcPosture=["posture:x"]), ['posture not found: "posture:x"']),
    ],
)
def test_ssh_rules(rule: dict[str, object], expected: list[str]) -> None:
    assert messages(ssh=[rule]) == expected


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("tag:a", []),
        ("net", []),
        ("tag:a:22", ['SSH tests dst contains unknown tag "tag:a:22"']),
        ("autogroup:internet", ['SSH tests dst contains disallowed element "autogroup:internet"']),
        ("100.64.0.0/24", ['SSH tests dst contains disallowed element "100.64.0.0/24"']),
    ],
)
def test_destinations_of_ssh_tests(dst: str, expected: list[str]) -> None:
    assert messages(sshTests=[{"src": "ana@example.com", "dst": [dst], "accept": ["root"]}]) == expected


def test_a_policy_without_rules_is_warned_of_and_not_refused() -> None:
    (finding,) = validate(policy(groups={}))
    assert finding.message == "neither grants nor acls: everything may reach everything"
    assert refusal([finding]) == ""
    assert validate(read_policy("", file=FILE)) == ()


def test_the_refusal_is_the_first_error() -> None:
    findings = validate(policy(groups={"group:a": ["group:b"]}, colour=1, grants=[grant("tag:none", "*", "*")]))
    assert refusal(findings) == 'groups["group:a"]: "group:b": group members cannot be recursive'


def test_domains_that_are_not_known_pass() -> None:
    assert validate(policy(grants=[grant("user:*@anywhere.org", "*", "*")])) == ()
