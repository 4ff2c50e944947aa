"""Mistakes in how declarations fit together, each with all of its places."""

from __future__ import annotations

import pytest

from tailstack.finding import Finding
from tests.topology.marked import BASE, check_finding, findings_of, unmarked

WORLD = """
clusters:
  blue:
    kubernetes: {context: blue}
    labels: {env: prod}
    operator: {apiServerProxy: {mode: auth}}
    expose: {nginx: {namespace: default, ports: [tcp:80, tcp:81-90], managedBy: patch}}
    ingress: {web: {namespace: default, backend: {service: nginx, port: 80}}}
    egress: {remote: {namespace: default, to: {ip: 100.64.0.1}, ports: [tcp:1]}}
  green: {kubernetes: {context: green}, operator: {②apiServerProxy: {mode: noauth}}}
  grey: {kubernetes: {context: grey}}
machines: {db: {tags: [tag:db]}}
"""
WORLD_FILE = {"world.yaml": WORLD.replace("②", "")}


def red(part: str) -> str:
    """A further cluster with this part."""
    return f"clusters: {{red: {{kubernetes: {{context: red}}, {part}}}}}"


def expose(more: str, ports: str = "[tcp:80]") -> str:
    return red(f"expose: {{it: {{namespace: a, ports: {ports}, {more}}}}}")


def egress(to: str, more: str = "") -> str:
    return red(f"egress: {{it: {{namespace: a, to: {to}{more}}}}}")


def access(entry: str) -> str:
    return f"access: [{{name: one, {entry}}}]"


def to(end: str, more: str = "") -> str:
    return access(f"from: [group:a], to: [{end}]{more}")


KUBERNETES = "kubernetes: {impersonate: {groups: [readers]}}"

