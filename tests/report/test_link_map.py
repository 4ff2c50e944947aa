"""Links that a change makes, takes away or changes, and their map."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tailstack.report.link_map import MOST_EDGES, MOST_TEXT, LinkChange, link_changes, link_map
from tailstack.report.preview_shown import preview_as_markdown
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import Tailnet
from tests.report import previews

TEXT = """tailnet: {dnsName: tail1a2b.ts.net}
defaults: {operator: {chart: {version: "1.104.5"}}}
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
  green:
    kubernetes: {context: green}
    egress:
      nginx: {namespace: default, to: {exposure: blue.nginx}}
      db: {namespace: default, to: {fqdn: db.tail1a2b.ts.net}, ports: [tcp:5432]}
      ip: {namespace: default, to: {ip: 100.64.0.9}, ports: [tcp:1]}
"""


def tailnet(text: str) -> Tailnet:
    return resolve_files({"stacks/prod/tailnet.yaml": text}, "prod", datetime(2026, 1, 5, tzinfo=UTC))


def change(source: str, before: str = "", after: str = "tcp:1") -> LinkChange:
    return LinkChange(source=source, target="blue.nginx", before=before, after=after)


def test_links_are_new_gone_or_otherwise() -> None:
    after = TEXT.replace("tcp:80", "tcp:81").replace("db.tail1a2b", "other.tail1a2b")
    assert list(map(str, link_changes(tailnet(TEXT), tailnet(after)))) == [
        "egress green.db leads to db.tail1a2b.ts.net no longer, on tcp:5432.",
        "egress green.db leads to other.tail1a2b.ts.net now, on tcp:5432.",
        "egress green.nginx leads to blue.nginx on tcp:81, no longer on tcp:80.",
    ]
    assert link_changes(tailnet(TEXT), tailnet(TEXT)) == ()
    assert [(c.target, c.before) for c in link_changes(None, tailnet(TEXT))] == [
        *(("db.tail1a2b.ts.net", ""), ("100.64.0.9", ""), ("blue.nginx", ""))
    ]


def test_a_map_names_each_end_once() -> None:
    changes = [change("a", "tcp:1", "tcp:2"), change("b"), change("c", "tcp:3", "")]
    assert link_map(changes).splitlines() == [
        "flowchart LR",
        '  n0["a"]',
        '  n1["blue.nginx"]',
        '  n2["b"]',
        '  n3["c"]',
        '  n0 -->|"tcp:2"| n1',
        '  n2 ==>|"tcp:1"| n1',
        '  n3 -.->|"gone: tcp:3"| n1',
    ]


def test_no_map_where_there_is_nothing_or_too_much_to_draw() -> None:
    every = [change(f"e{number}") for number in range(MOST_EDGES + 1)]
    assert link_map([]) == ""
    assert link_map(every) == ""
    assert link_map(every[:-1]).count("==>") == MOST_EDGES
    assert link_map([change("e" * 30_000)]) != ""
    assert link_map([change("e" * MOST_TEXT)]) == ""


def test_no_name_is_more_than_a_label() -> None:
    name = '"] --> x\n```\n<b>&#quot;'
    text = link_map([change(name)])
    assert '  n0["#quot;] --#gt; x #96;#96;#96; #lt;b#gt;#amp;#35;quot;"]' in text.splitlines()
    assert "```" not in text


def test_a_map_is_drawn_whole_or_not_at_all() -> None:
    many = replace(previews.OFFLINE, links=tuple(change(f"e{number}") for number in range(50)))
    assert "```mermaid\nflowchart LR\n" in preview_as_markdown(many)
    short = preview_as_markdown(many, limit=3000)
    assert "mermaid" not in short
    assert "leads to blue.nginx now" in short
