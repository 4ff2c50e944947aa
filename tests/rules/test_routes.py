"""Connectors: what is refused of them, and what becomes of their routes under the policy."""

from __future__ import annotations

from tailstack.rules import objects_routes, routes
from tests.rules.cases import Case, found_and_silent, said_of


def connector(name: str, spec: str, mark: str = "") -> str:
    return f"apiVersion: tailscale.com/v1alpha1\nkind: Connector\nmetadata: {{name: {mark}{name}}}\nspec: {{{spec}}}\n---\n"


def lan(*prefixes: str, mark: str = "§", more: str = "") -> str:
    return connector("lan", f"subnetRouter: {{advertiseRoutes: [{', '.join(prefixes)}]}}{more}", mark)


def policy(text: str) -> str:
    return f"# policy.hujson\n{{{text}}}\n"


def apps(text: str, key: str = "tailscale.com/app-connectors") -> str:
    return policy(f'"grants": [], "nodeAttrs": [{{"target": ["*"], "app": {{"{key}": {text}}}}}]')


APPROVED = '"autoApprovers": {"routes": {②"10.1.0.0/24": ["tag:k8s"], ③"10.0.0.0/9": ["tag:other"], "10.2.0.0/16": []}}'
SPLIT = (
    '{"name": "lan-connector.tail1a2b.ts.net", "advertisedRoutes": ["10.1.0.0/16"], "enabledRoutes": ["10.1.0.0/16"]}'
)
EXIT = '{"name": "out-connector.tail1a2b.ts.net", "advertisedRoutes": ["0.0.0.0/0"], "enabledRoutes": ["0.0.0.0/0"]}'
CASES = (
    Case(
        name="approved for a part only",
        rule=routes.ROUTE_NOT_APPROVED,
        text=f"# blue/a.yaml\n{lan('10.1.0.0/16', '10.1.0.0/24')}{policy(APPROVED)}",
        says="Connector blue.lan advertises 10.1.0.0/16, and nothing lets tag:k8s do that without an admin.",
        mend='Add "10.1.0.0/16": ["tag:k8s"] to autoApprovers.routes.',
        silent=(
            ('"10.1.0.0/24": ["tag:k8s"]', '"10.1.0.0/15": ["tag:k8s"]'),
            ('"10.1.0.0/24": ["tag:k8s"]', '"10.1.0.0/16": ["autogroup:tagged"]'),
            ("# policy.hujson", f'# facts.json\n{{"devices": [{SPLIT}]}}\n# policy.hujson'),
            ("10.1.0.0/16, 10", "10"),
        ),
    ),
    Case(
        name="several of an app connector",
        rule=routes.ROUTE_NOT_APPROVED,
        text=f"# blue/a.yaml\n{connector('apps', 'appConnector: {routes: [10.1.0.0/16, 10.2.0.0/16, x]}', '§')}"
        + policy('"grants": []'),
        says="Connector blue.apps advertises 10.1.0.0/16, 10.2.0.0/16, and nothing lets tag:k8s do that without an admin.",
        mend='Add "10.1.0.0/16": ["tag:k8s"] to autoApprovers.routes and likewise for the others.',
        silent=(("routes: [10.1.0.0/16, 10.2.0.0/16, x]", ""), ("spec: {", "spec: {tailnet: other, ")),
    ),
    Case(
        name="an exit node",
        rule=routes.EXIT_NOT_APPROVED,
        text=f"# blue/a.yaml\n{connector('out', 'exitNode: true', '§')}"
        + policy('"grants": [], "autoApprovers": {"exitNode": ["tag:x"]}'),
        says="Connector blue.out is to be an exit node, and nothing lets tag:k8s be one without an admin.",
        silent=(
            ("tag:x", "tag:k8s"),
            ("exitNode: true", "exitNode: false"),
            ("# policy.hujson", f'# facts.json\n{{"devices": [{EXIT}]}}\n# policy.hujson'),
        ),
    ),
    Case(
        name="an exit node by its routes",
        rule=routes.EXIT_NOT_APPROVED,
        text=f"# blue/a.yaml\n{lan('0.0.0.0/0')}{policy('')}",
        says="Connector blue.lan is to be an exit node, and nothing lets tag:k8s be one without an admin.",
        silent=(("0.0.0.0/0", "10.0.0.0/8"),),
    ),
    Case(
        name="one within another",
        rule=routes.ROUTE_OVERLAP,
        text=f"# blue/a.yaml\n{lan('10.0.0.0/8', '10.1.0.0/16', mark='②')}# green/a.yaml\n"
        f"{lan('10.1.2.0/24', '10.1.3.0/24', '11.0.0.0/8')}",
        says="Connector green.lan advertises 10.1.2.0/24, and Connector blue.lan of another cluster 10.0.0.0/8.",
        silent=(
            ("# green/a.yaml", "# blue/b.yaml"),
            ("10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/16, 10.2.0.0/16"),
            ("10.0.0.0/8, 10.1.0.0/16", '"fd7a:115c:a1e0:b1a:0:7:a00:0/104"'),
        ),
    ),
    Case(
        name="three replicas without a name",
        rule=routes.CONNECTOR_NAMES,
        text=f"# blue/a.yaml\n{lan('10.1.0.0/16', more=', replicas: 3')}",
        says="The 3 replicas of Connector blue.lan all ask for the name lan-connector.",
        silent=((", replicas: 3", ", replicas: 3, hostnamePrefix: lan"), (", replicas: 3", ", replicas: 1")),
    ),
    Case(
        name="an app without domains",
        rule=routes.APP_CONNECTOR_POLICY,
        text=f"# blue/a.yaml\n{connector('apps', 'appConnector: {}', '§')}"
        + apps('["x", {"connectors": ["tag:k8s"], "domains": []}, {"domains": ["a.b"], "connectors": [1, "tag:x"]}]'),
        says="No app with domains lists tag:k8s as its connector, so blue.apps has nothing to route.",
        silent=(
            ('"domains": []', '"domains": ["github.com"]'),
            ('"domains": []', '"routes": ["10.0.0.0/8"]'),
            ('"tag:x"', '"*"'),
            ("appConnector: {}", "exitNode: true"),
        ),
    ),
    Case(
        name="an app of another kind",
        rule=routes.APP_CONNECTOR_POLICY,
        text=f"# blue/a.yaml\n{connector('apps', 'appConnector: {}', '§')}"
        + apps('[{"connectors": ["tag:k8s"], "domains": ["github.com"]}]', "example.com/app-connectors"),
        says="No app with domains lists tag:k8s as its connector, so blue.apps has nothing to route.",
        silent=(("example.com/app", "tailscale.com/app"),),
    ),
    Case(
        name="a subnet that nobody may reach",
        rule=routes.ROUTE_NO_GRANT,
        text=f"# blue/a.yaml\n{lan('10.1.0.0/16', '10.2.0.0/16')}"
        + policy(
            '"hosts": {"printer": "10.1.0.9"}, "grants": [{"src": ["*"], "dst": ["printer", "tag:k8s"], "ip": ["*"]}, '
            '{"src": ["*"], "dst": ["10.2.0.0/16"], "app": {"example.com/cap": [{}]}}]'
        ),
        says="Nobody may reach 10.2.0.0/16, which Connector blue.lan routes.",
        silent=(('"tag:k8s"]', '"*"]'), ('"tag:k8s"]', '"10.2.1.0/24"]'), (", 10.2.0.0/16]}", "]}")),
    ),
    Case(
        name="an exit node that nobody may use",
        rule=routes.ROUTE_NO_GRANT,
        text=f"# blue/a.yaml\n{connector('out', 'exitNode: true', '§')}"
        + policy('"grants": [{"src": ["*"], "dst": ["0.0.0.0/0"], "ip": ["*"]}]'),
        says="Nobody may reach the internet by Connector blue.out, an exit node.",
        silent=(('"0.0.0.0/0"', '"autogroup:internet"'), ('"0.0.0.0/0"', '"*"')),
    ),
    Case(
        name="bits behind the length",
        rule=objects_routes.ROUTE_FORM,
        text=f"# blue/a.yaml\n{lan('10.0.0.0/8', '§10.1.2.3/16', mark='')}",
        says='Connector lan of blue advertises "10.1.2.3/16", which has bits set behind its length.',
        mend="Write 10.1.0.0/16.",
        silent=(("§10.1.2.3/16", "10.1.2.3/32"), ("§10.1.2.3/16", "'fd7a:115c:a1e0::/48'")),
    ),
    Case(
        name="an address without a length",
        rule=objects_routes.ROUTE_FORM,
        text=f"# blue/a.yaml\n{connector('apps', 'appConnector: {routes: [§10.1.2.3]}')}",
        says='Connector apps of blue advertises "10.1.2.3", which is no prefix.',
        silent=(("§10.1.2.3", "10.1.2.3/32"),),
    ),
    Case(
        name="a name as a prefix",
        rule=objects_routes.ROUTE_FORM,
        text=f"# blue/a.yaml\n{lan('§office/16', mark='')}",
        says='Connector lan of blue advertises "office/16", which is no prefix.',
        silent=(("§office/16", "10.1.0.0/16"),),
    ),
    Case(
        name="nothing at all",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', 'hostname: lan, exitNode: false').replace('spec: {', 'spec: §{')}",
        says="Connector lan of blue is neither a subnet router, an exit node nor an app connector.",
        silent=(("exitNode: false", "exitNode: true"), ("exitNode: false", "appConnector: {}")),
    ),
    Case(
        name="a subnet router without routes",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', 'exitNode: true, §subnetRouter: {}')}",
        says="Connector lan of blue is a subnet router without routes.",
        silent=(("§subnetRouter: {}", "subnetRouter: {advertiseRoutes: [10.0.0.0/8]}"),),
    ),
    Case(
        name="an app connector and an exit node",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', '②exitNode: true, §appConnector: {}')}",
        says="Connector lan of blue is an app connector and something else.",
        silent=(("②exitNode: true", "exitNode: false"),),
    ),
    Case(
        name="an app connector and a subnet router",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', '②subnetRouter: {advertiseRoutes: [10.0.0.0/8]}, §appConnector: {}')}",
        says="Connector lan of blue is an app connector and something else.",
        silent=((", §appConnector: {}", ""),),
    ),
    Case(
        name="one hostname for two replicas",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', 'exitNode: true, §hostname: lan, ②replicas: 2')}",
        says="Connector lan of blue has several replicas and one hostname.",
        silent=(("②replicas: 2", "replicas: 1"), ("§hostname", "hostnamePrefix")),
    ),
    Case(
        name="a hostname and a prefix",
        rule=objects_routes.CONNECTOR_SHAPE,
        text=f"# blue/a.yaml\n{connector('lan', 'exitNode: true, §hostname: lan, ②hostnamePrefix: lan')}",
        says="Connector lan of blue has a hostname and a hostnamePrefix.",
        silent=((", ②hostnamePrefix: lan", ""),),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


def test_each_pair_of_connectors_is_told_once() -> None:
    same = [f"# {name}/a.yaml\n{lan('10.42.0.0/16', '10.43.0.0/16', mark='')}" for name in ("blue", "green", "red")]
    assert len(said_of("".join(same), routes.ROUTE_OVERLAP)) == 3
