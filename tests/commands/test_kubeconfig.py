"""`tailstack kubeconfig` as a user types it: what it prints, what it merges, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tests.commands.declared import write

BLUE = "blue-operator.tail1a2b.ts.net"
GREEN = "green-operator.tail1a2b.ts.net"
TEXT = """tailnet: {dnsName: tail1a2b.ts.net}
defaults: {operator: {chart: {version: "1.102.3"}}}
clusters:
  blue: {kubernetes: {context: blue}, operator: {apiServerProxy: {mode: auth}}}
  green: {kubernetes: {context: green}, operator: {apiServerProxy: {mode: noauth}}}
  grey: {kubernetes: {context: grey}}
"""
MINE = """# my clusters
apiVersion: v1
kind: Config
preferences: {}
current-context: work   # the one I use
clusters:
  # the old one
  - name: work
    cluster:
      server: "https://10.0.0.1:6443"
      certificate-authority-data: LS0t
contexts:
- {name: work, context: {cluster: work, user: me}}
users:
- name: me
  user:
    client-key-data: >-
      c2VjcmV0
      bW9yZQ==

# the end
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig; the current folder is a project."""
    project, home = tmp_path / "project", tmp_path / "home"
    home.mkdir()
    write(project, "one", TEXT)
    (project / "Pulumi.yaml").write_text("name: x\n", encoding="utf-8")
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Somebody's kubeconfig in the usual place."""
    (home / ".kube").mkdir()
    file = home / ".kube" / "config"
    file.write_text(MINE, encoding="utf-8")
    file.chmod(0o600)
    return file


def merged(file: Path, *arguments: str) -> dict[str, Any]:
    assert run(["kubeconfig", "one", "--merge", *arguments]) == ExitCode.CLEAN
    return cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))


def names(config: dict[str, Any], section: str) -> list[str]:
    return [entry["name"] for entry in config[section]]


def test_it_prints_every_api_server_and_says_what_is_missing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubeconfig", "one"]) == ExitCode.CLEAN
    said = capsys.readouterr()
    printed = yaml.safe_load(said.out)
    assert names(printed, "contexts") == [BLUE, GREEN]
    assert "current-context" not in printed
    assert "kubectl config set-credentials green-operator.tail1a2b.ts.net" in said.err
    assert "blue" not in said.err
    assert not (home / ".kube").exists()


def test_for_one_cluster_the_context_is_the_current_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert home
    assert run(["kubeconfig", "one", "--cluster", "blue", "--format", "json"]) == ExitCode.CLEAN
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert printed["current-context"] == BLUE
    assert printed["users"] == [{"name": "tailscale-auth", "user": {"token": "unused"}}]
    assert said.err == ""


def test_merging_keeps_every_line_that_was_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = merged(file)
    text = file.read_text(encoding="utf-8")
    lines = iter(text.splitlines())
    assert all(line in lines for line in MINE.splitlines()), "the old lines, in their order"
    assert names(config, "clusters") == ["work", BLUE, GREEN]
    assert names(config, "contexts") == ["work", BLUE, GREEN]
    assert names(config, "users") == ["me", "tailscale-auth", GREEN]
    assert config["current-context"] == "work"
    assert config["users"][0]["user"]["client-key-data"] == "c2VjcmV0 bW9yZQ=="
    assert file.stat().st_mode & 0o777 == 0o600
    (backup,) = file.parent.glob("config.*.backup")
    assert backup.read_text(encoding="utf-8") == MINE
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in file.parent.iterdir()) == ["config", backup.name]
    said = capsys.readouterr().out
    assert f"{file}: written; what was there is in {backup}" in said
    assert f"  added    context {BLUE}\n" in said
    assert f"set-credentials {GREEN}" in said


def test_merging_again_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merged(file)
    text, entries = file.read_bytes(), sorted(file.parent.iterdir())
    capsys.readouterr()
    merged(file)
    assert capsys.readouterr().out == f"{file}: nothing to change\n"
    assert (file.read_bytes(), sorted(file.parent.iterdir())) == (text, entries)


def test_where_nothing_was_the_file_is_its_owners_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".kube" / "config"
    config = merged(file, "--cluster", "blue")
    assert capsys.readouterr().out.startswith(f"{file}: written\n")
    assert "current-context" not in config
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["config"]


