"""SARIF, held against what its standard and GitHub require; there is no network here to fetch the schema with."""

from __future__ import annotations

import json
import re
from typing import Any

from tailstack.finding import Finding, Needs, Place, Rule, Severity
from tailstack.report.checked import checked_as_sarif
from tailstack.report.sarif import FINGERPRINT, ROOT, as_sarif
from tailstack.rules.registry import RULES
from tailstack.rules.suppress import SuppressedFinding
from tailstack.topology.tailnet import Suppression
from tests.rules.environments import check

CLASH = Rule(
    code="TS101",
    slug="duplicate-hostname",
    what="Two nodes ask for the same name.",
    why="The second is renamed.",
    mend="Rename one.",
    source="issue 5, https://example.com/a#b, https://example.com/c",
    bad="a: 1\n",
    good="a: 2\n",
)
DOUBT = Rule(
    code="TS901",
    slug="doubt",
    severity=Severity.WARNING,
    what="W.",
    why="Y.",
    mend="M.",
    source="docs/x.md",
    needs=Needs.MANIFESTS,
)
FIRST, SECOND = Place("stacks/a b/ä#.yaml", 37, 17), Place("stacks/other.yaml", 9, 5)
Data = dict[str, Any]


def run_of(text: str) -> Data:
    data: Data = json.loads(text)
    check_log(data)
    (run,) = data["runs"]
    return run


def check_log(data: Data) -> None:
    """The essentials of the schema: what is needed, what values there are, and that every reference leads somewhere."""
    assert data["version"] == "2.1.0"
    assert data["$schema"].endswith("sarif-schema-2.1.0.json")
    assert set(data) == {"$schema", "version", "runs"}
    for run in data["runs"]:
        assert set(run) <= {"tool", "results", "columnKind", "originalUriBaseIds"}
        assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
        driver = run["tool"]["driver"]
        assert driver["name"]
        identifiers = [rule["id"] for rule in driver["rules"]]
        assert len(set(identifiers)) == len(identifiers)
        for rule in driver["rules"]:
            assert set(rule) <= {"id", "name", "shortDescription", "help", "helpUri", "defaultConfiguration"}
            assert rule["shortDescription"]["text"]
            assert rule["help"]["text"]
            assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
            assert re.fullmatch(r"https://\S+", rule.get("helpUri", "https://none"))
        fingerprints = [result["partialFingerprints"][FINGERPRINT] for result in run["results"]]
        assert len(set(fingerprints)) == len(fingerprints)
        for result in run["results"]:
            check_result(result, identifiers, run["originalUriBaseIds"])


def check_result(result: Data, identifiers: list[str], bases: Data) -> None:
    assert set(result) <= {
        *("ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations"),
        *("partialFingerprints", "suppressions"),
    }
    assert result["level"] in {"none", "note", "warning", "error"}
    assert result["message"]["text"]
    assert identifiers[result["ruleIndex"]] == result["ruleId"] if "ruleIndex" in result else True
    assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
    numbers = [location["id"] for location in result.get("relatedLocations", [])]
    assert len(set(numbers)) == len(numbers)
    places = [*result["locations"], *result.get("relatedLocations", [])]
    for suppression in result["suppressions"]:
        assert set(suppression) <= {"kind", "status", "justification", "location"}
        assert suppression["kind"] in {"inSource", "external"}
        assert suppression["status"] in {"accepted", "underReview", "rejected"}
        places.append(suppression["location"])
    for place in places:
        physical = place["physicalLocation"]
        artifact, region = physical["artifactLocation"], physical["region"]
        assert re.fullmatch(r"([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", artifact["uri"])
        assert not artifact["uri"].startswith("/")
        assert artifact["uriBaseId"] in bases
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1


def clash(*places: Place, message: str = "both ask for ops") -> Finding:
    return CLASH.at(*places, message=message, expected="a name for each")


