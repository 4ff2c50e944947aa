"""Type tokens of our components. They are part of every URN in every state file: a changed token is a new resource."""

from __future__ import annotations

from typing import Final

TAILNET: Final = "tailstack:tailnet:Tailnet"
CLUSTER: Final = "tailstack:cluster:Cluster"
