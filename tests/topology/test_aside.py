"""What cannot be taken in hides no mistake elsewhere, and what it may declare is not missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailstack.finding import InvalidTailnetError
from tailstack.topology.aside import Aside
from tailstack.topology.loading import load_environment
from tests.topology.marked import AT, BASE, ENVIRONMENT, findings_of, path_of

BLUE = "clusters:\n  blue:\n    kubernetes: {context: blue}\n"
WEB = "{namespace: a, ports: [tcp:80], managedBy: patch}"


def said(main: str, **more: str) -> list[tuple[str, str]]:
    """Slug and message of each finding, of the base and these files."""
    files = {**BASE, "main.yaml": main, **{f"{name}.yaml": text for name, text in more.items()}}
    return [(f.rule.slug, f.message) for f in findings_of({path_of(name): text for name, text in files.items()})]


def slugs(main: str, **more: str) -> list[str]:
    return [slug for slug, _ in said(main, **more)]


def entry(to: str, port: str = "tcp:80") -> str:
    return f"access: [{{name: one, from: [group:a], to: [{to}], ports: ['{port}']}}]\n"


def test_words_are_compared_as_people_mistype_them() -> None:
    aside = Aside()
    assert not aside.may_declare("my-db")
    aside.add_text("machines: {My_DB: {tags: [tag:a]}}")
    assert aside.may_declare("my-db")
    assert aside.may_declare("my-db", "machines")
    assert not aside.may_declare("my-db", "clusters")
    assert not aside.may_declare("db")
    assert Aside(is_boundless=True).may_declare("anything")


def test_a_wrong_value_in_one_part_hides_no_unknown_name_in_another() -> None:
    parts = "    connectors: {pods: {routes: [{cidr: 10.42.0.0/16, site: 99999}]}}\n    proxyGroups: {in: {type: ingress}}\n"
    expose = "    expose: {web: {namespace: a, ports: [tcp:80], managedBy: patch, proxyGroup: inn}}\n"
    assert said(BLUE + parts + expose) == [
        ("wrong-value", "clusters.blue.connectors.pods.routes[0].site is the number 99999."),
        ("unknown-reference", 'There is no ingress group called "inn".'),
    ]


def test_an_address_behind_something_that_cannot_be_read_is_not_taken_for_one_of_a_node() -> None:
    to = "{ip: 10.1.2.3, through: [net]}"
    assert slugs(f"{BLUE}    egress: {{out: {{namespace: a, to: {to}, ports: [tcp:1]}}}}\n") == ["wrong-type"]


def test_a_mistake_in_the_tailnet_leaves_the_rest_of_it_known() -> None:
    tailnet = (
        "tailnet: {dnsName: a.ts.net, magicDNS: 1, keys: {ci: {tags: [tag:ci], expiry: 99w}}, policy: {base: a.hujson}}"
    )
    base = BASE["a.yaml"].split("\n")[1]
    egress = f"{BLUE}    egress: {{out: {{namespace: a, to: {{fqdn: db.b.ts.net}}, ports: [tcp:1]}}}}\n"
    files = {path_of("a.yaml"): f"{tailnet}\n{base}", path_of("b.yaml"): egress}
    assert sorted(f.rule.slug for f in findings_of(files)) == [
        *("foreign-address", "unknown-reference", "wrong-type", "wrong-value"),
    ]


@pytest.mark.parametrize(
    ("doubled", "found"),
    [
        # sections, names and parts in the second place are taken in
        (f"clusters:\n  green:\n    kubernetes: {{context: a}}\n    expose: {{web: {WEB}}}\n", []),
        (f"clusters:\n  green: {{kubernetes: {{contxt: a}}, expose: {{web: {WEB}}}}}\n", ["one-of", "unknown-key"]),
        # of what is declared in two ways nothing is known
        (f"clusters:\n  green: {{kubernetes: {{context: a}}, expose: {{web: {WEB}, web: {{tags: 1}}}}}}\n", ["duplicate-key"]),
        (f"clusters:\n  green: {{kubernetes: {{context: a}}, kubernetes: {{kubeconfig: {{secret: a}}}}, expose: {{web: {WEB}}}}}\n", ["duplicate-key"]),
    ],
)  # fmt: skip
def test_what_a_second_section_declares_is_declared(doubled: str, found: list[str]) -> None:
    assert [slug for slug in slugs(BLUE + doubled + entry("{exposure: green.web}")) if slug != "one-of"] == [
        *("duplicate-key", *(slug for slug in found if slug != "one-of")),
    ]


def test_a_second_list_of_entries_is_read_too() -> None:
    first, second = entry("{apiServer: red}"), entry("{machine: green}").replace("one", "two")
    assert [message for _, message in said(BLUE + first + second)] == [
        'There is no cluster called "red".',
        'The key "access" stands here twice.',
        'There is no machine called "green".',
    ]
    doubled = f"{BLUE}access: [{{name: a, from: [b], from: [c], to: [{{machine: x}}], kubernetes: {{}}, kubernetes: {{bind: {{}}}}}}]"
    assert "duplicate-key" in slugs(doubled)


def test_a_value_without_a_key_may_declare_what_is_missing() -> None:
    text = BLUE + "machines:\n  ? [a]\n  : {runner: {tags: [tag:a]}}\n"
    assert slugs(text + entry("{machine: runner}, {machine: other}")) == ["key-not-text", "unknown-reference"]


def test_what_stands_twice_in_what_stands_twice() -> None:
    second = f"clusters:\n  blue:\n    expose: {{web: {WEB}}}\n    expose: {{page: {WEB}}}\n"
    assert slugs(BLUE + second + entry("{exposure: blue.web}, {exposure: blue.page}")) == ["duplicate-key"] * 2
    thrown = "machines:\n  ? [a]\n  : {ci: {x: z}, ci: {runner: {}}}\n"
    assert slugs(BLUE + thrown + entry("{machine: runner}")) == ["key-not-text", "duplicate-key"]


def test_a_name_that_is_nearly_right_is_that_of_the_thing() -> None:
    text = f"clusters:\n  Blue_1:\n    kubernetes: {{context: a}}\n    expose: {{web: {WEB}, page: {{namespace: 1}}}}\n"
    assert sorted(slugs(text + entry("{exposure: blue-1.web}, {exposure: blue-1.wep}"))) == [
        *("missing-key", "missing-key", "unknown-reference", "wrong-name", "wrong-type"),
    ]
    assert slugs(
        "clusters:\n  '---': {kubernetes: {context: a}}\n  Blue: 5\n" + entry("{apiServer: blue}", "tcp:443")
    ) == [
        *("wrong-name", "wrong-name", "wrong-type"),
    ]


@pytest.mark.parametrize(
    ("broken", "referring"),
    [
        ("clusters: 5", "services: {svc:a: {ports: [tcp:80], proxyGroup: in, backends: {blue: a/b}}}"),
        ("clusters: 5", entry("{apiServer: blue}, {route: 10.0.0.0/8}, {apiServers: {matchLabels: {a: b}}}")),
        ("machines: 5", entry("{exitNode: out}, {route: 10.0.0.0/8}")),
        (f"{BLUE}    connectors: 5", entry("{exitNode: blue.out}, {connector: blue.out}, {route: 10.0.0.0/8}")),
        (f"{BLUE}    proxyGroups: 5\n    egress: {{a: {{namespace: a, to: {{ip: 100.64.0.1}}, ports: [tcp:1], proxyGroup: out}}}}", ""),
        (f"{BLUE}    proxyGroups: 5\n    expose: {{a: {WEB.replace('}', ', proxyGroup: in}')}}}", entry("{apiServer: blue}", "tcp:443")),
        (f"{BLUE}    proxyClasses: 5\n    tailnets: 5\n    recorders: {{c: {{tailnet: b}}}}\n    expose: {{a: {WEB.replace('}', ', proxyClass: b}')}}}", ""),
    ],
)  # fmt: skip
def test_nothing_is_missing_in_a_section_that_is_wrong(broken: str, referring: str) -> None:
    assert set(slugs(f"{broken}\n{referring}")) == {"wrong-type"}


def test_an_unreadable_file_may_hold_the_defaults_of_all_clusters() -> None:
    files = {
        "a.yaml": "tailnet: {dnsName: a.ts.net}",
        "b.yaml": BLUE + entry("{apiServer: blue}, {machine: ci}", "tcp:443"),
    }
    files["c.yaml"] = "defaults: {operator: {"
    found = [f.rule.slug for f in findings_of({path_of(name): text for name, text in files.items()})]
    assert found == ["unknown-reference", "yaml-syntax"]


def test_a_file_that_is_not_utf_8_is_searched_for_names(tmp_path: Path) -> None:
    folder = tmp_path / "stacks" / ENVIRONMENT
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text(BASE["a.yaml"] + BLUE + entry("{machine: ci}, {machine: other}"), encoding="utf-8")
    (folder / "b.yaml").write_bytes(b"machines: {ci: {tags: [tag:a]}} # caf\xe9")
    with pytest.raises(InvalidTailnetError) as raised:
        load_environment(tmp_path, ENVIRONMENT, AT)
    assert [f.message for f in raised.value.findings] == [
        'There is no machine called "other".',
        "The byte 0xE9 is not UTF-8.",
    ]
