"""What a change costs beside what it does: devices and groups of the tailnet's plan, certificates, restarts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from tailstack.access.nodes import NodeKind, declared_nodes
from tailstack.access.reading import read_policy
from tailstack.report.plan import ChangeClass, Op, Plan, PlannedChange
from tailstack.report.resource_kinds import OPERATOR_OF
from tailstack.report.style import counted
from tailstack.rules.certificates import MOST_NEW_NAMES
from tailstack.topology.tailnet import Tailnet

_NODES = tuple(f"{kind} " for kind in NodeKind if kind not in (NodeKind.OPERATOR, NodeKind.MACHINE))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """`devices` and `groups` are how many are there before and after; None where nobody knows.

    `certificates` are names that need one and have none yet; Let's Encrypt issues MOST_NEW_NAMES a week for the domain of a
    tailnet. `restarts` are clusters whose operator starts anew, `replaced` declarations whose nodes become other nodes.
    """

    devices: tuple[int, int] | None = None
    groups: tuple[int, int] | None = None
    certificates: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def exceeds_certificates(self) -> bool:
        """Whether the certificates cannot all be had within a week."""
        return len(self.certificates) > MOST_NEW_NAMES

    @property
    def lines(self) -> tuple[str, ...]:
        """What there is to say, a sentence each; nothing where it costs nothing."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        for what, numbers in (("device", self.devices), ("group", self.groups)):
            if numbers is not None and numbers[0] != numbers[1]:
                more = numbers[1] - numbers[0]
                yield f"{counted(abs(more), what)} {'more' if more > 0 else 'fewer'}: {numbers[1]} instead of {numbers[0]}."
        if self.certificates:
            limit = f"Let's Encrypt issues {MOST_NEW_NAMES} a week for the tailnet's domain"
            verb = "is" if len(self.certificates) == 1 else "are"
            yield f"{counted(len(self.certificates), 'certificate')} {verb} newly issued; {limit}" + (
                ", so that the last ones come in later weeks." if self.exceeds_certificates else "."
            )
        if self.restarts:
            yield f"{_listed('The operator', 'The operators', self.restarts)} restart{'s' if len(self.restarts) == 1 else ''}."
        if self.replaced:
            one = len(self.replaced) == 1
            yield (
                f"{', '.join(self.replaced)}: {'its node is' if one else 'their nodes are'} replaced, and "
                f"{'has another address' if one else 'have other addresses'} afterwards."
            )


def cost_of(
    plan: Plan, *, devices: tuple[int, int] | None, names: Collection[str] = (), certified: Collection[str] = ()
) -> Cost:
    """What a plan costs. `devices` are how many there are before and after, `names` those that need a certificate and
    `certified` those that have one already."""
    groups = None
    if plan.policy is not None:
        counts = [len(read_policy(text or "{}").groups) for text in (plan.policy.before, plan.policy.after)]
        groups = counts[0], counts[1]
    return Cost(
        devices=devices,
        groups=groups,
        certificates=tuple(sorted(set(names) - set(certified))),
        restarts=tuple(
            sorted({change.declaration.removeprefix(OPERATOR_OF) for change in plan.changes if _restarts(change)})
        ),
        replaced=tuple(
            dict.fromkeys(
                change.declaration
                for change in plan.changes
                if change.op is Op.REPLACE and change.declaration.startswith(_NODES)
            )
        ),
    )


def touched_names(plan: Plan, tailnet: Tailnet, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names of which a plan creates, changes or replaces what was declared."""
    touched = {change.declaration for change in plan.changes if change.op not in (Op.DELETE, Op.FORGET)}
    declared = {
        node.fqdn: f"{OPERATOR_OF}{node.reference}" if node.kind is NodeKind.OPERATOR else str(node)
        for node in declared_nodes(tailnet)
    }
    for ingress in tailnet.ingresses:
        kind = "Tailscale Service" if ingress.is_shared else NodeKind.INGRESS
        declared[ingress.fqdn] = f"{kind} {ingress.reference}"
    return tuple(name for name in names if declared.get(name) in touched)


def _restarts(change: PlannedChange) -> bool:
    return (
        change.declaration.startswith(OPERATOR_OF)
        and change.kind in ("Helm release", OPERATOR_OF.strip())
        and change.op in (Op.UPDATE, Op.REPLACE)
        and change.change_class is not ChangeClass.NOISE
    )


def _listed(one: str, several: str, clusters: tuple[str, ...]) -> str:
    return f"{one if len(clusters) == 1 else several} of {', '.join(clusters)}"
