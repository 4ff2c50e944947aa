"""Answers in words and as JSON, of an environment and of a policy file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tailstack.access.compile import compile_policy
from tailstack.access.facts import read_facts
from tailstack.access.listing import what_reaches, who_reaches
from tailstack.access.parties import Directory, Role, directory_of_policy, directory_of_tailnet
from tailstack.report.answers import (
    explanation_answer,
    explanation_as_json,
    listing_answer,
    listing_as_json,
    tell_explanation,
    tell_listing,
)
from tailstack.report.telling import told_as_markdown, told_as_text
from tests.access.asking import ask, port, with_nodes
from tests.access.policies import grant, policy
from tests.rules.environments import tailnet_of

TEXT = """
groups:
  group:ops: [ana@example.com]
  group:synced@example.com: {synced: true}
postures:
  posture:mac: [node:os == 'macos']
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
      lonely: {namespace: default, ports: [udp:53], selector: {a: b}}
access:
  - {name: web, from: [group:ops, group:synced@example.com], to: [{exposure: blue.nginx}]}
  - name: rights
    from: [group:ops]
    to: [{apiServer: blue}]
    srcPosture: [posture:mac]
    kubernetes: {impersonate: {groups: [system:masters]}}
"""


def environment() -> Directory:
    tailnet = tailnet_of(TEXT)
    return directory_of_tailnet(tailnet, compile_policy(tailnet))


def plain() -> Directory:
    return with_nodes(
        policy(
            grants=[
                grant("ana@example.com", "tag:web", "tcp:80", srcPosture=["posture:mac"]),
                grant("ana@example.com", "10.0.0.0/16", "*"),
                grant("ana@example.com", "autogroup:internet", "*"),
                grant("li@example.com", "tag:web", app={"tailscale.com/cap/drive": [{"access": "ro"}]}),
                grant("*", "tag:db", "tcp:5432", via=["tag:db"]),
            ],
            tagOwners={"tag:web": [], "tag:db": [], "tag:office": [], "tag:rack": []},
            postures={"posture:mac": ["node:os == 'macos'"]},
            ssh=[
                {
                    "action": "check",
                    "checkPeriod": "1h",
                    "src": ["ana@example.com"],
                    "dst": ["tag:db"],
                    "users": ["root"],
                },
                {
                    "action": "accept",
                    "src": ["ana@example.com"],
                    "dst": ["tag:web"],
                    "users": ["autogroup:nonroot", "x"],
                    "srcPosture": ["posture:mac"],
                },
                {"action": "check", "src": ["li@example.com"], "dst": ["tag:web"], "users": ["root"]},
            ],
        )
    )


def explained(directory: Directory, source: str, target: str, asked: str | None = None) -> str:
    return told_as_text(tell_explanation(ask(directory, source, target, asked)))


def listed(directory: Directory, name: str, role: Role, asked: str | None = None) -> str:
    party, ports = directory.find(name, role), port(asked)
    found = who_reaches(directory, party, ports) if role is Role.TARGET else what_reaches(directory, party, ports)
    return told_as_text(tell_listing(found))


def test_why() -> None:
    assert explained(environment(), "ana@example.com", "blue.nginx") == (
        "ana@example.com reaches exposure blue.nginx on tcp:80.\n"
        "\n"
        "Why\n"
        "  tcp:80 by access: web (stacks/test/main.yaml:15:5)\n"
    )


def test_what_is_missing() -> None:
    assert explained(environment(), "li@example.com", "blue.nginx") == (
        "li@example.com does not reach exposure blue.nginx on tcp:80.\n"
        "\n"
        "What is missing\n"
        "  access: web (stacks/test/main.yaml:15:5) is for group:ops, group:synced@example.com\n"
        "\n"
        "The smallest declaration that would allow it, under `access`\n"
        "  - name: li@example.com reaches blue.nginx\n"
        "    from: [li@example.com]\n"
        "    to: [{exposure: blue.nginx}]\n"
    )


def test_an_api_server() -> None:
    assert explained(environment(), "group:ops", "blue") == (
        "group:ops reaches the API server of blue on tcp:443 only from a device in posture:mac.\n"
        "\n"
        "Why\n"
        "  tcp:443 by access: rights (stacks/test/main.yaml:16:5); only from a device in posture:mac\n"
        "\n"
        "Application capabilities\n"
        "  acts in Kubernetes as system:masters from a device in posture:mac, by access: rights\n"
        "    (stacks/test/main.yaml:16:5)\n"
    )


@pytest.mark.parametrize(
    ("source", "target", "asked", "lines"),
    [
        (
            "ana@example.com",
            "web1",
            None,
            [
                "ana@example.com reaches web1.t.ts.net on tcp:80 only from a device in posture:mac.",
                "  tcp:80 by p.hujson:1:13; only from a device in posture:mac (ana-mac.t.ts.net is, ana-pc.t.ts.net",
                "    is not)",
                "  the ssh rule p.hujson:1:680 allows any user but root, but nothing opens tcp:22: nobody gets in by",
            ],
        ),
        ("ana-mac", "10.0.7.1", None, ["  every port by p.hujson:1:112; through the subnet router rack.t.ts.net (10.0.7.0/24)"]),
        (
            "ana-mac",
            "autogroup:internet",
            None,
            ["ana-mac.t.ts.net reaches autogroup:internet on every port.", "  the internet is reached through exit nodes; no node is"],
        ),
        (
            "li-pc",
            "web1",
            None,
            [
                "li-pc.t.ts.net does not reach web1.t.ts.net on any port.",
                "  would have tailscale.com/cap/drive, but no entry opens a port: a grant of a capability alone",
                "  p.hujson:1:253 grants tailscale.com/cap/drive, which opens no port",
                "Ask about one port",
            ],
        ),
        ("*", "*", "tcp:22", ["everyone (*) does not reach everything (*) on tcp:22."]),
        ("ana-mac", "9.9.9.9", "udp:53", ["  udp:53 by p.hujson:1:179; through the exit node rack.t.ts.net (0.0.0.0/0)"]),
    ],
)  # fmt: skip
def test_of_a_policy_file(source: str, target: str, asked: str | None, lines: list[str]) -> None:
    said = explained(plain(), source, target, asked).splitlines()
    assert [line for line in lines if line not in said] == [], "\n".join(said)


def test_several_routers() -> None:
    nodes = """{"devices": [
      {"name": "one", "tags": ["tag:r"], "addresses": ["100.64.0.1"], "enabledRoutes": ["10.0.0.0/16", "0.0.0.0/0"]},
      {"name": "two", "tags": ["tag:r"], "addresses": ["100.64.0.2"], "enabledRoutes": ["10.0.0.0/16", "0.0.0.0/0"]}]}"""
    made = policy(grants=[grant("*", ["*", "10.0.0.0/8"], "*")])
    directory = directory_of_policy(made, read_facts(nodes, file="n").inventory)
    assert "; through subnet routers one, two (10.0.0.0/16)\n" in explained(directory, "li@example.com", "10.0.7.1")
    assert "; through exit nodes one, two (0.0.0.0/0)\n" in explained(directory, "li@example.com", "9.9.9.9")


def test_ssh_in_words() -> None:
    rule: dict[str, object] = {"src": ["ana@example.com"], "dst": ["tag:web"], "users": ["root", "autogroup:nonroot"]}
    rules = [
        rule | {"action": "check", "checkPeriod": "1h"},
        rule | {"action": "check", "users": ["a"]},
        rule | {"action": "accept", "users": ["b"], "srcPosture": ["posture:mac"]},
    ]
    directory = with_nodes(
        policy(
            grants=[grant("*", "*", "*")],
            tagOwners={"tag:web": []},
            postures={"posture:mac": ["node:os == 'macos'"]},
            ssh=rules,
        )
    )
    said = explained(directory, "ana@example.com", "tag:web")
    _, _, ssh = said.partition("Tailscale SSH\n")
    assert [" ".join(part.split()) for part in ssh.split("\n  logs")] == [
        "logs in as any user after a fresh login (once in 1h), by p.hujson:1:148",
        "in as a after a fresh login, by p.hujson:1:278",
        "in as b, only from a device in posture:mac, by p.hujson:1:363",
    ]


def test_who() -> None:
    assert listed(environment(), "blue.nginx", Role.TARGET) == (
        "group:ops, group:synced@example.com reach exposure blue.nginx.\n"
        "\n"
        "By which entries\n"
        "  group:ops, group:synced@example.com: tcp:80 by access: web (stacks/test/main.yaml:15:5)\n"
        "\n"
        "Groups\n"
        "  group:ops: ana@example.com\n"
        "  group:synced@example.com: members are kept by the identity provider and not known here\n"
    )
    assert listed(environment(), "blue.lonely", Role.TARGET) == "Nobody reaches exposure blue.lonely.\n"
    assert (
        listed(environment(), "blue.nginx", Role.TARGET, "tcp:22") == "Nobody reaches exposure blue.nginx on tcp:22.\n"
    )


def test_what() -> None:
    assert listed(environment(), "ana@example.com", Role.SOURCE) == (
        "ana@example.com reaches tag:k8s-blue--nginx, tag:k8s-op-blue.\n"
        "\n"
        "By which entries\n"
        "  tag:k8s-blue--nginx: tcp:80 by access: web (stacks/test/main.yaml:15:5)\n"
        "  tag:k8s-op-blue: tcp:443 by access: rights (stacks/test/main.yaml:16:5); as system:masters in\n"
        "    Kubernetes; only from a device in posture:mac\n"
        "\n"
        "Groups\n"
        "  group:ops: ana@example.com\n"
        "  group:synced@example.com: members are kept by the identity provider and not known here\n"
        "\n"
        "Nodes\n"
        "  tag:k8s-blue--nginx: exposure blue.nginx\n"
        "  tag:k8s-op-blue: operator blue\n"
    )
    assert listed(environment(), "sam@example.com", Role.SOURCE) == "sam@example.com reaches nothing.\n"


def test_lists_of_a_policy_file() -> None:
    directory = plain()
    who = listed(directory, "web1", Role.TARGET)
    assert who.startswith("ana@example.com reaches web1.t.ts.net.\n")
    assert "  li@example.com: no port by p.hujson:1:253; with tailscale.com/cap/drive; reaches nothing:\n" in who
    assert "everyone (*): tcp:5432 by p.hujson:1:358; only through tag:db\n" in listed(directory, "db", Role.TARGET)
    what = listed(directory, "ana-mac", Role.SOURCE)
    assert what.startswith("ana-mac.t.ts.net reaches tag:web, 10.0.0.0/16, autogroup:internet, tag:db.\n")
    assert "through the subnet router rack.t.ts.net" in listed(directory, "10.0.7.1", Role.TARGET)


def read(text: str) -> dict[str, Any]:
    assert text.endswith("}\n")
    return json.loads(text)


def test_json_of_an_explanation() -> None:
    found = ask(environment(), "group:ops", "blue")
    data = read(explanation_as_json(found))
    place = {"file": "stacks/test/main.yaml", "line": 16, "column": 5}
    assert data == {
        "version": "1",
        "answer": explanation_answer(found),
        "verdict": "conditional",
        "from": {"kind": "selector", "name": "group:ops", "reference": "group:ops"},
        "to": {"kind": "apiServer", "name": "the API server of blue", "reference": "blue"},
        "ports": None,
        "open": [],
        "conditional": ["tcp:443"],
        "closed": [],
        "ways": [
            {
                "ports": ["tcp:443"],
                "postures": ["posture:mac"],
                "metBy": [],
                "missedBy": [],
                "routers": [],
                "declaration": "access: rights",
                "places": [place],
            }
        ],
        "capabilities": [
            {
                "name": "tailscale.com/cap/kubernetes",
                "values": [{"impersonate": {"groups": ["system:masters"]}}],
                "kubernetesGroups": ["system:masters"],
                "postures": ["posture:mac"],
                "needs": "tcp:443",
                "dead": False,
                "declaration": "access: rights",
                "places": [place],
            }
        ],
        "ssh": [],
        "missing": [],
        "suggestion": None,
        "notes": [],
    }
    denied = read(explanation_as_json(ask(environment(), "li@example.com", "blue.nginx", "tcp:80")))
    assert (denied["verdict"], denied["ports"], denied["closed"]) == ("denied", ["tcp:80"], ["tcp:80"])
    assert denied["suggestion"]["language"] == "yaml"
    assert denied["missing"] == [
        {
            "lack": "source",
            "text": "is for group:ops, group:synced@example.com",
            "declaration": "access: web",
            "places": [{"file": "stacks/test/main.yaml", "line": 15, "column": 5}],
        }
    ]
    routed = read(explanation_as_json(ask(plain(), "ana-mac", "10.0.7.1")))
    assert routed["ways"][0]["routers"] == [{"router": "rack.t.ts.net", "route": "10.0.7.0/24", "exitNode": False}]
    logins = read(explanation_as_json(ask(plain(), "ana-mac", "db")))["ssh"]
    assert [(way["users"], way["check"], way["checkPeriod"], way["dead"]) for way in logins] == [
        (["root"], True, "1h", True),
        (["autogroup:nonroot", "x"], False, "", True),
    ]


def test_json_of_a_list() -> None:
    directory = environment()
    who = who_reaches(directory, directory.find("blue.nginx", Role.TARGET), port("tcp:80"))
    data = read(listing_as_json(who))
    assert (data["version"], data["answer"], data["ports"]) == ("1", listing_answer(who), ["tcp:80"])
    assert data["to"]["reference"] == "blue.nginx"
    assert [(entry["from"], entry["to"], entry["declaration"]) for entry in data["entries"]] == [
        (["group:ops", "group:synced@example.com"], ["tag:k8s-blue--nginx"], "access: web")
    ]
    assert data["groups"] == {"group:ops": ["ana@example.com"], "group:synced@example.com": None}
    what = read(listing_as_json(what_reaches(plain(), plain().find("ana-mac", Role.SOURCE))))
    assert what["from"]["kind"] == "node"
    assert what["ports"] is None
    assert [entry["via"] for entry in what["entries"]] == [[], [], [], ["tag:db"]]
    assert [(rule["to"], rule["dead"]) for rule in what["ssh"]] == [(["tag:db"], True), (["tag:web"], True)]


def test_markdown_escapes_what_comes_from_a_file() -> None:
    directory = with_nodes(
        policy(grants=[grant("ana@example.com", "tag:web", "tcp:80")], hosts={"<b>*x*</b>": "10.0.0.1"})
    )
    text = told_as_markdown(tell_explanation(ask(directory, "li@example.com", "<b>*x*</b>", "tcp:80")))
    assert "<b>" not in text.partition("```")[0]
    assert "```hujson\n" in text
    assert '"dst": ["<b>*x*</b>"]' in text
