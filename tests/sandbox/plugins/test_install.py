"""Three plugins of one origin, never a mix."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.plugins.install import Choice, Source, install

VERSIONS = {
    "language-python": importlib.metadata.version("pulumi"),
    "resource-kubernetes": importlib.metadata.version("pulumi-kubernetes"),
    "resource-tailscale": importlib.metadata.version("pulumi-tailscale"),
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))


def official(cache: Path, *names: str) -> None:
    for name in names:
        folder = cache / f"{name}-v{VERSIONS[name]}"
        folder.mkdir(parents=True)
        executable(folder / f"pulumi-{name}", "official")
        (folder / "LICENSE").touch()


def executable(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(0o755)
    return file


def contents(home: Path) -> dict[str, str]:
    return {
        name: (home / "plugins" / f"{name}-v{version}" / f"pulumi-{name}").read_text("utf-8")
        for name, version in VERSIONS.items()
    }


def is_stand_in(text: str) -> bool:
    return text.startswith("#!/bin/sh\nexec ") and " -m tailstack.sandbox.plugins." in text


def test_stand_ins_are_scripts_of_this_python(tmp_path: Path) -> None:
    installed = install(tmp_path / "home", Choice(source=Source.STAND_IN))
    assert installed.source is Source.STAND_IN
    assert installed.plugins == tuple(f"{name} {version}" for name, version in VERSIONS.items())
    assert installed.environment == {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    for name, text in contents(tmp_path / "home").items():
        assert is_stand_in(text)
        assert sys.executable in text
        assert os.access(tmp_path / "home" / "plugins" / f"{name}-v{VERSIONS[name]}" / f"pulumi-{name}", os.X_OK)


def test_auto_takes_the_official_ones_only_if_all_are_there(tmp_path: Path) -> None:
    official(tmp_path / "user" / ".pulumi" / "plugins", "language-python", "resource-kubernetes")
    assert install(tmp_path / "home", Choice()).source is Source.STAND_IN
    assert all(map(is_stand_in, contents(tmp_path / "home").values()))
    official(tmp_path / "user" / ".pulumi" / "plugins", "resource-tailscale")
    assert install(tmp_path / "home", Choice()).source is Source.OFFICIAL
    assert set(contents(tmp_path / "home").values()) == {"official"}
    assert (
        tmp_path / "home" / "plugins" / f"resource-tailscale-v{VERSIONS['resource-tailscale']}" / "LICENSE"
    ).exists()


def test_official_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    official(tmp_path / "user" / ".pulumi" / "plugins", "resource-kubernetes")
    with pytest.raises(SandboxError) as raised:
        install(tmp_path / "home", Choice(source=Source.OFFICIAL))
    said = str(raised.value)
    assert f"pulumi plugin install resource tailscale {VERSIONS['resource-tailscale']}" in said
    assert f"install Pulumi {VERSIONS['language-python']}" in said
    assert "kubernetes" not in said
    assert not (tmp_path / "home" / "plugins").exists()


def test_another_version_is_not_the_one_and_is_cleared_away(tmp_path: Path) -> None:
    stale = tmp_path / "home" / "plugins" / "language-python-v99.0.0"
    executable(stale / "pulumi-language-python", "newer")
    executable(
        tmp_path / "user" / ".pulumi" / "plugins" / "resource-tailscale-v9.9.9" / "pulumi-resource-tailscale", ""
    )
    assert install(tmp_path / "home", Choice()).source is Source.STAND_IN
    assert not stale.exists()


def test_the_users_own_home_is_looked_into_but_never_the_sandboxs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official(tmp_path / "own" / "plugins", *VERSIONS)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "own"))
    assert install(tmp_path / "home", Choice()).source is Source.OFFICIAL
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    assert install(tmp_path / "home", Choice()).source is Source.STAND_IN
    install(tmp_path / "other", Choice(source=Source.STAND_IN))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "other"))
    assert install(tmp_path / "home", Choice()).source is Source.STAND_IN


def test_the_host_that_comes_with_the_engine_is_the_official_one(tmp_path: Path) -> None:
    official(tmp_path / "user" / ".pulumi" / "plugins", "resource-kubernetes", "resource-tailscale")
    engine = executable(tmp_path / "bin" / "pulumi", "engine")
    assert install(tmp_path / "home", Choice(), engine=engine).source is Source.STAND_IN
    executable(tmp_path / "bin" / "pulumi-language-python", "bundled")
    executable(tmp_path / "bin" / "pulumi-language-python-exec", "helper")
    installed = install(tmp_path / "home", Choice(), engine=engine)
    assert installed.source is Source.OFFICIAL
    assert installed.engine == engine
    assert contents(tmp_path / "home")["language-python"] == "bundled"
    linked = tmp_path / "home" / "plugins" / f"language-python-v{VERSIONS['language-python']}"
    assert {file.name for file in linked.iterdir()} == {"pulumi-language-python", "pulumi-language-python-exec"}


def test_stand_ins_do_not_lose_to_the_host_that_comes_with_the_engine(tmp_path: Path) -> None:
    engine = executable(tmp_path / "bin" / "pulumi", "engine")
    executable(tmp_path / "bin" / "pulumi-language-python", "bundled")
    link = tmp_path / "pulumi"
    link.symlink_to(engine)
    for _ in range(2):
        installed = install(tmp_path / "home", Choice(source=Source.STAND_IN), engine=link)
        assert installed.engine is not None
        assert installed.engine.read_text("utf-8") == "engine"
        assert os.access(installed.engine, os.X_OK)
        assert [file.name for file in installed.engine.resolve().parent.iterdir()] == ["pulumi"]


def test_a_folder_must_hold_all_three(tmp_path: Path) -> None:
    official(tmp_path / "mine", "language-python", "resource-kubernetes")
    choice = Choice.parse(str(tmp_path / "mine"))
    version = VERSIONS["resource-tailscale"]
    with pytest.raises(SandboxError, match=f"lacks resource-tailscale-v{version}/pulumi-resource-tailscale"):
        install(tmp_path / "home", choice)
    official(tmp_path / "mine", "resource-tailscale")
    assert install(tmp_path / "home", choice).source is Source.FOLDER
    assert set(contents(tmp_path / "home").values()) == {"official"}


def test_choices_are_read_from_the_command_line(tmp_path: Path) -> None:
    assert Choice.parse("auto") == Choice()
    assert Choice.parse("stand-in").source is Source.STAND_IN
    assert Choice.parse(str(tmp_path)) == Choice(source=Source.FOLDER, folder=tmp_path)
    for text in ("folder", "nowhere"):
        with pytest.raises(SandboxError, match="auto, official, stand-in or a folder"):
            Choice.parse(text)


def test_a_stand_in_is_not_fooled_by_the_modules_of_the_program(tmp_path: Path) -> None:
    install(tmp_path / "home", Choice(source=Source.STAND_IN))
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "grpc.py").write_text("raise SystemExit('the wrong module')", "utf-8")
    name = "resource-tailscale"
    done = subprocess.run(
        [tmp_path / "home" / "plugins" / f"{name}-v{VERSIONS[name]}" / f"pulumi-{name}", "127.0.0.1:1"],
        cwd=tmp_path / "program",
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 0
