"""What the stack sends, judged by a real API server with the CRDs of each supported chart; and Helm, which would delete them."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

import pytest

from components.custom_resource_specs import KINDS, Custom, object_name, spec_of
from components.operator_crds import KEEP
from tailstack.charts.custom_resources import API_VERSION, CUSTOM_KINDS, check_custom_resource
from tailstack.charts.versions import SUPPORTED, Version, version_text
from tailstack.sandbox.lifecycle import Sandbox, running_sandbox
from tailstack.sandbox.plugins.kubernetes.api import ApiError, Client, NoMatchError
from tailstack.sandbox.toolchain import ensure
from tailstack.sandbox.workload import cluster_client
from tailstack.topology.custom import ProxyGroupPolicy
from tailstack.topology.declaration import ManagedBy
from tailstack.topology.tailnet import Exposure
from tests.charts.real_charts import chart_folder, definitions
from tests.components.building import SERVICE, SERVICE_PATCH, annotations_on, made
from tests.components.custom_resources import ALL, WITH_ALL
from tests.components.tailnets import BLUE, NGINX
from tests.components.test_exposure import BALANCED, OUTSIDE

pytestmark = pytest.mark.sandbox

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATIENCE = 60
"""Seconds."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("api-server") / "sandbox", clusters=["blue"]) as running:
        client = cluster_client(running.kubeconfig, "blue")
        for name in ("shop", "pay"):
            wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            client.apply(f"/api/v1/namespaces/{name}", wanted, manager="test", force=True)
        yield running


def client_of(sandbox: Sandbox) -> Client:
    """A new one, because it remembers which kinds there are."""
    return cluster_client(sandbox.kubeconfig, "blue")


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def crd(kind: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{spec['names']['plural']}.tailscale.com", "annotations": annotations},
        "spec": spec,
    }


def names_of_crds(sandbox: Sandbox) -> set[str]:
    found = client_of(sandbox).labelled("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "")
    return {each["metadata"]["name"] for each in found}


def without_crds(sandbox: Sandbox) -> None:
    for name in names_of_crds(sandbox):
        client_of(sandbox).delete(f"{DEFINITIONS}/{name}", propagation="Background")
    until(lambda: none_is_left(sandbox))


def none_is_left(sandbox: Sandbox) -> bool:
    """Nudges those that are left: when the API server fails to list the objects of a CRD that was changed a moment ago ("storage
    is (re)initializing"), it tries again at doubling intervals, up to minutes, or at once when the CRD changes.
    """
    left = names_of_crds(sandbox)
    for name in left:
        with contextlib.suppress(ApiError):
            nudge = [{"op": "add", "path": "/metadata/annotations/nudge", "value": str(time.monotonic())}]
            client_of(sandbox).patch(f"{DEFINITIONS}/{name}", nudge)
    return not left


@pytest.fixture(scope="module", params=SUPPORTED, ids=version_text)
def version(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Version]:
    """The API server with the CRDs of one version and no others."""
    wanted: Version = request.param
    without_crds(sandbox)
    for kind, spec in definitions(wanted).items():
        wanted_crd = crd(kind, spec)
        path = f"{DEFINITIONS}/{wanted_crd['metadata']['name']}"
        client_of(sandbox).apply(path, wanted_crd, manager="test", force=True)
    until(lambda: all(_is_served(sandbox, kind) for kind in definitions(wanted)))
    yield wanted
    without_crds(sandbox)


def _is_served(sandbox: Sandbox, kind: str) -> bool:
    client = client_of(sandbox)
    try:
        place = client.locate(API_VERSION, kind, namespace="shop" if CUSTOM_KINDS[kind].is_namespaced else "", name="a")
        client.apply(
            place.path, {**_object(kind, "a"), "spec": {"nosuch": 1}}, manager="test", force=True, dry_run=True
        )
    except NoMatchError:
        return False
    except ApiError as error:
        return not error.missing
    return False


def _object(kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }


def every() -> Iterator[Custom]:
    yield from (*ALL.proxy_groups, *ALL.connectors, *ALL.recorders, *ALL.peer_relays)
    yield from (*ALL.proxy_classes, *ALL.proxy_group_policies, *ALL.dns_configs, *ALL.tailnets)


def tried(sandbox: Sandbox, custom: Custom, spec: dict[str, Any]) -> dict[str, Any]:
    """What the API server would make of it. It refuses fields that the CRD does not know, whatever is asked of it."""
    client, kind = client_of(sandbox), KINDS[type(custom)]
    namespace = custom.namespace if isinstance(custom, ProxyGroupPolicy) else ""
    place = client.locate(API_VERSION, kind, namespace=namespace, name=object_name(custom))
    wanted = {**_object(kind, object_name(custom), namespace or None), "spec": spec}
    return client.apply(place.path, wanted, manager="test", force=False, dry_run=True)


def holds(found: Any, wanted: Any) -> bool:  # noqa: ANN401  JSON of any shape
    """Whether it is what we sent, with defaults of the CRD beside it."""
    if isinstance(wanted, dict):
        parts = cast("dict[str, Any]", wanted)
        return isinstance(found, dict) and all(
            holds(cast("dict[str, Any]", found).get(key), value) for key, value in parts.items()
        )
    return bool(found == wanted)


def test_every_custom_resource_is_one_of_the_chart(sandbox: Sandbox, version: Version) -> None:
    for custom in every():
        spec = spec_of(custom, WITH_ALL)
        if not check_custom_resource(KINDS[type(custom)], spec, version):
            assert holds(tried(sandbox, custom, spec)["spec"], spec)


@pytest.mark.usefixtures("version")
def test_a_field_that_the_chart_does_not_know_would_be_noticed(sandbox: Sandbox) -> None:
    for custom in (*ALL.proxy_groups, *ALL.proxy_classes):
        with pytest.raises(ApiError, match="nosuch"):
            tried(sandbox, custom, {**spec_of(custom, WITH_ALL), "nosuch": True})


def test_a_service_changes_its_form_in_place(sandbox: Sandbox) -> None:
    """So that the node stays, and nothing but a proxy group or other tags makes another object."""
    client, path = client_of(sandbox), "/api/v1/namespaces/default/services/nginx-service"
    for form in (NGINX, BALANCED, OUTSIDE, BALANCED, NGINX, OUTSIDE, NGINX):
        cluster = dataclasses.replace(BLUE, exposures=(form,), ingresses=())
        wanted = made(cluster).one(SERVICE).inputs
        found = client.apply(path, wanted, manager="pulumi", force=False)
        assert found["spec"]["type"] == form.service_type
        assert ("clusterIP" in found["spec"]) is (form is not OUTSIDE)
        assert "nodePort" not in found["spec"]["ports"][0]


def test_a_service_of_somebody_else_becomes_a_load_balancer_and_is_as_before_afterwards(sandbox: Sandbox) -> None:
    client, path = client_of(sandbox), "/api/v1/namespaces/default/services/theirs"
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]},
    }
    before = client.apply(path, theirs, manager="kubectl", force=False)["spec"]
    form = dataclasses.replace(BALANCED, service="theirs", managed_by=ManagedBy.PATCH)
    wanted = made(dataclasses.replace(BLUE, exposures=(form,), ingresses=())).one(SERVICE_PATCH).inputs
    patched = client.apply(path, wanted, manager="pulumi", force=False)["spec"]
    assert (patched["type"], patched["loadBalancerClass"]) == ("LoadBalancer", "tailscale")
    nothing = {**wanted, "metadata": {"name": "theirs", "namespace": "default"}}
    del nothing["spec"]
    assert client.apply(path, nothing, manager="pulumi", force=False)["spec"] == before


