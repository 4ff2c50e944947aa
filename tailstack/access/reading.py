"""Makes a typed policy of the text of a policy file, and says at once everything that is wrong with its form.

Keys are matched without regard to case and legacy names are understood, as the service does. What is of a wrong type is
reported and left out; what is not known is reported and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import TypeVar

from tailstack.access import hujson, mistakes
from tailstack.access.addresses import parse_span
from tailstack.access.policy import (
    Acl,
    AclTarget,
    AutoApprovers,
    Grant,
    Host,
    IpEntry,
    Keyed,
    Listed,
    NamedTexts,
    NodeAttribute,
    Policy,
    SshRule,
    SshTest,
    Test,
)
from tailstack.access.ports import PortError, Ports, parse_acl_ports, parse_ip_entry
from tailstack.access.selectors import Selector, Text, parse_selector, split_port
from tailstack.allocation import without_garbage_collection
from tailstack.finding import Finding, Place

T = TypeVar("T")

SETTINGS = ("derpMap", "attrConfig", "OneCGNATRoute", "randomizeClientPort", "disableIPv4")
_SECTIONS = (
    "grants",
    "acls",
    "groups",
    "hosts",
    "ipsets",
    "tagOwners",
    "autoApprovers",
    "nodeAttrs",
    "postures",
    "defaultSrcPosture",
    "ssh",
    "tests",
    "sshTests",
    *SETTINGS,
)
_GRANT = ("src", "dst", "ip", "app", "srcPosture", "via")
_ACL = ("action", "src", "dst", "proto", "srcPosture")
_SSH = (
    "action",
    "src",
    "dst",
    "users",
    "checkPeriod",
    "acceptEnv",
    "srcPosture",
    "recorder",
    "enforceRecorder",
)
_TEST = ("src", "srcPostureAttrs", "proto", "accept", "deny")
_SSH_TEST = ("src", "dst", "accept", "check", "deny", "srcPostureAttrs")
_NODE_ATTRIBUTE = ("target", "attr", "app", "ipPool")
_AUTO_APPROVERS = ("routes", "exitNode", "services")
_ACL_LEGACY = {"users": "src", "ports": "dst"}
_TEST_LEGACY = {"user": "src", "allow": "accept"}
_SETTING_KINDS = {"derpMap": "object", "attrConfig": "object", "OneCGNATRoute": "string"}


def read_policy(text: str, *, file: str = "policy.hujson") -> Policy:
    """The policy in a text. Never raises: what is wrong is in its `findings`. An empty text is a policy without sections."""
    if not text.strip():
        return Policy(file=file)
    with without_garbage_collection():
        try:
            document = hujson.parse(text)
        except hujson.HujsonError as error:
            found = mistakes.SYNTAX.at(Place(file, error.line, error.column), message=str(error))
            return Policy(file=file, findings=(found,))
        return policy_of(document, file)


def policy_of(
    document: hujson.Document, file: str, position: Callable[[hujson.Value], tuple[int, int]] | None = None
) -> Policy:
    """The policy in a document; `position` tells line and column of a value where the document is a part of the file."""
    return _Reader(document, file, position or document.position).policy()


class _Reader:
    """Reads one document. Every method reports what it cannot use and goes on."""

    def __init__(
        self, document: hujson.Document, file: str, position: Callable[[hujson.Value], tuple[int, int]]
    ) -> None:
        self._document = document
        self._file = file
        self._position = position
        self._findings: list[Finding] = []

    def policy(self) -> Policy:
        root = self._document.root
        for first, second in hujson.duplicate_members(root):
            self._findings.append(
                mistakes.DUPLICATE_KEY.at(
                    self._place(second.name),
                    self._place(first.name),
                    message=f'"{second.key}" stands twice, and only the last counts',
                )
            )
        unknown: list[Keyed] = []
        parts = self._fields(root, "the policy file", _SECTIONS, {}, unknown)
        approvers: list[Keyed] = []
        approving = self._fields(parts.get("autoApprovers"), "autoApprovers", _AUTO_APPROVERS, {}, approvers)
        return Policy(
            file=self._file,
            document=self._document,
            grants=self._entries(parts.get("grants"), "grants", self._grant),
            acls=self._entries(parts.get("acls"), "acls", self._acl),
            groups=self._listed(parts.get("groups"), "groups"),
            hosts=tuple(self._hosts(parts.get("hosts"))),
            ipsets=self._named_texts(parts.get("ipsets"), "ipsets"),
            tag_owners=self._listed(parts.get("tagOwners"), "tagOwners"),
            auto_approvers=AutoApprovers(
                routes=self._listed(approving.get("routes"), "autoApprovers.routes"),
                exit_node=self._selectors_of(approving.get("exitNode"), "autoApprovers.exitNode"),
                services=self._listed(approving.get("services"), "autoApprovers.services"),
                unknown=tuple(approvers),
            ),
            node_attributes=self._entries(parts.get("nodeAttrs"), "nodeAttrs", self._node_attribute) or (),
            postures=self._named_texts(parts.get("postures"), "postures"),
            default_src_posture=self._texts(parts.get("defaultSrcPosture"), "defaultSrcPosture"),
            ssh=self._entries(parts.get("ssh"), "ssh", self._ssh_rule) or (),
            tests=self._entries(parts.get("tests"), "tests", self._test) or (),
            ssh_tests=self._entries(parts.get("sshTests"), "sshTests", self._ssh_test) or (),
            settings=tuple(self._settings(parts)),
            unknown=tuple(unknown),
            findings=tuple(self._findings),
        )

    def _place(self, value: hujson.Value) -> Place:
        return Place(self._file, *self._position(value))

    def _wrong(self, value: hujson.Value, where: str, expected: str) -> None:
        self._findings.append(
            mistakes.SHAPE.at(self._place(value), message=f"{where}: unexpected {value.kind}", expected=expected)
        )

    def _members(self, value: hujson.Value | None, where: str) -> tuple[hujson.Member, ...]:
        if value is None or value.kind == "null":
            return ()
        if isinstance(value.node, hujson.Object):
            return value.node.members
        self._wrong(value, where, "an object")
        return ()

    def _elements(self, value: hujson.Value | None, where: str) -> tuple[hujson.Value, ...]:
        if value is None or value.kind == "null":
            return ()
        if isinstance(value.node, hujson.Array):
            return value.node.elements
        self._wrong(value, where, "a list")
        return ()

    def _fields(
        self,
        value: hujson.Value | None,
        where: str,
        known: tuple[str, ...],
        legacy: Mapping[str, str],
        unknown: list[Keyed],
    ) -> dict[str, hujson.Value]:
        """The known members of an object by their present names; the others go to `unknown`. Null stands for absence."""
        names = {name.casefold(): name for name in known} | dict(legacy)
        found: dict[str, hujson.Value] = {}
        for member in self._members(value, where):
            name = names.get(member.key.casefold())
            if name is None:
                unknown.append(self._keyed(member))
                self._unknown(member, where, known)
            elif member.value.kind != "null":
                found[name] = member.value
        return found

    def _unknown(self, member: hujson.Member, where: str, known: tuple[str, ...]) -> None:
        near = get_close_matches(member.key, known, n=1)
        self._findings.append(
            mistakes.UNKNOWN_KEY.at(
                self._place(member.name),
                message=f'{where}: unknown key "{member.key}"',
                expected=f"one of {', '.join(known)}",
                mend=f"Write {near[0]} if that is meant." if near else "",
            )
        )

    def _keyed(self, member: hujson.Member) -> Keyed:
        return Keyed(key=member.key, value=hujson.to_python(member.value), place=self._place(member.name))

    def _text(self, value: hujson.Value | None, where: str, absent: Place) -> Text:
        """A string; an empty one at `absent` where there is none."""
        if value is None:
            return Text("", absent)
        if isinstance(value.node, hujson.Literal) and value.node.is_string:
            return Text(str(value.node.python()), self._place(value))
        self._wrong(value, where, "a string")
        return Text("", self._place(value))

    def _texts(self, value: hujson.Value | None, where: str) -> tuple[Text, ...]:
        texts: list[Text] = []
        for element in self._elements(value, where):
            if isinstance(element.node, hujson.Literal) and element.node.is_string:
                texts.append(Text(str(element.node.python()), self._place(element)))
            else:
                self._wrong(element, where, "a string")
        return tuple(texts)

    def _selectors_of(self, value: hujson.Value | None, where: str) -> tuple[Selector, ...]:
        return tuple(parse_selector(text.text, text.place) for text in self._texts(value, where))

    def _flag(self, value: hujson.Value | None, where: str) -> bool:
        if value is None:
            return False
        if value.kind != "boolean":
            self._wrong(value, where, "true or false")
            return False
        return hujson.to_python(value) is True

    def _listed(self, value: hujson.Value | None, where: str) -> tuple[Listed, ...]:
        return tuple(
            Listed(
                name=member.key.strip(),
                place=self._place(member.name),
                entries=self._selectors_of(member.value, f'{where}["{member.key}"]'),
            )
            for member in self._members(value, where)
        )

    def _named_texts(self, value: hujson.Value | None, where: str) -> tuple[NamedTexts, ...]:
        return tuple(
            NamedTexts(
                name=member.key,
                place=self._place(member.name),
                entries=self._texts(member.value, f'{where}["{member.key}"]'),
            )
            for member in self._members(value, where)
        )

    def _hosts(self, value: hujson.Value | None) -> Iterator[Host]:
        for member in self._members(value, "hosts"):
            place = self._place(member.name)
            address = self._text(member.value, f'hosts["{member.key}"]', place)
            span = None if "-" in address.text else parse_span(address.text.strip())
            yield Host(name=member.key, place=place, value=address, span=span)

    def _capabilities(self, value: hujson.Value | None, where: str) -> tuple[Keyed, ...]:
        found: list[Keyed] = []
        for member in self._members(value, where):
            if member.value.kind not in ("array", "null"):
                self._wrong(member.value, f'{where}["{member.key}"]', "a list")
            found.append(self._keyed(member))
        return tuple(found)

    def _attributes(self, value: hujson.Value | None, where: str) -> tuple[Keyed, ...]:
        return tuple(self._keyed(member) for member in self._members(value, where))

    def _entries(
        self, value: hujson.Value | None, where: str, read: Callable[[hujson.Value, str], T]
    ) -> tuple[T, ...] | None:
        if value is None:
            return None
        entries: list[T] = []
        for index, element in enumerate(self._elements(value, where)):
            if isinstance(element.node, hujson.Object):
                entries.append(read(element, f"{where}[{index}]"))
            else:
                self._wrong(element, f"{where}[{index}]", "an object")
        return tuple(entries)

    def _grant(self, value: hujson.Value, where: str) -> Grant:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _GRANT, {}, unknown)
        return Grant(
            place=self._place(value),
            src=self._selectors_of(parts.get("src"), f"{where}.src"),
            dst=self._selectors_of(parts.get("dst"), f"{where}.dst"),
            ip=tuple(
                IpEntry(
                    text=text.text.strip(), place=text.place, ports=_ports(partial(parse_ip_entry, text.text.strip()))
                )
                for text in self._texts(parts.get("ip"), f"{where}.ip")
            ),
            app=self._capabilities(parts.get("app"), f"{where}.app"),
            src_posture=self._texts(parts.get("srcPosture"), f"{where}.srcPosture"),
            via=self._selectors_of(parts.get("via"), f"{where}.via"),
            unknown=tuple(unknown),
        )

    def _acl(self, value: hujson.Value, where: str) -> Acl:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _ACL, _ACL_LEGACY, unknown)
        place = self._place(value)
        proto = self._text(parts.get("proto"), f"{where}.proto", place)
        targets: list[AclTarget] = []
        for text in self._texts(parts.get("dst"), f"{where}.dst"):
            target, ports = split_port(text.text)
            targets.append(
                AclTarget(
                    target=parse_selector(target, text.place),
                    text=text.text.strip(),
                    place=text.place,
                    ports=_ports(partial(parse_acl_ports, ports, proto.text.strip())),
                )
            )
        return Acl(
            place=place,
            action=self._text(parts.get("action"), f"{where}.action", place),
            src=self._selectors_of(parts.get("src"), f"{where}.src"),
            dst=tuple(targets),
            proto=Text(proto.text.strip(), proto.place),
            src_posture=self._texts(parts.get("srcPosture"), f"{where}.srcPosture"),
            unknown=tuple(unknown),
        )

    def _node_attribute(self, value: hujson.Value, where: str) -> NodeAttribute:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _NODE_ATTRIBUTE, {}, unknown)
        return NodeAttribute(
            place=self._place(value),
            target=self._selectors_of(parts.get("target"), f"{where}.target"),
            attr=self._texts(parts.get("attr"), f"{where}.attr"),
            app=self._capabilities(parts.get("app"), f"{where}.app"),
            ip_pool=self._texts(parts.get("ipPool"), f"{where}.ipPool"),
            unknown=tuple(unknown),
        )

    def _ssh_rule(self, value: hujson.Value, where: str) -> SshRule:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _SSH, {}, unknown)
        place = self._place(value)
        period = parts.get("checkPeriod")
        return SshRule(
            place=place,
            action=self._text(parts.get("action"), f"{where}.action", place),
            src=self._selectors_of(parts.get("src"), f"{where}.src"),
            dst=self._selectors_of(parts.get("dst"), f"{where}.dst"),
            users=self._texts(parts.get("users"), f"{where}.users"),
            check_period=None if period is None else self._text(period, f"{where}.checkPeriod", place),
            accept_env=self._texts(parts.get("acceptEnv"), f"{where}.acceptEnv"),
            src_posture=self._texts(parts.get("srcPosture"), f"{where}.srcPosture"),
            recorder=self._selectors_of(parts.get("recorder"), f"{where}.recorder"),
            enforce_recorder=self._flag(parts.get("enforceRecorder"), f"{where}.enforceRecorder"),
            unknown=tuple(unknown),
        )

    def _test(self, value: hujson.Value, where: str) -> Test:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _TEST, _TEST_LEGACY, unknown)
        place = self._place(value)
        return Test(
            place=place,
            src=self._text(parts.get("src"), f"{where}.src", place),
            accept=self._texts(parts.get("accept"), f"{where}.accept"),
            deny=self._texts(parts.get("deny"), f"{where}.deny"),
            proto=self._text(parts.get("proto"), f"{where}.proto", place),
            src_posture_attributes=self._attributes(parts.get("srcPostureAttrs"), f"{where}.srcPostureAttrs"),
            unknown=tuple(unknown),
        )

    def _ssh_test(self, value: hujson.Value, where: str) -> SshTest:
        unknown: list[Keyed] = []
        parts = self._fields(value, where, _SSH_TEST, {}, unknown)
        place = self._place(value)
        return SshTest(
            place=place,
            src=self._text(parts.get("src"), f"{where}.src", place),
            dst=self._texts(parts.get("dst"), f"{where}.dst"),
            accept=self._texts(parts.get("accept"), f"{where}.accept"),
            check=self._texts(parts.get("check"), f"{where}.check"),
            deny=self._texts(parts.get("deny"), f"{where}.deny"),
            src_posture_attributes=self._attributes(parts.get("srcPostureAttrs"), f"{where}.srcPostureAttrs"),
            unknown=tuple(unknown),
        )

    def _settings(self, parts: Mapping[str, hujson.Value]) -> Iterator[Keyed]:
        for name in SETTINGS:
            value = parts.get(name)
            if value is None:
                continue
            expected = _SETTING_KINDS.get(name, "boolean")
            if value.kind == expected:
                yield Keyed(key=name, value=hujson.to_python(value), place=self._place(value))
            else:
                self._wrong(value, name, f"{'an' if expected == 'object' else 'a'} {expected}")


def _ports(parse: Callable[[], Ports]) -> Ports | None:
    try:
        return parse()
    except PortError:
        return None
