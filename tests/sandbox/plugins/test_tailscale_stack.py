"""The tailscale provider through the real engine: a stack's life, drift, secrets, refusals, an interrupted update."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.sandbox.plugins.service import Service
from tests.sandbox.plugins.stacks import Project, alive, below, interrupt, until

pytestmark = pytest.mark.sandbox

POLICY = '{"tagOwners": {"tag:op": [], "tag:k8s": ["tag:op"]}, "grants": []}'
OTHER_POLICY = '{"tagOwners": {"tag:op": []}, "grants": []}'
HEAD = """
import os, pulumi, pulumi_tailscale as ts
key = pulumi.Output.secret(os.environ["KEY"])
provider = ts.Provider("tailnet", base_url=os.environ["API"], api_key=key, scopes=[])
options = pulumi.ResourceOptions(provider=provider)
"""
FIRST = (
    HEAD
    + f"""
policy = ts.Acl("policy", acl='''{POLICY}''', reset_acl_on_destroy=True, opts=options)
after = pulumi.ResourceOptions(provider=provider, depends_on=[policy])
client = ts.OauthClient("operator", scopes=["devices:core", "auth_keys"], tags=["tag:op"], opts=after)
ts.Service("pay", name="svc:pay", ports=["tcp:443"], tags=["tag:k8s"], opts=after)
ts.DnsSearchPaths("paths", search_paths=["a.example.com"], opts=options)
ts.Webhook("hook", endpoint_url=client.id.apply(lambda id: f"https://example.com/{{id}}"),
           subscriptions=["policyUpdate"], opts=options)
pulumi.export("id", client.id)
pulumi.export("key", client.key)
"""
)
SECOND = (
    FIRST.replace('tags=["tag:op"]', 'tags=["tag:k8s"], description="blue"')
    .replace('name="svc:pay"', 'name="svc:money"')
    .replace('"grants": []', '"grants":   []')
    .replace('ts.DnsSearchPaths("paths", search_paths=["a.example.com"], opts=options)', "")
)


def steps(output: str) -> dict[str, str]:
    """What a preview would do, by logical name; nothing to do is left out."""
    planned = json.loads(output[output.index("{") :])["steps"]
    found = {each["urn"].rsplit("::", 1)[1]: each["op"] for each in planned}
    return {name: op for name, op in found.items() if op != "same"}


def test_the_life_of_a_stack(warm_stack: Project, service: Service) -> None:
    stack = warm_stack.given(API=service.url, KEY=service.key)
    default = service.policy()

    stack.program(FIRST)
    planned = steps(stack.run("preview", "--json"))
    assert set(planned.values()) == {"create"}
    assert {"policy", "operator", "pay", "paths", "hook"} < planned.keys()
    assert service.policy() == default
    assert service.get("webhooks") == {"webhooks": []}

    stack.up()
    outputs = json.loads(stack.run("stack", "output", "--json", "--show-secrets"))
    client = stack.resources()["operator"]
    assert outputs["id"] == client["id"]
    assert outputs["key"].startswith("tskey-client-")
    assert json.loads(stack.run("stack", "output", "--json"))["key"] == "[secret]"
    state = stack.state_text()
    for secret in (outputs["key"], service.key):
        assert secret not in state
        assert base64.b64encode(secret.encode()).decode().rstrip("=")[:24] not in state
    assert service.policy() == POLICY
    assert service.get("webhooks")["webhooks"][0]["endpointUrl"] == f"https://example.com/{outputs['id']}"

    stack.program(SECOND)
    assert steps(stack.run("preview", "--json")) == {
        "operator": "update",
        "pay": "replace",
        "paths": "delete",
    }
    stack.up()
    after = stack.resources()
    assert after["operator"]["id"] == client["id"]
    assert after["operator"]["outputs"]["tags"] == ["tag:k8s"]
    assert service.get(f"keys/{client['id']}")["description"] == "blue"
    assert [each["name"] for each in service.get("vip-services")["vipServices"]] == ["svc:money"]
    assert "paths" not in after
    assert service.get("dns/searchpaths") == {"searchPaths": []}
    assert service.statuses("POST", "/acl") == [200]

    service.save_policy(OTHER_POLICY)
    service.post("tailnet/-/vip-services/svc:money", {}, method="DELETE")
    stack.run("refresh", "--preview-only", "--expect-no-changes", code=7)
    stack.run("refresh", "--yes", "--skip-preview")
    assert stack.resources()["policy"]["outputs"]["acl"] == OTHER_POLICY
    assert "pay" not in stack.resources()
    stack.up()
    stack.run("preview", "--expect-no-changes", "--refresh")
    assert json.loads(service.policy())["grants"] == []
    assert "tag:k8s" in service.policy()

    stack.run("destroy", "--yes", "--skip-preview")
    assert service.policy() == default
    assert service.get(f"keys/{client['id']}")["invalid"] is True
    assert service.get("vip-services") == {"vipServices": []}
    assert stack.resources() == {}


def test_a_policy_that_is_there_is_imported_or_refused(warm_stack: Project, service: Service) -> None:
    stack = warm_stack.given(API=service.url, KEY=service.key)
    service.save_policy(POLICY)
    wanted = HEAD + f"ts.Acl('policy', acl='''{POLICY}''', opts=options)\n"
    stack.program(wanted)
    said = stack.up(code=1)
    assert "Overwrite Protected: You are trying to overwrite a non-default policy." in said
    assert service.key not in said

    stack.program(wanted.replace("opts=options", "opts=pulumi.ResourceOptions(provider=provider, import_='acl')"))
    stack.up()
    policy = stack.resources()["policy"]
    assert (policy["id"], policy["inputs"], policy["outputs"]["acl"]) == ("acl", {"acl": POLICY}, POLICY)
    assert service.statuses("POST", "/acl") == [200, 412]


def test_what_the_provider_and_the_api_refuse_is_said_in_their_words(warm_stack: Project, service: Service) -> None:
    stack = warm_stack.given(API=service.url, KEY=service.key)
    stack.program(HEAD + "ts.OauthClient('long', scopes=['dns'], description='x' * 51, opts=options)\n")
    said = stack.run("preview", code=1)
    assert "Attribute description string length must be at most 50, got: 51" in said

    stack.program(HEAD + "ts.OauthClient('stranger', scopes=['auth_keys'], tags=['tag:nobody'], opts=options)\n")
    said = stack.up(code=1)
    assert "Failed to create oauth client: " in said
    assert "tag:nobody" in said
    assert "(400)" in said

    said = stack.given(KEY="tskey-api-wrong").up(code=1)
    assert "(401)" in said
    assert "tskey-api-wrong" not in said


def test_an_update_that_is_interrupted_keeps_what_was_made(stack: Project, service: Service, tmp_path: Path) -> None:
    stack = stack.given(API=service.url, KEY=service.key)
    stack.program(HEAD + "ts.DnsSearchPaths('paths', search_paths=['a.example.com'], opts=options)\n")
    service.control("behaviour", {"latencyMilliseconds": 700}, method="PATCH")
    running = stack.start("up", "--yes", "--skip-preview")
    until(lambda: service.statuses("POST", "/searchpaths"))
    started = [process.pid for process in below(running.pid)]
    said = interrupt(running)
    assert running.returncode != 0
    assert "Traceback" not in said
    assert "exited prematurely" not in said
    assert alive(started) == []
    service.control("behaviour", {"latencyMilliseconds": 0}, method="PATCH")
    assert "paths" in stack.resources()
    stack.up()
    stack.run("preview", "--expect-no-changes", "--refresh")