CASES: list[tuple[str, str, tuple[str, ...]]] = [
    # exactly one of
    ("one-of", "clusters: {red: {kubernetes: §{}}}", ("says nothing", "context, kubeconfig")),
    ("one-of", "clusters: {red: {kubernetes: §{context: a, kubeconfig: {secret: b}}}}", ("context and kubeconfig",)),
    ("one-of", "groups: {group:a: §{}}", ("says nothing", "members, synced, rotation")),
    ("one-of", "groups: {group:a: §{members: [a@x], synced: true}}", ("members and synced at once",)),
    ("one-of", red("operator: {chart: §{version: 1.1.1, path: a, repository: 'https://b'}}"), ("repository and path",)),
    (
        "one-of",
        egress("§{}"),
        ("clusters.red.egress.it.to says nothing", "exposure, ingress, service, machine, fqdn, ip"),
    ),
    ("one-of", egress("§{exposure: blue.nginx, machine: db}"), ("exposure and machine at once",)),
    ("one-of", to("§{}"), ("access[0].to[0] says nothing", "apiServers")),
    ("one-of", to("§{apiServer: blue, exposure: blue.nginx}"), ("exposure and apiServer at once",)),
    ("one-of", access("from: [§{}], to: [tag:a], ports: [tcp:1]"), ("access[0].from[0] says nothing",)),
    ("one-of", to("{apiServer: blue}", f", {KUBERNETES[:-1]}, bind: §{{}}}}"), ("clusterRole, role",)),
    (
        "one-of",
        to("{apiServer: blue}", f", {KUBERNETES[:-1]}, bind: §{{clusterRole: a, role: b, namespaces: [c]}}}}"),
        ("clusterRole and role",),
    ),
    # keys that need or exclude one another
    ("missing-key", red("expose: {it: §{namespace: a, ports: [tcp:1]}}"), ("selector", "managedBy: patch")),
    ("key-does-not-fit", expose("managedBy: patch, §selector: {a: b}"), ("no effect with managedBy: patch",)),
    (
        "key-does-not-fit",
        expose("managedBy: gitops", "[{port: tcp:1, §name: a}]"),
        ("no effect with managedBy: gitops",),
    ),
    (
        "key-does-not-fit",
        expose("managedBy: patch", "[tcp:2, {port: tcp:1, §targetPort: 1}]"),
        ("Take `targetPort` out",),
    ),
    ("missing-key", egress("{machine: db}").replace("it: {", "it: §{"), ("needs the key ports",)),
    ("missing-key", egress("{ip: 100.64.0.1}").replace("it: {", "it: §{"), ("needs the key ports",)),
    ("missing-key", egress("{fqdn: x.tail1a2b.ts.net}").replace("it: {", "it: §{"), ("needs the key ports",)),
    ("missing-key", egress("{fqdn: db.tail1a2b.ts.net}").replace("it: {", "it: §{"), ("needs the key ports",)),
    ("missing-key", to("tag:a").replace("{name", "§{name"), ("tag:a says none", '["*"]')),
    ("missing-key", to("tag:a, {machine: db}, {exposure: blue.nginx}").replace("{name", "§{name"), ("tag:a, db says",)),
    (
        "missing-key",
        to("{apiServer: blue}", f", {KUBERNETES[:-1]}, bind: §{{role: a}}}}"),
        ("Role exists in a namespace",),
    ),
    # references
    ("unknown-reference", egress("{exposure: §blue.ngnix}"), ("no exposure called", "Did you mean blue.nginx?")),
    ("unknown-reference", egress("{exposure: §bleu.nginx}"), ('cluster called "bleu"', "Did you mean blue?")),
    ("unknown-reference", egress("{exposure: §blue.web}"), ("blue.web is an ingress: write `ingress: blue.web`",)),
    ("unknown-reference", egress("{ingress: §blue.nginx}"), ("write `exposure: blue.nginx`",)),
    ("unknown-reference", egress("{ingress: §grey.web}"), ('no ingress called "grey.web"', "declare the thing")),
    ("unknown-reference", egress("{exposure: §blue.remote}"), ('no exposure called "blue.remote"',)),
    ("unknown-reference", egress("{machine: §dbx}", ", ports: [tcp:1]"), ("no machine", "Did you mean db?")),
    ("unknown-reference", to("{exposure: §blue.ngnix}"), ("Did you mean blue.nginx?",)),
    ("unknown-reference", to("{ingress: §blue.wep}"), ("Did you mean blue.web?",)),
    ("unknown-reference", to("{machine: §dbb}", ", ports: [tcp:1]"), ("Did you mean db?",)),
    ("unknown-reference", to("{apiServer: §bluee}"), ("Did you mean blue?",)),
    ("unknown-reference", to("{apiServers: §{matchLabels: {env: dev}}}"), ("No cluster has the labels {env: dev}",)),
    ("unknown-reference", to("{apiServers: §{matchLabels: {env: prod, a: b}}}"), ("{env: prod, a: b}",)),
    ("unknown-reference", access("from: [{machine: §ci}], to: [tag:a], ports: [tcp:1]"), ("no machine", "one of db")),
    ("unknown-reference", expose("selector: {a: b}, consumers: [green, §gren]"), ("no cluster", "Did you mean green?")),
    (
        "unknown-reference",
        red("ingress: {it: {namespace: a, backend: {service: a, port: 1}, consumers: [§x]}}"),
        ("no cluster",),
    ),
    # listed twice
    ("listed-twice", "machines: {ci: {tags: [②tag:a, tag:b, §tag:a]}}", ('"tag:a" twice',)),
    ("listed-twice", red("operator: {tags: [②tag:a, §tag:a]}"), ("operator.tags",)),
    ("listed-twice", red("operator: {proxyTags: [②tag:a, §tag:a]}"), ("operator.proxyTags",)),
    ("listed-twice", expose("selector: {a: b}, tags: [②tag:a, §tag:a]"), ("tags",)),
    ("listed-twice", expose("selector: {a: b}, consumers: [②blue, §blue]"), ("consumers",)),
    ("listed-twice", expose("selector: {a: b}", "[②tcp:80, §tcp:80]"), ('ports lists "tcp:80" twice',)),
    ("listed-twice", expose("selector: {a: b}", "[②tcp:80, §{port: tcp:81, name: tcp-80}]"), ('"tcp-80" twice',)),
    ("listed-twice", expose("managedBy: patch", "[②tcp:1-2, §tcp:1-2]"), ('"tcp:1-2" twice',)),
    ("listed-twice", egress("{exposure: blue.nginx}", ", ports: [②tcp:80, §tcp:80]"), ("ports",)),
    ("listed-twice", "groups: {group:a: [②a@x, §a@x]}", ('"a@x" twice',)),
    ("listed-twice", "groups: {group:a: {members: [②a@x, §a@x]}}", ("members",)),
    ("listed-twice", access("from: [②group:a, §group:a], to: [tag:a], ports: [tcp:1]"), ("from",)),
    (
        "listed-twice",
        to("②{exposure: blue.nginx}, tag:a, §{exposure: blue.nginx}", ", ports: [tcp:80]"),
        ("blue.nginx",),
    ),
    ("listed-twice", to("tag:a", ", ports: [②tcp:1, §tcp:1]"), ("ports",)),
    ("listed-twice", to("{exposure: blue.nginx}", ", srcPosture: [②posture:a, §posture:a]"), ("srcPosture",)),
    (
        "listed-twice",
        to("{apiServer: blue}", ", kubernetes: {impersonate: {groups: [②readers, §readers]}}"),
        ("groups",),
    ),
    (
        "listed-twice",
        to("{apiServer: blue}", f", {KUBERNETES[:-1]}, bind: {{clusterRole: a, namespaces: [②b, §b]}}}}"),
        ("namespaces",),
    ),
    # ports
    ("wrong-port", expose("selector: {a: b}", "[tcp:80, §tcp:65536]"), ("ports[1] is tcp:65536", "1 to 65535")),
    ("wrong-port", expose("managedBy: patch", "[§tcp:9-8]"), ("the lower one first",)),
    ("wrong-port", egress("{ip: 100.64.0.1}", ", ports: [§udp:1-99999]"), ("udp:1-99999",)),
    ("wrong-port", to("tag:a", ", ports: [§tcp:70000]"), ("tcp:70000",)),
    ("wrong-port", expose("selector: {a: b}", "[§tcp:80-81]"), ("cannot have the port tcp:80-81", "List each port")),
    ("wrong-port", expose("selector: {a: b}", '[§"*"]'), ("cannot have the port *",)),
    ("wrong-port", expose("selector: {a: b}", '[tcp:1, §"tcp:*"]'), ("tcp:*",)),
    ("wrong-port", expose("selector: {a: b}", "[§icmp:*]"), ("icmp:*",)),
    (
        "port-not-offered",
        egress("{exposure: blue.nginx}", ", ports: [tcp:80, §tcp:79]"),
        ("does not offer tcp:79", "tcp:80"),
    ),
    ("port-not-offered", egress("{exposure: blue.nginx}", ", ports: [§tcp:85-91]"), ("tcp:85-91",)),
    ("port-not-offered", egress("{exposure: blue.nginx}", ", ports: [§udp:80]"), ("udp:80",)),
    ("port-not-offered", egress("{ingress: blue.web}", ", ports: [§tcp:80]"), ("that it offers: tcp:443",)),
    (
        "port-not-offered",
        to("{exposure: blue.nginx}", ', ports: [§"*"]'),
        ("The exposure blue.nginx does not offer *",),
    ),
    ("port-not-offered", to("{ingress: blue.web}", ", ports: [§tcp:80]"), ("The ingress blue.web does not offer",)),
    ("port-not-offered", to("{apiServer: blue}", ", ports: [§tcp:6443]"), ("The API server of blue does not offer",)),
    # names
    ("reserved-name", "clusters: {§a--b: {kubernetes: {context: a}}}", ("a--b has two hyphens",)),
    ("reserved-name", "clusters: {§op-blue: {kubernetes: {context: a}}}", ("tag:k8s-op-blue",)),
    ("reserved-name", "machines: {§a--b: {tags: [tag:a]}}", ("two hyphens",)),
    ("reserved-name", expose("selector: {a: b}").replace("{it:", "{§i--t:"), ("two hyphens",)),
    ("reserved-name", expose("selector: {a: b}, formerly: [§o--p]"), ("two hyphens",)),
    (
        "name-taken",
        red(
            "expose: {②it: {namespace: a, ports: [tcp:1], managedBy: patch}}, egress: {§it: {namespace: a, to: {machine: db}, ports: [tcp:1]}}"
        ),
        ("The name it is taken: clusters.red.expose.it.",),
    ),
    (
        "name-taken",
        red(
            "expose: {②it: {namespace: a, ports: [tcp:1], managedBy: patch}}, ingress: {§it: {namespace: a, backend: {service: a, port: 1}}}"
        ),
        ("clusters.red.expose.it",),
    ),
    (
        "name-taken",
        red(
            "expose: {②a: {namespace: a, ports: [tcp:1], managedBy: patch}, b: {namespace: a, ports: [tcp:1], managedBy: patch, formerly: [§a]}}"
        ),
        ("clusters.red.expose.a",),
    ),
    (
        "name-taken",
        red(
            "expose: {a: {namespace: a, ports: [tcp:1], managedBy: patch, formerly: [②c]}},"
            " ingress: {b: {namespace: a, backend: {service: a, port: 1}, formerly: [§c]}}"
        ),
        ("clusters.red.expose.a.formerly[0]",),
    ),
    ("name-taken", expose("selector: {a: b}, formerly: [§it]").replace("{it:", "{②it:"), ("clusters.red.expose.it",)),
    ("name-taken", expose("selector: {a: b}, formerly: [②old, §old]"), ("formerly[0]",)),
    (
        "long-node-name",
        f"clusters: {{{'a' * 40}: {{kubernetes: {{context: a}}, expose: {{§{'b' * 23}: {{namespace: a, managedBy: gitops, ports: [tcp:1]}}}}}}}}",
        ("has 64 characters", "hostname"),
    ),
    # links
    ("foreign-address", egress("{fqdn: §db.other.ts.net}", ", ports: [tcp:1]"), ("<node>.tail1a2b.ts.net",)),
    ("foreign-address", egress("{fqdn: §db}", ", ports: [tcp:1]"), ("not the full name",)),
    ("foreign-address", egress("{fqdn: §DB.tail1a2b.ts.net}", ", ports: [tcp:1]"), ("small letters",)),
    ("foreign-address", egress("{fqdn: §db.tail1a2b.ts.net.}", ", ports: [tcp:1]"), ("without a dot",)),
    ("foreign-address", egress("{fqdn: §a.b.tail1a2b.ts.net}", ", ports: [tcp:1]"), ("not the full name",)),
    ("foreign-address", egress("{ip: §10.0.0.1}", ", ports: [tcp:1]"), ("100.64.0.0/10 or fd7a:115c:a1e0::/48",)),
    ("foreign-address", egress("{ip: §100.128.0.0}", ", ports: [tcp:1]"), ("not the Tailscale IP",)),
    ("foreign-address", egress("{ip: §'fd7a:115c:a1e1::1'}", ", ports: [tcp:1]"), ("not the Tailscale IP",)),
    ("foreign-address", egress("{ip: §100.64.0.1/32}", ", ports: [tcp:1]"), ("not the Tailscale IP",)),
    ("foreign-address", egress("{ip: §nginx}", ", ports: [tcp:1]"), ("not the Tailscale IP",)),
    # access
    ("not-a-source", access("from: [§{exposure: blue.nginx}], to: [tag:a], ports: [tcp:1]"), ("from[0].exposure",)),
    ("not-a-source", access("from: [§{apiServer: blue}], to: [tag:a], ports: [tcp:1]"), ("machine: <name>",)),
    (
        "rights-without-proxy",
        to("§tag:a", f", ports: [tcp:1], ②{KUBERNETES}"),
        ("The selector tag:a is no API server",),
    ),
    (
        "rights-without-proxy",
        to("{apiServer: blue}, §{exposure: blue.nginx}", f", ②{KUBERNETES}"),
        ("blue.nginx is no",),
    ),
    ("rights-without-proxy", to("§{machine: db}", f", ports: [tcp:1], ②{KUBERNETES}"), ("The machine db is no",)),
    ("rights-without-proxy", to("§{ingress: blue.web}", f", ②{KUBERNETES}"), ("The ingress blue.web is no",)),
    # rotation
    (
        "wrong-rotation",
        "groups: {group:a: {rotation: {members: [a@x], every: 1d, from: §soon}}}",
        ('"soon"', "no moment"),
    ),
    (
        "wrong-rotation",
        'groups: {group:a: {rotation: {members: [a@x], every: 1d, from: §"2026-01-05"}}}',
        ("time zone",),
    ),
    ("wrong-rotation", 'groups: {group:a: {rotation: {members: [a@x], every: 1d, from: §"2026-01-05T09:00:00"}}}', ()),
    ("wrong-rotation", 'groups: {group:a: {rotation: {members: [a@x], every: 1d, from: §"2026-02-30T09:00:00Z"}}}', ()),
    (
        "wrong-rotation",
        'groups: {group:a: {rotation: {members: [a@x], every: 1d, from: "2026-01-05T09:00:00Z", size: §2}}}',
        ("2 members are to be on turn, and there are 1", "from 1 to 1"),
    ),
]


