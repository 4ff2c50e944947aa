"""Commands of kubectl that people are told."""

from __future__ import annotations

import shlex

from tailstack.live.model import LiveObject
from tailstack.topology.tailnet import Cluster


def kubectl(cluster: Cluster, verb: str, there: LiveObject) -> str:
    """`kubectl --context blue delete ingress web -n default`, of an object in a cluster.

    Where the cluster is reached by a kubeconfig of its own, nobody's machine is known to have a context of it.
    """
    context = ("--context", cluster.context) if cluster.context is not None else ()
    namespace = ("-n", there.namespace) if there.namespace else ()
    return shlex.join(("kubectl", *context, verb, there.kind.lower(), there.name, *namespace))
