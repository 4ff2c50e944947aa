from __future__ import annotations

import logging

import pulumi
import pytest

from components.policy_guard import check, connect, refuse_invalid, refuse_lost_edit
from components.refusal import RefusedError
from tailstack.engine.tailscale_api import (
    ApiKey,
    Complaint,
    Failure,
    LivePolicy,
    OAuthClient,
    TailscaleApi,
    TailscaleApiError,
)
from tests.components.recording import record

OURS = '{\n\t// ours\n\t"grants": [{"src": ["tag:a"], "dst": ["tag:b"], "ip": ["tcp:80"]}],\n\t"groups": {},\n}\n'
WANTED = OURS.replace("tcp:80", "tcp:443")
EDITED = OURS.replace("tag:a", "*")


class Live(TailscaleApi):
    """A tailnet in memory: the policy it has, and what it says to any other."""

    def __init__(self, text: str, message: str = "") -> None:
        super().__init__(ApiKey(secret="unused"))
        self.text = text
        self.says: tuple[str, tuple[Complaint, ...]] = (message, ())
        self.asked: list[str] = []

    def policy(self) -> LivePolicy:
        self.asked.append("policy")
        return LivePolicy(text=self.text, etag="1")

    def validate_policy(self, text: str) -> tuple[str, tuple[Complaint, ...]]:
        self.asked.append(text)
        return self.says


@pytest.mark.parametrize(
    "live",
    [
        OURS,
        WANTED,
        '{"grants": [{"src": ["tag:a"], "dst": ["tag:b"], "ip": ["tcp:80"]}], "groups": {}} // ours'.replace(
            " // ours", ""
        ).replace('{"grants"', '{\n// ours\n"grants"'),
    ],
)
def test_what_was_applied_or_is_wanted_may_be_overwritten(live: str) -> None:
    refuse_lost_edit(live=live, applied=OURS, wanted=WANTED)


def test_an_edit_is_named_with_the_way_out() -> None:
    with pytest.raises(RefusedError) as refused:
        refuse_lost_edit(live=EDITED, applied=OURS, wanted=WANTED)
    assert str(refused.value) == (
        "The tailnet's policy file was edited behind this stack, and applying it would undo the edit:\n"
        '  grants[0].src[0] was "tag:a", is "*"\n'
        "The policy was left as it is. To keep the edit, write it into the environment's files. To go on, with or without "
        "it, run `pulumi refresh`, which takes the edit into the stack's state; `pulumi preview --diff` then shows what "
        "would be undone, and `pulumi up` does it."
    )


def test_after_a_refresh_the_edit_is_what_was_applied() -> None:
    refuse_lost_edit(live=EDITED, applied=EDITED, wanted=WANTED)


def test_a_comment_is_an_edit_too() -> None:
    with pytest.raises(RefusedError, match="comments or their places"):
        refuse_lost_edit(live=OURS.replace("// ours", "// theirs"), applied=OURS, wanted=WANTED)


def test_many_edits_are_counted() -> None:
    live = OURS.replace('"groups": {}', '"groups": {' + ",".join(f'"group:g{i}": []' for i in range(10)) + "}")
    with pytest.raises(RefusedError) as refused:
        refuse_lost_edit(live=live, applied=OURS, wanted=WANTED)
    assert "\n  and 2 more\n" in str(refused.value)


def test_a_policy_that_is_not_hujson_is_still_compared() -> None:
    refuse_lost_edit(live="{", applied="{", wanted=WANTED)
    with pytest.raises(RefusedError, match="not HuJSON"):
        refuse_lost_edit(live="{", applied=OURS, wanted=WANTED)


def test_a_policy_that_the_service_takes_passes() -> None:
    refuse_invalid("", (Complaint(subject="group:x", warnings=("unknown user",)),))


