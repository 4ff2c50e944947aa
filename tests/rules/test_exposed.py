"""To whom something is exposed, under how many names, and with which certificate."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tailstack.finding import Place
from tailstack.manifests.reading import read_manifests
from tailstack.rules.certificates import (
    CERTIFICATE_VOLUME,
    MOST_NEW_NAMES,
    STAGING_CERTIFICATE,
    staging_certificate,
)
from tailstack.rules.check import check_manifests
from tailstack.rules.exposed import EXPOSED_TO_ALL, FUNNEL_PLUS_PRIVATE, IDENTITY_SPLIT
from tailstack.rules.ingress import HTTPS_OFF, MAGICDNS_OFF
from tailstack.rules.subject import subject_of
from tailstack.topology.tailnet import BasePolicy
from tests.rules.cases import Case, found_and_silent, found_in, said_of
from tests.rules.examples import POLICY, files_of_example

CLUSTER = "kubernetes: {context: x}"
BOTH = f"""
clusters:
  blue:
    {CLUSTER}
    expose:
      web: {{namespace: default, ports: [tcp:443], selector: {{a: b}}}}
    ingress:
      page: {{namespace: default, backend: {{service: web, port: 80}}, funnel: true}}
"""
PAGE = BOTH.replace("page:", "§page:").replace("web:", "web:")
OPS = "groups: {group:ops: [ana@example.com]}\npostures: {posture:mac: [node:os == 'macos']}\n"
SERVICE = """# blue/web.yaml
apiVersion: v1
kind: Service
metadata: {name: §web, namespace: default, annotations: {tailscale.com/expose: "true"}}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ②web, namespace: default, annotations: {}}
spec:
  ingressClassName: tailscale
  tls: [{hosts: [shop]}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
"""
SETTINGS = '# facts.json\n{"settings": {"httpsEnabled": false}, "dns": {"magicDNS": true}}\n'
RECORDER = """# blue/recorder.yaml
apiVersion: tailscale.com/v1alpha1
kind: Recorder
metadata: {name: ②recorder}
spec: {enableUI: true}
"""
STAGING = """# blue/web.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: §web, namespace: default, annotations: {tailscale.com/proxy-group: in}}
spec:
  ingressClassName: tailscale
  tls: [{hosts: [shop]}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: tailscale.com/v1alpha1
kind: ProxyGroup
metadata: {name: in}
spec: {type: ingress, proxyClass: own}
---
apiVersion: tailscale.com/v1alpha1
kind: ProxyClass
metadata: {name: ②own}
spec: {useLetsEncryptStagingEnvironment: true}
# green/out.yaml
apiVersion: v1
kind: Service
metadata: {name: out, namespace: default, annotations: {tailscale.com/tailnet-fqdn: shop.tail1a2b.ts.net}}
spec: {type: ExternalName, externalName: placeholder, ports: [{port: 443}]}
"""

CASES = (
    Case(
        rule=EXPOSED_TO_ALL,
        text=f"{OPS}{BOTH.replace('web:', '②web:').replace('page:', '③page:')}access:\n"
        "  - §{name: all, from: [autogroup:member, group:ops], to: ['*'], ports: [tcp:443]}\n",
        says="autogroup:member may reach exposure blue.web, ingress blue.page, by access: all.",
        silent=(
            ("autogroup:member, ", ""),
            ("ports: [tcp:443]}\n", "ports: [tcp:22]}\n"),
            ("to: ['*'], ports: [tcp:443]", "to: [{exposure: blue.web}, {ingress: blue.page}]"),
            ("{name: all,", "{name: all, srcPosture: [posture:mac],"),
        ),
    ),
    Case(
        rule=EXPOSED_TO_ALL,
        text=f"{OPS}{BOTH.replace('web:', '②web:')}access:\n  - §{{name: all, from: [autogroup:danger-all], to: [{{exposure: blue.web}}]}}\n",
        says="autogroup:danger-all may reach exposure blue.web, by access: all.",
        silent=(("autogroup:danger-all", "autogroup:member"), ("autogroup:danger-all", "group:ops")),
    ),
    Case(
        rule=FUNNEL_PLUS_PRIVATE,
        text=f"{OPS}{PAGE}access:\n  - ②{{name: ops, from: [group:ops], to: [{{ingress: blue.page}}]}}\n",
        says="ingress blue.page is open to the internet, and access: ops grants it to some only.",
        silent=(
            ("funnel: true", "funnel: false"),
            ("[group:ops], to: [{ingress", "[autogroup:member], to: [{ingress"),
            ("[{ingress: blue.page}]", "[{exposure: blue.web}]"),
            ("[{ingress: blue.page}]", "[{exposure: blue.web}, {ingress: blue.page}]"),
            ("[group:ops], to: [{ingress", "[tag:k8s-blue], to: [{ingress"),
        ),
    ),
    Case(
        rule=FUNNEL_PLUS_PRIVATE,
        text=f"{OPS}{PAGE}access:\n  - ②{{name: macs, from: [autogroup:member], srcPosture: [posture:mac], to: "
        "[{exposure: blue.web}, {ingress: blue.page}]}\n",
        says="ingress blue.page is open to the internet, and access: macs grants it to some only.",
        silent=(("srcPosture: [posture:mac], ", ""),),
    ),
    Case(
        rule=IDENTITY_SPLIT,
        text=SERVICE,
        says="Service default/web of blue is default-web by itself, and shop by its Ingress.",
        silent=(
            ('expose: "true"', 'expose: "true", tailscale.com/hostname: web-http'),
            ("service: {name: web", "service: {name: other"),
            # A clash, of which another rule tells.
            ("[shop]", "[default-web]"),
        ),
    ),
    Case(
        rule=HTTPS_OFF,
        text=SERVICE.replace("§", "").replace('expose: "true"', 'expose: "false"') + SETTINGS,
        says="HTTPS certificates are off, and needed by ingress blue.web.",
        mend="Switch it on under DNS in the admin console of the tailnet.",
        before=(Place("facts.json", 1, 1),),
        silent=(("false}", "true}"), ('"httpsEnabled": false', "")),
    ),
    Case(
        rule=HTTPS_OFF,
        text=RECORDER + SETTINGS,
        says="HTTPS certificates are off, and needed by recorder blue.recorder.",
        mend="Switch it on under DNS in the admin console of the tailnet.",
        before=(Place("facts.json", 1, 1),),
        silent=(("enableUI: true", "enableUI: false"), ("enableUI: true", "enableUI: true, tailnet: other")),
    ),
    Case(
        rule=MAGICDNS_OFF,
        text=RECORDER.replace("Recorder", "ProxyGroup").replace("enableUI: true", "type: kube-apiserver")
        + SETTINGS.replace('"magicDNS": true', '"magicDNS": false'),
        says="MagicDNS is off, and needed by API-server proxy of proxy group blue.recorder.",
        mend="Switch it on under DNS in the admin console of the tailnet.",
        before=(Place("facts.json", 1, 1),),
        silent=(('"magicDNS": false', '"magicDNS": true'), ("kube-apiserver", "egress")),
    ),
    Case(
        rule=STAGING_CERTIFICATE,
        text=STAGING,
        says="Ingress blue.web gets a staging certificate by ProxyClass own, and an egress leads to it.",
        silent=(
            ("shop.tail1a2b", "other.tail1a2b"),
            ("Environment: true", "Environment: false"),
            ("proxyClass: own", ""),
            ("tailscale.com/proxy-group: in", "tailscale.com/proxy-class: other"),
        ),
    ),
)


test_it_is_found, test_a_near_miss_is_not = found_and_silent(CASES)


def test_a_policy_without_rules_has_a_finding_of_its_own() -> None:
    policy = '# policy.hujson\n{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}}\n'
    assert found_in(SERVICE.replace("§", "").replace("②", "") + policy, EXPOSED_TO_ALL) == ()


def _names(count: int) -> str:
    return RECORDER.replace("②recorder", "r").replace("enableUI: true", f"enableUI: true, replicas: {count}")


SHARING = {"version": "1.104.0", "values": {"operatorConfig": {"sharedACMEAccountKey": True}}}


@pytest.mark.parametrize(
    ("facts", "is_found"),
    [
        ({}, True),
        ({"devices": [{"name": "r-3.tail1a2b.ts.net"}]}, False),
        ({"vipServices": [{"name": "svc:r-3"}]}, False),
        # Only ingress groups have the account.
        ({"charts": {"blue": SHARING}}, True),
    ],
)
def test_names_that_are_live_have_their_certificates(facts: dict[str, object], is_found: bool) -> None:
    text = f"{_names(MOST_NEW_NAMES + 1)}# facts.json\n{json.dumps(facts)}\n"
    assert said_of(text, CERTIFICATE_VOLUME) == (
        ["51 names need a certificate for tail1a2b.ts.net, and Let's Encrypt issues 50 a week."] if is_found else []
    )


@pytest.mark.parametrize(
    ("group", "operator", "chart", "is_found"),
    [
        ("", "", {"version": "1.104.0", "values": {}}, True),
        ("", "", {"version": "1.104.0", "values": {"operatorConfig": {"hostname": "x"}}}, True),
        ("", "", SHARING, False),
        ("", "values: {operatorConfig: {sharedACMEAccountKey: true}}", None, False),
        ("", "values: {operatorConfig: {sharedACMEAccountKey: false}}", None, True),
        (", shareACMEAccount: true", "", None, False),
        (", shareACMEAccount: false", "", SHARING, True),
    ],
)
def test_renewals_of_a_group_that_has_the_tailnets_account_do_not_count(
    group: str, operator: str, chart: dict[str, object] | None, is_found: bool
) -> None:
    facts = json.dumps({"charts": {"blue": chart}} if chart else {})
    ingresses = "".join(
        f"      w{number}: {{namespace: default, backend: {{service: web, port: 80}}, proxyGroup: in}}\n"
        for number in range(MOST_NEW_NAMES + 1)
    )
    text = (
        f"clusters:\n  blue:\n    {CLUSTER}\n    operator: {{chart: {{version: '1.104.5'}}, {operator}}}\n"
        f"    proxyGroups: {{in: {{type: ingress{group}}}}}\n    ingress:\n{ingresses}# facts.json\n{facts}\n"
    )
    assert len(said_of(text, CERTIFICATE_VOLUME)) == is_found


def test_a_name_of_two_clusters_is_one_and_staging_does_not_count() -> None:
    ingresses = "".join(
        f"      w{number}: {{namespace: default, backend: {{service: web, port: 80}}}}\n"
        for number in range(MOST_NEW_NAMES)
    )
    text = f"clusters:\n  blue:\n    {CLUSTER}\n    operator: {{apiServerProxy: {{mode: auth}}}}\n    ingress:\n{ingresses}"
    assert len(said_of(text, CERTIFICATE_VOLUME)) == 1
    assert found_in(text.replace("mode: auth", 'mode: "off"'), CERTIFICATE_VOLUME) == ()


@pytest.mark.parametrize(
    ("environment", "label", "says"),
    [
        ("prod", "x", ["it is prod"]),
        ("x", "production", ["it is production"]),
        ("x", "staging", []),
    ],
)
def test_what_is_called_production_is_relied_on(environment: str, label: str, says: list[str]) -> None:
    text = re.sub("[§②]", "", STAGING.partition("# green")[0])
    checked = check_manifests(
        read_manifests(files_of_example(text)),
        BasePolicy(file="policy.hujson", text=POLICY),
        dns_name="tail1a2b.ts.net",
    )
    assert checked.tailnet is not None
    assert checked.policy is not None
    (cluster,) = checked.tailnet.clusters
    tailnet = replace(checked.tailnet, environment=environment, clusters=(replace(cluster, labels=(("env", label),)),))
    findings = list(staging_certificate(subject_of(tailnet, checked.policy)))
    assert [finding.message for finding in findings] == [
        f"Ingress blue.web gets a staging certificate by ProxyClass own, and {reason}." for reason in says
    ]
