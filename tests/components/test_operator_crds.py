from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from components.operator_crds import find_crds
from components.refusal import RefusedError
from tailstack.charts.custom_resources import CUSTOM_KINDS
from tailstack.charts.versions import SUPPORTED, Version, version_text
from tailstack.topology.tailnet import Chart, Operator
from tests.charts.real_charts import definitions
from tests.components.tailnets import operator


def described(crds: str | None = "crds", version: str = "1.102.3") -> Operator:
    chart = Chart(version=version, repository="https://c.example", path=None, crds=crds)
    return dataclasses.replace(operator("blue"), chart=chart)


def crd(kind: str, group: str = "tailscale.com") -> str:
    plural = CUSTOM_KINDS[kind].plural
    return yaml.safe_dump(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}", "annotations": {"controller-gen.kubebuilder.io/version": "v0"}},
            "spec": {"group": group, "names": {"kind": kind, "plural": plural}},
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with all CRDs of a version that has peer relays, one to a file but for two."""
    folder = tmp_path / "crds"
    folder.mkdir()
    first, second, *others = CUSTOM_KINDS
    (folder / "both.yml").write_text(f"---\n{crd(first)}\n---\n{crd(second)}\n---\n")
    for kind in others:
        (folder / f"{kind}.yaml").write_text(crd(kind))
    (folder / "README.md").write_text("Not one of them.")
    return tmp_path


def test_every_crd_of_the_folder_is_found_by_name(project: Path) -> None:
    found = find_crds(described(), project=project)
    assert [each.name for each in found] == sorted(f"{kind.plural}.tailscale.com" for kind in CUSTOM_KINDS.values())
    assert {each.kind for each in found} == set(CUSTOM_KINDS)
    (relay,) = (each for each in found if each.kind == "PeerRelay")
    assert relay.annotations == {"controller-gen.kubebuilder.io/version": "v0"}
    assert relay.spec == {"group": "tailscale.com", "names": {"kind": "PeerRelay", "plural": "peerrelays"}}


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert find_crds(described(None), project=tmp_path) == ()


@pytest.mark.parametrize("version", SUPPORTED, ids=version_text)
def test_those_of_each_supported_version_are_complete(tmp_path: Path, version: Version) -> None:
    folder = tmp_path / "crds"
    folder.mkdir()
    for kind, spec in definitions(version).items():
        made = {
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{spec['names']['plural']}.tailscale.com"},
            "spec": spec,
        }
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(made))
    found = find_crds(described(version=version_text(version)), project=tmp_path)
    assert {each.kind: each.spec for each in found} == definitions(version)
    assert all(each.annotations == {} for each in found)


def test_an_operator_that_would_not_start_is_refused(project: Path) -> None:
    (project / "crds" / "PeerRelay.yaml").unlink()
    with pytest.raises(RefusedError, match=r"has no CRD for PeerRelay\. The operator needs each of version 1\.102\.3"):
        find_crds(described(), project=project)
    assert len(find_crds(described(version="1.100.0"), project=project)) == len(CUSTOM_KINDS) - 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ if .Values.installCRDs -}}\nkind: x\n{{- end -}}\n", "it is not YAML"),
        ("kind: ConfigMap\nmetadata: {name: a}\nspec: {a: b}\n", "holds something else than CRDs"),
        ("just words\n", "holds something else than CRDs"),
        ("kind: CustomResourceDefinition\nmetadata: {name: a}\n", "holds something else than CRDs"),
        (crd("Connector", "example.com"), "holds a CRD of example.com; expected one of tailscale.com"),
    ],
)
def test_a_file_that_is_something_else_is_refused(project: Path, text: str, reason: str) -> None:
    (project / "crds" / "other.yaml").write_text(text)
    with pytest.raises(RefusedError, match=re.escape(reason)) as refused:
        find_crds(described(), project=project)
    assert "other.yaml" in str(refused.value)
    assert "stacks/test/tailnet.yaml:7:3" in str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="the folder of CRDs crds cannot be read: No such file"):
        find_crds(described(), project=tmp_path)


def test_a_file_that_cannot_be_read_is_refused(project: Path) -> None:
    (project / "crds" / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    (project / "crds" / "link.yaml").symlink_to(project / "nowhere")
    with pytest.raises(RefusedError, match="cannot be read"):
        find_crds(described(), project=project)
