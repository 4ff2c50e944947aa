from __future__ import annotations

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policies.access import POLICIES
from tests.policies.judging import INGRESS, POLICY_FILE, judge, policy_file

EVERYTHING = "no-grant-from-everyone-to-everything"
MASTERS = "no-system-masters-without-posture"


def everything(text: str) -> list[str]:
    return judge(POLICIES, EVERYTHING, POLICY_FILE, policy_file(text))


def masters(text: str) -> list[str]:
    return judge(POLICIES, MASTERS, POLICY_FILE, policy_file(text))


@pytest.mark.parametrize(
    "entry",
    [
        '{"src": ["*"], "dst": ["*"], "ip": ["*"]}',
        '{"src": ["autogroup:member"], "dst": ["*"], "ip": ["tcp:*"]}',
        '{"src": ["autogroup:members"], "dst": ["*"], "ip": ["udp:53", "1-65535"]}',
        '{"src": ["group:a", "autogroup:danger-all"], "dst": ["tag:x", "*"], "ip": ["tcp:1-65535"]}',
        '{"src": ["*"], "dst": ["*"], "ip": ["*"], "srcPosture": ["posture:p"]}',
    ],
)
def test_a_grant_from_everyone_to_everything_is_refused(entry: str) -> None:
    (message,) = everything(f'{{"grants": [{{"src": ["tag:a"], "dst": ["*"], "ip": ["*"]}}, {entry}]}}')
    assert message.startswith("grants[1] lets ")


@pytest.mark.parametrize(
    "entry",
    [
        '{"src": ["group:admins"], "dst": ["*"], "ip": ["*"]}',
        '{"src": ["*"], "dst": ["tag:web"], "ip": ["*"]}',
        '{"src": ["*"], "dst": ["*"], "ip": ["tcp:443"]}',
        '{"src": ["*"], "dst": ["*"], "ip": ["udp:*"]}',
        '{"src": ["*"], "dst": ["*"], "app": {"example.com/cap/look": [{}]}}',
        '{"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["*"]}',
    ],
)
def test_a_grant_that_stops_short_of_everything_passes(entry: str) -> None:
    assert everything(f'{{"grants": [{entry}]}}') == []


def test_acls_are_judged_as_grants_are() -> None:
    text = """{
        // the old form
        "acls": [
            {"action": "accept", "src": ["*"], "dst": ["*:*"]},
            {"action": "accept", "users": ["*"], "ports": ["tag:web:443", "*:1-65535"]},
            {"action": "accept", "src": ["*"], "dst": ["*:443"]},
            {"action": "accept", "src": ["group:a"], "dst": ["*:*"]},
            {"action": "accept", "proto": "udp", "src": ["*"], "dst": ["*:*"]},
        ],
    }"""
    assert [message.split()[0] for message in everything(text)] == ["acls[0]", "acls[1]"]


def test_a_policy_without_grants_and_acls_lets_everyone_reach_everything() -> None:
    (message,) = everything('{"tagOwners": {}}')
    assert "neither grants nor acls" in message
    assert everything('{"grants": []}') == []
    assert everything('{"acls": []}') == []


def masters_grant(more: str = "", groups: str = '"readers", "system:masters"', name: str = "tailscale.com") -> str:
    capability = f'"{name}/cap/kubernetes": [{{"impersonate": {{"groups": [{groups}]}}}}]'
    return f'{{"src": ["group:admin"], "dst": ["tag:k8s-operator"], "app": {{{capability}}}{more}}}'


@pytest.mark.parametrize("name", ["tailscale.com", "https://tailscale.com"])
def test_system_masters_needs_a_posture(name: str) -> None:
    (message,) = masters(f'{{"grants": [{masters_grant(name=name)}]}}')
    assert message.startswith("grants[0] lets group:admin impersonate system:masters on tag:k8s-operator")


def test_system_masters_with_a_posture_passes() -> None:
    mac = '"postures": {"posture:mac": ["node:os == \'macos\'"]}'
    own = masters_grant(', "srcPosture": ["posture:mac"]')
    assert masters(f'{{{mac}, "grants": [{own}]}}') == []
    assert masters(f'{{{mac}, "defaultSrcPosture": ["posture:mac"], "grants": [{masters_grant()}]}}') == []


@pytest.mark.parametrize(
    "grant",
    [
        masters_grant(groups='"readers"'),
        masters_grant(name="example.com"),
        '{"src": ["group:a"], "dst": ["tag:k"], "app": {"tailscale.com/cap/kubernetes": {"groups": ["system:masters"]}}}',
        '{"src": ["group:a"], "dst": ["tag:k"], "app": {"tailscale.com/cap/kubernetes": ["system:masters", {}]}}',
        '{"src": ["group:a"], "dst": ["tag:k"], "app": {"tailscale.com/cap/kubernetes": [{"impersonate": "system:masters"}]}}',
        '{"src": ["group:a"], "dst": ["tag:k"], "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": [1]}}]}}',
        '{"src": ["system:masters"], "dst": ["tag:k"], "ip": ["*"]}',
    ],
)
def test_what_does_not_impersonate_system_masters_passes(grant: str) -> None:
    assert masters(f'{{"grants": [{grant}]}}') == []


def test_a_policy_that_cannot_be_read_does_not_pass() -> None:
    (message,) = masters('{"grants": [}')
    assert message == "The policy file is not HuJSON and cannot be judged."


@pytest.mark.parametrize("name", [EVERYTHING, MASTERS])
def test_other_resources_are_nothing_to_these_policies(name: str) -> None:
    assert judge(POLICIES, name, INGRESS, {"acl": '{"grants": [}'}) == []


@pytest.mark.parametrize("name", [EVERYTHING, MASTERS])
def test_an_unknown_policy_file_is_left_to_the_update(name: str) -> None:
    with pytest.raises(UnknownValueError):
        judge(POLICIES, name, POLICY_FILE, policy_file(UNKNOWN_STRING_VALUE))
