"""The policy packs that a preview or an apply is tried against."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tailstack.report.style import counted

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PACK = "policies"
_PACK_FILE = "PulumiPolicy.yaml"


def policy_pack_options(command: _Command) -> _Command:
    """The options `--policy-pack`, `--policy-pack-config` and `--no-policy-pack`."""
    options = (
        click.option(
            "--policy-pack",
            "packs",
            multiple=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="A policy pack to try it against.  [default: policies, where the project has it]",
        ),
        click.option(
            "--policy-pack-config",
            "pack_configs",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The config of the policy pack of the same position.  [default: policies/ENVIRONMENT.json, where there is one]",
        ),
        click.option("--no-policy-pack", "without_packs", is_flag=True, help="Try it against no policy pack."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def pack_options(
    project: Path, environment: str, packs: Sequence[Path], configs: Sequence[Path], *, without_packs: bool
) -> tuple[str, ...]:
    """The engine's options; paths are absolute, because the engine runs in the folder of the project.

    The project's own pack has a config for each environment that needs one. It stands beside the pack and not among the
    declarations: what an environment may do is not for its own files to say.

    Raises click.UsageError where packs are both named and switched off, where there is not a config for each, and for a config
    that is no JSON, of which the engine does not say which file it is.
    """
    if without_packs and packs:
        raise click.UsageError("Either --policy-pack or --no-policy-pack.")
    if not packs and not without_packs and (project / _PACK / _PACK_FILE).is_file():
        packs = (project / _PACK,)
        usual = project / _PACK / f"{environment}.json"
        configs = configs or ((usual,) if usual.is_file() else ())
    if configs and len(configs) != len(packs):
        given = f"{counted(len(packs), 'policy pack')} and {counted(len(configs), 'config')} of one"
        raise click.UsageError(f"There are {given}: each --policy-pack takes one --policy-pack-config, in order.")
    for config in configs:
        _refuse_no_json(config)
    options = [option for pack in packs for option in ("--policy-pack", str(pack.resolve()))]
    return (*options, *(option for config in configs for option in ("--policy-pack-config", str(config.resolve()))))


def _refuse_no_json(config: Path) -> None:
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        place = f"{config}:{error.lineno}:{error.colno}"
        raise click.UsageError(f"{place}: the config of a policy pack is no JSON: {error.msg}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{config}: the config of a policy pack cannot be read: {error}.") from error
