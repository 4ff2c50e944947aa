"""A stand-in per test, served on a free port of loopback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tailstack.sandbox.api.application import Application
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.api.server import serving
from tailstack.sandbox.api.store import Store
from tests.sandbox.api.wire import Wire

# Both tags of the walkthrough, and one that nobody's tag owns.
POLICY = """{
	"tagOwners": {
		"tag:k8s-operator": [],
		"tag:k8s":          ["tag:k8s-operator"],
		"tag:other":        ["autogroup:admin"],
	},
	"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}],
}
"""


@dataclass(kw_only=True, slots=True)
class Clock:
    """A clock that stands until a test moves it."""

    time: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@dataclass(frozen=True, kw_only=True, slots=True)
class StandIn:
    """A running stand-in: `admin` sends with the admin's key, `nobody` with no credential."""

    url: str
    folder: Path
    clock: Clock
    client: SandboxClient
    admin: Wire
    nobody: Wire
    log: io.StringIO = field(repr=False)

    def oauth(self, *scopes: str, tags: tuple[str, ...] = (), **form: str) -> Wire:
        """Sends with an access token of a new OAuth client."""
        key = self.client.create_oauth_client(scopes=scopes, tags=tags)
        reply = self.nobody.token(client_id=key.id, client_secret=key.secret, **form)
        assert reply.status == 200, reply.text
        return self.nobody.as_bearer(reply.json["access_token"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stand_in(tmp_path: Path, clock: Clock) -> Iterator[StandIn]:
    folder, log = tmp_path / "api", io.StringIO()
    store = Store(folder, name="example.com", dns_name="tail1a2b.ts.net")
    with serving(Application(store, clock), log=log, poll_seconds=0.005) as server:
        nobody = Wire(server.url)
        yield StandIn(
            url=server.url,
            folder=folder,
            clock=clock,
            client=SandboxClient.of_folder(server.url, folder),
            admin=nobody.as_basic((folder / "api-key").read_text().strip()),
            nobody=nobody,
            log=log,
        )
    store.close()


@pytest.fixture
def tagged(stand_in: StandIn) -> StandIn:
    """A stand-in whose policy declares the tags of POLICY."""
    stand_in.client.set_policy(POLICY)
    return stand_in
