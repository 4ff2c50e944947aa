"""Looking at what is live for a command: with the credentials of the stacks, or of the environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailstack.commands.stacks import Stack, file_of
from tailstack.engine.live_clusters import Target, read_clusters
from tailstack.engine.live_tailnet import nothing_readable, read_tailnet
from tailstack.engine.pulumi import Pulumi
from tailstack.engine.stack_config import KEYS, StackConfigError, read_config, with_config
from tailstack.engine.tailscale_api import Failure, TailscaleApi, TailscaleApiError, from_environment
from tailstack.live.declared import Scope
from tailstack.live.model import Live, LiveCluster, LiveTailnet, Unknown
from tailstack.topology.tailnet import Cluster

OnCluster = Callable[[str, LiveCluster | Unknown], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """How the tailnet and each cluster are reached, so that they can be looked at several times.

    `refused` are clusters whose kubeconfig cannot be had.
    """

    variables: Mapping[str, str]
    targets: tuple[Target, ...]
    refused: Mapping[str, Unknown]
    no_credential: str = ""

    def look(
        self,
        hosted: Collection[str] = (),
        credentials: Collection[str] = (),
        on_cluster: OnCluster = lambda _name, _found: None,
    ) -> Live:
        """What is live now. `hosted` are the Tailscale Services of which the hosts are wanted, `credentials` the ids of keys that
        are wanted also where they were revoked. Raises nothing."""
        found = read_clusters(self.targets, environment=self.variables, on_end=on_cluster)
        return Live(tailnet=self._tailnet(hosted, credentials), clusters={**found, **self.refused})

    def _tailnet(self, hosted: Collection[str], credentials: Collection[str]) -> LiveTailnet:
        if self.no_credential:
            return nothing_readable(self.no_credential)
        try:
            return read_tailnet(from_environment(self.variables), hosted=hosted, credentials=credentials)
        except TailscaleApiError as error:
            return nothing_readable(str(error))


def looking_at(
    project: Path,
    stacks: Sequence[Stack],
    scope: Scope,
    engine: Pulumi | None,
    variables: Mapping[str, str] | None = None,
) -> Looking:
    """How what a scope holds is reached. `variables` are those of this process by default; a stack's config goes before."""
    variables = dict(os.environ if variables is None else variables)
    configs, failures = _configs(project, stacks, scope.clusters, engine)
    secrets = {key: value for config in configs for key, value in config.items()}
    targets: list[Target] = []
    refused: dict[str, Unknown] = {}
    for cluster in scope.clusters:
        key = f"tailstack:{cluster.kubeconfig_secret}"
        if cluster.kubeconfig_secret is not None and key not in secrets:
            reason = failures or f"no stack's config has the secret {key}"
            refused[cluster.name] = Unknown(what=f"cluster {cluster.name}", reason=reason)
        else:
            targets.append(
                Target(
                    name=cluster.name,
                    namespace=cluster.operator.namespace,
                    context=cluster.context,
                    kubeconfig=secrets.get(key),
                )
            )
    return Looking(
        variables=with_config(variables, secrets), targets=tuple(targets), refused=refused, no_credential=failures
    )


def connect(project: Path, stack: str, engine: Pulumi | None, variables: Mapping[str, str]) -> TailscaleApi:
    """The API with the credentials that the program of a stack has: those of its config, else those of `variables`.

    Raises TailscaleApiError (MISCONFIGURED) where there are none, or the config cannot be read.
    """
    try:
        config = read_config(engine, file_of(project, stack), stack, KEYS)
    except StackConfigError as error:
        raise TailscaleApiError(Failure.MISCONFIGURED, str(error)) from error
    return from_environment(with_config(variables, config))


def _configs(
    project: Path, stacks: Sequence[Stack], clusters: Sequence[Cluster], engine: Pulumi | None
) -> tuple[list[Mapping[str, str]], str]:
    """The config of each stack, and why one could not be read."""
    wanted = KEYS | {f"tailstack:{c.kubeconfig_secret}" for c in clusters if c.kubeconfig_secret}
    found: list[Mapping[str, str]] = []
    failures: list[str] = []
    for stack in stacks:
        try:
            found.append(read_config(engine, file_of(project, stack.name), stack.name, wanted))
        except StackConfigError as error:
            failures.append(str(error))
    return found, "; ".join(failures)
