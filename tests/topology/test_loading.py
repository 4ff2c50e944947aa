from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tailstack.finding import InvalidTailnetError, Place
from tailstack.topology.document import MAX_CHARACTERS
from tailstack.topology.loading import environments, environments_of, load_environment, resolve_files
from tests.topology.marked import AT, BASE, ENVIRONMENT, check_finding, findings_of, path_of

TAILNET = "tailnet: {dnsName: a.ts.net}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an environment called `test`, with one valid file."""
    made = tmp_path / "stacks" / ENVIRONMENT
    made.mkdir(parents=True)
    (made / "a.yaml").write_text(TAILNET, encoding="utf-8")
    return made


def findings(folder: Path) -> list[tuple[str, str, int, int]]:
    """Slug and first place of each finding; the file without the path of the environment."""
    try:
        load_environment(folder.parent.parent, ENVIRONMENT, AT)
    except InvalidTailnetError as error:
        return [
            (f.rule.slug, f.places[0].file.removeprefix(path_of("")), f.places[0].line, f.places[0].column)
            for f in error.findings
        ]
    return []


def test_an_environment_is_loaded_from_its_folder(folder: Path) -> None:
    (folder / "b.yaml").write_text("tailnet_: 1", encoding="utf-8")
    assert findings(folder) == [("unknown-key", "b.yaml", 1, 1)]
    (folder / "b.yaml").write_text("groups: {group:ä: []}", encoding="utf-8")
    tailnet = load_environment(folder.parent.parent, ENVIRONMENT, AT)
    assert tailnet.files == (path_of("a.yaml"), path_of("b.yaml"))
    assert tailnet.groups[0].place == Place(path_of("b.yaml"), 1, 10)


def test_texts_give_the_same_as_the_folder(folder: Path) -> None:
    (folder / "base.hujson").write_text("{}", encoding="utf-8")
    (folder / "a.yaml").write_text(TAILNET.replace("net}", "net, policy: {base: base.hujson}}"), encoding="utf-8")
    texts = {f"stacks/{ENVIRONMENT}/{file.name}": file.read_text(encoding="utf-8") for file in folder.iterdir()}
    other = {"stacks/Pulumi.test.yaml": "x", "stacks/other/a.yaml": "[", "README.md": "x", "stacks/x": "y"}
    assert resolve_files({**other, **texts}, ENVIRONMENT, AT) == load_environment(folder.parent.parent, ENVIRONMENT, AT)


def test_the_order_of_the_files_is_that_of_their_names(folder: Path) -> None:
    (folder / "0.yaml").write_text("groups: {group:b: []}", encoding="utf-8")
    (folder / "B.yaml").write_text("groups: {group:a: []}", encoding="utf-8")
    tailnet = load_environment(folder.parent.parent, ENVIRONMENT, AT)
    assert [g.name for g in tailnet.groups] == ["group:b", "group:a"]


def test_environments_are_the_folders_in_stacks(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "prod").mkdir()
    (folder.parent / ".hidden").mkdir()
    (folder.parent / "Pulumi.prod.yaml").touch()
    assert environments(tmp_path) == ("prod", ENVIRONMENT)
    assert environments(tmp_path / "nowhere") == ()


def error_of(project: Path, environment: str) -> InvalidTailnetError:
    with pytest.raises(InvalidTailnetError) as caught:
        load_environment(project, environment, AT)
    return caught.value


def test_environments_are_told_from_the_paths_of_files() -> None:
    paths = [
        "stacks/b/x.yaml",
        "stacks/a/sub/y.yaml",
        "stacks/.hidden/z.yaml",
        "stacks/Pulumi.b.yaml",
        "other/c/d.yaml",
    ]
    assert environments_of(paths) == ("a", "b")


def test_an_unknown_environment_lists_the_known_ones(folder: Path, tmp_path: Path) -> None:
    (finding,) = error_of(tmp_path, "tset").findings
    assert (finding.rule.slug, finding.places) == ("unknown-environment", ())
    assert (finding.expected, finding.mend) == ("one of test", "Did you mean test?")
    (finding,) = error_of(tmp_path / "elsewhere", "test").findings
    assert finding.expected == "a folder in stacks"
    (finding,) = error_of(tmp_path, "../stacks/test").findings
    assert finding.rule.slug == "unknown-environment"
    with pytest.raises(InvalidTailnetError, match="no environment"):
        resolve_files({path_of("a.yaml"): TAILNET}, "prod", AT)


