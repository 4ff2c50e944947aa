"""What the stand-in knows of its tailnet. Immutable: a request that changes something makes a new `Tailnet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class KeyKind(StrEnum):
    """The kinds of credentials that share the API's `keys` collection; the values are those of `keyType`."""

    AUTH = "auth"
    CLIENT = "client"
    FEDERATED = "federated"
    API = "api"


class Role(StrEnum):
    """Roles of users, as `autogroup:` selectors and the users endpoint name them."""

    OWNER = "owner"
    MEMBER = "member"
    ADMIN = "admin"
    IT_ADMIN = "it-admin"
    NETWORK_ADMIN = "network-admin"
    BILLING_ADMIN = "billing-admin"
    AUDITOR = "auditor"


class UnwornTags(StrEnum):
    """What becomes of a policy test with a tag that no device wears; not known for the service."""

    PASS = "pass"  # noqa: S105 -- no password: the outcome of a test
    FAIL = "fail"


class Approval(StrEnum):
    """Whether a device may host a Service; the values are those of `approvalLevel`."""

    NONE = "not-approved"
    AUTOMATIC = "approved:auto"
    MANUAL = "approved:manual"


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person in the tailnet."""

    id: str
    login_name: str
    display_name: str
    role: Role
    created: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """An auth key, OAuth client, federated identity or API key. The secret itself is not kept, only its SHA-256.

    `tags` are the tags that a device or token gets; `expires` is None for trust credentials, which do not expire.
    """

    id: str
    kind: KeyKind
    created: datetime
    secret_digest: str = ""
    description: str = ""
    user_id: str = ""
    tags: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    updated: datetime | None = None
    expires: datetime | None = None
    revoked: datetime | None = None
    reusable: bool = False
    ephemeral: bool = False
    preauthorized: bool = False
    expiry_seconds: int = 0
    audience: str = ""
    issuer: str = ""
    subject: str = ""
    custom_claim_rules: dict[str, str] = field(default_factory=dict[str, str])

    def is_valid(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A token that the OAuth endpoints gave out, under the digest of its secret."""

    key_id: str
    scopes: tuple[str, ...]
    tags: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """A custom posture attribute of a device."""

    value: str | int | bool
    expiry: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A node. `name` is the machine name without the tailnet's DNS name; `advertised` are services it offers to host."""

    node_id: str
    legacy_id: str
    name: str
    hostname: str
    ipv4: str
    ipv6: str
    user: str
    created: datetime
    expires: datetime
    tags: tuple[str, ...] = ()
    os: str = "linux"
    os_version: str = ""
    client_version: str = ""
    authorized: bool = True
    key_expiry_disabled: bool = False
    ephemeral: bool = False
    connected: bool = True
    last_seen: datetime | None = None
    advertised_routes: tuple[str, ...] = ()
    enabled_routes: tuple[str, ...] = ()
    advertised_services: tuple[str, ...] = ()
    ssh_enabled: bool = False
    attributes: dict[str, Attribute] = field(default_factory=dict[str, Attribute])


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A Tailscale Service (`svc:`). `approvals` says by node id which devices may host it."""

    name: str
    addrs: tuple[str, ...]
    ports: tuple[str, ...]
    comment: str = ""
    tags: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    approvals: dict[str, Approval] = field(default_factory=dict[str, Approval])


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolver:
    """A DNS server that the tailnet's devices are told to use."""

    address: str
    use_with_exit_node: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Dns:
    """The tailnet's DNS settings."""

    nameservers: tuple[Resolver, ...] = ()
    split: dict[str, tuple[Resolver, ...]] = field(default_factory=dict[str, tuple[Resolver, ...]])
    search_paths: tuple[str, ...] = ()
    override_local: bool = False
    magic: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The tailnet's settings, named as the API's fields are, in snake case."""

    acls_externally_managed_on: bool = False
    acls_external_link: str = ""
    devices_approval_on: bool = False
    devices_auto_updates_on: bool = False
    devices_key_duration_days: int = 180
    users_approval_on: bool = False
    users_role_allowed_to_join_external_tailnets: str = "none"
    network_flow_logging_on: bool = False
    regional_routing_on: bool = False
    posture_identity_collection_on: bool = False
    https_enabled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Whom the service writes to; `fallback_email` is the one before a change that is not verified yet."""

    email: str
    fallback_email: str = ""
    needs_verification: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """A webhook endpoint. Nothing is ever sent to it; the secret's digest is kept so that a rotation can be seen."""

    id: str
    url: str
    provider_type: str
    subscriptions: tuple[str, ...]
    secret_digest: str
    creator: str
    created: datetime
    modified: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LogStream:
    """Where the logs of one type would be sent, named as the API's fields are, in snake case. Of its secrets nothing is kept."""

    destination_type: str
    url: str = ""
    user: str = ""
    upload_period_minutes: int = 0
    compression_format: str = ""
    s3_bucket: str = ""
    s3_region: str = ""
    s3_key_prefix: str = ""
    s3_authentication_type: str = ""
    s3_access_key_id: str = ""
    s3_role_arn: str = ""
    s3_external_id: str = ""
    gcs_bucket: str = ""
    gcs_key_prefix: str = ""
    gcs_scopes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PostureIntegration:
    """A source of posture attributes, which is never asked. Of its secret nothing is kept."""

    id: str
    provider: str
    cloud_id: str
    client_id: str
    tenant_id: str
    updated: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """Where the service's behaviour is not known, or would make tests wait, it can be chosen.

    `clock_offset_seconds` moves the server's clock; `latency_milliseconds` delays every answer of the API.
    """

    unworn_tags: UnwornTags = UnwornTags.PASS
    magic_dns_needs_nameserver: bool = False
    clock_offset_seconds: int = 0
    latency_milliseconds: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Tailnet:
    """All state. `policy` is None while the policy file is the untouched default; keys are mapped by their id,
    tokens by the digest of their secret, devices by node id, services by name, contacts by type, log streams by the type of
    the logs. `aws_external_ids` tells of each whether it is to be given out again."""

    name: str
    dns_name: str
    policy: str | None = None
    users: dict[str, User] = field(default_factory=dict[str, User])
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    tokens: dict[str, AccessToken] = field(default_factory=dict[str, AccessToken])
    devices: dict[str, Device] = field(default_factory=dict[str, Device])
    services: dict[str, Service] = field(default_factory=dict[str, Service])
    dns: Dns = field(default_factory=Dns)
    settings: Settings = field(default_factory=Settings)
    contacts: dict[str, Contact] = field(default_factory=dict[str, Contact])
    webhooks: dict[str, Webhook] = field(default_factory=dict[str, Webhook])
    log_streams: dict[str, LogStream] = field(default_factory=dict[str, LogStream])
    aws_external_ids: dict[str, bool] = field(default_factory=dict[str, bool])
    posture_integrations: dict[str, PostureIntegration] = field(default_factory=dict[str, PostureIntegration])
    behaviour: Behaviour = field(default_factory=Behaviour)
