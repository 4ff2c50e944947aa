"""The smallest declaration: it allows what was asked about, and gives nobody else anything."""

from __future__ import annotations

import pytest

from tailstack.access.changes import Direction
from tailstack.access.compile import compile_policy
from tailstack.access.diff import difference
from tailstack.access.evaluate import Verdict
from tailstack.access.inventory import Inventory, Node
from tailstack.access.parties import Directory, directory_of_policy, directory_of_tailnet
from tailstack.access.ports import parse_ip_entry
from tailstack.access.reading import read_policy
from tailstack.access.suggest import Suggestion, grant_ports, language_ports, scalar
from tailstack.access.validate import validate
from tailstack.rules.check import check_tailnet
from tests.access.asking import INVENTORY, ask, port
from tests.rules.environments import tailnet_of

POLICY = """{
  "groups": {"group:dev": ["ana@example.com"]},
  "tagOwners": {"tag:web": [], "tag:db": [], "tag:office": [], "tag:rack": []},
  "hosts": {"printer": "10.0.0.9"},
  "ipsets": {"ipset:lab": ["10.0.3.0/24"]},
  "grants": [
    // more
  ],
}"""


def plain(more: str = "") -> Directory:
    text = POLICY.replace("// more", more)
    made = read_policy(text)
    assert validate(made) == ()
    return directory_of_policy(made, INVENTORY)


@pytest.mark.parametrize(
    ("source", "target", "asked", "expected"),
    [
        ("ana@example.com", "tag:web", "tcp:80", '{"src": ["ana@example.com"], "dst": ["tag:web"], "ip": ["tcp:80"]},'),
        ("group:dev", "db", "udp:53", '{"src": ["group:dev"], "dst": ["tag:db"], "ip": ["udp:53"]},'),
        # Two nodes wear tag:web, and ana has two devices: only an address is one of them.
        ("li-pc", "web1", "tcp:80", '{"src": ["li@example.com"], "dst": ["100.64.0.3"], "ip": ["tcp:80"]},'),
        ("ana-mac", "db", "*", '{"src": ["100.64.0.1"], "dst": ["tag:db"], "ip": ["*"]},'),
        ("office", "100.64.0.3", "tcp:1-9", '{"src": ["tag:office"], "dst": ["100.64.0.3"], "ip": ["tcp:1-9"]},'),
        ("li@example.com", "10.0.0.7", "icmp:*", '{"src": ["li@example.com"], "dst": ["10.0.0.7"], "ip": ["icmp:*"]},'),
        ("li@example.com", "printer", "tcp:*", '{"src": ["li@example.com"], "dst": ["printer"], "ip": ["tcp:*"]},'),
        ("li@example.com", "ipset:lab", "47:*", '{"src": ["li@example.com"], "dst": ["ipset:lab"], "ip": ["47:*"]},'),
        ("li@example.com", "svc:pay", None, '{"src": ["li@example.com"], "dst": ["svc:pay"], "ip": ["tcp:443"]},'),
        (
            "li@example.com",
            "9.9.9.9",
            "udp:53",
            '{"src": ["li@example.com"], "dst": ["autogroup:internet"], "ip": ["udp:53"]},',
        ),
        ("autogroup:member", "autogroup:self", "tcp:22", '{"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["tcp:22"]},'),
    ],
)  # fmt: skip
def test_a_grant_gives_what_was_asked_for_and_no_more(
    source: str, target: str, asked: str | None, expected: str
) -> None:
    before = plain()
    suggestion = ask(before, source, target, asked).suggestion
    assert suggestion is not None
    assert suggestion.text == expected + "\n"
    after = plain(suggestion.text)
    assert ask(after, source, target, asked).verdict is Verdict.ALLOWED
    found = difference(before.access.policy, after.access.policy, old_inventory=INVENTORY, new_inventory=INVENTORY)
    (change,) = found.changes
    assert after.access.policy.grants is not None
    (grant,) = after.access.policy.grants
    assert change.direction is Direction.GAINED
    assert (len(change.who), len(change.what)) == (1, 1)
    assert change.right.ports == (port(asked) or parse_ip_entry("tcp:443"))
    assert [str(entry.text) for entry in grant.ip] == list(grant_ports(change.right.ports))


def test_what_more_is_given_is_said() -> None:
    directory = plain()
    beyond = ask(directory, "li@example.com", "9.9.9.9", "udp:53").suggestion
    assert beyond is not None
    assert beyond.notes == (
        "a destination on the internet can only be all of it, through the exit nodes that are approved",
    )
    made = read_policy(POLICY)
    without = tuple(Node(name=node.name, user=node.user, tags=node.tags) for node in INVENTORY.nodes)
    unknown = directory_of_policy(made, Inventory(nodes=without))
    both = ask(unknown, "ana-mac", "web1", "tcp:80").suggestion
    assert both is not None
    assert both.notes == (
        "ana-mac.t.ts.net shares ana@example.com with 1 more node, which is given the same",
        "web1.t.ts.net shares tag:web with 2 more nodes, which are reached too",
    )
    nobody = Inventory(nodes=(Node(name="odd"),))
    assert ask(directory_of_policy(made, nobody), "li@example.com", "odd", "tcp:80").suggestion is None


def test_there_is_no_suggestion_without_a_port_or_for_what_cannot_be_granted() -> None:
    directory = plain()
    assert ask(directory, "li@example.com", "tag:web").suggestion is None
    assert ask(directory, "db", "svc:pay").suggestion is None
    assert ask(directory, "li-pc", "svc:pay", "tcp:80").suggestion is None


