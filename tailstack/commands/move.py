"""`tailstack move`: from one stack for a whole environment to shards, and back, without touching what is live."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tailstack.commands.environment import config_of_stack
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.project import find_project, project_name
from tailstack.engine.deployments import StateError
from tailstack.engine.moving import Plan, Stack, StackLockedError, back_up, carry_out, plan_moves, read_states
from tailstack.engine.pulumi import Pulumi, PulumiMissingError
from tailstack.topology.shards import FORMS, read_shard

_BACKUPS = ".tailstack"


@click.command("move", short_help="Move resources between the stacks of an environment, without touching them.")
@click.option(
    "--from", "sources", multiple=True, required=True, metavar="STACK", help="Where from. May be given several times."
)
@click.option(
    "--to", "targets", multiple=True, required=True, metavar="STACK", help="Where to. May be given several times."
)
@click.option("--dry-run", is_flag=True, help="Say what would go where, and change nothing.")
@click.option(
    "--backup",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the states are kept as they were.  [default: .tailstack/TIME in the project]",
)
def command(sources: tuple[str, ...], targets: tuple[str, ...], backup: Path | None, *, dry_run: bool) -> ExitCode:
    """Move resources between the stacks of one environment: to one stack for each shard, or back to one for all of it.

    What a stack is to hold is said by its config tailstack:scope. Of the stacks of --from, every part goes to the stack of
    --to that is to hold it. Only states are changed; nothing is created, updated or deleted. Set the scopes first, then
    move, then preview and apply each stack: docs/scopes.md.

    A run that was killed can be run again. Exits with 2 if --dry-run finds something to move, with 4 where it would be
    unsafe, with 5 if a stack is locked.
    """
    project = find_project(Path.cwd())
    every = tuple(dict.fromkeys((*sources, *targets)))
    aimed = _stacks(project, every, targets)
    try:
        engine = Pulumi.found(project)
        states = read_states(engine, every, project_name(project))
        plan = plan_moves(tuple(dict.fromkeys(sources)), aimed, states)
        click.echo(_shown(plan), nl=False)
        if dry_run or not plan.moves:
            return ExitCode.CHANGES if plan.moves else ExitCode.CLEAN
        folder = backup or _new_backup(project)
        back_up(states, folder)
        click.echo(
            f"The states as they were are in {folder}. To go back to one: pulumi stack import --stack STACK --file FILE"
        )
        carry_out(engine, plan, states, lambda text: click.echo(f"Moving {text}", err=True))
    except PulumiMissingError as error:
        raise click.ClickException(str(error)) from error
    except StackLockedError as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.LOCKED
    except StateError as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.REFUSED
    click.echo("Done. `pulumi preview` of each stack shows no change now; apply each once, so that it knows its order.")
    for name in plan.emptied:
        click.echo(f"{name} is empty: pulumi stack rm {name}")
    return ExitCode.CLEAN


def _stacks(project: Path, every: tuple[str, ...], targets: tuple[str, ...]) -> tuple[Stack, ...]:
    """The targets with what they are to hold. Raises click.UsageError where the stacks are not of one environment."""
    settings = {name: config_of_stack(project, name) for name in every}
    environments = {name: one.environment for name, one in settings.items()}
    if len(set(environments.values())) > 1:
        told = ", ".join(f"{name} ({environment})" for name, environment in environments.items())
        raise click.UsageError(f"These stacks belong to different environments: {told}. See tailstack:environment.")
    found: list[Stack] = []
    for name in dict.fromkeys(targets):
        shard = read_shard(settings[name].scope)
        if shard is None:
            raise click.UsageError(f"tailstack:scope of {name} is {settings[name].scope!r}; expected {FORMS}.")
        found.append(Stack(name=name, shard=shard))
    return tuple(found)


def _shown(plan: Plan) -> str:
    lines: list[str] = []
    for move in plan.moves:
        lines.append(f"{move.source} → {move.target}")
        lines += [f"  {part}" for part in move.parts]
        many = "resource" if len(move.resources) == 1 else "resources"
        lines.append(f"  {len(move.resources)} {many} in all: {', '.join(move.resources)}")
    if not plan.moves:
        lines.append("There is nothing to move.")
    lines += [f"Stays in {name}: {', '.join(parts)}" for name, parts in plan.staying.items() if parts]
    return "".join(f"{line}\n" for line in lines)


def _new_backup(project: Path) -> Path:
    """A new folder that git does not see."""
    folder = project / _BACKUPS
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
