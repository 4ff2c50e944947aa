"""The operator's chart comes out of the Go module as its publisher would release it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain import chart
from tailstack.sandbox.toolchain.ensure import ensure
from tailstack.sandbox.toolchain.tools import Sources
from tests.sandbox.toolchain.conftest import CHART, Workshop

KINDS = ("connectors", "dnsconfigs", "peerrelays", "proxyclasses", "proxygrouppolicies", "proxygroups", "recorders")


def write_module(folder: Path) -> Path:
    """What matters of the module, read-only as the module cache is."""
    deploy = folder / "cmd" / "k8s-operator" / "deploy"
    for name, text in {
        "chart/Chart.yaml": '# version is set at release\nversion: 0.1.0\nappVersion: "stable"\n',
        "chart/values.yaml": "installCRDs: true\n",
        "chart/templates/.gitignore": "*\n",
        "chart/templates/deployment.yaml": "kind: Deployment\n",
        **{f"crds/tailscale.com_{kind}.yaml": f"kind: {kind}\n" for kind in (*KINDS, "tailnets")},
    }.items():
        path = deploy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o444)
    return deploy


def test_versions_are_set_and_crds_become_templates(workshop: Workshop) -> None:
    write_module(workshop.go.module)
    [path], said = workshop.ensure(CHART)

    assert said.startswith("chart 1.102.3: building")
    assert (path / "Chart.yaml").read_text() == (
        '# version is set at release\nversion: "1.102.3"\nappVersion: "v1.102.3"\n'
    )
    assert (path / "templates" / "crd-peerrelays.yaml").read_text() == (
        "{{ if .Values.installCRDs -}}\nkind: peerrelays\n{{- end -}}\n"
    )
    assert len(list((path / "templates").glob("crd-*.yaml"))) == 8
    assert not (path / "templates" / ".gitignore").exists()
    assert os.access(path / "templates", os.W_OK)
    assert workshop.ensure(CHART) == ([path], "")


def test_a_module_that_asks_for_a_newer_go_is_unpacked_here(workshop: Workshop) -> None:
    write_module(workshop.go.module)
    (workshop.go.module / "cmd" / "k8s-operator" / "operator.go").write_text("package main\n")
    (workshop.go.module / "cmd" / "k8s-operator" / "operator_test.go").write_text("package main\n")
    with zipfile.ZipFile(workshop.go.folder / "module.zip", "w") as packed:
        for file in (file for file in workshop.go.module.rglob("*") if file.is_file()):
            packed.write(file, f"tailscale.com@v1.102.3/{file.relative_to(workshop.go.module)}")
    [unpacked_by_go], _ = workshop.ensure(CHART)
    sources = Sources(
        name="sources",
        version="1.102.3",
        module="chart",
        path="tailscale.com",
        folders=("cmd/k8s-operator",),
        seconds=5,
    )
    workshop.go.be_too_old()
    [unpacked_here] = workshop.ensure(dataclasses.replace(CHART, name="other"))[0]
    assert {
        file.relative_to(unpacked_here): file.read_bytes() for file in unpacked_here.rglob("*") if file.is_file()
    } == {file.relative_to(unpacked_by_go): file.read_bytes() for file in unpacked_by_go.rglob("*") if file.is_file()}
    [copied], _ = workshop.ensure(sources)
    found = [file.relative_to(copied) for file in copied.rglob("*") if file.is_file()]
    assert found == [Path("cmd/k8s-operator/operator.go")]
    assert workshop.left_over() == []


def test_a_module_that_cannot_be_downloaded(workshop: Workshop) -> None:
    workshop.go.fail()
    with pytest.raises(SandboxError, match=r"chart 1\.102\.3 could not be built"):
        workshop.ensure(CHART)


@pytest.mark.parametrize("broken", ["a CRD", "the version", "the chart"])
def test_a_module_of_another_form_is_refused(workshop: Workshop, broken: str) -> None:
    deploy = write_module(workshop.go.module)
    if broken == "a CRD":
        (deploy / "crds" / "tailscale.com_tailnets.yaml").unlink()
    elif broken == "the version":
        (deploy / "chart" / "Chart.yaml").chmod(0o644)
        (deploy / "chart" / "Chart.yaml").write_text("name: x\n")
    else:
        (deploy / "chart").rename(deploy / "elsewhere")

    with pytest.raises(SandboxError, match=r"7 CRDs|0 lines `version:`|has no chart"):
        workshop.ensure(CHART)
    assert workshop.left_over() == []


def rendered(*arguments: str) -> list[dict[str, Any]]:
    tools = ensure(["helm", "chart"])
    done = subprocess.run(
        [tools["helm"], "template", "operator", tools["chart"], *arguments], capture_output=True, text=True, check=True
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@pytest.mark.sandbox
def test_the_real_chart_renders_as_the_released_one() -> None:
    documents = rendered()
    crds = [document for document in documents if document["kind"] == "CustomResourceDefinition"]
    assert sorted(crd["spec"]["names"]["plural"] for crd in crds) == sorted((*KINDS, "tailnets"))
    [deployment] = [document for document in documents if document["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"tailscale/k8s-operator:v{CHART.version}"
    assert {"name": "PROXY_IMAGE", "value": f"tailscale/tailscale:v{CHART.version}"} in container["env"]
    assert deployment["metadata"]["name"] == "operator"


@pytest.mark.sandbox
def test_the_real_chart_leaves_the_crds_out_on_request() -> None:
    kinds = {document["kind"] for document in rendered("--set", "installCRDs=false")}
    assert "Deployment" in kinds
    assert "CustomResourceDefinition" not in kinds


def test_the_recipe_is_in_the_name(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(workshop.go.module)
    [before], _ = workshop.ensure(CHART)
    monkeypatch.setattr(chart, "RECIPE", "another")
    [after], _ = workshop.ensure(CHART)
    assert after != before