@pytest.mark.parametrize(("slug", "text", "words"), CASES, ids=lambda text: repr(text[-60:]))
def test_a_mistake_is_said_once_with_all_of_its_places(slug: str, text: str, words: tuple[str, ...]) -> None:
    check_finding({**BASE, **WORLD_FILE, "main.yaml": text}, slug, *words)


def test_a_proxy_that_is_off_is_named_with_its_cluster() -> None:
    world = WORLD.replace("②", "").replace("grey:", "②grey:")
    check_finding(
        {**BASE, "world.yaml": world, "main.yaml": to("§{apiServer: grey}")}, "api-server-off", "grey", "noauth"
    )
    world = world.replace("kubernetes: {context: grey}", "kubernetes: {context: grey}, labels: {env: prod}")
    reach = to("§{apiServers: {matchLabels: {env: prod}}}")
    check_finding({**BASE, "world.yaml": world, "main.yaml": reach}, "api-server-off", "grey has no API-server proxy")


def test_a_proxy_that_impersonates_nobody_is_named_with_its_operator() -> None:
    world = WORLD.replace("②", "").replace(
        "operator: {apiServerProxy: {mode: noauth}}", "③operator: {apiServerProxy: {mode: noauth}}"
    )
    files = {**BASE, "world.yaml": world, "main.yaml": to("§{apiServer: green}", f", ②{KUBERNETES}")}
    check_finding(files, "rights-without-proxy", "The API server of green is reached through a proxy in noauth mode")


