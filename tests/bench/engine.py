"""How much longer `pulumi up` of this project's program takes than of a flat one that registers the same resources.

Both run under the real engine with the sandbox's plugins, in turns, each time on a stack that is new and in clusters that
have nothing of it. What is compared is the wall time, from the call of the engine to its end; the processor time of the engine
and all that it starts stands beside it, because it says the same on a machine that has other work.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.sandbox.lifecycle import Sandbox, running_sandbox

PROJECT = Path(__file__).parents[2]
FLAT = Path(__file__).parent / "flat"
STACK = "bench"
SIZES = (100, 250, 500)
RUNS = 3
BUDGET = 1.15
"""Times the flat program's."""

_PROGRAM = ("Pulumi.yaml", "__main__.py")
_EXPOSED = ".expose."
_OPERATIONS: Mapping[str, Callable[[Pulumi], Outcome]] = {
    "create": lambda engine: engine.up(STACK),
    "up without changes": lambda engine: engine.up(STACK, "--expect-no-changes"),
    "preview without changes": lambda engine: engine.preview(STACK, "--expect-no-changes"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Seconds of one run: on the clock, and of the processors."""

    wall: float
    processor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One operation under both programs, run by run. The fastest run of each is compared: whatever else the machine does
    only ever makes a run longer."""

    operation: str
    ours: tuple[Taken, ...]
    flat: tuple[Taken, ...]

    def __str__(self) -> str:
        ours, flat = (min(taken.wall for taken in side) for side in (self.ours, self.flat))
        middle, other_middle = (statistics.median(taken.wall for taken in side) for side in (self.ours, self.flat))
        own, other = (min(taken.processor for taken in side) for side in (self.ours, self.flat))
        return (
            f"{self.operation}: {ours:.1f} s, flat {flat:.1f} s, {ours / flat:.2f} times (budget {BUDGET}; medians "
            f"{middle:.1f} and {other_middle:.1f} s); processors {own:.1f} s, flat {other:.1f} s, {own / other:.2f} times"
        )


def environment(exposures: int) -> str:
    """An environment of both of the sandbox's clusters: exposures with tags of their own, and an access entry for each."""
    lines = [
        "tailnet: {dnsName: tail1a2b.ts.net, magicDNS: true, httpsCertificates: true}",
        'defaults: {operator: {chart: {version: "1.102.3"}}}',
        "groups: {group:dev: [ana@example.com, li@example.com]}",
        "clusters:",
    ]
    names = [("blue" if number % 2 else "green", f"s{number}") for number in range(exposures)]
    for cluster in ("blue", "green"):
        lines += [f"  {cluster}:", f"    kubernetes: {{context: {cluster}}}", "    expose:"]
        lines += [
            f"      {name}: {{namespace: default, ports: [tcp:80], selector: {{app: {name}}}}}"
            for where, name in names
            if where == cluster
        ]
    lines.append("access:")
    lines += [f"  - {{name: {name}, from: [group:dev], to: [{{exposure: {where}.{name}}}]}}" for where, name in names]
    return "\n".join(lines) + "\n"


def show_comparison(sizes: tuple[int, ...]) -> None:
    """Measure, and print a line for each operation at each size."""
    print(f"\nthe program and a flat one of the same resources: `pulumi up`, the fastest of {RUNS} alternating runs")
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder) / "sandbox") as sandbox:
        for size in sizes:
            with _programs(sandbox, Path(folder) / str(size), size) as (ours, flat):
                first = _first_run(ours, flat)
                count = sum(_EXPOSED in resource["urn"] for resource in first)
                print(f"{size} exposures: {len(first)} resources, {count / size:g} for each exposure")
                for compared in _compare(ours, flat):
                    print(f"    {compared}")
                print(f"    load of the machine, with this: {os.getloadavg()[1]:.1f}", flush=True)


