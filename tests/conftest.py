"""What every test has: an environment without the developer's own Pulumi, Tailscale and Kubernetes settings."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.counted import SUMMARY
from tests.golden import UPDATE, Golden
from tests.warm import warm_python

# The same examples on every run, so that a change is judged by itself. `HYPOTHESIS_PROFILE=default` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Programs in Go that end within seconds would collect garbage for a tenth of their time.
os.environ.setdefault("GOGC", "400")

FOREIGN = ("PULUMI_", "TAILSCALE_", "KUBE", "TAILSTACK_", "HELM_", "OAUTH_CLIENT_")


@pytest.fixture(autouse=True)
def _hermetic_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [key for key in os.environ if key.startswith(FOREIGN)]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("NO_COLOR", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(UPDATE, action="store_true", help="Write the golden files of the reports anew.")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden files beside the module of the test."""
    return Golden(folder=Path(request.path).parent / "golden", is_update=bool(request.config.getoption(UPDATE)))


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """What programs, packs, plugins and commands are run with where nobody asks how they start."""
    with warm_python(tmp_path_factory.mktemp("warm")) as executable:
        yield executable


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what was counted, also where the tests ran in other processes, whose own output is not shown."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == SUMMARY:
                terminalreporter.write_line(str(text))
