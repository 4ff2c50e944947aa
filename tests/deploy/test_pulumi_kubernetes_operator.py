"""The manifests for the Pulumi Kubernetes Operator: a real API server takes each field of them, and Argo CD's checks run."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tailstack.sandbox import clusters as control_planes
from tailstack.sandbox.folder import Folder
from tailstack.sandbox.lifecycle import running_sandbox
from tailstack.sandbox.plugins.kubernetes.api import NoMatchError
from tailstack.sandbox.toolchain import ensure
from tailstack.sandbox.workload import cluster_client

PROJECT = Path(__file__).parent.parent.parent
MANIFESTS = PROJECT / "deploy" / "pulumi-kubernetes-operator"
CRDS = PROJECT.parent / "shared" / "data" / "pulumi-kubernetes-operator-2.9"
"""Of the operator itself. They are not ours to carry."""
STACK = "pulumi.com/v1"
SECONDS = 60
# A server-side apply of a field that is not in the schema ends with 500 (tried with 1.37.2).
REFUSED = (400, 422, 500)

Manifest = Mapping[str, Any]


def documents(file: Path) -> list[Manifest]:
    loaded = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return [cast("Manifest", document) for document in loaded if document is not None]


def manifests() -> list[Manifest]:
    """In the order in which they can be applied: the namespace first."""
    files = sorted(MANIFESTS.glob("*.yaml"), key=lambda file: (file.name != "namespace.yaml", file.name))
    return [document for file in files for document in documents(file)]


def named(kind: str, name: str) -> Manifest:
    (found,) = [m for m in manifests() if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an API server says to an object."""

    status: int
    body: Mapping[str, Any]
    warnings: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Management:
    """The cluster that the operator would run in."""

    address: str
    token: str = field(repr=False)
    tls: ssl.SSLContext
    kubeconfig: Path

    def apply(self, manifest: Manifest) -> Answer:
        """Server-side apply, for which a field that the kind does not have is an error and not a warning."""
        metadata = manifest["metadata"]
        client = cluster_client(self.kubeconfig, "management")
        place = client.locate(
            manifest["apiVersion"],
            manifest["kind"],
            namespace=metadata.get("namespace", "default"),
            name=metadata["name"],
        )
        request = urllib.request.Request(  # noqa: S310 -- https, on loopback
            f"{self.address}{place.path}?fieldManager=test&fieldValidation=Strict&force=true",
            data=json.dumps(manifest).encode(),
            method="PATCH",
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/apply-patch+yaml"},
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls)
        )
        try:
            with opener.open(request, timeout=SECONDS) as response:
                warnings = [value for key, value in response.getheaders() if key.lower() == "warning"]
                return Answer(status=response.status, body=json.load(response), warnings=warnings)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, body=json.load(error), warnings=())


@pytest.fixture(scope="module")
def management(tmp_path_factory: pytest.TempPathFactory) -> Generator[Management]:
    with running_sandbox(tmp_path_factory.mktemp("management") / "sandbox", clusters=("management",)) as sandbox:
        cluster = control_planes.find(Folder(sandbox.folder), "management")
        made = Management(
            address=sandbox.clusters["management"],
            token=cluster.token(),
            tls=ssl.create_default_context(cafile=str(cluster.authority)),
            kubeconfig=sandbox.kubeconfig,
        )
        for namespace in ("argocd", "tailscale"):
            answer = made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            assert answer.status in (200, 201), answer.body
        for file in sorted(CRDS.glob("*.yaml")):
            for crd in documents(file):
                answer = made.apply(crd)
                assert answer.status in (200, 201), answer.body
        yield made


def applied(management: Management, manifest: Manifest) -> Answer:
    """The answer once the API server serves the kind, which takes it a moment after a definition was applied."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            answer = management.apply(manifest)
        except NoMatchError:
            assert time.monotonic() < deadline, "the kind is not served"
        else:
            if answer.status != HTTPStatus.NOT_FOUND or time.monotonic() > deadline:
                return answer
        time.sleep(0.2)


@pytest.fixture
def with_stacks(capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether Stacks can be judged, which takes the operator's CRDs: the one file of others that may be missing. It is said then,
    past what pytest keeps of the output of tests that pass."""
    found = CRDS.is_dir()
    if not found:
        with capsys.disabled():
            sys.stderr.write(f"\n{CRDS} is not there: Stacks are not validated.\n")
    return found


