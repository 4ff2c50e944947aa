"""Some sixty ways to get a tailnet wrong (or merely other): each takes its files and gives changed ones, with what was changed.

A mutation of declarations works on the YAML as data, one of manifests or of a policy file on what it can find there. Where a
topology has nothing of the kind, a mutation gives nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeAlias

import yaml

Files: TypeAlias = "dict[str, str]"
Data: TypeAlias = "dict[str, Any]"
Mutant: TypeAlias = "tuple[str, Files]"
Mutation: TypeAlias = "Callable[[Files], Iterator[Mutant]]"

KINDS = ("expose", "ingress", "egress")
CUSTOM = ("proxyGroups", "proxyClasses", "connectors", "recorders", "peerRelays")


def _declared(files: Files) -> Iterator[tuple[str, Data]]:
    for name, text in files.items():
        if name.endswith(".yaml") and "/" not in name:
            yield name, yaml.safe_load(text)


def _objects(files: Files) -> Iterator[tuple[str, list[Data]]]:
    for name, text in files.items():
        if "/" in name:
            yield name, list(yaml.safe_load_all(text))


def _with(files: Files, name: str, data: Data | list[Data]) -> Files:
    dumped = (
        yaml.safe_dump_all(data, sort_keys=False) if isinstance(data, list) else yaml.safe_dump(data, sort_keys=False)
    )
    return {**files, name: dumped}


def _edited(files: Files, find: Callable[[Data], Iterator[tuple[str, Callable[[Data], None]]]]) -> Iterator[Mutant]:
    """One mutant for each edit that is found in a file of declarations."""
    for name, data in _declared(files):
        for label, edit in find(data):
            changed = copy.deepcopy(data)
            edit(changed)
            yield label, _with(files, name, changed)


def _things(data: Data, *kinds: str) -> Iterator[tuple[str, str, str]]:
    for cluster, declared in data.get("clusters", {}).items():
        for kind in kinds:
            for thing in declared.get(kind, {}):
                yield cluster, kind, thing


def _on_things(files: Files, kinds: tuple[str, ...], change: Callable[[Data, str, str, str], None]) -> Iterator[Mutant]:
    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        for cluster, kind, thing in _things(data, *kinds):
            yield f"{kind} {cluster}.{thing}", lambda new, at=(cluster, kind, thing): change(new, *at)

    return _edited(files, find)


def _set(key: str, value: object) -> Callable[[Data, str, str, str], None]:
    def change(data: Data, cluster: str, kind: str, thing: str) -> None:
        data["clusters"][cluster][kind][thing][key] = value

    return change


def _rename(mapping: Data, key: str) -> None:
    mapping[f"{key}-renamed"] = mapping.pop(key)


def rename_thing(files: Files) -> Iterator[Mutant]:
    return _on_things(files, KINDS, lambda data, cluster, kind, thing: _rename(data["clusters"][cluster][kind], thing))


def delete_thing(files: Files) -> Iterator[Mutant]:
    def delete(data: Data, cluster: str, kind: str, thing: str) -> None:
        del data["clusters"][cluster][kind][thing]

    return _on_things(files, KINDS, delete)


def rename_custom_resource(files: Files) -> Iterator[Mutant]:
    return _on_things(files, CUSTOM, lambda data, cluster, kind, thing: _rename(data["clusters"][cluster][kind], thing))


def delete_custom_resource(files: Files) -> Iterator[Mutant]:
    return _on_things(files, CUSTOM, lambda data, cluster, kind, thing: data["clusters"][cluster][kind].pop(thing))


def other_routes(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("connectors",), _set("routes", ["192.0.2.0/24"]))


def no_accepted_routes(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("proxyClasses",), _set("acceptRoutes", False))


def groups_of_another_type(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("proxyGroups",), _set("type", "egress"))


def through_another_connector(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("egress",), _set("to", {"ip": "10.42.3.4", "through": "green.pods"}))


def the_name_of_a_service(files: Files) -> Iterator[Mutant]:
    return _on_things(files, KINDS, _set("hostname", "payments"))


def _in_sections(files: Files, section: str, change: Callable[[Data, str], None]) -> Iterator[Mutant]:
    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        for key in data.get(section, {}):
            yield f"{section} {key}", lambda new, key=key: change(new[section], key)

    return _edited(files, find)


def rename_cluster(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "clusters", _rename)


def rename_group(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "groups", _rename)


def rename_machine(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "machines", _rename)


def rename_posture(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "postures", _rename)


def rename_service(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "services", _rename)


def delete_service(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "services", lambda section, key: section.pop(key))


def _on_services(key: str, value: object) -> Mutation:
    return lambda files: _in_sections(files, "services", lambda section, name: section[name].update({key: value}))


def _without(section: str, key: str) -> Mutation:
    return lambda files: _in_sections(files, section, lambda found, name: found[name].pop(key, None))


def delete_group(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "groups", lambda section, key: section.pop(key))


def delete_cluster(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "clusters", lambda section, key: section.pop(key))


def delete_machine(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "machines", lambda section, key: section.pop(key))


def _on_access(files: Files, change: Callable[[list[Data], int], None]) -> Iterator[Mutant]:
    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        for index, entry in enumerate(data.get("access", [])):
            yield f"access {entry['name']}", lambda new, index=index: change(new["access"], index)

    return _edited(files, find)


def delete_access(files: Files) -> Iterator[Mutant]:
    return _on_access(files, lambda entries, index: entries.__delitem__(index))


def access_from_everybody(files: Files) -> Iterator[Mutant]:
    return _on_access(files, lambda entries, index: entries[index].update({"from": ["*"]}))


def access_on_another_port(files: Files) -> Iterator[Mutant]:
    return _on_access(files, lambda entries, index: entries[index].update(ports=["tcp:1"]))


def access_from_a_misspelt_group(files: Files) -> Iterator[Mutant]:
    return _on_access(files, lambda entries, index: entries[index].update({"from": ["group:plattform"]}))


def access_to_a_misspelt_tag(files: Files) -> Iterator[Mutant]:
    return _on_access(files, lambda entries, index: entries[index].update(to=["tag:k8s-misspelt"]))


def masters(files: Files) -> Iterator[Mutant]:
    def change(entries: list[Data], index: int) -> None:
        if "kubernetes" in entries[index]:
            entries[index]["kubernetes"] = {"impersonate": {"groups": ["system:masters"]}}

    return _on_access(files, change)


def same_hostname(files: Files) -> Iterator[Mutant]:
    return _on_things(files, KINDS, _set("hostname", "the-same-name"))


def two_with_one_hostname(files: Files) -> Iterator[Mutant]:
    """Two things ask for one name, wherever there are two in one file."""

    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        things = list(_things(data, *KINDS))
        for first, second in pairwise(things):

            def edit(new: Data, pair: tuple[tuple[str, str, str], ...] = (first, second)) -> None:
                for at in pair:
                    _set("hostname", "the-same-name")(new, *at)

            yield f"{first} and {second}", edit

    return _edited(files, find)


def operators_with_one_hostname(files: Files) -> Iterator[Mutant]:
    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        if len(data.get("clusters", {})) > 1:

            def edit(new: Data) -> None:
                for cluster in new["clusters"].values():
                    cluster.setdefault("operator", {})["hostname"] = "tailscale-operator"

            yield "all operators", edit

    return _edited(files, find)


def other_exposed_port(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("expose",), _set("ports", ["tcp:9"]))


def exposed_by_udp(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("expose",), _set("ports", ["udp:80"]))


def other_egress_port(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("egress",), _set("ports", ["tcp:9"]))


def egress_to_nothing(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("egress",), _set("to", {"fqdn": "nowhere.tail1a2b.ts.net"}))


def egress_to_another_tailnet(files: Files) -> Iterator[Mutant]:
    return _on_things(files, ("egress",), _set("to", {"fqdn": "nginx.other.ts.net"}))


def tag_of_an_operator(files: Files) -> Iterator[Mutant]:
    def change(data: Data, cluster: str, kind: str, thing: str) -> None:
        tags = data["clusters"][cluster].get("operator", {}).get("tags", [f"tag:k8s-op-{cluster}"])
        data["clusters"][cluster][kind][thing]["tags"] = tags

    return _on_things(files, KINDS, change)


def other_tag(files: Files) -> Iterator[Mutant]:
    return _on_things(files, KINDS, _set("tags", ["tag:other"]))


def move_to_another_cluster(files: Files) -> Iterator[Mutant]:
    def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
        clusters = list(data.get("clusters", {}))
        for cluster, kind, thing in _things(data, *KINDS):
            other = next((name for name in clusters if name != cluster), None)
            if other is not None:

                def edit(new: Data, at: tuple[str, str, str, str] = (cluster, kind, thing, other)) -> None:
                    moved = new["clusters"][at[0]][at[1]].pop(at[2])
                    new["clusters"][at[3]].setdefault(at[1], {})[at[2]] = moved

                yield f"{kind} {cluster}.{thing} to {other}", edit

    return _edited(files, find)


def _on_tailnet(key: str, value: object) -> Mutation:
    def mutation(files: Files) -> Iterator[Mutant]:
        def find(data: Data) -> Iterator[tuple[str, Callable[[Data], None]]]:
            if "tailnet" in data:
                yield f"tailnet {key}", lambda new: new["tailnet"].update({key: value})

        return _edited(files, find)

    return mutation


def _on_operators(change: Callable[[Data], None]) -> Mutation:
    def mutation(files: Files) -> Iterator[Mutant]:
        return _in_sections(files, "clusters", lambda section, key: change(section[key].setdefault("operator", {})))

    return mutation


def misspelt_key(files: Files) -> Iterator[Mutant]:
    return _in_sections(files, "clusters", lambda section, key: _rename(section[key], "kubernetes"))


def _in_policies(pattern: str, replacement: str) -> Mutation:
    """Each place of a policy file where a pattern matches, replaced one at a time."""

    def mutation(files: Files) -> Iterator[Mutant]:
        for name, text in files.items():
            if name.endswith(".hujson"):
                for found in re.finditer(pattern, text):
                    changed = text[: found.start()] + found.expand(replacement) + text[found.end() :]
                    yield f"{name} at {found.start()}", {**files, name: changed}

    return mutation


def _on_objects(change: Callable[[Data], bool]) -> Mutation:
    """Each object of the manifests that a change finds something to do with."""

    def mutation(files: Files) -> Iterator[Mutant]:
        for name, objects in _objects(files):
            for index, made in enumerate(objects):
                changed = copy.deepcopy(objects)
                if change(changed[index]):
                    yield f"{name} {made['kind']} {made['metadata']['name']}", _with(files, name, changed)

    return mutation


def _annotation(name: str, value: str) -> Callable[[Data], bool]:
    def change(made: Data) -> bool:
        annotations = made["metadata"].get("annotations", {})
        if f"tailscale.com/{name}" not in annotations:
            return False
        annotations[f"tailscale.com/{name}"] = value
        return True

    return change


def _misspelt_annotation(made: Data) -> bool:
    annotations = made["metadata"].get("annotations", {})
    for key in list(annotations):
        if key.startswith("tailscale.com/"):
            annotations[f"{key}s"] = annotations.pop(key)
            return True
    return False


def _other_service_port(made: Data) -> bool:
    if made["kind"] != "Service":
        return False
    made["spec"]["ports"] = [{"name": "other", "port": 9}]
    return True


def _variable(name: str, value: str) -> Callable[[Data], bool]:
    def change(made: Data) -> bool:
        if made["kind"] != "Deployment":
            return False
        for variable in made["spec"]["template"]["spec"]["containers"][0]["env"]:
            if variable["name"] == name:
                variable["value"] = value
        return True

    return change


def _other_name(*kinds: str) -> Callable[[Data], bool]:
    def change(made: Data) -> bool:
        if made["kind"] not in kinds:
            return False
        made["metadata"]["name"] += "-renamed"
        return True

    return change


MUTATIONS: dict[str, Mutation] = {
    "rename a thing": rename_thing,
    "delete a thing": delete_thing,
    "rename a cluster": rename_cluster,
    "delete a cluster": delete_cluster,
    "rename a custom resource": rename_custom_resource,
    "delete a custom resource": delete_custom_resource,
    "rename a service": rename_service,
    "delete a service": delete_service,
    "serve another port": _on_services("ports", ["tcp:9"]),
    "serve by a missing group": _on_services("proxyGroup", "missing"),
    "serve with another tag": _on_services("tags", ["tag:other"]),
    "serve by one machine": _on_services("machines", ["db-1"]),
    "take the name of a service": the_name_of_a_service,
    "lead to other networks": other_routes,
    "accept no routes": no_accepted_routes,
    "make groups egress groups": groups_of_another_type,
    "go through another connector": through_another_connector,
    "take a machine's routes": _without("machines", "routes"),
    "leave routes to be approved": _without("machines", "device"),
    "take an exit node back": _without("machines", "exitNode"),
    "rename a group": rename_group,
    "delete a group": delete_group,
    "rename a machine": rename_machine,
    "delete a machine": delete_machine,
    "rename a posture": rename_posture,
    "drop an access entry": delete_access,
    "let everybody in": access_from_everybody,
    "grant another port": access_on_another_port,
    "misspell a group": access_from_a_misspelt_group,
    "misspell a tag": access_to_a_misspelt_tag,
    "become masters": masters,
    "give another name": same_hostname,
    "give two the same name": two_with_one_hostname,
    "give operators the same name": operators_with_one_hostname,
    "expose another port": other_exposed_port,
    "expose by UDP": exposed_by_udp,
    "ask for another port": other_egress_port,
    "lead to nothing": egress_to_nothing,
    "lead to another tailnet": egress_to_another_tailnet,
    "wear the operator's tag": tag_of_an_operator,
    "wear another tag": other_tag,
    "move to another cluster": move_to_another_cluster,
    "switch HTTPS off": _on_tailnet("httpsCertificates", False),
    "switch MagicDNS off": _on_tailnet("magicDNS", False),
    "call the tailnet otherwise": _on_tailnet("dnsName", "other.ts.net"),
    "switch API-server proxies off": _on_operators(lambda operator: operator.pop("apiServerProxy", None)),
    "misspell a key": misspelt_key,
    "rename a tag of the policy file": _in_policies(r'"tag:([a-z0-9-]+)"', r'"tag:\\1-renamed"'),
    "rename a group of the policy file": _in_policies(r'"group:([a-z]+)"', r'"group:\\1-renamed"'),
    "name an undefined host": _in_policies(r'"src": \["[^"]+"\]', '"src": ["nowhere"]'),
    "break the policy file": _in_policies(r'"grants": \[', '"grants": [{]'),
    "rename the approvals": _in_policies(r'"(routes|exitNode|services)":', r'"\\1Renamed":'),
    "misspell an annotation": _on_objects(_misspelt_annotation),
    "put a space into tags": _on_objects(_annotation("tags", "tag:a, tag:b")),
    "expose by another word": _on_objects(_annotation("expose", "yes")),
    "lead manifests to nothing": _on_objects(_annotation("tailnet-fqdn", "nowhere.tail1a2b.ts.net")),
    "name a missing ProxyGroup": _on_objects(_annotation("proxy-group", "missing")),
    "another port of a Service": _on_objects(_other_service_port),
    "an operator with another tag": _on_objects(_variable("OPERATOR_INITIAL_TAGS", "tag:other")),
    "operators of one name": _on_objects(_variable("OPERATOR_HOSTNAME", "eu-operator")),
    "proxies with another tag": _on_objects(_variable("PROXY_TAGS", "tag:other")),
    "rename a ProxyGroup": _on_objects(_other_name("ProxyGroup")),
    "rename an IngressClass": _on_objects(_other_name("IngressClass")),
}
