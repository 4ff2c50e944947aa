"""The policy file, typed: every section of https://tailscale.com/kb/1337/policy-syntax, each entry with its place.

Legacy spellings are read and have their present names here (`users` and `ports` of an ACL are `src` and `dst`). What the
language does not know is kept in `unknown`, of the file and of each entry. `tailstack.access.reading` makes a Policy of a text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tailstack.access.addresses import Span
from tailstack.access.hujson import Document, Json
from tailstack.access.ports import Ports
from tailstack.access.selectors import Selector, Text
from tailstack.finding import Finding, Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyed:
    """A member of an object that is kept as it is: its key, its value as Python data, and the place of its key."""

    key: str
    value: Json
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class IpEntry:
    """One entry of a grant's `ip`. `ports` is None where the text says none; validation tells why."""

    text: str
    place: Place
    ports: Ports | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """An entry of `grants`. `app` maps capability names to lists of any JSON."""

    place: Place
    src: tuple[Selector, ...]
    dst: tuple[Selector, ...]
    ip: tuple[IpEntry, ...] = ()
    app: tuple[Keyed, ...] = ()
    src_posture: tuple[Text, ...] = ()
    via: tuple[Selector, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AclTarget:
    """One `target:ports` of an ACL. `ports` is None where the text says none; validation tells why."""

    target: Selector
    text: str
    place: Place
    ports: Ports | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acl:
    """An entry of `acls`. `proto` is empty where none is named."""

    place: Place
    action: Text
    src: tuple[Selector, ...]
    dst: tuple[AclTarget, ...]
    proto: Text
    src_posture: tuple[Text, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A name with a list of selectors: a group's members, a tag's owners, a route's approvers."""

    name: str
    place: Place
    entries: tuple[Selector, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """A name for an address or a prefix. `span` is None where the value is neither."""

    name: str
    place: Place
    value: Text
    span: Span | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedTexts:
    """A name with a list of strings: the operations of an IP set, the assertions of a posture."""

    name: str
    place: Place
    entries: tuple[Text, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoApprovers:
    """Who may have routes, exit nodes and service hosts approved without an admin."""

    routes: tuple[Listed, ...] = ()
    exit_node: tuple[Selector, ...] = ()
    services: tuple[Listed, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAttribute:
    """An entry of `nodeAttrs`."""

    place: Place
    target: tuple[Selector, ...]
    attr: tuple[Text, ...] = ()
    app: tuple[Keyed, ...] = ()
    ip_pool: tuple[Text, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SshRule:
    """An entry of `ssh`. `recorder` are tags; with `enforce_recorder` a session fails where none of them can be reached."""

    place: Place
    action: Text
    src: tuple[Selector, ...]
    dst: tuple[Selector, ...]
    users: tuple[Text, ...]
    check_period: Text | None = None
    accept_env: tuple[Text, ...] = ()
    src_posture: tuple[Text, ...] = ()
    recorder: tuple[Selector, ...] = ()
    enforce_recorder: bool = False
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Test:
    """An entry of `tests`: from `src`, every destination of `accept` is reached and none of `deny`."""

    __test__ = False  # pytest would take the class for a test case

    place: Place
    src: Text
    accept: tuple[Text, ...]
    deny: tuple[Text, ...]
    proto: Text
    src_posture_attributes: tuple[Keyed, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SshTest:
    """An entry of `sshTests`: `accept`, `check` and `deny` list users to log in as."""

    place: Place
    src: Text
    dst: tuple[Text, ...]
    accept: tuple[Text, ...]
    check: tuple[Text, ...]
    deny: tuple[Text, ...]
    src_posture_attributes: tuple[Keyed, ...] = ()
    unknown: tuple[Keyed, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A whole policy file. `acls` and `grants` are None where the section is not there, which allows everything.

    `findings` is what was wrong with its syntax and shape; the parts that could be read are there all the same.
    """

    file: str
    document: Document | None = None
    grants: tuple[Grant, ...] | None = None
    acls: tuple[Acl, ...] | None = None
    groups: tuple[Listed, ...] = ()
    hosts: tuple[Host, ...] = ()
    ipsets: tuple[NamedTexts, ...] = ()
    tag_owners: tuple[Listed, ...] = ()
    auto_approvers: AutoApprovers = field(default_factory=AutoApprovers)
    node_attributes: tuple[NodeAttribute, ...] = ()
    postures: tuple[NamedTexts, ...] = ()
    default_src_posture: tuple[Text, ...] = ()
    ssh: tuple[SshRule, ...] = ()
    tests: tuple[Test, ...] = ()
    ssh_tests: tuple[SshTest, ...] = ()
    settings: tuple[Keyed, ...] = ()
    unknown: tuple[Keyed, ...] = ()
    findings: tuple[Finding, ...] = ()
