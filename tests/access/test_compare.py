"""Two states of a declared tailnet: the words, the causes, and that only what changes is said."""

from __future__ import annotations

from tailstack.access.compare import Comparison, compare
from tailstack.access.compile import compile_policy
from tailstack.access.sentences import sentences
from tests.rules.environments import tailnet_of

TEXT = """groups:
  group:dev: [ana@example.com, li@example.com]
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      a: {namespace: default, ports: [tcp:80], selector: {a: b}}
      b: {namespace: default, ports: [tcp:80], selector: {a: b}}
      c: {namespace: default, ports: [tcp:80], selector: {a: b}}
      d: {namespace: default, ports: [tcp:80], selector: {a: b}}
access:
  - {name: dev uses a, from: [group:dev], to: [{exposure: blue.a}]}
"""
BASE = '{"grants": [\n  {"src": ["autogroup:admin"], "dst": ["tag:k8s-blue--a"], "ip": ["22"]},\n]}'


def compared(old: str | None, new: str, *, old_base: str | None = None, new_base: str | None = None) -> Comparison:
    sides = [None if text is None else tailnet_of(text, base=base) for text, base in ((old, old_base), (new, new_base))]
    before, after = ((tailnet, compile_policy(tailnet)) if tailnet is not None else None for tailnet in sides)
    assert after is not None
    return compare(before, after)


def said(found: Comparison) -> list[str]:
    return [line for line in sentences(found.difference, found.vocabulary) if line != "tests changed."]


def causes(found: Comparison) -> list[str]:
    return [
        f"{cause.side} {cause.declaration}: {cause.place}"
        for change in found.difference.changes
        for cause in change.causes
    ]


def test_the_same_changes_nothing_not_even_with_blank_lines() -> None:
    assert said(compared(TEXT, "\n\n" + TEXT)) == ["Nobody gains or loses access."]


def test_another_host_name_is_the_same_node() -> None:
    assert said(compared(TEXT, TEXT.replace("a: {names", "a: {hostname: other, names"))) == [
        "Nobody gains or loses access."
    ]


def test_things_are_called_what_people_call_them() -> None:
    new = (
        TEXT
        + "  - {name: dev uses all, from: [group:dev], to: [{exposure: blue.b}, {exposure: blue.c}, {exposure: blue.d}]}\n"
    )
    found = compared(TEXT, new)
    assert said(found) == ["group:dev gains tcp:80 to 3 exposures of blue."]
    assert causes(found) == ["new access: dev uses all: stacks/test/main.yaml:14:5"]
    everything = compared(
        TEXT.replace("blue.a}", "apiServer: blue}").replace("{exposure: apiServer", "{apiServer"), new
    )
    assert "group:dev gains tcp:80 to every exposure of blue." in said(everything)


def test_a_new_exposure_is_said_to_be_new_and_its_tag_is_named_as_a_tag() -> None:
    new = TEXT.replace("access:\n", "      e: {namespace: default, ports: [tcp:80], selector: {a: b}}\naccess:\n")
    found = compared(TEXT, new + "  - {name: more, from: [group:dev], to: [{exposure: blue.e}]}\n")
    assert said(found) == [
        "group:dev gains tcp:80 to exposure blue.e (new).",
        "the operator of blue may now give nodes tag:k8s-blue--e.",
    ]
    assert causes(found)[0] == "new access: more: stacks/test/main.yaml:15:5"


def test_what_goes_is_named_where_it_stood() -> None:
    old = TEXT + "  - {name: more, from: [group:dev], to: [{exposure: blue.b}]}\n"
    found = compared(old, TEXT)
    assert said(found) == ["group:dev loses tcp:80 to exposure blue.b."]
    assert causes(found) == ["old access: more: stacks/test/main.yaml:14:5"]


def test_a_group_is_the_cause_for_who_joins_it() -> None:
    found = compared(TEXT, TEXT.replace("li@", "zoe@"))
    assert said(found) == [
        "zoe@example.com, as a new member of group:dev, gains tcp:80 to exposure blue.a.",
        "li@example.com, who leaves group:dev, loses tcp:80 to exposure blue.a.",
    ]
    assert set(causes(found)) == {"new group:dev: stacks/test/main.yaml:2:3"}


def test_the_hand_written_file_is_named_where_it_is_the_cause() -> None:
    found = compared(TEXT, TEXT, old_base='{"grants": []}', new_base=BASE)
    assert said(found) == ["autogroup:admin gains port 22 to exposure blue.a."]
    assert causes(found) == ["new : stacks/test/base.hujson:2:3"]


def test_a_node_with_another_tag_is_its_own_cause() -> None:
    old = TEXT.replace("d: {names", "d: {tags: [tag:shared], names").replace(
        "c: {names", "c: {tags: [tag:shared], names"
    )
    old += "  - {name: shared, from: [group:dev], to: [{exposure: blue.c}]}\n"
    found = compared(old, old.replace("d: {tags: [tag:shared]", "d: {tags: [tag:other]"))
    assert said(found) == [
        "the operator of blue may now give nodes tag:other.",
        "group:dev loses tcp:80 to exposure blue.d (now tag:other).",
    ]
    assert causes(found)[1] == "old exposure blue.d: stacks/test/main.yaml:11:7"


def test_what_other_entries_give_is_named_with_its_declaration() -> None:
    old = TEXT + "  - {name: all, from: ['*'], to: [{exposure: blue.a}]}\n"
    found = compared(old, TEXT)
    assert said(found) == ["everyone (*) loses tcp:80 to exposure blue.a, but for what other entries still give."]
    (one,) = found.difference.changes[0].elsewhere
    assert (str(one.cause.place), one.cause.declaration) == ("stacks/test/main.yaml:13:5", "access: dev uses a")


def test_an_environment_that_is_new_gains_everything_it_has() -> None:
    found = compared(None, TEXT)
    assert "group:dev gains tcp:80 to exposure blue.a (new)." in said(found)
