from __future__ import annotations

import pytest

from tailstack.topology.custom import AppConnector
from tailstack.topology.extras import NO_EXTRAS, ConfigSecret, Extras
from tailstack.topology.loading import resolve_files
from tailstack.topology.tailnet import DeviceSettings
from tests.topology.marked import AT, ENVIRONMENT, check_finding, path_of, resolved


def extras(keys: str) -> Extras:
    text = f"tailnet: {{dnsName: a.ts.net, {keys}}}"
    return resolve_files({path_of("a.yaml"): text}, ENVIRONMENT, AT).extras


def test_nothing_of_it() -> None:
    assert extras("magicDNS: true") == NO_EXTRAS


def test_dns() -> None:
    dns = extras(
        "dns: {nameservers: [1.1.1.1, 'https://dns.example.com/q', '2001:db8::1'], overrideLocalDNS: true,"
        " splitDNS: {corp.example.com: [10.0.0.53], x.org: []}, searchPaths: [a.com, b.com]}"
    ).dns
    assert dns is not None
    assert dns.nameservers == ("1.1.1.1", "https://dns.example.com/q", "2001:db8::1")
    assert (dns.override_local_dns, dns.search_paths) == (True, ("a.com", "b.com"))
    assert dns.split_dns == (("corp.example.com", ("10.0.0.53",)), ("x.org", ()))
    assert (dns.place.line, dns.place.column) == (1, 30)
    empty = extras("dns: {}").dns
    assert empty is not None
    assert (empty.nameservers, empty.split_dns, empty.override_local_dns) == ((), (), False)


def test_settings_that_are_left_out_stay_as_they_are() -> None:
    settings = extras(
        "settings: {devicesApprovalOn: false, devicesKeyDurationDays: 90, usersRoleAllowedToJoinExternalTailnet: none,"
        " aclsExternalLink: 'https://git.example.com'}"
    ).settings
    assert settings == {
        "devices_approval_on": False,
        "devices_key_duration_days": 90,
        "users_role_allowed_to_join_external_tailnet": "none",
        "acls_external_link": "https://git.example.com",
    }
    assert type(settings["users_role_allowed_to_join_external_tailnet"]) is str


def test_contacts_and_webhooks() -> None:
    found = extras(
        "contacts: {support: ops@example.com}, webhooks: {"
        "edits: {endpointUrl: {secret: hook}, providerType: slack, subscriptions: [policyUpdate]},"
        " plain: {endpointUrl: 'https://example.com', subscriptions: [nodeCreated, nodeDeleted]}}"
    )
    assert found.contacts is not None
    assert (found.contacts.account, found.contacts.support, found.contacts.security) == (None, "ops@example.com", None)
    edits, plain = found.webhooks
    assert (edits.name, edits.endpoint_url, edits.provider_type) == ("edits", ConfigSecret("hook"), "slack")
    assert (plain.endpoint_url, plain.provider_type) == ("https://example.com", "")
    assert plain.subscriptions == ("nodeCreated", "nodeDeleted")


def test_keys() -> None:
    one, two = extras(
        "keys: {one: {tags: [tag:a]}, two: {tags: [tag:a, tag:b], reusable: true, ephemeral: true, preauthorized: true,"
        " expiry: 2w, description: CI runners}}"
    ).keys
    assert (one.name, one.tags, one.expiry, one.description) == ("one", ("tag:a",), None, "one")
    assert (one.reusable, one.ephemeral, one.preauthorized) == (False, False, False)
    assert (two.reusable, two.ephemeral, two.preauthorized) == (True, True, True)
    assert (two.expiry, two.description) == (14 * 24 * 3600, "CI runners")


@pytest.mark.parametrize(("written", "seconds"), [("12h", 43_200), ("90d", 7_776_000), ("1w", 604_800)])
def test_the_expiry_of_a_key(written: str, seconds: int) -> None:
    (key,) = extras(f"keys: {{one: {{tags: [tag:a], expiry: {written}}}}}").keys
    assert key.expiry == seconds