def test_failing_tests_are_named_one_by_one() -> None:
    complaints = (
        Complaint(subject="tag:a", errors=('address "tag:b:80": want: Accept, got: Drop', "second")),
        Complaint(subject="", errors=("third",)),
    )
    with pytest.raises(RefusedError) as refused:
        refuse_invalid("test(s) failed", complaints)
    assert str(refused.value).startswith(
        "Tailscale refuses the policy file: test(s) failed\n"
        '  tag:a: address "tag:b:80": want: Accept, got: Drop\n'
        "  tag:a: second\n"
        "  third\n"
        "The policy was left as it is.\n"
    )
    assert "policy: {tests: none}" in str(refused.value)


def test_a_refusal_without_tests_does_not_speak_of_them() -> None:
    with pytest.raises(RefusedError) as refused:
        refuse_invalid('tag not found: "tag:x"', ())
    assert "tests: none" not in str(refused.value)


def test_an_update_looks_at_the_live_policy_and_asks_the_service() -> None:
    live = Live(OURS)
    check(lambda: live, applied=OURS, wanted=WANTED)
    assert live.asked == ["policy", WANTED]
    with pytest.raises(RefusedError, match="edited behind this stack"):
        check(lambda: Live(EDITED), applied=OURS, wanted=WANTED)
    with pytest.raises(RefusedError, match="refuses the policy"):
        check(lambda: Live(OURS, "no"), applied=OURS, wanted=WANTED)


def test_a_creation_leaves_overwriting_to_the_provider() -> None:
    live = Live(EDITED)
    check(lambda: live, applied="", wanted=WANTED)
    assert live.asked == [WANTED]


def test_a_tailnet_that_cannot_be_looked_at_is_not_written() -> None:
    def unreachable() -> TailscaleApi:
        raise TailscaleApiError(Failure.UNREACHABLE, "cannot reach https://api.example.com")

    with pytest.raises(RefusedError, match=r"cannot reach https://api\.example\.com\. Nothing was changed"):
        check(unreachable, applied=OURS, wanted=WANTED)


def test_without_a_credential_to_look_with_a_warning_is_all(caplog: pytest.LogCaptureFixture) -> None:
    def unconfigured() -> TailscaleApi:
        raise TailscaleApiError(Failure.MISCONFIGURED, "no credential")

    with caplog.at_level(logging.WARNING):
        record(lambda: check(unconfigured, applied=OURS, wanted=WANTED))
    assert "without having been looked at: no credential" in caplog.text


def connected(config: dict[str, str], variables: dict[str, str]) -> dict[str, object]:
    found: list[TailscaleApi] = []
    record(
        lambda: found.append(connect(pulumi.Config("tailscale"), variables)),
        secrets={f"tailscale:{key}": value for key, value in config.items()},
    )
    return {key: getattr(found[0], f"_{key}") for key in ("credential", "base_url", "tailnet")}


def test_the_environments_credentials_are_used_where_the_config_has_none() -> None:
    variables = {"TAILSCALE_API_KEY": "k", "TAILSCALE_BASE_URL": "http://127.0.0.1:1", "TAILSCALE_TAILNET": "T"}
    assert connected({}, variables) == {
        "credential": ApiKey(secret="k"),
        "base_url": "http://127.0.0.1:1",
        "tailnet": "T",
    }


def test_the_configs_credentials_come_before_the_environments() -> None:
    found = connected(
        {"oauthClientId": "id", "oauthClientSecret": "s", "baseUrl": "https://api.example.com"},
        {"TAILSCALE_API_KEY": "k", "TAILSCALE_TAILNET": "T"},
    )
    assert found == {
        "credential": OAuthClient(client_id="id", secret="s"),
        "base_url": "https://api.example.com",
        "tailnet": "T",
    }


def test_an_address_in_the_config_leaves_the_environments_credentials() -> None:
    found = connected({"baseUrl": "https://api.example.com"}, {"TAILSCALE_API_KEY": "k"})
    assert found["credential"] == ApiKey(secret="k")


def test_without_any_credential_connecting_says_so() -> None:
    with pytest.raises(TailscaleApiError) as error:
        connected({}, {})
    assert error.value.failure is Failure.MISCONFIGURED
