"""For every rule a case that it finds, with exactly the places marked in it, and near misses on which it is silent."""

from __future__ import annotations

from tailstack.access.compile import CONFLICTING_DEFINITION
from tailstack.access.mistakes import FAILING_TEST, UNDEFINED, UNKNOWN_KEY
from tailstack.rules import api_server, chart, ingress, links, names, policy_file, rbac, tags
from tests.rules.cases import Case, found_and_silent
from tests.rules.environments import TAILNET

CLUSTER = "kubernetes: {context: x}"
EXPOSED = "namespace: default, ports: [tcp:80], selector: {a: b}"
NGINX = f"""
clusters:
  blue:
    {CLUSTER}
    expose:
      nginx: {{{EXPOSED}}}
"""
API = f"""
groups: {{group:ops: [ana@example.com]}}
postures: {{posture:mac: [node:os == 'macos']}}
clusters:
  blue: {{{CLUSTER}, operator: {{apiServerProxy: {{mode: auth}}}}}}
"""
IMPERSONATE = "{impersonate: {groups: [readers]}, bind: {clusterRole: view}}"


def based(text: str, base: str) -> str:
    """With a hand-written policy file."""
    return f"{text}# base.hujson\n{base}\n"


def under(text: str, tailnet: str) -> str:
    """With other settings of the tailnet."""
    return f"{text}# a.yaml\n{tailnet}"


