"""What leads out of the tailnet: connectors and machines, with the ranges of addresses that they advertise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tailstack.access.addresses import DEFAULT_ROUTES, Span, parse_span
from tailstack.access.derived_attributes import APP_CONNECTORS
from tailstack.access.policy import Policy
from tailstack.access.selectors import TAGGED
from tailstack.plain import entries
from tailstack.topology.custom import Connector
from tailstack.topology.tailnet import Machine, Tailnet

Router: TypeAlias = Connector | Machine


def connectors_of(tailnet: Tailnet) -> Iterator[Connector]:
    """Those of this tailnet, and not of another one."""
    yield from (connector for connector in tailnet.connectors if connector.tailnet is None)


def routers_of(tailnet: Tailnet) -> Iterator[Router]:
    """The connectors of this tailnet, and the machines."""
    yield from connectors_of(tailnet)
    yield from tailnet.machines


def called(router: Router) -> str:
    """What a person calls it: `Connector blue.office`."""
    return f"{'Connector' if isinstance(router, Connector) else 'machine'} {router.reference}"


def host_names(router: Router) -> tuple[str, ...]:
    """The names that its nodes ask for."""
    return router.hostnames if isinstance(router, Connector) else (router.hostname,)


def is_app_connector(router: Router) -> bool:
    """Whether domains lead through it."""
    return router.app_connector if isinstance(router, Connector) else router.app_connector is not None


def declared_app_connectors(policy: Policy) -> Iterator[Mapping[str, Any]]:
    """Every app of an app connector that nodeAttrs declare: `name`, `connectors`, `domains`, `routes`, as far as it has them."""
    for attribute in policy.node_attributes:
        for app in attribute.app:
            if app.key == APP_CONNECTORS:
                yield from entries(app.value)


def routes_of(router: Router) -> tuple[str, ...]:
    """Every range that it advertises, those of its app connector too, as they are written."""
    if isinstance(router, Connector):
        return (*router.routes, *router.app_routes)
    return (*router.routes, *(router.app_connector.routes if router.app_connector is not None else ()))


def routes_with_spans(router: Router) -> Iterator[tuple[str, Span]]:
    """Each range that is one, with its text; the routes of exit nodes are another matter."""
    for text in dict.fromkeys(routes_of(router)):
        span = parse_span(text)
        if span is not None and "/" in text and span not in DEFAULT_ROUTES:
            yield text, span


def approving_routes(policy: Policy, route: str, tags: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of autoApprovers.routes by which nodes with these tags may advertise a route: such a key holds all of it."""
    wanted, approvers = parse_span(route), {TAGGED, *tags}
    return tuple(
        approved.name
        for approved in policy.auto_approvers.routes
        for span in (parse_span(approved.name),)
        if wanted is not None
        and span is not None
        and wanted in span
        and any(entry.name in approvers for entry in approved.entries)
    )
