"""The policy file: its text, its versions, what is refused, and its tests."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable

import pytest

from tailstack.access import hujson
from tailstack.sandbox.api.policy_file import DEFAULT_POLICY, judge
from tailstack.sandbox.api.store import fresh
from tests.sandbox.api.conftest import POLICY, StandIn
from tests.sandbox.api.wire import Reply

ACL = "tailnet/-/acl"
# Neither indented nor ended as the canonical form has it, with a legacy section and Windows line ends.
ODD = '// écrit à la main\r\n{"ACLs": [{"Action": "accept", "Users": ["*"], "Ports": ["*:*"]},],\t}\n\n\n'


def canonical_digest(text: str) -> str:
    return hashlib.sha256(hujson.format(text).encode()).hexdigest()


def test_the_text_is_kept_byte_for_byte(stand_in: StandIn) -> None:
    posted = stand_in.admin.post(ACL, ODD)
    assert (posted.status, posted.body) == (200, ODD.encode())
    reply = stand_in.admin.get(ACL)
    assert reply.body == ODD.encode()
    assert reply.headers["content-type"] == "application/hujson"


def test_the_etag_is_the_digest_of_the_canonical_form_and_only_get_has_it(stand_in: StandIn) -> None:
    assert "etag" not in stand_in.admin.post(ACL, ODD).headers
    assert stand_in.admin.get(ACL).headers["etag"] == f'"{canonical_digest(ODD)}"'
    stand_in.admin.post(ACL, hujson.format(ODD))
    assert stand_in.admin.get(ACL).headers["etag"] == f'"{canonical_digest(ODD)}"'
    stand_in.admin.post(ACL, POLICY)
    assert stand_in.admin.get(ACL).headers["etag"] == f'"{canonical_digest(POLICY)}"'


def test_plain_json_is_given_to_who_accepts_it(tagged: StandIn) -> None:
    reply = tagged.admin.get(ACL, Accept="application/json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["etag"] == f'"{canonical_digest(POLICY)}"'
    assert reply.json["tagOwners"]["tag:k8s"] == ["tag:k8s-operator"]
    assert json.loads(tagged.admin.post(ACL, POLICY, Accept="application/json").body) == reply.json
    assert tagged.admin.get(ACL, Accept="*/*").text == POLICY


@pytest.mark.parametrize("details", ["1", "true"])
def test_details_have_the_text_and_the_warnings(stand_in: StandIn, details: str) -> None:
    text = '{"groups": {"group:a": ["owner@example.com", "ana@example.com"]}, "grants": []}'
    stand_in.admin.post(ACL, text)
    reply = stand_in.admin.get(f"{ACL}?details={details}").json
    assert base64.b64decode(reply["acl"]).decode() == text
    assert reply["warnings"] == ['"group:a": user not found: "ana@example.com"']
    assert reply["errors"] is None
    assert stand_in.admin.get(f"{ACL}?details=no").text == text


def test_a_fresh_tailnet_lets_everyone_reach_everything(stand_in: StandIn) -> None:
    assert stand_in.admin.get(ACL).text == DEFAULT_POLICY
    assert hujson.format(DEFAULT_POLICY) == DEFAULT_POLICY
    tests = [{"src": "owner@example.com", "accept": ["100.64.0.1:22", "[fd7a:115c:a1e0::1]:443"]}]
    assert stand_in.admin.post(f"{ACL}/validate", tests).json == {}
    verdict = judge(DEFAULT_POLICY, fresh(name="example.com", dns_name="x.ts.net"))
    assert (verdict.message, verdict.warnings) == ("", {})


def test_an_empty_body_brings_the_default_back(tagged: StandIn) -> None:
    reply = tagged.admin.post(ACL, "")
    assert (reply.status, reply.text) == (200, DEFAULT_POLICY)
    assert tagged.admin.get(ACL).text == DEFAULT_POLICY
    assert tagged.admin.post(ACL, POLICY, **{"If-Match": '"ts-default"'}).status == 200


def test_only_the_version_that_is_named_is_replaced(stand_in: StandIn) -> None:
    def post(text: str, version: str) -> Reply:
        return stand_in.admin.post(ACL, text, **{"If-Match": version})

    etag = stand_in.admin.get(ACL).headers["etag"]
    assert post(POLICY, etag).status == 200
    for stale in (etag, '"ts-default"', '"nonsense"', "ts-default"):
        reply = post(ODD, stale)
        assert (reply.status, reply.json) == (412, {"message": "precondition failed, invalid old hash"})
    assert stand_in.admin.get(ACL).text == POLICY
    assert post(ODD, canonical_digest(POLICY)).status == 200
    assert post("", f'"{canonical_digest(POLICY)}"').status == 412
    assert stand_in.admin.post(ACL, POLICY).status == 200


def test_the_default_is_touched_by_a_save_of_its_own_text(stand_in: StandIn) -> None:
    untouched = {"If-Match": '"ts-default"'}
    assert stand_in.admin.post(ACL, DEFAULT_POLICY, **untouched).status == 200
    assert stand_in.admin.post(ACL, POLICY, **untouched).status == 412


REFUSED: dict[str, Callable[[str], bool]] = {
    '{"grants": [}': lambda m: m.startswith("line 1, column 13: "),
    '{"grants": [{"src": ["*"], "dst": ["*"]}]}': lambda m: m == "ip and app can not both be empty",
    '{"grants": [{"src": ["tag:x"], "dst": ["*"], "ip": ["*"]}]}': lambda m: m == 'src=tag not found: "tag:x"',
    '{"grants": [{"src": ["group:x"], "dst": ["*"], "ip": ["*"]}]}': lambda m: 'group not found: "group:x"' in m,
    '{"acls": [{"action": "deny", "src": ["*"], "dst": ["*:*"]}]}': lambda m: m == 'action="deny" is not supported',
    '{"grants": [{"src": ["user:*@other.com"], "dst": ["*"], "ip": ["*"]}]}': lambda m: (
        "other.com is not associated with this Tailnet" in m
    ),
    '{"tagOwners": {"tag:1": []}}': lambda m: "tag names must start with a letter, after 'tag:'" in m,
    "[]": bool,
    '"text"': bool,
    " \n": lambda m: m.startswith("line "),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_service_refuses_is_refused_in_its_words(tagged: StandIn, text: str) -> None:
    reply = tagged.admin.post(ACL, text)
    assert reply.status == 400
    assert REFUSED[text](reply.message), reply.message
    assert tagged.admin.get(ACL).text == POLICY
    if not text.startswith("["):
        validated = tagged.admin.post(f"{ACL}/validate", text)
        assert (validated.status, validated.json) == (200, reply.json)


def test_bytes_that_are_not_utf_8_are_refused(stand_in: StandIn) -> None:
    reply = stand_in.admin.post(ACL, b'{"grants": []} // caf\xe9\n')
    assert reply.status == 400
    assert reply.message.startswith("line 1, column ")


def test_failing_tests_refuse_the_policy_and_say_which(tagged: StandIn) -> None:
    tests = '"tests": [{"src": "tag:k8s", "deny": ["tag:other:22", "tag:other:23"]}, {"src": "tag:other", "accept": ["tag:k8s:1"]}]'
    policy = POLICY.rstrip()[:-1] + tests + "}"
    expected = {
        "message": "test(s) failed",
        "data": [
            {
                "user": "tag:k8s",
                "errors": [
                    'address "tag:other:22": want: Drop, got: Accept',
                    'address "tag:other:23": want: Drop, got: Accept',
                ],
            }
        ],
    }
    reply = tagged.admin.post(ACL, policy)
    assert (reply.status, reply.json) == (400, expected)
    validated = tagged.admin.post(f"{ACL}/validate", policy)
    assert (validated.status, validated.json) == (200, expected)
    assert tagged.admin.get(ACL).text == POLICY


def test_an_array_is_run_as_tests_against_the_current_policy(tagged: StandIn) -> None:
    tagged.admin.post(ACL, POLICY.replace('"dst": ["*"], "ip": ["*"]', '"dst": ["tag:k8s"], "ip": ["tcp:443"]'))

    def validate(text: str) -> dict[str, object]:
        reply = tagged.admin.post(f"{ACL}/validate", text)
        assert reply.status == 200
        return reply.json

    assert validate('[{"src": "tag:other", "accept": ["tag:k8s:443"], "deny": ["tag:k8s:80"]}]') == {}
    assert validate('[\n\t{"src": "tag:other", "proto": "udp", "deny": ["tag:k8s:443"]}, // comment\n]') == {}
    assert validate('[{"src": "tag:other", "accept": ["tag:k8s:80"]}]')["message"] == "test(s) failed"
    assert validate('[{"src": 1}]')["message"]
    for text in ("", " \n"):
        assert str(validate(text)["message"]).startswith("line ")


def test_a_test_whose_tag_nobody_wears_can_be_made_to_fail(tagged: StandIn) -> None:
    policy = POLICY.rstrip()[:-1] + '"tests": [{"src": "tag:k8s", "accept": ["tag:other:22"]}]}'
    assert tagged.admin.post(ACL, policy).status == 200
    tagged.client.change_behaviour(unwornTags="fail")
    reply = tagged.admin.post(ACL, policy)
    assert (reply.status, reply.message) == (400, "test(s) failed")
    assert reply.json["data"][0]["user"] == "tag:k8s"
    for tag in ("tag:k8s", "tag:other"):
        tagged.client.register_device("node", auth_key=tagged.client.create_auth_key(tags=[tag]).secret)
    assert tagged.admin.post(ACL, policy).status == 200


def test_tests_know_the_tailnets_devices_users_and_services(tagged: StandIn) -> None:
    tagged.client.add_user("ana@example.com", role="admin")
    tagged.client.add_user("ben@example.com")
    key = tagged.client.create_auth_key(tags=["tag:k8s"])
    web = tagged.client.register_device(
        "web", auth_key=key.secret, routes=["10.0.0.0/8"], services=["svc:web", "svc:else", "svc:closed"]
    )
    tagged.admin.post(f"device/{web.node_id}/routes", {"routes": ["10.0.0.0/8", "192.168.0.0/16"]})
    for name in ("svc:web", "svc:closed"):
        tagged.admin.put(f"tailnet/-/services/{name}", {"ports": ["tcp:443"]})
    tagged.admin.post(f"tailnet/-/services/svc:web/device/{web.node_id}/approved", {"approved": True})
    grants = (
        '{"tagOwners": {"tag:k8s": []}, "grants": ['
        '{"src": ["autogroup:admin"], "dst": ["tag:k8s"], "ip": ["tcp:443"]},'
        '{"src": ["ben@example.com"], "dst": ["svc:web"], "ip": ["tcp:443"]}]'
    )
    tests = [
        {"src": "ana@example.com", "accept": [f"{web.addresses[0]}:443"], "deny": ["svc:web:443"]},
        {"src": "ben@example.com", "accept": ["svc:web:443"], "deny": [f"{web.addresses[0]}:443"]},
    ]
    reply = tagged.admin.post(ACL, f'{grants}, "tests": {json.dumps(tests)}}}')
    assert reply.status == 200, reply.text


def test_what_makes_no_sense_yet_is_only_a_warning(stand_in: StandIn) -> None:
    text = """{
        "groups": {"group:a": ["ana@example.com"]},
        "grants": [{"src": ["group:synced@example.com", "ben@example.com", "group:a"], "dst": ["*"], "ip": ["*"]}],
        "acls": [{"action": "accept", "src": ["eve@example.com"], "dst": ["*:*"]}],
    }"""
    assert stand_in.admin.post(ACL, text).status == 200
    reply = stand_in.admin.post(f"{ACL}/validate", text)
    assert (reply.status, reply.message) == (200, "warning(s) found")
    assert {entry["user"]: entry["warnings"] for entry in reply.json["data"]} == {
        "group:a": ['user not found: "ana@example.com"'],
        "group:synced@example.com": ["group is not syncing from SCIM and will be ignored by rules in the policy file"],
        "ben@example.com": ['user not found: "ben@example.com"'],
        "eve@example.com": ['user not found: "eve@example.com"'],
    }
    for name in ("ana", "ben", "eve"):
        stand_in.client.add_user(f"{name}@example.com")
    assert len(stand_in.admin.post(f"{ACL}/validate", text).json["data"]) == 1


def test_reading_and_writing_need_the_policy_scopes(tagged: StandIn) -> None:
    reader = tagged.oauth("policy_file:read")
    assert reader.get(ACL).status == 200
    assert reader.post(f"{ACL}/validate", POLICY).status == 200
    assert reader.post(ACL, POLICY).status == 403
    assert tagged.oauth("policy_file").post(ACL, POLICY).status == 200
    stranger = tagged.oauth("dns")
    assert stranger.get(ACL).status == 403
    assert stranger.post(f"{ACL}/validate", POLICY).status == 403