def test_who_is_no_consumer_is_named_with_the_list_of_consumers() -> None:
    world = WORLD.replace("②", "")
    exposure = world.replace("managedBy: patch", "managedBy: patch, ②consumers: [green]")
    files = {**BASE, "world.yaml": exposure, "main.yaml": egress("§{exposure: blue.nginx}")}
    check_finding(files, "not-a-consumer", "blue.nginx may be linked to from green, and not from red")
    files["main.yaml"] = egress("§{fqdn: blue-nginx.tail1a2b.ts.net}")
    check_finding(files, "not-a-consumer", "blue.nginx")
    ingress = world.replace("port: 80}", "port: 80}, ②consumers: []")
    files = {**BASE, "world.yaml": ingress, "main.yaml": egress("§{ingress: blue.web}")}
    check_finding(files, "not-a-consumer", "from none")


def test_a_chart_needs_a_version() -> None:
    files = {"a.yaml": "tailnet: {dnsName: a.ts.net}", "b.yaml": "clusters: {blue: §{kubernetes: {context: a}}}"}
    check_finding(files, "missing-key", "version", "defaults.operator")
    files["b.yaml"] = "clusters: {blue: {kubernetes: {context: a}, operator: §{hostname: a}}}"
    check_finding(files, "missing-key", "clusters.blue.operator needs the key chart")


