"""`tailstack kubeconfig`: the way to the API servers of an environment, printed or merged into one's own kubeconfig."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from tailstack.commands import kubeconfig_file
from tailstack.commands.environment import choose_environment
from tailstack.commands.exit_codes import ExitCode
from tailstack.commands.findings import say_findings
from tailstack.commands.formats import FormatWithoutMarkdown, format_option
from tailstack.commands.kubeconfig_merging import Merged, merge
from tailstack.commands.kubeconfig_nodes import UnfitKubeconfigError
from tailstack.commands.project import find_project
from tailstack.finding import InvalidTailnetError
from tailstack.report.kubeconfigs import kubeconfig_of, user_of
from tailstack.rules.api_proxies import ApiServerProxy, api_server_proxies
from tailstack.topology.loading import load_environment

if TYPE_CHECKING:
    from tailstack.topology.tailnet import Tailnet


@click.command("kubeconfig", short_help="Print a kubeconfig for an environment, or merge it into yours.")
@click.argument("environment", required=False)
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="This cluster alone. May be given several times."
)
@click.option("--merge", "merges", is_flag=True, help="Merge into a kubeconfig file instead of printing.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="The file to merge into; by default the first of KUBECONFIG, else ~/.kube/config.",
)
@click.option(
    "--use-context", is_flag=True, help="With --merge: make the context of the one --cluster the current one."
)
@format_option(FormatWithoutMarkdown)
def command(
    environment: str | None,
    form: FormatWithoutMarkdown,
    *,
    clusters: tuple[str, ...],
    merges: bool,
    file: Path | None,
    use_context: bool,
) -> ExitCode:
    """Print a kubeconfig for the API-server proxies of ENVIRONMENT, or merge it into a kubeconfig file.

    Names are derived from the declarations: it needs no network, no credentials and no stack. With --merge everything that is in
    the file stays as it is, byte for byte, and a copy of it is kept beside it; an entry that has one of our names and is not ours is an
    error, and then nothing is written. The current context stays what it is, unless --use-context says otherwise.

    Exits with 3 if the environment has errors, or the file cannot be merged into.
    """
    if (file is not None or use_context) and not merges:
        raise click.UsageError("--file and --use-context go with --merge.")
    project = find_project(Path.cwd())
    try:
        tailnet = load_environment(project, choose_environment(project, environment), datetime.now(UTC))
    except InvalidTailnetError as error:
        return say_findings(error.findings, form)
    proxies = _chosen(tailnet, clusters)
    if not merges:
        return _print(proxies, form)
    current = _current(proxies) if use_context else None
    return _merge(file or kubeconfig_file.default_file(os.environ, Path.home()), proxies, current, form)


def _chosen(tailnet: Tailnet, clusters: Sequence[str]) -> tuple[ApiServerProxy, ...]:
    """The proxies of these clusters, of all where none is named. Raises click.UsageError where there is none."""
    known = [cluster.name for cluster in tailnet.clusters]
    for name in clusters:
        if name not in known:
            raise click.UsageError(f"--cluster: no cluster called {name}. There are: {', '.join(known)}.")
    proxies = tuple(proxy for proxy in api_server_proxies(tailnet) if not clusters or proxy.cluster in clusters)
    without = [name for name in clusters or known if all(proxy.cluster != name for proxy in proxies)]
    if not proxies or (clusters and without):
        raise click.UsageError(
            f"No API-server proxy is declared in {', '.join(without) or tailnet.environment}: "
            "`operator: {apiServerProxy: {mode: auth}}` switches one on."
        )
    return proxies


def _current(proxies: Sequence[ApiServerProxy]) -> ApiServerProxy:
    """The one that is highly available where there is one. Raises click.UsageError for several clusters."""
    if len({proxy.cluster for proxy in proxies}) > 1:
        raise click.UsageError("--use-context: of which cluster? Name one with --cluster.")
    return proxies[-1]


def _print(proxies: Sequence[ApiServerProxy], form: FormatWithoutMarkdown) -> ExitCode:
    is_one = len({proxy.cluster for proxy in proxies}) == 1
    written = kubeconfig_of(proxies, current=proxies[-1] if is_one else None)
    if form is FormatWithoutMarkdown.JSON:
        click.echo(json.dumps(written, indent=2))
    else:
        click.echo(yaml.safe_dump(written, sort_keys=False), nl=False)
    for proxy in proxies:
        if not proxy.impersonates:
            click.echo(_what_to_add(proxy), err=True)
    return ExitCode.CLEAN


def _merge(
    file: Path, proxies: Sequence[ApiServerProxy], current: ApiServerProxy | None, form: FormatWithoutMarkdown
) -> ExitCode:
    try:
        with kubeconfig_file.locked(file):
            before = kubeconfig_file.read(file)
            merged = merge(before, proxies, current=current)
            backup = None
            if merged.text != before:
                backup = kubeconfig_file.replace(file, merged.text, datetime.now(UTC))
    except UnfitKubeconfigError as error:
        return _refuse([(file, each.line, each.column, each.message) for each in error.problems], form)
    except UnicodeDecodeError:
        return _refuse([(file, 1, 1, "This is no text in UTF-8.")], form)
    except (OSError, kubeconfig_file.LockedError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise click.ClickException(f"{file} was not written: {reason}") from error
    click.echo(
        _as_json(file, merged, backup)
        if form is FormatWithoutMarkdown.JSON
        else _as_text(file, merged, backup, proxies),
        nl=False,
    )
    return ExitCode.CLEAN


def _refuse(problems: Sequence[tuple[Path, int, int, str]], form: FormatWithoutMarkdown) -> ExitCode:
    if form is FormatWithoutMarkdown.JSON:
        keys = ("file", "line", "column", "message")
        click.echo(
            json.dumps({"problems": [dict(zip(keys, (str(p[0]), *p[1:]), strict=True)) for p in problems]}, indent=2)
        )
    else:
        for file, line, column, message in problems:
            click.echo(f"{file}:{line}:{column}: {message}", err=True)
        click.echo("Nothing was written.", err=True)
    return ExitCode.FINDINGS


def _as_json(file: Path, merged: Merged, backup: Path | None) -> str:
    done = {
        "file": str(file),
        "backup": str(backup) if backup else None,
        "added": list(merged.added),
        "changed": list(merged.changed),
        "kept": list(merged.kept),
    }
    return json.dumps(done, indent=2) + "\n"


def _as_text(file: Path, merged: Merged, backup: Path | None, proxies: Sequence[ApiServerProxy]) -> str:
    lines = [f"added    {name}" for name in merged.added] + [f"changed  {name}" for name in merged.changed]
    head = f"{file}: {'written' if lines else 'nothing to change'}"
    lines = [head + (f"; what was there is in {backup}" if backup else ""), *(f"  {line}" for line in lines)]
    new_users = {name.removeprefix("user ") for name in merged.added if name.startswith("user ")}
    lines += [_what_to_add(proxy) for proxy in proxies if not proxy.impersonates and user_of(proxy) in new_users]
    return "".join(f"{line}\n" for line in lines)


def _what_to_add(proxy: ApiServerProxy) -> str:
    return (
        f"{proxy.fqdn} is in noauth mode: cluster {proxy.cluster} itself asks who you are. Give the user {user_of(proxy)} "
        f"a token, a client certificate or an exec plugin, as with `kubectl config set-credentials {user_of(proxy)} --token=…`."
    )
