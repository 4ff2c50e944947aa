"""Faults on demand, the record of requests, and the way back to a fresh tailnet."""

from __future__ import annotations

import http.client
import socket
import time
from urllib.parse import urlsplit

import pytest

from tailstack.sandbox.failure import SandboxError
from tests.sandbox.api.conftest import POLICY, StandIn


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "too many requests"),
        (500, "internal server error"),
        (502, "bad gateway"),
        (503, "service unavailable"),
        (504, "request took too long to process, please try again later"),
    ],
)
def test_a_status_is_given_once_and_nothing_is_done(stand_in: StandIn, status: int, message: str) -> None:
    stand_in.client.inject_fault(status, path="/dns/", retry_after=7)
    assert stand_in.admin.get("tailnet/-/settings").status == 200
    reply = stand_in.admin.post("tailnet/-/dns/preferences", {"magicDNS": True})
    assert (reply.status, reply.json) == (status, {"message": message})
    assert reply.headers["retry-after"] == "7"
    assert not stand_in.client.dns().magic_dns


def test_a_fault_meets_its_method_after_some_requests_for_some_times(stand_in: StandIn) -> None:
    stand_in.client.inject_fault(500, path="settings$", method="get", after=1, times=2)

    def statuses() -> list[int]:
        return [stand_in.admin.get("tailnet/-/settings").status for _ in range(5)]

    assert stand_in.admin.patch("tailnet/-/settings", {}).status == 200
    assert statuses() == [200, 500, 500, 200, 200]
    stand_in.client.inject_fault(500, times=0)
    assert statuses() == [500] * 5
    assert stand_in.client.control("GET", "faults")["faults"][0]["met"] == 5
    stand_in.client.clear_faults()
    assert statuses() == [200] * 5


def test_of_two_faults_the_first_is_met_first(stand_in: StandIn) -> None:
    stand_in.client.inject_fault(500)
    stand_in.client.inject_fault(502)
    assert [stand_in.admin.get("tailnet/-/settings").status for _ in range(3)] == [500, 502, 200]


def test_faults_meet_the_token_endpoint_and_encoded_paths(stand_in: StandIn) -> None:
    stand_in.client.inject_fault(429, path="oauth/token")
    assert stand_in.nobody.token().status == 429
    stand_in.client.inject_fault(500, path="svc:web")
    assert stand_in.admin.get("tailnet/-/services/svc%3Aweb").status == 500


def test_an_answer_can_be_withheld_after_the_work_is_done(stand_in: StandIn) -> None:
    stand_in.client.inject_fault(504, applied=True)
    assert stand_in.admin.post("tailnet/-/dns/preferences", {"magicDNS": True}).status == 504
    assert stand_in.client.dns().magic_dns


def test_a_connection_can_be_dropped(stand_in: StandIn) -> None:
    stand_in.client.inject_fault("drop")
    with pytest.raises(http.client.RemoteDisconnected):
        stand_in.admin.get("tailnet/-/settings")
    assert stand_in.admin.get("tailnet/-/settings").status == 200


def test_a_request_can_wait_for_ever_and_others_do_not(stand_in: StandIn) -> None:
    stand_in.client.inject_fault("timeout")
    parts = urlsplit(stand_in.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=0.05) as waiting:
        waiting.sendall(b"GET /api/v2/tailnet/-/settings HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        assert stand_in.admin.get("tailnet/-/settings").status == 200
    assert [seen.status for seen in stand_in.client.requests()] == [0, 200]


@pytest.mark.parametrize(
    "body",
    [
        {"status": 200},
        {"status": "slow"},
        {"status": True},
        {},
        {"status": 500, "path": "("},
        {"status": 500, "times": "x"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(stand_in: StandIn, body: dict[str, str]) -> None:
    with pytest.raises(SandboxError, match="the API stand-in refused"):
        stand_in.client.control("POST", "faults", body)


def test_control_paths_need_their_own_token_and_meet_no_faults(stand_in: StandIn) -> None:
    stand_in.client.inject_fault(500, times=0)
    assert stand_in.client.control("GET", "ready") == {"ready": True}
    key = (stand_in.folder / "api-key").read_text().strip()
    token = (stand_in.folder / "control-token").read_text().strip()
    for wire in (stand_in.nobody, stand_in.admin, stand_in.nobody.as_bearer(key), stand_in.nobody.as_basic(token)):
        assert wire.get("/sandbox/ready").status == 401
        assert wire.post("/sandbox/reset").status == 401
    stand_in.client.clear_faults()
    assert stand_in.nobody.as_bearer(token).get("tailnet/-/settings").status == 401
    assert stand_in.nobody.as_bearer(token).get("/sandbox/nothing").status == 404
    assert stand_in.nobody.as_bearer(token).delete("/sandbox/ready").status == 405


def test_requests_are_remembered_until_cleared(stand_in: StandIn) -> None:
    stand_in.admin.get("tailnet/-/settings?x=y")
    stand_in.admin.post("tailnet/-/nothing")
    seen = [(one.method, one.path, one.status) for one in stand_in.client.requests()]
    assert seen == [("GET", "/api/v2/tailnet/-/settings", 200), ("POST", "/api/v2/tailnet/-/nothing", 404)]
    stand_in.client.clear_requests()
    assert stand_in.client.requests() == ()


def test_answers_can_be_late(stand_in: StandIn) -> None:
    stand_in.client.change_behaviour(latencyMilliseconds=30)
    started = time.monotonic()
    stand_in.admin.get("tailnet/-/settings")
    assert time.monotonic() - started >= 0.03


def test_choices_are_checked_and_kept(stand_in: StandIn) -> None:
    for wrong in ({"unwornTags": "maybe"}, {"clockOffsetSeconds": -1}, {"magicDNSNeedsNameserver": "yes"}):
        with pytest.raises(SandboxError):
            stand_in.client.change_behaviour(**wrong)
    stand_in.client.change_behaviour(unwornTags="fail")
    stand_in.client.change_behaviour(latencyMilliseconds=1)
    assert stand_in.client.control("GET", "behaviour") == {
        "unwornTags": "fail",
        "magicDNSNeedsNameserver": False,
        "clockOffsetSeconds": 0,
        "latencyMilliseconds": 1,
    }


def test_reset_leaves_a_fresh_tailnet_and_the_admins_key(stand_in: StandIn) -> None:
    default = stand_in.client.get_policy()
    stand_in.client.set_policy(POLICY)
    stand_in.client.create_oauth_client(scopes=["dns"])
    stand_in.client.inject_fault(500, path="never", times=0)
    stand_in.client.change_behaviour(unwornTags="fail")
    stand_in.client.reset()
    assert stand_in.client.requests() == ()
    assert stand_in.client.get_policy() == default
    found = stand_in.client.keys()
    assert [key.kind for key in found] == ["api"]
    assert stand_in.client.control("GET", "faults") == {"faults": []}
    assert stand_in.client.control("GET", "behaviour")["unwornTags"] == "pass"
