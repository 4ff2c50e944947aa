"""What is known of a live tailnet, read from one JSON file: its devices, users, credentials, settings and charts.

The parts are the answers of Tailscale's API (https://tailscale.com/api) put side by side, as docs/access.md shows:
`devices` of GET /tailnet/-/devices?fields=all, `users` of GET /tailnet/-/users, `vipServices` of GET
/tailnet/-/vip-services, `keys` of GET /tailnet/-/keys?all=true, `settings` of GET /tailnet/-/settings and `dns` of GET
/tailnet/-/dns/preferences. What they do not hold is added by hand: a device's posture `attributes`, the `hosts` of a service,
the members of `groups` that an identity provider keeps, the `clusters` that use a key, and `charts`: by cluster, the version
of the operator's chart and its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from tailstack.access import hujson
from tailstack.access.addresses import Span, parse_span
from tailstack.access.inventory import NOTHING_KNOWN, Inventory, Node, Service, User
from tailstack.access.ports import PortError, Ports, parse_ip_entry
from tailstack.access.postures import Attribute
from tailstack.access.selectors import ROLES
from tailstack.finding import Finding, InvalidTailnetError, Place, Rule

_API = "https://tailscale.com/api"

FACTS_SYNTAX = Rule(
    code="TS816",
    slug="facts-syntax",
    what="The file of what is known of the tailnet is not JSON.",
    why="Nothing of it can be used, and an answer without it would be another one.",
    mend="Put the text right at the place named, or fetch the file again.",
    source="docs/access.md",
    bad=('# facts.json\n{"devices":\n'),
    good=('# facts.json\n{"devices": []}\n'),
)
FACTS_SHAPE = Rule(
    code="TS817",
    slug="facts-shape",
    what="A part of the file of what is known of the tailnet is not what Tailscale's API answers.",
    why="What cannot be read would be missing from every answer.",
    mend="Write the part as docs/access.md shows it.",
    source=_API,
    bad=('# facts.json\n{"devices": {}}\n'),
    good=('# facts.json\n{"devices": []}\n'),
)
FACTS_VALUE = Rule(
    code="TS818",
    slug="facts-value",
    what="A value in the file of what is known of the tailnet is no address, prefix, port, role or name of a device.",
    why="What cannot be read would be missing from every answer.",
    mend="Correct the value, or fetch the file again.",
    source=_API,
    bad=('# facts.json\n{"devices": [{"name": "web", "addresses": ["web"]}]}\n'),
    good=('# facts.json\n{"devices": [{"name": "web", "addresses": ["100.64.0.1"]}]}\n'),
)
FACTS_CLASH = Rule(
    code="TS819",
    slug="facts-clash",
    what="Two devices in the file of what is known of the tailnet have the same name.",
    why="A tailnet has no two of one name, and it is not clear which of the two is meant.",
    mend="Remove one of the two, or fetch the file again.",
    source=_API,
    bad=('# facts.json\n{"devices": [{"name": "web"}, {"name": "web"}]}\n'),
    good=('# facts.json\n{"devices": [{"name": "web"}, {"name": "web-1"}]}\n'),
)
RULES = (FACTS_SYNTAX, FACTS_SHAPE, FACTS_VALUE, FACTS_CLASH)

SECTIONS = ("devices", "users", "vipServices", "groups", "keys", "settings", "dns", "charts")
ANY_PORTS = "do-not-validate"
"""In place of ports, in a service of which the operator keeps the ports to itself."""

OWNER_ANNOTATION = "tailscale.com/owner-references"
"""On a Tailscale Service, which operators it belongs to: cmd/k8s-operator/ingress-for-pg.go of tailscale.com."""

CREDENTIALS = ("client", "federated")
"""The types of keys by which an operator makes itself known: an OAuth client, or the identity of a service account."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """An OAuth client or a federated identity. `clusters` are those whose operators use it, as far as that is said."""

    key: str
    kind: str
    scopes: frozenset[str]
    tags: tuple[str, ...]
    clusters: tuple[str, ...]
    issuer: str
    subject: str
    audience: str
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartFacts:
    """The operator's chart in one cluster: its version, empty where it is not said, and its values."""

    version: str
    values: Mapping[str, hujson.Json]
    place: Place
    _document: hujson.Document = field(repr=False)
    _root: hujson.Value | None = field(repr=False)

    def place_of(self, *path: str) -> Place:
        """Where a value stands, or the last part of the way to it that is there."""
        value = self._root
        place = self.place
        for step in path:
            found = hujson.find(value, step) if value is not None and value.kind == "object" else None
            if found is None:
                break
            value = found
            place = Place(self.place.file, *self._document.position(found))
        return place


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a file says. What it does not say is None, or absent: then nothing is known of it."""

    inventory: Inventory = NOTHING_KNOWN
    has_devices: bool = False
    credentials: tuple[Credential, ...] | None = None
    https: bool | None = None
    magic_dns: bool | None = None
    is_policy_external: bool | None = None
    charts: Mapping[str, ChartFacts] = field(default_factory=dict[str, ChartFacts])
    file: str = ""


HIDDEN = "(secret)"
"""Stands in place of a secret, of which only that it is there may be known."""


def _without_secret(values: dict[str, hujson.Json]) -> Mapping[str, hujson.Json]:
    oauth = values.get("oauth")
    if not isinstance(oauth, dict) or not oauth.get("clientSecret"):
        return values
    return {**values, "oauth": {**oauth, "clientSecret": HIDDEN}}


_USER_ROLES = tuple(sorted(role.removeprefix("autogroup:") for role in ROLES))


def read_facts(text: str, *, file: str) -> Facts:
    """What a file says of a tailnet. Only approved routes count as routes.

    Raises InvalidTailnetError, with every mistake and its place, where the text is not what it must be.
    """
    try:
        document = hujson.parse(text)
    except hujson.HujsonError as error:
        found = FACTS_SYNTAX.at(Place(file, error.line, error.column), message=str(error))
        raise InvalidTailnetError([found]) from None
    reader = _Reader(document, file)
    facts = reader.facts()
    if reader.findings:
        raise InvalidTailnetError(reader.findings)
    return facts


@dataclass(frozen=True, kw_only=True, slots=True)
class _Device:
    node: Node
    is_external: bool


class _Reader:
    """Reads one document. Every method reports what it cannot use and goes on."""

    def __init__(self, document: hujson.Document, file: str) -> None:
        self.findings: list[Finding] = []
        self._document = document
        self._file = file

    def facts(self) -> Facts:
        parts = self._sections()
        settings = self._known_fields(parts.get("settings"), "settings")
        dns = self._known_fields(parts.get("dns"), "dns")
        keys = parts.get("keys")
        return Facts(
            inventory=self._inventory(parts),
            has_devices="devices" in parts,
            credentials=None if keys is None else tuple(self._credentials(keys)),
            https=self._maybe(settings.get("httpsenabled"), "settings.httpsEnabled"),
            magic_dns=self._maybe(dns.get("magicdns"), "dns.magicDNS"),
            is_policy_external=self._maybe(settings.get("aclsexternallymanagedon"), "settings.aclsExternallyManagedOn"),
            charts=dict(self._charts(parts.get("charts"))),
            file=self._file,
        )

    def _sections(self) -> Mapping[str, hujson.Value]:
        root = self._members(self._document.root, "the file")
        known = {section.casefold(): section for section in SECTIONS}
        parts: dict[str, hujson.Value] = {}
        for key, (name, value) in root.items():
            if key.casefold() in known:
                parts[known[key.casefold()]] = value
            else:
                near = get_close_matches(key, SECTIONS, n=1)
                self.findings.append(
                    FACTS_SHAPE.at(
                        self._place(name),
                        message=f'unknown key "{key}"',
                        expected=f"one of {', '.join(SECTIONS)}",
                        mend=f"Write {near[0]} if that is meant." if near else "",
                    )
                )
        return parts

    def _known_fields(self, value: hujson.Value | None, where: str) -> Mapping[str, hujson.Value]:
        return {} if value is None else self._fields(value, where)

    def _maybe(self, value: hujson.Value | None, where: str) -> bool | None:
        return None if value is None else self._switch(value, where)

    def _credentials(self, value: hujson.Value) -> Iterator[Credential]:
        """The keys that are credentials of an operator; the others are not looked at."""
        for index, element in enumerate(self._elements(value, "keys")):
            where = f"keys[{index}]"
            fields = self._fields(element, where)
            kind = self._text(fields.get("keytype"), f"{where}.keyType")
            if kind in CREDENTIALS:
                yield Credential(
                    key=self._needed_text(element, fields, "id", where),
                    kind=kind,
                    scopes=frozenset(self._texts(fields.get("scopes"), f"{where}.scopes")),
                    tags=self._texts(fields.get("tags"), f"{where}.tags"),
                    clusters=self._texts(fields.get("clusters"), f"{where}.clusters"),
                    issuer=self._text(fields.get("issuer"), f"{where}.issuer"),
                    subject=self._text(fields.get("subject"), f"{where}.subject"),
                    audience=self._text(fields.get("audience"), f"{where}.audience"),
                    place=self._place(element),
                )

    def _charts(self, value: hujson.Value | None) -> Iterator[tuple[str, ChartFacts]]:
        if value is None:
            return
        for cluster, (name, chart) in self._members(value, "charts").items():
            where = f'charts["{cluster}"]'
            fields = self._fields(chart, where)
            values = fields.get("values")
            if values is not None:
                self._members(values, f"{where}.values")
            plain = hujson.to_python(values) if values is not None else {}
            found = ChartFacts(
                version=self._text(fields.get("version"), f"{where}.version"),
                values=_without_secret(plain) if isinstance(plain, dict) else {},
                place=self._place(name),
                _document=self._document,
                _root=values,
            )
            yield cluster, found

    def _inventory(self, parts: Mapping[str, hujson.Value]) -> Inventory:
        devices = self._devices(parts.get("devices"))
        users = {user.login: user for user in self._users(parts.get("users"))}
        for device in devices.values():
            if device.is_external and device.node.user:
                users[device.node.user] = User(login=device.node.user, is_shared=True)
        services = dict(self._services(parts.get("vipServices"), devices))
        return Inventory(
            nodes=tuple(
                replace(device.node, services=tuple(name for name, (_, hosts) in services.items() if fqdn in hosts))
                for fqdn, device in devices.items()
            ),
            users=tuple(users.values()),
            services=tuple(service for service, _ in services.values()),
            groups=dict(self._groups(parts.get("groups"))),
        )

    def _devices(self, value: hujson.Value | None) -> dict[str, _Device]:
        found: dict[str, _Device] = {}
        places: dict[str, Place] = {}
        for index, element in enumerate(self._elements(value, "devices")):
            where = f"devices[{index}]"
            fields = self._fields(element, where)
            name = self._needed_text(element, fields, "name", where).rstrip(".").lower()
            if name in found:
                message = f"two devices are called {name}"
                self.findings.append(FACTS_CLASH.at(self._place(element), places[name], message=message))
            elif name:
                places[name] = self._place(element)
                found[name] = self._device(name, fields, where, places[name])
        return found

    def _device(self, name: str, fields: Mapping[str, hujson.Value], where: str, place: Place) -> _Device:
        tags = self._texts(fields.get("tags"), f"{where}.tags")
        enabled = self._spans(fields.get("enabledroutes"), f"{where}.enabledRoutes", "a prefix")
        advertised = self._spans(fields.get("advertisedroutes"), f"{where}.advertisedRoutes", "a prefix")
        user = self._text(fields.get("user"), f"{where}.user")
        node = Node(
            name=name,
            addresses=self._spans(fields.get("addresses"), f"{where}.addresses", "an address", is_single=True),
            user=None if tags or not user else user,
            tags=tags,
            routes=enabled,
            unapproved=tuple(route for route in advertised if route not in enabled),
            attributes=self._attributes(fields.get("attributes"), f"{where}.attributes"),
            place=place,
        )
        return _Device(node=node, is_external=self._switch(fields.get("isexternal"), f"{where}.isExternal"))

    def _attributes(self, value: hujson.Value | None, where: str) -> Mapping[str, Attribute] | None:
        if value is None:
            return None
        found: dict[str, Attribute] = {}
        for key, (_, part) in self._members(value, where).items():
            plain = hujson.to_python(part)
            if isinstance(plain, str | int | float):
                found[key] = plain
            elif plain is not None:
                self._wrong(part, f"{where}.{key}", "a string, a number, true or false")
        return found

    def _users(self, value: hujson.Value | None) -> Iterator[User]:
        for index, element in enumerate(self._elements(value, "users")):
            where = f"users[{index}]"
            fields = self._fields(element, where)
            login = self._needed_text(element, fields, "loginName", where)
            role = self._one_of(fields.get("role"), f"{where}.role", _USER_ROLES)
            kind = self._one_of(fields.get("type"), f"{where}.type", ("member", "shared"))
            yield User(
                login=login,
                roles=frozenset({role} - {"member", ""}),
                is_shared=kind == "shared",
            )

    def _services(
        self, value: hujson.Value | None, devices: Mapping[str, _Device]
    ) -> Iterator[tuple[str, tuple[Service, tuple[str, ...]]]]:
        """Each service by its name, with the names of its hosts."""
        for index, element in enumerate(self._elements(value, "vipServices")):
            where = f"vipServices[{index}]"
            fields = self._fields(element, where)
            name = self._needed_text(element, fields, "name", where)
            hosts = tuple(self._hosts(fields.get("hosts"), f"{where}.hosts", devices))
            service = Service(
                name=name,
                addresses=self._spans(fields.get("addrs"), f"{where}.addrs", "an address", is_single=True),
                ports=self._ports(fields.get("ports"), f"{where}.ports"),
                is_of_operator=self._has_owner(fields.get("annotations"), f"{where}.annotations"),
                place=self._place(element),
            )
            yield name, (service, hosts)

    def _has_owner(self, annotations: hujson.Value | None, where: str) -> bool | None:
        return None if annotations is None else OWNER_ANNOTATION in self._members(annotations, where)

    def _hosts(self, value: hujson.Value | None, where: str, devices: Mapping[str, _Device]) -> Iterator[str]:
        for element, text in self._each_text(value, where):
            name = text.rstrip(".").lower()
            if name not in devices:
                near = get_close_matches(name, devices, n=1)
                mend = f"Write {near[0]} if that is meant." if near else ""
                self._no(element, f'{where}: "{text}"', "the name of one of the devices", mend)
            else:
                yield name

    def _ports(self, value: hujson.Value | None, where: str) -> Ports | None:
        texts = tuple(self._each_text(value, where))
        if value is None or any(text == ANY_PORTS for _, text in texts):
            return None
        ports = Ports()
        for element, text in texts:
            try:
                ports = ports.union(parse_ip_entry(text))
            except PortError:
                self._no(element, f'{where}: "{text}"', f'a protocol and a port such as tcp:443, or "{ANY_PORTS}"')
        return ports

    def _groups(self, value: hujson.Value | None) -> Iterator[tuple[str, tuple[str, ...]]]:
        if value is not None:
            for key, (name, members) in self._members(value, "groups").items():
                if not key.startswith("group:"):
                    self._no(name, f'groups: "{key}"', 'a name that begins with "group:"')
                yield key, self._texts(members, f'groups["{key}"]')

    def _place(self, value: hujson.Value) -> Place:
        return Place(self._file, *self._document.position(value))

    def _wrong(self, value: hujson.Value, where: str, expected: str) -> None:
        found = FACTS_SHAPE.at(self._place(value), message=f"{where}: unexpected {value.kind}", expected=expected)
        self.findings.append(found)

    def _no(self, value: hujson.Value, message: str, expected: str, mend: str = "") -> None:
        self.findings.append(FACTS_VALUE.at(self._place(value), message=message, expected=expected, mend=mend))

    def _members(self, value: hujson.Value, where: str) -> Mapping[str, tuple[hujson.Value, hujson.Value]]:
        """Name and value of each member, by its key. Of several with one key the last counts."""
        if isinstance(value.node, hujson.Object):
            return {member.key: (member.name, member.value) for member in value.node.members}
        self._wrong(value, where, "an object")
        return {}

    def _fields(self, value: hujson.Value, where: str) -> Mapping[str, hujson.Value]:
        """The members of an object of the API by their folded keys; null stands for absence."""
        members = self._members(value, where).items()
        return {key.casefold(): part for key, (_, part) in members if part.kind != "null"}

    def _elements(self, value: hujson.Value | None, where: str) -> tuple[hujson.Value, ...]:
        if value is None or value.kind == "null":
            return ()
        if isinstance(value.node, hujson.Array):
            return value.node.elements
        self._wrong(value, where, "a list")
        return ()

    def _needed_text(self, parent: hujson.Value, fields: Mapping[str, hujson.Value], key: str, where: str) -> str:
        value = fields.get(key.casefold())
        if value is None:
            if parent.kind == "object":
                message = f"{where}: {key} is missing"
                self.findings.append(FACTS_SHAPE.at(self._place(parent), message=message, expected="a string"))
            return ""
        return self._text(value, f"{where}.{key}")

    def _text(self, value: hujson.Value | None, where: str) -> str:
        plain = None if value is None else hujson.to_python(value)
        if isinstance(plain, str):
            return plain
        if value is not None:
            self._wrong(value, where, "a string")
        return ""

    def _switch(self, value: hujson.Value | None, where: str) -> bool:
        plain = None if value is None else hujson.to_python(value)
        if value is not None and not isinstance(plain, bool):
            self._wrong(value, where, "true or false")
        return plain is True

    def _one_of(self, value: hujson.Value | None, where: str, known: tuple[str, ...]) -> str:
        text = self._text(value, where)
        if value is not None and text and text not in known:
            self._no(value, f'{where}: "{text}"', f"one of {', '.join(known)}")
            return ""
        return text

    def _each_text(self, value: hujson.Value | None, where: str) -> Iterator[tuple[hujson.Value, str]]:
        for index, element in enumerate(self._elements(value, where)):
            text = self._text(element, f"{where}[{index}]")
            if text:
                yield element, text

    def _texts(self, value: hujson.Value | None, where: str) -> tuple[str, ...]:
        return tuple(text for _, text in self._each_text(value, where))

    def _spans(
        self, value: hujson.Value | None, where: str, expected: str, *, is_single: bool = False
    ) -> tuple[Span, ...]:
        fits: Callable[[Span], bool] = (lambda span: span.is_single) if is_single else (lambda _: True)
        found: list[Span] = []
        for element, text in self._each_text(value, where):
            span = parse_span(text)
            if span is not None and fits(span):
                found.append(span)
            else:
                self._no(element, f'{where}: "{text}"', expected)
        return tuple(found)
