from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from components.checking import Declared
from components.live_policy import expect_known
from components.refusal import RefusedError
from tailstack.access.compile import compile_policy
from tailstack.engine.tailscale_api import ApiKey, Failure, LivePolicy, TailscaleApi, TailscaleApiError
from tailstack.topology.shards import WHOLE, Shard, of_cluster
from tests.components.recording import record
from tests.components.tailnets import BLUE, GREEN, tailnet

DESCRIBED = tailnet(BLUE, GREEN)
COMPILED = compile_policy(DESCRIBED)
DECLARED = Declared(tailnet=DESCRIBED, whole=DESCRIBED, policy=COMPILED)
GUEST = replace(DESCRIBED, guest_of="production", files=(BLUE.place.file,))
BLUE_ONLY = of_cluster("blue")
AS_GUEST = replace(WHOLE, has_tailnet=False)


class Live(TailscaleApi):
    """A tailnet with this policy, or one that fails."""

    def __init__(self, text: str, failure: Failure | None = None) -> None:
        super().__init__(ApiKey(secret="unused"))
        self.text = text
        self.failure = failure

    def policy(self) -> LivePolicy:
        if self.failure is not None:
            raise TailscaleApiError(self.failure, "it fails")
        return LivePolicy(text=self.text, etag="1")


def looked(live: Live, *, part: Shard = BLUE_ONLY, declared: Declared = DECLARED, is_preview: bool = False) -> None:
    record(lambda: expect_known(declared, part, lambda: live, is_preview=is_preview))


@pytest.mark.parametrize("cluster", ["blue", "green"])
def test_a_policy_that_knows_the_cluster_lets_it_be_applied(cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    looked(Live(COMPILED.text), part=of_cluster(cluster))
    assert caplog.records == []


def test_a_policy_that_does_not_is_refused_with_what_is_missing_and_the_mend() -> None:
    with pytest.raises(RefusedError) as refused:
        looked(Live("{}"))
    text = str(refused.value)
    assert text.startswith("The tailnet's policy file is not ready for cluster blue of test.")
    assert "\n  tag:k8s-blue--nginx is not defined. Needed for: worn by exposure blue.nginx.\n" in text
    assert text.endswith(
        "It is written by the stack of test that has the whole or the scope `tailnet`: apply that one first. "
        "Nothing was changed."
    )


def test_of_another_cluster_nothing_is_asked() -> None:
    without_green = compile_policy(tailnet(BLUE)).text
    looked(Live(without_green.replace("tag:shared", "tag:k8s-green--nginx-remote")), part=of_cluster("red"))
    with pytest.raises(RefusedError):
        looked(Live(without_green), part=of_cluster("green"))


def test_a_guest_is_sent_to_its_owner() -> None:
    with pytest.raises(RefusedError, match="It is written by the stack of production") as refused:
        looked(Live("{}"), part=AS_GUEST, declared=replace(DECLARED, tailnet=GUEST))
    assert str(refused.value).startswith("The tailnet's policy file is not ready for test.")
    assert "tag:k8s-op-blue is not defined" in str(refused.value)


def test_a_preview_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        looked(Live("{}"), is_preview=True)
    assert "not ready for cluster blue" in caplog.text


def test_what_is_much_is_counted() -> None:
    many = tuple(replace(BLUE.exposures[0], name=f"n{number}", tags=(f"tag:n{number}",)) for number in range(30))
    described = tailnet(replace(BLUE, exposures=many, ingresses=()))
    declared = Declared(tailnet=described, whole=described, policy=compile_policy(described))
    with pytest.raises(RefusedError, match=r"\n  and \d+ more\n"):
        looked(Live("{}"), declared=declared)


@pytest.mark.parametrize(
    ("failure", "is_preview", "is_refused"),
    [
        (Failure.UNREACHABLE, False, True),
        (Failure.UNREACHABLE, True, False),
        (Failure.MISCONFIGURED, False, False),
    ],
)
def test_where_the_policy_cannot_be_looked_at(
    failure: Failure, caplog: pytest.LogCaptureFixture, *, is_preview: bool, is_refused: bool
) -> None:
    live = Live("", failure)
    if is_refused:
        with pytest.raises(RefusedError, match="could not be looked at: it fails"):
            looked(live, is_preview=is_preview)
    else:
        with caplog.at_level(logging.WARNING):
            looked(live, is_preview=is_preview)
        assert "could not be looked at: it fails" in caplog.text
