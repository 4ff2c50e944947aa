"""The language host through the real engine: programs, hooks, policy packs, and how everything ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.sandbox.plugins.stacks import Project, alive, below, interrupt, until

pytestmark = pytest.mark.sandbox

WAITING = """
import asyncio, pathlib, pulumi, pulumi_tailscale
provider = pulumi_tailscale.Provider("tailnet", api_key="x")

async def wait(_):
    pathlib.Path("started").touch()
    await asyncio.sleep(120)

pulumi.export("never", provider.urn.apply(wait))
"""
PROCESSES = 4  # the host, the pack, the program, the provider


def test_a_program_sees_its_config_its_stack_and_its_folder(stack: Project) -> None:
    stack.run("config", "set", "greeting", "hello")
    stack.run("config", "set", "--secret", "word", "open-sesame")
    (stack.folder / "beside.py").write_text("VALUE = 'imported'", "utf-8")
    stack.program(
        """
        import os, sys, pulumi, beside
        config = pulumi.Config()
        print("printed by the program")
        pulumi.export("greeting", config.require("greeting"))
        pulumi.export("word", config.require_secret("word"))
        pulumi.export("hidden", config.require("word") != "")
        pulumi.export("beside", beside.VALUE)
        pulumi.export("names", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
        pulumi.export("prefix", sys.prefix)
        pulumi.export("virtualenv", os.environ["VIRTUAL_ENV"])
        pulumi.export("root", pulumi.runtime.get_root_directory())
        pulumi.export("preview", pulumi.runtime.is_dry_run())
        """
    )
    assert "printed by the program" in stack.run("preview")
    stack.up()
    outputs = json.loads(stack.run("stack", "output", "--json"))
    assert outputs == {
        "greeting": "hello",
        "word": "[secret]",
        "hidden": True,
        "beside": "imported",
        "names": ["probe", "dev", "organization"],
        "prefix": sys.prefix,
        "virtualenv": sys.prefix,
        "root": str(stack.folder),
        "preview": False,
    }
    assert "open-sesame" not in stack.state_text()


def test_what_is_wrong_with_a_program_is_said_once_and_from_its_own_first_line(stack: Project) -> None:
    stack.program("def broken():\n    raise ValueError('the reason')\n\nbroken()\n")
    said = stack.run("preview", code=1)
    assert said.count("ValueError: the reason") == 1
    assert "in broken\n" in said.replace("    ", "")
    assert "child.py" not in said
    assert "runpy" not in said

    stack.program("import pulumi\nraise pulumi.RunError('in plain words')\n")
    said = stack.run("preview", code=1)
    assert "error: in plain words" in said
    assert "Traceback" not in said

    stack.program("import sys\nsys.exit(7)\n")
    assert "Program exited with non-zero exit code: 7" in stack.run("preview", code=1)

    stack.program("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert "Program was ended by SIGKILL" in stack.run("preview", code=1)


def test_a_virtualenv_that_is_not_there_is_named(stack: Project) -> None:
    runtime = {"name": "python", "options": {"virtualenv": "nowhere"}}
    (stack.folder / "Pulumi.yaml").write_text(json.dumps({"name": "probe", "runtime": runtime}), "utf-8")
    said = stack.run("preview", code=1)
    assert f"{stack.folder / 'nowhere'} does not exist" in said
    assert "python3 -m venv" in said

    bare = stack.folder / "nowhere" / "bin" / "python"
    bare.parent.mkdir(parents=True)
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n', "utf-8")
    bare.chmod(0o755)
    said = stack.run("preview", code=1)
    assert "The Pulumi SDK cannot be imported by " in said
    assert "Traceback" not in said


def test_hooks_run_in_the_program_and_can_refuse(stack: Project) -> None:
    stack.program(
        """
        import pathlib, pulumi

        def note(args):
            pathlib.Path("noted").write_text(args.name)

        async def refuse(args):
            raise RuntimeError("refused by a hook")

        hook = lambda name, what: pulumi.ResourceHook(name, what)
        class Held(pulumi.CustomResource):
            def __init__(self, name, opts):
                super().__init__("pulumi:index:Stash", name, {"input": name, "output": None}, opts)

        Held("first", pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[hook("note", note)])))
        if pathlib.Path("refuse").exists():
            binding = pulumi.ResourceHookBinding(before_create=[hook("refuse", refuse)])
            Held("second", pulumi.ResourceOptions(hooks=binding))
        """
    )
    stack.up()
    assert (stack.folder / "noted").read_text("utf-8") == "first"
    (stack.folder / "refuse").touch()
    assert "refused by a hook" in stack.up(code=1)
    assert "second" not in stack.resources()


def _pack(folder: Path, *, virtualenv: str) -> Path:
    folder.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": virtualenv}}
    pack = {"runtime": runtime, "version": "0.0.1", "description": "a test"}
    (folder / "PulumiPolicy.yaml").write_text(json.dumps(pack), "utf-8")
    (folder / "rules.py").write_text(
        "def judge(args, report):\n    if args.props.get('input') == 'bad': report(f'{args.name} is bad')\n", "utf-8"
    )
    (folder / "__main__.py").write_text(
        "import pulumi_policy as p, rules\n"
        "rule = p.ResourceValidationPolicy('no-bad', 'Nothing bad.', rules.judge, p.EnforcementLevel.MANDATORY)\n"
        "p.PolicyPack('probe', [rule])\n",
        "utf-8",
    )
    return folder


def test_a_policy_pack_judges_and_refuses(stack: Project) -> None:
    pack = _pack(stack.folder / "pack", virtualenv=sys.prefix)
    program = """
        import pulumi
        pulumi.Stash("thing", input="{value}")
        """
    stack.program(program.format(value="good"))
    assert "probe" in stack.up("--policy-pack", str(pack))
    stack.program(program.format(value="bad"))
    said = stack.up("--policy-pack", str(pack), code=1)
    assert "thing is bad" in said
    assert "Traceback" not in said
    assert stack.resources()["thing"]["inputs"]["input"] == "good"


def test_a_policy_pack_whose_virtualenv_is_not_there_is_refused(stack: Project) -> None:
    pack = _pack(stack.folder / "pack", virtualenv="nowhere")
    assert f"{pack / 'nowhere'} does not exist" in stack.run("preview", "--policy-pack", str(pack), code=1)


def test_an_interrupted_program_ends_at_once_and_leaves_nothing(stack: Project) -> None:
    stack.program(WAITING)
    pack = _pack(stack.folder / "pack", virtualenv=sys.prefix)
    running = stack.start("up", "--yes", "--skip-preview", "--policy-pack", str(pack))
    until((stack.folder / "started").exists)
    started = [process.pid for process in below(running.pid)]
    assert len(started) == PROCESSES
    said = interrupt(running)
    assert running.returncode != 0
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
    assert "exited prematurely" not in said
    assert alive(started) == []
    stack.program("import pulumi\npulumi.export('done', True)\n")
    stack.up()
    assert json.loads(stack.run("stack", "output", "--json")) == {"done": True}


@pytest.mark.parametrize("victim", ["engine", "host"])
def test_nothing_outlives_a_kill(stack: Project, victim: str) -> None:
    stack.program(WAITING)
    pack = _pack(stack.folder / "pack", virtualenv=sys.prefix)
    running = stack.start("up", "--yes", "--skip-preview", "--policy-pack", str(pack))
    until((stack.folder / "started").exists)
    started = below(running.pid)
    assert len(started) == PROCESSES
    if victim == "engine":
        watched = started
        running.kill()
    else:
        (host,) = {each.parent for each in started} - {running.pid}
        watched = below(host)
        os.kill(host, signal.SIGKILL)
    until(lambda: alive([each.pid for each in watched]) == [])
    running.kill()
    running.communicate()
    assert len(watched) >= 2


def test_about_tells_the_python_and_what_is_installed(stack: Project) -> None:
    about = json.loads(stack.run("about", "--json", "--transitive"))
    assert about["runtime"]["executable"] == f"{sys.prefix}/bin/python"
    assert about["runtime"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert {"pulumi-tailscale", "pulumi-kubernetes"} <= {each["name"] for each in about["dependencies"]}
