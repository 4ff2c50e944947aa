"""The tailnet's DNS settings."""

from __future__ import annotations

import pytest

from tests.sandbox.api.conftest import StandIn

DNS = "tailnet/-/dns"


def test_nameservers_are_replaced_and_the_last_takes_magic_dns_with_it(stand_in: StandIn) -> None:
    assert stand_in.admin.get(f"{DNS}/nameservers").json == {"dns": []}
    servers = ["8.8.8.8", "2001:4860:4860::8888", "https://dns.example.com/q"]
    assert stand_in.admin.post(f"{DNS}/nameservers", {"dns": servers}).json == {"dns": servers, "magicDNS": False}
    assert stand_in.admin.post(f"{DNS}/preferences", {"magicDNS": True}).json == {"magicDNS": True}
    assert stand_in.admin.post(f"{DNS}/nameservers", {"dns": ["1.1.1.1"]}).json == {
        "dns": ["1.1.1.1"],
        "magicDNS": True,
    }
    assert stand_in.admin.post(f"{DNS}/nameservers", {"dns": []}).json == {"dns": [], "magicDNS": False}
    assert stand_in.admin.post(f"{DNS}/nameservers", {"dns": ["dns.example.com"]}).status == 400


def test_whether_magic_dns_needs_a_nameserver_can_be_chosen(stand_in: StandIn) -> None:
    assert stand_in.admin.post(f"{DNS}/preferences", {"magicDNS": True}).status == 200
    stand_in.client.change_behaviour(magicDNSNeedsNameserver=True)
    assert stand_in.admin.post(f"{DNS}/preferences", {"magicDNS": True}).status == 400
    assert stand_in.admin.post(f"{DNS}/configuration", {"preferences": {"magicDNS": True}}).status == 400
    assert stand_in.admin.post(f"{DNS}/preferences", {"magicDNS": False}).status == 200
    stand_in.admin.post(f"{DNS}/nameservers", {"dns": ["8.8.8.8"]})
    assert stand_in.admin.post(f"{DNS}/preferences", {"magicDNS": True}).status == 200


def test_search_paths_are_replaced(stand_in: StandIn) -> None:
    assert stand_in.admin.post(f"{DNS}/searchpaths", {"searchPaths": ["a.com", "b.com"]}).status == 200
    assert stand_in.admin.get(f"{DNS}/searchpaths").json == {"searchPaths": ["a.com", "b.com"]}


def test_split_dns_is_merged_by_patch_and_replaced_by_put(stand_in: StandIn) -> None:
    path = f"{DNS}/split-dns"
    assert stand_in.admin.patch(path, {"a.com": ["10.0.0.1"], "b.com": ["10.0.0.2"]}).status == 200
    assert stand_in.admin.patch(path, {"a.com": None, "c.com": ["10.0.0.3"]}).json == {
        "b.com": ["10.0.0.2"],
        "c.com": ["10.0.0.3"],
    }
    assert stand_in.admin.patch(path, {"b.com": []}).json == {"c.com": ["10.0.0.3"]}
    assert stand_in.admin.put(path, {"d.com": ["10.0.0.4"]}).json == {"d.com": ["10.0.0.4"]}
    assert stand_in.admin.put(path, {}).json == {}
    assert stand_in.admin.get(path).json == {}


def test_the_configuration_holds_all_of_it(stand_in: StandIn) -> None:
    configuration = {
        "nameservers": [{"address": "8.8.8.8"}, {"address": "1.1.1.1", "useWithExitNode": True}],
        "splitDNS": {"a.com": [{"address": "10.0.0.1", "useWithExitNode": True}]},
        "searchPaths": ["a.com"],
        "preferences": {"overrideLocalDNS": True, "magicDNS": True},
    }
    assert stand_in.admin.post(f"{DNS}/configuration", configuration | {"unknown": 1}).json == configuration
    assert stand_in.admin.get(f"{DNS}/configuration").json == configuration
    dns = stand_in.client.dns()
    assert (dns.magic_dns, dns.nameservers) == (True, ("8.8.8.8", "1.1.1.1"))
    assert (dns.search_paths, dns.split_dns) == (("a.com",), {"a.com": ("10.0.0.1",)})
    cleared: dict[str, object] = {
        "nameservers": [],
        "splitDNS": {},
        "searchPaths": [],
        "preferences": {"overrideLocalDNS": False, "magicDNS": False},
    }
    assert stand_in.admin.post(f"{DNS}/configuration", {}).json == cleared
    assert stand_in.admin.post(f"{DNS}/configuration", {"nameservers": ["8.8.8.8"]}).status == 400


@pytest.mark.parametrize("path", ["nameservers", "preferences", "searchpaths", "configuration"])
def test_reading_and_writing_need_the_dns_scopes(stand_in: StandIn, path: str) -> None:
    reader = stand_in.oauth("dns:read")
    assert reader.get(f"{DNS}/{path}").status == 200
    assert reader.post(f"{DNS}/{path}", {}).status == 403
    assert stand_in.oauth("users").get(f"{DNS}/{path}").status == 403
    assert stand_in.oauth("dns").post(f"{DNS}/{path}", {}).status == 200
