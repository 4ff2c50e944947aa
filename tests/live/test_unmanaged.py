"""What nobody declared is told once, with why and how to go on; what belongs to somebody is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailstack.access.nodes import declared_nodes
from tailstack.live.declared import Scope
from tailstack.live.model import Live, LiveDevice, LiveKey, LiveObject, LiveService, Unknown
from tailstack.live.unmanaged import Managed, Unmanaged, UnmanagedKind, unmanaged
from tailstack.plain import mapping
from tailstack.topology.shards import of_cluster
from tests.live.playing import as_declared, live_object, whole, with_object, with_tailnet

OWN = whole()
DONE = as_declared(OWN)
SILENT = Unknown(what="something", reason="it does not answer")


def told(live: Live, managed: Managed | None = None, scope: Scope | None = None) -> tuple[Unmanaged, ...]:
    return unmanaged(OWN, OWN, live, managed or Managed(), scope or Scope.of(OWN))


def only(live: Live, managed: Managed | None = None) -> Unmanaged:
    (found,) = told(live, managed)
    return found


def stray(**changes: object) -> Live:
    """With one more device."""
    made = LiveDevice(id="n9", name="stray.tail1a2b.ts.net", hostname="stray", tags=("tag:k8s-blue--nginx",))
    assert isinstance(DONE.tailnet.devices, tuple)
    return with_tailnet(DONE, devices=(*DONE.tailnet.devices, replace(made, **changes)))


def with_key(**fields: object) -> Live:
    return with_tailnet(DONE, keys=(replace(LiveKey(id="k1", kind="client"), **fields),))


def with_further_service(**fields: object) -> Live:
    assert isinstance(DONE.tailnet.services, tuple)
    made = replace(LiveService(name="svc:stray", tags=("tag:svc-queue",)), **fields)
    return with_tailnet(DONE, services=(*DONE.tailnet.services, made))


def annotated(**parts: object) -> Live:
    """With one more Service in blue."""
    metadata = {"annotations": {"tailscale.com/expose": "true"}, **mapping(parts.pop("metadata", {}))}
    return with_object(DONE, "blue", live_object(("Service", "default", "extra"), metadata=metadata, **parts))


def test_nothing_is_told_where_everything_is_declared() -> None:
    assert told(DONE) == ()


def test_a_device_with_a_tag_of_ours() -> None:
    found = only(stray())
    assert (found.kind, found.what, found.id) == (UnmanagedKind.DEVICE, "device stray.tail1a2b.ts.net", "n9")
    assert found.why.startswith("It wears tag:k8s-blue--nginx, so that it may do whatever the policy gives to that")
    assert "machines:" in found.remedy


def test_a_device_that_asked_for_a_name_of_ours() -> None:
    assert only(stray(hostname="blue-nginx", name="blue-nginx-1.tail1a2b.ts.net")).why == (
        "It wears tag:k8s-blue--nginx and asked for the name of exposure blue.nginx, which another node has."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": ("tag:of-others",)},
        {"tags": (), "user": "ana@example.com"},
        {"is_external": True},
        {"tags": ("tag:ci",)},
        {"tags": ("tag:runner", "tag:ci")},
    ],
    ids=["others", "user", "shared", "by a declared key", "by all tags of a declared key"],
)
def test_devices_that_are_nobodys_or_joined_as_they_should(changes: dict[str, Any]) -> None:
    assert told(stray(**changes)) == ()


def test_a_key_gives_its_own_tags_alone() -> None:
    assert only(stray(tags=("tag:ci", "tag:db"))).why.startswith("It wears tag:ci, tag:db, so that")


@pytest.mark.parametrize(
    ("fields", "what", "why", "remedy"),
    [
        (
            {"tags": ("tag:k8s-op-blue",), "description": "by hand"},
            'OAuth client k1 "by hand"',
            "It may give tag:k8s-op-blue, and is in no stack.",
            "Trust credentials",
        ),
        (
            {"kind": "federated", "description": "tailstack test blue"},
            'federated identity k1 "tailstack test blue"',
            'It is called "tailstack test blue", and is in no stack.',
            "Trust credentials",
        ),
        (
            {"kind": "auth", "tags": ("tag:ci",), "is_reusable": True},
            "auth key k1",
            "It may give tag:ci, and is in no stack.",
            "keys",
        ),
        (
            {"kind": "auth", "tags": ("tag:ci",), "description": "one"},
            'auth key k1 "one"',
            "It may give tag:ci, ",
            "Keys",
        ),
    ],
)
def test_a_credential_of_no_stack(fields: dict[str, Any], what: str, why: str, remedy: str) -> None:
    found = only(with_key(**fields))
    assert (found.kind, found.what) == (UnmanagedKind.CREDENTIAL, what)
    assert found.why.startswith(why)
    assert remedy in found.remedy


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": ("tag:of-others",), "description": "others"},
        {"kind": "api", "description": "tailstack test somebody"},
        {"kind": "auth", "tags": ("tag:k8s-blue--nginx",)},
    ],
    ids=["others", "of a person", "an operator's"],
)
def test_credentials_that_are_none_of_ours(fields: dict[str, Any]) -> None:
    assert told(with_key(**fields)) == ()


def test_what_a_stack_holds_is_managed() -> None:
    key = with_key(tags=("tag:k8s-op-blue",))
    assert told(key, Managed(credentials=frozenset({"k1"}))) == ()
    assert told(with_further_service(), Managed(services=frozenset({"svc:stray"}))) == ()
    held = Managed(objects={"blue": {("Service", "default", "extra"): frozenset({"tailscale.com/expose"})}})
    assert told(annotated(), held) == ()
    of_other_cluster = Managed(objects={"green": {("Service", "default", "extra"): frozenset[str]()}})
    assert told(annotated(), of_other_cluster)


def test_an_annotation_that_somebody_added_to_an_object_of_a_stack() -> None:
    key = ("Ingress", "default", "web")
    names = ("tags", "funnel", "expose", "unheard-of", "operator-last-set-cluster-ip")
    annotations = {**{f"tailscale.com/{name}": "true" for name in names}, "funnel": "true"}
    made = live_object(key, metadata={"annotations": annotations}, spec={"ingressClassName": "tailscale"})
    live = with_object(DONE, "blue", made)
    held = Managed(objects={"blue": {key: frozenset({"tailscale.com/tags"})}})
    found = only(live, held)
    assert (found.kind, found.id) == (UnmanagedKind.ANNOTATION, "blue/Ingress/default/web#tailscale.com/funnel")
    assert found.what == "annotation tailscale.com/funnel of Ingress default/web in blue"
    assert found.why == "The operator of blue acts on it, and the stack did not set it."
    assert found.remedy.endswith("kubectl --context blue annotate ingress web -n default tailscale.com/funnel-")
    nowhere = ("ProxyGroup", "", "web")
    group = live_object(nowhere, metadata={"annotations": {"tailscale.com/share-acme-account": "true"}})
    of_group = only(with_object(DONE, "blue", group), Managed(objects={"blue": {nowhere: frozenset()}}))
    assert of_group.remedy.endswith("kubectl --context blue annotate proxygroup web tailscale.com/share-acme-account-")


def test_what_belongs_to_another_environment_of_the_tailnet_is_not_ours() -> None:
    shared = replace(OWN, guests=("dev",))
    key = with_key(tags=("tag:k8s-op-blue",), description="tailstack dev blue")
    assert unmanaged(OWN, shared, key, Managed(), Scope.of(OWN)) == ()
    assert len(unmanaged(OWN, OWN, key, Managed(), Scope.of(OWN))) == 1


def test_a_tailscale_service_that_nobody_declared() -> None:
    found = only(with_further_service())
    assert (found.kind, found.what, found.id) == (UnmanagedKind.SERVICE, "Tailscale Service svc:stray", "svc:stray")
    assert found.why == "It has tag:svc-queue, and nobody declared it."
    assert told(with_further_service(tags=("tag:of-others",))) == ()


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"metadata": {"annotations": {"tailscale.com/tailnet-fqdn": "db.tail1a2b.ts.net"}}},
        {"metadata": {"annotations": {"tailscale.com/tailnet-ip": "100.64.0.9"}}},
        {"metadata": {"annotations": {"tailscale.com/ts-tailnet-target-ip": "100.64.0.9"}}},
        {"metadata": {"annotations": {}}, "spec": {"type": "LoadBalancer", "loadBalancerClass": "tailscale"}},
    ],
)
def test_a_service_that_the_operator_acts_on(parts: dict[str, Any]) -> None:
    found = only(annotated(**parts))
    assert (found.kind, found.what) == (UnmanagedKind.OBJECT, "Service default/extra in blue")
    assert found.id == "blue/Service/default/extra"
    assert found.why == "The operator of blue acts on it, and nobody declared it."
    assert "managedBy: gitops" in found.remedy


@pytest.mark.parametrize(
    "parts",
    [
        {"metadata": {"annotations": {"tailscale.com/expose": "True"}}},
        {"metadata": {"annotations": {}}, "spec": {"type": "ClusterIP", "loadBalancerClass": "tailscale"}},
        {"metadata": {"annotations": {}}, "spec": {"type": "LoadBalancer"}},
        {"metadata": {"labels": {"tailscale.com/managed": "true"}}},
    ],
)
def test_services_that_the_operator_passes_over_or_has_made(parts: dict[str, Any]) -> None:
    assert told(annotated(**parts)) == ()


def test_an_ingress_and_custom_resources_of_others() -> None:
    ingress = live_object(("Ingress", "default", "extra"), spec={"ingressClassName": "tailscale"})
    assert "kubectl --context blue delete ingress extra -n default." in only(with_object(DONE, "blue", ingress)).remedy
    other_class = live_object(("Ingress", "default", "extra"), spec={"ingressClassName": "nginx"})
    assert told(with_object(DONE, "blue", other_class)) == ()
    group = live_object(("ProxyGroup", "", "extra"))
    assert only(with_object(DONE, "blue", group)).remedy == (
        "Declare it in `clusters: {blue: …}`, or delete it: kubectl --context blue delete proxygroup extra."
    )
    assert told(with_object(DONE, "blue", live_object(("Deployment", "tailscale", "extra")))) == ()


@pytest.mark.parametrize(
    ("made", "node"),
    [
        (
            live_object(("Service", "default", "x"), metadata={"annotations": {"tailscale.com/expose": "true"}}),
            "default-x",
        ),
        (
            live_object(
                ("Service", "default", "x"),
                metadata={"annotations": {"tailscale.com/expose": "true", "tailscale.com/hostname": "named"}},
            ),
            "named",
        ),
        (
            live_object(
                ("Ingress", "default", "x"),
                spec={"ingressClassName": "tailscale", "tls": [{"hosts": ["shown.tail1a2b.ts.net"]}]},
            ),
            "shown",
        ),
        (live_object(("Ingress", "default", "x"), spec={"ingressClassName": "tailscale"}), "default-x-ingress"),
        (live_object(("ProxyGroup", "", "x"), status={"devices": [{"hostname": "x-0.tail1a2b.ts.net."}]}), "x-0"),
    ],
)
def test_the_node_of_an_object_is_told_with_it_and_not_again(made: LiveObject, node: str) -> None:
    live = with_object(stray(name=f"{node}.tail1a2b.ts.net", hostname=node), "blue", made)
    assert only(live).why.endswith(f" Its node is {node}.tail1a2b.ts.net.")


def test_a_tailscale_service_of_an_object_is_told_with_it() -> None:
    made = live_object(
        ("Service", "default", "x"),
        metadata={"annotations": {"tailscale.com/expose": "true", "tailscale.com/hostname": "stray"}},
    )
    assert [one.kind for one in told(with_object(with_further_service(), "blue", made))] == [UnmanagedKind.OBJECT]


def test_what_cannot_be_read_is_told_elsewhere() -> None:
    live = with_tailnet(annotated(), devices=SILENT, keys=SILENT, services=SILENT)
    assert [one.kind for one in told(live)] == [UnmanagedKind.OBJECT]
    silent = replace(live, clusters={"blue": SILENT})
    assert told(silent) == ()


def test_a_stack_of_one_cluster_tells_what_is_in_it() -> None:
    live = with_object(stray(), "blue", live_object(("ProxyGroup", "", "extra")))
    assert told(live, scope=Scope.of(OWN, [of_cluster("green")])) == ()
    assert [one.kind for one in told(live, scope=Scope.of(OWN, [of_cluster("blue")]))] == [UnmanagedKind.OBJECT]


def test_all_clusters_of_a_guest_are_all_that_is_its_own() -> None:
    guest = replace(OWN, guest_of="production")
    scope = Scope.of(guest, [of_cluster("blue"), of_cluster("green")])
    assert (scope.has_tailnet, scope.is_all) == (False, True)
    assert [one.kind for one in unmanaged(guest, OWN, stray(), Managed(), scope)] == [UnmanagedKind.DEVICE]
    assert {node.hostname for node in declared_nodes(guest)}
