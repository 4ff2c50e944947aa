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
from tests.warm import start_warm


@dataclass(frozen=True)
class Engine:
    home: Path
    installed: Installed

    def project(self, folder: Path) -> Project:
        assert self.installed.engine is not None
        return project(folder, engine=self.installed.engine, home=self.home, variables=self.installed.environment)


def engine_in(home: Path) -> Engine:
    return Engine(home, install(home, Choice(source=Source.STAND_IN), engine=ensure(["pulumi"])["pulumi"]))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The real engine, with a home of its own that holds the stand-ins."""
    return engine_in(tmp_path_factory.mktemp("pulumi-home"))


@pytest.fixture(scope="session")
def warm_engine(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Engine:
    """The same with stand-ins that start warm."""
    made = engine_in(tmp_path_factory.mktemp("warm-pulumi-home"))
    start_warm(made.home, python)
    return made


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
def warm_stack(warm_engine: Engine, pristine: Path, python: Path, tmp_path: Path) -> Project:
    """An empty stack whose program and plugins start warm."""
    made = warm_engine.project(shutil.copytree(pristine, tmp_path / "project"))
    use_virtualenv(made.folder, python.parent.parent)
    return made


@pytest.fixture
def service(tmp_path: Path) -> Generator[Service]:
    """An API with an untouched tailnet."""
    with served(tmp_path / "api") as running:
        yield running
