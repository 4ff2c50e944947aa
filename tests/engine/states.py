"""States of stacks as the engine exports them, small and made by hand, and an engine that keeps them in files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tailstack.engine.deployments import Deployment, Resource
from tailstack.engine.pulumi import Pulumi

PROJECT = "tailstack"
TAILNET = "tailstack:tailnet:Tailnet"
CLUSTER = "tailstack:cluster:Cluster"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def urn(stack: str, types: str, name: str) -> str:
    return f"urn:pulumi:{stack}::{PROJECT}::{types}::{name}"


def deployment(stack: str, *resources: Resource, **more: Any) -> Deployment:  # noqa: ANN401  parts of a state
    state = {"secrets_providers": {"type": "passphrase"}, "resources": list(resources), **more}
    return Deployment(name=stack, project=PROJECT, whole={"version": 3, "deployment": state})


def root(stack: str) -> dict[str, Any]:
    return {
        "urn": urn(stack, "pulumi:pulumi:Stack", f"{PROJECT}-{stack}"),
        "custom": False,
        "type": "pulumi:pulumi:Stack",
        "outputs": {"operators": {}},
    }


def provider(stack: str, package: str, name: str, number: str) -> dict[str, Any]:
    kind = f"pulumi:providers:{package}"
    return {"urn": urn(stack, kind, name), "custom": True, "id": number, "type": kind, "parent": root(stack)["urn"]}


def _reference(of: dict[str, Any]) -> str:
    return f"{of['urn']}::{of['id']}"


def tailnet(stack: str, tailscale: dict[str, Any]) -> list[dict[str, Any]]:
    component = {"urn": urn(stack, TAILNET, "tailnet"), "custom": False, "type": TAILNET, "parent": root(stack)["urn"]}
    return [
        component,
        {
            "urn": urn(stack, f"{TAILNET}$tailscale:index/acl:Acl", "policy"),
            "custom": True,
            "id": "acl",
            "type": "tailscale:index/acl:Acl",
            "parent": component["urn"],
            "provider": _reference(tailscale),
            "protect": True,
            "resourceHooks": {"BeforeCreate": ["policy-guard"]},
        },
    ]


def cluster(stack: str, name: str, tailscale: dict[str, Any], kubernetes: dict[str, Any]) -> list[dict[str, Any]]:
    """A cluster that waits for the policy."""
    component = {"urn": urn(stack, CLUSTER, name), "custom": False, "type": CLUSTER, "parent": root(stack)["urn"]}
    policy = urn(stack, f"{TAILNET}$tailscale:index/acl:Acl", "policy")
    client = {
        "urn": urn(stack, f"{CLUSTER}$tailscale:index/oauthClient:OauthClient", f"{name}.operator"),
        "custom": True,
        "id": f"client-{name}",
        "type": "tailscale:index/oauthClient:OauthClient",
        "outputs": {"key": SECRET},
        "parent": component["urn"],
        "provider": _reference(tailscale),
        "dependencies": [policy],
        "deletedWith": policy,
        "replaceWith": [policy],
    }
    release = {
        "urn": urn(stack, f"{CLUSTER}$kubernetes:helm.sh/v3:Release", f"{name}.operator"),
        "custom": True,
        "id": f"tailscale/{name}",
        "type": "kubernetes:helm.sh/v3:Release",
        "parent": component["urn"],
        "provider": _reference(kubernetes),
        "dependencies": [policy, client["urn"]],
        "propertyDependencies": {"values": [policy, client["urn"]], "name": None},
        "deletedWith": client["urn"],
    }
    return [component, client, release]


def whole(stack: str) -> Deployment:
    tailscale = provider(stack, "tailscale", "tailscale", "t1")
    blue, green = (provider(stack, "kubernetes", name, f"k-{name}") for name in ("blue", "green"))
    return deployment(
        stack,
        root(stack),
        tailscale,
        blue,
        green,
        *tailnet(stack, tailscale),
        *cluster(stack, "blue", tailscale, blue),
        *cluster(stack, "green", tailscale, green),
    )


_ENGINE = """
folder = os.path.dirname(os.path.abspath(__file__)) + "/states/"
arguments = sys.argv[1:]
stack = arguments[arguments.index("--stack") + 1]
file = folder + stack.replace("/", ".") + ".json"
with open(folder + "calls", "a") as calls:
    calls.write(" ".join(arguments[:2]) + " " + stack + (" plain" if "--show-secrets" in arguments else "") + "\\n")
broken = folder + "broken"
if os.path.exists(broken):
    with open(broken) as told:
        wanted, _, said = told.read().partition(": ")
    if wanted == arguments[1] + " " + stack:
        sys.exit("error: " + said)
if arguments[1] == "export":
    if not os.path.exists(file):
        sys.exit("error: no stack named '" + stack + "' found")
    with open(file) as state:
        text = state.read()
    if "--show-secrets" in arguments:
        text = text.replace('"ciphertext": "v1:abc"', '"plaintext": "\\\\"tskey\\\\""')
    print(text)
else:
    text = sys.stdin.read().replace('"plaintext": "\\\\"tskey\\\\""', '"ciphertext": "v1:abc"')
    if os.path.exists(folder + "lossy"):
        whole = json.loads(text)
        del whole["deployment"]["resources"][-1]
        text = json.dumps(whole)
    with open(file, "w") as state:
        state.write(text)
"""


def engine(folder: Path, **states: Deployment) -> Pulumi:
    """An engine for these stacks, which can export and import them. What it was asked stands in `states/calls`; a file
    `states/broken` such as `import dev: the reason` makes it fail, and `states/lossy` lose a resource at each import."""
    kept = folder / "states"
    kept.mkdir()
    for name, state in states.items():
        (kept / f"{name}.json").write_text(json.dumps(state.whole))
    binary = folder / "pulumi"
    binary.write_text(f"#!{sys.executable}\nimport json, os, sys\n{_ENGINE}")
    binary.chmod(0o755)
    return Pulumi.found(folder, {"PATH": str(folder)})
