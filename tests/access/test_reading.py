"""The policy file read whole: every section, legacy names, places, and everything wrong at once."""

from __future__ import annotations

from tailstack.access.ports import EVERYTHING, parse_ip_entry
from tailstack.access.reading import read_policy
from tailstack.access.selectors import SelectorKind
from tailstack.finding import Place
from tests.access.policies import FILE, policy

WHOLE = """// everything at once
{
	"Grants": [{"src": ["group:dev", " tag:a "], "dst": ["db"], "IP": ["tcp:443", "80-"], "app": {"x.y/z": [{"a": 1}]},
		"srcPosture": ["posture:mac"], "via": ["tag:r"]}],
	"ACLs": [{"action": "accept", "Users": ["*"], "Ports": ["tag:a:22,80", "[fd7a::1]:443", "nothing"], "proto": "tcp"}],
	"groups": {"group:dev": ["ana@example.com"]},
	"hosts": {"db": "10.0.0.1", "net": "10.0.0.0/8", "bad": "10.0.0.1-10.0.0.2"},
	"ipsets": {"ipset:x": ["add 10.0.0.1", "remove host:db"]},
	"tagOwners": {"tag:a": ["autogroup:admin"]},
	"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:r"]}, "exitNode": ["tag:r"], "services": {"svc:x": ["tag:a"]}},
	"nodeAttrs": [{"target": ["*"], "attr": ["funnel"], "app": {"tailscale.com/app-connectors": []}, "ipPool": ["100.80.0.0/16"]}],
	"postures": {"posture:mac": ["node:os == 'macos'"]},
	"defaultSrcPosture": ["posture:mac"],
	"ssh": [{"action": "check", "src": ["autogroup:members"], "dst": ["autogroup:self"], "users": ["root"], "checkPeriod": "1h",
		"acceptEnv": ["A"], "srcPosture": ["posture:mac"], "recorder": ["tag:a"], "enforceRecorder": true}],
	"tests": [{"user": "ana@example.com", "allow": ["tag:a:22"], "proto": "tcp", "srcPostureAttrs": {"node:os": "macos"}}],
	"sshTests": [{"src": "ana@example.com", "dst": ["tag:a"], "accept": ["root"], "check": ["x"], "deny": ["y"]}],
	"derpMap": {"regions": {"1": null}},
	"randomizeClientPort": true,
	"oneCGNATRoute": "mac-always",
	"colour": {"a": [1]},
}
"""


def test_every_section_is_read() -> None:
    read = read_policy(WHOLE, file=FILE)
    assert read.grants is not None
    (grant,) = read.grants
    assert [(s.kind, s.name) for s in grant.src] == [(SelectorKind.GROUP, "group:dev"), (SelectorKind.TAG, "tag:a")]
    assert grant.dst[0].kind is SelectorKind.NAME
    assert [entry.ports for entry in grant.ip] == [parse_ip_entry("tcp:443"), None]
    assert [(app.key, app.value) for app in grant.app] == [("x.y/z", [{"a": 1}])]
    assert [str(text) for text in grant.src_posture] == ["posture:mac"]
    assert [str(tag) for tag in grant.via] == ["tag:r"]
    assert read.acls is not None
    (acl,) = read.acls
    assert [source.name for source in acl.src] == ["*"]
    assert [(target.target.name, str(target.ports)) for target in acl.dst] == [
        ("tag:a", "tcp:22, tcp:80"),
        ("[fd7a::1]", "tcp:443"),
        ("nothing", "None"),
    ]
    assert acl.dst[1].target.span is not None
    assert [(host.name, str(host.span)) for host in read.hosts] == [
        ("db", "10.0.0.1"),
        ("net", "10.0.0.0/8"),
        ("bad", "None"),
    ]
    assert [str(text) for text in read.ipsets[0].entries] == ["add 10.0.0.1", "remove host:db"]
    assert [owner.name for owner in read.tag_owners[0].entries] == ["autogroup:admin"]
    assert read.auto_approvers.routes[0].name == "10.0.0.0/8"
    assert read.auto_approvers.exit_node[0].name == "tag:r"
    assert read.auto_approvers.services[0].entries[0].name == "tag:a"
    assert read.node_attributes[0].app[0].key == "tailscale.com/app-connectors"
    assert str(read.node_attributes[0].ip_pool[0]) == "100.80.0.0/16"
    assert str(read.default_src_posture[0]) == "posture:mac"
    (rule,) = read.ssh
    assert (rule.src[0].name, rule.src[0].text) == ("autogroup:member", "autogroup:members")
    assert rule.enforce_recorder
    assert str(rule.check_period) == "1h"
    (test,) = read.tests
    assert (test.src.text, test.accept[0].text, test.proto.text) == ("ana@example.com", "tag:a:22", "tcp")
    assert test.src_posture_attributes[0].value == "macos"
    (ssh_test,) = read.ssh_tests
    assert [str(ssh_test.accept[0]), str(ssh_test.check[0]), str(ssh_test.deny[0])] == ["root", "x", "y"]
    assert {setting.key: setting.value for setting in read.settings} == {
        "derpMap": {"regions": {"1": None}},
        "randomizeClientPort": True,
        "OneCGNATRoute": "mac-always",
    }


