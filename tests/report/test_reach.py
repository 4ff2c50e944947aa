from __future__ import annotations

from tailstack.access.compile import compile_policy
from tailstack.report.reach import reach, reach_as_text
from tests.rules.environments import TAILNET, tailnet_of

TEXT = """
groups:
  group:ops: {rotation: {members: [ana@example.com, li@example.com], every: 7d, from: "2026-01-05T09:00:00Z"}}
  group:synced@example.com: {synced: true}
  group:unused: [x@example.com]
  group:empty: []
postures:
  posture:mac: [node:os == 'macos']
  posture:linux: [node:os == 'linux']
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: auth}}
    expose:
      nginx: {namespace: default, ports: [tcp:80, tcp:443], selector: {a: b}}
      lonely: {namespace: default, ports: [udp:53], selector: {a: b}}
    ingress:
      page: {namespace: default, backend: {service: nginx, port: 80}, funnel: true}
  green:
    kubernetes: {context: green}
    operator: {tags: [tag:k8s-op-blue], apiServerProxy: {mode: noauth}}
    egress:
      out: {namespace: default, to: {exposure: blue.nginx}, ports: [tcp:80]}
  red:
    kubernetes: {context: red}
access:
  - name: everything that listens, whatever it may be called in the end, as long as it is this one
    from: [group:ops, group:synced@example.com, group:empty]
    to: [tag:k8s-blue--nginx]
    ports: [tcp:443-450]
    srcPosture: [posture:mac, posture:linux]
  - name: ops
    from: [group:ops]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [readers, writers]}}
"""
BASE = """{"grants": [
  {"src": ["autogroup:admin"], "dst": ["tag:k8s-op-blue"], "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}]}},
  {"src": ["autogroup:member"], "dst": ["tag:k8s-blue--nginx"], "ip": ["22"]},
]}"""
TAILNET_OF_TEXT = tailnet_of(TEXT, base=BASE)
TARGETS = reach(TAILNET_OF_TEXT, compile_policy(TAILNET_OF_TEXT))

EXPECTED = """\
exposure blue.nginx  blue-nginx.tail1a2b.ts.net tcp:80, tcp:443
  group:ops, group:synced@example.com, group:empty
                                            tcp:443  access: everything that listens, whatever it
                                                     may be called in the end, as long as it is this
                                                     one; in posture:mac or posture:linux
  tag:k8s-green--out                        tcp:80   link: green.out -> blue.nginx

exposure blue.lonely  blue-lonely.tail1a2b.ts.net udp:53
  nobody

ingress blue.page  blue-page.tail1a2b.ts.net tcp:443
  everybody on the internet  tcp:443  Funnel

API server of blue (auth)  blue-operator.tail1a2b.ts.net tcp:443
  autogroup:admin  no port  stacks/test/base.hujson:2:3; as x
  group:ops        tcp:443  access: ops; as readers, writers

API server of green (noauth)  green-operator.tail1a2b.ts.net tcp:443
  group:ops  tcp:443  access: ops

group:ops: li@example.com, by rotation
group:synced@example.com: members are kept by the identity provider and not known here
group:empty: nobody
"""


def test_every_target_is_shown_with_all_that_leads_to_it() -> None:
    assert reach_as_text(TARGETS, TAILNET_OF_TEXT) == EXPECTED


def test_no_line_is_wider_than_a_terminal_and_colours_change_no_word() -> None:
    assert max(map(len, EXPECTED.splitlines())) <= 100
    painted = reach_as_text(TARGETS, TAILNET_OF_TEXT, colour=True)
    assert "\x1b[1mexposure blue.nginx\x1b[0m" in painted
    assert painted.replace("\x1b[1m", "").replace("\x1b[0m", "") == EXPECTED


def test_a_narrow_terminal_still_gets_every_word() -> None:
    narrow = reach_as_text(TARGETS, TAILNET_OF_TEXT, width=40)
    assert narrow.split() == EXPECTED.split()