def test_the_first_file_of_kubeconfig_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = home / "first", home / "second"
    second.write_text(MINE, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", f":{first}:{second}")
    assert names(merged(first), "clusters") == [BLUE, GREEN]
    assert second.read_text(encoding="utf-8") == MINE


def test_a_link_stays_one(file: Path, home: Path) -> None:
    link = home / "link"
    link.symlink_to(file)
    merged(link, "--file", str(link))
    assert link.is_symlink()
    assert BLUE in file.read_text(encoding="utf-8")
    assert len(list(file.parent.glob("config.*.backup"))) == 1


def test_the_current_context_is_set_only_when_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert merged(file, "--cluster", "blue", "--use-context")["current-context"] == BLUE
    assert "current-context: blue-operator.tail1a2b.ts.net   # the one I use\n" in file.read_text(encoding="utf-8")
    assert "changed  current-context" in capsys.readouterr().out
    assert run(["kubeconfig", "one", "--merge", "--use-context"]) == ExitCode.USAGE
    assert "Name one with --cluster" in capsys.readouterr().err


def test_what_a_person_added_to_our_entries_stays(file: Path) -> None:
    merged(file)
    text = file.read_text(encoding="utf-8")
    text = text.replace(f"    user: {GREEN}\n", f"    user: {GREEN}\n    namespace: shop\n")
    text = text.replace(f"- name: {GREEN}\n  user: {{}}\n", f"- name: {GREEN}\n  user: {{token: mine}}\n")
    text = text.replace(f"    server: https://{BLUE}\n", f"    server: https://{BLUE}:443/ # mine\n")
    assert text.count("mine") == 2
    file.write_text(text, encoding="utf-8")
    merged(file)
    assert file.read_text(encoding="utf-8") == text


def test_another_mode_puts_the_user_of_the_context_right_and_leaves_the_credentials(file: Path) -> None:
    merged(file)
    before = file.read_text(encoding="utf-8").replace("  user: {}\n", "  user: {token: mine}\n")
    file.write_text(before, encoding="utf-8")
    write(Path.cwd(), "one", TEXT.replace("noauth", "auth"))
    config = merged(file)
    context = next(each for each in config["contexts"] if each["name"] == GREEN)
    assert context["context"]["user"] == "tailscale-auth"
    assert file.read_text(encoding="utf-8") == before.replace(f"    user: {GREEN}\n", "    user: tailscale-auth\n")


def test_a_user_that_a_person_chose_for_our_context_stays(file: Path) -> None:
    merged(file)
    text = file.read_text(encoding="utf-8").replace(f"    user: {GREEN}\n", "    user: me\n")
    file.write_text(text, encoding="utf-8")
    merged(file)
    assert file.read_text(encoding="utf-8") == text


FOREIGN = f"""apiVersion: v1
clusters:
- name: {BLUE}
  cluster: {{server: "https://elsewhere:6443"}}
contexts:
- name: {BLUE}
  context: {{cluster: other, user: me}}
- name: {GREEN}
  context: {{cluster: {GREEN}, user: me}}
users:
- name: tailscale-auth
  user: {{token: s3cret, exec: {{command: login}}}}
"""


def test_foreign_entries_of_our_names_are_errors_all_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FOREIGN, encoding="utf-8")
    assert run(["kubeconfig", "one", "--merge"]) == ExitCode.FINDINGS
    said = capsys.readouterr().err
    assert f"{file}:3:3: There is a cluster {BLUE} that is not ours: it does not lead to https://{BLUE}." in said
    assert f"{file}:6:3: There is a context {BLUE} that is not ours: it is one of another cluster." in said
    assert f"{file}:11:3: There is a user tailscale-auth that is not ours" in said
    assert said.endswith("Nothing was written.\n")
    assert "s3cret" not in said
    assert file.read_text(encoding="utf-8") == FOREIGN
    assert [each.name for each in file.parent.iterdir()] == ["config"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clusters:\n- name: a\n cluster: {token: s3cret}\n", "3:2: This is no YAML"),
        ("a: [s3cret\n", "This is no YAML"),
        ("a: \x01s3cret\n", "1:1: This is no YAML: it holds a character that YAML forbids."),
        ("---\na: s3cret\n---\nb: 1\n", "This is no YAML: but found another document."),
        ("- s3cret\n", "1:1: This is no kubeconfig: it is no mapping."),
        ("kind: Secret\napiVersion: v1\n", "1:7: This is no kubeconfig: its kind is not Config."),
        ("apiVersion: v2\nkind: Config\n", "1:13: This is no kubeconfig: its apiVersion is not v1."),
        ("clusters: {}\n", "1:11: This is no kubeconfig: clusters is no list."),
        ("users:\n- user: {token: s3cret}\n", "2:3: This is no kubeconfig: an entry of users has no name."),
        ("users:\n- s3cret\n", "2:3: This is no kubeconfig: an entry of users has no name."),
        ("users: []\nusers: []\n", "2:1: This is no kubeconfig: a key is there twice."),
        ("users: &all []\n", "1:8: This file cannot be changed in place because of its YAML anchors."),
        ("[" * 3000, "This is nested too deeply for a kubeconfig."),
        ("current-context: [s3cret]\n", "1:1: This file cannot be changed in place."),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_left_alone(
    text: str, message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text, encoding="utf-8")
    arguments = ["kubeconfig", "one", "--merge", "--cluster", "blue", "--use-context"]
    assert run(arguments) == ExitCode.FINDINGS
    said = capsys.readouterr().err
    assert message in said
    assert "s3cret" not in said
    assert run([*arguments, "--format", "json"]) == ExitCode.FINDINGS
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert f"{problem['line']}:{problem['column']}: {problem['message']}" in said
    assert file.read_text(encoding="utf-8") == text
    assert [each.name for each in file.parent.iterdir()] == ["config"]


def test_bytes_that_are_no_text_are_left_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(b"\xff\xfe")
    assert run(["kubeconfig", "one", "--merge"]) == ExitCode.FINDINGS
    assert "no text in UTF-8" in capsys.readouterr().err
    assert file.read_bytes() == b"\xff\xfe"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet",
        "---\n",
        "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ''\nkind: Config\npreferences: {}\nusers: null\n",
        "clusters: [] # none\ncontexts:\nusers: ~",
        "users:\ncontexts: []\nclusters:\n",
        "users: []",
        "apiVersion: v1\r\nusers:\r\n- name: me\r\n  user: {}\r\n",
        "users:\n  -   name: me\n      user:\n          token: |+\n            abc\n\n\nclusters: []\n",
        "users:\n- name: me\n  user:\n    token: |-\n      abc",
        "users:\n- {name: me, user: {token: 'it''s'}} # mine\n\n\n# after\ncontexts: [{name: a, context: {}}]\n...\n",
        '{"apiVersion":"v1","kind":"Config","clusters":[],"users":[{"name":"me","user":{}}]}',
        '{\n  "kind": "Config",\n  "users": [\n    {"name": "me", "user": {}}\n  ]\n}\n',
        "{}",
        "{kind: Config, current-context: , users: , }\n",
        "  kind: Config\n  users:\n  - name: me\n    user: {}\n",
        "\ufeffkind: Config\n",
        "current-context:\nkind: Config\n",
        "users:\n- name: me\n  user:\n",
        "users:\n- name: me\n  user: {}\n  # indented remark\n# remark\nkind: Config\n",
    ],
)
def test_any_way_of_writing_yaml_is_merged_into(text: str, file: Path) -> None:
    file.write_bytes(text.encode())
    old: dict[str, Any] = yaml.safe_load(text) or {}
    config = merged(file, "--cluster", "green", "--use-context")
    for section in ("clusters", "contexts", "users"):
        assert names(config, section) == [*(each["name"] for each in old.get(section) or ()), GREEN]
        assert config[section][: len(old.get(section) or ())] == (old.get(section) or [])
    assert config["current-context"] == GREEN
    new = file.read_bytes()
    for remark in ("# none", "# mine", "# after", "# remark", "# indented remark", "# nothing yet", "..."):
        assert (remark in text) == (remark in new.decode())
    assert new.count(b"\n") == new.count(b"\r\n") or "\r" not in text
    if text.startswith('{"'):
        assert json.loads(new) == config
    merged(file, "--cluster", "green", "--use-context")
    assert file.read_bytes() == new


