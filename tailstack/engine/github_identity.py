"""The identity token of a job of GitHub Actions, by which it shows to others who it is.

A job with the permission `id-token: write` has an address and a token to ask with in its environment
(https://docs.github.com/actions/reference/security/oidc). Such a token lives for minutes: it is asked for when it is needed.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tailstack.engine.https import NotHttpsError, opener_to
from tailstack.plain import mapping

URL_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_URL"
TOKEN_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 -- the name of a variable
_SECONDS = 10.0


class NoIdentityTokenError(Exception):
    """No identity token could be had. Its text is fit to be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubJob:
    """The job that this process is part of."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def in_environment(cls, environment: Mapping[str, str]) -> GitHubJob | None:
        """None where this is no job of GitHub Actions, or one without the permission `id-token: write`."""
        url, token = environment.get(URL_VARIABLE, ""), environment.get(TOKEN_VARIABLE, "")
        return cls(url=url, token=token) if url and token else None

    def identity_token(self, audience: str) -> str:
        """A JSON web token for `audience`. Raises NoIdentityTokenError."""
        try:
            opener = opener_to(self.url)
        except NotHttpsError:
            raise NoIdentityTokenError(f"{URL_VARIABLE} must be an https:// URL") from None
        parts = urlsplit(self.url)
        query = {**dict(parse_qsl(parts.query)), "audience": audience}
        request = urllib.request.Request(  # noqa: S310 -- the scheme was checked above
            urlunsplit(parts._replace(query=urlencode(query))),
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/json"},
        )
        try:
            with opener.open(request, timeout=_SECONDS) as response:
                answer: object = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise NoIdentityTokenError(f"GitHub gave no identity token: {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoIdentityTokenError(f"GitHub gave no identity token: {error}") from None
        found = mapping(answer).get("value")
        if not isinstance(found, str) or not found:
            raise NoIdentityTokenError("GitHub gave no identity token: its answer has none")
        return found