def test_a_finding_has_its_rule_level_words_and_all_places() -> None:
    (result,) = run_of(as_sarif([clash(FIRST, SECOND)], [], [DOUBT, CLASH]))["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("TS101", 1, "error")
    assert result["message"]["text"] == "both ask for ops Expected: a name for each. Rename one."
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "stacks/a%20b/%C3%A4%23.yaml", "uriBaseId": ROOT},
                "region": {"startLine": 37, "startColumn": 17},
            }
        }
    ]
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "stacks/other.yaml"
    assert result["suppressions"] == []


def test_a_finding_without_a_place_or_of_an_unlisted_rule_is_told_too() -> None:
    (result,) = run_of(as_sarif([DOUBT.at(message="m")], [], []))["results"]
    assert result["locations"] == []
    assert "ruleIndex" not in result
    assert "relatedLocations" not in result
    assert (result["level"], result["message"]["text"]) == ("warning", "m M.")


def test_what_is_suppressed_carries_its_reason_and_its_place() -> None:
    suppression = Suppression(rule="doubt", reason="one team runs both", place=SECOND, stretches=())
    meant = SuppressedFinding(finding=DOUBT.at(FIRST, message="m"), suppression=suppression)
    shown, suppressed = run_of(as_sarif([clash(FIRST)], [meant], [CLASH, DOUBT]))["results"]
    assert shown["suppressions"] == []
    (said,) = suppressed["suppressions"]
    assert (said["kind"], said["status"], said["justification"]) == ("inSource", "accepted", "one team runs both")
    assert said["location"]["physicalLocation"]["region"] == {"startLine": 9, "startColumn": 5}


def test_rules_are_described() -> None:
    first, second = run_of(as_sarif([], [], [CLASH, DOUBT]))["tool"]["driver"]["rules"]
    assert (first["id"], first["name"]) == ("TS101", "duplicate-hostname")
    assert first["shortDescription"] == {"text": "Two nodes ask for the same name."}
    assert first["help"]["text"] == "The second is renamed.\nRename one."
    assert first["help"]["markdown"] == (
        "The second is renamed.\n\nRename one.\n\nBad:\n\n```yaml\na: 1\n```\n\nGood:\n\n```yaml\na: 2\n```\n"
    )
    assert first["helpUri"] == "https://example.com/a#b"
    assert first["defaultConfiguration"] == {"level": "error"}
    assert "helpUri" not in second
    assert second["help"] == {"text": "Y.\nM.\nNeeds: manifests", "markdown": "Y.\n\nM.\n\nNeeds: manifests"}


def fingerprints(*findings: Finding) -> list[str]:
    results = run_of(as_sarif(findings, [], []))["results"]
    return [result["partialFingerprints"][FINGERPRINT] for result in results]


def test_fingerprints_stay_when_lines_move_and_tell_findings_apart() -> None:
    here = clash(FIRST, SECOND)
    (before,) = fingerprints(here)
    moved = clash(Place(FIRST.file, 99, 1), Place(SECOND.file, 100, 2))
    assert fingerprints(moved) == [before]
    assert re.fullmatch(r"[0-9a-f]{16}:1", before)
    others = [
        clash(FIRST, SECOND, message="another"),
        clash(FIRST),
        clash(SECOND, FIRST),
        DOUBT.at(FIRST, SECOND, message=here.message),
    ]
    assert len({before, *fingerprints(*others)}) == 5
    assert fingerprints(here, here) == [before, before.replace(":1", ":2")]


def test_bytes_that_are_no_text_do_not_break_it() -> None:
    text = as_sarif([clash(Place("a\udcff.yaml", 1, 1), message="\udcff")], [], [])
    assert text.encode()
    assert run_of(text)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%3F.yaml"


def test_checking_an_environment_gives_all_rules() -> None:
    text = """
clusters:
  blue:
    kubernetes: {context: blue}
    expose:
      nginx: {namespace: default, ports: [tcp:80], selector: {a: b}}
      apache:
        {namespace: default, ports: [tcp:80], selector: {a: b}, suppress: [{rule: TS404, reason: later}]}
"""
    checked, _ = check(text)
    run = run_of(checked_as_sarif(checked))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.code for rule in RULES]
    assert [len(result["suppressions"]) for result in run["results"]] == [0, 1]
