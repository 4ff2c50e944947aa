"""API-server proxies, ProxyGroups among them; what they impersonate, what binds it, and what they record."""

from __future__ import annotations

from tailstack.rules.api_proxy_setup import IMPERSONATION_RBAC, MODE_VALUE, PROXY_CLASS_IMAGE, SELF_MANAGED_PATH
from tailstack.rules.api_server import (
    GRANT_DST_NOT_PROXY,
    GRANT_SPAN,
    NO_NETWORK_PATH,
    NOAUTH_IMPERSONATE,
    POSTURE_BYPASS,
    PROXY_OFF,
)
from tailstack.rules.frames import operator_deployment
from tailstack.rules.rbac import DEAD_BINDING, GROUP_NOT_BOUND, TAGGED_SOURCE, UNION_GROUPS
from tailstack.rules.recording import RECORDER_FAIL_OPEN, RECORDER_MISSING, RECORDER_PATH
from tests.rules.cases import Case, found_and_silent

OPERATOR = "# CLUSTER/operator.yaml\n" + operator_deployment(env='{name: APISERVER_PROXY, value: "MODE"}')
BLUE = OPERATOR.replace("CLUSTER", "blue").replace("MODE", "true")
GREEN = OPERATOR.replace("CLUSTER", "green").replace("MODE", "true")
OFF = OPERATOR.replace("CLUSTER", "blue").replace("MODE", "false")
KUBE = """# blue/kube.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: kube}
spec: {type: kube-apiserver, tags: ["tag:kube"]}
"""
BINDING = """# blue/rbac.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: developers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "GROUP"}]
"""


def policy(*grants: str) -> str:
    owned = '"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"], "tag:ci": [], "tag:rec": [], "tag:op": []'
    return (
        f'# policy.hujson\n{{"tagOwners": {{{owned}, "tag:kube": ["tag:k8s-operator"]}}, '
        f'"groups": {{"group:dev": ["ana@example.com"]}},\n"grants": [{", ".join(grants)}]}}\n'
    )


def grant(
    dst: str, value: str = '{"impersonate": {"groups": ["dev"]}}', src: str = '"group:dev"', mark: str = ""
) -> str:
    app = f'"app": {{"tailscale.com/cap/kubernetes": [{value}]}}'
    return f'{mark}{{"src": [{src}], "dst": [{dst}], "ip": ["tcp:443"], {app}}}'


NETWORK = '{"src": ["group:dev"], "dst": ["svc:kube"], "ip": ["tcp:443"]}'
RECORD = '{"recorder": ["tag:rec"], "enforceRecorder": true}'
PATH = '{"src": ["tag:k8s-operator"], "dst": ["tag:rec"], "ip": ["tcp:80"]}'
RECORDER = """# blue/recorder.yaml
apiVersion: tailscale.com/v1alpha1
kind: Recorder
metadata: {name: rec}
spec: {enableUI: true, tags: ["tag:rec"]}
"""
CLASS = """# blue/class.yaml
apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {name: §own}
spec: {statefulSet: {pod: {tailscaleContainer: {image: "example.com:5000/k8s-proxy@sha256:0"}}}}
"""
PEOPLE = """groups: {group:dev: [ana@example.com, li@example.com], group:ops: [ana@example.com, bo@example.com]}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
  green: {kubernetes: {context: z}, operator: {apiServerProxy: {mode: auth}}}
access:
  - name: developers
    from: [group:dev]
    to: [{apiServer: blue}, {apiServer: green}]
    §kubernetes: {impersonate: {groups: [dev]}, bind: {clusterRole: edit}}
  - name: operators
    from: [group:ops]
    to: [{apiServer: blue}]
    ②kubernetes: {impersonate: {groups: [ops]}, bind: {clusterRole: admin}}
"""
CI = """machines: {ci: {tags: [tag:ci]}}
clusters:
  blue: {kubernetes: {context: x}, operator: {apiServerProxy: {mode: auth}}}
access:
  - {name: CI deploys, from: [§{machine: ci}], to: [{apiServer: blue}]}
"""

