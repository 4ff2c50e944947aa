from __future__ import annotations

import re

from components.operator_credentials import description


def test_the_description_of_a_client_is_one_that_the_service_takes() -> None:
    assert description("production", "eu-1") == "tailstack production eu-1"
    for text in (description("a_b/c", "x.y"), description("e" * 60, "c" * 40), description("e" * 38, "blue")):
        assert re.fullmatch(r"[A-Za-z0-9 -]{1,50}", text)
        assert text == text.strip()