TEXT = """
groups:
  group:ops: [ana@example.com]
machines:
  ci: {tags: [tag:ci]}
  db: {tags: [tag:db, tag:shared]}
  cache: {tags: [tag:shared]}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80, tcp:443], selector: {a: b}}
    ingress:
      page: {namespace: default, backend: {service: nginx, port: 80}}
  green:
    kubernetes: {context: green}
    operator: {apiServerProxy: {mode: noauth}, tags: [tag:k8s-operator]}
  red:
    kubernetes: {context: red}
    operator: {tags: [tag:k8s-operator]}
    egress:
      out: {namespace: default, to: {ip: 100.64.0.1}, ports: [tcp:1]}
access:
  - {name: ci reaches blue, from: [tag:db], to: [{machine: ci}], ports: [tcp:1]}
"""


def declared(more: str = "") -> Directory:
    tailnet = tailnet_of(TEXT + "".join(f"  {line}\n" for line in more.splitlines()))
    checked = check_tailnet(tailnet)
    assert not checked.has_errors, checked.findings
    return directory_of_tailnet(tailnet, compile_policy(tailnet))


@pytest.mark.parametrize(
    ("source", "target", "asked", "expected"),
    [
        (
            "ana@example.com",
            "blue.nginx",
            None,
            "- name: ana@example.com reaches blue.nginx\n  from: [ana@example.com]\n  to: [{exposure: blue.nginx}]\n",
        ),
        (
            "group:ops",
            "exposure:blue.nginx",
            "tcp:443",
            "- name: group:ops reaches blue.nginx\n  from: [group:ops]\n  to: [{exposure: blue.nginx}]\n  ports: [tcp:443]\n",
        ),
        (
            "ci",
            "blue",
            None,
            "- name: ci reaches blue (2)\n  from: [{machine: ci}]\n  to: [{apiServer: blue}]\n",
        ),
        (
            "red.out",
            "blue-page",
            None,
            "- name: red.out reaches blue.page\n  from: [tag:k8s-red--out]\n  to: [{ingress: blue.page}]\n",
        ),
        (
            "operator:blue",
            "ci",
            "udp:5000-5010",
            "- name: blue reaches ci\n  from: [tag:k8s-op-blue]\n  to: [{machine: ci}]\n  ports: [udp:5000-5010]\n",
        ),
        (
            "*",
            "10.0.0.1",
            "*",
            '- name: "* reaches 10.0.0.1"\n  from: ["*"]\n  to: ["10.0.0.1"]\n  ports: ["*"]\n',
        ),
        (
            "group:ops",
            "operator:blue",
            "tcp:22",
            "- name: group:ops reaches blue\n  from: [group:ops]\n  to: [tag:k8s-op-blue]\n  ports: [tcp:22]\n",
        ),
    ],
)
def test_an_access_entry_gives_what_was_asked_for_and_no_more(
    source: str, target: str, asked: str | None, expected: str
) -> None:
    before = declared()
    suggestion = ask(before, source, target, asked).suggestion
    assert suggestion is not None
    assert (suggestion.text, suggestion.notes) == (expected, ())
    after = declared(suggestion.text)
    assert ask(after, source, target, asked).verdict is Verdict.ALLOWED
    (change,) = difference(
        before.access.policy,
        after.access.policy,
        old_inventory=before.access.inventory,
        new_inventory=after.access.inventory,
    ).changes
    assert change.direction is Direction.GAINED
    assert (len(change.who), len(change.what)) == (1, 1)


def test_who_shares_a_tag_is_said() -> None:
    directory = declared()
    db = ask(directory, "group:ops", "db", "tcp:5432").suggestion
    cache = ask(directory, "cache", "blue.page").suggestion
    green = ask(directory, "group:ops", "green").suggestion
    assert [suggestion.notes for suggestion in (db, cache, green) if suggestion is not None] == [
        (),
        ("machine cache shares tag:shared with 1 more node, which is given the same",),
        ("the API server of green shares tag:k8s-operator with 1 more node, which is reached too",),
    ]


def test_there_is_no_entry_for_what_the_language_cannot_say() -> None:
    directory = declared()
    # A port that is not offered, a protocol without a word, a cluster without a proxy.
    assert ask(directory, "group:ops", "blue.nginx", "tcp:22").suggestion is None
    assert ask(directory, "group:ops", "ci", "47:*").suggestion is None
    red = ask(directory, "group:ops", "red")
    assert red.suggestion is None
    assert "red has no API-server proxy: apiServerProxy: {mode: auth} switches it on" in red.notes


def test_names_are_free_and_short() -> None:
    long = "x" * 120 + "@example.com"
    first = suggested(ask(declared(), long, "blue.page").suggestion)
    assert f"- name: {long[:120]}\n" in first
    second = suggested(ask(declared(first), long.replace("@", "@y."), "blue.page").suggestion)
    assert f"- name: {long[:116]} (2)\n" in second
    declared(first + second)


def suggested(suggestion: Suggestion | None) -> str:
    assert suggestion is not None
    return suggestion.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blue.nginx", "blue.nginx"),
        ("a reaches b", "a reaches b"),
        ("on", '"on"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("é", '"é"'),
        ("a\x9bb", '"a\\u009bb"'),
        ("10.0.0.0/8", '"10.0.0.0/8"'),
    ],
)
def test_a_scalar_is_quoted_where_it_could_be_read_otherwise(text: str, expected: str) -> None:
    assert scalar(text) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["*"], ["*"]),
        (["*", "47:*"], None),
        (["tcp:80", "udp:*", "icmp:*"], ["icmp:*", "tcp:80", "udp:*"]),
        (["ipv6-icmp:*"], None),
    ],
)
def test_ports_in_the_language(entries: list[str], expected: list[str] | None) -> None:
    ports = parse_ip_entry(entries[0])
    for entry in entries[1:]:
        ports = ports.union(parse_ip_entry(entry))
    assert language_ports(ports) == expected
