"""The tailscale provider, call by call, against the stand-in of the API: every resource through its whole life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tailstack.sandbox.plugins.frame import Checked, Diff, Engine, Live, PluginError, Request
from tailstack.sandbox.plugins.tailscale import keys
from tailstack.sandbox.plugins.tailscale.kinds import KINDS
from tailstack.sandbox.plugins.tailscale.provider import TailscaleProvider
from tailstack.sandbox.plugins.values import UNKNOWN, Change, Properties, Secret, reveal
from tests.sandbox.plugins.service import Service

POLICY = '{"tagOwners": {"tag:op": [], "tag:k8s": ["tag:op"]}, "grants": []}'
OTHER_POLICY = '{"tagOwners": {"tag:op": []}, "grants": []}'


def connected(service: Service, **config: str) -> TailscaleProvider:
    provider = TailscaleProvider(Engine(""))
    provider.configure({"baseUrl": service.url, "apiKey": service.key} | config)
    return provider


@dataclass(frozen=True)
class Case:
    name: str
    inputs: Properties
    changed: Properties
    replaces: frozenset[str] = frozenset()
    fresh_id: str | None = None
    """The id it must have, where it is no choice of the API."""
    stays: bool = False
    """Whether a delete leaves the object there."""
    secret: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def token(self) -> str:
        return f"tailscale:index/{self.name[0].lower()}{self.name[1:]}:{self.name}"


CASES = [
    Case(
        "OauthClient",
        {"scopes": ["devices:core", "auth_keys"], "tags": ["tag:op"], "description": "blue"},
        {"scopes": ["auth_keys"], "tags": ["tag:op", "tag:k8s"], "description": "green"},
        secret={"key": "tskey-client-"},
    ),
    Case(
        "FederatedIdentity",
        {"scopes": ["auth_keys"], "tags": ["tag:op"], "issuer": "https://issuer.example.com", "subject": "a"},
        {"scopes": ["auth_keys"], "tags": ["tag:op"], "issuer": "https://issuer.example.com", "subject": "b*"},
    ),
    Case(
        "TailnetKey",
        {"tags": ["tag:k8s"], "reusable": True},
        {"tags": ["tag:op"], "reusable": True},
        replaces=frozenset({"tags"}),
        secret={"key": "tskey-auth-"},
    ),
    Case(
        "Service",
        {"name": "svc:pay", "ports": ["tcp:443"], "tags": ["tag:k8s"]},
        {"name": "svc:pay", "ports": ["tcp:443", "tcp:8443"], "comment": "money"},
        fresh_id="svc:pay",
    ),
    Case("DnsPreferences", {"magicDns": False}, {"magicDns": True}, stays=True),
    Case("DnsNameservers", {"nameservers": ["1.1.1.1"]}, {"nameservers": ["8.8.8.8", "1.1.1.1"]}, stays=True),
    Case("DnsSearchPaths", {"searchPaths": ["a.example.com"]}, {"searchPaths": ["b.example.com"]}, stays=True),
    Case(
        "DnsSplitNameservers",
        {"domain": "corp.example.com", "nameservers": ["10.0.0.1"]},
        {"domain": "corp.example.com", "nameservers": ["10.0.0.2"]},
        fresh_id="corp.example.com",
        stays=True,
    ),
    Case(
        "DnsConfiguration",
        {
            "nameservers": [{"address": "1.1.1.1"}],
            "splitDns": [{"domain": "b", "nameservers": [{"address": "10.0.0.1"}]}],
        },
        {"nameservers": [{"address": "1.1.1.1", "useWithExitNode": True}], "searchPaths": ["x"], "magicDns": False},
        stays=True,
    ),
    Case("TailnetSettings", {"httpsEnabled": True}, {"httpsEnabled": False}, fresh_id="singleton", stays=True),
    Case(
        "Contacts",
        {who: [{"email": "a@example.com"}] for who in ("accounts", "securities", "supports")},
        {who: [{"email": "b@example.com"}] for who in ("accounts", "securities", "supports")},
        stays=True,
    ),
    Case(
        "Webhook",
        {"endpointUrl": "https://example.com/hook", "subscriptions": ["policyUpdate"]},
        {"endpointUrl": "https://example.com/hook", "subscriptions": ["policyUpdate", "nodeCreated"]},
        secret={"secret": "tskey-webhook-"},
    ),
    Case(
        "LogstreamConfiguration",
        {"logType": "configuration", "destinationType": "splunk", "url": "https://siem.example.com", "token": "s3cret"},
        {
            "logType": "configuration",
            "destinationType": "splunk",
            "url": "https://siem.example.com",
            "token": "s3cret2",
            "uploadPeriodMinutes": 5,
            "compressionFormat": "zstd",
        },
        fresh_id="configuration",
        secret={"token": "s3cret"},
    ),
    Case(
        "PostureIntegration",
        {"postureProvider": "intune", "clientSecret": "s3cret", "tenantId": "a"},
        {"postureProvider": "intune", "clientSecret": "s3cret2", "tenantId": "b", "clientId": "me"},
        secret={"clientSecret": "s3cret"},
    ),
]


@dataclass
class Resource:
    """What the engine would hold of one resource, and the calls that it would make."""

    provider: TailscaleProvider
    token: str
    inputs: Properties = field(default_factory=dict[str, Any])
    id: str = ""
    state: Properties = field(default_factory=dict[str, Any])

    def _request(self, **more: Any) -> Request:  # noqa: ANN401  fields of the request
        name = self.token.rsplit(":", 1)[1]
        request = Request(urn=f"urn:{name}", type=self.token, name="logical", id=self.id, seed=bytes(8))
        return replace(request, **more)

    def check(self, inputs: Properties) -> Checked:
        return self.provider.check(self._request(inputs=inputs, old_inputs=self.inputs))

    def diff(self, inputs: Properties) -> Diff:
        return self.provider.diff(self._request(inputs=inputs, old_inputs=self.inputs, state=self.state))

    def preview(self, inputs: Properties) -> Properties:
        if self.id:
            return self.provider.update(self._request(inputs=inputs, state=self.state, preview=True))
        return self.provider.create(self._request(inputs=inputs, preview=True)).outputs

    def create(self, inputs: Properties) -> Properties:
        live = self.provider.create(self._request(inputs=inputs))
        self.inputs, self.id, self.state = inputs, live.id, reveal(live.outputs)
        return live.outputs

    def update(self, inputs: Properties) -> Properties:
        outputs = self.provider.update(self._request(inputs=inputs, old_inputs=self.inputs, state=self.state))
        self.inputs, self.state = inputs, reveal(outputs)
        return outputs

    def refresh(self) -> Live | None:
        live = self.provider.read(self._request(inputs=self.inputs, state=self.state))
        if live is not None:
            self.inputs, self.state = live.inputs, reveal(live.outputs)
        return live

    def imported(self) -> Live | None:
        return self.provider.read(self._request())

    def delete(self) -> None:
        self.provider.delete(self._request(inputs=self.inputs, state=self.state))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_life(service: Service, case: Case) -> None:
    service.save_policy(POLICY)
    resource = Resource(connected(service), case.token)
    kind = KINDS[case.token]

    checked = resource.check(case.inputs)
    assert checked.failures == ()
    promised = resource.preview(checked.inputs)
    unknown = {name for name, value in promised.items() if reveal(value) is UNKNOWN}
    assert unknown == {name for name in kind.computed if name not in case.inputs}

    made = resource.create(checked.inputs)
    assert resource.id == (case.fresh_id or resource.id) != ""
    assert made.keys() >= promised.keys()
    assert UNKNOWN not in made.values()
    for name, start in case.secret.items():
        assert isinstance(made[name], Secret)
        assert made[name].value.startswith(start)

    assert resource.diff(checked.inputs).changes == {}
    refreshed = resource.refresh()
    assert refreshed is not None
    assert refreshed.id == resource.id
    assert refreshed.outputs.keys() >= made.keys()
    assert refreshed.inputs.keys() == checked.inputs.keys()
    assert resource.diff(checked.inputs).changes == {}

    found = resource.imported()
    assert found is not None
    # A secret that the program gave is shown by nobody, and so has to be given again.
    lost = set(case.secret) & set(case.inputs)
    after_import = Resource(resource.provider, case.token, found.inputs, found.id, reveal(found.outputs))
    assert set(after_import.diff(case.inputs).changes) == lost
    assert {failure.property for failure in resource.check(found.inputs).failures} <= lost

    diff = resource.diff(case.changed)
    assert diff.changes
    assert diff.replaces == case.replaces
    if not case.replaces:
        stable = {name: resource.state[name] for name in kind.stable}
        promised = resource.preview(case.changed)
        assert {name: reveal(promised[name]) for name in kind.stable} == stable
        updated = resource.update(case.changed)
        assert {name: reveal(updated[name]) for name in kind.stable} == stable
        for name in case.secret:
            assert isinstance(updated[name], Secret)
        assert resource.diff(case.changed).changes == {}
        assert resource.refresh() is not None
        assert resource.diff(case.changed).changes == {}

    resource.delete()
    gone = resource.imported()
    if case.token in {kind.type for kind in keys.KINDS}:  # what was revoked can still be read
        assert service.get(f"keys/{resource.id}")["invalid"] is True
        resource.delete()
    else:
        assert (gone is not None) is case.stays


DEVICE_CASES = [
    Case("DeviceTags", {"tags": ["tag:k8s"]}, {"tags": ["tag:k8s", "tag:op"]}),
    Case("DeviceAuthorization", {"authorized": True}, {"authorized": True}),
    Case("DeviceKey", {"keyExpiryDisabled": True}, {}),
    Case("DeviceSubnetRoutes", {"routes": ["10.0.0.0/24"]}, {"routes": ["10.0.0.0/24", "10.1.0.0/24"]}),
]


@pytest.mark.parametrize("case", DEVICE_CASES, ids=lambda case: case.name)
def test_a_property_of_a_device(service: Service, case: Case) -> None:
    service.save_policy(POLICY)
    owner = {"capabilities": {"devices": {"create": {"tags": ["tag:op"], "preauthorized": True}}}}
    auth_key = service.post("tailnet/-/keys", owner)["key"]
    device = service.control("devices", {"authKey": auth_key, "hostname": "a", "advertisedRoutes": ["10.0.0.0/24"]})
    resource = Resource(connected(service), case.token)
    inputs, changed = case.inputs | {"deviceId": device["nodeId"]}, case.changed | {"deviceId": device["nodeId"]}
    resource.create(inputs)
    assert resource.id == device["nodeId"]
    assert resource.diff(inputs).changes == {}
    assert resource.refresh() is not None
    assert resource.diff(inputs).changes == {}
    if case.inputs != case.changed:
        assert resource.diff(changed).changes
        resource.update(changed)
        assert resource.refresh() is not None
        assert resource.diff(changed).changes == {}
    assert resource.diff(changed | {"deviceId": "another"}).replaces == {"deviceId"}
    if case.name != "DeviceTags":  # the service lets no device lose its last tag
        resource.delete()
    service.post(f"device/{device['nodeId']}", {}, method="DELETE")
    assert resource.refresh() is None


def test_the_policy_is_written_over_the_default_only(service: Service) -> None:
    resource = Resource(connected(service), "tailscale:index/acl:Acl")
    made = resource.create({"acl": POLICY})
    assert service.policy() == POLICY
    assert made == {"acl": POLICY, "overwriteExistingContent": False, "resetAclOnDestroy": False}

    again = Resource(resource.provider, resource.token)
    with pytest.raises(PluginError, match="Overwrite Protected: You are trying to overwrite a non-default policy"):
        again.create({"acl": OTHER_POLICY})
    assert service.policy() == POLICY
    again.create({"acl": OTHER_POLICY, "overwriteExistingContent": True})
    assert service.policy() == OTHER_POLICY


def test_an_update_of_the_policy_writes_over_whatever_is_there(service: Service) -> None:
    resource = Resource(connected(service), "tailscale:index/acl:Acl")
    resource.create({"acl": POLICY})
    service.save_policy(OTHER_POLICY)
    resource.update({"acl": POLICY.replace("[]", '["autogroup:admin"]', 1)})
    assert "autogroup:admin" in service.policy()


def test_a_policy_that_differs_in_its_form_only_is_no_change(service: Service) -> None:
    resource = Resource(connected(service), "tailscale:index/acl:Acl")
    resource.create({"acl": POLICY})
    same = POLICY.replace(": ", ":").replace(", ", " ,   ")
    assert resource.diff({"acl": same}).changes == {}
    assert resource.diff({"acl": f"// why\n{POLICY}"}).changes == {"acl": Change.UPDATE}
    assert resource.diff({"acl": UNKNOWN}).changes == {"acl": Change.UPDATE}
    service.save_policy(OTHER_POLICY)
    live = resource.refresh()
    assert live is not None
    assert live.inputs == {"acl": OTHER_POLICY}
    assert resource.diff({"acl": POLICY}).changes == {"acl": Change.UPDATE}


def test_a_policy_stays_when_its_resource_goes_unless_it_is_to_be_reset(service: Service) -> None:
    default = service.policy()
    resource = Resource(connected(service), "tailscale:index/acl:Acl")
    resource.create({"acl": POLICY})
    resource.delete()
    assert service.policy() == POLICY
    resource.update({"acl": POLICY, "resetAclOnDestroy": True})
    resource.delete()
    assert service.policy() == default


def test_an_import_of_the_policy_takes_any_id(service: Service) -> None:
    service.save_policy(POLICY)
    resource = Resource(connected(service), "tailscale:index/acl:Acl", id="acl")
    live = resource.imported()
    assert live == Live(
        id="acl",
        outputs={"acl": POLICY, "overwriteExistingContent": False, "resetAclOnDestroy": False},
        inputs={"acl": POLICY},
    )


def test_an_oauth_client_keeps_its_key_through_everything_but_a_new_one(service: Service) -> None:
    service.save_policy(POLICY)
    inputs = {"scopes": ["auth_keys"], "tags": ["tag:op"]}
    resource = Resource(connected(service), "tailscale:index/oauthClient:OauthClient")
    key = reveal(resource.create(inputs)["key"])
    resource.refresh()
    resource.update({**inputs, "description": "new"})
    assert resource.state["key"] == key
    assert resource.diff(inputs).changes == {"description": Change.DELETE}
    found = resource.imported()
    assert found is not None
    assert "key" not in found.outputs


def test_a_reusable_key_that_was_revoked_is_made_anew(service: Service) -> None:
    service.save_policy(POLICY)
    provider = connected(service)
    for inputs, anew in (
        ({"reusable": True, "tags": ["tag:k8s"]}, {"invalid"}),
        ({"reusable": False, "tags": ["tag:k8s"]}, set[str]()),
        ({"reusable": True, "tags": ["tag:k8s"], "recreateIfInvalid": "never"}, set[str]()),
        ({"tags": ["tag:k8s"], "recreateIfInvalid": "always"}, {"invalid"}),
    ):
        resource = Resource(provider, "tailscale:index/tailnetKey:TailnetKey")
        resource.create(inputs)
        service.post(f"tailnet/-/keys/{resource.id}", None, method="DELETE")
        resource.refresh()
        assert resource.state["invalid"] is True
        assert resource.diff(inputs).replaces == anew
    client = service.post("tailnet/-/keys", {"keyType": "client", "scopes": ["auth_keys"], "tags": ["tag:op"]})
    with pytest.raises(PluginError, match="Invalid key type 'client'"):
        Resource(provider, "tailscale:index/tailnetKey:TailnetKey", id=client["id"]).imported()


def test_the_order_of_a_set_is_no_change(service: Service) -> None:
    resource = Resource(connected(service), "tailscale:index/oauthClient:OauthClient")
    resource.state = {"scopes": ["a", "b"], "tags": ["tag:op", "tag:k8s"], "description": ""}
    assert resource.diff({"scopes": ["b", "a"], "tags": ["tag:k8s", "tag:op"]}).changes == {}
    assert resource.diff({"scopes": ["b"], "tags": ["tag:k8s", "tag:op"]}).changes == {"scopes": Change.UPDATE}
    assert resource.diff({"scopes": ["b", "a", UNKNOWN], "tags": []}).changes == {
        "scopes": Change.UPDATE,
        "tags": Change.UPDATE,
    }


def test_settings_that_are_not_named_stay_as_they_are(service: Service) -> None:
    service.post("tailnet/-/settings", {"networkFlowLoggingOn": True, "devicesKeyDurationDays": 5}, method="PATCH")
    resource = Resource(connected(service), "tailscale:index/tailnetSettings:TailnetSettings")
    outputs = resource.create({"httpsEnabled": True, "aclsExternallyManagedOn": True})
    assert (outputs["networkFlowLoggingOn"], outputs["devicesKeyDurationDays"]) == (True, 5)
    service.post("tailnet/-/settings", {"networkFlowLoggingOn": False}, method="PATCH")
    resource.refresh()
    assert resource.diff({"httpsEnabled": True, "aclsExternallyManagedOn": True}).changes == {}
    assert resource.diff({"httpsEnabled": False}).changes == {"httpsEnabled": Change.UPDATE}
    resource.delete()
    assert service.get("settings")["httpsEnabled"] is True


@pytest.mark.parametrize(
    ("name", "inputs", "property_", "reason"),
    [
        ("Acl", {"acl": "{"}, "acl", "Invalid ACL: "),
        ("Acl", {}, "acl", "Missing required property 'acl'"),
        ("OauthClient", {"scopes": [], "description": "x" * 51}, "description", "at most 50, got: 51"),
        ("Service", {"name": "pay", "ports": []}, "name", "must start with svc:, got: pay"),
        ("Service", {"ports": []}, "name", "must start with svc:, got: logical-0000000"),
        (
            "FederatedIdentity",
            {"scopes": [], "issuer": "http://x", "subject": "a"},
            "issuer",
            "Must be a valid https:// URL.",
        ),
        (
            "FederatedIdentity",
            {"scopes": [], "issuer": "https://x", "subject": "a", "customClaimRules": {"sub": "x"}},
            "customClaimRules",
            "are reserved",
        ),
        ("TailnetKey", {"recreateIfInvalid": "sometimes"}, "recreateIfInvalid", 'got: "sometimes"'),
        ("TailnetSettings", {"aclsExternalLink": "x"}, "aclsExternalLink", "must be a valid URL"),
        ("Webhook", {"endpointUrl": "x", "subscriptions": [], "providerType": "x"}, "providerType", "must be one of"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_called(
    name: str, inputs: Properties, property_: str, reason: str
) -> None:
    token = f"tailscale:index/{name[0].lower()}{name[1:]}:{name}"
    (failure,) = Resource(TailscaleProvider(Engine("")), token).check(inputs).failures
    assert failure.property == property_
    assert reason in failure.reason


def test_the_reason_that_the_api_gives_is_in_the_error(service: Service) -> None:
    provider = connected(service)
    client = Resource(provider, "tailscale:index/oauthClient:OauthClient")
    with pytest.raises(PluginError, match=r"Failed to create oauth client: .*tag:nobody.* \(400\)"):
        client.create({"scopes": ["auth_keys"], "tags": ["tag:nobody"]})
    service.control("faults", {"path": ".*/acl", "method": "POST", "status": 400})
    with pytest.raises(PluginError, match=r"Failed to set ACL: .* \(400\)"):
        Resource(provider, "tailscale:index/acl:Acl").create({"acl": POLICY})
    service.control("faults", {"path": ".*/settings", "status": 429})
    with pytest.raises(PluginError, match=r"Failed to update tailnet settings: .* \(429\)"):
        Resource(provider, "tailscale:index/tailnetSettings:TailnetSettings").create({"httpsEnabled": True})
    service.control("faults", {"path": ".*/dns/preferences", "status": "drop"})
    with pytest.raises(PluginError, match=r'Failed to fetch DNS preferences: GET "http://'):
        Resource(provider, "tailscale:index/dnsPreferences:DnsPreferences", id="x").imported()


def test_what_the_stand_in_does_not_cover_is_said() -> None:
    provider = TailscaleProvider(Engine(""))
    with pytest.raises(PluginError, match=r"has no resource 'tailscale:index/logstream:Logstream' \(docs/plugins.md\)"):
        Resource(provider, "tailscale:index/logstream:Logstream").check({})
    with pytest.raises(PluginError, match="has no function 'tailscale:index/getMore:getMore'"):
        provider.invoke("tailscale:index/getMore:getMore", {})
    with pytest.raises(PluginError, match="before it is configured"):
        provider.invoke("tailscale:index/getAcl:getAcl", {})


def test_a_stream_into_a_bucket_names_no_user(service: Service) -> None:
    provider = connected(service)
    minted = Resource(provider, "tailscale:index/awsExternalId:AwsExternalId")
    outputs = minted.create({})
    assert outputs["externalId"] == minted.id
    assert minted.diff({}).changes == {}
    live = minted.refresh()
    assert live is not None
    assert live.outputs == outputs
    minted.delete()

    stream = Resource(provider, "tailscale:index/logstreamConfiguration:LogstreamConfiguration")
    inputs = {
        "logType": "network",
        "destinationType": "s3",
        "s3Bucket": "logs",
        "s3Region": "eu-west-1",
        "s3AuthenticationType": "rolearn",
        "s3RoleArn": "arn:aws:iam::1:role/logs",
        "s3ExternalId": minted.id,
    }
    assert stream.create(inputs)["user"] == "user"
    stream.refresh()
    assert stream.diff(inputs).changes == {}
    with pytest.raises(PluginError, match='Failed to update logstream configuration: "user" must not be set for s3'):
        stream.update({**inputs, "user": "ana"})


def test_the_stand_in_knows_every_resource_of_the_sdk() -> None:
    import pulumi  # noqa: PLC0415  heavy, and needed here alone
    import pulumi_tailscale  # noqa: PLC0415  as above

    of_the_sdk = {
        name
        for name, each in vars(pulumi_tailscale).items()
        if isinstance(each, type) and issubclass(each, pulumi.CustomResource)
    } - {"Provider"}
    assert {token.rsplit(":", 1)[1] for token in KINDS} == of_the_sdk


def test_every_resource_has_the_inputs_that_the_sdk_has() -> None:
    for kind in KINDS.values():
        inputs, outputs = sdk_properties(kind.type)
        assert set(kind.inputs) == inputs, kind.type
        assert set(kind.inputs) | set(kind.computed) == outputs - UNCOVERED, kind.type


UNCOVERED = frozenset({"magicDnsName"})
"""Outputs of the SDK that the stand-in leaves out (docs/plugins.md)."""


def sdk_properties(token: str) -> tuple[set[str], set[str]]:
    """The inputs that a resource of pulumi-tailscale sends, and its outputs."""
    import pulumi  # noqa: PLC0415  heavy, and needed here alone
    import pulumi_tailscale  # noqa: PLC0415  as above

    name = token.rsplit(":", 1)[1]
    arguments = getattr(pulumi_tailscale, f"{name}Args")
    state = getattr(pulumi_tailscale, name)

    def names(cls: type) -> set[str]:
        found = {key: value for key, value in vars(cls).items() if isinstance(value, property)}
        return {getattr(value.fget, "_pulumi_name", key) for key, value in found.items()}

    assert issubclass(state, pulumi.CustomResource)
    return names(arguments), names(state)
