"""`tailstack check --manifests` as a user types it, outside of any project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.commands import check
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.main import run
from tailstack.rules.frames import operator_deployment

POLICY = """{
  "tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]},
  "grants": [{"src": ["autogroup:member", "tag:k8s"], "dst": ["tag:k8s"], "ip": ["tcp:80"]}],
}
"""
CLASS = """---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: tailscale}
spec: {controller: tailscale.com/ts-ingress}
"""
OPERATOR = operator_deployment(env="{name: OPERATOR_HOSTNAME, value: @name@}") + CLASS
NGINX = """
apiVersion: v1
kind: Service
metadata: {name: nginx, annotations: {tailscale.com/expose: "true"}}
spec: {ports: [{port: 80}], selector: {app: nginx}}
"""
REMOTE = """
apiVersion: v1
kind: Service
metadata: {name: remote, annotations: {tailscale.com/tailnet-fqdn: default-nginx.tail1a2b.ts.net}}
spec: {type: ExternalName, externalName: placeholder}
"""
FILES = {
    "policy.hujson": POLICY,
    "clusters/blue/tailscale.yaml": OPERATOR.replace("@name@", "blue-operator"),
    "clusters/blue/app/nginx.yml": NGINX,
    "clusters/green/tailscale.yaml": OPERATOR.replace("@name@", "green-operator"),
    "clusters/green/remote.json": json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "remote",
                "annotations": {"tailscale.com/tailnet-fqdn": "default-nginx.tail1a2b.ts.net"},
            },
            "spec": {"type": "ExternalName", "externalName": "placeholder"},
        },
    ),
    "clusters/.git/config.yaml": "a: [",
    "clusters/blue/.hidden.yaml": "a: [",
    "clusters/blue/README.md": "a: [",
}
ARGUMENTS = ["check", "--manifests", "clusters", "--policy", "policy.hujson"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rendered manifests of two clusters and a policy file, and no project anywhere above."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_right_is_clean_and_its_links_are_complete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert folder
    assert run(ARGUMENTS) == ExitCode.CLEAN
    said = capsys.readouterr()
    assert said.out.endswith("1 link, 1 complete.\n"), said.out
    assert said.err == ""
    assert run([*ARGUMENTS, "--links", "--dns-name", "Tail1a2b.ts.net."]) == ExitCode.CLEAN
    assert capsys.readouterr().out.startswith("green.remote -> blue.nginx: complete\n")


def test_a_clash_of_two_clusters_exits_with_3_and_names_both_places(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OPERATOR.replace("@name@", "blue-operator")
    (folder / "clusters/green/tailscale.yaml").write_text(text, encoding="utf-8")
    assert run(ARGUMENTS) == ExitCode.FINDINGS
    said = capsys.readouterr().out
    assert "TS101 duplicate-hostname" in said
    assert "clusters/blue/tailscale.yaml:3:18" in said
    assert "clusters/green/tailscale.yaml:3:18" in said


def test_json_and_github(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "clusters/stray.yaml").write_text("kind: A\n", encoding="utf-8")
    assert run([*ARGUMENTS, "--format", "json"]) == ExitCode.FINDINGS
    data = json.loads(capsys.readouterr().out)
    assert data["environment"] == "manifests"
    assert [f["places"][0]["file"] for f in data["findings"] if f["code"] == "TS062"] == ["clusters/stray.yaml"]
    assert run([*ARGUMENTS, "--format", "github"]) == ExitCode.FINDINGS
    assert "::error file=clusters/stray.yaml,line=1,col=1,title=TS062 " in capsys.readouterr().out


def test_the_folder_can_be_the_one_in_which_the_user_stands(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "clusters/blue/bad.yaml").write_bytes(b"a: 1\nb: \xff\n")
    monkeypatch.chdir(folder / "clusters")
    assert run(["check", "--manifests", ".", "--policy", "../policy.hujson"]) == ExitCode.FINDINGS
    said = capsys.readouterr().out
    assert "blue/bad.yaml:2:4: error TS060 manifest-syntax\n" in said
    assert "The byte 0xFF is not UTF-8 here." in said


def test_facts_are_read_and_their_mistakes_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "facts.json").write_text("{}", encoding="utf-8")
    assert run([*ARGUMENTS, "--facts", "facts.json"]) == ExitCode.CLEAN
    (folder / "facts.json").write_text("[", encoding="utf-8")
    capsys.readouterr()
    assert run([*ARGUMENTS, "--facts", "facts.json"]) == ExitCode.FINDINGS
    assert capsys.readouterr().out.startswith("facts.json:1:")


def test_a_policy_file_that_cannot_be_read_is_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "policy.hujson").write_text("{", encoding="utf-8")
    assert run(ARGUMENTS) == ExitCode.FINDINGS
    assert "policy.hujson:1:2: error TS801 policy-syntax" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["blue", "--manifests", "clusters", "--policy", "policy.hujson"], "in place of an ENVIRONMENT"),
        (["--manifests", "clusters"], "--manifests goes with --policy"),
        (["--policy", "policy.hujson"], "go with --manifests"),
        (["--dns-name", "tail1a2b.ts.net"], "go with --manifests"),
        (["--manifests", "clusters", "--policy", "policy.hujson", "--dns-name", "tail1a2b"], "is no domain such as"),
        (["--manifests", "clusters", "--policy", "-", "--facts", "-"], "Only one of the files can be -"),
        (["--manifests", "empty", "--policy", "policy.hujson"], "No file with manifests in empty"),
        (["--manifests", "missing", "--policy", "policy.hujson"], "does not exist"),
    ],
)
def test_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    (folder / "empty").mkdir()
    assert run(["check", *arguments]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_a_file_that_cannot_be_opened_is_told_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "clusters/blue/gone.yaml").symlink_to(folder / "nowhere.yaml")
    assert run(ARGUMENTS) == ExitCode.ERROR
    assert "clusters/blue/gone.yaml cannot be read: No such file or directory." in capsys.readouterr().err


def test_progress_is_told_where_there_is_much_to_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder
    monkeypatch.setattr(check, "_MANY", 3)
    assert run(ARGUMENTS) == ExitCode.CLEAN
    assert capsys.readouterr().err == "Reading 4 files of manifests …\n"
