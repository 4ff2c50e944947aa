"""The tailnet as a whole: its policy file, DNS, settings, and what else belongs to no cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic import Tag as WrittenAs

from tailstack.topology.declaration.base import BY_KIND, SUPPRESS, Declaration, Kind, SuppressionDeclaration
from tailstack.topology.declaration.syntax import Domain, Email, EnvironmentName, HttpsUrl, Name, Tag


class PolicyTests(StrEnum):
    """Whether policy tests are derived from the declared links and exposures."""

    DERIVED = "derived"
    NONE = "none"


class PolicyDeclaration(Declaration):
    """The tailnet's policy file: a hand-written base to which the derived entries are added, and its tests."""

    base: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(hujson|json)$",
        description="A HuJSON file of this environment's folder",
        examples=["base.hujson"],
    )
    tests: PolicyTests = Field(
        default=PolicyTests.DERIVED, strict=False, description="Derive policy tests from what is declared, or none"
    )
    guests: list[EnvironmentName] = Field(
        default_factory=list, description="Other environments in this tailnet, whose needs this policy serves too"
    )


class DnsDeclaration(Declaration):
    """How names outside of the tailnet are resolved."""

    nameservers: list[str] = Field(
        default_factory=list,
        description="Global nameservers: addresses, or URLs of DNS over HTTPS",
        examples=[["1.1.1.1"]],
    )
    override_local_dns: bool = Field(
        default=False, alias="overrideLocalDNS", description="Devices ask these and not their own"
    )
    split_dns: dict[Domain, list[str]] = Field(
        default_factory=dict, alias="splitDNS", description="By domain, the nameservers that are asked for it"
    )
    search_paths: list[Domain] = Field(default_factory=list, description="Domains that are tried behind a short name")


class JoiningRole(StrEnum):
    """Who may join a tailnet of somebody else."""

    NONE = "none"
    ADMIN = "admin"
    MEMBER = "member"


class SettingsDeclaration(Declaration):
    """Settings of the tailnet, by the names of Tailscale's API. What is left out stays as it is."""

    devices_approval_on: bool | None = Field(default=None, description="New devices need approval")
    devices_auto_updates_on: bool | None = Field(default=None, description="Devices update themselves")
    devices_key_duration_days: int | None = Field(
        default=None, ge=1, le=180, description="After how many days keys expire"
    )
    users_approval_on: bool | None = Field(default=None, description="New users need approval")
    users_role_allowed_to_join_external_tailnet: JoiningRole | None = Field(
        default=None, strict=False, description="Who may join tailnets of others"
    )
    network_flow_logging_on: bool | None = Field(default=None, description="Network flows are logged")
    regional_routing_on: bool | None = Field(default=None, description="Subnet routers are chosen by region")
    posture_identity_collection_on: bool | None = Field(default=None, description="Devices report hardware identifiers")
    acls_externally_managed_on: bool | None = Field(
        default=None, description="The admin console does not let anybody edit the policy file"
    )
    acls_external_link: HttpsUrl | None = Field(
        default=None, description="Where the policy file is kept, shown in the admin console"
    )


class ContactsDeclaration(Declaration):
    """Whom Tailscale writes to."""

    account: Email | None = Field(default=None, description="About the account")
    support: Email | None = Field(default=None, description="About support")
    security: Email | None = Field(default=None, description="About security")


class SecretReference(Declaration):
    """A value kept as a secret of the stack's configuration."""

    secret: str = Field(
        min_length=1, description="Name of the secret in Pulumi.<environment>.yaml", examples=["slackUrl"]
    )


SecretUrl = Annotated[
    Annotated[HttpsUrl, WrittenAs(Kind.TEXT)] | Annotated[SecretReference, WrittenAs(Kind.MAPPING)], BY_KIND
]


class WebhookProvider(StrEnum):
    """In which form a webhook is sent."""

    SLACK = "slack"
    MATTERMOST = "mattermost"
    GOOGLECHAT = "googlechat"
    DISCORD = "discord"


class WebhookDeclaration(Declaration):
    """Events of the tailnet that are sent somewhere; policyUpdate tells of an edit of the policy file."""

    endpoint_url: SecretUrl = Field(description="Where they are sent; a URL that is a password belongs into a secret")
    provider_type: WebhookProvider | None = Field(
        default=None, strict=False, description="In which form; by default JSON"
    )
    subscriptions: list[str] = Field(min_length=1, description="Which events", examples=[["policyUpdate"]])
    suppress: list[SuppressionDeclaration] = SUPPRESS


