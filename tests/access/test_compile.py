"""From a tailnet to its policy file: what is derived, what is kept, and where everything comes from."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson, mistakes
from tailstack.access.compile import CompiledPolicy, compile_policy
from tailstack.access.derived_grants import permissions
from tailstack.access.derived_tests import effective_policy
from tailstack.access.entries import entries
from tailstack.access.nodes import declared_nodes, inventory_of
from tailstack.access.policy import Policy
from tailstack.access.policy_tests import run_tests
from tailstack.access.validate import validate
from tailstack.allocation import without_garbage_collection
from tailstack.finding import InvalidTailnetError, Place
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet
from tests.rules.environments import TAILNET, files_of, tailnet_of
from tests.topology.marked import AT, ENVIRONMENT, path_of, unmarked

PROJECT = Path(__file__).parents[2]

BLUE_AND_GREEN = """
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
  green:
    kubernetes: {context: green}
    operator: {apiServerProxy: {mode: noauth}}
    egress:
      out: {namespace: default, to: {exposure: blue.nginx}}
"""


def compiled(text: str, *, base: str | None = None, tailnet: str = TAILNET) -> CompiledPolicy:
    return compile_policy(tailnet_of(text, base=base, tailnet=tailnet))


def section(policy: CompiledPolicy, name: str) -> Any:  # noqa: ANN401 -- any JSON
    """A section as plain data; None where there is none."""
    document = cast("dict[str, Any]", hujson.to_python(hujson.parse(policy.text).root))
    return document.get(name)


def body(policy: CompiledPolicy) -> str:
    """The text without its first line."""
    return policy.text.partition("\n")[2]


def environment_of(name: str) -> Tailnet:
    folder = PROJECT / "stacks" / name
    files = {f"stacks/{name}/{file.name}": file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return resolve_files(files, name, AT)


# What is derived


def test_the_walkthrough_gets_the_owners_that_its_author_wrote_by_hand() -> None:
    owners = section(compile_policy(environment_of("sandbox")), "tagOwners")
    assert owners["tag:k8s-operator"] == []
    assert owners["tag:k8s"] == ["tag:k8s-operator"]


WHOLE = """{
	"groups": {
		// group:ops, whose turn it is
		"group:ops": ["li@example.com"],
	},
	"postures": {
		// posture:mac
		"posture:mac": ["node:os == 'macos'"],
	},
	"tagOwners": {
		// worn by operator blue
		"tag:k8s-op-blue": [],
		// worn by operator green
		"tag:k8s-op-green": [],
		// worn by proxies of blue
		"tag:k8s-blue": ["tag:k8s-op-blue"],
		// worn by proxies of green
		"tag:k8s-green": ["tag:k8s-op-green"],
		// worn by exposure blue.nginx
		"tag:k8s-blue--nginx": ["tag:k8s-op-blue"],
		// worn by ingress green.page
		"tag:k8s-green--page": ["tag:k8s-op-green"],
		// worn by egress green.out
		"tag:k8s-green--out": ["tag:k8s-op-green"],
		// worn by machine ci
		"tag:ci": [],
	},
	"grants": [
		// access: ops
		{
			"src":        ["group:ops", "tag:ci"],
			"dst":        ["tag:k8s-op-blue"],
			"srcPosture": ["posture:mac"],
			"ip":         ["tcp:443"],
		},
		// access: ops
		{
			"src":        ["group:ops", "tag:ci"],
			"dst":        ["tag:k8s-blue--nginx"],
			"srcPosture": ["posture:mac"],
			"ip":         ["tcp:80"],
		},
		// access: look
		{
			"src": ["group:synced@example.com"],
			"dst": ["tag:k8s-op-blue"],
			"ip":  ["tcp:443"],
			"app": {
				"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["readers"]}}],
			},
		},
		// link: green.out -> blue.nginx
		{
			"src": ["tag:k8s-green--out"],
			"dst": ["tag:k8s-blue--nginx"],
			"ip":  ["tcp:80"],
		},
	],
	"nodeAttrs": [
		// ingress green.page, open to the internet
		{"target": ["tag:k8s-green--page"], "attr": ["funnel"]},
	],
	"tests": [
		// link: green.out -> blue.nginx
		{
			"src":    "tag:k8s-green--out",
			"proto":  "tcp",
			"accept": ["tag:k8s-blue--nginx:80"],
		},
		// what is closed to tag:k8s-op-blue
		{
			"src":   "tag:k8s-op-blue",
			"proto": "tcp",
			"deny":  ["tag:k8s-blue--nginx:80"],
		},
		// what is closed to group:ops
		{"src": "group:ops", "proto": "tcp", "deny": ["tag:k8s-green--page:443"]},
	],
}
"""


def test_an_environment_compiles_to_this_text() -> None:
    text = f"""groups:
  group:ops: {{rotation: {{members: [ana@example.com, li@example.com], every: 7d, from: "2026-01-05T09:00:00Z"}}}}
  group:synced@example.com: {{synced: true}}
