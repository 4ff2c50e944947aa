"""7xx: the values that the operator's chart is given. The chart has no schema: what it does not know it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.manifests.operators import operator_deployments
from tailstack.rules.chart_values import (
    ALWAYS_KNOWN,
    CHART_VALUES,
    FIREWALL_MODES,
    LOG_LEVELS,
    NEWEST,
    PROXY_MODES,
    Known,
    Section,
    Type,
)
from tailstack.rules.releases import Release, releases
from tailstack.rules.subject import Subject
from tailstack.topology.wording import nearest, path_text, quoted

_CHART = """clusters: {blue: {kubernetes: {context: blue}}}
# facts.json
{"charts": {"blue": {"version": "1.102.3", "values": VALUES}}}
"""
_SOURCE = "https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/deploy/chart/values.yaml"

UNKNOWN_VALUE = Rule(
    code="TS702",
    slug="unknown-value",
    what="A value is given to the operator's chart that this version of it does not know.",
    why="Helm ignores it without a word, and the operator runs as if it had not been written.",
    mend="Correct the name, or use a version of the chart that knows it.",
    source=_SOURCE,
    needs=Needs.FACTS,
    bad=_CHART.replace("VALUES", '{"operatorConfig": {"hostName": "blue-operator"}}'),
    good=_CHART.replace("VALUES", '{"operatorConfig": {"hostname": "blue-operator"}}'),
)
VALUE_ENUM = Rule(
    code="TS703",
    slug="value-enum",
    what="A setting of the operator is a word that the operator does not know.",
    why="The operator stops at its start, or makes no proxy; a level of logging is ignored.",
    mend="Write one of the words that it knows.",
    source="https://github.com/tailscale/tailscale/blob/v1.102.3/cmd/k8s-operator/operator.go",
    needs=Needs.FACTS,
    bad=_CHART.replace("VALUES", '{"proxyConfig": {"firewallMode": "ipvs"}}'),
    good=_CHART.replace("VALUES", '{"proxyConfig": {"firewallMode": "nftables"}}'),
)
VALUE_TYPE = Rule(
    code="TS704",
    slug="value-type",
    what="A value of the operator's chart has another type than the chart expects.",
    why='Helm writes it into the manifests as it is: they are refused, or mean something else (the text "false" is true).',
    mend="Write the value in the type that is expected.",
    source=_SOURCE,
    needs=Needs.FACTS,
    bad=_CHART.replace("VALUES", '{"installCRDs": "false"}'),
    good=_CHART.replace("VALUES", '{"installCRDs": false}'),
)
RULES = (UNKNOWN_VALUE, VALUE_ENUM, VALUE_TYPE)

_Path = tuple[str, ...]


def chart_values(subject: Subject) -> Iterator[Finding]:
    """All three rules, over values wherever they are known, and over what Helm has made of them."""
    for release in releases(subject):
        yield from _section(release, release.values, CHART_VALUES, ())
    yield from _rendered_words(subject)


def _section(release: Release, values: Mapping[str, object], known: Section, path: _Path) -> Iterator[Finding]:
    for key, value in values.items():
        here = (*path, key)
        expected = known.get(key)
        if isinstance(expected, Known):
            yield from _value(release, value, expected, here)
        elif expected is None:
            if path or key not in ALWAYS_KNOWN:
                yield from _unknown(release, key, known, here)
        elif isinstance(value, dict):
            yield from _section(release, cast("dict[str, object]", value), expected, here)
        elif value is not None:
            yield _wrong_type(release, here, Type.MAPPING)


def _unknown(release: Release, key: str, known: Section, path: _Path) -> Iterator[Finding]:
    """Nothing where the version is not known, or is newer than those that were read."""
    if release.version is None or release.version > NEWEST:
        return
    near = nearest(key, known)
    elsewhere = [other for other in _paths(CHART_VALUES, ()) if other[-1] == key]
    meant = (*path[:-1], near) if near else elsewhere[0] if len(elsewhere) == 1 else None
    yield UNKNOWN_VALUE.at(
        release.place(path),
        message=f"The chart of {release.who} has no value {path_text(path)}.",
        expected=f"a value of the chart {'.'.join(map(str, release.version))}",
        mend=f"Write {path_text(meant)} if that is meant." if meant else "",
    )


def _paths(section: Section, path: _Path) -> Iterator[_Path]:
    for key, inner in section.items():
        if isinstance(inner, Known):
            yield (*path, key)
        else:
            yield from _paths(inner, (*path, key))


def _value(release: Release, value: object, known: Known, path: _Path) -> Iterator[Finding]:
    if release.version is not None and release.version < known.since:
        since = ".".join(map(str, known.since))
        yield UNKNOWN_VALUE.at(
            release.place(path),
            message=f"The chart of {release.who} has no value {path_text(path)} yet.",
            expected=f"the chart {since} or newer",
            mend=f"Use the chart {since} or newer, or leave the value out.",
        )
    elif value is None:
        return
    elif not _fits(value, known.type):
        if path != _LIST_OF_TAGS or not isinstance(value, list):
            yield _wrong_type(release, path, known.type)
    elif known.words:
        word = str(value).lower() if isinstance(value, bool) else str(value)
        if word not in known.words and word:
            yield _wrong_word(release.place(path), f"{path_text(path)} of {release.who}", word, known.words)


_LIST_OF_TAGS = ("proxyConfig", "defaultTags")
"""Has a rule of its own, which knows what was meant: see objects_tags."""


_PYTHON: Mapping[Type, tuple[type, ...]] = {
    Type.TEXT: (str,),
    Type.SWITCH: (bool,),
    Type.WORD: (str, bool),
    Type.MAPPING: (dict,),
    Type.LIST: (list,),
    Type.TEXTS: (str, list),
}


def _fits(value: object, wanted: Type) -> bool:
    if not isinstance(value, _PYTHON[wanted]):
        return False
    every = cast("list[object]", value) if wanted is Type.TEXTS and isinstance(value, list) else []
    return all(isinstance(one, str) for one in every)


def _wrong_type(release: Release, path: _Path, wanted: Type) -> Finding:
    return VALUE_TYPE.at(
        release.place(path),
        message=f"{path_text(path)} of {release.who} is not {wanted}.",
        expected=wanted,
    )


def _wrong_word(place: Place, what: str, word: str, words: tuple[str, ...]) -> Finding:
    near = nearest(word, words)
    return VALUE_ENUM.at(
        place,
        message=f"{what} is {quoted(word)}.",
        expected=f"one of {', '.join(words)}",
        mend=f"Write {near} if that is meant." if near else "",
    )


_VARIABLES = {
    "PROXY_FIREWALL_MODE": FIREWALL_MODES,
    "OPERATOR_LOGGING": LOG_LEVELS,
    "APISERVER_PROXY": PROXY_MODES,
}


def _rendered_words(subject: Subject) -> Iterator[Finding]:
    objects = subject.objects
    for cluster in objects.clusters if objects is not None else ():
        for operator in operator_deployments(objects, cluster) if objects is not None else ():
            for variable, words in _VARIABLES.items():
                word = operator.env.get(variable, "")
                if word and word not in words:
                    yield _wrong_word(operator.place(variable), f"{variable} of the operator of {cluster}", word, words)


CHECKS = (chart_values,)
