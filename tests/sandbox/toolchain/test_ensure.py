"""Tools come from PATH, from the cache, or are built once."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path
from types import MappingProxyType

import pytest

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain.ensure import ensure
from tailstack.sandbox.toolchain.tools import DEMO_TOOLS, TOOLS, PathRule, Program
from tests.sandbox.toolchain.conftest import HELLO, Workshop

ON_PATH = dataclasses.replace(
    HELLO,
    on_path=PathRule(
        arguments=("--version",),
        pattern=re.compile(r"hello v(\d+\.\d+\.\d+)$", re.MULTILINE),
        at_least=(1, 2),
        below=(2,),
    ),
)


def test_a_missing_tool_is_built_once(workshop: Workshop) -> None:
    assert workshop.missing(HELLO) == ["hello"]
    [path], said = workshop.ensure(HELLO)

    assert subprocess.run([path], capture_output=True, text=True, check=True).stdout == "built\n"
    assert path.parent == workshop.cache / "tailstack" / "bin"
    assert re.fullmatch(r"hello-1\.2\.3-[0-9a-f]{16}", path.name)
    assert re.fullmatch(
        r"hello 1\.2\.3: building, about 5 s on two cores\nhello 1\.2\.3: ready, built in \d+ s\n", said
    )
    assert workshop.ensure(HELLO) == ([path], "")
    assert workshop.missing(HELLO) == []
    assert len(workshop.go.calls()) == 1
    assert workshop.left_over() == []


def test_the_module_is_built_as_committed(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    monkeypatch.setenv("GOPROXY", "https://modules.example")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("CGO_ENABLED", "1")
    workshop.ensure(HELLO)

    call = json.loads(workshop.go.calls()[0])
    assert call["folder"] == str(workshop.modules / "hello")
    assert call["arguments"][:4] == ["build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    assert "-X=example.com/hello/version.Version=v1.2.3" in " ".join(call["arguments"])
    assert call["arguments"][-1] == "example.com/hello"
    assert call["environment"] == {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOOS": None,
        "GOPROXY": "https://modules.example",
        "GOFLAGS": "-modcacherw",
    }


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "main.go", "values", "package", "version of Go"])
def test_whatever_decides_the_result_is_in_its_name(workshop: Workshop, changed: str) -> None:
    tool = HELLO
    [before], _ = workshop.ensure(tool)
    if changed == "values":
        tool = dataclasses.replace(tool, values=MappingProxyType({}))
    elif changed == "package":
        tool = dataclasses.replace(tool, package="example.com/other")
    elif changed == "version of Go":
        workshop.go.say_version("go1.26.10")
    else:
        (workshop.modules / "hello" / changed).write_text("changed\n")
    [after], _ = workshop.ensure(tool)

    assert after != before
    assert before.exists()


def test_what_the_compiler_says_reaches_the_user(workshop: Workshop) -> None:
    workshop.go.fail()
    with pytest.raises(SandboxError) as caught:
        workshop.ensure(HELLO)

    message = str(caught.value)
    assert message.startswith("hello 1.2.3 could not be built.")
    assert "    main.go:99: something is wrong\n" in message
    assert "main.go:50:" not in message
    found = re.search(r"The full output is in (\S+)\. ", message)
    assert found is not None
    assert "main.go:0: something is wrong" in Path(found[1]).read_text()
    assert workshop.left_over() == []

    workshop.go.mend()
    [path], _ = workshop.ensure(HELLO)
    assert path.exists()


def program_on_path(workshop: Workshop, script: str) -> Path:
    program = workshop.path / "hello"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", ["1.2.0", "1.2.9", "1.10.0"])
def test_a_program_on_path_that_is_new_enough_is_used(workshop: Workshop, version: str) -> None:
    program = program_on_path(workshop, f"echo This is; echo hello v{version}")

    assert workshop.ensure(ON_PATH) == ([program], "")
    assert workshop.go.calls() == []


@pytest.mark.parametrize(
    "script",
    [
        "echo hello v1.1.9",
        "echo hello v2.0.0",
        "echo hello v1.3.0-rc.1",
        "echo something else",
        "echo hello v1.2.3; exit 3",
        "printf '\\377\\376'",
    ],
)
def test_another_program_on_path_is_not(workshop: Workshop, script: str) -> None:
    program = program_on_path(workshop, script)

    [path], _ = workshop.ensure(ON_PATH)
    assert path != program
    assert len(workshop.go.calls()) == 1


def test_a_program_on_path_that_cannot_be_run_is_not_used(workshop: Workshop) -> None:
    program = workshop.path / "hello"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)

    [path], _ = workshop.ensure(ON_PATH)
    assert path != program


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxError, match=r"There is no tool docker, podman\. There are: pulumi, etcd, .*chart"):
        ensure(["podman", "pulumi", "docker"])


def test_without_the_checkout_it_says_so(workshop: Workshop) -> None:
    (workshop.modules / "hello" / "go.mod").unlink()
    with pytest.raises(SandboxError, match="the sandbox runs from a checkout of tailstack"):
        workshop.ensure(HELLO)


def test_every_tool_has_a_pinned_module() -> None:
    for tool in TOOLS.values():
        folder = Path(__file__).parents[3] / "tools" / tool.module
        assert (folder / "go.sum").is_file(), tool.name
        text = (folder / "go.mod").read_text()
        assert f"module tailstack/tools/{tool.module}\n" in text
        if isinstance(tool, Program) and tool.package != ".":
            assert f" v{tool.version}\n" in text, tool.name
    charts = {"chart-1.100", "chart-1.104", "operator-1.104"}
    for_tests_only = {"hujson-format", "headscale", "actionlint", "lua"} | charts
    assert set(TOOLS) - set(DEMO_TOOLS) == for_tests_only


@pytest.mark.sandbox
def test_the_built_tools_know_their_version_as_one_on_path_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rules for programs on PATH, held against the real programs."""
    names = [name for name in DEMO_TOOLS if name != "chart"]
    built = ensure(names)
    for name, path in built.items():
        (tmp_path / name).symlink_to(path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert ensure(names) == {name: tmp_path / name for name in names}