CASES = (
    Case(
        rule=NO_NETWORK_PATH,
        text=OFF
        + KUBE
        + policy(grant('"tag:kube"').replace('"group:dev"', '§"group:dev"').replace('"ip": ["tcp:443"], ', "")),
        says="group:dev has Kubernetes rights at tag:kube, and does not reach it on tcp:443.",
        silent=(
            # A ProxyGroup is reached by its Tailscale Service.
            ('"grants": [', f'"grants": [{NETWORK}, '),
            ('"dst": ["tag:kube"], ', '"dst": ["tag:kube"], "ip": ["tcp:443"], '),
        ),
    ),
    Case(
        rule=GRANT_DST_NOT_PROXY,
        text=BLUE + policy(grant('§"tag:kube"')),
        says="No operator with an API-server proxy in auth mode wears tag:kube.",
        expected="one of tag:k8s-operator",
        silent=(
            ("# policy.hujson", f"{KUBE}# policy.hujson"),
            # Nobody shows the operator, which may wear anything.
            ("k8s-operator:v1.102.3", "other"),
        ),
    ),
    Case(
        rule=PROXY_OFF,
        text=OFF.replace("name: operator, namespace", "name: ②operator, namespace")
        + KUBE
        + policy(grant('§"tag:k8s-operator"')),
        says="tag:k8s-operator is worn by operator blue, whose API-server proxy is off.",
        silent=(('value: "false"', 'value: "true"'), ("cap/kubernetes", "cap/relay")),
    ),
    Case(
        rule=NOAUTH_IMPERSONATE,
        text=BLUE
        + KUBE.replace("kube}", "②kube}").replace('"]}', '"], kubeAPIServer: {mode: noauth}}')
        + policy(grant('§"tag:kube"')),
        says="Only API-server proxies in noauth mode wear tag:kube: proxy group blue.kube.",
        silent=(("mode: noauth", "mode: auth"), ('§"tag:kube"', '"tag:k8s-operator"')),
    ),
    Case(
        rule=GRANT_SPAN,
        text=BLUE.replace("name: operator, namespace", "name: ②operator, namespace")
        + GREEN.replace("name: operator, namespace", "name: ③operator, namespace")
        + policy(grant('§"tag:k8s-operator"')),
        says="group:dev gets the same Kubernetes rights in blue, green: the API-server proxies of all of them wear "
        "tag:k8s-operator.",
        mend="Give each operator a tag of its own (operatorConfig.defaultTags), and grant those that are meant.",
        silent=(
            (
                (
                    "③operator, namespace: tailscale}\nspec:\n  template:\n    spec:\n      containers:\n        - name: operator\n          image: "
                    "tailscale/k8s-operator:v1.102.3\n          env: ["
                ),
                (
                    "operator, namespace: tailscale}\nspec:\n  template:\n    spec:\n      "
                    "containers:\n        - name: operator\n          image: tailscale/k8s-operator:v1.102.3\n          env: "
                    '[{name: OPERATOR_INITIAL_TAGS, value: "tag:op"}, '
                ),
            ),
            ("# green/", "# blue/two/"),
            ("cap/kubernetes", "cap/relay"),
        ),
    ),
    Case(
        rule=POSTURE_BYPASS,
        text="clusters: {blue: {kubernetes: {context: x}}}\n# base.hujson\n"
        """{"postures": {"posture:mac": ["node:os == 'macos'"]}, "acls": [\n"""
        '§{"action": "accept", "src": ["autogroup:admin"], "srcPosture": ["posture:mac"], "dst": ["*:22", "*:80"]},\n'
        '②{"action": "accept", "src": ["autogroup:member"], "dst": ["*:22"]}]}\n',
        says="stacks/test/base.hujson:3:1 asks for posture:mac, and the same is allowed without it by "
        "stacks/test/base.hujson:4:1.",
        silent=(('"dst": ["*:22"]', '"dst": ["*:443"]'), ("autogroup:member", "tag:k8s-blue")),
    ),
    Case(
        rule=GROUP_NOT_BOUND,
        text=BLUE + BINDING.replace("GROUP", "devs") + policy(grant('"tag:k8s-operator"', mark="§")),
        says="The Kubernetes group dev (a grant of the hand-written policy file) is bound to no role in blue.",
        mend="Did you mean devs?",
        silent=(
            ('name: "devs"', 'name: "dev"'),
            ('["dev"]', '["system:authenticated"]'),
            ('"tag:k8s-operator"]', '"*"]'),
        ),
    ),
    Case(
        rule=GROUP_NOT_BOUND,
        text=OFF + KUBE + policy(grant('"svc:kube"', mark="§")),
        says="The Kubernetes group dev (a grant of the hand-written policy file) is bound to no role in blue.",
        mend="Add a ClusterRoleBinding or RoleBinding of the group there.",
        silent=(
            ("# policy.hujson", BINDING.replace("GROUP", "dev") + "# policy.hujson"),
            ('"svc:kube"', '"svc:other"'),
        ),
    ),
    Case(
        rule=DEAD_BINDING,
        text=BLUE
        + BINDING.replace("GROUP", "group:dev").replace("developers", "§developers")
        + policy(grant('"tag:k8s-operator"')),
        says="developers of blue binds a role to group:dev, which no grant hands out there.",
        expected="one of dev",
        mend="Did you mean dev?",
        silent=(
            ('name: "group:dev"', 'name: "dev"'),
            ('name: "group:dev"', 'name: "oidc:dev"'),
            ('value: "true"', 'value: "false"'),
            ('["dev"]', '["dev", "group:dev"]'),
        ),
    ),
    Case(
        rule=DEAD_BINDING,
        text=BLUE + BINDING.replace("GROUP", "tag:ci").replace("developers", "§developers") + policy(grant('"tag:op"')),
        says="developers of blue binds a role to tag:ci, which no grant hands out there.",
        expected="one of dev",
        silent=(('"grants": [', '"grants": [{"src": ["tag:ci"], "dst": ["tag:k8s-operator"], "ip": ["tcp:443"]}, '),),
    ),
    Case(
        rule=DEAD_BINDING,
        text=BLUE.replace("env: [", 'env: [{name: OPERATOR_INITIAL_TAGS, value: "tag:op"}, ')
        + GREEN
        + BINDING.replace("GROUP", "dev").replace("developers", "§developers")
        + policy(grant('"tag:k8s-operator"')),
        says="developers of blue binds a role to dev, which no grant hands out there.",
        silent=(('"dst": ["tag:k8s-operator"]', '"dst": ["tag:op"]'), ('"dst": ["tag:k8s-operator"]', '"dst": ["*"]')),
    ),
    Case(
        rule=UNION_GROUPS,
        text=PEOPLE,
        says="ana@example.com has the Kubernetes groups dev, ops in blue, by two entries.",
        silent=(
            ("[ana@example.com, bo@", "[bo@"),
            ("li@example.com]", "bo@example.com]"),
            ("groups: [ops]", "groups: [dev]"),
            ("groups: [ops]", "groups: [dev, ops]"),
            ("from: [group:ops]", "from: [autogroup:admin]"),
            ("{apiServer: blue}, {apiServer: green}", "{apiServer: green}"),
        ),
    ),
    Case(
        rule=UNION_GROUPS,
        text=PEOPLE.replace("from: [group:dev]", "from: [ana@example.com, li@example.com]"),
        says="ana@example.com has the Kubernetes groups dev, ops in blue, by two entries.",
        silent=(
            ("from: [ana@example.com, li@", "from: [li@"),
            ("from: [ana@example.com, li@example.com]", "from: ['user:*@example.com']"),
        ),
    ),
    Case(
        rule=TAGGED_SOURCE,
        text=CI,
        says="ci gets no Kubernetes group in blue, and is there in the groups tag:ci, to which nothing declared binds a role.",
        silent=(
            ("[§{machine: ci}]", "[autogroup:admin]"),
            ("mode: auth", "mode: noauth"),
            (
                "access:\n",
                (
                    "access:\n  - {name: all, from: [tag:ci], to: [{apiServer: blue}], kubernetes: {impersonate: "
                    "{groups: [x]}, bind: {clusterRole: view}}}\n"
                ),
            ),
        ),
    ),
    Case(
        rule=TAGGED_SOURCE,
        text=BLUE
        + BINDING.replace("GROUP", "tag:other")
        + policy(grant('"tag:k8s-operator"', "{}", '§"tag:ci", "group:dev"')),
        says="tag:ci gets no Kubernetes group in blue, and is there in the groups tag:ci, to which nothing declared binds a role.",
        silent=(
            ('name: "tag:other"', 'name: "tag:ci"'),
            ('kind: Group, name: "tag:other"', 'kind: User, name: "runner.tail1a2b.ts.net"'),
            ("[{}]", '[{"impersonate": {"groups": ["dev"]}}]'),
            ('§"tag:ci", ', ""),
        ),
    ),
    Case(
        rule=RECORDER_MISSING,
        text=BLUE + RECORDER + policy(grant('"tag:k8s-operator"', RECORD.replace("tag:rec", "tag:ci"), mark="§"), PATH),
        says="A grant sends recordings to tag:ci, which no Recorder wears.",
        expected="one of tag:rec",
        silent=(
            ('"recorder": ["tag:ci"]', '"recorder": ["tag:rec"]'),
            ('"recorder": ["tag:ci"]', '"recorder": "tag:ci"'),
        ),
    ),
    Case(
        rule=RECORDER_MISSING,
        text=BLUE
        + KUBE.replace("name: kube}", "name: ②kube}")
        + policy(grant('"tag:k8s-operator"', RECORD.replace("tag:rec", "tag:kube"), mark="§")),
        says="A grant sends recordings to tag:kube, which no Recorder wears.",
        expected="a Recorder that wears it",
        silent=(
            (
                "# policy.hujson",
                '# facts.json\n{"devices": [{"name": "r.tail1a2b.ts.net", "tags": ["tag:kube"]}]}\n# policy.hujson',
            ),
        ),
    ),
    Case(
        rule=RECORDER_MISSING,
        text=BLUE
        + RECORDER
        + policy(grant('"tag:k8s-operator"', RECORD.replace('["tag:rec"]', '["tag:rec", "tag:ci"]'), mark="§")),
        says="A grant sends recordings to tag:rec, tag:ci, and one tag is the most there can be.",
        silent=((', "tag:ci"]', "]"),),
    ),
    Case(
        rule=RECORDER_PATH,
        text=BLUE.replace("name: operator, namespace", "name: ②operator, namespace")
        + RECORDER
        + policy(
            grant('"tag:k8s-operator"', RECORD, mark="§"),
            grant('"tag:k8s-operator"', RECORD),
            PATH.replace("tcp:80", "tcp:443"),
        ),
        says="The API-server proxy of operator blue (tag:k8s-operator) may not connect to tag:rec on tcp:80.",
        silent=(
            ('"dst": ["tag:rec"], "ip": ["tcp:443"]', '"dst": ["tag:rec"], "ip": ["tcp:80"]'),
            ('"dst": ["tag:k8s-operator"]', '"dst": ["tag:kube"]'),
            ('value: "true"', 'value: "false"'),
            # That nothing wears the tag, another rule says.
            ('tags: ["tag:rec"]', 'tags: ["tag:ci"]'),
        ),
    ),
    Case(
        rule=RECORDER_FAIL_OPEN,
        text=BLUE + RECORDER + policy(grant('"tag:k8s-operator"', RECORD.replace("true", "false"), mark="§"), PATH),
        says="A grant asks for recordings by tag:rec, and does not enforce them.",
        expected='"enforceRecorder": true',
        silent=((": false", ": true"), ('"recorder": ["tag:rec"], ', "")),
    ),
    Case(
        rule=IMPERSONATION_RBAC,
        text=OFF.replace("name: operator, namespace", "name: ②operator, namespace")
        + KUBE.replace("name: kube}", "name: §kube}"),
        says="The operator of blue sets up no impersonation, which proxy group blue.kube in auth mode needs.",
        silent=(
            ('value: "false"', 'value: "true"'),
            ("type: kube-apiserver", "kubeAPIServer: {mode: noauth}, type: kube-apiserver"),
            ("k8s-operator:v1.102.3", "other"),
            (
                "# blue/kube.yaml",
                (
                    "# blue/sa.yaml\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: "
                    "kube-apiserver-auth-proxy, namespace: tailscale}\n# blue/kube.yaml"
                ),
            ),
        ),
    ),
    Case(
        rule=MODE_VALUE,
        text=BLUE.replace('value: "true"', 'value: §"on"'),
        says='The mode of the API-server proxy of blue is "on".',
        expected="one of true, false, noauth, as a text",
        silent=(
            ('§"on"', '"noauth"'),
            ('§"on"', '""'),
            ("# blue/", '# facts.json\n{"charts": {"blue": {"version": "1.102.3", "values": {}}}}\n# blue/'),
        ),
    ),
    Case(
        rule=MODE_VALUE,
        text='clusters: {blue: {kubernetes: {context: x}}}\n# facts.json\n{"charts": {"blue": {"version": "1.102.3", "values": '
        '{"apiServerProxyConfig": {"mode": §true}}}}}\n',
        says='The mode of the API-server proxy of blue is "True", and no text.',
        silent=(("§true", '"true"'), ('"mode": §true', '"allowImpersonation": "true"'), ('{"mode": §true}', "true")),
    ),
    Case(
        rule=PROXY_CLASS_IMAGE,
        text=BLUE
        + CLASS
        + "# blue/out.yaml\napiVersion: tailscale.com/v1alpha1\nkind: ProxyGroup\nmetadata: {name: ②out}\n"
        "spec: {type: egress, proxyClass: own}\n",
        says="ProxyClass own of blue has the image example.com:5000/k8s-proxy@sha256:0, and ProxyGroup out of type egress runs "
        "tailscale.",
        silent=(
            ("/k8s-proxy@", "/tailscale@"),
            ("type: egress", "type: kube-apiserver"),
            ("proxyClass: own", ""),
            ("/k8s-proxy@", "/mirror@"),
        ),
    ),
    Case(
        rule=SELF_MANAGED_PATH,
        text="clusters:\n  §blue: {kubernetes: {context: green-operator.tail1a2b.ts.net}}\n"
        "  green: {kubernetes: {context: z}, ②operator: {apiServerProxy: {mode: auth}}}\n",
        says="Cluster blue is reached by the context green-operator.tail1a2b.ts.net: that is the API-server proxy of operator "
        "green.",
        silent=(("mode: auth", 'mode: "off"'), ("green-operator.tail1a2b.ts.net", "blue")),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)
