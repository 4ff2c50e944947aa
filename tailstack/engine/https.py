"""How a secret goes out: encrypted, unless it stays on this machine, and to the address that was named alone."""

from __future__ import annotations

import ipaddress
import urllib.request
from email.message import Message
from typing import IO
from urllib.parse import urlsplit


class NotHttpsError(ValueError):
    """An address at which a secret would be readable on the way, or that is none."""


def opener_to(url: str) -> urllib.request.OpenerDirector:
    """Opens what lies at an https:// address, or by http:// on this machine. Raises NotHttpsError.

    It follows no redirect. A proxy from the environment is for the world outside, and could not reach this machine's loopback.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotHttpsError(url) from None
    local = _is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise NotHttpsError(url)
    return urllib.request.build_opener(_NoRedirects(), *([urllib.request.ProxyHandler({})] if local else []))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the secret to another place."""

    def redirect_request(  # noqa: PLR0917  as the base class has it
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow none."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
