"""The engine's events as progress: which cluster a step is about and which part of it, in the words of the declaration.

with progress_of("Applying production", clusters) as progress, following(progress, clusters) as on_event:
    outcome = engine.up(stack, on_event=on_event)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tailstack.commands.progress import TAILNET, Progress, State
from tailstack.engine.events import Event, Phase, Step
from tailstack.engine.wording import describe

_OPERATOR = "operator"
_OTHERS = "others"

_SECTIONS: Mapping[str, str] = {
    "operator": _OPERATOR,
    "crd": _OPERATOR,
    "expose": "exposures",
    "ingress": "ingresses",
    "egress": "egresses",
    "services": "services",
    "bind": "role bindings",
    **dict.fromkeys(
        (
            *("proxyGroups", "connectors", "recorders", "peerRelays"),
            *("proxyClasses", "proxyGroupPolicies", "dnsConfig", "tailnets"),
        ),
        "custom resources",
    ),
}
"""What the sections of a cluster are shown as. They are the middle of the names of its resources: `blue.expose.nginx`."""

_OF_THE_TAILNET: Mapping[str, str] = {
    "Acl": "policy file",
    "OauthClient": "credentials",
    "FederatedIdentity": "credentials",
    "TailnetKey": "credentials",
    "DeviceAuthorization": "machines",
    "DeviceTags": "machines",
    "DeviceSubnetRoutes": "machines",
    "DeviceKey": "machines",
    "Service": "services",
    "Webhook": "integrations",
    "LogstreamConfiguration": "integrations",
    "PostureIntegration": "integrations",
    "AwsExternalId": "integrations",
    "TailnetSettings": "settings",
    "Contacts": "settings",
    "DnsPreferences": "settings",
    "DnsConfiguration": "settings",
}

_DONE: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "created anew",
    "delete-replaced": "the old one deleted",
    "import": "imported",
}
"""What the engine's words for steps that change something mean. Any other, such as `same` or `read`, changes nothing."""


@contextmanager
def following(
    progress: Progress, clusters: Collection[str], *, is_plan: bool = False
) -> Generator[Callable[[Event], None]]:
    """What to call with each event of a run of the engine. `is_plan`: nothing is changed, and what would be is said.

    When the `with` ends, each part that came to its end is counted, and one that did not stays as it was.
    """
    followed = _Followed(progress=progress, clusters=frozenset(clusters), is_plan=is_plan)
    yield followed.follow
    followed.finish()


@contextmanager
def counting(progress: Progress, clusters: Collection[str], column: str) -> Generator[Callable[[Event], None]]:
    """The same for a run that only looks: each row has this one column, which counts what has been looked at.

    What it finds is not told: that is for the report, which knows what of it is noise. When the `with` ends, each row is done
    of which all was seen that was begun.
    """
    begun: dict[str, set[str]] = {}
    seen: dict[str, set[str]] = {}
    failed: set[str] = set()

    def count(event: Event) -> None:
        if not isinstance(event, Step) or not event.type.startswith(("kubernetes:", "tailscale:")):
            return
        row, _ = part_of(event, clusters)
        is_first = row not in begun
        begun.setdefault(row, set()).add(event.urn)
        if event.phase is Phase.FAILED:
            failed.add(row)
            progress.step(row, column, State.FAILED, f"{describe(event)} failed")
        if event.phase is Phase.DONE:
            seen.setdefault(row, set()).add(event.urn)
        if row not in failed:
            progress.step(row, column, State.RUNNING, _looked_at(seen.get(row, ())), quiet=not is_first)

    yield count
    for row, urns in begun.items():
        if row not in failed and seen.get(row) == urns:
            progress.step(row, column, State.DONE, _looked_at(urns))


def _looked_at(urns: Collection[str]) -> str:
    return f"{len(urns)} looked at" if urns else ""


@dataclass(kw_only=True, slots=True)
class _Part:
    """One part of a cluster: the resources that are worked on, those that are done, and whether one failed."""

    pending: set[str] = field(default_factory=set[str])
    seen: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    has_failed: bool = False

    @property
    def state(self) -> State:
        if self.has_failed:
            return State.FAILED
        return State.RUNNING if self.pending else State.DONE


@dataclass(kw_only=True, slots=True)
class _Followed:
    progress: Progress
    clusters: frozenset[str]
    is_plan: bool
    parts: dict[tuple[str, str], _Part] = field(default_factory=dict[tuple[str, str], _Part])

    def follow(self, event: Event) -> None:
        if not isinstance(event, Step) or not event.type.startswith(("kubernetes:", "tailscale:")):
            return
        place = part_of(event, self.clusters)
        is_first = place not in self.parts
        part = self.parts.setdefault(place, _Part())
        change = _DONE.get(event.op)
        match event.phase:
            case Phase.STARTED:
                part.pending.add(event.urn)
                note = describe(event) if change is not None and not is_first else ""
                self.progress.step(*place, part.state, note, quiet=not is_first)
            case Phase.DONE:
                part.pending.discard(event.urn)
                part.seen.add(event.urn)
                if change is not None:
                    part.changed.add(event.urn)
                # Why a part failed stays, whatever of it goes on.
                if change is not None and not part.has_failed:
                    note = f"{describe(event)} {'to be ' if self.is_plan else ''}{change}"
                    self.progress.step(*place, State.RUNNING, note)
                self.progress.step(*place, part.state, quiet=True)
            case Phase.FAILED:
                part.pending.discard(event.urn)
                part.has_failed = True
                self.progress.step(*place, State.FAILED, f"{describe(event)} failed")

    def finish(self) -> None:
        for place, part in self.parts.items():
            if part.state is State.DONE:
                word = "to be changed" if self.is_plan else "changed"
                self.progress.step(*place, State.DONE, f"{len(part.changed)} of {len(part.seen)} {word}")


def part_of(step: Step, clusters: Collection[str]) -> tuple[str, str]:
    """The row and the column that a step of the engine belongs to: a cluster, or `TAILNET`, and a part of it.

    The provider of a Kubernetes object is called after its cluster, also where nobody has said which clusters there are.
    """
    cluster, _, rest = step.name.partition(".")
    section = rest.partition(".")[0]
    is_object = step.type.startswith("kubernetes:") and step.provider != ""
    if section in _SECTIONS and (cluster in clusters or (is_object and cluster == step.provider)):
        return cluster, _SECTIONS[section]
    if is_object:
        return step.provider, _OTHERS
    kind = step.type.rpartition(":")[2] if step.type.startswith("tailscale:") else ""
    return TAILNET, _OF_THE_TAILNET.get(kind, _OTHERS)
