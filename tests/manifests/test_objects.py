"""Kubernetes objects: what is asked of them by path, and what they are found by."""

from __future__ import annotations

import pytest

from tailstack.finding import Place
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.manifests.reading import read_manifests

TEXT = """\
apiVersion: v1
kind: Service
metadata:
  name: nginx
  namespace: web
  labels: {app: nginx, tier: 1, nothing: ~, wrong: [1]}
  annotations: {tailscale.com/expose: true, tailscale.com/tags: "tag:a"}
spec:
  ports: [{port: 80, name: http}, {port: "90"}]
  names: [a, 1, b]
  on: true
  empty: ~
"""


@pytest.fixture
def service() -> KubernetesObject:
    (made,) = read_manifests({"blue/app.yaml": TEXT}).objects.all
    return made


def test_values_are_asked_for_by_path_and_type(service: KubernetesObject) -> None:
    assert service.text("spec", "ports", 0, "name") == "http"
    assert service.text("spec", "ports", 0, "port") is None
    assert service.number("spec", "ports", 0, "port") == 80
    assert service.number("spec", "ports", 1, "port") is None
    assert service.number("spec", "on") is None
    assert service.truth("spec", "on") is True
    assert service.truth("spec", "ports") is None
    assert service.texts("spec", "names") == ("a", "b")
    assert service.texts("spec") == ()
    assert (service.length("spec", "ports"), service.length("spec")) == (2, 0)
    assert service.keys("spec") == ("ports", "names", "on", "empty")
    assert service.keys("spec", "ports") == ()
    assert service.value("spec", "gone", "further") is None
    assert (service.has("spec", "empty"), service.has("spec", "gone")) == (True, False)


def test_places_are_of_keys_and_values_and_of_the_nearest_thing_where_there_is_none(service: KubernetesObject) -> None:
    file = "blue/app.yaml"
    assert service.place() == Place(file, 1, 1)
    assert service.place("metadata", "name") == Place(file, 4, 9)
    assert service.key_place("metadata", "name") == Place(file, 4, 3)
    assert service.place("spec", "ports", 0, "protocol") == Place(file, 9, 11)
    assert service.annotation_place("tags") == Place(file, 7, 65)
    assert service.annotation_place("gone") == Place(file, 7, 16)


def test_annotations_and_labels_are_texts_as_they_were_meant(service: KubernetesObject) -> None:
    assert service.labels == {"app": "nginx", "tier": "1", "nothing": ""}
    assert service.annotations == {"tailscale.com/expose": "true", "tailscale.com/tags": "tag:a"}
    assert (service.annotation("tags"), service.annotation("gone")) == ("tag:a", None)


def test_an_object_is_printed_without_what_it_holds(service: KubernetesObject) -> None:
    assert "http" not in repr(service)
    assert (service.title, service.group) == ("Service web/nginx", "")
    assert service.reference == ("blue", "", "Service", "web", "nginx")


def made(cluster: str, version: str, kind: str, name: str) -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n"


def test_objects_are_found_by_kind_cluster_and_name() -> None:
    objects = read_manifests(
        {
            "blue/a.yaml": made("blue", "v1", "Service", "a") + "---\n" + made("blue", "apps/v1", "Deployment", "a"),
            "blue/b.yaml": made("blue", "serving.knative.dev/v1", "Service", "knative"),
            "green/a.yaml": made("green", "v1", "Service", "a") + "---\n" + made("green", "x.io/v1", "Other", "o"),
            "green/pg.yaml": made("green", "tailscale.com/v1alpha1", "ProxyGroup", "pg"),
        }
    ).objects
    assert objects.clusters == ("blue", "green")
    assert [each.cluster for each in objects.of_kind("Service")] == ["blue", "green"]
    assert [each.name for each in objects.of_kind("Service", "blue")] == ["a"]
    assert [each.name for each in objects.of_kind("Other")] == ["o"]
    assert objects.of_kind("Gone") == ()
    assert [each.kind for each in objects.in_cluster("blue")] == ["Service", "Deployment", "Service"]
    assert objects.in_cluster("red") == ()
    found = objects.find("green", "Service", "a", "default")
    assert found is not None
    assert found.file == "green/a.yaml"
    assert objects.find("green", "Service", "a", "other") is None
    group = objects.find("green", "ProxyGroup", "pg")
    assert group is not None
    assert group.title == "ProxyGroup pg"


def test_no_objects_are_no_clusters() -> None:
    assert Objects().clusters == ()
