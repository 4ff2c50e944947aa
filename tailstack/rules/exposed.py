"""4xx: to whom something is exposed, and under how many names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tailstack.access.derive import some_of
from tailstack.access.entries import Entry
from tailstack.access.selectors import DANGER_ALL, MEMBER, SelectorKind
from tailstack.finding import Finding, Rule, Severity
from tailstack.rules.frames import web_ingress, web_service
from tailstack.rules.reaching import Exposed
from tailstack.rules.subject import Subject
from tailstack.topology.tailnet import Ingress
from tailstack.topology.wording import listed

_WEB = """clusters:
  blue:
    kubernetes: {context: x}
    ingress:
      web: {namespace: default, backend: {service: web, port: 80}FUNNEL}
"""
_BOTH = f"""# blue/web.yaml
{web_service("annotations: {tailscale.com/expose: " + '"true"HOSTNAME}')}---
{web_ingress()}"""

EXPOSED_TO_ALL = Rule(
    code="TS419",
    slug="exposed-to-all",
    severity=Severity.WARNING,
    what="Everything in the tailnet reaches something exposed, or every member does by an entry that does not name it.",
    why="Whoever joins the tailnet, and whatever is exposed by the same tag later, is in it too.",
    mend="Name who needs it, or grant it on its own tag or by its own name if it is meant for all.",
    source="https://tailscale.com/kb/1324/grants",
    bad=f'{_WEB.replace("FUNNEL", "")}access:\n  - {{name: all, from: [autogroup:member], to: ["*"], ports: ["tcp:443"]}}\n',
    good=f"{_WEB.replace('FUNNEL', '')}access:\n  - {{name: all, from: [autogroup:member], to: [{{ingress: blue.web}}]}}\n",
)
FUNNEL_PLUS_PRIVATE = Rule(
    code="TS420",
    slug="funnel-plus-private",
    severity=Severity.WARNING,
    what="Something open to the internet is granted to some of the tailnet only.",
    why="Whoever is not granted it reaches it from the internet all the same.",
    mend="Take Funnel out, or grant it to all members, so that nobody relies on the grant.",
    source="https://tailscale.com/kb/1223/funnel",
    bad=f"groups: {{group:ops: [ana@example.com]}}\n{_WEB.replace('FUNNEL', ', funnel: true')}"
    "access:\n  - {name: ops, from: [group:ops], to: [{ingress: blue.web}]}\n",
    good=f"groups: {{group:ops: [ana@example.com]}}\n{_WEB.replace('FUNNEL', ', funnel: true')}"
    "access:\n  - {name: all, from: [autogroup:member], to: [{ingress: blue.web}]}\n",
)
IDENTITY_SPLIT = Rule(
    code="TS423",
    slug="identity-split",
    severity=Severity.WARNING,
    what="A Service is exposed by itself and by an Ingress, and nobody chose a name for the one.",
    why="It is two nodes with two names, and grants and links of the one do not hold for the other.",
    mend="Expose it one way only, or give the Service a hostname of its own (`tailscale.com/hostname`).",
    source="https://github.com/tailscale/tailscale/issues/20604",
    bad=_BOTH.replace("HOSTNAME", ""),
    good=_BOTH.replace("HOSTNAME", ", tailscale.com/hostname: web-http"),
)
RULES = (EXPOSED_TO_ALL, FUNNEL_PLUS_PRIVATE, IDENTITY_SPLIT)

_ALL = frozenset({"*", DANGER_ALL, MEMBER})
_SHOWN = 3


def exposed_to_all(subject: Subject) -> Iterator[Finding]:
    """One finding for an entry, however much it opens. To name a thing alone for all members is meant, for `*` it is not.

    Under a posture it is not for all, and a policy without any rules has a finding already.
    """
    if subject.policy.policy.grants is None and subject.policy.policy.acls is None:
        return
    alone = _tags_of_one(subject)
    opened: dict[int, tuple[Entry, list[Exposed]]] = {}
    for exposed in subject.exposed:
        for entry in exposed.entries:
            wide = {source.name for source in entry.src} & _ALL
            if wide and not entry.postures and (wide != {MEMBER} or not _names(entry, exposed, alone)):
                opened.setdefault(id(entry), (entry, []))[1].append(exposed)
    for entry, several in opened.values():
        wide = [source.name for source in entry.src if source.name in _ALL]
        yield EXPOSED_TO_ALL.at(
            *subject.policy.sources(entry.place),
            *dict.fromkeys(exposed.declared.place for exposed in several[:_SHOWN]),
            message=f"{listed(wide)} may reach {some_of([str(exposed) for exposed in several])}, by "
            f"{subject.policy.declaration(entry.place)}.",
            expected="those who need it, or a destination that names it alone",
        )


def _names(entry: Entry, exposed: Exposed, alone: frozenset[str]) -> bool:
    """Whether an entry names this alone: its Tailscale Service, or a tag that nothing else wears."""
    declared = exposed.declared
    own = alone.intersection(declared.tags)
    return any(target.name == declared.tailscale_service or target.name in own for target in entry.dst)


def _tags_of_one(subject: Subject) -> frozenset[str]:
    """The tags that one node wears, or one Tailscale Service, and that no proxy gets by default."""
    by_default = {tag for cluster in subject.tailnet.clusters for tag in cluster.operator.proxy_tags}
    of_services = Counter(tag for _, tags in {(each.name, each.tags) for each in subject.services} for tag in tags)
    worn = Counter({tag: len(nodes) for tag, nodes in subject.wearers.items()}) + of_services
    return frozenset(tag for tag, wearers in worn.items() if wearers == 1 and tag not in by_default)


def funnel_plus_private(subject: Subject) -> Iterator[Finding]:
    """By entries for it alone, or under a posture: one that grants it among other things keeps nobody out of it.

    Neither do entries of tagged nodes: those are links, which go by names in the tailnet.
    """
    alone = _tags_of_one(subject)
    for exposed in subject.exposed:
        if not isinstance(exposed.declared, Ingress) or not exposed.declared.funnel:
            continue
        people = [entry for entry in exposed.entries if any(each.kind is not SelectorKind.TAG for each in entry.src)]
        is_open = any(_ALL & {source.name for source in entry.src} and not entry.postures for entry in people)
        private = [
            entry for entry in people if _names(entry, exposed, alone) and (len(entry.dst) == 1 or entry.postures)
        ]
        if private and not is_open:
            declarations = dict.fromkeys(subject.policy.declaration(entry.place) for entry in private)
            yield FUNNEL_PLUS_PRIVATE.at(
                exposed.declared.place,
                *dict.fromkeys(place for entry in private for place in subject.policy.sources(entry.place)),
                message=f"{exposed} is open to the internet, and {listed(declarations)} grants it to some only.",
                expected="either Funnel or a grant to some",
            )


def identity_split(subject: Subject) -> Iterator[Finding]:
    """Names that were both chosen are two on purpose, and one name for both is a clash, which has a rule of its own."""
    for cluster in subject.tailnet.clusters:
        exposures = {(each.namespace, each.service): each for each in cluster.exposures if each.has_default_hostname}
        for ingress in cluster.ingresses:
            exposure = exposures.get((ingress.namespace, ingress.backend_service))
            if exposure is not None and exposure.hostname.lower() != ingress.hostname.lower():
                yield IDENTITY_SPLIT.at(
                    exposure.place,
                    ingress.place,
                    message=f"Service {exposure.namespace}/{exposure.service} of {cluster.name} is {exposure.hostname} by "
                    f"itself, and {ingress.hostname} by its Ingress.",
                    expected="one of the two, or a hostname that was chosen for each",
                )


CHECKS = (exposed_to_all, funnel_plus_private, identity_split)