def test_what_a_group_has_left_on_a_service_a_node_of_its_own_takes_back(sandbox: Sandbox) -> None:
    """Else the operator would go on taking the Service for one of the group, and make no proxy."""
    client, path = client_of(sandbox), "/api/v1/namespaces/default/services/grouped"
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "grouped", "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    }
    client.apply(path, theirs, manager="kubectl", force=False)
    form = dataclasses.replace(NGINX, service="grouped", managed_by=ManagedBy.PATCH)

    def apply(exposure: Exposure) -> dict[str, str]:
        cluster = dataclasses.replace(WITH_ALL, exposures=(exposure,))
        for patch in made(cluster).of_type(SERVICE_PATCH):
            manager = annotations_on(patch).get("pulumi.com/patchFieldManager", "pulumi-of-one-resource")
            client.apply(path, patch.inputs, manager=manager, force=False)
        return told()

    def told() -> dict[str, str]:
        found = client.get(path) or {}
        return {key: value for key, value in found["metadata"]["annotations"].items() if "tailscale.com/" in key}

    hostname, group = {"tailscale.com/hostname": "blue-nginx"}, {"tailscale.com/proxy-group": "in"}
    assert apply(dataclasses.replace(form, proxy_group="in")).items() > (hostname | group).items()
    nothing = {**theirs, "metadata": {"name": "grouped", "namespace": "default"}}
    del nothing["spec"]
    client.apply(path, nothing, manager="pulumi-of-one-resource", force=False)
    assert told() == hostname | group
    alone = apply(form)
    assert alone["tailscale.com/expose"] == "true"
    assert alone.keys().isdisjoint(group)


def helm(sandbox: Sandbox, *arguments: str) -> None:
    options = ("--namespace", "shop", "--kubeconfig", str(sandbox.kubeconfig), "--kube-context", "blue")
    done = subprocess.run(
        [str(ensure(["helm"])["helm"]), *arguments, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("are_ours", [True, False])
def test_helm_leaves_the_crds_that_the_stack_has_taken_over(sandbox: Sandbox, *, are_ours: bool) -> None:
    """A release that made the CRDs is told not to: without our annotation on them they would be gone, and all of their kinds."""
    version, chart = SUPPORTED[1], str(chart_folder(SUPPORTED[1]))
    without_crds(sandbox)
    helm(sandbox, "install", "operator", chart)
    crds = {f"{about.plural}.tailscale.com" for about in CUSTOM_KINDS.values()}
    assert names_of_crds(sandbox) == crds
    if are_ours:
        for kind, spec in definitions(version).items():
            ours = crd(kind, spec, **KEEP)
            # Not by force: what Helm has written and we write as well belongs to both.
            client_of(sandbox).apply(f"{DEFINITIONS}/{ours['metadata']['name']}", ours, manager="pulumi", force=False)
    helm(sandbox, "upgrade", "operator", chart, "--set", "installCRDs=false")
    if are_ours:
        helm(sandbox, "uninstall", "operator")
        assert names_of_crds(sandbox) == crds
    else:
        until(lambda: none_is_left(sandbox))
        helm(sandbox, "uninstall", "operator")
