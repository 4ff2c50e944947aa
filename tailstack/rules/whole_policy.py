"""8xx: habits of the whole policy file that cost nothing today."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.access.entries import Entry
from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.rules.subject import Subject

_GRANT = '"grants": [{"src": ["tag:k8s"], "dst": ["tag:k8s"], "ip": ["tcp:80"]}]'
_ANY = "# blue/app.yaml\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"


def _policy(*parts: str) -> str:
    owners = '"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}'
    return f"{_ANY}# policy.hujson\n{{\n" + "".join(f"  {part},\n" for part in (owners, *parts)) + "}\n"


NO_TESTS = Rule(
    code="TS861",
    slug="no-tests",
    severity=Severity.WARNING,
    what="The policy file grants access and has no tests.",
    why="Nothing stops an edit that opens what must stay closed: tests are what Tailscale runs before it takes a policy.",
    mend="Add `tests` with what must be reached and what must not be; in YAML, write `policy: {tests: derived}`.",
    source="https://tailscale.com/kb/1337/policy-syntax#tests",
    bad=_policy(_GRANT),
    good=_policy(_GRANT, '"tests": [{"src": "tag:k8s", "accept": ["tag:k8s:80"]}]'),
)
TWO_LANGUAGES = Rule(
    code="TS862",
    slug="acls-and-grants",
    severity=Severity.WARNING,
    what="An ACL and a grant of the policy file allow the same.",
    why="Access is the union of both, so taking one of them out changes nothing, and whoever reads it believes it did.",
    mend="Keep the grant and take the ACL out, or the other way round.",
    source="https://tailscale.com/kb/1324/grants",
    bad=_policy(_GRANT, '"acls": [{"action": "accept", "src": ["tag:k8s"], "dst": ["tag:k8s:1-100"]}]'),
    good=_policy(_GRANT, '"acls": [{"action": "accept", "src": ["tag:k8s"], "dst": ["tag:k8s:443"]}]'),
)
EDITED_IN_CONSOLE = Rule(
    code="TS863",
    slug="acls-not-locked",
    severity=Severity.WARNING,
    what="The policy file can be edited in the admin console, though it is kept elsewhere.",
    why="An edit there is overwritten by the next update, or makes it fail; until then it is in force and nobody sees it.",
    mend='Set "aclsExternallyManagedOn" in the tailnet\'s settings, with a link to where the policy is kept.',
    source="https://tailscale.com/api#tag/tailnetsettings",
    needs=Needs.FACTS,
    bad=f'{_ANY}# facts.json\n{{"settings": {{"aclsExternallyManagedOn": false}}}}\n',
    good=f'{_ANY}# facts.json\n{{"settings": {{"aclsExternallyManagedOn": true}}}}\n',
)

RULES = (NO_TESTS, TWO_LANGUAGES, EDITED_IN_CONSOLE)


def no_tests(subject: Subject) -> Iterator[Finding]:
    """Where tests are derived there are as many as can be. A policy that grants nothing needs none."""
    policy = subject.policy.policy
    entries = len(policy.grants or ()) + len(policy.acls or ())
    if entries and not subject.tailnet.derive_tests and not policy.tests and not policy.ssh_tests:
        yield NO_TESTS.at(
            subject.tailnet.place,
            message=f"{'One entry grants' if entries == 1 else f'{entries} entries grant'} access, and no test says what "
            "must hold.",
            expected="`tests` in the policy file",
        )


def two_languages(subject: Subject) -> Iterator[Finding]:
    """Entries that name one source and one destination alike, with a port in common. Each ACL is told once."""
    grants: dict[tuple[str, str], list[Entry]] = {}
    for entry in subject.access.entries:
        if not entry.is_acl and entry.ports:
            for pair in _pairs(entry):
                grants.setdefault(pair, []).append(entry)
    said: set[Place] = set()
    for acl in subject.access.entries:
        if not acl.is_acl or acl.place in said:
            continue
        for pair in _pairs(acl):
            grant = next((grant for grant in grants.get(pair, ()) if acl.ports.minus(grant.ports) != acl.ports), None)
            if grant is not None and acl.place not in said:
                said.add(acl.place)
                source, target = pair
                yield TWO_LANGUAGES.at(
                    *dict.fromkeys((*subject.policy.sources(acl.place), *subject.policy.sources(grant.place))),
                    message=f"An ACL and a grant both let {source} reach {target} on the same ports.",
                    expected="one of the two",
                )


def _pairs(entry: Entry) -> Iterator[tuple[str, str]]:
    for source in entry.src:
        for target in entry.dst:
            yield source.name, target.name


def edited_in_console(subject: Subject) -> Iterator[Finding]:
    """By the tailnet's own setting, where that is known."""
    facts = subject.facts
    if facts.is_policy_external is False:
        yield EDITED_IN_CONSOLE.at(
            Place(facts.file, 1, 1),
            message="The tailnet lets admins edit the policy file in the console.",
            expected="aclsExternallyManagedOn: true",
        )


CHECKS = (no_tests, two_languages, edited_in_console)
