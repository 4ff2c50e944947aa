from __future__ import annotations

import pytest

from tailstack.report.style import duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3600, "60 min")]
)
def test_spans_of_time_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
