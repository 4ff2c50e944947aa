"""4xx: the Services behind an Ingress, as far as manifests show them."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.finding import Finding, Needs, Rule
from tailstack.manifests.nodes import backend_paths, is_tailscale_ingress
from tailstack.manifests.objects import KubernetesObject, Objects
from tailstack.manifests.values import Step
from tailstack.rules.frames import web_ingress, web_service
from tailstack.rules.subject import Subject
from tailstack.topology.wording import did_you_mean, listed, quoted

_EXAMPLE = f"""# blue/web.yaml
{web_ingress()}---
{web_service(port="name: http, port: PORT, targetPort: 80")}"""

INGRESS_BACKEND = Rule(
    code="TS408",
    slug="ingress-backend",
    needs=Needs.MANIFESTS,
    what="A backend of an Ingress is no Service with an address and this port in its namespace.",
    why="The operator leaves the path out (InvalidIngressBackend); of a wrong port number nobody says a thing, and clients get 502.",
    mend="Name a Service of the Ingress's namespace, and one of its ports (not its target port).",
    source="https://github.com/tailscale/tailscale/blob/main/cmd/k8s-operator/ingress.go",
    bad=_EXAMPLE.replace("PORT", "8080"),
    good=_EXAMPLE.replace("PORT", "80"),
)
RULES = (INGRESS_BACKEND,)


def ingress_backend(subject: Subject) -> Iterator[Finding]:
    """Every backend by itself. What is not among the manifests is not there."""
    for view in subject.views:
        for made in view.objects.of_kind("Ingress", view.cluster):
            for path in backend_paths(made) if is_tailscale_ingress(view, made) else ():
                yield from _backend(view.objects, made, path)


def _backend(objects: Objects, made: KubernetesObject, path: tuple[Step, ...]) -> Iterator[Finding]:
    name = made.text(*path, "service", "name")
    if name is None:
        yield INGRESS_BACKEND.at(
            made.place(*path), message=f"A backend of {made.title} is no Service.", expected="service: {name: ...}"
        )
        return
    service = objects.find(made.cluster, "Service", name, made.namespace)
    if service is None:
        yield _missing(objects, made, path, name)
        return
    place, other = made.place(*path, "service", "name"), service.place("metadata", "name")
    if service.text("spec", "type") == "ExternalName" or service.text("spec", "clusterIP") == "None":
        kind = "of type ExternalName" if service.text("spec", "type") == "ExternalName" else "headless"
        yield INGRESS_BACKEND.at(
            place,
            other,
            message=f"{made.title} leads to {service.title}, which is {kind} and has no address of its own.",
            expected="a Service with a ClusterIP",
            mend="Put a Service with a ClusterIP before it.",
        )
        return
    yield from _port(made, path, service)


def _missing(objects: Objects, made: KubernetesObject, path: tuple[Step, ...], name: str) -> Finding:
    services = objects.of_kind("Service", made.cluster)
    elsewhere = [service for service in services if service.name == name]
    beside = f"; {listed(service.namespace for service in elsewhere)} has one" if elsewhere else ""
    return INGRESS_BACKEND.at(
        made.place(*path, "service", "name"),
        *(service.place("metadata", "name") for service in elsewhere),
        message=f"{made.title} leads to Service {quoted(name)}, and {made.namespace} has none of this name{beside}.",
        expected=f"a Service of the namespace {made.namespace}",
        mend=did_you_mean(name, {service.name for service in services if service.namespace == made.namespace}),
    )


def _port(made: KubernetesObject, path: tuple[Step, ...], service: KubernetesObject) -> Iterator[Finding]:
    ports = range(service.length("spec", "ports"))
    numbers = [service.number("spec", "ports", index, "port") for index in ports]
    names = [service.text("spec", "ports", index, "name") for index in ports]
    number, name = (made.number(*path, "service", "port", "number"), made.text(*path, "service", "port", "name"))
    if (name is not None and name in names) or (name is None and number in numbers and number is not None):
        return
    asked = quoted(name) if name is not None else "none" if number is None else str(number)
    known = names if name is not None else numbers
    yield INGRESS_BACKEND.at(
        made.place(*path, "service", "port"),
        service.place("spec", "ports"),
        message=f"{made.title} leads to the port {asked} of {service.title}, which does not have it.",
        expected=f"one of {listed(str(port) for port in known if port is not None)}",
    )


CHECKS = (ingress_backend,)