def test_log_streams_and_posture_integrations_take_the_arguments_of_the_provider() -> None:
    found = extras(
        "logStreaming: {network: {destinationType: gcs, gcsBucket: b, gcsCredentials: {secret: gcs}, gcsScopes: [a, b],"
        " uploadPeriodMinutes: 5}, configuration: {destinationType: splunk, url: 'https://a'}},"
        " postureIntegrations: {laptops: {postureProvider: intune, cloudId: global, clientSecret: {secret: intune}}}"
    )
    configuration, network = found.log_streams
    assert (configuration.log_type, configuration.arguments) == (
        "configuration",
        {"destination_type": "splunk", "url": "https://a"},
    )
    assert (network.log_type, network.arguments) == (
        "network",
        {
            "destination_type": "gcs",
            "gcs_bucket": "b",
            "gcs_credentials": ConfigSecret("gcs"),
            "gcs_scopes": ("a", "b"),
            "upload_period_minutes": 5,
        },
    )
    (laptops,) = found.posture_integrations
    assert (laptops.name, laptops.arguments) == (
        "laptops",
        {"posture_provider": "intune", "cloud_id": "global", "client_secret": ConfigSecret("intune")},
    )
    assert extras("logStreaming: {}").log_streams == ()


MISTAKES = [
    ("wrong-value", "dns: {nameservers: [1.1.1.1, §one]}", ("nameservers[1] is no nameserver", "https://")),
    ("wrong-value", "dns: {nameservers: [§'http://a']}", ("no nameserver",)),
    ("wrong-value", "dns: {splitDNS: {a.com: [§300.0.0.1]}}", ("splitDNS.a.com[0]",)),
    ("listed-twice", "dns: {nameservers: [②1.1.1.1, §1.1.1.1]}", ("1.1.1.1",)),
    ("listed-twice", "dns: {searchPaths: [②a.com, §a.com]}", ("searchPaths",)),
    ("key-does-not-fit", "dns: {§overrideLocalDNS: true}", ("no nameservers",)),
    ("listed-twice", "keys: {k: {tags: [②tag:a, §tag:a]}}", ("tag:a",)),
    ("wrong-value", "keys: {k: {tags: [tag:a], expiry: §91d}}", ("at most 90d",)),
    ("wrong-value", "keys: {k: {tags: [tag:a], expiry: §13w}}", ("at most 90d",)),
    ("wrong-value", "keys: {k: {tags: [tag:a], description: §'a: b'}}", ("at most 50 letters",)),
    ("listed-twice", "webhooks: {w: {endpointUrl: 'https://a', subscriptions: [②a, §a]}}", ("subscriptions",)),
    ("wrong-value", "webhooks: {w: {endpointUrl: §'http://a', subscriptions: [a]}}", ("https://",)),
    ("wrong-value", "settings: {devicesKeyDurationDays: §181}", ("from 1 to 180",)),
    ("wrong-value", "contacts: {support: §ops}", ("a mail address",)),
    ("unknown-key", "settings: {§devicesApproval: true}", ("Did you mean devicesApprovalOn?",)),
]


@pytest.mark.parametrize(("slug", "keys", "words"), MISTAKES, ids=[keys for _, keys, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, keys: str, words: tuple[str, ...]) -> None:
    check_finding({"a.yaml": f"tailnet: {{dnsName: a.ts.net, {keys}}}"}, slug, *words)


def test_guests() -> None:
    text = "tailnet: {dnsName: a.ts.net, policy: {guests: [dev, lab]}}"
    owner = resolve_files({path_of("a.yaml"): text}, ENVIRONMENT, AT)
    assert (owner.guests, owner.guest_of) == (("dev", "lab"), None)
    guest = resolve_files({path_of("a.yaml"): "tailnet: {dnsName: a.ts.net, guestOf: prod}"}, ENVIRONMENT, AT)
    assert (guest.guests, guest.guest_of) == ((), "prod")


def test_machines_that_lead_out() -> None:
    one, two = resolved(
        "machines:\n"
        "  one: {tags: [tag:a]}\n"
        "  two:\n"
        "    tags: [tag:b]\n"
        "    routes: [10.0.0.0/8, '2001:DB8::/32']\n"
        "    exitNode: true\n"
        "    appConnector: {domains: [a.com], routes: [203.0.113.0/24]}\n"
        "    device: {tags: true, routes: true, authorized: true, keyExpiryDisabled: false}\n"
    ).machines
    assert (one.routes, one.exit_node, one.app_connector, one.device, one.reference) == ((), False, None, None, "one")
    assert (two.routes, two.exit_node) == (("10.0.0.0/8", "2001:db8::/32"), True)
    assert two.app_connector == AppConnector(domains=("a.com",), routes=("203.0.113.0/24",))
    assert two.device == DeviceSettings(tags=True, routes=True, authorized=True, key_expiry_disabled=False)
