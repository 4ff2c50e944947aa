"""Findings as SARIF 2.1.0, the form that code scanning reads: one run, every rule, and what is suppressed with its reason.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. What GitHub reads of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.report.rules import example_as_markdown
from tailstack.report.style import encodable
from tailstack.rules.suppress import SuppressedFinding
from tailstack.topology.tailnet import Suppression

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

ROOT = "SRCROOT"
"""Names the folder that all paths are relative to: the project, or the folder that a command was called in."""

FINGERPRINT = "primaryLocationLineHash"
"""The fingerprint by which GitHub tells whether an alert is one that it has seen. Ours does not change when lines move."""

_URL = re.compile(r"https://[^\s,;)]+")
_LONGEST_FINGERPRINT = 16


def as_sarif(findings: Sequence[Finding], suppressed: Sequence[SuppressedFinding], rules: Sequence[Rule]) -> str:
    """The findings that are shown and those that are suppressed, beside a description of all rules. Ends with a newline.

    A finding of a rule that is not among `rules` is described by its code alone.
    """
    index = {rule.code: position for position, rule in enumerate(rules)}
    fingerprints = _Fingerprints()
    results = [_result(finding, None, index, fingerprints) for finding in findings]
    results += [_result(each.finding, each.suppression, index, fingerprints) for each in suppressed]
    driver: dict[str, object] = {"name": "tailstack", "rules": [_rule(rule) for rule in rules]}
    run: dict[str, object] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that all paths are relative to."}}},
        "results": results,
    }
    data = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return encodable(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    url = _URL.search(rule.source)
    needs = [] if rule.needs is Needs.TAILNET else [f"Needs: {rule.needs}"]
    text = [rule.why, rule.mend, *needs]
    examples = example_as_markdown(rule)
    described: dict[str, object] = {
        "id": rule.code,
        "name": rule.slug,
        "shortDescription": {"text": rule.what},
        "help": {
            "text": "\n".join(text),
            "markdown": "\n\n".join(text) + (f"\n\n{examples}" if examples else ""),
        },
        "defaultConfiguration": {"level": str(rule.severity)},
    }
    if url is not None:
        described["helpUri"] = url.group()
    return described


def _result(
    finding: Finding, suppression: Suppression | None, index: dict[str, int], fingerprints: _Fingerprints
) -> dict[str, object]:
    expected = f" Expected: {finding.expected}." if finding.expected else ""
    result: dict[str, object] = {"ruleId": finding.rule.code}
    if finding.rule.code in index:
        result["ruleIndex"] = index[finding.rule.code]
    result["level"] = str(finding.rule.severity)
    result["message"] = {"text": f"{finding.message}{expected} {finding.mend}".strip()}
    result["locations"] = [_location(place) for place in finding.places[:1]]
    if finding.places[1:]:
        related = enumerate(finding.places[1:], 1)
        result["relatedLocations"] = [
            {"id": number, **_location(place), "message": {"text": "This is involved too."}}
            for number, place in related
        ]
    result["partialFingerprints"] = {FINGERPRINT: fingerprints.of(finding)}
    # An empty list says that nobody suppressed it; without the list nobody could say.
    result["suppressions"] = [] if suppression is None else [_suppression(suppression)]
    return result


def _suppression(suppression: Suppression) -> dict[str, object]:
    return {
        "kind": "inSource",
        "status": "accepted",
        "justification": suppression.reason,
        "location": _location(suppression.place),
    }


def _location(place: Place) -> dict[str, object]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.file, errors="replace"), "uriBaseId": ROOT},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


class _Fingerprints:
    """Tells findings apart by their rule, their words and their files; those that agree in all of these, by their order."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, finding: Finding) -> str:
        parts = [finding.rule.code, finding.message, *(place.file for place in finding.places)]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_LONGEST_FINGERPRINT]
        self._seen[digest] += 1
        return f"{digest}:{self._seen[digest]}"
