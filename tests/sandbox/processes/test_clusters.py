"""The clusters of a sandbox are real ones, apart from each other, and for their owner alone."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tailstack.sandbox import clusters
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import Folder
from tailstack.sandbox.lifecycle import Sandbox
from tests.sandbox.processes.conftest import Api
from tests.sandbox.processes.test_processes import wait_for


@pytest.fixture
def namespace(blue: Api) -> str:
    """A new namespace in blue."""
    return blue.make("/api/v1/namespaces", metadata={"generateName": "test-"})["metadata"]["name"]


@pytest.mark.parametrize("names", [["blue"], ["a", "b-2", "x" * 40]])
def test_names_that_can_be_names(names: Sequence[str]) -> None:
    clusters.check_names(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "at least one"),
        (["a", "a"], "each cluster of the sandbox once"),
        (["Blue", "b"], "Not a name for a cluster: 'Blue'"),
        (["-a", "a-", "", "x" * 41, "a/b"], "'-a', 'a-', '', 'x+', 'a/b'"),
    ],
)
def test_names_that_cannot(names: Sequence[str], said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        clusters.check_names(names)


def test_keys_stay_through_the_next_start_and_old_certificates_do_not(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "sandbox")
    folder.make()
    cluster = clusters.prepare(folder, "blue")
    for secret in (cluster.tokens, cluster.signing_key):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    kept = cluster.tokens.read_text(), cluster.signing_key.read_text()
    cluster.authority.write_text("a certificate")

    assert clusters.prepare(folder, "blue") == cluster
    assert cluster.authority.exists()
    assert (cluster.tokens.read_text(), cluster.signing_key.read_text()) == kept

    half_a_year_ago = time.time() - 183 * 24 * 3600
    os.utime(cluster.authority, (half_a_year_ago, half_a_year_ago))
    clusters.prepare(folder, "blue")
    assert not cluster.authority.exists()
    assert clusters.prepare(folder, "green").token() != cluster.token()


@pytest.mark.sandbox
def test_both_are_kubernetes(blue: Api, green: Api) -> None:
    for cluster in (blue, green):
        assert cluster.request("GET", "/version")[1]["gitVersion"] == "v1.37.2"
    assert blue.url != green.url


@pytest.mark.sandbox
def test_what_is_in_one_is_not_in_the_other(blue: Api, green: Api, namespace: str) -> None:
    assert blue.request("GET", f"/api/v1/namespaces/{namespace}")[0] == 200
    assert green.request("GET", f"/api/v1/namespaces/{namespace}")[0] == 404


@pytest.mark.sandbox
def test_only_their_own_token_opens_them(blue: Api, green: Api) -> None:
    assert blue.request("GET", "/api/v1/secrets")[0] == 200
    assert blue.request("GET", "/api/v1/secrets", token=green.token)[0] == 401
    assert blue.request("GET", "/api/v1/secrets", token="")[0] in {401, 403}


@pytest.mark.sandbox
def test_they_listen_on_loopback_alone_and_etcd_on_no_port(sandbox: Sandbox) -> None:
    for name, pid in sandbox.processes.items():
        listening = listens_on(pid)
        if name.startswith(("kube-apiserver", "tailscale-api")):
            assert {address for address, _ in listening} == {"0100007F"}, name
            assert len(listening) == 1, name
        else:
            assert listening == set(), name


def listens_on(pid: int) -> set[tuple[str, str]]:
    """Addresses and ports in hexadecimal, of all TCP sockets on which a process listens (proc(5))."""
    links = [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    inodes = {str(link)[8:-1] for link in links if str(link).startswith("socket:[")}
    found: set[tuple[str, str]] = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((address, port))
    return found


@pytest.mark.sandbox
def test_foreground_deletes_come_to_their_end(blue: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    blue.make(path, metadata={"name": "a"})
    status, _ = blue.request("DELETE", f"{path}/a", {"propagationPolicy": "Foreground"})
    assert status == 200
    wait_for(lambda: blue.request("GET", f"{path}/a")[0] == 404)


@pytest.mark.sandbox
def test_a_deleted_namespace_goes_with_what_is_in_it(blue: Api, namespace: str) -> None:
    blue.make(f"/api/v1/namespaces/{namespace}/configmaps", metadata={"name": "a"})
    assert blue.request("DELETE", f"/api/v1/namespaces/{namespace}")[0] == 200
    wait_for(lambda: blue.request("GET", f"/api/v1/namespaces/{namespace}")[0] == 404)


@pytest.mark.sandbox
def test_service_accounts_work(blue: Api, namespace: str) -> None:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    wait_for(lambda: blue.request("GET", f"{accounts}/default")[0] == 200)
    asked: dict[str, object] = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }
    status, answer = blue.request("POST", f"{accounts}/default/token", asked)
    assert status == 201, answer
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    _, who = blue.request(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, token=answer["status"]["token"]
    )
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"

    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    blue.make(
        secrets,
        type="kubernetes.io/service-account-token",
        metadata={"name": "long", "annotations": {"kubernetes.io/service-account.name": "default"}},
    )
    wait_for(lambda: "token" in blue.request("GET", f"{secrets}/long")[1].get("data", {}))


@pytest.mark.sandbox
def test_the_usual_roles_have_rules(blue: Api) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    wait_for(lambda: bool(blue.request("GET", f"{roles}/view")[1]["rules"]))


@pytest.mark.sandbox
def test_privileged_pods_are_accepted(blue: Api, namespace: str) -> None:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    wait_for(lambda: blue.request("GET", f"{accounts}/default")[0] == 200)
    container = {"name": "a", "image": "a", "securityContext": {"privileged": True}}
    blue.make(f"/api/v1/namespaces/{namespace}/pods", metadata={"name": "a"}, spec={"containers": [container]})
