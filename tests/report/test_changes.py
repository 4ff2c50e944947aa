"""A difference of access as people and programs read it."""

from __future__ import annotations

import json

from tailstack.access.changes import Difference
from tailstack.access.diff import difference
from tailstack.access.inventory import Inventory, Node
from tailstack.access.reading import read_policy
from tailstack.access.vocabulary import PLAIN
from tailstack.report.changes import changes_as_json, changes_as_markdown, changes_as_text, summary

OLD = read_policy(
    """{
"tagOwners": {"tag:a": [], "tag:b": []},
"postures": {"posture:mac": ["node:os == 'macos'"]},
"grants": [
  {"src": ["group:dev@x.com"], "dst": ["tag:a"], "ip": ["tcp:80"]},
  {"src": ["*"], "dst": ["tag:b"], "ip": ["tcp:1"]},
  {"src": ["tag:b"], "dst": ["tag:a"], "ip": ["tcp:2"]},
]}""",
    file="old.hujson",
)
NEW = read_policy(
    """{
"tagOwners": {"tag:a": ["group:ops@x.com"], "tag:b": []},
"postures": {"posture:mac": ["node:os == 'macos'"]},
"grants": [
  {"src": ["group:dev@x.com"], "dst": ["tag:a"], "ip": ["tcp:80"], "srcPosture": ["posture:mac"]},
  {"src": ["tag:a"], "dst": ["tag:b"], "ip": ["tcp:1"]},
  {"src": ["group:ops@x.com"], "dst": ["tag:b"], "ip": ["tcp:1"]},
  {"src": ["group:_x_@x.com"], "dst": ["tag:a"], "ip": ["udp:53"]},
],
"randomizeClientPort": true}""",
    file="new.hujson",
)
FOUND = difference(OLD, NEW)

TEXT = """\
5 changes of access: 2 gained, 2 lost, 1 on a harder condition. 1 is risky.

!+ group:ops@x.com may now give nodes tag:a.
     new.hujson:2:25

 + group:_x_@x.com gains udp:53 to tag:a.
     new.hujson:8:3

 - tag:b loses tcp:2 to tag:a.
     old.hujson:7:3

 - everyone (*) loses tcp:1 to tag:b, but for what other entries still give.
     old.hujson:6:3
     but for tag:a -> tag:b (new.hujson:6:3)
     but for group:ops@x.com -> tag:b (new.hujson:7:3)

 ~ group:dev@x.com reaches tcp:80 of tag:a: now only from a device in posture:mac.
     new.hujson:5:3

   the setting randomizeClientPort changed.
"""
MARKDOWN = """\
**5 changes of access: 2 gained, 2 lost, 1 on a harder condition. 1 is risky.**

- :warning: `+` group:ops@\u2060x.com may now give nodes tag:a.
  - <sub>new.hujson:2:25</sub>
- `+` group:\\_x\\_@\u2060x.com gains udp:53 to tag:a.
  - <sub>new.hujson:8:3</sub>
- `-` tag:b loses tcp:2 to tag:a.
  - <sub>old.hujson:7:3</sub>
- `-` everyone (\\*) loses tcp:1 to tag:b, but for what other entries still give.
  - <sub>old.hujson:6:3</sub>
  - <sub>but for tag:a -&gt; tag:b (new.hujson:6:3)</sub>
  - <sub>but for group:ops@\u2060x.com -&gt; tag:b (new.hujson:7:3)</sub>
- `~` group:dev@\u2060x.com reaches tcp:80 of tag:a: now only from a device in posture:mac.
  - <sub>new.hujson:5:3</sub>

- the setting randomizeClientPort changed.
"""


def test_text() -> None:
    assert changes_as_text(FOUND) == TEXT


def test_colours_say_nothing_that_the_words_do_not() -> None:
    coloured = changes_as_text(FOUND, colour=True)
    assert coloured != TEXT
    plain = coloured
    for number in ("0", "1", "2", "31;1", "32;1", "33;1"):
        plain = plain.replace(f"\x1b[{number}m", "")
    assert plain == TEXT


def test_long_sentences_are_wrapped() -> None:
    assert max(len(line) for line in changes_as_text(FOUND, width=50).splitlines()[1:]) <= 60
    assert " - everyone (*) loses tcp:1 to tag:b, but for what\n   other entries still give.\n" in changes_as_text(
        FOUND, width=50
    )


def test_markdown() -> None:
    assert changes_as_markdown(FOUND) == MARKDOWN


def test_nothing() -> None:
    nothing = Difference()
    assert changes_as_text(nothing) == "Nobody gains or loses access.\n"
    assert changes_as_text(nothing, colour=True) == "\x1b[32;1mNobody gains or loses access.\x1b[0m\n"
    assert changes_as_markdown(nothing) == "**Nobody gains or loses access.**\n"
    assert json.loads(changes_as_json(nothing))["summary"] == {
        "gained": 0,
        "lost": 0,
        "widened": 0,
        "narrowed": 0,
        "risky": 0,
    }


def test_several_risks_are_counted() -> None:
    entry = (
        '{"grants": [{"src": ["*"], "dst": ["%s"], "ip": ["tcp:1"]}, {"src": ["*"], "dst": ["%s"], "ip": ["tcp:2"]}]}'
    )
    found = difference(read_policy(entry % ("a", "b")), read_policy(entry % ("c", "d")))
    assert summary(found) == "4 changes of access: 2 gained, 2 lost. 2 are risky."


def test_many_causes_are_counted() -> None:
    entries = ",\n".join(f'{{"src": ["tag:a"], "dst": ["tag:b"], "ip": ["tcp:{n}"]}}' for n in range(1, 7))
    found = difference(read_policy('{"grants": []}'), read_policy(f'{{"grants": [\n{entries}]}}', file="f"))
    lines = changes_as_text(found).splitlines()
    assert lines[3:] == ["     f:2:1", "     f:3:1", "     f:4:1", "     and 3 more"]


def test_json() -> None:
    data = json.loads(changes_as_json(FOUND))
    assert data["version"] == "1"
    assert data["summary"] == {"gained": 2, "lost": 2, "widened": 0, "narrowed": 1, "risky": 1}
    assert data["notes"] == ["the setting randomizeClientPort changed"]
    assert data["changes"][3] == {
        "direction": "lost",
        "risk": "loss",
        "sentence": "everyone (*) loses tcp:1 to tag:b, but for what other entries still give.",
        "who": ["*"],
        "what": ["tag:b"],
        "right": {"kind": "network", "ports": "tcp:1", "name": "", "value": None, "lacks": ""},
        "postures": [],
        "via": [],
        "posturesBefore": [],
        "viaBefore": [],
        "valueBefore": None,
        "through": "",
        "elsewhere": [
            {
                "src": [src],
                "dst": ["tag:b"],
                "ports": "tcp:1",
                "postures": [],
                "side": "new",
                "declaration": "",
                "file": "new.hujson",
                "line": line,
                "column": 3,
            }
            for src, line in (("tag:a", 6), ("group:ops@x.com", 7))
        ],
        "causes": [{"side": "old", "declaration": "", "file": "old.hujson", "line": 6, "column": 3}],
    }


def test_nodes_are_said_to_be_new_unless_other_words_are_given() -> None:
    nodes = Inventory(nodes=(Node(name="n1", tags=("tag:a",)),))
    found = difference(OLD, OLD, new_inventory=nodes)
    assert "n1 (new)" in changes_as_text(found)
    assert "n1 (new)" not in changes_as_text(found, PLAIN)
    assert json.loads(changes_as_json(found))["nodes"] == {"n1": "new"}