def test_an_environment_without_yaml_says_so(folder: Path, tmp_path: Path) -> None:
    (folder / "a.yaml").rename(folder / "a.yml")
    slugs = [(f.rule.slug, f.mend) for f in error_of(tmp_path, ENVIRONMENT).findings]
    assert slugs[0][0] == "unknown-environment"
    assert slugs[1] == ("stray-file", "Rename it to a.yaml.")


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("b.yml", "Rename it to b.yaml."),
        ("b.YAML", "Rename it to b.yaml."),
        ("b.txt", "move it out"),
        ("b.yaml.bak", "move it out"),
        ("yaml", "move it out"),
        (".b.yaml", "hidden"),
        (".DS_Store", "hidden"),
        ("old/b.yaml", "Move its YAML files up"),
        ("b.yaml/c", "Move its YAML files up"),
        ("base.hujson", "policy: {base: ...}"),
        ("base.json", "policy: {base: ...}"),
    ],
)
def test_a_stray_file_is_never_silently_absent(folder: Path, name: str, mend: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("anything: [", encoding="utf-8")
    first, slash, _ = name.partition("/")
    (finding,) = error_of(folder.parent.parent, ENVIRONMENT).findings
    assert (finding.rule.slug, finding.places) == ("stray-file", (Place(path_of(first + slash), 1, 1),))
    assert mend in finding.mend
    (same,) = findings_of({path_of("a.yaml"): TAILNET, path_of(name): "anything: ["})
    assert same == finding


def test_a_policy_base_is_not_stray_while_it_is_not_known_which_it_is(folder: Path) -> None:
    (folder / "base.hujson").touch()
    (folder / "x.txt").touch()
    (folder / "a.yaml").write_text("tailnet: {", encoding="utf-8")
    assert [slug for slug, *_ in findings(folder)] == ["yaml-syntax", "stray-file"]
    (folder / "b.yaml").write_text("groups: {}", encoding="utf-8")
    assert [slug for slug, *_ in findings(folder)] == ["yaml-syntax", "stray-file"]
    (folder / "a.yaml").write_text("tailnet: {dnsName: x, policy: {base: base.hujson}}", encoding="utf-8")
    assert [slug for slug, *_ in findings(folder)] == ["wrong-value", "stray-file"]
    (folder / "a.yaml").write_text("tailnet: []", encoding="utf-8")
    assert [slug for slug, *_ in findings(folder)] == ["wrong-type", "stray-file"]


def test_the_policy_base_must_be_there() -> None:
    tailnet = "tailnet: {dnsName: a.ts.net, policy: {base: §bse.hujson}}"
    (finding,) = findings_of({path_of("a.yaml"): tailnet.replace("§", "")})
    assert (finding.rule.slug, finding.places[0].column) == ("unknown-reference", 45)
    files = {path_of("a.yaml"): tailnet.replace("§", ""), path_of("base.hujson"): "{}"}
    assert [(f.rule.slug, f.mend[:27]) for f in findings_of(files)] == [
        ("unknown-reference", "Did you mean base.hujson?"),
        ("stray-file", "Name it in `tailnet: {polic"),
    ]


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [
        (b"\xff\xfea\x00", 1, 1),
        (b"tailnet: \xe4\n", 1, 10),
        ("a: ä\r\nb: ".encode() + b"\x80", 2, 4),
        (b"a: b\n\xc3", 2, 1),
    ],
)
def test_bytes_that_are_not_utf_8_have_a_place(folder: Path, raw: bytes, line: int, column: int) -> None:
    (folder / "b.yaml").write_bytes(raw)
    assert findings(folder) == [("not-plain-text", "b.yaml", line, column)]


def test_a_policy_base_that_is_not_utf_8_has_a_place(folder: Path) -> None:
    (folder / "a.yaml").write_text(TAILNET.replace("net}", "net, policy: {base: base.hujson}}"), encoding="utf-8")
    (folder / "base.hujson").write_bytes(b"{\n\xff}")
    assert findings(folder) == [("not-plain-text", "base.hujson", 2, 1)]


def test_what_is_no_file_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    (folder / "link.yaml").symlink_to(folder / "nowhere.yaml")
    assert findings(folder) == [("unreadable-file", "link.yaml", 1, 1), ("unreadable-file", "pipe.yaml", 1, 1)]


def test_a_link_to_a_file_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("groups: {group:a: []}", encoding="utf-8")
    (folder / "link.yaml").symlink_to(tmp_path / "shared.yaml")
    assert findings(folder) == []


def test_a_file_that_may_not_be_read_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (finding,) = error_of(folder.parent.parent, ENVIRONMENT).findings
    assert finding.rule.slug == "unreadable-file"
    assert finding.message == f"{path_of('a.yaml')} cannot be read: Permission denied."


def test_a_folder_that_may_not_be_listed_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    (finding,) = error_of(folder.parent.parent, ENVIRONMENT).findings
    assert finding.rule.slug == "unreadable-file"
    assert finding.message == f"stacks/{ENVIRONMENT} cannot be listed: Permission denied."


def test_a_huge_file_is_not_read(folder: Path) -> None:
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(MAX_CHARACTERS + 1)
    assert findings(folder) == [("too-large", "huge.yaml", 1, 1)]


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        resolve_files({}, ENVIRONMENT, datetime(2026, 1, 1))  # noqa: DTZ001  what the test is about


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_as_before(was_on: bool) -> None:
    if not was_on:
        gc.disable()
    try:
        findings_of({path_of("a.yaml"): TAILNET})
        findings_of({path_of("a.yaml"): "["})
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


def test_findings_are_in_the_order_of_their_places() -> None:
    found = findings_of({path_of("b.yaml"): "x: 1\nw: off", path_of("a.yaml"): TAILNET + "y: 1", path_of("z"): ""})
    assert [str(f.places[0]).removeprefix(path_of("")) for f in found] == [
        "a.yaml:2:1",
        "b.yaml:1:1",
        "b.yaml:2:1",
        "b.yaml:2:4",
        "z:1:1",
    ]


def test_an_empty_environment_of_valid_files() -> None:
    check_finding({"a.yaml": "§{}"}, "no-sections")
    assert BASE
