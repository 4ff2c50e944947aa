"""One environment as one stack, as shards, and as one stack again; and an environment that is a guest of its tailnet.

One sandbox serves all of these tests, in their order: each goes on where the one before left off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.events import Diagnostic
from tailstack.engine.pulumi import Outcome
from tests.program.conftest import STACK, Bench

SHARDS = {
    f"{STACK}-tailnet": "tailnet",
    f"{STACK}-blue": "cluster:blue",
    f"{STACK}-green": "cluster:green",
}
FROM_ONE = ("--from", STACK, *(word for name in SHARDS for word in ("--to", name)))
TO_ONE = (*(word for name in SHARDS for word in ("--from", name)), "--to", STACK)
GUEST = """
tailnet: {dnsName: tail1a2b.ts.net, guestOf: sandbox}
defaults: {operator: {chart: {version: "1.102.3"}}}
clusters:
  lab:
    kubernetes: {context: green}
    operator: {namespace: lab}
    egress: {metrics: {namespace: default, to: {fqdn: default-metrics.tail1a2b.ts.net}, ports: [tcp:9090]}}
"""


def configured(bench: Bench, stack: str, **keys: str) -> None:
    """Make a stack, with a key of its own to encrypt with, and the settings that every stack of the sandbox has."""
    settings = {"skipAwait": "true", "protect": "false", "resetOnDestroy": "true", "overwritePolicy": "true", **keys}
    lines = ["config:", *(f'  tailstack:{key}: "{value}"' for key, value in settings.items())]
    (bench.project / "stacks" / f"Pulumi.{stack}.yaml").write_text("\n".join(lines) + "\n")
    made = bench.pulumi().plain("stack", "init", stack)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def shards(applied: Bench) -> Bench:
    """The applied stack, and beside it one empty stack for each shard."""
    for stack, scope in SHARDS.items():
        configured(applied, stack, environment=STACK, scope=scope)
    return applied


def exported(bench: Bench, stack: str) -> Mapping[str, Any]:
    return json.loads(bench.pulumi().plain("stack", "export", "--stack", stack).stdout)


def tracked(bench: Bench, *stacks: str) -> dict[tuple[str, str], str]:
    """The id of every live object by its type and name, over some stacks; each is in one of them only."""
    found: dict[tuple[str, str], str] = {}
    for stack in stacks:
        for one in exported(bench, stack)["deployment"].get("resources", ()):
            if one["custom"] and not one["type"].startswith("pulumi:"):
                key = one["type"], one["urn"].rsplit("::", 1)[-1]
                assert key not in found
                found[key] = one["id"]
    return found


def warnings(outcome: Outcome) -> str:
    return "\n".join(e.message for e in outcome.log.events if isinstance(e, Diagnostic) and e.severity == "warning")


def assert_unchanged(bench: Bench, stack: str) -> None:
    outcome = bench.pulumi().preview(stack, "--expect-no-changes")
    assert outcome.succeeded, (stack, outcome.explain(), [(s.op, s.urn) for s in outcome.log.steps if s.op != "same"])
    assert set(outcome.log.changes) == {"same"}


def test_a_shard_is_not_applied_before_the_policy_knows_it(shards: Bench) -> None:
    stack = f"{STACK}-green"
    before = shards.api.get_policy().text
    link = '"src": ["tag:k8s"],'
    assert link in before
    shards.api.set_policy(before.replace(link, '"src": ["tag:k8s-operator"],').partition('\t"tests"')[0] + "}\n")
    try:
        previewed = shards.pulumi().preview(stack)
        refused = shards.pulumi().up(stack)
    finally:
        shards.api.set_policy(before)
    assert previewed.succeeded, previewed.explain()
    missing = "tag:k8s gains tcp:80 to tag:k8s. Needed for: link: green.nginx-remote -> blue.nginx."
    assert missing in warnings(previewed)
    assert not refused.succeeded
    assert missing in refused.explain()
    assert "Traceback" not in refused.explain()
    assert tracked(shards, stack) == {}


def test_a_cluster_that_there_is_not_is_refused(shards: Bench) -> None:
    configured(shards, f"{STACK}-red", environment=STACK, scope="cluster:red")
    refused = shards.pulumi().preview(f"{STACK}-red")
    assert not refused.succeeded
    assert "There are: blue, green" in refused.explain()


def test_a_dry_run_says_what_would_go_where(shards: Bench) -> None:
    done = shards.tailstack("move", *FROM_ONE, "--dry-run")
    assert done.returncode == ExitCode.CHANGES, done.stderr
    for line in (f"{STACK} → {STACK}-tailnet", "  Tailnet tailnet", f"{STACK} → {STACK}-blue", "  Cluster blue"):
        assert f"{line}\n" in done.stdout
    assert tracked(shards, *SHARDS) == {}


def test_shards_hold_everything_once_and_have_nothing_to_change(shards: Bench) -> None:
    before = tracked(shards, STACK)
    done = shards.tailstack("move", *FROM_ONE)
    assert done.returncode == ExitCode.CLEAN, done.stderr
    assert f"{STACK} is empty" in done.stdout
    assert tracked(shards, STACK) == {}
    assert tracked(shards, *SHARDS) == before
    for stack in SHARDS:
        assert_unchanged(shards, stack)


def test_secrets_are_encrypted_with_the_key_of_their_stack(shards: Bench) -> None:
    text = json.dumps(exported(shards, f"{STACK}-blue"))
    assert "plaintext" not in text
    assert "tskey-client" not in text
    opened = shards.pulumi().plain("stack", "export", "--show-secrets", "--stack", f"{STACK}-blue")
    assert "tskey-client" in opened.stdout


def test_shards_are_applied_one_by_one(shards: Bench) -> None:
    before = tracked(shards, *SHARDS)
    for stack in SHARDS:
        outcome = shards.pulumi().up(stack)
        assert outcome.succeeded, outcome.explain()
        assert set(outcome.log.changes) == {"same"}
    assert tracked(shards, *SHARDS) == before


def test_a_guest_waits_for_its_owner_and_writes_no_policy(shards: Bench) -> None:
    (shards.project / "stacks" / "dev").mkdir()
    (shards.project / "stacks" / "dev" / "main.yaml").write_text(GUEST)
    shards.edit("stacks/sandbox/tailnet.yaml", "policy: {base", "policy: {guests: [dev], base")
    configured(shards, "dev")
    early = shards.pulumi().preview("dev")
    assert early.succeeded, early.explain()
    assert "tag:k8s-op-lab is not defined" in warnings(early)
    assert "It is written by the stack of sandbox" in warnings(early)
    assert {step.type for step in early.log.steps} >= {"kubernetes:helm.sh/v3:Release"}
    assert not {step.type for step in early.log.steps} & {"tailscale:index/acl:Acl", "tailstack:tailnet:Tailnet"}
    refused = shards.pulumi().up("dev")
    assert not refused.succeeded
    assert "tag:k8s-op-lab is not defined" in refused.explain()
    owner = shards.pulumi().up(f"{STACK}-tailnet")
    assert owner.succeeded, owner.explain()
    assert "(environment dev)" in shards.api.get_policy().text
    ready = shards.pulumi().preview("dev")
    assert ready.succeeded, ready.explain()
    assert "not ready" not in warnings(ready)
    for stack in SHARDS:
        assert_unchanged(shards, stack)


def test_back_in_one_stack_everything_is_as_it_was(shards: Bench) -> None:
    before = tracked(shards, *SHARDS)
    done = shards.tailstack("move", *TO_ONE)
    assert done.returncode == ExitCode.CLEAN, done.stderr
    assert tracked(shards, STACK) == before
    assert_unchanged(shards, STACK)
    outcome = shards.up()
    assert outcome.succeeded, outcome.explain()
    assert set(outcome.log.changes) == {"same"}
    for stack in SHARDS:
        removed = shards.pulumi().plain("stack", "rm", stack, "--yes")
        assert removed.returncode == 0, removed.stderr
