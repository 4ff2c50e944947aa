from __future__ import annotations

import json

from tailstack.report.checked import checked_as_github, checked_as_json, checked_as_text, tell_checked
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


MEANT, _ = check(
    TEXT.replace("wrong: {", "wrong: {suppress: [{rule: TS303, reason: none}], ").replace(
        "selector: {a: b}}", "selector: {a: b}, suppress: [{rule: exposed-to-nobody, reason: links only}]}"
    )
    + "      lone: {namespace: default, to: {exposure: green.alone}}\n"
    "    expose: {alone: {namespace: default, ports: [tcp:80], selector: {a: b}, "
    "suppress: [{rule: egress-loop, reason: a test of the way round}]}}\n"
)


def test_what_is_suppressed_is_counted_and_told_with_its_reason() -> None:
    assert "1 error, 2 warnings, 1 suppressed.\n3 links" in checked_as_text(MEANT)
    data = json.loads(checked_as_json(MEANT))
    (meant,) = data["suppressed"]
    assert (meant["code"], meant["reason"]) == ("TS303", "a test of the way round")
    (place,) = (each.suppression.place for each in MEANT.suppressed)
    assert meant["suppressedAt"] == {"file": place.file, "line": place.line, "column": place.column}
    assert meant["slug"] not in {finding["slug"] for finding in data["findings"]}
    assert json.loads(checked_as_json(CHECKED))["suppressed"] == []


def test_markdown_has_findings_broken_links_and_what_is_suppressed() -> None:
    told = tell_checked(MEANT)
    assert told.answer == "1 error, 2 warnings, 1 suppressed. 3 links, 2 complete."
    assert [part.title for part in told.parts] == ["Findings", "Broken links", "Suppressed"]
    assert told.parts[1].items[0].startswith("green.wrong -> blue-nginy.tail1a2b.ts.net: No declared node is called")
    assert told.parts[2].items[0].endswith("Suppressed: a test of the way round")
    clean, _ = check("clusters: {}\n")
    assert (tell_checked(clean).answer, tell_checked(clean).parts) == (
        "No errors, no warnings. 0 links, 0 complete.",
        (),
    )
    unread, _ = check("clusters: {}\n", base="{")
    assert tell_checked(unread).answer == "1 error, no warnings."


def test_github_gets_annotations() -> None:
    assert checked_as_github(CHECKED).startswith("::error file=stacks/test/main.yaml,line=11,col=7,title=TS301 ")


def test_those_that_cannot_serve_what_others_serve_are_shown_below_the_link() -> None:
    text = """services: {svc:db: {ports: [tcp:5432], proxyGroup: in, backends: {blue: apps/db, green: apps/db}}}
clusters:
  blue: {kubernetes: {context: blue}, proxyGroups: {in: {type: ingress}}}
  green: {kubernetes: {context: green}, proxyGroups: {in: {type: ingress, tags: [tag:green-in]}}}
  red: {kubernetes: {context: red}, egress: {db: {namespace: default, to: {service: "svc:db"}}}}
"""
    checked, _ = check(text, base='{"tagOwners": {"tag:green-in": []}}')
    first, *_, lacking, mend = links_as_text(checked.links, width=200).splitlines()
    assert first == "red.db -> svc:db: complete"
    assert lacking.startswith(
        "  NO  target    backend green of svc:db cannot serve svc:db: The ProxyGroup in wears tag:green-in"
    )
    assert mend.strip() == "mend: Add tag:k8s-op-green to the owners of tag:green-in."
    (link,) = json.loads(checked_as_json(checked))["links"]
    assert (link["complete"], [(one["service"], one["who"]) for one in link["lacking"]]) == (
        True,
        [("svc:db", "backend green of svc:db")],
    )
