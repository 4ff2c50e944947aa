"""The smallest declaration that would allow something: an access entry of the YAML language, or a grant of a policy file.

Smallest: it names the two parties and the ports asked about, and so gives nobody else anything. Where no selector stands
for one party alone, its address does; `notes` say where even that is not possible.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailstack.access.inventory import Node
from tailstack.access.parties import Directory, Party, PartyKind, Role
from tailstack.access.ports import EVERYTHING, ICMP, LAST_PORT, SCTP, TCP, UDP, PortRange, Ports
from tailstack.access.selectors import DANGER_ALL, INTERNET, SELF
from tailstack.finding import Place
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.scalars import is_suspect
from tailstack.topology.wording import listed

_LONGEST_NAME = 120
_NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMP: "icmp"}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9@._:/+-]*(?: [A-Za-z0-9@._:/()+-]+)*\Z")
_NOWHERE = Place("", 1, 1)


class Language(StrEnum):
    """In what a suggestion is written."""

    YAML = "yaml"
    HUJSON = "hujson"


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A declaration to paste: an item of the list `access` of an environment, or of `grants` of a policy file.

    `text` ends with a newline. `notes` say what to know of it, such as that it gives more than was asked for.
    """

    language: Language
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    """How one party is written: its selector, in YAML perhaps a mapping of one key; and what to know of it."""

    text: str
    key: str = ""
    notes: tuple[str, ...] = ()


def suggest(directory: Directory, source: Party, target: Party, ports: Ports) -> Suggestion | None:
    """The smallest declaration by which `source` reaches `target` on these ports; None where there is none to be had."""
    if not ports:
        return None
    if directory.tailnet is None:
        return _grant(directory, source, target, ports)
    return _access_entry(directory, source, target, ports)


def _grant(directory: Directory, source: Party, target: Party, ports: Ports) -> Suggestion | None:
    entries = list(grant_ports(ports))
    src, dst = _selector(directory, source, Role.SOURCE), _selector(directory, target, Role.TARGET)
    if src is None or dst is None:
        return None
    parts = {"src": [src.text], "dst": [dst.text], "ip": entries}
    text = "{" + ", ".join(f'"{key}": [{", ".join(map(_quoted, values))}]' for key, values in parts.items()) + "},\n"
    return Suggestion(language=Language.HUJSON, text=text, notes=(*src.notes, *dst.notes))


def grant_ports(ports: Ports) -> Iterator[str]:
    """The `ip` field of a grant for these ports: exactly they, or as little more as the language can say."""
    if not EVERYTHING.minus(ports):
        yield "*"
        ports = ports.minus(EVERYTHING)
    for found in ports:
        if found.protocol in (TCP, UDP, SCTP):
            yield f"{_NAMES[found.protocol]}:{_range(found)}"
        else:
            yield f"{_NAMES.get(found.protocol, str(found.protocol))}:*"


def _range(found: PortRange) -> str:
    if (found.first, found.last) == (0, LAST_PORT):
        return "*"
    return str(found.first) if found.first == found.last else f"{found.first}-{found.last}"


def _selector(directory: Directory, party: Party, role: Role) -> _End | None:
    """The selector that stands for a party and, if it can be, for nothing else."""
    if party.node is not None and party.kind is not PartyKind.ADDRESS:
        return _of_node(directory, party, party.node, role)
    if party.kind is PartyKind.ADDRESS and role is Role.TARGET and _is_beyond(directory, party):
        note = "a destination on the internet can only be all of it, through the exit nodes that are approved"
        return _End(text=INTERNET, notes=(note,))
    name = party.reference
    if name in (DANGER_ALL, SELF) and role is Role.TARGET:
        return _End(text=SELF) if name == SELF else None
    return _End(text=name)


def _is_beyond(directory: Directory, party: Party) -> bool:
    """Whether an address is reached through exit nodes only: it is on the internet and no approved subnet route has it."""
    routed = directory.access.inventory.subnet_routes()
    return INTERNET in party.principal.keys and not any(routed.overlaps(span) for span in party.principal.addresses)