@pytest.mark.sandbox
def test_an_api_server_takes_every_manifest_and_knows_every_field(management: Management, *, with_stacks: bool) -> None:
    wanted = [m for m in manifests() if m["apiVersion"] != STACK or with_stacks]
    assert len([m for m in wanted if m["apiVersion"] != STACK]) > 10
    assert [m for m in manifests() if m["apiVersion"] == STACK]
    for manifest in wanted:
        answer = applied(management, manifest)
        label = f"{manifest['kind']} {manifest['metadata']['name']}"
        assert answer.status in (200, 201), (label, answer.body)
        assert answer.warnings == [], (label, answer.warnings)


@pytest.mark.sandbox
def test_a_mistake_in_a_manifest_would_be_found(management: Management, *, with_stacks: bool) -> None:
    applied(management, named("Namespace", "tailstack"))
    job = json.loads(json.dumps(named("CronJob", "production-drift")))
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    answer = management.apply(job)
    assert answer.status in REFUSED
    assert "imagePolicy" in answer.body["message"]
    weak = json.loads(json.dumps(named("CronJob", "production-drift")))
    weak["spec"]["jobTemplate"]["spec"]["template"]["spec"]["securityContext"] = {}
    assert [warning for warning in management.apply(weak).warnings if "restricted" in warning]
    if with_stacks:
        stack = json.loads(json.dumps(named("Stack", "production")))
        stack["spec"]["refreshes"] = True
        answer = applied(management, stack)
        assert answer.status in REFUSED, answer.body
        assert "refreshes" in answer.body["message"]


def test_a_stack_never_destroys_and_never_writes_over_drift() -> None:
    stacks = [m["spec"] for m in manifests() if m["kind"] == "Stack"]
    assert len(stacks) == 4
    for spec in stacks:
        assert spec["destroyOnFinalize"] is False
        assert spec["refresh"] is False
        assert spec["continueResyncOnCommitMatch"] is False
        assert spec["useLocalStackOnly"] is True
        assert spec["branch"] == "refs/heads/main"
        assert all(reference["type"] in ("Secret", "Literal") for reference in spec["envRefs"].values())
        literals = {name for name, reference in spec["envRefs"].items() if reference["type"] == "Literal"}
        assert literals <= {"KUBECONFIG"}, "no credential is written here"


def test_the_clusters_wait_for_the_policy_file() -> None:
    waits = {
        m["metadata"]["name"]: [one["name"] for one in m["spec"].get("prerequisites", [])]
        for m in documents(MANIFESTS / "shards-production.yaml")
    }
    assert waits == {
        "production-tailnet": [],
        "production-eu": ["production-tailnet"],
        "production-us": ["production-tailnet"],
    }


def test_the_reader_writes_nothing() -> None:
    for kind in ("ClusterRole", "Role"):
        for rule in named(kind, "tailstack-reader")["rules"]:
            assert set(rule["verbs"]) <= {"get", "list", "watch"}
            if kind == "ClusterRole":
                assert "secrets" not in rule["resources"], "only those of the operator's namespace"


