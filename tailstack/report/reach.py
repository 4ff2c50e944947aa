"""Who reaches what, and by which declaration: one block for each exposure, ingress and API server."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailstack.access.compile import CompiledPolicy
from tailstack.access.derive import ip_entries, ports_of
from tailstack.access.evaluate import Access, Reach
from tailstack.access.inventory import Node
from tailstack.access.kubernetes import impersonated_groups
from tailstack.access.ports import Ports
from tailstack.report.findings import WIDTH
from tailstack.report.style import Style
from tailstack.topology.declaration import ApiServerProxyMode
from tailstack.topology.tailnet import HTTPS, Port, Tailnet
from tailstack.topology.wording import listed

_WIDEST_WHO = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """One way to a target: who, on which ports, under which of several postures, as which Kubernetes groups, and why.

    `reason` is a declaration (`access: developers use nginx`) or a place of the hand-written policy file.
    """

    who: tuple[str, ...]
    ports: Ports
    postures: tuple[str, ...]
    groups: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Something that is reached: `exposure blue.nginx`, its name in the tailnet, what it offers, and every way to it."""

    name: str
    fqdn: str
    offers: tuple[Port, ...]
    is_public: bool
    ways: tuple[Reached, ...]


def reach(tailnet: Tailnet, policy: CompiledPolicy) -> tuple[Target, ...]:
    """Every exposure, ingress and API server with all that leads to it, by the whole policy."""
    access = Access(policy.policy)

    def target(
        name: str, node: Node, offers: tuple[Port, ...], *, is_public: bool = False, impersonates: bool = False
    ) -> Target:
        ways = tuple(_ways(access.who_reaches(node), offers, policy, impersonates=impersonates))
        return Target(name=name, fqdn=node.name, offers=offers, is_public=is_public, ways=ways)

    found: list[Target] = []
    for cluster in tailnet.clusters:
        for exposure in cluster.exposures:
            node = Node(name=exposure.fqdn, tags=exposure.tags)
            found.append(target(f"exposure {exposure.reference}", node, exposure.granted_ports))
        for ingress in cluster.ingresses:
            node = Node(name=ingress.fqdn, tags=ingress.tags)
            name = f"ingress {ingress.reference}"
            found.append(target(name, node, ingress.granted_ports, is_public=ingress.funnel))
        mode = cluster.operator.api_server_proxy
        if mode is not ApiServerProxyMode.OFF:
            node = Node(name=cluster.operator.fqdn, tags=cluster.operator.tags)
            impersonates = mode is ApiServerProxyMode.AUTH
            found.append(target(f"API server of {cluster.name} ({mode})", node, (HTTPS,), impersonates=impersonates))
    return tuple(found)


def _ways(
    found: Sequence[Reach], offers: tuple[Port, ...], policy: CompiledPolicy, *, impersonates: bool
) -> Iterator[Reached]:
    offered = ports_of(offers)
    for line in found:
        ports = offered.intersection(line.ports)
        groups = tuple(sorted(impersonated_groups(line.entry.app))) if impersonates else ()
        if ports or groups:
            yield Reached(
                who=line.src,
                ports=ports,
                postures=line.postures,
                groups=groups,
                reason=policy.declaration(line.entry.place),
            )


def reach_as_text(targets: Sequence[Target], tailnet: Tailnet, *, colour: bool = False, width: int = WIDTH) -> str:
    """A block for each target, then who is in the groups. Ends with a newline."""
    style = Style(colour=colour)
    blocks = [_block(target, style, width) for target in targets]
    members = _members(targets, tailnet, width)
    return "\n".join([*blocks, *([members] if members else [])])


def _block(target: Target, style: Style, width: int) -> str:
    lines = [f"{style.strong(target.name)}  {target.fqdn} {listed(ip_entries(target.offers))}"]
    rows = [(", ".join(way.who), str(way.ports) or "no port", _why(way)) for way in target.ways]
    if target.is_public:
        rows.insert(0, ("everybody on the internet", listed(ip_entries(target.offers)), "Funnel"))
    if not rows:
        lines.append("  nobody")
    who_width = min(max((len(row[0]) for row in rows), default=0), _WIDEST_WHO)
    port_width = max((len(row[1]) for row in rows), default=0)
    for who, ports, why in rows:
        beside = who if len(who) <= who_width else ""
        if not beside:
            lines += _wrapped(who, "  ", 4, width)
        label = f"  {beside:<{who_width}}  {ports:<{port_width}}  "
        lines += _wrapped(why, label, len(label), width)
    return "\n".join(lines) + "\n"


def _wrapped(text: str, label: str, start: int, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width=max(width, start + 20),
        initial_indent=label,
        subsequent_indent=" " * start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _why(way: Reached) -> str:
    parts = [way.reason]
    if way.groups:
        parts.append(f"as {listed(way.groups)}")
    if way.postures:
        parts.append(f"in {' or '.join(way.postures)}")
    return "; ".join(parts)


def _members(targets: Sequence[Target], tailnet: Tailnet, width: int) -> str:
    """Who is in the groups that reach something, as far as it is known here."""
    named = {who for target in targets for way in target.ways for who in way.who}
    lines: list[str] = []
    for group in tailnet.groups:
        if group.name not in named:
            continue
        if group.members is None:
            who = "members are kept by the identity provider and not known here"
        else:
            who = listed(group.members, none="nobody") + (", by rotation" if group.on_rotation else "")
        lines += _wrapped(who, f"{group.name}: ", 4, width)
    return "\n".join(lines) + "\n" if lines else ""


def reach_as_data(targets: Sequence[Target]) -> list[dict[str, object]]:
    """The same as plain data, for JSON."""
    return [
        {
            "target": target.name,
            "fqdn": target.fqdn,
            "ports": ip_entries(target.offers),
            "public": target.is_public,
            "reachedBy": [
                {
                    "who": list(way.who),
                    "ports": str(way.ports),
                    "postures": list(way.postures),
                    "kubernetesGroups": list(way.groups),
                    "declaration": way.reason,
                }
                for way in target.ways
            ],
        }
        for target in targets
    ]
