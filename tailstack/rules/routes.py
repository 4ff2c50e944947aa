"""5xx: subnet routers, exit nodes and app connectors, as far as the tailnet's policy decides what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tailstack.access.addresses import DEFAULT_ROUTES, AddressSet, Span, parse_span
from tailstack.access.inventory import Node
from tailstack.access.selectors import DANGER_ALL, INTERNET, TAGGED, Selector
from tailstack.finding import Finding, Rule, Severity
from tailstack.plain import elements, texts
from tailstack.rules.routers import (
    Router,
    called,
    connectors_of,
    declared_app_connectors,
    host_names,
    is_app_connector,
    routers_of,
    routes_with_spans,
)
from tailstack.rules.subject import Subject
from tailstack.topology.custom import Connector
from tailstack.topology.wording import listed

_OWNERS = '"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}'


def _connector(cluster: str, spec: str) -> str:
    return (
        f"# {cluster}/connector.yaml\n"
        "apiVersion: tailscale.com/v1alpha1\n"
        "kind: Connector\n"
        f"metadata: {{name: {cluster}-net}}\n"
        f"spec: {{{spec}}}\n"
    )


def _policy(*parts: str) -> str:
    return "# policy.hujson\n{\n" + "".join(f"  {part},\n" for part in (_OWNERS, *parts)) + "}\n"


_LAN = _connector("blue", "subnetRouter: {advertiseRoutes: [10.1.0.0/16]}")
_EXIT = _connector("blue", "exitNode: true")
_APPS = _connector("blue", "appConnector: {}, tags: [tag:k8s]")


def _apps(connectors: str) -> str:
    return _policy(
        '"grants": []',
        '"nodeAttrs": [{"target": ["*"], "app": {"tailscale.com/app-connectors": [\n'
        f'    {{"name": "github", "connectors": {connectors}, "domains": ["github.com"]}}]}}}}]',
    )


ROUTE_NOT_APPROVED = Rule(
    code="TS501",
    slug="route-not-approved",
    what="A Connector or a machine advertises a subnet that nothing approves.",
    why="ConnectorReady is True, and the route waits in the admin console: no traffic takes it.",
    mend="Add the prefix with a tag of the node to autoApprovers.routes.",
    source="https://tailscale.com/kb/1441/kubernetes-operator-connector",
    bad=_LAN + _policy('"grants": []', '"autoApprovers": {"routes": {"10.2.0.0/16": ["tag:k8s"]}}'),
    good=_LAN + _policy('"grants": []', '"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:k8s"]}}'),
)
EXIT_NOT_APPROVED = Rule(
    code="TS502",
    slug="exit-not-approved",
    what="A Connector or a machine is to be an exit node, and nothing approves it.",
    why="ConnectorReady is True, and nobody can choose the exit node until an admin approves it.",
    mend="Add a tag of the node to autoApprovers.exitNode.",
    source="https://tailscale.com/kb/1441/kubernetes-operator-connector",
    bad=_EXIT + _policy('"grants": []', '"autoApprovers": {"routes": {"0.0.0.0/0": ["tag:k8s"]}}'),
    good=_EXIT + _policy('"grants": []', '"autoApprovers": {"exitNode": ["tag:k8s"]}'),
)
ROUTE_OVERLAP = Rule(
    code="TS503",
    slug="route-overlap",
    what="Connectors of two clusters advertise overlapping subnets.",
    why="Tailscale takes them for ways into one network: traffic fails over between networks that are none, in silence.",
    mend="Advertise 4via6 prefixes with a site of its own for each cluster (`tailscale debug via <site> <prefix>`).",
    source="https://tailscale.com/kb/1201/4via6-subnets",
    bad=_connector("blue", "subnetRouter: {advertiseRoutes: [10.42.0.0/16]}")
    + _connector("green", "subnetRouter: {advertiseRoutes: [10.42.0.0/16]}"),
    good=_connector("blue", "subnetRouter: {advertiseRoutes: [10.42.0.0/16]}")
    + _connector("green", "subnetRouter: {advertiseRoutes: [10.43.0.0/16]}"),
)
CONNECTOR_NAMES = Rule(
    code="TS506",
    slug="connector-replicas-names",
    severity=Severity.WARNING,
    what="Several replicas of a Connector ask for one name.",
    why="All but one get a number behind it (`lan-connector-1`), and which one is which changes.",
    mend="Set `hostnamePrefix`.",
    source="https://github.com/tailscale/tailscale/blob/main/k8s-operator/apis/v1alpha1/types_connector.go",
    bad=_connector("blue", "exitNode: true, replicas: 2"),
    good=_connector("blue", "exitNode: true, replicas: 2, hostnamePrefix: exit"),
)
APP_CONNECTOR_POLICY = Rule(
    code="TS507",
    slug="appconnector-policy",
    what="No app of the policy file uses an app connector, or those that do have no domains.",
    why="Without domains there is nothing for it to route, and no traffic ever reaches it.",
    mend="List a tag of the Connector under `connectors` of an app with `domains`, in nodeAttrs.",
    source="https://tailscale.com/kb/1342/how-app-connectors-work",
    bad=_APPS + _apps('["tag:other"]'),
    good=_APPS + _apps('["tag:k8s"]'),
)
ROUTE_NO_GRANT = Rule(
    code="TS508",
    slug="route-no-grant",
    severity=Severity.WARNING,
    what="Nobody may reach what a Connector or a machine routes.",
    why="The route is there, and every packet to it is dropped.",
    mend="Grant the prefix to those who need it; for an exit node, grant autogroup:internet.",
    source="https://tailscale.com/kb/1441/kubernetes-operator-connector",
    bad=_LAN + _policy('"grants": [{"src": ["tag:k8s"], "dst": ["tag:k8s"], "ip": ["*"]}]'),
    good=_LAN + _policy('"grants": [{"src": ["tag:k8s"], "dst": ["10.1.2.0/24"], "ip": ["*"]}]'),
)

RULES = (
    ROUTE_NOT_APPROVED,
    EXIT_NOT_APPROVED,
    ROUTE_OVERLAP,
    CONNECTOR_NAMES,
    APP_CONNECTOR_POLICY,
    ROUTE_NO_GRANT,
)


def _is_approver(approvers: Iterable[Selector], router: Router) -> bool:
    return not {approver.name for approver in approvers}.isdisjoint({TAGGED, *router.tags})


def _sentence(router: Router) -> str:
    """What it is called where a sentence begins."""
    name = called(router)
    return name[:1].upper() + name[1:]


def _live(subject: Subject, router: Router) -> Iterator[Node]:
    """The devices that it is already."""
    devices = subject.live_devices
    for hostname in host_names(router):
        if hostname.lower() in devices:
            yield devices[hostname.lower()]


def route_not_approved(subject: Subject) -> Iterator[Finding]:
    """An approver of a prefix approves what lies in it. What an admin approved by hand, facts may tell."""
    approvers = [(parse_span(approved.name), approved) for approved in subject.policy.policy.auto_approvers.routes]
    for router in routers_of(subject.tailnet):
        approved = [span for span, entry in approvers if span is not None and _is_approver(entry.entries, router)]
        by_hand = [route for device in _live(subject, router) for route in device.routes]
        missing = [
            text
            for text, span in routes_with_spans(router)
            if not any(span in known for known in (*approved, *by_hand))
        ]
        if missing:
            near = [
                place
                for span, entry in approvers
                if span is not None
                and any(span.overlaps(one) for text, one in routes_with_spans(router) if text in missing)
                for place in subject.policy.sources(entry.place)
            ]
            yield ROUTE_NOT_APPROVED.at(
                router.place,
                *dict.fromkeys(near),
                message=f"{_sentence(router)} advertises {listed(missing)}, and nothing lets "
                f"{listed(router.tags)} do that without an admin.",
                expected="an entry of autoApprovers.routes that holds the prefix and lists a tag of the Connector",
                mend=f'Add "{missing[0]}": ["{router.tags[0] if router.tags else "tag:..."}"] to autoApprovers.routes'
                f"{' and likewise for the others' if len(missing) > 1 else ''}.",
            )


def exit_not_approved(subject: Subject) -> Iterator[Finding]:
    """The prefix 0.0.0.0/0 among autoApprovers.routes does not stand for an exit node."""
    approvers = subject.policy.policy.auto_approvers.exit_node
    for router in routers_of(subject.tailnet):
        is_exit = router.exit_node or any(parse_span(route) in DEFAULT_ROUTES for route in router.routes)
        if not is_exit or _is_approver(approvers, router):
            continue
        if not any(device.is_exit_node for device in _live(subject, router)):
            yield EXIT_NOT_APPROVED.at(
                router.place,
                message=f"{_sentence(router)} is to be an exit node, and nothing lets {listed(router.tags)} "
                "be one without an admin.",
                expected="a tag of the Connector in autoApprovers.exitNode",
            )


def route_overlap(subject: Subject) -> Iterator[Finding]:
    """In order of their first addresses, so that each prefix is compared with those only that are still open.

    Each pair of Connectors is named once. The routes of one cluster are one network, however they are split.
    """
    spans = sorted(
        (
            (span, text, connector)
            for connector in connectors_of(subject.tailnet)
            for text, span in routes_with_spans(connector)
        ),
        key=lambda found: (found[0].family, found[0].low, -found[0].high),
    )
    said: set[tuple[str, str]] = set()
    open_spans: list[tuple[Span, str, Connector]] = []
    for span, text, connector in spans:
        open_spans = [found for found in open_spans if found[0].overlaps(span)]
        for _, other_text, other in open_spans:
            pair = (other.reference, connector.reference)
            if other.cluster != connector.cluster and pair not in said:
                said.add(pair)
                yield ROUTE_OVERLAP.at(
                    connector.place,
                    other.place,
                    message=f"Connector {connector.reference} advertises {text}, and Connector {other.reference} of another "
                    f"cluster {other_text}.",
                    expected="prefixes that do not overlap between clusters",
                )
        open_spans.append((span, text, connector))


def connector_names(subject: Subject) -> Iterator[Finding]:
    """With neither a hostname nor a prefix."""
    for connector in connectors_of(subject.tailnet):
        if connector.replicas > 1 and len(set(connector.hostnames)) == 1:
            yield CONNECTOR_NAMES.at(
                connector.place,
                message=f"The {connector.replicas} replicas of Connector {connector.reference} all ask for the name "
                f"{connector.hostnames[0]}.",
                expected="`hostnamePrefix`, from which each replica gets a name of its own",
            )


def app_connector_policy(subject: Subject) -> Iterator[Finding]:
    """Apps name their connectors by tags; `*` stands for all of them."""
    served = set(_served(subject))
    for connector in connectors_of(subject.tailnet):
        if connector.app_connector and served.isdisjoint({"*", *connector.tags}):
            yield APP_CONNECTOR_POLICY.at(
                connector.place,
                message=f"No app with domains lists {listed(connector.tags)} as its connector, so {connector.reference} has "
                "nothing to route.",
                expected='an entry of nodeAttrs with "tailscale.com/app-connectors", this tag under `connectors` and `domains`',
            )


def _served(subject: Subject) -> Iterator[str]:
    """Every connector of an app that has domains or routes."""
    for app in declared_app_connectors(subject.policy.policy):
        if elements(app.get("domains")) or elements(app.get("routes")):
            yield from texts(app.get("connectors"))


def route_no_grant(subject: Subject) -> Iterator[Finding]:
    """A grant on a part of the prefix is taken for what is meant. An app connector's routes come and go with its domains."""
    granted, names = _granted(subject)
    for router in routers_of(subject.tailnet):
        closed = [text for text, span in routes_with_spans(router) if not granted.overlaps(span)]
        if closed and not is_app_connector(router) and "*" not in names:
            yield ROUTE_NO_GRANT.at(
                router.place,
                message=f"Nobody may reach {listed(closed)}, which {called(router)} routes.",
                expected="a grant with the prefix, or a part of it, as its destination",
            )
        if router.exit_node and names.isdisjoint({"*", INTERNET, DANGER_ALL}):
            yield ROUTE_NO_GRANT.at(
                router.place,
                message=f"Nobody may reach the internet by {called(router)}, an exit node.",
                expected="a grant with the destination autogroup:internet",
            )


def _granted(subject: Subject) -> tuple[AddressSet, set[str]]:
    """All addresses and all names that entries with ports lead to."""
    spans: list[Span] = []
    names: set[str] = set()
    for entry in subject.access.entries:
        if entry.ports:
            for selector in entry.dst:
                names.add(selector.name)
                spans += subject.access.names.addresses(selector)
    return AddressSet.of(spans), names


CHECKS = (
    route_not_approved,
    exit_not_approved,
    route_overlap,
    connector_names,
    app_connector_policy,
    route_no_grant,
)
