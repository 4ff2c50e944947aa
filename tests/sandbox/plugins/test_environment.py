"""Which Python a program runs in."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from tailstack.sandbox.plugins.frame import PluginError
from tailstack.sandbox.plugins.language.environment import Environment, Package, resolve


def fake_virtualenv(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    return folder


def test_a_virtualenv_is_relative_to_the_project_or_absolute(tmp_path: Path) -> None:
    venv = fake_virtualenv(tmp_path / "venv")
    expected = Environment(python=venv / "bin" / "python", virtualenv=venv)
    assert resolve(tmp_path, {"virtualenv": "venv"}) == expected
    assert resolve(tmp_path / "elsewhere", {"virtualenv": str(venv)}) == expected


def test_it_is_activated_for_what_the_program_starts(tmp_path: Path) -> None:
    venv = fake_virtualenv(tmp_path / "venv")
    variables = resolve(tmp_path, {"virtualenv": "venv"}).variables({"PATH": "/usr/bin", "PYTHONHOME": "/x", "A": "b"})
    assert variables == {"PATH": f"{venv}/bin:/usr/bin", "VIRTUAL_ENV": str(venv), "A": "b"}
    assert Environment(python=Path("python3"), virtualenv=None).variables({"PYTHONHOME": "/x"}) == {"PYTHONHOME": "/x"}


def test_a_virtualenv_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"venv does not exist\. Make it with `python3 -m venv "):
        resolve(tmp_path, {"virtualenv": "venv"})
    (tmp_path / "venv").mkdir()
    with pytest.raises(PluginError, match="venv is not a virtual environment"):
        resolve(tmp_path, {"virtualenv": "venv"})


def test_without_one_it_is_the_python_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("python3", "special"):
        (tmp_path / name).write_text("", "utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resolve(tmp_path, {}) == Environment(python=tmp_path / "python3", virtualenv=None)
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "special")
    assert resolve(tmp_path, {"virtualenv": ""}).python == tmp_path / "special"
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "missing")
    with pytest.raises(PluginError, match="None of missing is on PATH"):
        resolve(tmp_path, {})


def test_the_packages_that_need_a_plugin_are_found() -> None:
    packages = Environment(python=Path(sys.prefix) / "bin" / "python", virtualenv=Path(sys.prefix)).packages()
    assert {
        Package(name=name, version=f"v{importlib.metadata.version(f'pulumi-{name}')}", server="")
        for name in ("kubernetes", "tailscale")
    } <= set(packages)
    assert "policy" not in {package.name for package in packages}


def test_dependencies_are_all_or_those_that_nothing_asks_for() -> None:
    environment = Environment(python=Path(sys.prefix) / "bin" / "python", virtualenv=Path(sys.prefix))
    everything = dict(environment.dependencies(transitive=True))
    assert everything["pulumi-tailscale"] == importlib.metadata.version("pulumi-tailscale")
    direct = dict(environment.dependencies(transitive=False))
    assert direct.keys() < everything.keys()
    assert "tailstack" in direct
    assert "pulumi-tailscale" not in direct
