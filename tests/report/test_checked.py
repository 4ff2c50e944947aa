from __future__ import annotations

import json

from tailstack.report.checked import checked_as_github, checked_as_json, checked_as_text
from tailstack.report.links import links_as_text, links_summary
from tests.rules.environments import check

TEXT = """
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
  green:
    kubernetes: {context: green}
    egress:
      out: {namespace: default, to: {exposure: blue.nginx}}
      wrong: {namespace: default, to: {fqdn: blue-nginy.tail1a2b.ts.net}, ports: [tcp:80]}
"""
LINKS = """\
green.out -> blue.nginx: complete
  ok  client   Pods of green call out.default on tcp:80.
  ok  proxy    The proxy green-out wears tag:k8s-green--out, which the operator of green may give.
  ok  name     blue-nginx.tail1a2b.ts.net is exposure blue.nginx.
  ok  grant    tag:k8s-green--out reaches exposure blue.nginx on tcp:80, by link: green.out ->
               blue.nginx.
  ok  target   exposure blue.nginx wears tag:k8s-blue--nginx, which the operator of blue may give.
  ok  service  Behind it is Service default/nginx of blue.

green.wrong -> blue-nginy.tail1a2b.ts.net: broken
  ok  client  Pods of green call wrong.default on tcp:80.
  ok  proxy   The proxy green-wrong wears tag:k8s-green--wrong, which the operator of green may
              give.
  NO  name    No declared node is called blue-nginy.tail1a2b.ts.net.
              mend: Lead the egress to something that is declared, or declare the node under
              `machines`.
"""
CHECKED, _ = check(TEXT)


def test_text_ends_with_how_many_links_are_complete() -> None:
    text = checked_as_text(CHECKED)
    assert text.startswith("stacks/test/main.yaml:11:7: error TS301 egress-target-unknown\n")
    assert text.endswith("\n1 error, no warnings.\n2 links, 1 complete.\n")


def test_every_step_is_shown_where_it_is_wanted() -> None:
    assert links_as_text(CHECKED.links) == LINKS
    assert checked_as_text(CHECKED, with_links=True) == f"{LINKS}\n{checked_as_text(CHECKED)}"


def test_an_environment_without_links_says_so() -> None:
    checked, _ = check("clusters: {}\n")
    assert checked_as_text(checked, with_links=True) == "No errors, no warnings.\n0 links, 0 complete.\n"


def test_where_the_files_cannot_be_read_nothing_is_said_of_links() -> None:
    checked, _ = check("clusters: {}\n", base="{")
    assert "link" not in checked_as_text(checked)
    assert json.loads(checked_as_json(checked))["links"] is None


def test_colours_change_no_word() -> None:
    painted = checked_as_text(CHECKED, with_links=True, colour=True)
    assert "\x1b[32;1mok\x1b[0m" in painted
    assert "\x1b[31;1mNO\x1b[0m" in painted
    assert links_summary(CHECKED.links[:1], colour=True) == "\x1b[32;1m1 link, 1 complete.\x1b[0m"
    for code in ("1", "2", "31;1", "32;1", "0"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == checked_as_text(CHECKED, with_links=True)


def test_json_has_the_links_with_their_steps() -> None:
    data = json.loads(checked_as_json(CHECKED))
    assert data["version"] == "1"
    assert data["environment"] == "test"
    assert data["summary"] == {"errors": 1, "warnings": 0}
    assert [(link["link"], link["complete"]) for link in data["links"]] == [
        ("green.out -> blue.nginx", True),
        ("green.wrong -> blue-nginy.tail1a2b.ts.net", False),
    ]
    assert data["links"][1]["steps"][2] == {
        "name": "name",
        "holds": False,
        "text": "No declared node is called blue-nginy.tail1a2b.ts.net.",
        "mend": "Lead the egress to something that is declared, or declare the node under `machines`.",
        "places": [{"file": "stacks/test/main.yaml", "line": 11, "column": 7}],
    }


def test_github_gets_annotations() -> None:
    assert checked_as_github(CHECKED).startswith("::error file=stacks/test/main.yaml,line=11,col=7,title=TS301 ")
