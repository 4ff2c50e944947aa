"""Entries of the policy file that come and go, by the declaration that their comments name."""

from __future__ import annotations

from tailstack.report.plan import PolicyEdit
from tailstack.report.policy_entries import UNNAMED, PolicyEntry, changed_entries

BEFORE = """{
  "groups": {
    // group:dev
    "group:dev": ["ana@example.com"],
  },
  "grants": [
    // a note
    // access: dev uses nginx
    {"src": ["group:dev"], "dst": ["tag:a"], "ip": ["tcp:80"]},
    {"src": ["*"], "dst": ["tag:b"], "ip": ["*"]},
  ],
  // by hand
  "randomizeClientPort": true,
}"""


def test_entries_are_told_by_their_comments() -> None:
    after = (
        BEFORE.replace("tcp:80", "tcp:81").replace("ana@", "li@").replace("true", "false").replace('"tag:b"', '"tag:c"')
    )
    assert [(e.declaration, e.section, e.is_new) for e in changed_entries(PolicyEdit(before=BEFORE, after=after))] == [
        ("access: dev uses nginx", "grants", False),
        ("access: dev uses nginx", "grants", True),
        ("by hand", "randomizeClientPort", False),
        ("by hand", "randomizeClientPort", True),
        ("group:dev", "groups", False),
        ("group:dev", "groups", True),
        (UNNAMED, "grants", False),
        (UNNAMED, "grants", True),
    ]


def test_the_order_of_entries_is_no_change_and_their_number_is() -> None:
    entry = '{"src": ["a"], "dst": ["b"], "ip": ["*"]}'
    one, two = f'{{"grants": [{entry}]}}', f'{{"grants": [{entry}, {entry}]}}'
    (found,) = changed_entries(PolicyEdit(before=one, after=two))
    assert found == PolicyEntry(
        declaration=UNNAMED, section="grants", is_new=True, text='{"src": ["a"], "dst": ["b"], "ip": ["*"]}'
    )
    assert str(found).startswith('grants: {"src"')
    assert changed_entries(PolicyEdit(before=two, after=two)) == ()


def test_what_is_no_policy_has_no_entries() -> None:
    assert changed_entries(PolicyEdit(before="", after="{")) == ()
    assert changed_entries(PolicyEdit(before="", after="[]")) == ()
    (entry,) = changed_entries(PolicyEdit(before="", after='{"hosts": {"é": "1.2.3.4"}}'))
    assert entry.text == '"é": "1.2.3.4"'