def test_defaults_with_a_chart_from_two_places_are_one_mistake_however_many_clusters() -> None:
    defaults = "defaults: {operator: {chart: §{version: 1.1.1, path: a, repository: 'https://b'}}}"
    clusters = "clusters: {a: {kubernetes: {context: a}}, b: {kubernetes: {context: b}}}"
    check_finding({"a.yaml": "tailnet: {dnsName: a.ts.net}", "b.yaml": defaults, "c.yaml": clusters}, "one-of", "path")


def only(text: str) -> list[Finding]:
    texts, _ = unmarked({**BASE, **WORLD_FILE, "main.yaml": text})
    return list(findings_of(texts))


FOLLOW_UPS = [
    # a reference to something that has a mistake of its own is not a second mistake
    expose("selector: {a: b}", "[tcp:99999]") + "\naccess: [{name: one, from: [a], to: [{exposure: red.it}]}]",
    expose("selector: {a: b}, hostname: A") + "\naccess: [{name: one, from: [a], to: [{exposure: red.it}]}]",
    red("operator: {apiServerProxy: {mode: x}}") + "\naccess: [{name: one, from: [a], to: [{apiServer: red}]}]",
    "clusters: {red: []}\naccess: [{name: one, from: [a], to: [{apiServer: red}, {exposure: red.it}]}]",
    red("labels: {env: []}") + "\naccess: [{name: one, from: [a], to: [{apiServers: {matchLabels: {env: x}}}]}]",
    expose("selector: {a: b}, consumers: [crimson]")[:-1] + ", crimson: []}",
    "machines: {ci: {tags: []}}\naccess: [{name: one, from: [{machine: ci}], to: [a], ports: [tcp:1]}]",
    red("expose: []") + "\naccess: [{name: one, from: [a], to: [{exposure: red.it}]}]",
    # what is under a wrong name may be what is missing elsewhere
    "cluster: {red: {}}\naccess: [{name: one, from: [a], to: [{apiServer: red}]}]",
    red("exposes: {it: {}}") + "\naccess: [{name: one, from: [a], to: [{exposure: red.it}]}]",
    "groups: {group:a: {memberz: [a@x]}}",
    red("egress: {it: {namespace: a, to: {exposre: blue.nginx}}}"),
    red("egress: {it: {namespace: a, to: {machine: db}, port: [tcp:1]}}"),
    # a value that YAML refused
    "access: [{name: one, from: [a], to: [{machine: no}], ports: [tcp:1]}]",
    "access: [{name: one, from: [a], to: [tag:a], ports: }]",
    red("egress: {it: {namespace: a, to: {ip: 1.5}, ports: [tcp:1]}}"),
    # a duplicate key hides what stands in the second one
    red("expose: {}, expose: {it: {namespace: a, ports: [tcp:1], managedBy: patch}}")
    + "\naccess: [{name: one, from: [a], to: [{exposure: red.it}]}]",
]


