"""Ports as written, `tcp:80`, and as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from tailstack.finding import Rule
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.tailnet import ALL_PORTS, Port
from tailstack.topology.wording import path_text

WRONG_PORT = Rule(
    code="TS044",
    slug="wrong-port",
    what="A port out of range, a range that ends before it begins, or a range where one port is needed.",
    why="Neither the policy file nor Kubernetes accepts it.",
    mend="Write a port from 1 to 65535, or a range of them from low to high.",
    source="https://tailscale.com/kb/1337/policy-syntax",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:70000], selector: {app: web}}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    ),
)
PORT_NOT_OFFERED = Rule(
    code="TS045",
    slug="port-not-offered",
    what="A link or an access entry asks for a port that its target does not offer.",
    why="Nothing listens there: the grant would be dead, and a client would wait.",
    mend="Ask for a port that the target offers, or add the port to the target.",
    bad=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{exposure: blue.web}], ports: [tcp:443]}\n"
    ),
    good=(
        "clusters:\n"
        "  blue:\n"
        "    kubernetes: {context: blue}\n"
        "    expose:\n"
        "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
        "access:\n"
        "  - {name: a, from: [ana@example.com], to: [{exposure: blue.web}], ports: [tcp:80]}\n"
    ),
)

RULES = (WRONG_PORT, PORT_NOT_OFFERED)

MAX_PORT = 65535

UNKNOWN_PORT = Port("*", -1, MAX_PORT)
"""Stands for ports of which nothing is known after a finding: every port may be among them."""


@lru_cache(maxsize=4096)
def read_port(text: str) -> Port | None:
    """The port that a text stands for, or None where its numbers are no ports. Its form has been checked before."""
    if text == "*":
        return ALL_PORTS
    protocol, _, numbers = text.partition(":")
    if numbers == "*":
        return Port(protocol, 0, 0 if protocol == "icmp" else MAX_PORT)
    first, _, last = numbers.partition("-")
    port = Port(protocol, int(first), int(last or first))
    return port if port.first <= port.last <= MAX_PORT else None


def is_one_port(port: Port) -> bool:
    """Whether this is one port of one protocol, as a Service has them, as far as it is known."""
    return (port.first == port.last and port.protocol != "icmp") or port == UNKNOWN_PORT


def read_ports(notes: Notes, path: Path, texts: Sequence[str]) -> tuple[Port, ...]:
    """The ports of a list at this path, as many as there are: an unknown one, with a finding, in place of a wrong one."""
    notes.once(path, texts)
    ports: list[Port] = []
    for index, text in enumerate(texts):
        port = read_port(text)
        if port is None:
            notes.say(
                WRONG_PORT,
                notes.value(*path, index),
                message=f"{path_text((*path, index))} is {text}.",
                expected=f"ports from 1 to {MAX_PORT}, the lower one first",
            )
        ports.append(port if port and notes.is_known(*path, index, "port") else UNKNOWN_PORT)
    return tuple(ports)


def is_offered(port: Port, offered: Iterable[Port]) -> bool:
    """Whether everything of a port or range is offered, by one of these or by several that adjoin."""
    next_missing = port.first
    for first, last in sorted((o.first, o.last) for o in offered if o.protocol in {port.protocol, "*"}):
        if first <= next_missing:
            next_missing = max(next_missing, last + 1)
    return next_missing > port.last


def check_offered(notes: Notes, path: Path, ports: Sequence[Port], offered: Sequence[Port], target: str) -> bool:
    """Note each port of a list at this path that the target does not offer. True when it offers all of them."""
    missing = [index for index, port in enumerate(ports) if port != UNKNOWN_PORT and not is_offered(port, offered)]
    for index in missing:
        notes.say(
            PORT_NOT_OFFERED,
            notes.value(*path, index),
            message=f"{target} does not offer {ports[index]}.",
            expected="ports that it offers: " + ", ".join(str(port) for port in offered),
        )
    return not missing
