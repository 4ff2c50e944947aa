"""Several environments in one tailnet: who names whom, what must be equal, and what they are together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tailstack.finding import InvalidTailnetError, Place, Rule
from tailstack.topology.custom import ProxyGroup, ProxyGroupKind
from tailstack.topology.extras import Contacts, Extras
from tailstack.topology.loading import UNKNOWN_ENVIRONMENT, resolve_files
from tailstack.topology.sharing import (
    CONFLICTING_ENVIRONMENTS,
    ONE_SIDED_GUEST,
    SETTINGS_OF_GUEST,
    SHARED_CLUSTER_NAME,
    UNEQUAL_TAILNETS,
    Shared,
    environment_of,
    load_shared,
    services_in,
)
from tailstack.topology.tailnet import DeviceSettings, Machine, Tailnet, TailscaleService
from tests.topology.marked import AT

OWNER = """
tailnet: {dnsName: tail1a2b.ts.net, policy: {guests: [dev]}}
groups: {group:ops: [ana@example.com]}
machines: {ci: {tags: [tag:ci]}}
clusters:
  blue: {kubernetes: {context: blue}, operator: {chart: {version: "1.102.3"}}}
"""
GUEST = """
tailnet: {dnsName: tail1a2b.ts.net, guestOf: production}
groups: {group:ops: [ana@example.com], group:dev: [li@example.com]}
machines: {ci: {tags: [tag:ci]}}
clusters:
  lab: {kubernetes: {context: lab}, operator: {chart: {version: "1.102.3"}}}
