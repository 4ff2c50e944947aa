"""Which API server, and as whom."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tailstack.sandbox.plugins.kubernetes import kubeconfig
from tailstack.sandbox.plugins.values import Properties

SECRET = "s3cr3t-t0k3n"


def config(**user: object) -> Properties:
    return {
        "current-context": "blue",
        "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1/"}}],
        "users": [{"name": "admin", "user": {"token": SECRET, **user}}],
        "contexts": [
            {"name": "blue", "context": {"cluster": "one", "user": "admin", "namespace": "here"}},
            {"name": "nobody", "context": {"cluster": "one"}},
            {"name": "adrift", "context": {"cluster": "two", "user": "admin"}},
            {"name": "stranger", "context": {"cluster": "one", "user": "who"}},
        ],
    }


def test_a_kubeconfig_is_content_or_a_path(tmp_path: Path) -> None:
    content = json.dumps(config())
    file = tmp_path / "config"
    file.write_text(content, "utf-8")
    assert kubeconfig.load(content) == kubeconfig.load(str(file)) == config()


def test_without_one_the_environment_names_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("current-context: blue\ncontexts: [{name: blue, context: {cluster: one}}]\n", "utf-8")
    second.write_text(json.dumps({**config(), "current-context": "other"}), "utf-8")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")
    merged = kubeconfig.load("")
    assert merged["current-context"] == "blue"
    assert kubeconfig.connection(merged).server == "https://127.0.0.1:1"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.load("") == {}
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(json.dumps(config()), "utf-8")
    assert kubeconfig.load("") == config()


def test_paths_in_a_kubeconfig_start_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n", "utf-8")
    file = tmp_path / "config"
    file.write_text(json.dumps(config(token="", tokenFile="token")), "utf-8")
    connection = kubeconfig.connection(kubeconfig.load(str(file)))
    assert connection.headers() == {"Authorization": f"Bearer {SECRET}"}


def test_the_providers_options_come_before_the_kubeconfig() -> None:
    assert kubeconfig.connection(config()).namespace == "here"
    assert kubeconfig.connection(config(), namespace="there").namespace == "there"
    assert kubeconfig.connection(config(), context="nobody").namespace == "default"
    assert kubeconfig.connection(config(), context="nobody").headers() == {}
    with pytest.raises(kubeconfig.KubeconfigError, match='cluster "three" does not exist'):
        kubeconfig.connection(config(), cluster="three")


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("green", 'context "green" does not exist'),
        ("adrift", 'cluster "two" does not exist or has no server'),
        ("stranger", 'auth info "who" does not exist'),
    ],
)
def test_what_a_context_lacks_is_named(context: str, message: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError) as caught:
        kubeconfig.connection(config(), context=context)
    assert str(caught.value) == message


def test_a_kubeconfig_without_a_context_is_no_configuration() -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match="no configuration has been provided"):
        kubeconfig.connection({})


@pytest.mark.parametrize("helper", ["exec", "auth-provider"])
def test_a_login_through_a_program_is_refused(helper: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match="logs in through a program"):
        kubeconfig.connection(config(**{helper: {"command": "x"}}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"a: [{SECRET}\nb: c", "line 2, column 2: "),
        (f"- {SECRET}\n- x", "neither a file nor a mapping"),
        (f"clusters: {SECRET}\n", "clusters: expected a list of mappings"),
        (f"users: [{SECRET}]\n", "users: expected a list of mappings"),
        (f"a: \x01{SECRET}\n", "not YAML"),
        (SECRET, "neither a file nor a mapping"),
        (f"/nowhere/{SECRET * 100}", "neither a file nor a mapping"),
    ],
)
def test_what_is_no_kubeconfig_is_told_without_repeating_it(content: str, message: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError) as caught:
        kubeconfig.load(content)
    assert str(caught.value).startswith(message)
    assert SECRET not in str(caught.value)


def test_a_file_that_a_kubeconfig_names_and_is_not_there_is_named() -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match=r"nowhere/token: No such file or directory"):
        kubeconfig.connection(config(token="", tokenFile="/nowhere/token")).headers()


def test_a_password_is_sent_as_one() -> None:
    connection = kubeconfig.connection(config(token="", username="ana", password=SECRET))
    assert connection.headers() == {"Authorization": "Basic " + base64.b64encode(f"ana:{SECRET}".encode()).decode()}


def test_a_connection_does_not_show_its_credentials() -> None:
    assert SECRET not in repr(kubeconfig.connection(config()))


def test_a_connection_becomes_a_kubeconfig_of_its_own() -> None:
    connection = kubeconfig.connection(config(), namespace="there")
    assert kubeconfig.connection(connection.as_kubeconfig()) == connection


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"certificate-authority-data": "%"}, "certificate-authority-data: not base64"),
        (
            {"certificate-authority-data": base64.b64encode(b"x").decode()},
            "certificate-authority: no certificate in PEM form",
        ),
    ],
)
def test_what_is_no_certificate_is_told(entry: Properties, message: str) -> None:
    wrong = config()
    wrong["clusters"][0]["cluster"].update(entry)
    with pytest.raises(kubeconfig.KubeconfigError) as caught:
        kubeconfig.connection(wrong).tls()
    assert str(caught.value) == message


def test_what_is_no_key_is_told() -> None:
    pem = base64.b64encode(b"x").decode()
    wrong = config(**{"client-certificate-data": pem, "client-key-data": pem})
    with pytest.raises(kubeconfig.KubeconfigError, match="not a matching pair in PEM form"):
        kubeconfig.connection(wrong).tls()


def test_a_server_in_the_clear_has_no_tls() -> None:
    plain = config()
    plain["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    assert kubeconfig.connection(plain).tls() is None


def test_the_active_cluster_is_what_the_context_or_the_option_names() -> None:
    two = config()
    two["clusters"].append({"name": "two", "cluster": {"server": "https://two"}})
    assert kubeconfig.active_cluster(two, context="", cluster="") == {"server": "https://127.0.0.1:1/"}
    assert kubeconfig.active_cluster(two, context="adrift", cluster="") == {"server": "https://two"}
    assert kubeconfig.active_cluster(two, context="", cluster="two") == {"server": "https://two"}
    assert kubeconfig.active_cluster({}, context="", cluster="") is None