CASES = (
    Case(
        name="operator and operator",
        rule=names.DUPLICATE_HOSTNAME,
        text=f"""
clusters:
  blue: {{{CLUSTER}, ②operator: {{hostname: ops}}}}
  green: {{{CLUSTER}, §operator: {{hostname: ops}}}}
""",
        says="operator green asks for the name ops, which operator blue has.",
        silent=(("§operator: {hostname: ops}", "operator: {hostname: ops2}"),),
    ),
    Case(
        name="egress proxy and machine",
        rule=names.DUPLICATE_HOSTNAME,
        text=f"""
machines:
  §blue-out: {{tags: [tag:db]}}
clusters:
  blue:
    {CLUSTER}
    egress:
      ②out: {{namespace: default, to: {{machine: blue-out}}, ports: [tcp:1]}}
""",
        says="machine blue-out asks for the name blue-out, which egress blue.out has.",
        silent=(("②out:", "out2:"),),
    ),
    Case(
        name="exposure and egress are one Service",
        rule=names.DUPLICATE_OBJECT,
        text=f"""{NGINX}      ②web: {{{EXPOSED}}}
    egress:
      §out: {{namespace: default, service: web, to: {{ip: 100.64.0.1}}, ports: [tcp:1]}}
""",
        says="egress blue.out and exposure blue.web are both the Service default/web of cluster blue.",
        silent=(
            ("service: web", "service: web2"),
            ("§out: {namespace: default", "out: {namespace: other"),
        ),
    ),
    Case(
        name="an ingress may have the name of a Service",
        rule=names.DUPLICATE_OBJECT,
        text=f"""{NGINX}      ②web: {{{EXPOSED}, service: api}}
      §api: {{{EXPOSED}}}
    ingress:
      other: {{namespace: default, backend: {{service: api, port: 80}}}}
""",
        says="exposure blue.api and exposure blue.web are both the Service default/api of cluster blue.",
        silent=((", service: api}\n      §api", "}\n      api"),),
    ),
    Case(
        name="a tag that nobody wears",
        rule=tags.TAG_UNDEFINED,
        text=f"{NGINX}access:\n  - {{name: a, from: [§tag:k8s-blue--ngin], to: [tag:k8s-blue--nginx], ports: [tcp:80]}}\n",
        says="tag:k8s-blue--ngin is worn by no node of test and defined nowhere.",
        mend="Did you mean tag:k8s-blue--nginx?",
        silent=(("§tag:k8s-blue--ngin]", "tag:k8s-blue--nginx]"), ("§tag:k8s-blue--ngin]", "autogroup:admin]")),
    ),
    Case(
        name="a tag in an environment without tags",
        rule=tags.TAG_UNDEFINED,
        text="access:\n  - {name: a, from: [autogroup:admin], to: [§tag:x], ports: [tcp:80]}\n",
        says="tag:x is worn by no node of test and defined nowhere.",
        silent=(("§tag:x", "autogroup:member"),),
    ),
    Case(
        name="the base gives a proxy's tag to others",
        rule=tags.PROXY_TAG_NOT_OWNED,
        text=based(
            NGINX.replace("nginx:", "§nginx:"),
            '{"tagOwners": {②"tag:k8s-blue--nginx": ["group:x"]}, "groups": {"group:x": []}}',
        ),
        says="tag:k8s-blue--nginx, which exposure blue.nginx wears, is owned by group:x: the operator of blue may not "
        "give it.",
        silent=(
            ('["group:x"]', '["group:x", "tag:k8s-op-blue"]'),
            ('②"tag:k8s-blue--nginx"', '"tag:other"'),
            ("a: b}", "a: b}, tags: [tag:k8s-op-blue]"),
        ),
    ),
    Case(
        name="the base gives the tag of other proxies to nobody",
        rule=tags.PROXY_TAG_NOT_OWNED,
        text=based(
            f"clusters:\n  blue: {{{CLUSTER}, §operator: {{hostname: x}}}}\n", '{"tagOwners": {②"tag:k8s-blue": []}}'
        ),
        says="tag:k8s-blue, which any other proxy of blue wears, is owned by admins only: the operator of blue may not "
        "give it.",
        silent=(('②"tag:k8s-blue"', '"tag:k8s-green"'),),
    ),
    Case(
        name="a proxy with an operator's tag",
        rule=tags.OPERATOR_TAG_REUSE,
        text=f"""
clusters:
  blue: {{{CLUSTER}, ②operator: {{hostname: x}}}}
  green:
    {CLUSTER}
    expose:
      §web: {{{EXPOSED}, tags: [tag:k8s-op-blue]}}
""",
        says="exposure green.web wears tag:k8s-op-blue, a tag of operator blue.",
        silent=((", tags: [tag:k8s-op-blue]", ""),),
    ),
    Case(
        name="other proxies with their operator's tag",
        rule=tags.OPERATOR_TAG_REUSE,
        text=f"clusters:\n  blue: {{{CLUSTER}, §operator: {{tags: [tag:k8s], proxyTags: [tag:k8s]}}}}\n",
        says="any other proxy of blue wears tag:k8s, a tag of operator blue.",
        silent=((", proxyTags: [tag:k8s]", ""),),
    ),
    Case(
        name="any member may give a machine's tag",
        rule=tags.TAG_OWNER_TOO_WIDE,
        text=based("machines:\n  ②ci: {tags: [tag:ci]}\n", '{"tagOwners": {"tag:ci": [§"autogroup:member"]}}'),
        says="autogroup:member may give tag:ci, which machine ci wears.",
        silent=(('§"autogroup:member"', '"autogroup:admin"'), ('"tag:ci":', '"tag:laptop":')),
    ),
    Case(
        name="an egress to a name that nothing has",
        rule=links.EGRESS_TARGET_UNKNOWN,
        text=f"""{NGINX}  green:
    {CLUSTER}
    egress:
      §out: {{namespace: default, to: {{fqdn: blue-ngimx.tail1a2b.ts.net}}, ports: [tcp:80]}}
      ip: {{namespace: default, to: {{ip: 100.64.0.1}}, ports: [tcp:80]}}
""",
        says="Egress green.out leads to blue-ngimx.tail1a2b.ts.net, and no declared node has this name.",
        mend="Write blue-nginx.tail1a2b.ts.net, the name of exposure blue.nginx, if that is meant.",
        silent=(("ngimx", "nginx"), ("blue-ngimx", "green-operator")),
    ),
    Case(
        name="an egress to a name that nothing resembles",
        rule=links.EGRESS_TARGET_UNKNOWN,
        text=f"""
clusters:
  green:
    {CLUSTER}
    egress:
      §out: {{namespace: default, to: {{fqdn: zzzzzzzzzzz.tail1a2b.ts.net}}, ports: [tcp:80]}}
machines: {{db: {{tags: [tag:db]}}}}
""",
        says="Egress green.out leads to zzzzzzzzzzz.tail1a2b.ts.net, and no declared node has this name.",
        silent=(("zzzzzzzzzzz", "db"),),
    ),
    Case(
        name="a link to a name that two nodes want",
        rule=links.LINK_INCOMPLETE,
        text=f"""
machines: {{db: {{tags: [tag:db]}}}}
clusters:
  green:
    {CLUSTER}
    operator: {{hostname: db}}
    egress:
      §out: {{namespace: default, to: {{machine: db}}, ports: [tcp:80]}}
""".replace("    operator:", "    ②operator:"),
        says="Link green.out -> db breaks at its name: Several nodes ask for the name db.tail1a2b.ts.net, and only one "
        "will have it.",
        mend="Give each of them a hostname of its own.",
        silent=(("hostname: db", "hostname: db2"),),
    ),
    Case(
        name="a link under a posture that holds for every grant",
        rule=links.LINK_INCOMPLETE,
        text=based(
            f"""
machines: {{db: {{tags: [tag:db]}}}}
clusters:
  green:
    {CLUSTER}
    egress:
      §out: {{namespace: default, to: {{machine: db}}, ports: [tcp:80]}}
""",
            """{"postures": {"posture:mac": ["node:os == 'macos'"]}, "defaultSrcPosture": ["posture:mac"]}""",
        ),
        says="Link green.out -> db breaks at its grant: Nothing grants tag:k8s-green--out to reach machine db on tcp:80 "
        "without a posture.",
        mend="Add an access entry from the egress's tag to the target on these ports.",
        silent=((', "defaultSrcPosture": ["posture:mac"]', ""),),
    ),
    Case(
        name="an egress to its own cluster",
        rule=links.EGRESS_LOOP,
        text=f"""{NGINX.replace("nginx:", "②nginx:")}    egress:
      §out: {{namespace: default, to: {{exposure: blue.nginx}}}}
""",
        says="Egress blue.out leads to blue.nginx of the same cluster.",
        silent=(("    egress:", f"  green:\n    {CLUSTER}\n    egress:"),),
    ),
    Case(
        name="an egress to an ingress",
        rule=links.EGRESS_TLS_NAME,
        text=f"""
clusters:
  blue:
    {CLUSTER}
    expose:
      api: {{{EXPOSED}}}
    ingress:
      ②web: {{namespace: default, backend: {{service: api, port: 80}}}}
  green:
    {CLUSTER}
    egress:
      §out: {{namespace: default, to: {{ingress: blue.web}}}}
""",
        says="Clients of out.default get a certificate for blue-web.tail1a2b.ts.net.",
        silent=(("ingress: blue.web", "exposure: blue.api"),),
    ),
    Case(
        name="an ingress without certificates",
        rule=ingress.HTTPS_OFF,
        text=under(
            f"""
clusters:
  blue:
    {CLUSTER}
    ingress:
      ②web: {{namespace: default, backend: {{service: api, port: 80}}}}
""",
            TAILNET.replace("{dnsName", "{httpsCertificates: false, dnsName").replace("tailnet:", "§tailnet:"),
        ),
        says="HTTPS certificates are off, and needed by ingress blue.web.",
        silent=(
            ("httpsCertificates: false", "httpsCertificates: true"),
            ("ingress:\n      ②web: {namespace: default, backend: {service: api, port: 80}}", "ingress: {}"),
        ),
    ),
    Case(
        name="an API-server proxy without certificates",
        rule=ingress.HTTPS_OFF,
        text=under(
            API.replace("operator:", "②operator:"),
            TAILNET.replace("{dnsName", "{httpsCertificates: false, dnsName").replace("tailnet:", "§tailnet:"),
        ),
        says="HTTPS certificates are off, and needed by API-server proxy of blue.",
        silent=(("mode: auth", 'mode: "off"'),),
    ),
    Case(
        name="a link without MagicDNS",
        rule=ingress.MAGICDNS_OFF,
        text=under(
            f"""
machines: {{db: {{tags: [tag:db]}}}}
clusters:
  green:
    {CLUSTER}
    egress:
      ②out: {{namespace: default, to: {{machine: db}}, ports: [tcp:80]}}
""",
            TAILNET.replace("{dnsName", "{magicDNS: false, dnsName").replace("tailnet:", "§tailnet:"),
        ),
        says="MagicDNS is off, and needed by egress green.out.",
        silent=(("magicDNS: false", "magicDNS: true"), ("machine: db", "ip: 100.64.0.1")),
    ),
    Case(
        name="an exposure that nobody reaches on its port",
        rule=ingress.EXPOSED_TO_NOBODY,
        text=NGINX.replace("nginx:", "§nginx:") + "access:\n  - {name: a, from: [autogroup:admin], "
        "to: [tag:k8s-blue--nginx], ports: [tcp:81]}\n",
        says="Nobody may reach exposure blue.nginx on tcp:80.",
        silent=(("tcp:81", "tcp:80"), ("[tcp:81]", '["*"]')),
    ),
    Case(
        name="an ingress that nobody reaches",
        rule=ingress.EXPOSED_TO_NOBODY,
        text=f"""
clusters:
  blue:
    {CLUSTER}
    ingress:
      §web: {{namespace: default, backend: {{service: api, port: 80}}, funnel: false}}
""",
        says="Nobody may reach ingress blue.web on tcp:443.",
        silent=(("funnel: false", "funnel: true"),),
    ),
    Case(
        name="rights without a port",
        rule=api_server.NO_NETWORK_PATH,
        text=based(
            API,
            '{"grants": [{"src": [§"group:ops"], "dst": ["tag:k8s-op-blue"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}]}}]}',
        ),
        says="group:ops has Kubernetes rights at tag:k8s-op-blue, and does not reach it on tcp:443.",
        silent=(
            ('"app":', '"ip": ["443"], "app":'),
            ("}]}", '}]}, {"src": ["autogroup:member"], "dst": ["*"], "ip": ["tcp:443"]}]}'),
            ("cap/kubernetes", "cap/relay"),
        ),
    ),
    Case(
        name="rights where nothing reads them",
        rule=api_server.GRANT_DST_NOT_PROXY,
        text=based(
            API,
            '{"grants": [{"src": ["group:ops"], "dst": [§"tag:k8s-blue"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}]}}]}',
        ),
        says="No operator with an API-server proxy in auth mode wears tag:k8s-blue.",
        silent=(('§"tag:k8s-blue"', '"tag:k8s-op-blue"'), ('§"tag:k8s-blue"', '"autogroup:tagged"')),
    ),
    Case(
        name="rights where nothing reads any",
        rule=api_server.GRANT_DST_NOT_PROXY,
        text=based(
            f"clusters:\n  blue: {{{CLUSTER}}}\n",
            '{"grants": [{"src": ["*"], "dst": [§"tag:k8s-blue"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": []}}]}',
        ),
        says="No operator with an API-server proxy in auth mode wears tag:k8s-blue.",
        silent=(("cap/kubernetes", "cap/relay"),),
    ),
    Case(
        name="rights at a proxy that only carries",
        rule=api_server.NOAUTH_IMPERSONATE,
        text=based(
            API + f"  green: {{{CLUSTER}, ②operator: {{apiServerProxy: {{mode: noauth}}}}}}\n",
            '{"grants": [{"src": ["group:ops"], "dst": [§"tag:k8s-op-green"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}]}}]}',
        ),
        says="Only API-server proxies in noauth mode wear tag:k8s-op-green: operator green.",
        silent=(
            ("mode: noauth", "mode: auth"),
            ('§"tag:k8s-op-green"', '"autogroup:tagged"'),
        ),
    ),
    Case(
        name="rights where no proxy is on",
        rule=api_server.PROXY_OFF,
        text=based(
            f"clusters:\n  blue: {{{CLUSTER}, ②operator: {{hostname: x}}}}\n",
            '{"grants": [{"src": ["*"], "dst": [§"tag:k8s-op-blue"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": []}}]}',
        ),
        says="tag:k8s-op-blue is worn by operator blue, whose API-server proxy is off.",
        silent=(("cap/kubernetes", "cap/relay"), ("hostname: x", "apiServerProxy: {mode: auth}")),
    ),
    Case(
        name="a group without a role",
        rule=rbac.GROUP_NOT_BOUND,
        text=f"""{API}  green: {{{CLUSTER}, operator: {{apiServerProxy: {{mode: auth}}}}}}
access:
  - name: a
    from: [group:ops]
    to: [{{apiServer: blue}}, {{apiServer: green}}]
    §kubernetes: {{impersonate: {{groups: [readers]}}}}
  - {{name: b, from: [group:ops], to: [{{apiServer: green}}], kubernetes: {IMPERSONATE}}}
""",
        says='The Kubernetes group readers (access "a") is bound to no role in blue.',
        silent=(
            ("groups: [readers]}}\n", "groups: [readers]}, bind: {clusterRole: view}}\n"),
            ("to: [{apiServer: blue}, ", "to: ["),
            ("groups: [readers]}}\n", "groups: ['system:authenticated']}}\n"),
        ),
    ),
    Case(
        name="a group of the base without a role",
        rule=rbac.GROUP_NOT_BOUND,
        text=based(
            API,
            '{"grants": [§{"src": ["group:ops"], "dst": ["tag:k8s-op-blue"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}, {"recorder": []}, {"impersonate": {}}]}}]}',
        ),
        says="The Kubernetes group x (a grant of the hand-written policy file) is bound to no role in blue.",
        silent=(('"groups": ["x"]', '"groups": []'), ('["tag:k8s-op-blue"]', '["*"]')),
    ),
    Case(
        name="masters from any device",
        rule=api_server.SYSTEM_MASTERS,
        text=f"""{API}
access:
  - name: a
    from: [group:ops]
    to: [{{apiServer: blue}}]
    §kubernetes: {{impersonate: {{groups: ['system:masters']}}}}
""",
        says='Access "a" makes users system:masters in blue from any device.',
        silent=(("to: [", "srcPosture: [posture:mac]\n    to: ["), ("system:masters", "system:other")),
    ),
    Case(
        name="masters by the base",
        rule=api_server.SYSTEM_MASTERS,
        text=based(
            API,
            '{"grants": [§{"src": ["*"], "dst": ["*"], "ip": ["443"], "app": '
            '{"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["system:masters"]}}]}}]}',
        ),
        says="A grant of the hand-written policy file makes users system:masters from any device.",
        silent=(('"ip"', '"srcPosture": ["posture:mac"], "ip"'),),
    ),
    Case(
        name="one tag for two operators",
        rule=api_server.GRANT_SPAN,
        text=f"""
clusters:
  blue: {{{CLUSTER}, operator: {{tags: [tag:k8s-operator], apiServerProxy: {{mode: auth}}}}}}
  green: {{{CLUSTER}, ②operator: {{tags: [tag:k8s-operator]}}}}
access:
  - §{{name: a, from: [autogroup:admin], to: [{{apiServer: blue}}]}}
""",
        says='Access "a" to the API server of blue is granted on tag:k8s-operator, which the operator of green wears too.',
        silent=(
            ("②operator: {tags: [tag:k8s-operator]}", "operator: {tags: [tag:green]}"),
            (
                "②operator: {tags: [tag:k8s-operator]}}\naccess:\n  - §{name: a, from: [autogroup:admin], to: [",
                (
                    "operator: {tags: [tag:k8s-operator], apiServerProxy: {mode: auth}}}\naccess:\n  - {name: a, "
                    "from: [autogroup:admin], to: [{apiServer: green}, "
                ),
            ),
        ),
    ),
    Case(
        name="a posture that another grant does not ask for",
        rule=api_server.POSTURE_BYPASS,
        text=f"""{API}    expose:
      web: {{{EXPOSED}}}
access:
  - §{{name: a, from: [group:ops], to: [{{exposure: blue.web}}], srcPosture: [posture:mac]}}
  - ②{{name: b, from: [autogroup:member], to: [{{exposure: blue.web}}]}}
""".replace("  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}", f"  blue:\n    {CLUSTER}"),
        says="access: a asks for posture:mac, and the same is allowed without it by access: b.",
        silent=(
            (
                "[autogroup:member], to: [{exposure: blue.web}]",
                "[autogroup:member], to: ['tag:k8s-blue--web'], ports: [tcp:81]",
            ),
            ("②{name: b, from: [autogroup:member]", "{name: b, from: [tag:k8s-blue]"),
        ),
    ),
    Case(
        name="rights under a posture that another grant does not ask for",
        rule=api_server.POSTURE_BYPASS,
        text=f"""{API}access:
  - §{{name: a, from: [group:ops], to: [{{apiServer: blue}}], srcPosture: [posture:mac], kubernetes: {IMPERSONATE}}}
  - ②{{name: b, from: [autogroup:member], to: [{{apiServer: blue}}], kubernetes: {IMPERSONATE}}}
""",
        says="access: a asks for posture:mac, and the same is allowed without it by access: b.",
        silent=(
            # Reaching the proxy without the posture gives no rights behind it.
            (
                f"②{{name: b, from: [autogroup:member], to: [{{apiServer: blue}}], kubernetes: {IMPERSONATE}}}",
                "{name: b, from: [autogroup:member], to: [{apiServer: blue}]}",
            ),
        ),
    ),
    Case(
        name="an old chart",
        rule=chart.CHART_TOO_OLD,
        text=f"clusters:\n  blue: {{{CLUSTER}, §operator: {{chart: {{version: '1.99.9'}}}}}}\n",
        says="Cluster blue has the chart 1.99.9.",
        silent=(("1.99.9", "1.100.0"), ("1.99.9", "2.0.0")),
    ),
    Case(
        name="the walkthrough's group:admin",
        rule=policy_file.UNDEFINED_SELECTOR,
        text=f"""{NGINX}groups: {{group:admins: [ana@example.com], group:synced@example.com: {{synced: true}}}}
access:
  - {{name: a, from: [§group:admin, group:synced@example.com], to: [{{exposure: blue.nginx}}]}}
""",
        says="group:admin is defined nowhere.",
        mend="Write group:admins if that is meant.",
        silent=(("§group:admin,", "group:admins,"),),
    ),
    Case(
        name="an unknown posture",
        rule=policy_file.UNDEFINED_SELECTOR,
        text=based(
            f"{NGINX}access:\n  - §{{name: a, from: [autogroup:member], to: [{{exposure: blue.nginx}}], "
            "srcPosture: [posture:mac]}\n",
            """{"postures": {"posture:linux": ["node:os == 'linux'"]}}""",
        ),
        says="posture:mac is defined nowhere.",
        silent=(("posture:mac]", "posture:linux]"),),
    ),
    Case(
        name="an unknown autogroup",
        rule=policy_file.UNDEFINED_SELECTOR,
        text=f"{NGINX}access:\n  - {{name: a, from: [§autogroup:admins], to: [{{exposure: blue.nginx}}]}}\n",
        says="autogroup:admins is defined nowhere.",
        mend="Write autogroup:admin if that is meant.",
        silent=(("§autogroup:admins", "autogroup:members"), ("§autogroup:admins", "user:*@example.com")),
    ),
    Case(
        name="an unknown host",
        rule=policy_file.UNDEFINED_SELECTOR,
        text=based(
            "access:\n  - {name: a, from: [autogroup:member], to: [§web, 10.0.0.0/8, 'ipset:x'], ports: [tcp:1]}\n",
            '{"hosts": {"db": "10.0.0.1"}, "ipsets": {"ipset:x": ["10.0.0.2"]}}',
        ),
        says="The host web is defined nowhere.",
        silent=(("§web,", "db,"),),
    ),
    Case(
        name="a group defined on both sides",
        rule=CONFLICTING_DEFINITION,
        text=based(
            "groups:\n  ②group:ops: [ana@example.com, li@example.com]\n",
            '{"groups": {§"group:ops": ["ana@example.com"]}}',
        ),
        says="group:ops is [ana@example.com] in the policy file, and [ana@example.com, li@example.com] by what is "
        "declared (group:ops).",
        silent=(('["ana@example.com"]', '["li@example.com", "ana@example.com"]'),),
    ),
    Case(
        name="a posture defined on both sides",
        rule=CONFLICTING_DEFINITION,
        text=based(
            "postures:\n  ②posture:mac: [node:os == 'macos']\n",
            """{"postures": {§"posture:mac": ["node:os == 'linux'"]}}""",
        ),
        says="posture:mac is [node:os == 'linux'] in the policy file, and [node:os == 'macos'] by what is declared "
        "(posture:mac).",
        silent=(("linux", "macos"),),
    ),
    Case(
        name="a test of the base that does not hold",
        rule=FAILING_TEST,
        text=based(
            NGINX + "machines: {ci: {tags: [tag:ci]}}\n",
            '{"tests": [{"src": "tag:ci", "accept": [§"tag:k8s-blue--nginx:80"]}]}',
        ),
        says='from tag:ci: address "tag:k8s-blue--nginx:80": want: Accept, got: Drop',
        silent=(('"accept"', '"deny"'),),
    ),
    Case(
        name="a mistake of the base in an entry",
        rule=UNDEFINED,
        text=based(NGINX, '{"grants": [{"src": [§"group:x"], "dst": ["*"], "ip": ["*"]}]}'),
        says='src=group not found: "group:x"',
        silent=(('§"group:x"', '"*"'),),
    ),
    Case(
        name="an unknown key of the base",
        rule=UNKNOWN_KEY,
        text=based(NGINX, '{§"grant": []}'),
        says='the policy file: unknown key "grant"',
        mend="Write grants if that is meant.",
        silent=(('§"grant"', '"grants"'),),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


def test_every_rule_without_an_example_has_a_case() -> None:
    families = (names, tags, links, ingress, api_server, chart, policy_file)
    rules = {rule.code for family in families for rule in family.RULES if not rule.bad} | {CONFLICTING_DEFINITION.code}
    by_hand = {ingress.FUNNEL_NOT_ALLOWED.code}  # what is declared brings its attribute along: see test_checks
    assert rules - by_hand <= {case.rule.code for case in CASES}
