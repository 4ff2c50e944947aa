"""Whatever is written in place of a valid tailnet: never a traceback, never a finding without its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeAlias

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailstack.finding import Finding, InvalidTailnetError
from tailstack.report.findings import as_github, as_json, as_text
from tests.mutations.topologies import topologies
from tests.rules.examples import checked
from tests.topology.marked import path_of

TOPOLOGIES = topologies()
QUICK = settings(deadline=timedelta(seconds=20), max_examples=80, suppress_health_check=[HealthCheck.too_slow])

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | float | bool | None"
Path: TypeAlias = "tuple[str | int, ...]"

STRANGE: list[Plain] = [
    *(
        "",
        "a",
        "*",
        "tag:k8s",
        "group:x",
        "autogroup:self",
        "blue.nginx",
        "tcp:80",
        "true",
        "10.0.0.0/8",
        "é",
        "a" * 300,
    ),
    *(0, -1, 80, 70000, True, None, 1.5, [], {}, ["a"], {"a": "b"}, [["a"]]),
]
VALUES = st.sampled_from(STRANGE)


def findings_of(files: dict[str, str]) -> tuple[Finding, ...]:
    """What checking finds; each with a place inside of a file, if it has one, and each said by every report."""
    try:
        found = checked(files).findings
    except InvalidTailnetError as error:
        found = error.findings
    texts = files | {path_of(name): text for name, text in files.items()}
    for finding in found:
        assert finding.message
        for place in finding.places:
            if place.file in texts:
                lines = re.split("\r\n|\r|\n", texts[place.file])
                assert 1 <= place.line <= len(lines), (finding, place)
                assert 1 <= place.column <= len(lines[place.line - 1]) + 1, (finding, place)
    assert all(report(found) is not None for report in (as_text, as_json, as_github))
    return found


def paths(value: Plain, path: Path = ()) -> Iterator[Path]:
    """The way to every value in plain data, the whole itself left out."""
    for step, part in steps(value):
        yield (*path, step)
        yield from paths(part, (*path, step))


def steps(value: Plain) -> list[tuple[str | int, Plain]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def changed(value: Plain, path: Path, new: Plain, *, delete: bool) -> Plain:
    """The same data with another value at the end of a path, or with none there."""
    first, *rest = path
    parts = dict(steps(value))
    if rest:
        parts[first] = changed(parts[first], tuple(rest), new, delete=delete)
    elif delete:
        del parts[first]
    else:
        parts[first] = new
    return {str(key): part for key, part in parts.items()} if isinstance(value, dict) else list(parts.values())


@st.composite
def edited(draw: st.DrawFn) -> dict[str, str]:
    """The files of a topology, in one of which a few values are others or gone."""
    files = dict(TOPOLOGIES[draw(st.sampled_from(sorted(TOPOLOGIES)))])
    name = draw(st.sampled_from(sorted(name for name in files if name.endswith(".yaml"))))
    documents: Plain = list(yaml.safe_load_all(files[name]))
    for _ in range(draw(st.integers(1, 3))):
        every = list(paths(documents))
        if every:
            documents = changed(documents, draw(st.sampled_from(every)), draw(VALUES), delete=draw(st.booleans()))
    assert isinstance(documents, list)
    files[name] = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)
    return files


@QUICK
@given(edited())
def test_any_other_structure_is_checked(files: dict[str, str]) -> None:
    findings_of(files)


@QUICK
@given(st.sampled_from(sorted(TOPOLOGIES)), st.data())
def test_any_other_text_is_checked(name: str, data: st.DataObject) -> None:
    files = dict(TOPOLOGIES[name])
    file = data.draw(st.sampled_from(sorted(files)))
    text = files[file]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    files[file] = text[:start] + data.draw(st.text(alphabet="ab:-{}[]\"',#*&/ \n\t\\1", max_size=5)) + text[end:]
    findings_of(files)
