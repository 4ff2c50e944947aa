"""Which programs there are, at which version, and where their pinned modules lie (`tools/<module>/go.mod`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KUBERNETES = "1.37.2"
_KUBERNETES_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, kw_only=True, slots=True)
class PathRule:
    """When a program that is on PATH already may be used: `at_least` <= its version < `below`."""

    arguments: tuple[str, ...]
    """What makes it print its version."""
    pattern: re.Pattern[str]
    """Finds the version, as group 1, in what it prints."""
    at_least: tuple[int, ...]
    below: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A program that is compiled from a pinned Go module."""

    name: str
    version: str
    module: str
    """Folder below `tools/` that holds go.mod and go.sum."""
    package: str
    seconds: int
    """How long a first build takes on two cores: measured, and shown while waiting."""
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Package variables that the linker sets, so that the program knows its own version."""
    on_path: PathRule | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The operator's Helm chart, copied out of a pinned Go module; nothing is compiled."""

    name: str
    version: str
    module: str
    path: str
    """The module that carries it."""
    seconds: int
    crds: int
    """How many kinds of custom resources it defines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Go files of a pinned Go module, without its tests, to be read and not to be compiled."""

    name: str
    version: str
    module: str
    path: str
    """The module that carries them."""
    folders: tuple[str, ...]
    """Which of its folders, with all that is below them."""
    seconds: int


Tool = Program | Chart | Sources

_KUBERNETES_VALUES = MappingProxyType(
    {
        f"{_KUBERNETES_VERSION}.gitVersion": f"v{KUBERNETES}",
        f"{_KUBERNETES_VERSION}.gitMajor": "1",
        f"{_KUBERNETES_VERSION}.gitMinor": "37",
        f"{_KUBERNETES_VERSION}.gitTreeState": "clean",
        f"{_KUBERNETES_VERSION}.gitCommit": "",
    }
)

# The two Kubernetes programs must be of one minor version, whichever of them is on PATH.
_KUBERNETES_RULE = PathRule(
    arguments=("--version",),
    pattern=re.compile(r"Kubernetes v(\d+\.\d+\.\d+)\b(?!-)"),
    at_least=(1, 37, 2),
    below=(1, 38),
)

_ALL: tuple[Tool, ...] = (
    Program(
        name="pulumi",
        version="3.250.0",
        module="pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        seconds=300,
        values=MappingProxyType({"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v3.250.0"}),
        on_path=PathRule(
            arguments=("version",),
            pattern=re.compile(r"^v(\d+\.\d+\.\d+)\s*$", re.MULTILINE),
            at_least=(3, 250, 0),
            below=(4,),
        ),
    ),
    Program(
        name="etcd",
        version="3.7.3",
        module="etcd",
        package="go.etcd.io/etcd/server/v3",
        seconds=30,
        on_path=PathRule(
            arguments=("--version",),
            pattern=re.compile(r"etcd Version: (\d+\.\d+\.\d+)\s*$", re.MULTILINE),
            at_least=(3, 7, 3),
            below=(4,),
        ),
    ),
    Program(
        name="kube-apiserver",
        version=KUBERNETES,
        module="kubernetes",
        package="k8s.io/kubernetes/cmd/kube-apiserver",
        seconds=350,
        values=_KUBERNETES_VALUES,
        on_path=_KUBERNETES_RULE,
    ),
    Program(
        name="kube-controller-manager",
        version=KUBERNETES,
        module="kubernetes",
        package="k8s.io/kubernetes/cmd/kube-controller-manager",
        seconds=120,
        values=_KUBERNETES_VALUES,
        on_path=_KUBERNETES_RULE,
    ),
    Program(
        name="helm",
        version="3.22.0",
        module="helm",
        package="helm.sh/helm/v3/cmd/helm",
        seconds=90,
        values=MappingProxyType({"helm.sh/helm/v3/internal/version.version": "v3.22.0"}),
        on_path=PathRule(
            arguments=("version", "--short"),
            pattern=re.compile(r"^v(\d+\.\d+\.\d+)(?:\+\S+)?\s*$", re.MULTILINE),
            at_least=(3, 16, 0),
            below=(4,),
        ),
    ),
    Chart(name="chart", version="1.102.3", module="chart", path="tailscale.com", seconds=5, crds=8),
    # What tailstack says of the supported charts is held against each of them, by tests only.
    Chart(name="chart-1.100", version="1.100.0", module="chart-1.100", path="tailscale.com", seconds=5, crds=7),
    Chart(name="chart-1.104", version="1.104.5", module="chart-1.104", path="tailscale.com", seconds=5, crds=8),
    Sources(
        name="operator-1.104",
        version="1.104.5",
        module="chart-1.104",
        path="tailscale.com",
        folders=("cmd/k8s-operator", "k8s-operator", "kube"),
        seconds=5,
    ),
    Program(
        name="hujson-format",
        version="0.1.0",
        module="hujson-format",
        package=".",
        seconds=10,
    ),
    # A second opinion on access for the tests; its module carries the recordings of the real service as well.
    Program(
        name="headscale",
        version="0.29.2",
        module="headscale",
        package="github.com/juanfont/headscale/cmd/headscale",
        seconds=200,
    ),
    # Checks the workflows of .github.
    Program(
        name="actionlint",
        version="1.7.12",
        module="actionlint",
        package="github.com/rhysd/actionlint/cmd/actionlint",
        seconds=15,
    ),
    # Runs the health checks that deploy/ has for Argo CD, which uses this interpreter.
    Program(
        name="lua",
        version="1.1.2",
        module="lua",
        package="github.com/yuin/gopher-lua/cmd/glua",
        seconds=5,
    ),
)

TOOLS: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in _ALL})
"""Every tool by name, in the order in which they are built: what others wait for longest comes first."""

DEMO_TOOLS: tuple[str, ...] = ("pulumi", "etcd", "kube-apiserver", "kube-controller-manager", "helm", "chart")
"""What the sandbox needs; the rest serves the tests only."""
