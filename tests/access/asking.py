"""Short ways to ask questions of access in tests."""

from __future__ import annotations

from tailstack.access.answers import Explanation
from tailstack.access.explain import explain
from tailstack.access.facts import read_facts
from tailstack.access.inventory import Inventory
from tailstack.access.parties import Directory, Role, directory_of_policy
from tailstack.access.policy import Policy
from tailstack.access.ports import Ports, parse_ip_entry

NODES = """{
"devices": [
  {"name": "ana-mac.t.ts.net", "user": "ana@example.com", "addresses": ["100.64.0.1"],
   "attributes": {"node:os": "macos"}},
  {"name": "ana-pc.t.ts.net", "user": "ana@example.com", "addresses": ["100.64.0.2"],
   "attributes": {"node:os": "windows"}},
  {"name": "web1.t.ts.net", "tags": ["tag:web"], "addresses": ["100.64.0.3"]},
  {"name": "web2.t.ts.net", "tags": ["tag:web"], "addresses": ["100.64.0.4"]},
  {"name": "db.t.ts.net", "tags": ["tag:db", "tag:web"], "addresses": ["100.64.0.5"]},
  {"name": "office.t.ts.net", "tags": ["tag:office"], "addresses": ["100.64.0.6"],
   "advertisedRoutes": ["10.0.0.0/16", "10.1.0.0/16"], "enabledRoutes": ["10.0.0.0/16", "fd7a:115c:a1e0:b1a::/64"]},
  {"name": "rack.t.ts.net", "tags": ["tag:rack"], "addresses": ["100.64.0.7"],
   "enabledRoutes": ["10.0.7.0/24", "0.0.0.0/0", "::/0"]},
  {"name": "li-pc.t.ts.net", "user": "li@example.com", "addresses": ["100.64.0.8"]}
],
"users": [{"loginName": "ana@example.com", "role": "admin"}, {"loginName": "li@example.com", "role": "member"},
          {"loginName": "bo@elsewhere.com", "type": "shared"}],
"vipServices": [{"name": "svc:pay", "addrs": ["100.100.0.1"], "ports": ["tcp:443"], "hosts": ["db.t.ts.net"]},
                {"name": "svc:idle", "ports": ["tcp:443"]}]
}"""
"""Two devices of ana, two web servers, a database, two routers of which one is an exit node, and two services."""

INVENTORY: Inventory = read_facts(NODES, file="n.json").inventory


def port(text: str | None) -> Ports | None:
    """The ports of an entry such as tcp:443."""
    return parse_ip_entry(text) if text is not None else None


def ask(directory: Directory, source: str, target: str, asked: str | None = None) -> Explanation:
    """The whole answer to a question."""
    return explain(directory, directory.find(source, Role.SOURCE), directory.find(target, Role.TARGET), port(asked))


def with_nodes(policy: Policy) -> Directory:
    """A policy over the nodes above."""
    return directory_of_policy(policy, INVENTORY)