def test_the_report_in_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubeconfig", "one", "--merge", "--cluster", "blue", "--format", "json"]) == ExitCode.CLEAN
    report = json.loads(capsys.readouterr().out)
    (backup,) = file.parent.glob("*.backup")
    assert report == {
        "file": str(file),
        "backup": str(backup),
        "added": [f"cluster {BLUE}", f"context {BLUE}", "user tailscale-auth"],
        "changed": [],
        "kept": [],
    }
    assert run(["kubeconfig", "one", "--merge", "--cluster", "blue", "--format", "json"]) == ExitCode.CLEAN
    again = json.loads(capsys.readouterr().out)
    assert (again["backup"], again["kept"]) == (None, report["added"])


def test_two_backups_of_one_second_are_two_files(file: Path) -> None:
    merged(file, "--cluster", "blue")
    (first,) = file.parent.glob("*.backup")
    merged(file, "--cluster", "green")
    assert len([each for each in file.parent.iterdir() if ".backup" in each.name]) == 2
    assert first.read_text(encoding="utf-8") == MINE


def test_a_file_that_kubectl_is_writing_is_left_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = file.with_name("config.lock")
    lock.touch()
    assert run(["kubeconfig", "one", "--merge"]) == ExitCode.ERROR
    assert f"{lock} is there: another program is writing the file." in capsys.readouterr().err
    assert lock.exists()
    assert file.read_text(encoding="utf-8") == MINE


def test_a_folder_that_is_a_file_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".kube").touch()
    assert run(["kubeconfig", "one", "--merge"]) == ExitCode.ERROR
    assert "was not written: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cluster", "pink"), "no cluster called pink. There are: blue, green, grey."),
        (("--cluster", "grey"), "No API-server proxy is declared in grey"),
        (("--cluster", "grey", "--cluster", "blue"), "No API-server proxy is declared in grey"),
        (("--use-context",), "--file and --use-context go with --merge."),
        (("--file", "x"), "--file and --use-context go with --merge."),
    ],
)
def test_a_wrong_command_line(
    arguments: tuple[str, ...], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home
    assert run(["kubeconfig", "one", *arguments]) == ExitCode.USAGE
    assert message in " ".join(capsys.readouterr().err.split())


def test_an_environment_with_errors_says_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert home
    write(Path.cwd(), "one", TEXT.replace("mode: auth", "mode: sometimes"))
    assert run(["kubeconfig", "one"]) == ExitCode.FINDINGS
    assert "TS033" in capsys.readouterr().out
