"""The file of live facts: what is read of it, and what is said of one that cannot be read."""

from __future__ import annotations

import json

import pytest

from tailstack.access.addresses import spans_of
from tailstack.access.facts import FACTS_CLASH, FACTS_SHAPE, FACTS_SYNTAX, FACTS_VALUE, HIDDEN, read_facts
from tailstack.access.inventory import Inventory, Node, Service, User
from tailstack.access.ports import parse_ip_entry
from tailstack.finding import InvalidTailnetError, Place, Rule

FILE = "facts.json"
# Fields that the API answers and that say nothing of access are there on purpose.
WHOLE = """{
  "devices": [
    {"id": "1", "name": "Ana-Mac.tail1a2b.ts.net.", "user": "ana@example.com", "os": "macOS", "created": "",
     "addresses": ["100.64.0.1", "fd7a:115c:a1e0::1"], "tags": null,
     "attributes": {"node:os": "macos", "custom:level": 3, "custom:ok": true, "custom:none": null}},
    {"name": "router.tail1a2b.ts.net", "user": "ana@example.com", "tags": ["tag:router"], "addresses": ["100.64.0.2"],
     "AdvertisedRoutes": ["10.0.0.0/16", "192.168.0.0/24"], "enabledRoutes": ["10.0.0.0/16", "0.0.0.0/0"]},
    {"name": "guest.tail1a2b.ts.net", "user": "bo@elsewhere.com", "isExternal": true},
    {"name": "bare.tail1a2b.ts.net", "user": "", "isExternal": true},
  ],
  "users": [
    {"loginName": "ana@example.com", "role": "admin", "type": "member", "id": "7"},
    {"loginName": "li@example.com", "role": "member", "type": "member"},
    {"loginName": "bo@elsewhere.com", "role": "member", "type": "member"},
    {"loginName": "cy@elsewhere.com", "type": "shared"},
  ],
  "vipServices": [
    {"name": "svc:web", "addrs": ["100.100.0.1"], "ports": ["tcp:443"], "hosts": ["ROUTER.tail1a2b.ts.net"]},
    {"name": "svc:any", "ports": ["do-not-validate"]},
  ],
  "groups": {"group:eng@example.com": ["ana@example.com"]},
}"""


def test_all_that_is_known_is_read() -> None:
    assert read_facts(WHOLE, file=FILE).inventory == Inventory(
        nodes=(
            Node(
                name="ana-mac.tail1a2b.ts.net",
                addresses=spans_of("100.64.0.1").spans + spans_of("fd7a:115c:a1e0::1").spans,
                user="ana@example.com",
                attributes={"node:os": "macos", "custom:level": 3, "custom:ok": True},
            ),
            Node(
                name="router.tail1a2b.ts.net",
                addresses=spans_of("100.64.0.2").spans,
                tags=("tag:router",),
                routes=spans_of("10.0.0.0/16").spans + spans_of("0.0.0.0/0").spans,
                unapproved=spans_of("192.168.0.0/24").spans,
                services=("svc:web",),
            ),
            Node(name="guest.tail1a2b.ts.net", user="bo@elsewhere.com"),
            Node(name="bare.tail1a2b.ts.net"),
        ),
        users=(
            User(login="ana@example.com", roles=frozenset({"admin"})),
            User(login="li@example.com"),
            User(login="bo@elsewhere.com", is_shared=True),
            User(login="cy@elsewhere.com", is_shared=True),
        ),
        services=(
            Service(name="svc:web", addresses=spans_of("100.100.0.1").spans, ports=parse_ip_entry("tcp:443")),
            Service(name="svc:any"),
        ),
        groups={"group:eng@example.com": ("ana@example.com",)},
    )


def test_a_node_knows_where_it_stands_in_the_file() -> None:
    assert read_facts(WHOLE, file=FILE).inventory.nodes[1].place == Place(FILE, 6, 5)


@pytest.mark.parametrize("text", ["{}", '{"devices": null, "users": null, "vipServices": null}'])
def test_nothing_known_is_fine(text: str) -> None:
    assert read_facts(text, file=FILE).inventory == Inventory()


