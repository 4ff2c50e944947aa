"""`tailstack sandbox`: an environment that needs no account, no container runtime and no root."""

from __future__ import annotations

import json
import os
import shlex
import time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

import click

from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.formats import FormatWithoutMarkdown, format_option
from tailstack.commands.project import find_project
from tailstack.commands.terminal import wants_colour
from tailstack.sandbox.failure import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tailstack.sandbox.folder import PluginsRecord, Record
    from tailstack.sandbox.lifecycle import Sandbox, Status

P = ParamSpec("P")
R = TypeVar("R")


def _plain_failures(function: Callable[P, R]) -> Callable[P, R]:
    """Say a SandboxError in its own words."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SandboxError as error:
            raise click.ClickException(str(error)) from error

    return call


def _folder(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path:
    return value if value is not None else find_project(Path.cwd()) / ".sandbox"


def _plugin_choice(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from tailstack.sandbox.plugins.install import Choice  # noqa: PLC0415 -- only when it is called

    try:
        Choice.parse(value)
    except SandboxError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _cluster_names(
    _context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...] | None:
    from tailstack.sandbox.clusters import check_names  # noqa: PLC0415 -- only when it is called

    try:
        check_names(value or ("default",))
    except SandboxError as error:
        raise click.BadParameter(str(error)) from error
    return value or None


_in_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_folder,
    help="The sandbox's folder.  [default: .sandbox in the project]",
)


@click.group()
def command() -> None:
    """Run a whole tailnet on this machine: two Kubernetes API servers and a stand-in for Tailscale's API."""


@command.command()
@click.argument("tools", nargs=-1, metavar="[TOOL]...")
@_plain_failures
def build(tools: tuple[str, ...]) -> int:
    """Build the tools that are missing (all that the sandbox needs, or those named), and say where they are.

    A tool on PATH that is new enough is used as it is. The first build takes some minutes; it can be interrupted, and
    goes on where it stopped.
    """
    from tailstack.sandbox.toolchain import DEMO_TOOLS, TOOLS, ensure  # noqa: PLC0415 -- only this command needs them

    unknown = sorted(set(tools) - set(TOOLS))
    if unknown:
        raise click.UsageError(f"There is no tool {', '.join(unknown)}. There are: {', '.join(TOOLS)}.")
    for name, path in ensure(tools or DEMO_TOOLS).items():
        click.echo(f"{name:<24} {path}")
    return ExitCode.CLEAN


@command.command()
@_in_folder
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    callback=_cluster_names,
    help="A cluster; may be given several times.  [default: blue, green]",
)
@click.option(
    "--plugins",
    default="auto",
    show_default=True,
    metavar="auto|official|stand-in|FOLDER",
    callback=_plugin_choice,
    help="Where Pulumi's language host and providers come from.",
)
@_plain_failures
def up(folder: Path, clusters: tuple[str, ...] | None, plugins: str) -> int:
    """Start the sandbox and leave it running. What `down --keep` left is there again."""
    from tailstack.sandbox import lifecycle, workload  # noqa: PLC0415 -- only when it is called

    began = time.monotonic()
    sandbox = lifecycle.up(folder, clusters=clusters, plugins=plugins)
    workload.deploy(sandbox.kubeconfig, tuple(sandbox.clusters))
    click.echo(f"The sandbox is up, after {time.monotonic() - began:.1f} s, in {sandbox.folder}")
    _describe(sandbox)
    click.echo("\nUse it with: tailstack sandbox shell")
    return ExitCode.CLEAN


@command.command()
@_in_folder
@click.option("--keep", is_flag=True, help="Keep the folder with all state, for the next `up`.")
@_plain_failures
def down(folder: Path, keep: bool) -> int:  # noqa: FBT001 -- click passes options by keyword
    """End the sandbox and delete its folder."""
    from tailstack.sandbox import lifecycle  # noqa: PLC0415 -- only when it is called

    ran = lifecycle.down(folder, keep=keep)
    what = "The sandbox is down" if ran else "No sandbox was running"
    click.echo(f"{what}; {'its folder is kept' if keep else 'nothing of it is left'}: {folder}")
    return ExitCode.CLEAN


