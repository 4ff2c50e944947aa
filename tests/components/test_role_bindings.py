from __future__ import annotations

import dataclasses
import re

from components.role_bindings import Binding, bindings
from tailstack.topology.custom import CustomResources
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import Bind
from tests.components.custom_resources import API
from tests.components.tailnets import BLUE, GREEN, VIEW, cluster, rights, tailnet
from tests.components.test_environment import CLUSTER_ROLE_BINDING, MANAGED, ROLE_BINDING, built

RED = cluster("red", mode=ApiServerProxyMode.AUTH)
VIEW_READERS = Binding(role_kind="ClusterRole", role="view", group="readers", namespace=None)


def test_a_group_is_bound_in_each_cluster_that_its_entry_covers() -> None:
    described = tailnet(BLUE, RED, cluster("off"), access=(rights("look", "blue", "red", "off", bind=VIEW),))
    assert bindings(described, "blue") == bindings(described, "red") == {VIEW_READERS: ("look",)}
    assert bindings(described, "off") == {}
    assert bindings(tailnet(BLUE, RED, access=(rights("look", "blue", bind=VIEW),)), "red") == {}


def test_nothing_is_bound_where_nobody_is_impersonated() -> None:
    """In noauth mode a group of the cluster's own identity provider may have the same name."""
    assert bindings(tailnet(GREEN, access=(rights("look", "green", bind=VIEW),)), "green") == {}


def test_an_entry_without_rights_or_role_binds_nothing() -> None:
    assert bindings(tailnet(BLUE, access=(rights("masters", "blue", groups=("system:masters",)),)), "blue") == {}


def test_entries_that_ask_for_the_same_share_one_binding() -> None:
    described = tailnet(
        BLUE,
        access=(
            rights("look", "blue", groups=("readers", "guests"), bind=VIEW),
            rights("look twice", "blue", bind=VIEW),
        ),
    )
    assert list(bindings(described, "blue").values()) == [("look", "look twice"), ("look",)]


def test_each_namespace_has_a_binding_of_its_own() -> None:
    role = Bind(role_kind="Role", role="deployer", namespaces=("shop", "pay"))
    found = bindings(tailnet(BLUE, access=(rights("deploy", "blue", bind=role),)), "blue")
    assert [(each.namespace, each.role_kind, each.role) for each in found] == [
        ("shop", "Role", "deployer"),
        ("pay", "Role", "deployer"),
    ]


def binding(role: str = "view", group: str = "readers", kind: str = "ClusterRole") -> str:
    return Binding(role_kind=kind, role=role, group=group, namespace=None).object_name


def test_names_are_readable_and_never_meet() -> None:
    assert binding() == "tailstack-view-readers-2c83e96c"
    names = [
        binding(),
        binding(kind="Role"),
        binding("a", "b-c"),
        binding("a-b", "c"),
        binding("a", "b:c"),
        binding("a:b", "c"),
        binding("edit", "OIDC:Team/Ünïcode@example.com"),
        binding("r" * 80, "g" * 200),
    ]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
        assert len(name) <= 253


def test_a_cluster_wide_binding_names_its_role_its_group_and_who_asked() -> None:
    recording = built(tailnet(BLUE, access=(rights("look", "blue", bind=VIEW), rights("again", "blue", bind=VIEW))))
    bound = recording.one(CLUSTER_ROLE_BINDING)
    name = "tailstack-view-readers-2c83e96c"
    assert bound.name == f"blue.bind.{name}"
    assert bound.inputs == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": MANAGED, "annotations": {"tailstack/access": "look; again"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}],
    }


def test_a_binding_in_a_namespace_lies_there() -> None:
    role = Bind(role_kind="ClusterRole", role="edit", namespaces=("shop", "pay"))
    recording = built(tailnet(BLUE, access=(rights("deploy", "blue", groups=("deployers",), bind=role),)))
    assert recording.names(CLUSTER_ROLE_BINDING) == []
    name = binding("edit", "deployers")
    assert {each.name: each.inputs["metadata"]["namespace"] for each in recording.of_type(ROLE_BINDING)} == {
        f"blue.bind.shop.{name}": "shop",
        f"blue.bind.pay.{name}": "pay",
    }
    assert {each.inputs["metadata"]["name"] for each in recording.of_type(ROLE_BINDING)} == {name}


def test_a_highly_available_api_server_impersonates_too() -> None:
    """Also beside a proxy in the operator that does not, or none."""
    auth = dataclasses.replace(API, api_server_mode=ApiServerProxyMode.AUTH)
    for inside in (GREEN, cluster("green")):
        described = dataclasses.replace(inside, custom=CustomResources(proxy_groups=(auth,)))
        found = bindings(tailnet(described, access=(rights("look", "green", bind=VIEW),)), "green")
        assert found == {VIEW_READERS: ("look",)}
        noauth = dataclasses.replace(inside, custom=CustomResources(proxy_groups=(API,)))
        assert bindings(tailnet(noauth, access=(rights("look", "green", bind=VIEW),)), "green") == {}
