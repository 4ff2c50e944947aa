"""Rules of Tailscale SSH. The way to port 22, without which they let nobody in, is granted from the same declarations.

https://tailscale.com/kb/1193/tailscale-ssh
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailstack.access.derive import Derived, Section
from tailstack.access.derived_grants import narrowed, recorder_fields
from tailstack.access.hujson import Buildable
from tailstack.access.nodes import DeclaredNode, tag_wearers
from tailstack.topology.tailnet import Tailnet


def ssh_rules(tailnet: Tailnet, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """One for each SSH entry, in the order of the files."""
    worn = tag_wearers(nodes)
    for ssh in tailnet.ssh:
        sides = {"src": narrowed(ssh.sources, worn), "dst": narrowed(ssh.destinations, worn)}
        rule: dict[str, Buildable] = {"action": str(ssh.action)}
        rule |= {side: list(selectors) for side, selectors in sides.items()}
        rule["users"] = ssh.users
        if ssh.check_period:
            rule["checkPeriod"] = ssh.check_period
        if ssh.accept_env:
            rule["acceptEnv"] = ssh.accept_env
        if ssh.src_posture:
            rule["srcPosture"] = ssh.src_posture
        if ssh.recording is not None:
            rule |= recorder_fields(ssh.recording, worn)
        yield Derived(
            section=Section.SSH,
            key=None,
            value=rule,
            is_spread=True,
            declaration=f"ssh: {ssh.name}",
            places=(ssh.place,),
            parts={
                (side, index): place
                for side, selectors in sides.items()
                for index, place in enumerate(selectors.values())
            },
        )