@command.command()
@_in_folder
@format_option(FormatWithoutMarkdown)
@_plain_failures
def status(folder: Path, form: FormatWithoutMarkdown) -> int:
    """Say what runs, where it listens, where its logs are, and which plugins and tools it uses."""
    from tailstack.sandbox import lifecycle  # noqa: PLC0415 -- only when it is called

    found = lifecycle.status(folder)
    if form is FormatWithoutMarkdown.JSON:
        click.echo(json.dumps(_document(found), indent=2))
    elif found.record is None:
        state = "is being started" if found.starting else "does not run"
        click.echo(f"The sandbox in {found.folder} {state}.")
    else:
        _table(found, found.record)
    return ExitCode.CLEAN


@command.command(context_settings={"ignore_unknown_options": True})
@_in_folder
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
@_plain_failures
def shell(folder: Path, arguments: tuple[str, ...]) -> int:
    """Open a shell, or run a command, in which pulumi, kubectl and helm use the sandbox and nothing else."""
    from tailstack.sandbox import lifecycle  # noqa: PLC0415 -- only when it is called

    environment = lifecycle.environment(folder)
    if not arguments:
        arguments = (environment.get("SHELL") or "/bin/sh",)
        click.echo(f"{shlex.join(arguments)} with the sandbox's environment; leave it with `exit`.", err=True)
    try:
        os.execvpe(arguments[0], list(arguments), environment)  # noqa: S606 -- this is the command's purpose
    except OSError as error:
        raise click.ClickException(f"{arguments[0]} cannot be run: {error.strerror}") from error


@command.command()
@_in_folder
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, to look around in.")
@click.option(
    "--record",
    type=click.File("w", encoding="utf-8"),
    help="Write what is shown into this file as well, without colours.",
)
@_plain_failures
def demo(folder: Path, keep: bool, record: TextIO | None) -> int:  # noqa: FBT001 -- click passes options by keyword
    """Bring a whole tailnet up, show it, change it behind its stack, put it right, and take it down again."""
    from tailstack.sandbox.demo.run import perform  # noqa: PLC0415 -- only when it is called

    perform(find_project(Path.cwd()), folder, keep=keep, record=record, colour=wants_colour())
    return ExitCode.CLEAN


def _describe(sandbox: Sandbox) -> None:
    facts = {f"cluster {name}": url for name, url in sandbox.clusters.items()}
    facts |= {"kubeconfig": str(sandbox.kubeconfig), "Tailscale API": sandbox.api_url}
    _facts(facts | {"plugins": _plugins(sandbox.plugins)})


def _table(found: Status, record: Record) -> None:
    ended = {entry.name for entry in found.ended}
    click.echo(f"The sandbox in {found.folder} runs{', but not all of it' if ended else ''}.\n")
    rows = [("process", "pid", "listens on", "log")]
    rows.append(("supervisor", str(record.supervisor.pid), "", _near(found, found.folder / "logs" / "supervisor.log")))
    for entry in record.processes:
        address = _near(found, Path(entry.address)) if entry.address.startswith("/") else entry.address
        pid = "ended" if entry.name in ended else str(entry.process.pid)
        rows.append((entry.name, pid, address, _near(found, Path(entry.log))))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    click.echo()
    _facts(
        {
            "kubeconfig": f"{_near(found, found.folder / 'kubeconfig')} (contexts: {', '.join(record.clusters)})",
            "Tailscale API": record.api_url,
            "plugins": _plugins(record.plugins),
            **record.tools,
        }
    )


def _facts(facts: Mapping[str, str]) -> None:
    width = max(map(len, facts))
    for name, text in facts.items():
        click.echo(f"{name:<{width}}  {text}")


def _plugins(plugins: PluginsRecord) -> str:
    return f"{plugins.source}: {', '.join(plugins.names)}"


def _near(found: Status, path: Path) -> str:
    """A path as short as it can be said from the project, or whole."""
    try:
        return str(path.relative_to(found.folder.parent))
    except ValueError:
        return str(path)


def _document(found: Status) -> dict[str, Any]:
    record = found.record
    base = {"folder": str(found.folder), "running": record is not None, "starting": found.starting}
    if record is None:
        return base
    ended = {entry.name for entry in found.ended}
    return base | {
        "supervisor": {"pid": record.supervisor.pid, "log": str(found.folder / "logs" / "supervisor.log")},
        "kubeconfig": str(found.folder / "kubeconfig"),
        "clusters": dict(record.clusters),
        "api": record.api_url,
        "plugins": {"source": record.plugins.source, "names": list(record.plugins.names)},
        "tools": dict(record.tools),
        "processes": [
            {
                "name": entry.name,
                "pid": entry.process.pid,
                "running": entry.name not in ended,
                "address": entry.address,
                "log": entry.log,
            }
            for entry in record.processes
        ],
    }
