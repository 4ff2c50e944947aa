"""The rules of the check over a stack's resources, as the pack's own server hands them in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi_policy import (
    PolicyProviderResource,
    PolicyResource,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.objects import objects_in
from policies.tailnet import CERTAIN, POLICIES
from tailstack.manifests.adapter import tailnet_of
from tailstack.rules.registry import RULES
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.loading import load_environment
from tailstack.topology.tailnet import Cluster, Exposure, Tailnet
from tests.components.recording import Recording, Secret
from tests.components.tailnets import BLUE, GREEN
from tests.components.tailnets import tailnet as described
from tests.components.test_environment import built
from tests.policies.judging import OPTIONS

ACL = "tailscale:index/acl:Acl"
SERVICE = "kubernetes:core/v1:Service"
RELEASE = "kubernetes:helm.sh/v3:Release"
POLICY = '{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}}'


def resource(kind: str, name: str, props: dict[str, Any], provider: str | None = "blue") -> PolicyResource:
    to = PolicyProviderResource("pulumi:providers:kubernetes", {}, "urn", provider) if provider else None
    urn = f"urn:pulumi:test::tailstack::{kind}::{name}"
    return PolicyResource(kind, unknown_checking_proxy(props), urn, name, OPTIONS, to, None, [], {})


def violations(resources: list[PolicyResource]) -> dict[str, list[tuple[str, str | None]]]:
    """What each policy says, with the URN that it says it of."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for policy in POLICIES:
        assert isinstance(policy, StackValidationPolicy)
        said = found.setdefault(policy.name, [])

        def report(message: str, urn: str | None = None, said: list[tuple[str, str | None]] = said) -> None:
            said.append((message, urn))

        awaited: object = cast("Any", policy).validate(StackValidationArgs(resources, {}, {}), report)
        assert awaited is None
    return found


def release(provider: str, **config: object) -> PolicyResource:
    values = {"operatorConfig": {"podAnnotations": {"a": UNKNOWN_STRING_VALUE}, **config}}
    props = {"chart": "tailscale-operator", "version": "1.102.3", "namespace": "tailscale", "values": values}
    return resource(RELEASE, f"{provider}.operator", props, provider)


def service(name: str, annotations: dict[str, str], provider: str | None = "blue", **spec: object) -> PolicyResource:
    metadata = {"name": name, "namespace": "web", "annotations": annotations, "uid": UNKNOWN_STRING_VALUE}
    props = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80.0}], **spec}}
    return resource(SERVICE, name, {**props, "status": UNKNOWN_STRING_VALUE}, provider)


def acl(text: str = POLICY) -> PolicyResource:
    return resource(ACL, "policy", {"acl": text}, None)


EXPOSED = {"tailscale.com/expose": "true"}
BOTH = [acl(), release("blue"), release("green")]


def test_two_operators_of_one_name_are_a_violation_of_the_second_that_names_the_first() -> None:
    said = violations(BOTH)
    ((message, urn),) = said["tailnet-without-mistakes"]
    assert message.startswith("TS101 duplicate-hostname: ")
    assert message.endswith(" Also: blue.operator.")
    assert urn == f"urn:pulumi:test::tailstack::{RELEASE}::green.operator"
    assert said["tailnet-without-doubts"] == []


def test_a_warning_is_advisory() -> None:
    worn = service("web", {**EXPOSED, "tailscale.com/tags": "tag:k8s-operator"})
    said = violations([acl(), release("blue"), worn])
    assert [message[:26] for message, _ in said["tailnet-without-doubts"]] == ["TS203 operator-tag-reuse: "]


@pytest.mark.parametrize(
    "resources",
    [
        BOTH[1:],
        [acl(UNKNOWN_STRING_VALUE), *BOTH[1:]],
        [acl(), release("blue"), release("green", hostname=UNKNOWN_STRING_VALUE)],
        [acl(), release("blue", hostname="one"), release("green", hostname="two")],
        # Nobody knows which operator these are for.
        [acl(), service("a", EXPOSED, None), service("a", EXPOSED, "red"), service("a", EXPOSED, "black")],
        # Others may expose what an egress leads to, apply Services, and bind roles.
        [
            acl(),
            release("blue"),
            service("out", {"tailscale.com/tailnet-fqdn": "gone.tail1a2b.ts.net"}, type="ExternalName"),
        ],
    ],
)
def test_what_is_not_certain_is_not_said(resources: list[PolicyResource]) -> None:
    assert violations(resources) == {"tailnet-without-mistakes": [], "tailnet-without-doubts": []}


def test_default_tags_as_a_list_are_seen_as_the_chart_renders_them() -> None:
    values = {"proxyConfig": {"defaultTags": ["tag:k8s", "tag:other"]}}
    props = {"chart": "tailscale-operator", "version": "1.102.3", "namespace": "tailscale", "values": values}
    said = violations([acl(), resource(RELEASE, "blue.operator", props)])
    assert "default-tags-type" in " ".join(message for message, _ in said["tailnet-without-mistakes"])


def test_every_certain_rule_is_one() -> None:
    assert {rule.slug for rule in RULES} >= CERTAIN


# What the stack registers is the tailnet that was declared


def plain(value: Any) -> Any:  # noqa: ANN401  inputs of any shape
    match value:
        case Secret(value=inner):
            return plain(inner)
        case dict():
            return {key: plain(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list():
            return [plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def registered(recording: Recording) -> list[PolicyResource]:
    return [
        resource(each.type, each.name, plain(each.inputs), each.provider.rpartition("::")[0].rpartition("::")[2])
        for each in recording.resources
    ]


def seen(cluster: Cluster) -> tuple[object, ...]:
    """All of a cluster that its manifests can tell, in an order of its own."""
    operator = cluster.operator
    return (
        cluster.name,
        (operator.hostname, operator.fqdn, operator.namespace, operator.tags, operator.proxy_tags),
        (operator.chart.version, operator.api_server_proxy, operator.ingress_class),
        sorted(
            (e.namespace, e.service, e.hostname, e.fqdn, e.tags, e.ports, e.tailscale_service)
            for e in cluster.exposures
            if e.managed_by is not ManagedBy.PATCH
        ),
        sorted(
            (i.namespace, i.hostname, i.fqdn, i.tags, i.funnel, i.backend_service, i.backend_port)
            for i in cluster.ingresses
        ),
        sorted(
            (e.namespace, e.service, e.hostname, e.tags, getattr(e.target, "fqdn", None), e.ports)
            for e in cluster.egresses
        ),
    )


SANDBOX = load_environment(Path(__file__).parents[2], "sandbox", datetime(2026, 2, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize("declared", [described(BLUE, GREEN), SANDBOX], ids=["small", "sandbox"])
def test_the_components_make_the_tailnet_that_was_declared(declared: Tailnet) -> None:
    objects = objects_in(registered(built(declared)))
    found = tailnet_of(objects, policy=None, dns_name=declared.dns_name, environment=declared.environment)
    assert [seen(cluster) for cluster in found.clusters] == [seen(cluster) for cluster in declared.clusters]
    assert not any(cluster.operator.is_assumed for cluster in found.clusters)
    # An egress that is declared as a link is one in the manifests too, and to the same thing.
    ends = [[(e.reference, getattr(e.target, "fqdn", None)) for e in each.egresses] for each in (found, declared)]
    assert ends[0] == ends[1]
    assert all(isinstance(e.target, Exposure) for e in found.egresses)