@contextmanager
def _programs(sandbox: Sandbox, folder: Path, size: int) -> Generator[tuple[Pulumi, Pulumi]]:
    """Both programs, each in a project of its own."""
    for name, source in (("ours", PROJECT), ("flat", FLAT)):
        project = folder / name
        project.mkdir(parents=True)
        for file in _PROGRAM:
            shutil.copy(source / file, project / file)
        (project / ".venv").symlink_to(PROJECT / ".venv")
    stacks = folder / "ours" / "stacks"
    (stacks / STACK).mkdir(parents=True)
    (stacks / STACK / "tailnet.yaml").write_text(environment(size), encoding="utf-8")
    # Of the sandbox's own stack: nothing is waited for, and the policy is taken over and put back.
    shutil.copy(PROJECT / "stacks" / "Pulumi.sandbox.yaml", stacks / f"Pulumi.{STACK}.yaml")
    # Modules are compiled once, in the run that warms up, as on every machine where this is not switched off.
    variables = {name: value for name, value in sandbox.environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    yield Pulumi.found(folder / "ours", variables), Pulumi.found(folder / "flat", variables)


def _first_run(ours: Pulumi, flat: Pulumi) -> list[dict[str, Any]]:
    """Warm up, take the flat program's data from what ours registered, and hold that it registers the same."""
    with _stack(ours):
        _done(ours.up(STACK))
        resources = _resources(ours)
    data = _data({_identity(resource): resource["inputs"] for resource in resources if resource["custom"]})
    (flat.project / "resources.json").write_text(json.dumps(data), encoding="utf-8")
    with _stack(flat):
        _done(flat.up(STACK))
        others = {_identity(resource): _plain(resource) for resource in _resources(flat) if resource["custom"]}
    own = {_identity(resource): _plain(resource) for resource in resources if resource["custom"]}
    assert own == others, [
        (own.get(name), others.get(name)) for name in own | others if own.get(name) != others.get(name)
    ]
    return resources


def _compare(ours: Pulumi, flat: Pulumi) -> Iterator[Compared]:
    taken: dict[tuple[str, str], list[Taken]] = {}
    for turn in range(RUNS):
        both = {"ours": ours, "flat": flat}
        for name, engine in both.items() if turn % 2 else reversed(both.items()):
            with _stack(engine):
                for operation, run in _OPERATIONS.items():
                    taken.setdefault((operation, name), []).append(_timed(run, engine))
    for operation in _OPERATIONS:
        ours_taken, flat_taken = (tuple(taken[operation, name]) for name in ("ours", "flat"))
        yield Compared(operation=operation, ours=ours_taken, flat=flat_taken)


def _timed(run: Callable[[Pulumi], Outcome], engine: Pulumi) -> Taken:
    began, before = time.perf_counter(), os.times()
    _done(run(engine))
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(wall=time.perf_counter() - began, processor=spent)


@contextmanager
def _stack(engine: Pulumi) -> Generator[None]:
    """A stack that is new, and gone with everything in it afterwards."""
    made = engine.plain("stack", "init", STACK)
    assert made.returncode == 0, made.stderr
    yield
    _done(engine.destroy(STACK))
    removed = engine.plain("stack", "rm", STACK, "--yes", "--preserve-config")
    assert removed.returncode == 0, removed.stderr


def _done(outcome: Outcome) -> None:
    assert outcome.succeeded, outcome.explain()


def _resources(engine: Pulumi) -> list[dict[str, Any]]:
    exported = engine.plain("stack", "export", "--stack", STACK)
    return json.loads(exported.stdout)["deployment"]["resources"]


_Identity = tuple[str, str]


def _identity(resource: Mapping[str, Any]) -> _Identity:
    """Type and name, which are the same with and without a component around it."""
    return resource["type"], resource["urn"].rpartition("::")[2]


def _plain(resource: Mapping[str, Any]) -> str:
    """The inputs as text, without what is another in every stack."""
    inputs = json.loads(json.dumps(resource["inputs"]))
    for key in ("stringData", "checksum"):  # encrypted with another salt each time; over the id of the OAuth client
        inputs.pop(key, None)
    inputs.get("values", {}).get("operatorConfig", {}).pop("podAnnotations", None)
    return json.dumps(inputs, sort_keys=True)


def _data(inputs: Mapping[_Identity, Mapping[str, Any]]) -> dict[str, Any]:
    """The data of the flat program, as arguments of the SDK's classes."""
    of_one = {kind: dict(values) for (kind, _), values in inputs.items()}
    return {
        "policy": {
            "acl": of_one["tailscale:index/acl:Acl"]["acl"],
            "overwrite_existing_content": True,
            "reset_acl_on_destroy": True,
        },
        "dns": {"magic_dns": of_one["tailscale:index/dnsPreferences:DnsPreferences"]["magicDns"]},
        "settings": {"https_enabled": of_one["tailscale:index/tailnetSettings:TailnetSettings"]["httpsEnabled"]},
        "clusters": {name: _cluster(name, inputs) for kind, name in inputs if kind == "pulumi:providers:kubernetes"},
    }


def _cluster(name: str, inputs: Mapping[_Identity, Mapping[str, Any]]) -> dict[str, Any]:
    operator = f"{name}.operator"
    provider = inputs["pulumi:providers:kubernetes", name]
    release = inputs["kubernetes:helm.sh/v3:Release", operator]
    return {
        "provider": {
            "cluster_identifier": name,
            "context": name,
            "kubeconfig": "",
            "enable_server_side_apply": True,
            "enable_secret_mutable": True,
            "kube_client_settings": json.loads(provider["kubeClientSettings"]),
        },
        "client": inputs["tailscale:index/oauthClient:OauthClient", operator],
        "namespace": inputs["kubernetes:core/v1:Namespace", operator]["metadata"],
        "secret": inputs["kubernetes:core/v1:Secret", operator]["metadata"],
        "release": {key: release[key] for key in ("chart", "name", "namespace", "values", "version")}
        | {"skip_await": True},
        "services": {
            key: {"metadata": values["metadata"], "spec": values["spec"]}
            for (kind, key), values in inputs.items()
            if kind == "kubernetes:core/v1:Service" and key.startswith(f"{name}.")
        },
    }
