"""Entries that are written without a tree stand as the formatter would write them, and are typed as they would be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TypeAlias, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tailstack.access import hujson
from tailstack.access.derive import LIST_SECTIONS, Derived, Section
from tailstack.access.layout import Layout, lay_out
from tailstack.access.places import Way, way_to
from tailstack.access.policy import Policy
from tailstack.access.reading import read_policy
from tailstack.access.writing import built
from tailstack.finding import Place

HEAD = "// A line above.\n"
FILE = "policy.hujson"
AT = Place("a.yaml", 1, 1)

Value: TypeAlias = Mapping[str, hujson.Buildable] | Sequence[str]
Parts: TypeAlias = tuple[Section, Value, Mapping[str, hujson.Buildable], bool]
"""Section, value, application capabilities, and whether it is spread."""

NO_APP: dict[str, hujson.Buildable] = {}
NAMES = st.sampled_from(
    ["tag:a", "tag:é", "group:x", "100.64.0.1", "*", 'tag:"', "tag:\n", f"tag:{'w' * 60}", "tag:😊"]
)
LISTS = st.lists(NAMES, max_size=6)
COMMENTS = st.sampled_from(["one", "two\nlines", "é \t", "a // b /* c */", "a\r\nb\u2028c"])
PORTS = st.lists(st.sampled_from(["*", "80", "tcp:443", "udp:1-65535", "icmp:*"]), min_size=1, max_size=9)
APPS: st.SearchStrategy[dict[str, hujson.Buildable]] = st.just(
    {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["é", "system:masters"]}}]}
)


def _grant(value: dict[str, Sequence[str]], app: dict[str, hujson.Buildable], *, is_spread: bool) -> Parts:
    return Section.GRANTS, value, app, is_spread


def _test(source: str, outcome: str, targets: list[str], *, is_spread: bool) -> Parts:
    return Section.TESTS, {"src": source, "proto": "tcp", outcome: targets}, NO_APP, is_spread


GRANTS = st.builds(
    _grant,
    st.fixed_dictionaries(
        {"src": LISTS, "dst": LISTS}, optional={"via": LISTS.map(tuple), "srcPosture": LISTS.map(tuple)}
    ).flatmap(lambda sides: PORTS.map(lambda ip: {**sides, "ip": ip})),
    st.just(NO_APP) | APPS,
    is_spread=st.booleans(),
)
TESTS = st.builds(_test, NAMES, st.sampled_from(["accept", "deny"]), LISTS, is_spread=st.booleans())
ATTRIBUTES = LISTS.map(lambda target: (Section.NODE_ATTRS, {"target": target, "attr": ["funnel"]}, NO_APP, False))
APP_ATTRIBUTES = st.tuples(
    st.just(Section.NODE_ATTRS), LISTS.map(lambda target: {"target": target}), APPS, st.booleans()
)
EXIT_NODES = NAMES.map(lambda tag: (Section.APPROVED_EXIT_NODES, tag, NO_APP, False))


def _ssh(who: list[str], where: list[str], users: list[str], *, is_enforced: bool, is_spread: bool) -> Parts:
    enforced: dict[str, hujson.Buildable] = {"enforceRecorder": True} if is_enforced else {"checkPeriod": "20h"}
    value = {"action": "accept", "src": who, "dst": where, "users": users, **enforced}
    return Section.SSH, value, NO_APP, is_spread


def _ssh_test(who: str, where: list[str], users: list[str], *, is_spread: bool) -> Parts:
    return Section.SSH_TESTS, {"src": who, "dst": where, "accept": users}, NO_APP, is_spread


SSH = st.builds(_ssh, LISTS, LISTS, LISTS, is_enforced=st.booleans(), is_spread=st.booleans())
SSH_TESTS = st.builds(_ssh_test, NAMES, LISTS, LISTS, is_spread=st.booleans())
NAMED = st.tuples(
    st.sampled_from(
        [
            Section.GROUPS,
            Section.POSTURES,
            Section.TAG_OWNERS,
            Section.APPROVED_ROUTES,
            Section.APPROVED_SERVICES,
        ]
    ),
    LISTS,
    st.just(NO_APP),
    st.just(False),
)
ENTRIES = st.lists(
    st.tuples(GRANTS | TESTS | ATTRIBUTES | APP_ATTRIBUTES | EXIT_NODES | SSH | SSH_TESTS | NAMED, COMMENTS, NAMES),
    max_size=9,
)

BASES = st.sampled_from(
    [
        "{}",
        '{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}], "tests": []} /* end */',
        '{"Grants": [], "tagOwners": {"tag:own": ["a@b.c"], // mine\n}}',
        '{\n// first\n"sshTests": [\n], "ssh": [], /* b\n c */ "groups": {}, "hosts": {"é": "10.0.0.1"},\n\n// last\n}',
        '{"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:a"]}, /* a */ "services": {}}, "autoapprovers2": 1}',
        '{"autoApprovers": {"exitNode": ["tag:a"], // b\n}, "sshTests": [{"src": "tag:a", "dst": ["tag:a"], "deny": ["root"]}]}',
        '{"autoApprovers": null}',
        '{"grants": [], "grants": [{"src": ["a@b.c"]}], "what": 1}',
    ]
)


def derived(entries: Sequence[tuple[Parts, str, str]]) -> list[Derived]:
    """Entries with keys of their own."""
    return [
        Derived(
            section=section,
            key=None if section in LIST_SECTIONS else f"{key}{number}",
            value=value,
            declaration=comment,
            places=(AT,),
            app=app,
            is_spread=is_spread,
        )
        for number, ((section, value, app, is_spread), comment, key) in enumerate(entries)
    ]


def composed(root: hujson.Value, entries: list[Derived]) -> hujson.Value:
    """The document with entries appended as values, one after the other."""
    for entry in entries:
        section = hujson.find_path(root, entry.section.path)
        if entry.section in LIST_SECTIONS:
            value = hujson.commented(built(entry), entry.declaration)
            new = hujson.append_elements(section or hujson.build([]), [value])
        else:
            member = hujson.member(entry.key or "", entry.value, entry.declaration)
            new = hujson.append_members(section or hujson.build({}), [member])
        root = hujson.with_path(root, entry.section.path, new)
    return root


def laid_out(base: str, entries: list[Derived]) -> Layout:
    """The same by way of a frame with the first entry of each section."""
    by_section: dict[Section, list[Derived]] = {}
    for entry in entries:
        by_section.setdefault(entry.section, []).append(entry)
    firsts = [of_section[0] for of_section in by_section.values()]
    further = {section: of_section[1:] for section, of_section in by_section.items() if len(of_section) > 1}
    return lay_out(composed(hujson.parse(base).root, firsts), further, file=FILE, lines_above=1)


def places(part: object) -> Iterator[Place]:
    """All that a policy and its entries hold."""
    if isinstance(part, Place):
        yield part
    elif isinstance(part, tuple):
        for inner in cast("tuple[object, ...]", part):
            yield from places(inner)
    elif is_dataclass(part) and not isinstance(part, hujson.Document):
        for field in fields(part):
            yield from places(getattr(part, field.name))


def normal(way: Way) -> Way:
    """A section of the base may be spelt in its own way."""
    return Way(path=(str(way.path[0]).casefold(), *way.path[1:]), to_name=way.to_name) if way.path else way


@settings(max_examples=150, deadline=None)
@given(BASES, ENTRIES.map(derived))
def test_text_types_and_places_are_those_of_the_formatter_and_the_reader(base: str, entries: list[Derived]) -> None:
    layout = laid_out(base, entries)
    text = HEAD + hujson.format_value(composed(hujson.parse(base).root, entries))
    policy: Policy = layout.policy(FILE, text)
    assert HEAD + layout.text() == text
    assert policy == read_policy(text, file=FILE)
    document = hujson.parse(text)
    for place in places(policy):
        assert normal(layout.way_to(place)) == normal(way_to(document, place))


def test_what_stands_between_entries_belongs_to_the_one_before() -> None:
    entries = [
        Derived(
            section=Section.TAG_OWNERS,
            key=f"tag:{name}",
            value=["a@b.c"],
            declaration=name,
            places=(AT,),
            is_spread=False,
        )
        for name in ("one", "two", "three")
    ]
    layout = laid_out("{}", entries)
    assert layout.text().splitlines()[5] == '\t\t"tag:two": ["a@b.c"],'
    assert layout.way_to(Place(FILE, 1, 1)) == Way(path=())
    assert layout.way_to(Place(FILE, 6, 3)) == Way(path=("tagOwners", "tag:one"))
    assert layout.way_to(Place(FILE, 8, 3)) == Way(path=("tagOwners", "tag:two"))
    assert layout.way_to(Place(FILE, 7, 5)) == Way(path=("tagOwners", "tag:two"), to_name=True)