@pytest.mark.parametrize(
    ("text", "rule", "place", "message", "more"),
    [
        ("", FACTS_SYNTAX, "1:1", "line 1, column 1: ", ""),
        ("{\n  oops", FACTS_SYNTAX, "2:3", "line 2, column 3: ", ""),
        ("[]", FACTS_SHAPE, "1:1", "the file: unexpected array", "an object"),
        ('{"device": []}', FACTS_SHAPE, "1:2", 'unknown key "device"', "Write devices if that is meant."),
        ('{"xyz": []}', FACTS_SHAPE, "1:2", 'unknown key "xyz"', "one of devices, users, vipServices, groups"),
        ('{"devices": {}}', FACTS_SHAPE, "1:13", "devices: unexpected object", "a list"),
        ('{"devices": [1]}', FACTS_SHAPE, "1:14", "devices[0]: unexpected number", "an object"),
        ('{"devices": [{}]}', FACTS_SHAPE, "1:14", "devices[0]: name is missing", "a string"),
        ('{"devices": [{"name": 1}]}', FACTS_SHAPE, "1:23", "devices[0].name: unexpected number", "a string"),
        (
            '{"devices": [{"name": "a"},\n{"name": "A."}]}',
            FACTS_CLASH,
            "2:1",
            "two devices are called a",
            "Remove one of the two",
        ),
        (
            '{"devices": [{"name": "a", "isExternal": "yes"}]}',
            FACTS_SHAPE,
            "1:42",
            "devices[0].isExternal: unexpected string",
            "true or false",
        ),
        (
            '{"devices": [{"name": "a", "addresses": ["100.64.0.0/10"]}]}',
            FACTS_VALUE,
            "1:42",
            'devices[0].addresses: "100.64.0.0/10"',
            "an address",
        ),
        (
            '{"devices": [{"name": "a", "enabledRoutes": ["x"]}]}',
            FACTS_VALUE,
            "1:46",
            'devices[0].enabledRoutes: "x"',
            "a prefix",
        ),
        (
            '{"devices": [{"name": "a", "attributes": {"node:os": []}}]}',
            FACTS_SHAPE,
            "1:54",
            "devices[0].attributes.node:os: unexpected array",
            "a string, a number, true or false",
        ),
        (
            '{"devices": [{"name": "a", "attributes": 1}]}',
            FACTS_SHAPE,
            "1:42",
            "devices[0].attributes: unexpected number",
            "an object",
        ),
        (
            '{"users": [{"loginName": "a@b", "role": "boss"}]}',
            FACTS_VALUE,
            "1:41",
            'users[0].role: "boss"',
            "one of admin, ",
        ),
        (
            '{"users": [{"loginName": "a@b", "type": 1}]}',
            FACTS_SHAPE,
            "1:41",
            "users[0].type: unexpected number",
            "a string",
        ),
        (
            '{"vipServices": [{"name": "svc:a", "ports": ["x"]}]}',
            FACTS_VALUE,
            "1:46",
            'vipServices[0].ports: "x"',
            "do-not-validate",
        ),
        (
            '{"devices": [{"name": "db"}], "vipServices": [{"name": "svc:a", "hosts": ["bd"]}]}',
            FACTS_VALUE,
            "1:75",
            'vipServices[0].hosts: "bd"',
            "the name of one of the devices",
        ),
        (
            '{"devices": [{"name": "database"}], "vipServices": [{"name": "svc:a", "hosts": ["databaze"]}]}',
            FACTS_VALUE,
            "1:81",
            'vipServices[0].hosts: "databaze"',
            "Write database if that is meant.",
        ),
        ('{"groups": {"dev": []}}', FACTS_VALUE, "1:13", 'groups: "dev"', 'a name that begins with "group:"'),
        (
            '{"groups": {"group:dev": [1]}}',
            FACTS_SHAPE,
            "1:27",
            'groups["group:dev"][0]: unexpected number',
            "a string",
        ),
        ('{"groups": []}', FACTS_SHAPE, "1:12", "groups: unexpected array", "an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, rule: Rule, place: str, message: str, more: str) -> None:
    with pytest.raises(InvalidTailnetError) as raised:
        read_facts(text, file=FILE)
    (finding,) = raised.value.findings
    assert finding.rule is rule
    assert f"{FILE}:{place}" == str(finding.places[0])
    assert finding.message.startswith(message)
    assert more in f"{finding.expected} {finding.mend}"


def test_everything_wrong_is_said_at_once() -> None:
    text = json.dumps({"devices": [{}, {"name": "a", "tags": "x"}], "users": 1})
    with pytest.raises(InvalidTailnetError) as raised:
        read_facts(text, file=FILE)
    assert [finding.message for finding in raised.value.findings] == [
        "devices[0]: name is missing",
        "devices[1].tags: unexpected string",
        "users: unexpected number",
    ]


LIVE = """{
"keys": [
  {"id": "k1", "keyType": "client", "scopes": ["auth_keys", "devices:core"], "tags": ["tag:op"], "clusters": ["blue"]},
  {"id": "k2", "keyType": "federated", "issuer": "https://i", "subject": "s", "audience": "a"},
  {"id": "k3", "keyType": "auth"},
],
"settings": {"httpsEnabled": true, "aclsExternallyManagedOn": false, "more": 1},
"dns": {"magicDNS": false},
"charts": {
  "blue": {"version": "1.102.3", "values": {"oauth": {"clientId": "k1", "clientSecret": "hush"}, "proxyConfig": {"x": "y"}}},
  "green": {},
  "red": {"values": {"oauth": {"clientId": "k2"}}},
}}"""


class TestSettings:
    FACTS = read_facts(LIVE, file=FILE)

    def test_credentials_are_the_keys_of_operators(self) -> None:
        assert self.FACTS.credentials is not None
        client, federated = self.FACTS.credentials
        assert (client.key, client.kind, client.tags, client.clusters) == ("k1", "client", ("tag:op",), ("blue",))
        assert client.scopes == {"auth_keys", "devices:core"}
        assert (federated.issuer, federated.subject, federated.audience) == ("https://i", "s", "a")
        assert client.place == Place(FILE, 3, 3)

    def test_settings_are_true_false_or_unknown(self) -> None:
        assert (self.FACTS.https, self.FACTS.magic_dns, self.FACTS.is_policy_external) == (True, False, False)
        nothing = read_facts("{}", file=FILE)
        assert (nothing.https, nothing.magic_dns, nothing.credentials, nothing.has_devices) == (None, None, None, False)
        assert read_facts('{"devices": []}', file=FILE).has_devices

    def test_values_of_charts_have_places_and_no_secret(self) -> None:
        blue = self.FACTS.charts["blue"]
        assert blue.version == "1.102.3"
        assert blue.values["oauth"] == {"clientId": "k1", "clientSecret": HIDDEN}
        assert blue.place_of("proxyConfig", "x") == Place(FILE, 10, 119)
        assert blue.place_of("proxyConfig", "none", "more") == blue.place_of("proxyConfig")
        assert "hush" not in repr(self.FACTS)
        green = self.FACTS.charts["green"]
        assert (green.version, dict(green.values), green.place_of("a")) == ("", {}, Place(FILE, 11, 3))
        assert self.FACTS.charts["red"].values["oauth"] == {"clientId": "k2"}

    def test_what_has_another_shape_is_said(self) -> None:
        text = '{"keys": [{"keyType": "client"}], "settings": {"httpsEnabled": 1}, "charts": {"blue": {"values": []}}}'
        with pytest.raises(InvalidTailnetError) as raised:
            read_facts(text, file=FILE)
        assert [finding.message for finding in raised.value.findings] == [
            "keys[0]: id is missing",
            "settings.httpsEnabled: unexpected number",
            'charts["blue"].values: unexpected array',
        ]
