"""Fixtures of the plugins' contract tests."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tailstack.sandbox.plugins.install import Choice, Installed, Source, install
from tailstack.sandbox.toolchain import ensure
from tests.sandbox.plugins.service import Service, served
from tests.sandbox.plugins.stacks import Project, initialize, project, use_virtualenv


@dataclass(frozen=True)
class Engine:
    home: Path
    installed: Installed

    def project(self, folder: Path) -> Project:
        assert self.installed.engine is not None
        return project(folder, engine=self.installed.engine, home=self.home, variables=self.installed.environment)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The real engine, with a home of its own that holds the stand-ins."""
    home = tmp_path_factory.mktemp("pulumi-home")
    return Engine(home, install(home, Choice(source=Source.STAND_IN), engine=ensure(["pulumi"])["pulumi"]))


@pytest.fixture(scope="session")
def pristine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an empty stack, made once: a copy is there at once."""
    made = engine.project(tmp_path_factory.mktemp("pristine") / "project")
    initialize(made)
    return made.folder


@pytest.fixture
def stack(engine: Engine, pristine: Path, tmp_path: Path) -> Project:
    """An empty stack."""
    return engine.project(shutil.copytree(pristine, tmp_path / "project"))


@pytest.fixture
def warm_stack(stack: Project, python: Path) -> Project:
    """An empty stack whose program starts warm; the plugins start as ever."""
    use_virtualenv(stack.folder, python.parent.parent)
    return stack


@pytest.fixture
def service(tmp_path: Path) -> Generator[Service]:
    """An API with an untouched tailnet."""
    with served(tmp_path / "api") as running:
        yield running
