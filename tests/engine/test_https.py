"""A secret goes to the address that was named, encrypted or within this machine."""

from __future__ import annotations

import urllib.error

import pytest

from tailstack.engine.https import NotHttpsError, opener_to
from tests.engine.test_tailscale_api import scripted


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/x", "ftp://127.0.0.1/x", "file:///etc/passwd"),
        *("https://", "https:x", "", "http://[::g]/x"),
    ],
)
def test_what_could_be_read_on_the_way_is_refused(url: str) -> None:
    with pytest.raises(NotHttpsError):
        opener_to(url)


@pytest.mark.parametrize("url", ["https://example.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"])
def test_https_and_this_machine_are_not(url: str) -> None:
    assert opener_to(url)


def test_no_redirect_is_followed() -> None:
    with scripted("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (elsewhere, heard):
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}/\r\nContent-Length: 0\r\n\r\n"
        with scripted(redirect) as (url, _), pytest.raises(urllib.error.HTTPError, match="302"):
            opener_to(url).open(url)
    assert heard == []
