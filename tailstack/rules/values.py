"""7xx: the values that the operator's chart is given. The chart has no schema: what it does not know it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from tailstack.charts.checking import Mistake, MistakeKind
from tailstack.charts.values import FIREWALL_MODES, LOG_LEVELS, PROXY_MODES, check_values
from tailstack.finding import Finding, Needs, Place, Rule
from tailstack.manifests.operators import operator_deployments
from tailstack.rules.releases import Release, releases
from tailstack.rules.subject import Subject
from tailstack.topology.chart_mistakes import meant_key
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

_EVERY_CHART = "global"
"""Helm gives this value to every chart."""

_LIST_OF_TAGS = ("proxyConfig", "defaultTags")
"""Has a rule of its own, which knows what was meant: see objects_tags."""


def chart_values(subject: Subject) -> Iterator[Finding]:
    """All three rules, over values wherever they are known, and over what Helm has made of them."""
    for release in releases(subject):
        for mistake in check_values(release.values, release.version):
            if mistake.path[0] != _EVERY_CHART:
                yield from _mistake(release, mistake)
    yield from _rendered_words(subject)


def _mistake(release: Release, mistake: Mistake) -> Iterator[Finding]:
    place, what = release.place(mistake.path), path_text(mistake.path)
    match mistake.kind:
        case MistakeKind.UNKNOWN | MistakeKind.IDLE:
            meant = meant_key(mistake)
            is_idle = mistake.kind is MistakeKind.IDLE
            yield UNKNOWN_VALUE.at(
                place,
                message=f"No template of the chart of {release.who} reads {what}."
                if is_idle
                else f"The chart of {release.who} has no value {what}.",
                expected=mistake.expected,
                mend=f"Write {path_text(meant)} if that is meant." if meant else "",
            )
        case MistakeKind.NOT_YET:
            yield UNKNOWN_VALUE.at(
                place,
                message=f"The chart of {release.who} has no value {what} yet.",
                expected=mistake.expected,
                mend=f"Use {mistake.expected}, or leave the value out.",
            )
        case MistakeKind.WORD:
            yield _wrong_word(place, f"{what} of {release.who}", str(mistake.found).lower(), mistake.known)
        case _:
            if mistake.path != _LIST_OF_TAGS or not isinstance(mistake.found, list):
                yield VALUE_TYPE.at(
                    place, message=f"{what} of {release.who} is not {mistake.expected}.", expected=mistake.expected
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
