from __future__ import annotations

import json

import pytest

from tailstack.access.listing import everything
from tailstack.access.parties import directory_of_policy
from tailstack.access.policy import Policy
from tailstack.report.policy_shown import policy_answer, policy_as_json, tell_policy
from tailstack.report.telling import told_as_text
from tests.access.policies import grant, policy

KUBERNETES: dict[str, object] = {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["system:masters"]}}]}
WHOLE = policy(
    groups={"group:dev": ["ana@example.com"], "group:none": []},
    tagOwners={"tag:a": [], "tag:b": ["group:dev", "tag:a"]},
    hosts={"printer": "10.0.0.9"},
    ipsets={"ipset:lab": ["add 10.0.3.0/24", "remove 10.0.3.1"]},
    postures={"posture:mac": ["node:os == 'macos'", "node:tsVersion IS SET"]},
    autoApprovers={
        "routes": {"10.0.0.0/8": ["tag:a"], "10.1.0.0/16": []},
        "exitNode": ["tag:b"],
        "services": {"svc:x": ["tag:a"]},
    },
    nodeAttrs=[
        {
            "target": ["*"],
            "attr": ["funnel"],
            "app": {"tailscale.com/app-connectors": [1]},
            "ipPool": ["100.64.1.0/24"],
        },
        {"target": ["tag:a"]},
    ],
    grants=[
        grant("group:dev", ["tag:a", "tag:b"], "tcp:80", srcPosture=["posture:mac"]),
        grant("*", "*", "icmp:*"),
        grant([], "tag:a", "tcp:1"),
        grant("group:none", "tag:a", app=KUBERNETES),
    ],
    ssh=[{"action": "accept", "src": ["group:dev"], "dst": ["tag:a"], "users": ["root"]}],
)
EXPECTED = """\
3 entries let somebody reach something; 1 entry gives capabilities only; 1 entry gives a capability
that nobody can use.

Access
  group:dev to tag:a, tag:b: tcp:80 by p.hujson:1:599; only from a device in posture:mac
  everyone (*) to everything (*): icmp by p.hujson:1:699
  nobody to tag:a: tcp:1 by p.hujson:1:747
  group:none to tag:a: no port by p.hujson:1:795; as system:masters in Kubernetes; reaches nothing:
    tailscale.com/cap/kubernetes needs tcp:443, and no entry opens it

Tailscale SSH
  group:dev to tag:a: the ssh rule p.hujson:1:939 allows root, but nothing opens tcp:22: nobody gets
    in by it

Groups
  group:dev: ana@example.com
  group:none: nobody

Tags
  tag:a: given by admins only
  tag:b: given by group:dev, tag:a

Approved without an admin
  the route 10.0.0.0/8, and what is inside of it, on tag:a
  the route 10.1.0.0/16, and what is inside of it, on no node
  exit nodes: tag:b
  hosts of svc:x: tag:a

Node attributes
  every node (*): funnel, tailscale.com/app-connectors, addresses of 100.64.1.0/24
  tag:a: nothing

Postures
  posture:mac: node:os == 'macos' and node:tsVersion IS SET

Hosts
  printer: 10.0.0.9

IP sets
  ipset:lab: add 10.0.3.0/24, remove 10.0.3.1
"""


def test_all_of_it() -> None:
    found = everything(directory_of_policy(WHOLE))
    assert told_as_text(tell_policy(WHOLE, found)) == EXPECTED


def test_what_is_approved_without_exit_nodes() -> None:
    made = policy(grants=[], autoApprovers={"services": {"svc:x": ["tag:a"]}})
    text = told_as_text(tell_policy(made, everything(directory_of_policy(made))))
    assert text == "Nobody reaches anything.\n\nApproved without an admin\n  hosts of svc:x: tag:a\n"


def test_json() -> None:
    found = everything(directory_of_policy(WHOLE))
    data = json.loads(policy_as_json(WHOLE, found))
    assert data["version"] == "1"
    assert data["answer"] == policy_answer(WHOLE, found)
    assert len(data["entries"]) == 4
    assert data["groups"] == {"group:dev": ["ana@example.com"], "group:none": []}
    assert data["tagOwners"] == {"tag:a": [], "tag:b": ["group:dev", "tag:a"]}
    assert data["autoApprovers"] == {
        "routes": {"10.0.0.0/8": ["tag:a"], "10.1.0.0/16": []},
        "exitNode": ["tag:b"],
        "services": {"svc:x": ["tag:a"]},
    }
    assert data["nodeAttrs"][0] == {
        "target": ["*"],
        "attr": ["funnel"],
        "app": ["tailscale.com/app-connectors"],
        "ipPool": ["100.64.1.0/24"],
    }
    assert data["postures"] == {"posture:mac": ["node:os == 'macos'", "node:tsVersion IS SET"]}
    assert data["hosts"] == {"printer": "10.0.0.9"}
    assert data["ipsets"] == {"ipset:lab": ["add 10.0.3.0/24", "remove 10.0.3.1"]}
    assert data["ssh"][0]["dead"] is True


@pytest.mark.parametrize(
    ("made", "answer"),
    [
        (policy(), "Everybody reaches everything: the policy has neither grants nor acls."),
        (policy(grants=[]), "Nobody reaches anything."),
        (policy(acls=[{"action": "accept", "src": ["*"], "dst": ["*:22"]}]), "1 entry lets somebody reach something."),
        (
            policy(grants=[grant("*", "*", app={"example.com/x": []})] * 2),
            "Nobody reaches anything; 2 entries give capabilities only; 2 entries give a capability that nobody can use.",
        ),
    ],
)
def test_the_first_sentence(made: Policy, answer: str) -> None:
    assert policy_answer(made, everything(directory_of_policy(made))) == answer
