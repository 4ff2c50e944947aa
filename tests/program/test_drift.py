"""`tailstack drift` and `tailstack verify` against one stack: each thing that can go wrong behind it, by its own name.

Nothing runs as the operator in the sandbox's clusters; here the test does what it would do.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.live_tailnet import SCOPES
from tailstack.sandbox.plugins.kubernetes.api import Client
from tests.commands.streams import result_of
from tests.program.conftest import STACK, Bench
from tests.sandbox.api.wire import Wire

INGRESSES = "networking.k8s.io/v1"
VERSIONS = {"Service": "v1", "Deployment": "apps/v1"}
OTHER_SECRET = "c29tZXRoaW5nIGVsc2U="
CLOSED = "https://127.0.0.1:9"
"""Nothing listens on the port of the discard protocol."""
NODES = (
    ("tailscale-operator", "tag:k8s-operator"),
    ("tailscale-operator-green", "tag:k8s-operator"),
    ("default-nginx-service", "tag:k8s"),
    ("default-metrics", "tag:k8s"),
    ("nginx", "tag:k8s"),
    ("status", "tag:k8s-blue--status-page"),
    ("green-nginx-remote", "tag:k8s"),
)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    told: str

    @property
    def data(self) -> Mapping[str, Any]:
        return result_of(self.out)


def run(bench: Bench, *arguments: str, **variables: str) -> Ended:
    done = bench.tailstack(*arguments, **variables)
    return Ended(code=done.returncode, out=done.stdout, told=done.stderr)


def without_green(bench: Bench) -> dict[str, str]:
    """Variables by which the API server of green is on a port where nobody listens."""
    closed = bench.project / "closed"
    text = bench.sandbox.kubeconfig.read_text(encoding="utf-8")
    assert bench.sandbox.clusters["green"] in text
    closed.write_text(text.replace(bench.sandbox.clusters["green"], CLOSED), encoding="utf-8")
    return {"KUBECONFIG": str(closed)}


@pytest.fixture(scope="module")
def only_reading(bench: Bench) -> Generator[dict[str, str]]:
    """Variables with a credential that may read what the documentation says, and nothing more."""
    scopes = sorted({scope for scopes in SCOPES.values() for scope in scopes})
    client = bench.api.create_oauth_client(scopes=scopes, description="reader")
    yield {
        "TAILSCALE_API_KEY": "",
        "TAILSCALE_OAUTH_CLIENT_ID": client.id,
        "TAILSCALE_OAUTH_CLIENT_SECRET": client.secret,
    }
    bench.api.api.send("DELETE", "keys", client.id)


def path_of(client: Client, api_version: str, kind: str, path: str) -> str:
    namespace, _, name = path.rpartition("/")
    return client.locate(api_version, kind, namespace=namespace, name=name).path


def join(bench: Bench, hostname: str, tag: str) -> None:
    key = bench.api.create_auth_key(tags=[tag])
    bench.api.register_device(hostname, auth_key=key.secret)


def play_the_operators(bench: Bench) -> None:
    """All nodes join, and each object is told to be done."""
    for hostname, tag in NODES:
        join(bench, hostname, tag)
    for cluster in ("blue", "green"):
        tell(bench, cluster, "Available", "Deployment", "tailscale/operator")
    for cluster, path in (("blue", "nginx-service"), ("blue", "metrics"), ("green", "nginx-remote")):
        tell(bench, cluster, "TailscaleProxyReady", "Service", f"default/{path}")
    green = bench.cluster("green")
    rewritten = {
        "op": "replace",
        "path": "/spec/externalName",
        "value": "ts-nginx-remote-x7k2p.tailscale.svc.cluster.local",
    }
    green.patch(path_of(green, "v1", "Service", "default/nginx-remote"), [rewritten])
    blue = bench.cluster("blue")
    for name, hostname in (("nginx-web", "nginx"), ("status-page", "status")):
        ports = [{"port": 443, "protocol": "TCP"}]
        address = {"ingress": [{"hostname": f"{hostname}.tail1a2b.ts.net", "ports": ports}]}
        path = path_of(blue, INGRESSES, "Ingress", f"default/{name}")
        blue.patch(f"{path}/status", [{"op": "add", "path": "/status/loadBalancer", "value": address}])


def devices(bench: Bench) -> Wire:
    """The API with the admin's key: what the stand-in's client has no words for."""
    return Wire(bench.sandbox.api_url).as_basic(bench.sandbox.environment()["TAILSCALE_API_KEY"])


def remove_device(bench: Bench, node_id: str) -> None:
    assert devices(bench).delete(f"device/{node_id}").status == 200


def set_tags(bench: Bench, node_id: str, tags: list[str]) -> None:
    assert devices(bench).post(f"device/{node_id}/tags", {"tags": tags}).status == 200


def tell(bench: Bench, cluster: str, condition: str, kind: str, path: str) -> None:
    client = bench.cluster(cluster)
    value = {
        "type": condition,
        "status": "True",
        "reason": "Played",
        "message": "",
        "lastTransitionTime": "2026-01-05T09:00:00Z",
    }
    place = path_of(client, VERSIONS[kind], kind, path)
    client.patch(f"{place}/status", [{"op": "add", "path": "/status/conditions", "value": [value]}])


def failed(ended: Ended) -> dict[tuple[str, str], str]:
    """The message of each check that fails, by declaration and aspect."""
    return {(c["declaration"], c["aspect"]): c["message"] for c in ended.data["checks"] if c["outcome"] == "fails"}


def test_what_is_declared_and_not_live_is_told_by_its_declaration(applied: Bench) -> None:
    ended = run(applied, "verify", STACK, "--format", "json")
    assert ended.code == ExitCode.FINDINGS, ended.told
    found = failed(ended)
    assert found["exposure blue.nginx", "node"] == "No node of the tailnet is called default-nginx-service."
    assert found["egress green.nginx-remote", "resolution"].endswith(
        "leads nowhere yet: the operator has not put the name of its proxy there."
    )
    assert ("ingress blue.nginx-web", "name") in found
    assert {who for who, _ in found} == {
        *("operator blue", "operator green", "exposure blue.nginx", "exposure blue.metrics"),
        *("ingress blue.nginx-web", "ingress blue.status-page", "egress green.nginx-remote"),
    }
    (check, *_) = [c for c in ended.data["checks"] if c["declaration"] == "exposure blue.nginx"]
    assert check["file"] == "stacks/sandbox/tailnet.yaml"
    place = (applied.project / check["file"]).read_text(encoding="utf-8").splitlines()[check["line"] - 1]
    assert place.strip() == "nginx:"


def test_a_wait_ends_when_everything_holds(applied: Bench) -> None:
    """The operators come while the command waits; it is told so, and says how far it is meanwhile."""
    waiting = subprocess.Popen(
        [applied.python, "-m", "tailstack", "verify", STACK, "--wait", "2m"],
        cwd=applied.project,
        env=applied.sandbox.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    told = ""
    while "blue: checks: " not in told:
        line = waiting.stderr.readline()
        assert line, told
        told += line
    play_the_operators(applied)
    out, rest = waiting.communicate(timeout=60)
    assert waiting.returncode == ExitCode.CLEAN, told + rest
    assert out.startswith("Verified: everything that sandbox declares is live (")
    assert "checks: done" in rest


@pytest.fixture(scope="module")
def working(applied: Bench) -> Generator[Bench]:
    """The stack with all nodes; the test before has let them join."""
    ended = run(applied, "verify", STACK)
    assert ended.code == ExitCode.CLEAN, ended.out
    yield applied
    for device in applied.api.devices():
        remove_device(applied, device.node_id)


def test_a_second_node_a_foreign_tag_and_a_lost_condition(working: Bench, only_reading: dict[str, str]) -> None:
    join(working, "default-metrics", "tag:k8s")
    (second,) = [d for d in working.api.devices() if d.name.startswith("default-metrics-1.")]
    (nginx,) = [d for d in working.api.devices() if d.hostname == "nginx"]
    tell(working, "blue", "SomethingElse", "Service", "default/nginx-service")
    set_tags(working, nginx.node_id, ["tag:k8s-operator"])
    try:
        ended = run(working, "verify", STACK, "--format", "json", **only_reading)
    finally:
        set_tags(working, nginx.node_id, ["tag:k8s"])
        tell(working, "blue", "TailscaleProxyReady", "Service", "default/nginx-service")
        remove_device(working, second.node_id)
    assert ended.code == ExitCode.FINDINGS, ended.told
    assert failed(ended) == {
        ("exposure blue.metrics", "node"): "A second node, default-metrics-1, asked for the name default-metrics.",
        ("ingress blue.nginx-web", "tags"): "Its node nginx wears tag:k8s-operator, and tag:k8s is declared.",
        ("exposure blue.nginx", "TailscaleProxyReady"): "Service default/nginx-service has no condition "
        "TailscaleProxyReady: nothing has looked at it yet.",
    }


def test_a_cluster_that_does_not_answer_is_not_verified(working: Bench) -> None:
    ended = run(working, "verify", STACK, **without_green(working))
    assert ended.code == ExitCode.ERROR
    assert "cluster green (stacks/sandbox/tailnet.yaml:" in ended.out
    assert "Connection refused" in ended.out


def test_a_credential_that_was_revoked_is_named_and_the_remedy_makes_another(working: Bench) -> None:
    def clients() -> set[str]:
        found = working.api.keys()
        return {key.id for key in found if key.description == "tailstack sandbox blue"}

    (revoked,) = clients()
    working.api.api.send("DELETE", "keys", revoked)
    ended = run(working, "drift", STACK, "--format", "json")
    assert ended.code == ExitCode.CHANGES, ended.told
    (drift,) = ended.data["drifts"]
    assert (drift["kind"], drift["what"]) == ("revoked", "OAuth client blue.operator")
    (remedy,) = re.findall(r"(pulumi up .*)\.$", drift["remedy"])
    done = working.pulumi().plain(*shlex.split(remedy)[1:], "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout
    assert clients().isdisjoint({revoked})
    assert run(working, "drift", STACK).code == ExitCode.CLEAN


def test_who_may_only_read_sees_everything_but_a_cluster_that_does_not_answer(
    working: Bench, only_reading: dict[str, str]
) -> None:
    """That is no drift, and not nothing either; one such cluster does not keep the rest from being looked at."""
    ended = run(working, "drift", STACK, **only_reading, **without_green(working))
    assert ended.code == ExitCode.ERROR, ended.told
    assert ended.out == (
        "Not known: no drift in what could be looked at of sandbox, and 1 part could not.\n"
        "\n"
        "Could not be looked at\n"
        "  cluster green: Connection refused\n"
    )


@contextmanager
def edited_policy(bench: Bench) -> Generator[None]:
    before = bench.api.get_policy().text
    grant = '{"src": ["autogroup:member"], "dst": ["tag:k8s-operator"], "ip": ["tcp:22"]},'
    bench.api.set_policy(before.replace('"grants": [', f'"grants": [{grant}', 1))
    try:
        yield
    finally:
        bench.api.set_policy(before)


@contextmanager
def changed_by_kubectl(bench: Bench) -> Generator[None]:
    blue = bench.cluster("blue")
    place = path_of(blue, "v1", "Service", "default/nginx-service")
    tags = "/metadata/annotations/tailscale.com~1tags"
    blue.patch(place, [{"op": "replace", "path": tags, "value": "tag:k8s-operator"}])
    extra = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "extra", "namespace": "default", "annotations": {"tailscale.com/expose": "true"}},
        "spec": {"ports": [{"port": 80}]},
    }
    by_hand = path_of(blue, "v1", "Service", "default/extra")
    blue.apply(by_hand, extra, manager="kubectl", force=False)
    ingress = path_of(blue, INGRESSES, "Ingress", "default/nginx-web")
    funnel = {"op": "add", "path": "/metadata/annotations/tailscale.com~1funnel", "value": "true"}
    blue.patch(ingress, [funnel])
    try:
        yield
    finally:
        blue.patch(ingress, [{**funnel, "op": "remove"}])
        blue.delete(by_hand, propagation="Background")
        blue.patch(place, [{"op": "replace", "path": tags, "value": "tag:k8s"}])


@contextmanager
def unapplied(bench: Bench) -> Generator[None]:
    file, before, after = "stacks/sandbox/tailnet.yaml", "hostname: default-metrics", "hostname: other-metrics"
    bench.edit(file, before, after)
    try:
        yield
    finally:
        bench.edit(file, after, before)


@contextmanager
def rotated_secret(bench: Bench) -> Generator[str]:
    blue = bench.cluster("blue")
    place = path_of(blue, "v1", "Secret", "tailscale/operator-oauth")
    before = bench.live("blue", "v1", "Secret", "tailscale/operator-oauth")["data"]["client_secret"]
    blue.patch(place, [{"op": "replace", "path": "/data/client_secret", "value": OTHER_SECRET}])
    try:
        yield str(before)
    finally:
        blue.patch(place, [{"op": "replace", "path": "/data/client_secret", "value": before}])


def test_everything_behind_the_stack_is_told_apart(working: Bench) -> None:
    """A console edit, kubectl, a secret, a change that waits, a device, a client and a Service by hand, a cluster that is
    away: each is told as what it is, and a second look tells the same."""
    join(working, "by-hand", "tag:k8s")
    (device,) = [d for d in working.api.devices() if d.hostname == "by-hand"]
    client = working.api.create_oauth_client(scopes=["auth_keys"], tags=["tag:k8s"], description="by hand")
    away = without_green(working)
    live_before = working.api.get_policy().text
    try:
        with (
            edited_policy(working),
            changed_by_kubectl(working),
            rotated_secret(working) as secret,
            unapplied(working),
        ):
            ended, again = (
                run(working, "drift", *named, "--format", "json", **away) for named in ([STACK], ["--stack", STACK])
            )
    finally:
        remove_device(working, device.node_id)
        working.api.api.send("DELETE", "keys", client.id)
    assert working.api.get_policy().text == live_before
    assert ended.code == again.code == ExitCode.CHANGES, ended.told

    drifts = {drift["what"]: drift["changes"] for drift in ended.data["drifts"]}
    assert drifts == {
        "policy file": ["autogroup:member gains tcp:22 to tag:k8s-operator, but for what other entries gave before."],
        "Service default/nginx-service in blue": [
            'its tags (metadata.annotations["tailscale.com/tags"]): was "tag:k8s", is "tag:k8s-operator"'
        ],
        "Secret tailscale/operator-oauth in blue": ["data.client_secret: is another secret"],
    }
    (pending,) = ended.data["pending"]
    assert pending["stack"] == STACK
    assert "Service default/metrics in blue" in {change["what"] for change in pending["changes"]}
    assert {(one["kind"], one["id"]) for one in ended.data["unmanaged"]} == {
        ("device", device.node_id),
        ("credential", client.id),
        ("object", "blue/Service/default/extra"),
        ("annotation", "blue/Ingress/default/nginx-web#tailscale.com/funnel"),
    }
    assert [one["what"] for one in ended.data["unknown"]] == ["cluster green"]
    assert ended.data["digest"] == again.data["digest"]
    for text in (ended.out + ended.told, again.out + again.told):
        assert OTHER_SECRET not in text
        assert secret not in text


def test_a_stack_that_is_not_there_is_said_to_be_unknown(working: Bench) -> None:
    stacks = working.project / "stacks"
    other = Path(stacks / "Pulumi.absent.yaml")
    other.write_text("config: {tailstack:environment: sandbox}\n", encoding="utf-8")
    try:
        ended = run(working, "drift", "--stack", "absent")
    finally:
        other.unlink()
    assert ended.code == ExitCode.ERROR
    assert "absent" in ended.out
    wrong = run(working, "drift", "production", "--stack", STACK)
    assert (wrong.code, "is a stack of sandbox, and not of production" in wrong.told) == (ExitCode.USAGE, True)
