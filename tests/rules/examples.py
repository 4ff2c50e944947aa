"""Runs the example of a rule: a text that is one file, or several below header lines such as `# blue/app.yaml`.

Without a header the text is YAML of the language, and what every environment needs is put beside it. `# base.hujson` is then
the hand-written policy file. Files in folders (`# blue/app.yaml`) are Kubernetes manifests, a folder for each cluster, with
`# policy.hujson` as the tailnet's policy file. That one alone is anybody's, as `tailstack policy` takes it. `# facts.json` is what
is known of the live tailnet, with any of them. `# stacks/prod/main.yaml` is a file of one environment of several, of which the
first is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tailstack.access.doubts import doubts
from tailstack.access.facts import read_facts
from tailstack.access.parties import directory_of_policy
from tailstack.access.policy_tests import failure_findings, run_tests
from tailstack.access.reading import read_policy
from tailstack.access.validate import validate
from tailstack.finding import Finding, InvalidTailnetError
from tailstack.manifests.reading import read_manifests
from tailstack.rules.check import Checked, check_manifests, check_shared, check_tailnet
from tailstack.topology.loading import resolve_files
from tailstack.topology.sharing import load_shared
from tailstack.topology.tailnet import BasePolicy
from tests.rules.environments import TAILNET, WITH_BASE
from tests.topology.marked import AT, ENVIRONMENT, path_of

POLICY = '{"tagOwners": {"tag:k8s-operator": [], "tag:k8s": ["tag:k8s-operator"]}, "grants": []}'
"""The policy file of manifests that come without one."""

DNS_NAME = "tail1a2b.ts.net"

_HEADER = re.compile(r"^# (\S+\.(?:yaml|json|hujson))$", re.MULTILINE)


def files_of_example(text: str) -> dict[str, str]:
    """The files of an example by their paths; the text before any header is `main.yaml`."""
    first, *rest = _HEADER.split(text)
    is_comment = all(line.startswith("#") for line in first.splitlines() if line.strip())
    files = {} if is_comment else {"main.yaml": first}
    return files | dict(zip(rest[::2], rest[1::2], strict=True))


def findings_of_example(text: str) -> tuple[Finding, ...]:
    """Everything that checking an example finds, be it that it cannot be read."""
    try:
        return findings_of(files_of_example(text))
    except InvalidTailnetError as error:
        return error.findings


def findings_of(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Everything that checking such files finds. Raises InvalidTailnetError where declarations cannot be read."""
    if files.keys() <= {"policy.hujson", "facts.json"}:
        return _of_policy(files.get("policy.hujson", ""), files.get("facts.json", "{}"))
    return checked(files).findings


def _of_policy(text: str, facts: str) -> tuple[Finding, ...]:
    """What `tailstack policy check` and `policy test` find."""
    inventory = read_facts(facts, file="facts.json").inventory
    policy = read_policy(text, file="policy.hujson")
    found = (*validate(policy), *failure_findings(run_tests(policy, inventory)))
    if any(finding.is_error for finding in found):
        return found
    return (*found, *doubts(directory_of_policy(policy, inventory)))


def checked(named: Mapping[str, str]) -> Checked:
    """What checking such files gives. Raises InvalidTailnetError where declarations cannot be read."""
    files = dict(named)
    if all(path.startswith("stacks/") for path in files):
        first = next(iter(files)).split("/")[1]
        return check_shared(load_shared(first, lambda name: resolve_files(files, name, AT)))
    live = files.pop("facts.json", None)
    facts = read_facts(live, file="facts.json") if live is not None else None
    if any("/" in path for path in files):
        policy = BasePolicy(file="policy.hujson", text=files.pop("policy.hujson", POLICY))
        return check_manifests(read_manifests(files), policy, facts=facts, dns_name=DNS_NAME)
    if not any(re.search(r"^tailnet:", text, re.MULTILINE) for text in files.values()):
        files["a.yaml"] = WITH_BASE if "base.hujson" in files else TAILNET
    elif not any(re.search(r"^defaults:", text, re.MULTILINE) for text in files.values()):
        files["a.yaml"] = TAILNET.partition("\n")[2]
    paths = {path_of(name): text for name, text in files.items()}
    return check_tailnet(resolve_files(paths, ENVIRONMENT, AT), facts)
