"""What an operator proves with who it is: an OAuth client, a federated identity, or something that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_tailscale import FederatedIdentity, OauthClient

from components.chart_values import Login
from components.options import child
from tailstack.topology.credentials import credential_description, operator_scopes
from tailstack.topology.tailnet import Cluster, Federation

SERVICE_ACCOUNT = "operator"
"""The one that the chart makes for the operator (`templates/operator-rbac.yaml`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """`made` are resources of the tailnet; `client` is an OAuth client, whose secret goes into a Secret of the cluster.

    `namespace_exists` tells that somebody has put something into the operator's namespace, which therefore is theirs.
    """

    login: Login
    made: tuple[pulumi.Resource, ...] = ()
    client: OauthClient | None = None
    namespace_exists: bool = False


def prove(
    parent: pulumi.Resource, name: str, cluster: Cluster, *, environment: str, depends_on: Sequence[pulumi.Resource]
) -> Credentials:
    """The credentials of one cluster's operator. `depends_on` is the policy, which must know the tags before."""
    operator = cluster.operator
    if operator.existing_secret is not None:
        return Credentials(login=Login(name=operator.existing_secret), namespace_exists=True)
    if operator.credentials_volume is not None:
        return Credentials(login=Login(), namespace_exists=True)
    if operator.federation is not None:
        identity = _identity(parent, name, cluster, operator.federation, environment=environment, depends_on=depends_on)
        return Credentials(login=Login(client_id=identity.id, audience=identity.audience), made=(identity,))
    client = OauthClient(
        name,
        description=credential_description(environment, cluster.name),
        scopes=list(operator_scopes(cluster)),
        tags=list(operator.tags),
        opts=child(parent, depends_on=depends_on),
    )
    return Credentials(login=Login(name=client.id), made=(client,), client=client)


def _identity(
    parent: pulumi.Resource,
    name: str,
    cluster: Cluster,
    federation: Federation,
    *,
    environment: str,
    depends_on: Sequence[pulumi.Resource],
) -> FederatedIdentity:
    """Tailscale makes up the audience, which is no secret, and so nothing of this in the state is one."""
    return FederatedIdentity(
        name,
        description=credential_description(environment, cluster.name),
        issuer=federation.issuer,
        subject=f"system:serviceaccount:{cluster.operator.namespace}:{SERVICE_ACCOUNT}",
        custom_claim_rules=dict(federation.claims) or None,
        scopes=list(operator_scopes(cluster)),
        tags=list(cluster.operator.tags),
        opts=child(parent, depends_on=depends_on),
    )