@pytest.mark.parametrize("text", FOLLOW_UPS)
def test_one_mistake_is_one_finding_whatever_refers_to_it(text: str) -> None:
    findings = only(text)
    assert len(findings) == 1, [f.message for f in findings]


def test_what_has_a_mistake_of_its_own_may_still_be_meant() -> None:
    texts = {
        expose("selector: {a: b}, hostname: A") + "\n" + to("{exposure: red.itt}"): "Did you mean red.it?",
        "machines: {runner: {tags: []}}\n" + to("{machine: runnner}", ", ports: [tcp:1]"): "Did you mean runner?",
        "clusters: {crimson: []}\n" + to("{apiServer: crimsom}"): "Did you mean crimson?",
    }
    for text, mend in texts.items():
        assert mend in [finding.mend for finding in only(text)]


def test_references_to_what_a_file_may_hold_are_not_judged_while_it_cannot_be_read() -> None:
    files = {
        **BASE,
        "broken.yaml": "clusters: {elsewhere: {expose: {it: {}, labels: {a: b}}}, x: {}}\nmachines: {z: [",
        "main.yaml": egress("{exposure: elsewhere.it}")
        + "\n"
        + to("{apiServer: x}, {apiServers: {matchLabels: {a: b}}}, {machine: z}, {machine: w}"),
    }
    said = [(f.rule.slug, f.message) for f in findings_of(unmarked(files)[0])]
    assert said == [("yaml-syntax", said[0][1]), ("unknown-reference", 'There is no machine called "w".')]
    files = {
        "broken.yaml": "tailnet: {}\nclusters: {red: {kubernetes: [",
        "main.yaml": "clusters: {red: {expose: {}}}",
        "defaults.yaml": BASE["a.yaml"].split("\n")[1],
    }
    assert [f.rule.slug for f in findings_of(unmarked(files)[0])] == ["yaml-syntax"]


def test_a_mistake_in_the_defaults_is_not_repeated_for_each_cluster() -> None:
    files = {
        "a.yaml": "tailnet: {dnsName: a.ts.net}",
        "b.yaml": "defaults: {operator: {chart: {version: 1}}}",
        "c.yaml": "clusters: {a: {kubernetes: {context: a}}, b: {kubernetes: {context: b}}}\n" + to("{apiServer: a}"),
    }
    assert [f.rule.slug for f in findings_of(unmarked(files)[0])] == ["wrong-type", "api-server-off"]


def test_a_mistake_in_the_tailnet_leaves_full_names_unjudged() -> None:
    files = {
        "a.yaml": "tailnet: {dnsName: here}\n" + BASE["a.yaml"].split("\n")[1],
        "b.yaml": egress("{fqdn: db.tail1a2b.ts.net}", ", ports: [tcp:1]"),
    }
    assert [f.rule.slug for f in findings_of(unmarked(files)[0])] == ["wrong-value"]
