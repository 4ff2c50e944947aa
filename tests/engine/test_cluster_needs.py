"""What a cluster has for an environment, asked of a server that answers as an API server does."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import yaml

from tailstack.engine.cluster_needs import Right, cluster_points, lacking_rights, needed_rights
from tailstack.engine.live_clusters import Target
from tailstack.live.model import LiveCluster, LiveObject, Unknown
from tailstack.report.diagnosed import Mark, Point
from tailstack.topology.declaration import ManagedBy
from tests.components.custom_resources import IN, SHOP
from tests.components.tailnets import BLUE, GREEN, NGINX, WEB

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(kw_only=True)
class Server:
    """Allows everything but what is denied (`patch secrets`), and keeps what it was asked."""

    url: str = ""
    denied: set[str] = field(default_factory=set[str])
    status: int = 201
    asked: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def target(self, name: str) -> Target:
        cluster = {"name": "c", "cluster": {"server": self.url}}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [cluster],
            "users": [{"name": "u", "user": {"token": "hunter2"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        return Target(name=name, namespace="tailscale", kubeconfig=yaml.safe_dump(config))


@pytest.fixture
def server() -> Generator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == PATH
            assert self.headers["Authorization"] == "Bearer hunter2"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            attributes = body["spec"]["resourceAttributes"]
            made.asked.append(attributes)
            allowed = f"{attributes['verb']} {attributes['resource']}" not in made.denied
            answer = json.dumps({**body, "status": {"allowed": allowed}}).encode()
            self.send_response(made.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as the base class has it
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        made.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        yield made
        http.shutdown()
        thread.join()


def operator(image: str) -> LiveCluster:
    body = {
        "metadata": {"namespace": "tailscale", "name": "operator"},
        "spec": {"template": {"spec": {"containers": [{"image": "sidecar"}, {"image": image}]}}},
    }
    return LiveCluster.of("blue", [LiveObject(kind="Deployment", body=body)])


EMPTY = LiveCluster.of("blue", [])


def points(server: Server, live: LiveCluster | Unknown = EMPTY) -> dict[str, Point]:
    found = list(cluster_points([BLUE], [server.target("blue")], {"blue": live}, {}))
    assert {point.area for point in found} == {"cluster blue"}
    assert all(point.mend for point in found if point.mark is Mark.MISSING)
    assert "hunter2" not in repr(found)
    return {point.what: point for point in found}


def test_rights_are_those_of_what_is_declared() -> None:
    rights = needed_rights(BLUE)
    assert Right(verb="create", group="apps", resource="deployments", namespace="tailscale") in rights
    assert Right(verb="patch", group="", resource="services", namespace="default") in rights
    assert Right(verb="delete", group="networking.k8s.io", resource="ingresses", namespace=WEB.namespace) in rights
    assert not any(right.group == "tailscale.com" for right in rights)
    by_others = dataclasses.replace(BLUE, exposures=(dataclasses.replace(NGINX, managed_by=ManagedBy.GITOPS),))
    assert not any(right.resource == "services" for right in needed_rights(by_others))
    assert any(right.resource == "services" for right in needed_rights(GREEN))
    grouped = dataclasses.replace(
        BLUE, custom=dataclasses.replace(BLUE.custom, proxy_groups=(IN,), proxy_group_policies=(SHOP,))
    )
    assert Right(verb="create", group="tailscale.com", resource="proxygroups") in needed_rights(grouped)
    of_shop = Right(verb="patch", group="tailscale.com", resource="proxygrouppolicies", namespace="shop")
    assert of_shop in needed_rights(grouped)
    assert str(Right(verb="get", group="apps", resource="deployments", namespace="x")) == "get deployments.apps in x"
    assert str(Right(verb="get", group="", resource="namespaces")) == "get namespaces"


def test_a_cluster_that_has_everything(server: Server) -> None:
    found = points(server, operator("tailscale/k8s-operator:v1.102.3"))
    assert {what: point.mark for what, point in found.items()} == {
        "API server": Mark.OK,
        "rights": Mark.OK,
        "operator": Mark.OK,
    }
    assert found["operator"].told == "1.102.3"
    assert found["rights"].told == f"all {len(server.asked)} that the stack needs"
    assert {"verb": "create", "group": "", "resource": "namespaces"} in server.asked
    assert {"verb": "get", "group": "apps", "resource": "deployments", "namespace": "tailscale"} in server.asked


def test_each_kind_of_which_rights_are_lacking_is_named(server: Server) -> None:
    server.denied = {"patch secrets", "delete secrets", "create clusterroles"}
    found = points(server)
    assert {what for what, point in found.items() if point.mark is Mark.MISSING} == {
        "right to patch/delete secrets in tailscale",
        "right to create clusterroles.rbac.authorization.k8s.io",
    }
    lacking = lacking_rights(server.target("blue"), needed_rights(BLUE), {})
    assert {right.verb for right in lacking} == {"patch", "delete", "create"}


def test_rights_that_nobody_tells_are_unknown(server: Server) -> None:
    server.status = 403
    rights = points(server)["rights"]
    assert (rights.mark, rights.told) == (
        Mark.UNKNOWN,
        "the API server does not say which rights there are (403)",
    )


def test_a_cluster_that_does_not_answer_is_asked_nothing(server: Server) -> None:
    found = points(server, Unknown(what="cluster blue", reason="Connection refused"))
    assert {what: point.mark for what, point in found.items()} == {"API server": Mark.MISSING}
    assert found["API server"].told == "Connection refused"
    assert server.asked == []


@pytest.mark.parametrize(
    ("image", "mark", "told"),
    [
        ("mirror.example.com:5000/k8s-operator:1.100.0@sha256:abc", Mark.OK, "1.100.0 runs; `up` brings 1.102.3"),
        ("tailscale/k8s-operator:v1.104.5", Mark.MISSING, "1.104.5 runs, and 1.102.3 is declared"),
        ("tailscale/k8s-operator:stable", Mark.UNKNOWN, "its image does not tell its version; 1.102.3 is declared"),
    ],
)
def test_the_operator_that_runs_beside_the_declared_one(server: Server, image: str, mark: Mark, told: str) -> None:
    found = points(server, operator(image))["operator"]
    assert (found.mark, found.told) == (mark, told)


def test_an_operator_that_is_not_there_yet_or_not_shown(server: Server) -> None:
    assert points(server)["operator"].told == "not there yet; `up` installs 1.102.3"
    unread = {"Deployment": Unknown(what="Deployment objects in blue", reason="forbidden")}
    assert points(server, LiveCluster.of("blue", [], unread))["operator"].mark is Mark.UNKNOWN