def test_what_is_not_known_is_kept_and_reported() -> None:
    read = read_policy(WHOLE, file=FILE)
    assert [(keyed.key, keyed.value) for keyed in read.unknown] == [("colour", {"a": [1]})]
    (finding,) = read.findings
    assert not finding.is_error
    assert finding.message == 'the policy file: unknown key "colour"'
    assert finding.places == (Place(FILE, 21, 2),)


def test_entries_have_their_places() -> None:
    read = read_policy(WHOLE, file=FILE)
    assert read.grants is not None
    assert read.grants[0].place == Place(FILE, 3, 13)
    assert read.grants[0].src[1].place == Place(FILE, 3, 35)
    assert read.tests[0].place == Place(FILE, 16, 12)


def test_an_empty_text_has_no_sections() -> None:
    read = read_policy(" \n", file=FILE)
    assert read.grants is None
    assert read.findings == ()
    assert read.document is None


def test_what_is_no_hujson_is_one_finding_at_its_place() -> None:
    read = read_policy('{\n  "grants" []}', file=FILE)
    (finding,) = read.findings
    assert finding.message == "line 2, column 12: invalid character '[' after object name"
    assert finding.places == (Place(FILE, 2, 12),)
    assert finding.is_error


def test_everything_of_a_wrong_shape_is_said_at_once() -> None:
    read = policy(
        grants=[1, {"src": "x", "dst": [1], "app": {"a/b": 1}, "aap": {}}],
        acls={},
        groups=[],
        ssh=[{"action": 1, "enforceRecorder": "yes"}],
        tests=[{"src": 1, "srcPostureAttrs": [1]}],
        hosts={"x": 1},
        randomizeClientPort="yes",
        derpMap=1,
    )
    assert [(finding.message, finding.expected) for finding in read.findings] == [
        ("grants[0]: unexpected number", "an object"),
        ('grants[1]: unknown key "aap"', "one of src, dst, ip, app, srcPosture, via"),
        ("grants[1].src: unexpected string", "a list"),
        ("grants[1].dst: unexpected number", "a string"),
        ('grants[1].app["a/b"]: unexpected number', "a list"),
        ("acls: unexpected object", "a list"),
        ("groups: unexpected array", "an object"),
        ('hosts["x"]: unexpected number', "a string"),
        ("ssh[0].action: unexpected number", "a string"),
        ("ssh[0].enforceRecorder: unexpected string", "true or false"),
        ("tests[0].src: unexpected number", "a string"),
        ("tests[0].srcPostureAttrs: unexpected array", "an object"),
        ("derpMap: unexpected number", "an object"),
        ("randomizeClientPort: unexpected string", "a boolean"),
    ]
    assert read.findings[1].mend == "Write app if that is meant."


def test_a_policy_that_is_no_object_is_said_to_be_none() -> None:
    (finding,) = read_policy("[]", file=FILE).findings
    assert finding.message == "the policy file: unexpected array"


def test_null_stands_for_nothing() -> None:
    read = policy(
        grants=None, groups=None, ssh=[{"action": "accept", "users": None, "src": None}], autoApprovers={"routes": None}
    )
    assert read.findings == ()
    assert read.grants is None
    assert read.ssh[0].users == ()


def test_a_key_that_stands_twice_is_named_with_both_places() -> None:
    read = read_policy('{"grants": [],\n"grants": []}', file=FILE)
    (finding,) = read.findings
    assert not finding.is_error
    assert finding.places == (Place(FILE, 2, 1), Place(FILE, 1, 2))


def test_a_grant_of_everything() -> None:
    read = policy(grants=[{"src": ["*"], "dst": ["*"], "ip": ["*"]}])
    assert read.grants is not None
    assert read.grants[0].ip[0].ports == EVERYTHING


def test_unknown_keys_of_entries_are_kept_with_their_entries() -> None:
    one = {"x": [1]}
    read = policy(
        grants=[one],
        acls=[one],
        nodeAttrs=[one],
        ssh=[one],
        tests=[one],
        sshTests=[one],
        autoApprovers={**one, "y": None},
    )
    entries = [*(read.grants or ()), *(read.acls or ()), *read.node_attributes, *read.ssh, *read.tests, *read.ssh_tests]
    assert [[(keyed.key, keyed.value) for keyed in entry.unknown] for entry in entries] == [[("x", [1])]] * 6
    assert [keyed.key for keyed in read.auto_approvers.unknown] == ["x", "y"]
    assert entries[0].unknown[0].place == Place(FILE, 1, 14)
