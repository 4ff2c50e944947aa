"""Components for a Pulumi program of one's own: the tailnet, and each cluster in it. `examples/plain` shows how.

`load` reads declarations and checks them; what it gives goes into the arguments of `Tailnet` and `Cluster`. Those take what
is made by hand as well (`tailstack.topology.tailnet` has the dataclasses), and then nobody has checked it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from components.checking import Declared, without_errors
from components.cluster import Cluster, ClusterArgs
from components.operator_chart import ChartSource, find_chart
from components.policy_guard import connect, guard
from components.providers import kubernetes_provider, tailscale_provider
from components.refusal import RefusedError, refusals_shown
from components.role_bindings import Binding, bindings
from components.tailnet import Tailnet, TailnetArgs

__all__ = [
    "Binding",
    "ChartSource",
    "Cluster",
    "ClusterArgs",
    "Declared",
    "RefusedError",
    "Tailnet",
    "TailnetArgs",
    "bindings",
    "connect",
    "find_chart",
    "guard",
    "kubernetes_provider",
    "load",
    "refusals_shown",
    "tailscale_provider",
]


def load(project: Path, environment: str, at: datetime | None = None) -> Declared:
    """The declarations in `stacks/<environment>` of a project and the policy file that they give; `at` is now by default.

    Raises RefusedError with the text of `tailstack check` where there are errors; see `refusals_shown`.
    """
    return without_errors(project, environment, at or datetime.now(UTC))
