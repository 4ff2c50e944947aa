"""2xx: tags of devices that are there already, against those that the policy defines and that are declared."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.inventory import Node
from tailstack.access.nodes import NodeKind
from tailstack.access.selectors import SelectorKind
from tailstack.finding import Finding, Needs, Rule, Severity
from tailstack.rules.subject import Subject
from tailstack.topology.wording import did_you_mean, listed

_DEVICE = """machines: {web: {tags: [tag:web]}}
# facts.json
{"devices": [{"name": "web.tail1a2b.ts.net", "tags": ["TAG"]}], "keys": []}
"""
_PROXY = """clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      web: {namespace: default, ports: [tcp:80], selector: {app: web}, tags: [tag:web]}
# facts.json
{"devices": [{"name": "blue-web.tail1a2b.ts.net", "tags": ["TAG"]}]}
"""

TAG_MUTATION = Rule(
    code="TS212",
    slug="tag-mutation",
    severity=Severity.WARNING,
    what="A proxy that is in the tailnet already wears other tags than are declared for it.",
    why="The operator gives tags when a proxy first joins and never again: the policy goes on to see the old ones.",
    mend="Delete the object and let it be made anew, or set the tags of the device in the admin console.",
    source="https://github.com/tailscale/tailscale/issues/15226",
    needs=Needs.FACTS,
    bad=_PROXY.replace("TAG", "tag:old"),
    good=_PROXY.replace("TAG", "tag:web"),
)
TAG_REMOVED_IN_USE = Rule(
    code="TS213",
    slug="tag-removed-in-use",
    what="Devices of the tailnet wear a tag that the policy defines no longer.",
    why="No key can be made with it any more: they cannot come back once they have to log in again.",
    mend="Keep the tag in tagOwners until no device wears it, or give those devices another one first.",
    source="https://tailscale.com/kb/1068/tags",
    needs=Needs.FACTS,
    bad=_DEVICE.replace("TAG", "tag:old"),
    good=_DEVICE.replace("TAG", "tag:web"),
)
DEAD_TAG = Rule(
    code="TS215",
    slug="dead-tag",
    severity=Severity.WARNING,
    what="The hand-written policy file names a tag that no node, no Tailscale Service and no credential has.",
    why="What is written for it is for nothing, and often a slip of the keys for another tag.",
    mend="Correct the name, or take it out.",
    source="https://tailscale.com/kb/1337/policy-syntax#tag-owners",
    needs=Needs.FACTS,
    bad=_DEVICE.replace("TAG", "tag:web") + '# base.hujson\n{"tagOwners": {"tag:wev": ["autogroup:admin"]}}\n',
    good=_DEVICE.replace("TAG", "tag:web") + '# base.hujson\n{"tagOwners": {"tag:web": ["autogroup:admin"]}}\n',
)
RULES = (TAG_MUTATION, TAG_REMOVED_IN_USE, DEAD_TAG)


def tag_mutation(subject: Subject) -> Iterator[Finding]:
    """Of what operators make. A device of that name without tags is somebody's own, and another mistake."""
    devices = {node.name: node for node in subject.facts.inventory.nodes}
    for node in subject.nodes:
        device = devices.get(node.fqdn)
        if device is None or not device.tags or node.kind is NodeKind.MACHINE:
            continue
        if set(device.tags) != set(node.tags):
            yield TAG_MUTATION.at(
                node.place,
                *((device.place,) if device.place is not None else ()),
                message=f"{node} is declared with {listed(node.tags)}; the device {device.name} wears {listed(device.tags)}.",
                expected=f"{listed(node.tags)} on the device",
            )


def tag_removed_in_use(subject: Subject) -> Iterator[Finding]:
    """Each tag once, with the devices that wear it."""
    wearing: dict[str, list[Node]] = {}
    for node in subject.facts.inventory.nodes:
        for tag in dict.fromkeys(node.tags):
            if tag not in subject.owners:
                wearing.setdefault(tag, []).append(node)
    for tag, nodes in wearing.items():
        yield TAG_REMOVED_IN_USE.at(
            *(node.place for node in nodes if node.place is not None),
            message=f"{tag} is defined nowhere, and worn by {listed(node.name for node in nodes)}.",
            expected=f"{tag} in tagOwners",
            mend=did_you_mean(tag, subject.owners),
        )


def dead_tag(subject: Subject) -> Iterator[Finding]:
    """What a policy names, it has to define. Only where all devices and all credentials are known: a tag may well be for laptops or for runners of CI."""
    facts = subject.facts
    if not facts.has_devices or facts.credentials is None:
        return
    alive = {tag for wearing in subject.wearings for tag in wearing.tags}
    alive |= {tag for device in facts.inventory.nodes for tag in device.tags}
    alive |= {tag for client in facts.credentials for tag in client.tags}
    # A client that is no operator's, such as one for CI, makes nodes that come and go.
    elsewhere = {tag for client in facts.credentials if not client.clusters for tag in client.tags}
    for owned in subject.policy.base.tag_owners:
        tag = owned.name
        is_given = any(owner.kind is SelectorKind.TAG and owner.name in elsewhere for owner in owned.entries)
        if tag not in alive and not is_given:
            yield DEAD_TAG.at(
                owned.place,
                message=f"{tag} is worn by nothing.",
                expected="a tag that something wears",
                mend=did_you_mean(tag, alive),
            )


CHECKS = (tag_mutation, tag_removed_in_use, dead_tag)
