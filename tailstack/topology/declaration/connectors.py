"""What leads out of the tailnet: subnet routes, and the domains of app connectors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic import Tag as WrittenAs

from tailstack.topology.declaration.base import BY_KIND, Declaration, Kind
from tailstack.topology.declaration.syntax import Cidr, Domain, SiteId


class SiteRoute(Declaration):
    """A range of addresses that another site has too: it is advertised as a range of IPv6 addresses of its own (4via6)."""

    cidr: Cidr = Field(description="The range of IPv4 addresses")
    site: SiteId = Field(description="The number of this site, another one for each range that overlaps")


RouteEntry = Annotated[Annotated[Cidr, WrittenAs(Kind.TEXT)] | Annotated[SiteRoute, WrittenAs(Kind.MAPPING)], BY_KIND]


class AppConnectorDeclaration(Declaration):
    """Domains of which the traffic of every node leaves through this one, from addresses that others can allow."""

    domains: list[Domain] = Field(
        min_length=1, description="The domains, each with those below it if it begins with *."
    )
    routes: list[Cidr] = Field(default_factory=list, description="Addresses of the domains that are known beforehand")