class KeyDeclaration(Declaration):
    """A key by which devices join. It is a secret output of the stack."""

    tags: list[Tag] = Field(min_length=1, description="Tags of the devices that join with it")
    reusable: bool = Field(default=False, description="More than one device can join with it")
    ephemeral: bool = Field(default=False, description="Devices are removed once they are gone")
    preauthorized: bool = Field(default=False, description="Devices need no approval")
    expiry: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]{0,4}[hdw]$",
        description="After how long it expires, at most 90 days; by default 90d",
        examples=["7d"],
    )
    description: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9 -]{1,50}$",
        description="What the admin console shows: at most 50 letters, digits, spaces and hyphens",
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS


class LogStreamDeclaration(Declaration):
    """Where logs are sent, by the arguments of the provider's LogstreamConfiguration."""

    destination_type: str = Field(description="The kind of destination", examples=["splunk", "s3"])
    url: str | None = Field(default=None, description="Where it is")
    user: str | None = Field(default=None, description="The user there")
    token: SecretReference | None = Field(default=None, description="The token for it")
    upload_period_minutes: int | None = Field(default=None, ge=1, description="How often logs are sent")
    compression_format: str | None = Field(default=None, description="How they are compressed", examples=["zstd"])
    s3_bucket: str | None = Field(default=None, description="The S3 bucket")
    s3_region: str | None = Field(default=None, description="Its region")
    s3_key_prefix: str | None = Field(default=None, description="What names in it begin with")
    s3_authentication_type: str | None = Field(default=None, description="accesskey or rolearn", examples=["rolearn"])
    s3_access_key_id: str | None = Field(default=None, description="The access key's id")
    s3_secret_access_key: SecretReference | None = Field(default=None, description="The access key")
    s3_role_arn: str | None = Field(default=None, description="The role that Tailscale takes on")
    s3_external_id: str | None = Field(default=None, description="The external id of that role's trust policy")
    gcs_bucket: str | None = Field(default=None, description="The bucket of Google Cloud Storage")
    gcs_key_prefix: str | None = Field(default=None, description="What names in it begin with")
    gcs_credentials: SecretReference | None = Field(default=None, description="The credentials for it")
    gcs_scopes: list[str] | None = Field(default=None, min_length=1, description="Scopes of the access")


class LogStreamingDeclaration(Declaration):
    """Logs of the tailnet that are sent somewhere."""

    configuration: LogStreamDeclaration | None = Field(default=None, description="The audit log")
    network: LogStreamDeclaration | None = Field(default=None, description="Network flows")


class PostureIntegrationDeclaration(Declaration):
    """A source of posture attributes, by the arguments of the provider's PostureIntegration."""

    posture_provider: str = Field(description="Who it is", examples=["intune", "kolide"])
    cloud_id: str | None = Field(default=None, description="Which cloud of the provider")
    client_id: str | None = Field(default=None, description="The client's id there")
    tenant_id: str | None = Field(default=None, description="The tenant's id there")
    client_secret: SecretReference = Field(description="The client's secret")


class TailnetDeclaration(Declaration):
    """The tailnet as a whole."""

    dns_name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*\.ts\.net$",
        description="The tailnet's DNS name, as the admin console shows it",
        examples=["tail1a2b.ts.net"],
    )
    magic_dns: bool = Field(default=True, alias="magicDNS", description="Names of nodes resolve in the tailnet")
    https_certificates: bool = Field(default=True, description="Nodes may obtain HTTPS certificates; Ingresses need it")
    policy: PolicyDeclaration = Field(default_factory=PolicyDeclaration, description="The policy file")
    guest_of: EnvironmentName | None = Field(
        default=None,
        description="The environment that owns the policy file and the settings of this tailnet, if not this one",
    )
    dns: DnsDeclaration | None = Field(default=None, description="How names outside of the tailnet are resolved")
    settings: SettingsDeclaration | None = Field(default=None, description="Settings of the tailnet")
    contacts: ContactsDeclaration | None = Field(default=None, description="Whom Tailscale writes to")
    webhooks: dict[Name, WebhookDeclaration] = Field(default_factory=dict, description="Events that are sent somewhere")
    keys: dict[Name, KeyDeclaration] = Field(default_factory=dict, description="Keys by which devices join")
    log_streaming: LogStreamingDeclaration | None = Field(default=None, description="Logs that are sent somewhere")
    posture_integrations: dict[Name, PostureIntegrationDeclaration] = Field(
        default_factory=dict, description="Sources of posture attributes"
    )
    suppress: list[SuppressionDeclaration] = SUPPRESS