def test_the_job_fails_at_once_where_there_is_drift() -> None:
    job = named("CronJob", "production-drift")["spec"]["jobTemplate"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [2]
    (container,) = job["template"]["spec"]["containers"]
    assert rule["onExitCodes"]["containerName"] == container["name"]


@pytest.mark.parametrize("code", [0, 2, 5])
def test_the_script_of_the_job_ends_as_drift_does(tmp_path: Path, code: int) -> None:
    """A clone of a repository, with stand-ins for what would be downloaded."""
    origin, work, programs = tmp_path / "origin", tmp_path / "work", tmp_path / "bin"
    for folder in (origin, work, programs):
        folder.mkdir()
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    for arguments in (["init"], ["commit", "--allow-empty", "--message=x"]):
        subprocess.run(["git", *settings, *arguments], cwd=origin, check=True, capture_output=True)  # noqa: S607
    # `python3 -m venv .venv` makes a Python that notes what it is asked, and a tailstack that does so too.
    note = f'echo "$(basename "$0") $*" >> {tmp_path}/notes'
    program(
        programs / "python3",
        f"{note}\nmkdir -p .venv/bin\ncp {programs}/inner .venv/bin/python\ncp {programs}/drift .venv/bin/tailstack",
    )
    program(programs / "inner", note)
    program(programs / "drift", f"{note}\nexit {code}")
    script = named("ConfigMap", "production-drift")["data"]["look.sh"]
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(work),
        "WORK": str(work),
        "REPOSITORY": origin.as_uri(),
        "BRANCH": "main",
        "STACK": "production",
    }
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == code, done.stderr
    notes = (tmp_path / "notes").read_text().splitlines()
    assert notes[0] == "python3 -m venv .venv"
    assert [line for line in notes if "--require-hashes --requirement requirements/requirements.txt" in line]
    assert notes[-1] == "tailstack drift --stack production"


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def lua(value: object) -> str:
    """A value as an expression of Lua."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return json.dumps(value)
        case dict():
            pairs = cast("dict[str, object]", value).items()
            return "{" + ", ".join(f"[{json.dumps(key)}] = {lua(inner)}" for key, inner in pairs) + "}"
        case list():
            return "{" + ", ".join(map(lua, cast("list[object]", value))) + "}"
        case _:
            raise TypeError(value)


def health(kind: str, manifest: Mapping[str, object], folder: Path) -> tuple[str, str]:
    """What Argo CD would say of an object, by the check of ours: its status and its message."""
    check = named("ConfigMap", "argocd-cm")["data"][f"resource.customizations.health.{kind}"]
    script = folder / "health.lua"
    script.write_text(
        f"obj = {lua(manifest)}\n"
        f"local function check()\n{check}\nend\n"
        'local found = check()\nprint(found.status)\nprint(found.message or "")\n',
        encoding="utf-8",
    )
    done = subprocess.run([ensure(["lua"])["lua"], script], capture_output=True, text=True, check=True)
    status, message, *_ = done.stdout.splitlines()
    return status, message


def condition(kind: str, message: str = "", status: str = "True") -> dict[str, object]:
    return {"type": kind, "status": status, "message": message, "reason": "x"}


@pytest.mark.parametrize(
    ("status", "expected", "message"),
    [
        ({}, "Progressing", "has not said anything"),
        ({"conditions": [condition("Ready")], "lastUpdate": {"lastSuccessfulCommit": "abc"}}, "Healthy", "abc"),
        ({"conditions": [condition("Ready")]}, "Healthy", "unknown"),
        ({"conditions": [condition("Reconciling", "working")]}, "Progressing", "working"),
        (
            {"conditions": [condition("Reconciling", "again")], "lastUpdate": {"state": "failed"}},
            "Degraded",
            "again",
        ),
        (
            {"conditions": [condition("Ready", status="False"), condition("Stalled", "the spec is wrong")]},
            "Degraded",
            "the spec is wrong",
        ),
        ({"conditions": [condition("Ready")], "observedGeneration": 1}, "Progressing", "has not seen"),
        ({"conditions": [condition("Ready")], "observedGeneration": 2}, "Healthy", ""),
    ],
)
def test_health_of_a_stack(tmp_path: Path, status: Mapping[str, object], expected: str, message: str) -> None:
    found, said = health("pulumi.com_Stack", {"metadata": {"generation": 2}, "status": status}, tmp_path)
    assert (found, message in said) == (expected, True), said


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, "Healthy"),
        ({"suspend": True}, {}, "Suspended"),
        ({}, {"lastScheduleTime": "2026-01-05T09:00:00Z", "active": [{"name": "a"}]}, "Progressing"),
        ({}, {"lastScheduleTime": "2026-01-05T09:00:00Z"}, "Degraded"),
        (
            {},
            {"lastScheduleTime": "2026-01-05T09:00:00Z", "lastSuccessfulTime": "2026-01-05T08:01:00Z"},
            "Degraded",
        ),
        ({}, {"lastScheduleTime": "2026-01-05T09:00:00Z", "lastSuccessfulTime": "2026-01-05T09:01:00Z"}, "Healthy"),
    ],
)
def test_health_of_the_look_for_drift(
    tmp_path: Path, spec: Mapping[str, object], status: Mapping[str, object], expected: str
) -> None:
    assert health("batch_CronJob", {"spec": spec, "status": status}, tmp_path)[0] == expected


def test_the_operator_installs_what_is_pinned() -> None:
    """`pulumi install` reads requirements.txt beside Pulumi.yaml, and nothing else with the toolchain pip."""
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r requirements/requirements.txt"]