def _of_node(directory: Directory, party: Party, node: Node, role: Role) -> _End | None:
    nodes = directory.access.inventory.nodes
    own = node.tags or ((node.user,) if node.user is not None else ())
    worn = Counter(name for other in nodes for name in (set(other.tags) or {other.user or ""}))
    narrowest = min(own, key=lambda name: worn[name], default="")
    if narrowest and worn[narrowest] == 1:
        return _End(text=narrowest)
    if node.addresses:
        return _End(text=str(node.addresses[0]))
    if not narrowest:
        return None  # nothing that a policy could name is known of it
    return _End(text=narrowest, notes=(_sharing(party, (narrowest,), worn[narrowest] - 1, role),))


def _sharing(party: Party, names: Sequence[str], others: int, role: Role) -> str:
    more = "1 more node, which is" if others == 1 else f"{others} more nodes, which are"
    word = "given the same" if role is Role.SOURCE else "reached too"
    return f"{party.name} shares {listed(names)} with {more} {word}"


def _access_entry(directory: Directory, source: Party, target: Party, ports: Ports) -> Suggestion | None:
    entries = language_ports(ports)
    src, dst = _yaml_end(directory, source, Role.SOURCE), _yaml_end(directory, target, Role.TARGET)
    if entries is None or src is None or dst is None:
        return None
    has_own_ports = dst.key in ("exposure", "ingress", "service", "apiServer")
    if has_own_ports and target.offers is not None and ports.minus(target.offers):
        return None  # the declaration of the target has to offer the port first
    if target.proxy is ApiServerProxyMode.OFF:
        return None
    name = _free_name(directory, f"{source.reference} reaches {target.reference}")
    lines = [
        f"- name: {scalar(name)}",
        f"  from: [{_item(src)}]",
        f"  to: [{_item(dst)}]",
    ]
    if not (has_own_ports and ports == target.offers):
        lines.append(f"  ports: [{', '.join(scalar(entry) for entry in entries)}]")
    return Suggestion(language=Language.YAML, text="\n".join(lines) + "\n", notes=(*src.notes, *dst.notes))


def language_ports(ports: Ports) -> list[str] | None:
    """Ports as the YAML language writes them; None where it has no word for them."""
    if ports == EVERYTHING:
        return ["*"]
    known = [found.protocol in _NAMES for found in ports]
    return list(grant_ports(ports)) if all(known) else None


def _yaml_end(directory: Directory, party: Party, role: Role) -> _End | None:
    match party.kind:
        case PartyKind.EXPOSURE | PartyKind.INGRESS | PartyKind.API_SERVER if role is Role.TARGET:
            return _shared(directory, party, _End(text=party.reference, key=str(party.kind)), role)
        case PartyKind.MACHINE:
            return _shared(directory, party, _End(text=party.reference, key="machine"), role)
        case PartyKind.SERVICE if (declared := directory.declared_service(party.reference)) is not None:
            return _End(text=declared.reference, key=str(declared.kind))
        case _:
            return _selector(directory, party, role)


def _shared(directory: Directory, party: Party, end: _End, role: Role) -> _End:
    """The reference, with a note where the tag that it stands for is worn by others too."""
    tags = party.node.tags if party.node is not None else ()
    worn = Counter(tag for other in directory.access.inventory.nodes for tag in set(other.tags))
    others = min((worn[tag] for tag in tags), default=1) - 1
    if others < 1:
        return end
    note = _sharing(party, tags, others, role)
    return _End(text=end.text, key=end.key, notes=(note,))


def _free_name(directory: Directory, wanted: str) -> str:
    """A name that no other access entry has, on one line and short enough."""
    taken: Collection[str] = {access.name for access in directory.tailnet.access} if directory.tailnet else ()
    name, number = wanted[:_LONGEST_NAME], 2
    while name in taken:
        ending = f" ({number})"
        name, number = wanted[: _LONGEST_NAME - len(ending)] + ending, number + 1
    return name


def _item(end: _End) -> str:
    return f"{{{end.key}: {scalar(end.text)}}}" if end.key else scalar(end.text)


def scalar(text: str) -> str:
    """A text as a YAML scalar that the language reads as it is, in quotes where it could be read otherwise."""
    is_plain = _PLAIN.match(text) and not is_suspect(text) and ": " not in text
    return text if is_plain else _quoted(text)


def _quoted(text: str) -> str:
    """A text in quotes for JSON and YAML, with escapes for what a terminal does not show as it is."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
