"""The tailnet's policy file as the stand-in reads it: its text, its ETag, whose tags are whose, and whether it may be saved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tailstack.access import hujson
from tailstack.access.hujson import Json
from tailstack.sandbox.api.answers import JsonValue
from tailstack.sandbox.api.tailnet import Tailnet

DEFAULT_POLICY = """\
// The policy file of a new tailnet: everyone reaches everything. Replace it with what your tailnet needs.
{
	"grants": [
		{"src": ["*"], "dst": ["*"], "ip": ["*"]},
	],

	// People may log in to their own devices over Tailscale SSH after a fresh check of who they are.
	"ssh": [
		{
			"action": "check",
			"src":    ["autogroup:member"],
			"dst":    ["autogroup:self"],
			"users":  ["autogroup:nonroot", "root"],
		},
	],
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoApprovers:
    """The `autoApprovers` section: who is approved for a prefix, as exit node, for a Service or a Service's tag."""

    routes: Mapping[str, Sequence[str]]
    exit_node: Sequence[str]
    services: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the service says of a policy: `message` is empty if it may be saved; data has one object per failing source."""

    message: str = ""
    data: tuple[Mapping[str, JsonValue], ...] = ()
    warnings: tuple[str, ...] = ()


def text_of(tailnet: Tailnet) -> str:
    """The policy file's text as it was saved. Bytes that are not UTF-8 stand in it as surrogates."""
    return DEFAULT_POLICY if tailnet.policy is None else tailnet.policy


def etag(text: str) -> str:
    """SHA-256 in hexadecimal over the canonical form, as gitops-pusher computes it beside the service."""
    return hashlib.sha256(hujson.format(text).encode("utf-8", "surrogateescape")).hexdigest()


def tag_owners(tailnet: Tailnet) -> Mapping[str, Sequence[str]]:
    """The owners of each declared tag."""
    return _lists(_section(text_of(tailnet), "tagOwners"))


def groups(tailnet: Tailnet) -> Mapping[str, Sequence[str]]:
    """The members of each group."""
    return _lists(_section(text_of(tailnet), "groups"))


def auto_approvers(tailnet: Tailnet) -> AutoApprovers:
    """The `autoApprovers` section, empty where there is none."""
    section = _members(_section(text_of(tailnet), "autoApprovers"))
    exit_node = section.get("exitnode")
    return AutoApprovers(
        routes=_lists(section.get("routes")),
        exit_node=tuple(str(one) for one in exit_node) if isinstance(exit_node, list) else (),
        services=_lists(section.get("services")),
    )


def judge(text: str, tailnet: Tailnet) -> Verdict:
    """What the service would say to a new policy file, its tests included."""
    try:
        hujson.parse(text)
    except hujson.HujsonError as error:
        return Verdict(message=str(error))
    return Verdict()


def judge_tests(tests: str, tailnet: Tailnet) -> Verdict:
    """What the service would say to these tests (a JSON array) against the current policy file."""
    return Verdict()


@lru_cache(maxsize=16)
def _read(text: str) -> Json:
    return hujson.to_python(hujson.parse(text).root)


def _section(text: str, name: str) -> Json:
    return _members(_read(text)).get(name.lower())


def _members(value: Json) -> Mapping[str, Json]:
    return {name.lower(): inner for name, inner in value.items()} if isinstance(value, dict) else {}


def _lists(value: Json) -> Mapping[str, Sequence[str]]:
    if not isinstance(value, dict):
        return {}
    return {name: tuple(str(one) for one in inner) for name, inner in value.items() if isinstance(inner, list)}