def test_without_groups_there_is_no_word_about_them() -> None:
    tailnet = tailnet_of("clusters: {}\n", tailnet=TAILNET)
    assert reach_as_text(reach(tailnet, compile_policy(tailnet)), tailnet) == ""


WHOLE = """
services:
  svc:db: {ports: [tcp:5432], proxyGroup: in, backends: {blue: apps/db}}
  svc:site: {https: {}, proxyGroup: in, backends: {blue: {namespace: apps, service: site, port: 80}}}
machines:
  office: {tags: [tag:office], routes: [10.0.0.0/16], exitNode: true}
  saas: {tags: [tag:saas], appConnector: {domains: [example.com, example.org]}}
clusters:
  blue:
    kubernetes: {context: blue}
    operator: {apiServerProxy: {mode: noauth}}
    proxyGroups:
      in: {type: ingress}
      api: {type: kube-apiserver}
      carrying: {type: kube-apiserver, kubeAPIServer: {mode: noauth}}
    expose: {ha: {namespace: apps, managedBy: gitops, ports: [tcp:80], proxyGroup: in}}
    connectors:
      apps: {appConnector: {domains: [example.net]}}
    recorders:
      audit: {enableUI: true}
      kept: {s3: {endpoint: s3.example.com, bucket: b}}
access:
  - {name: uses, from: [autogroup:member], to: [{service: "svc:db"}, {exposure: blue.ha}, {recorder: blue.audit}]}
  - {name: part, from: [autogroup:member], to: [{route: 10.0.1.0/24}], ports: [tcp:443]}
  - {name: out, from: [autogroup:admin], to: [{exitNode: office}]}
  - name: look
    from: [autogroup:admin]
    to: [{apiServer: blue}]
    kubernetes: {impersonate: {groups: [readers]}, bind: {clusterRole: view}}
"""

OF_THE_WHOLE = """\
exposure blue.ha  blue-ha.tail1a2b.ts.net tcp:80
  autogroup:member  tcp:80  access: uses

API server of blue (noauth)  blue-operator.tail1a2b.ts.net tcp:443
  autogroup:admin  tcp:443  access: look

API server of blue (auth, proxy group blue.api)  blue-api.tail1a2b.ts.net tcp:443
  autogroup:admin   tcp:443  access: look; as readers
  autogroup:member  no port  stacks/test/base.hujson:1:13; as x

API server of blue (noauth, proxy group blue.carrying)  blue-carrying.tail1a2b.ts.net tcp:443
  autogroup:admin  tcp:443  access: look

recorder blue.audit  audit-0.tail1a2b.ts.net tcp:443
  autogroup:member  tcp:443  access: uses

service svc:db  db.tail1a2b.ts.net tcp:5432
  autogroup:member  tcp:5432  access: uses

service svc:site  site.tail1a2b.ts.net tcp:443
  nobody

app connector blue.apps  example.net *
  nobody

route 10.0.0.0/16 of machine office  10.0.0.0/16 *
  autogroup:member  tcp:443  access: part

exit node office  autogroup:internet *
  autogroup:admin  *  access: out

app connector saas  example.com, example.org *
  nobody
"""


def test_services_and_what_leads_out_of_the_tailnet_are_reached_too() -> None:
    base = """{"grants": [{"src": ["autogroup:member"], "dst": ["tag:k8s-blue--api"],
        "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["x"]}}]}}]}"""
    tailnet = tailnet_of(WHOLE, base=base)
    assert reach_as_text(reach(tailnet, compile_policy(tailnet)), tailnet) == OF_THE_WHOLE


def test_what_is_open_to_all_leads_out_too() -> None:
    tailnet = tailnet_of(
        "machines: {office: {tags: [tag:office], routes: [10.0.0.0/16]}}\n"
        "access: [{name: all, from: ['*'], to: ['*'], ports: ['*']}]\n"
    )
    (target,) = reach(tailnet, compile_policy(tailnet))
    assert [way.reason for way in target.ways] == ["access: all"]