postures:
  posture:mac: [node:os == 'macos']
machines:
  ci: {{tags: [tag:ci]}}
{BLUE_AND_GREEN}    ingress:
      page: {{namespace: default, backend: {{service: nginx, port: 80}}, funnel: true}}
access:
  - name: ops
    from: [group:ops, {{machine: ci}}]
    to: [{{apiServer: blue}}, {{exposure: blue.nginx}}]
    srcPosture: [posture:mac]
  - name: look
    from: [group:synced@example.com]
    to: [{{apiServer: blue}}]
    kubernetes: {{impersonate: {{groups: [readers]}}}}
"""
    assert body(compiled(text)) == WHOLE


def test_a_shared_tag_is_owned_by_the_operators_of_every_cluster_in_which_it_is_worn() -> None:
    text = BLUE_AND_GREEN.replace("a: b}", "a: b}, tags: [tag:web]").replace(
        "blue.nginx}", "blue.nginx}, tags: [tag:web]"
    )
    policy = compiled(text + "machines: {m: {tags: [tag:web]}, o: {tags: [tag:web]}}\n")
    assert section(policy, "tagOwners")["tag:web"] == ["tag:k8s-op-blue", "tag:k8s-op-green"]
    assert "// worn by exposure blue.nginx, egress green.out, machine m and 1 more\n" in policy.text


def test_a_node_with_several_tags_is_granted_by_the_one_that_the_fewest_nodes_wear() -> None:
    text = BLUE_AND_GREEN.replace("a: b}", "a: b}, tags: [tag:shared, tag:own]") + (
        "machines: {m: {tags: [tag:shared, tag:m]}, o: {tags: [tag:shared, tag:o]}}\n"
        "access:\n  - {name: a, from: [{machine: m}, {machine: o}], to: [{exposure: blue.nginx}]}\n"
    )
    grants = section(compiled(text), "grants")
    assert [(grant["src"], grant["dst"]) for grant in grants] == [
        (["tag:m", "tag:o"], ["tag:own"]),
        (["tag:k8s-green--out"], ["tag:own"]),
    ]


def test_destinations_with_the_same_ports_share_a_grant_and_others_do_not() -> None:
    text = BLUE_AND_GREEN + (
        "access:\n  - {name: a, from: ['*'], to: [{apiServer: blue}, {exposure: blue.nginx}, {apiServer: green}]}\n"
        "  - {name: b, from: ['*'], to: [tag:k8s-blue, tag:k8s-green], ports: [tcp:1, 'udp:2-3', 'icmp:*', 'tcp:*']}\n"
        "  - {name: c, from: ['*'], to: [tag:k8s-blue], ports: ['*']}\n"
    )
    grants = section(compiled(text), "grants")
    assert [(grant["dst"], grant["ip"]) for grant in grants[:4]] == [
        (["tag:k8s-op-blue", "tag:k8s-op-green"], ["tcp:443"]),
        (["tag:k8s-blue--nginx"], ["tcp:80"]),
        (["tag:k8s-blue", "tag:k8s-green"], ["tcp:1", "udp:2-3", "icmp:*", "tcp:*"]),
        (["tag:k8s-blue"], ["*"]),
    ]


@pytest.mark.parametrize(
    ("target", "granted"),
    [
        ("ip: 100.64.0.9", ["100.64.0.9"]),
        ("fqdn: green-operator.tail1a2b.ts.net", ["tag:k8s-op-green"]),
        ("fqdn: db.tail1a2b.ts.net", ["tag:db"]),
        ("fqdn: unknown.tail1a2b.ts.net", None),
    ],
)
def test_a_link_is_granted_to_what_has_its_name_and_nothing_where_nothing_has(
    target: str, granted: list[str] | None
) -> None:
    text = BLUE_AND_GREEN.replace("{exposure: blue.nginx}", f"{{{target}}}, ports: [tcp:1]")
    policy = compiled(text + "machines: {db: {tags: [tag:db]}}\n")
    assert [grant["dst"] for grant in section(policy, "grants")] == ([granted] if granted else [])


# Tests of the policy


def derived_tests(policy: CompiledPolicy) -> list[tuple[str, str, list[str]]]:
    return [
        (test["src"], test["proto"], test.get("accept") or [f"not {target}" for target in test["deny"]])
        for test in section(policy, "tests") or ()
    ]


ACCESS = BLUE_AND_GREEN.partition("  green:")[0] + "groups: {group:a: [a@example.com], group:none: []}\naccess:\n"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("from: [group:a, tag:k8s-blue, x@example.com], to: [{exposure: blue.nginx}]", [
            ("group:a", "tcp", ["tag:k8s-blue--nginx:80"]), ("tag:k8s-blue", "tcp", ["tag:k8s-blue--nginx:80"]), ("x@example.com", "tcp", ["tag:k8s-blue--nginx:80"])]),
        ("from: [autogroup:admin, '*', group:none, 10.0.0.0/8], to: [{exposure: blue.nginx}]", []),
        ("from: [group:s@example.com], to: [{exposure: blue.nginx}]", []),
        ("from: [group:a], to: [{exposure: blue.nginx}], srcPosture: [posture:p]", []),
        ("from: [tag:k8s-blue], to: [tag:k8s-blue, 10.0.0.1, 10.0.0.0/8, '*', 'fd7a:115c:a1e0::1', 10.0.0.2/32], ports: [tcp:1]", [
            ("tag:k8s-blue", "tcp", ["tag:k8s-blue:1", "10.0.0.1:1", "[fd7a:115c:a1e0::1]:1"])]),
        ("from: [tag:k8s-blue], to: [tag:k8s-blue], ports: [tcp:5-9, tcp:5, 'udp:*', 'icmp:*']", [
            ("tag:k8s-blue", "tcp", ["tag:k8s-blue:5"]), ("tag:k8s-blue", "udp", ["tag:k8s-blue:443"]), ("tag:k8s-blue", "icmp", ["tag:k8s-blue:0"])]),
        ("from: [tag:k8s-blue], to: [tag:k8s-blue], ports: ['*']", [("tag:k8s-blue", "tcp", ["tag:k8s-blue:443"])]),
        ("from: [tag:k8s-blue], to: ['*'], ports: ['tcp:1']", []),
        ("from: [tag:k8s-blue], to: [{exposure: blue.nginx}]}\n  - {name: b, from: [tag:k8s-blue, group:a], to: [tag:k8s-blue--nginx, tag:k8s-blue], ports: [tcp:80]", [
            ("tag:k8s-blue", "tcp", ["tag:k8s-blue--nginx:80", "tag:k8s-blue:80"]), ("group:a", "tcp", ["tag:k8s-blue--nginx:80", "tag:k8s-blue:80"])]),
    ],
)  # fmt: skip
def test_access_is_tested_as_far_as_a_test_can_say_it(entry: str, expected: list[tuple[str, str, list[str]]]) -> None:
    text = f"postures: {{posture:p: [node:os == 'macos']}}\n{ACCESS}  - {{name: a, {entry}}}\n"
    found = derived_tests(compiled(text))
    assert [test for test in found if not test[2][0].startswith("not ")] == expected


def test_a_test_names_the_declarations_that_it_is_for_and_leads_to_each() -> None:
    names = "abcde"
    text = ACCESS + "".join(
        f"  - {{name: {name}, from: [tag:k8s-blue], to: [tag:k8s-blue], ports: [tcp:{number}]}}\n"
        for number, name in enumerate(names, 1)
    )
    policy = compiled(text)
    (accepting,) = (test for test in policy.policy.tests if test.accept)
    assert policy.declaration(accepting.place) == "access: a, access: b, access: c and 2 more"
    assert [policy.sources(target.place) for target in accepting.accept] == [
        (access.place,) for access in tailnet_of(text).access
    ]
    (denying,) = (test for test in policy.policy.tests if test.deny)
    assert policy.declaration(denying.place) == "what is closed to group:a"
    assert policy.sources(denying.deny[0].place) == (tailnet_of(text).exposures[0].place,)


def test_under_a_posture_for_every_grant_nothing_is_accepted_without_one() -> None:
    base = """{"postures": {"posture:p": ["node:os == 'macos'"]}, "defaultSrcPosture": ["posture:p"]}"""
    found = derived_tests(compiled(BLUE_AND_GREEN, base=base))
    assert [test[2] for test in found if not test[2][0].startswith("not ")] == []


def test_no_tests_are_derived_where_none_are_wanted() -> None:
    policy = compiled(BLUE_AND_GREEN, tailnet=TAILNET.replace("ts.net}", "ts.net, policy: {tests: none}}"))
    assert section(policy, "tests") is None


DENIED = BLUE_AND_GREEN + "groups: {group:a: [a@example.com]}\nmachines: {m: {tags: [tag:m]}}\naccess:\n"


@pytest.mark.parametrize(
    ("entries", "base", "closed_to"),
    [
        ("", None, "group:a"),
        ("{from: [group:a], to: [{exposure: blue.nginx}]}", None, "tag:m"),
        ("{from: [group:a, tag:m], to: [{exposure: blue.nginx}]}", None, "tag:k8s-op-blue"),
        # A member of the group may turn out to be an administrator, a guest, or in a group kept elsewhere.
        ("{from: [autogroup:admin], to: [{exposure: blue.nginx}]}", None, "tag:m"),
        ("{from: ['group:s@example.com'], to: [{exposure: blue.nginx}]}", None, "tag:m"),
        ("{from: ['user:*@example.com'], to: [{exposure: blue.nginx}]}", None, "tag:m"),
        # A device may turn out to have any address.
        ("{from: [100.64.0.0/10], to: [{exposure: blue.nginx}]}", None, None),
        ("{from: [tag:m], to: [100.64.0.1], ports: [tcp:80]}", None, "group:a"),
        ("{from: [group:a], to: [100.64.0.1], ports: [tcp:80]}", None, "tag:m"),
        ("{from: ['*'], to: [{exposure: blue.nginx}]}", None, None),
        # On another port it is no matter; under a posture it is.
        ("{from: [group:a], to: [tag:k8s-blue--nginx], ports: [tcp:81]}", None, "group:a"),
        ("{from: [group:a], to: [{exposure: blue.nginx}], srcPosture: [posture:p]}", None, "tag:m"),
        # The hand-written part counts as well.
        ("", '{"grants": [{"src": ["autogroup:member"], "dst": ["tag:k8s-blue--nginx"], "ip": ["80"]}]}', "tag:m"),
        ("", '{"acls": [{"action": "accept", "src": ["tag:m", "group:a"], "dst": ["*:*"]}]}', "tag:k8s-op-blue"),
    ],
)  # fmt: skip
def test_an_exposure_is_closed_to_the_first_source_that_certainly_does_not_reach_it(
    entries: str, base: str | None, closed_to: str | None
) -> None:
    text = DENIED + (f"  - {entries.replace('{from', '{name: a, from', 1)}\n" if entries else "  []\n")
    text += "postures: {posture:p: [node:os == 'macos']}\n"
    found = [test[0] for test in derived_tests(compiled(text, base=base)) if test[2] == ["not tag:k8s-blue--nginx:80"]]
    assert found == ([closed_to] if closed_to else [])


def test_a_denial_holds_for_each_node_of_a_tag_with_its_other_tags() -> None:
    text = BLUE_AND_GREEN.replace("a: b}", "a: b}, tags: [tag:x]") + (
        "machines: {m: {tags: [tag:m, tag:good]}, o: {tags: [tag:x, tag:open]}}\n"
        "access:\n  - {name: a, from: [tag:good], to: [tag:x], ports: [tcp:80]}\n"
        "  - {name: b, from: [tag:k8s-op-blue], to: [tag:open], ports: [tcp:80]}\n"
    )
    closed = [test[0] for test in derived_tests(compiled(text)) if test[2] == ["not tag:x:80"]]
    assert closed == ["tag:x"]


def test_an_exposure_of_icmp_has_no_port_to_test() -> None:
    text = DENIED.replace("ports: [tcp:80], selector: {a: b}", "ports: ['icmp:*'], managedBy: gitops") + "  []\n"
    assert [test for test in derived_tests(compiled(text)) if "not " in test[2][0]] == []


def test_candidates_for_a_denial_are_bounded() -> None:
    machines = "".join(f"  m{number}: {{tags: [tag:m{number}]}}\n" for number in range(40))
    open_to_most = ", ".join(f"tag:m{number}" for number in range(39))
    text = f"{BLUE_AND_GREEN}machines:\n{machines}access:\n  - {{name: a, from: [{open_to_most}], to: [tag:k8s-blue--nginx], ports: [tcp:80]}}\n"
    assert [test for test in derived_tests(compiled(text)) if "not " in test[2][0]] == []


# The base


def test_the_base_keeps_its_comments_and_its_entries_stand_first() -> None:
    base = """// Ours.
{
	/* who may give what */
	"TagOwners": {
		"tag:hand": [], // by hand
	},
	"grants": [
		// Everybody may look.
		{"src": ["*"], "dst": ["tag:hand"], "ip": ["80"]}, // for now
		// More to come.
	],
	"groups": null,
	"randomizeClientPort": true,
}
"""
    policy = compiled("groups: {group:x: [a@example.com]}\n" + BLUE_AND_GREEN, base=base)
    assert body(policy).startswith(
        '// Ours.\n{\n\t/* who may give what */\n\t"TagOwners": {\n\t\t"tag:hand": [], // by hand\n\t\t// worn by operator blue\n'
    )
    assert (
        '\t"grants": [\n\t\t// Everybody may look.\n\t\t{"src": ["*"], "dst": ["tag:hand"], "ip": ["80"]}, // for now\n'
        "\t\t// More to come.\n\t\t// link: green.out -> blue.nginx\n"
    ) in policy.text
    assert section(policy, "groups") == {"group:x": ["a@example.com"]}
    assert section(policy, "randomizeClientPort") is True


@pytest.mark.parametrize(
    ("base", "file"), [(None, ""), ("", "base.hujson"), ("null", "base.hujson"), ("{}", "base.hujson")]
)
def test_an_empty_base_is_no_base(base: str | None, file: str) -> None:
    policy = compiled(BLUE_AND_GREEN, base=base)
    assert body(policy) == body(compiled(BLUE_AND_GREEN))
    assert policy.base.file.rpartition("/")[2] == file


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (None, '{\n\t// Nothing is granted. Without this section everything would be.\n\t"grants": [],\n}\n'),
        ('{"acls": []}', '{"acls": []}\n'),
        ('{"grants": []}', '{"grants": []}\n'),
        ('{"grants": null, "hosts": {"a": "10.0.0.1"}}', None),
    ],
)
def test_where_nothing_is_granted_the_policy_says_so(base: str | None, expected: str | None) -> None:
    policy = compiled("labels: {}\n".replace("labels: {}", "machines: {}"), base=base)
    assert expected is None or body(policy) == expected
    assert policy.policy.grants is not None or policy.policy.acls is not None
    assert [finding for finding in validate(policy.policy) if finding.rule is mistakes.EMPTY_DEFAULT] == []


def test_what_both_sides_define_alike_is_written_once() -> None:
    base = """{"tagOwners": {"tag:k8s-op-blue": ["tag:ci"], "tag:ci": []}, "groups": {"group:x": ["b@example.com", "a@example.com"]},
"postures": {"posture:p": ["node:os == 'macos'"]}}"""
    text = (
        "groups: {group:x: [a@example.com, b@example.com]}\npostures: {posture:p: [node:os == 'macos']}\n"
        + BLUE_AND_GREEN
    )
    policy = compiled(text, base=base)
    assert policy.findings == ()
    assert section(policy, "groups") == {"group:x": ["b@example.com", "a@example.com"]}
    assert section(policy, "tagOwners")["tag:k8s-op-blue"] == ["tag:ci"]
    assert policy.text.count('tag:k8s-op-blue":') == 1


@pytest.mark.parametrize("base", ["{", '{"grants": {}}', "[]", '{"groups": {"group:x": "a"}}'])
def test_a_base_that_cannot_be_read_is_refused_with_its_places(base: str) -> None:
    with pytest.raises(InvalidTailnetError) as caught:
        compiled(BLUE_AND_GREEN, base=base)
    assert {finding.places[0].file for finding in caught.value.findings} == {path_of("base.hujson")}


# Where everything comes from


def test_every_derived_entry_knows_its_declaration_and_every_other_its_place_in_the_base() -> None:
    files = files_of(
        BLUE_AND_GREEN.replace("nginx:", "②nginx:").replace("out:", "③out:")
        + "access:\n  - {name: a, from: [§tag:k8s-blue], to: [{exposure: blue.nginx}]}\n",
        base='{\n  "grants": [\n    {"src": ["*"], "dst": ["*"], "ip": ["1"]},\n  ],\n  "groups": {"group:x": ["a@example.com"]},\n}',
    )
    texts, (source, exposure, egress) = unmarked(files)
    policy = compile_policy(resolve_files(texts, ENVIRONMENT, AT))
    assert policy.policy.grants is not None
    by_hand, access, link = policy.policy.grants

    assert policy.sources(by_hand.place) == (Place(path_of("base.hujson"), 3, 5),)
    assert policy.sources(by_hand.ip[0].place) == (Place(path_of("base.hujson"), 3, 41),)
    assert policy.declaration(by_hand.place) == f"{path_of('base.hujson')}:3:5"
    assert not policy.is_derived(by_hand.place)

    assert policy.declaration(access.place) == "access: a"
    assert policy.sources(access.src[0].place) == (source,)
    assert policy.sources(access.ip[0].place) == (Place(source.file, source.line, 5),)
    assert policy.is_derived(access.ip[0].place)

    assert policy.sources(link.place) == (egress,)
    owner = next(owned for owned in policy.policy.tag_owners if owned.name == "tag:k8s-blue--nginx")
    assert policy.sources(owner.place) == (exposure,)
    (group,) = policy.policy.groups
    assert policy.sources(group.place) == (Place(path_of("base.hujson"), 5, 14),)
    assert policy.sources(group.entries[0].place) == (Place(path_of("base.hujson"), 5, 26),)


def test_places_outside_of_entries_and_of_other_files_are_their_own_sources() -> None:
    policy = compiled(BLUE_AND_GREEN)
    elsewhere = Place("stacks/test/main.yaml", 1, 1)
    assert policy.sources(elsewhere) == (elsewhere,)
    assert policy.declaration(elsewhere) == "stacks/test/main.yaml:1:1"
    assert not policy.is_derived(elsewhere)
    first_line = Place(policy.policy.file, 1, 1)
    assert policy.sources(first_line) == (first_line,)
    with_base = compiled(BLUE_AND_GREEN, base='\n{"hosts": {"a": "10.0.0.1"}}')
    assert with_base.sources(Place(with_base.policy.file, 1, 1)) == (Place(path_of("base.hujson"), 2, 1),)


# The text


def test_the_first_line_tells_of_an_edit() -> None:
    text = compiled(BLUE_AND_GREEN).text
    first, _, rest = text.partition("\n")
    digest = hashlib.sha256(rest.encode()).hexdigest()
    assert first == f"// Generated by tailstack for environment test (sha256:{digest}). Do not edit it."


@pytest.mark.parametrize("name", ["sandbox", "production"])
def test_the_text_is_canonical_and_the_same_each_time(name: str) -> None:
    first, second = compile_policy(environment_of(name)), compile_policy(environment_of(name))
    assert first.text == second.text
    assert hujson.format(first.text) == first.text


def test_a_blank_line_in_the_declarations_changes_nothing() -> None:
    assert compiled("\n\n# A comment.\n" + BLUE_AND_GREEN).text == compiled(BLUE_AND_GREEN).text


# Properties

TAGS = ("tag:a", "tag:b", "tag:c")
SOURCES = ("group:p", "group:q", "autogroup:admin", "autogroup:member", "'*'", *TAGS, "{machine: m}")


@st.composite
def environments(draw: st.DrawFn) -> str:
    """Two clusters whose nodes share tags at random, links between them, and access of all kinds of sources."""

    def tags() -> str:
        return f"[{', '.join(draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True)))}]"

    exposures = draw(st.integers(1, 4))
    text = "groups: {group:p: [a@example.com, b@example.com], group:q: [b@example.com]}\n"
    text += f"machines: {{m: {{tags: {tags()}}}}}\nclusters:\n  one:\n    kubernetes: {{context: one}}\n    expose:\n"
    for number in range(exposures):
        shared = f", tags: {tags()}" if draw(st.booleans()) else ""
        text += f"      s{number}: {{namespace: apps, ports: [tcp:{80 + number}], selector: {{a: b}}{shared}}}\n"
    text += "  two:\n    kubernetes: {context: two}\n    egress:\n"
    for number in range(draw(st.integers(1, 3))):
        shared = f", tags: {tags()}" if draw(st.booleans()) else ""
        text += f"      e{number}: {{namespace: apps, to: {{exposure: one.s{draw(st.integers(0, exposures - 1))}}}{shared}}}\n"
    text += "access:\n  - {name: all tags exist, from: [group:p], to: [{machine: m}], ports: [tcp:1]}\n"
    for number in range(draw(st.integers(0, 3))):
        who = ", ".join(draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3, unique=True)))
        text += (
            f"  - {{name: a{number}, from: [{who}], to: [{{exposure: one.s{draw(st.integers(0, exposures - 1))}}}]}}\n"
        )
    return text + "".join(f"# {tag}\n" for tag in TAGS)


BASE_OF_TAGS = '{"tagOwners": {"tag:a": ["tag:k8s-op-one", "tag:k8s-op-two"], "tag:b": ["tag:k8s-op-one", "tag:k8s-op-two"], "tag:c": ["tag:k8s-op-one", "tag:k8s-op-two"]}}'


@settings(max_examples=60, deadline=None)
@given(environments())
def test_derived_tests_always_hold_and_the_policy_is_never_refused(text: str) -> None:
    tailnet = tailnet_of(text, base=BASE_OF_TAGS)
    policy = compile_policy(tailnet)
    assert [finding for finding in validate(policy.policy) if finding.is_error] == []
    assert run_tests(policy.policy, inventory_of(declared_nodes(tailnet))) == ()
    assert run_tests(policy.policy) == ()


@settings(max_examples=30, deadline=None)
@given(environments())
def test_what_tests_are_judged_by_is_what_the_text_says(text: str) -> None:
    tailnet = tailnet_of(text, base=BASE_OF_TAGS)
    policy = compile_policy(tailnet)
    judged_by = effective_policy(tailnet, policy.base, permissions(tailnet, declared_nodes(tailnet)))

    def granted(policy: Policy) -> list[tuple[object, ...]]:
        return [
            (tuple(map(str, entry.src)), tuple(map(str, entry.dst)), entry.ports, entry.postures)
            for entry in entries(policy)
        ]

    assert granted(judged_by) == granted(policy.policy)
    assert {group.name: tuple(map(str, group.entries)) for group in judged_by.groups} == {
        group.name: tuple(map(str, group.entries)) for group in policy.policy.groups
    }


def test_garbage_is_not_collected_meanwhile_and_the_collector_is_left_as_it_was() -> None:
    tailnet = tailnet_of(BLUE_AND_GREEN)
    collections: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        collections.append(f"{phase} {info}")

    thresholds = gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(50)
    try:
        collections.clear()
        compile_policy(tailnet)
        few = len(collections)
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(note)
    assert gc.isenabled()
    assert few < 10, "with this threshold, compiling would collect dozens of times"
    with without_garbage_collection():
        compile_policy(tailnet)
        assert not gc.isenabled()
    assert gc.isenabled()
