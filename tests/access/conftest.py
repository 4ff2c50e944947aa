"""Says, after all tests, what was counted in them: a figure that a test records under SUMMARY."""

from __future__ import annotations

import pytest

SUMMARY = "summary"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Also where the tests ran in other processes, whose own output is not shown."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == SUMMARY:
                terminalreporter.write_line(str(text))