"""


def load(environment: str, **texts: str) -> Shared:
    texts = {"production": OWNER, "dev": GUEST} | texts
    files = {f"stacks/{name}/main.yaml": text for name, text in texts.items()}
    return load_shared(environment, lambda name: resolve_files(files, name, AT))


def refused(environment: str = "production", **texts: str) -> list[tuple[Rule, str, tuple[str, ...]]]:
    """Each finding: its rule, its message, and the environments of its places."""
    with pytest.raises(InvalidTailnetError) as error:
        load(environment, **texts)
    return [(f.rule, f.message, tuple(environment_of(place) for place in f.places)) for f in error.value.findings]


def only(found: list[tuple[Rule, str, tuple[str, ...]]]) -> tuple[Rule, str, tuple[str, ...]]:
    (one,) = found
    return one


def test_an_environment_of_its_own_is_the_whole() -> None:
    shared = load("alone", alone=OWNER.replace(", policy: {guests: [dev]}", ""))
    assert shared.whole is shared.own


def test_owner_and_guest_are_in_the_same_whole() -> None:
    of_owner, of_guest = load("production"), load("dev")
    assert of_owner.own.environment == "production"
    assert of_guest.own.environment == "dev"
    for whole in (of_owner.whole, of_guest.whole):
        assert whole.environment == "production"
        assert [cluster.name for cluster in whole.clusters] == ["blue", "lab"]
        assert [group.name for group in whole.groups] == ["group:ops", "group:dev"]
        assert [machine.name for machine in whole.machines] == ["ci"], "what both declare alike is there once"
        assert whole.files == ("stacks/production/main.yaml", "stacks/dev/main.yaml")


@pytest.mark.parametrize(
    ("place", "of_owner", "of_guest"),
    [
        ("stacks/production/main.yaml", True, False),
        ("stacks/production/base.hujson", True, False),
        ("stacks/dev/main.yaml", False, True),
        ("policy.hujson", True, False),
    ],
)
def test_what_is_found_concerns_the_environment_in_which_it_stands(
    place: str, *, of_owner: bool, of_guest: bool
) -> None:
    places = [Place(place, 1, 1)]
    assert load("production").concerns(places) is of_owner
    assert load("dev").concerns(places) is of_guest


def test_what_stands_in_both_concerns_both() -> None:
    places = [Place("stacks/dev/main.yaml", 1, 1), Place("stacks/production/main.yaml", 1, 1)]
    assert load("production").concerns(places)
    assert load("dev").concerns(places)


def test_what_has_no_place_concerns_the_owner() -> None:
    assert load("production").concerns([])
    assert not load("dev").concerns([])


@pytest.mark.parametrize("environment", ["production", "dev"])
def test_each_names_the_other(environment: str) -> None:
    no_guest = GUEST.replace(", guestOf: production", "")
    if environment == "production":
        assert only(refused(environment, dev=no_guest)) == (
            ONE_SIDED_GUEST,
            "production names dev as a guest, and dev owns its tailnet itself.",
            ("production", "dev"),
        )
    assert only(refused("dev", production=OWNER.replace("[dev]", "[]"))) == (
        ONE_SIDED_GUEST,
        "dev is a guest of production, which does not name it.",
        ("dev", "production"),
    )


def test_a_guest_has_one_owner_who_is_no_guest() -> None:
    other = OWNER.replace("tail1a2b", "tail9z9z")
    found = refused(dev=GUEST.replace("guestOf: production", "guestOf: other"), other=other)
    assert only(found)[:2] == (
        ONE_SIDED_GUEST,
        "production names dev as a guest, and dev says that it is one of other.",
    )
    chained = OWNER.replace("{dnsName", "{guestOf: other, dnsName")
    found = refused("dev", production=chained, other=OWNER.replace("[dev]", "[production]").replace("blue", "red"))
    assert (ONE_SIDED_GUEST, "dev is a guest of production, which is one itself.") in [one[:2] for one in found]


def test_an_environment_that_there_is_not_is_told_at_the_tailnet_that_names_it() -> None:
    rule, message, places = only(refused(production=OWNER.replace("[dev]", "[dev, stage]")))
    assert rule is UNKNOWN_ENVIRONMENT
    assert "stage" in message
    assert places == ("production",)
    assert only(refused("dev", dev=GUEST.replace("production", "nowhere")))[2] == ("dev",)


def test_mistakes_of_the_others_are_told_where_they_are() -> None:
    found = refused("production", dev=GUEST.replace("context: lab", "contxt: lab"))
    assert {places for _, _, places in found} == {("dev",)}


def test_clusters_have_different_names() -> None:
    assert only(refused(dev=GUEST.replace("  lab:", "  blue:"))) == (
        SHARED_CLUSTER_NAME,
        "production and dev both have a cluster called blue.",
        ("dev", "production"),
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("group:ops: [ana", "group:ops: [li", 'The group "group:ops" is not the same in production and dev.'),
        ("group:ops: [ana@example.com]", "group:ops: {synced: true}", 'The group "group:ops" is not the same'),
        ("tags: [tag:ci]", "tags: [tag:ci2]", 'The machine "ci" is not the same in production and dev.'),
        ("tags: [tag:ci]", "tags: [tag:ci], hostname: ci-2", 'The machine "ci" is not the same in production and dev.'),
    ],
)
def test_what_both_declare_is_the_same_in_both(before: str, after: str, said: str) -> None:
    rule, message, places = only(refused(dev=GUEST.replace(before, after)))
    assert rule is CONFLICTING_ENVIRONMENTS
    assert message.startswith(said)
    assert places == ("dev", "production")


def test_postures_are_the_same_in_both() -> None:
    mac = "postures: {posture:mac: [node:os == 'macos']}\n"
    assert load("dev", production=OWNER + mac, dev=GUEST + mac).whole.postures[1:] == ()
    found = refused(production=OWNER + mac, dev=GUEST + mac.replace("macos", "linux"))
    assert only(found)[1] == 'The posture "posture:mac" is not the same in production and dev.'


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("tail1a2b", "tail3c4d", "dnsName is tail1a2b.ts.net in production and tail3c4d.ts.net in dev."),
        ("{dnsName", "{magicDNS: false, dnsName", "magicDNS is true in production and false in dev."),
    ],
)
def test_both_describe_the_same_tailnet(before: str, after: str, said: str) -> None:
    assert only(refused(dev=GUEST.replace(before, after))) == (UNEQUAL_TAILNETS, said, ("dev", "production"))


def with_guest(**changes: object) -> list[Rule]:
    """The rules that a guest breaks with other fields."""
    known = {name: load(name).own for name in ("production", "dev")}
    known["dev"] = replace(known["dev"], **changes)
    with pytest.raises(InvalidTailnetError) as error:
        load_shared("production", partial(dict[str, Tailnet].__getitem__, known))
    return [finding.rule for finding in error.value.findings]


def test_a_tailscale_service_is_of_one_environment() -> None:
    known = {name: load(name).own for name in ("production", "dev")}
    group = ProxyGroup(
        cluster="x",
        name="api",
        kind=ProxyGroupKind.KUBE_API_SERVER,
        replicas=1,
        tags=(),
        hostname_prefix="api",
        hostname="api",
        place=Place("stacks/x/main.yaml", 3, 1),
    )

    def serving(tailnet: Tailnet, *groups: ProxyGroup, services: tuple[TailscaleService, ...] = ()) -> Tailnet:
        (cluster,) = tailnet.clusters
        custom = replace(cluster.custom, proxy_groups=groups)
        return replace(tailnet, clusters=(replace(cluster, custom=custom),), services=services)

    service = TailscaleService(
        name="svc:pay",
        fqdn="pay.tail1a2b.ts.net",
        ports=(),
        tags=(),
        backends=(),
        machines=(),
        consumers=None,
        place=Place("stacks/dev/main.yaml", 4, 1),
    )
    both = {"production": serving(known["production"], group), "dev": serving(known["dev"], group)}
    with pytest.raises(InvalidTailnetError) as error:
        load_shared("production", both.__getitem__)
    assert [f.message for f in error.value.findings] == ["production and dev both have the Tailscale Service svc:api."]
    plain = replace(group, hostname=None)
    others = {
        "production": serving(known["production"], plain),
        "dev": serving(known["dev"], plain, group, services=(service,)),
    }
    assert [one.name for one in load_shared("production", others.__getitem__).whole.services] == ["svc:pay"]
    machine = Machine(name="nas", hostname="nas", fqdn="nas.tail1a2b.ts.net", tags=(), place=service.place)
    others["dev"] = serving(known["dev"], services=(replace(service, machines=(machine,)),))
    with pytest.raises(InvalidTailnetError, match="svc:pay with machines behind it"):
        load_shared("production", others.__getitem__)


def test_exposures_through_a_proxy_group_are_services_too() -> None:
    (cluster,) = load(
        "dev",
        dev=GUEST.replace(
            '"1.102.3"}}}', '"1.102.3"}}, expose: {a: {namespace: x, ports: [tcp:80], selector: {a: b}}}}'
        ),
    ).own.clusters
    (exposure,) = cluster.exposures
    assert list(services_in(cluster)) == []
    served = replace(cluster, exposures=(replace(exposure, proxy_group="in"),))
    assert list(services_in(served)) == [("svc:lab-a", exposure.place)]


def test_a_guest_declares_nothing_of_the_whole_tailnet() -> None:
    here = Place("stacks/dev/main.yaml", 1, 1)
    machine = Machine(name="nas", hostname="nas", fqdn="nas.tail1a2b.ts.net", tags=(), place=here)
    assert with_guest(extras=Extras(contacts=Contacts(place=here))) == [SETTINGS_OF_GUEST]
    assert with_guest(machines=(replace(machine, device=DeviceSettings(tags=True)),)) == [SETTINGS_OF_GUEST]
    assert SETTINGS_OF_GUEST in with_guest(guests=("stage",))
