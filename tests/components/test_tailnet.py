"""The component of the tailnet: what belongs to no cluster."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_tailscale
import pytest

from components.config_secrets import config_secrets
from components.providers import tailscale_provider
from components.refusal import RefusedError
from components.tailnet import Tailnet, TailnetArgs
from tailstack.topology.declaration import (
    LogStreamDeclaration,
    PostureIntegrationDeclaration,
    SettingsDeclaration,
)
from tailstack.topology.extras import (
    NO_EXTRAS,
    ConfigSecret,
    Contacts,
    Dns,
    Extras,
    Key,
    LogStream,
    PostureIntegration,
    Webhook,
)
from tailstack.topology.tailnet import DeviceSettings, Machine, Port, TailscaleService
from tests.components.recording import KEY, WEBHOOK_SECRET, Recording, Registered, Secret, record
from tests.components.tailnets import DOMAIN, HERE, NGINX

ALL = Extras(
    dns=Dns(
        nameservers=("1.1.1.1", "https://dns.example.com/q"),
        override_local_dns=True,
        split_dns=(("corp.example.com", ("10.0.0.1",)),),
        search_paths=("corp.example.com",),
        place=HERE,
    ),
    settings={"devices_key_duration_days": 90, "acls_externally_managed_on": True, "acls_external_link": "https://a.b"},
    contacts=Contacts(account="ana@example.com", security="sec@example.com", place=HERE),
    webhooks=(
        Webhook(
            name="edits",
            endpoint_url=ConfigSecret("hookUrl"),
            provider_type="slack",
            subscriptions=("policyUpdate",),
            place=HERE,
        ),
        Webhook(name="plain", endpoint_url="https://a.b", provider_type="", subscriptions=("nodeCreated",), place=HERE),
    ),
    keys=(
        Key(
            name="ci",
            tags=("tag:ci",),
            reusable=True,
            ephemeral=False,
            preauthorized=True,
            expiry=604800,
            description="",
            place=HERE,
        ),
    ),
    log_streams=(
        LogStream(
            log_type="network",
            arguments={
                "destination_type": "gcs",
                "gcs_bucket": "logs",
                "gcs_credentials": ConfigSecret("gcs"),
                "gcs_scopes": ("a", "b"),
                "upload_period_minutes": 5,
            },
            place=HERE,
        ),
    ),
    posture_integrations=(
        PostureIntegration(
            name="laptops",
            arguments={"posture_provider": "kolide", "client_secret": ConfigSecret("kolide")},
            place=HERE,
        ),
    ),
)
SECRETS = {"tailstack:hookUrl": "https://s3cret", "tailstack:gcs": "s3cret", "tailstack:kolide": "s3cret"}


def machine(name: str, device: DeviceSettings | None = None, **more: Any) -> Machine:  # noqa: ANN401  fields
    return Machine(
        name=name, hostname=name, fqdn=f"{name}.{DOMAIN}", tags=(f"tag:{name}",), device=device, place=HERE, **more
    )


DATABASE = machine("db")
LEDGER = TailscaleService(
    name="svc:ledger",
    fqdn=f"ledger.{DOMAIN}",
    ports=(Port("tcp", 5432, 5432),),
    tags=("tag:ledger",),
    backends=(),
    machines=(DATABASE,),
    consumers=None,
    comment="books",
    place=HERE,
)
PAYMENTS = TailscaleService(
    name="svc:payments",
    fqdn=f"payments.{DOMAIN}",
    ports=(Port("tcp", 443, 443),),
    tags=("tag:payments",),
    backends=(NGINX,),
    machines=(),
    consumers=None,
    place=HERE,
)
DEVICES = "tailscale:index/getDevices:getDevices"


def built(
    extras: Extras = NO_EXTRAS,
    *,
    services: tuple[TailscaleService, ...] = (),
    machines: tuple[Machine, ...] = (),
    reset_on_destroy: bool = False,
    devices: Mapping[str, Any] | str | None = None,
) -> Recording:
    def program() -> None:
        provider = tailscale_provider()
        tailnet = Tailnet(
            "tailnet",
            TailnetArgs(
                policy="{}",
                magic_dns=True,
                https_certificates=True,
                protect=True,
                reset_on_destroy=reset_on_destroy,
                overwrite_policy=False,
                extras=extras,
                services=services,
                machines=machines,
                secret_of=config_secrets(extras, pulumi.Config()),
            ),
            pulumi.ResourceOptions(providers=[provider]),
        )
        for name, values in tailnet.told.items():
            pulumi.export(name, values)
        pulumi.export("settled", [each.urn for each in tailnet.settled])

    answers = {} if devices is None else {DEVICES: devices}
    return record(program, secrets=SECRETS, answers=answers)


def device(name: str) -> dict[str, Any]:
    texts = ("clientVersion", "created", "expires", "hostname", "lastSeen", "machineKey", "nodeKey", "os", "user")
    flags = ("authorized", "blocksIncomingConnections", "isExternal", "keyExpiryDisabled", "updateAvailable")
    return {
        **dict.fromkeys((*texts, "tailnetLockError", "tailnetLockKey"), ""),
        **dict.fromkeys(flags, False),
        "addresses": [],
        "tags": [],
        "id": f"legacy-{name}",
        "nodeId": f"n-{name}",
        "name": f"{name}.{DOMAIN}",
    }


def of(recording: Recording, name: str) -> Registered:
    (found,) = (each for each in recording.resources if each.name == name)
    return found


def waits_for(recording: Recording, name: str) -> set[str]:
    names = {each.urn: each.name for each in recording.resources}
    return {names[urn] for urn in of(recording, name).dependencies}


def settled(recording: Recording) -> list[str]:
    names = {each.urn: each.name for each in recording.resources}
    return [names[urn] for urn in recording.outputs["settled"]]


@pytest.fixture(scope="module")
def everything() -> Recording:
    return built(ALL, services=(LEDGER, PAYMENTS), machines=(DATABASE,))


def test_what_is_not_declared_is_left_alone() -> None:
    few = built()
    assert [each.name for each in few.resources if each.type.startswith("tailscale:")] == ["policy", "dns", "settings"]
    assert of(few, "settings").inputs == {"httpsEnabled": True}
    assert settled(few) == ["policy", "dns", "settings"]
    assert few.outputs.keys() == {"settled"}


def test_everything_hangs_below_the_tailnet_and_is_named_by_its_declaration(everything: Recording) -> None:
    names = {each.urn: each.name for each in everything.resources}
    below = {
        each.name: each.type.rpartition(":")[2] for each in everything.resources if names.get(each.parent) == "tailnet"
    }
    assert below == {
        "policy": "Acl",
        "dns": "DnsPreferences",
        "dns.configuration": "DnsConfiguration",
        "settings": "TailnetSettings",
        "contacts": "Contacts",
        "webhooks.edits": "Webhook",
        "webhooks.plain": "Webhook",
        "keys.ci": "TailnetKey",
        "services.svc:ledger": "Service",
        "logStreaming.network": "LogstreamConfiguration",
        "postureIntegrations.laptops": "PostureIntegration",
    }
    assert everything.looked_up == []


def test_dns_is_one_call_before_magic_dns(everything: Recording) -> None:
    configuration = of(everything, "dns.configuration")
    assert configuration.inputs == {
        "magicDns": True,
        "overrideLocalDns": True,
        "nameservers": [{"address": "1.1.1.1"}, {"address": "https://dns.example.com/q"}],
        "splitDns": [{"domain": "corp.example.com", "nameservers": [{"address": "10.0.0.1"}]}],
        "searchPaths": ["corp.example.com"],
    }
    assert waits_for(everything, "dns") == {"dns.configuration"}


def test_what_the_provider_could_only_break_stays_on_destroy(everything: Recording) -> None:
    def kept(recording: Recording) -> set[str]:
        return {each.name for each in recording.resources if each.retain_on_delete}

    always = {"dns.configuration", "settings", "contacts"}
    assert kept(everything) == {"policy", "dns", *always}
    assert kept(built(ALL, reset_on_destroy=True)) == always
    assert {each.name for each in everything.resources if each.protect} == {
        "policy",
        "dns",
        "dns.configuration",
        "settings",
    }


def test_settings_and_contacts_are_those_declared(everything: Recording) -> None:
    assert of(everything, "settings").inputs == {
        "httpsEnabled": True,
        "devicesKeyDurationDays": 90,
        "aclsExternallyManagedOn": True,
        "aclsExternalLink": "https://a.b",
    }
    assert of(everything, "contacts").inputs == {
        "accounts": [{"email": "ana@example.com"}],
        "securities": [{"email": "sec@example.com"}],
    }


def test_tags_are_in_the_policy_before_anything_wears_them(everything: Recording) -> None:
    assert waits_for(everything, "keys.ci") == {"policy"}
    assert waits_for(everything, "services.svc:ledger") == {"policy"}
    assert waits_for(everything, "logStreaming.network") == {"settings"}
    assert settled(everything) == ["policy", "dns.configuration", "dns", "settings", "services.svc:ledger"]


def test_a_key_says_what_is_declared(everything: Recording) -> None:
    assert of(everything, "keys.ci").inputs == {
        "tags": ["tag:ci"],
        "reusable": True,
        "ephemeral": False,
        "preauthorized": True,
        "expiry": 604800,
    }


def test_only_a_tailscale_service_of_machines_is_ours(everything: Recording) -> None:
    assert of(everything, "services.svc:ledger").inputs == {
        "name": "svc:ledger",
        "ports": ["tcp:5432"],
        "tags": ["tag:ledger"],
        "comment": "books",
    }


def test_secrets_are_secret_on_the_way_in_and_on_the_way_out(everything: Recording) -> None:
    assert of(everything, "webhooks.edits").inputs == {
        "endpointUrl": Secret("https://s3cret"),
        "providerType": "slack",
        "subscriptions": ["policyUpdate"],
    }
    assert of(everything, "webhooks.plain").inputs == {"endpointUrl": "https://a.b", "subscriptions": ["nodeCreated"]}
    assert of(everything, "logStreaming.network").inputs == {
        "logType": "network",
        "destinationType": "gcs",
        "gcsBucket": "logs",
        "gcsCredentials": Secret("s3cret"),
        "gcsScopes": ["a", "b"],
        "uploadPeriodMinutes": 5,
    }
    assert of(everything, "postureIntegrations.laptops").inputs == {
        "postureProvider": "kolide",
        "clientSecret": Secret("s3cret"),
    }
    assert of(everything, "keys.ci").secret_outputs == ("key",)
    assert of(everything, "webhooks.edits").secret_outputs == ("secret",)
    assert everything.outputs["tailnetKeys"] == {"ci": Secret(KEY)}
    assert everything.outputs["webhookSecrets"] == {
        "edits": Secret(WEBHOOK_SECRET),
        "plain": Secret(WEBHOOK_SECRET),
    }


def test_every_secret_that_is_missing_is_named_before_anything_is_made() -> None:
    def program() -> None:
        config_secrets(ALL, pulumi.Config())

    with pytest.raises(RefusedError) as refused:
        record(program, secrets={"tailstack:gcs": "x"})
    assert str(refused.value) == (
        "Secrets are missing in the stack's config:\n"
        f"  {HERE}: webhook edits needs the secret tailstack:hookUrl\n"
        f"  {HERE}: posture integration laptops needs the secret tailstack:kolide\n"
        "Set each from a file: pulumi config set --secret tailstack:NAME < FILE"
    )


BASTION = machine(
    "bastion",
    DeviceSettings(tags=True, routes=True, authorized=True, key_expiry_disabled=True),
    routes=("10.0.0.0/8",),
    exit_node=True,
)


def test_what_is_set_on_a_device() -> None:
    devices = {"devices": [device("other"), device("bastion")]}
    set_up = built(machines=(DATABASE, BASTION), devices=devices)
    for_bastion = {each.name: each for each in set_up.resources if each.name.startswith("machines.")}
    assert {name: each.inputs for name, each in for_bastion.items()} == {
        "machines.bastion.authorized": {"deviceId": "n-bastion", "authorized": True},
        "machines.bastion.tags": {"deviceId": "n-bastion", "tags": ["tag:bastion"]},
        "machines.bastion.routes": {"deviceId": "n-bastion", "routes": ["10.0.0.0/8", "0.0.0.0/0", "::/0"]},
        "machines.bastion.key": {"deviceId": "n-bastion", "keyExpiryDisabled": True},
    }
    for name, each in for_bastion.items():
        assert waits_for(set_up, name) == {"policy"}
        assert each.retain_on_delete
    ((_, provider),) = set_up.looked_up
    assert provider.endswith("::tailscale-id")


def test_a_machine_that_has_not_joined_is_named_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    few = built(machines=(DATABASE, BASTION), devices={"devices": [device("bastion-1")]})
    assert [each.name for each in few.resources if each.name.startswith("machines.")] == []
    (warning,) = warned
    assert f"  bastion (bastion.{DOMAIN}), {HERE}" in warning
    assert "db" not in warning


def test_a_service_that_cannot_be_asked_for_devices_is_a_refusal() -> None:
    with pytest.raises(RefusedError, match=r"The devices of the tailnet could not be looked up: .*no scope"):
        built(machines=(BASTION,), devices="no scope")


@pytest.mark.parametrize(
    ("declared", "arguments", "others"),
    [
        (SettingsDeclaration, pulumi_tailscale.TailnetSettingsArgs, {"https_enabled"}),
        (LogStreamDeclaration, pulumi_tailscale.LogstreamConfigurationArgs, {"log_type"}),
        (PostureIntegrationDeclaration, pulumi_tailscale.PostureIntegrationArgs, set[str]()),
    ],
)
def test_what_is_passed_through_is_what_the_sdk_takes(declared: Any, arguments: Any, others: set[str]) -> None:  # noqa: ANN401  classes
    taken = set(inspect.signature(arguments).parameters) - others
    assert set(declared.model_fields) == taken


@pytest.mark.parametrize(
    ("declared", "arguments"),
    [
        (LogStreamDeclaration, pulumi_tailscale.LogstreamConfigurationArgs),
        (PostureIntegrationDeclaration, pulumi_tailscale.PostureIntegrationArgs),
    ],
)
def test_what_the_sdk_needs_has_to_be_declared(declared: Any, arguments: Any) -> None:  # noqa: ANN401  classes
    needed = {name for name, each in inspect.signature(arguments).parameters.items() if each.default is each.empty}
    assert {name for name, each in declared.model_fields.items() if each.is_required()} == needed - {"log_type"}
