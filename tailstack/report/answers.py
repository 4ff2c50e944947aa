"""Answers to questions of access in words and as JSON. The first sentence answers the question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tailstack.access.answers import Explanation, Line, Listing, LoginLine, Way
from tailstack.access.evaluate import Verdict
from tailstack.access.layers import CapabilityWay, LoginWay
from tailstack.access.missing import Miss
from tailstack.access.parties import Cause, Party, Role
from tailstack.access.ports import Ports
from tailstack.access.principals import EVERYONE
from tailstack.access.routers import Hop
from tailstack.access.ssh import how_often, users_text
from tailstack.access.suggest import Language, grant_ports
from tailstack.report.findings import JSON_VERSION
from tailstack.report.telling import Part, Told
from tailstack.topology.wording import listed

_ANY_PORT = "any port"
_UNKNOWN_MEMBERS = "members are kept by the identity provider and not known here"
_WHERE = {Language.YAML: "under `access`", Language.HUJSON: "in `grants`"}


def tell_explanation(found: Explanation) -> Told:
    """Why one party reaches another, or what is missing."""
    parts = [
        Part(title="Why", items=tuple(_way(way) for way in found.ways)),
        Part(title="Application capabilities", items=tuple(_capability(way) for way in found.capabilities)),
        Part(title="Tailscale SSH", items=tuple(_login(way) for way in found.logins)),
        Part(title="What is missing", items=tuple(_miss(miss) for miss in found.missing)),
    ]
    if found.suggestion is not None:
        suggestion = found.suggestion
        parts.append(
            Part(
                title=f"The smallest declaration that would allow it, {_WHERE[suggestion.language]}",
                items=suggestion.notes,
                code=suggestion.text,
                language=suggestion.language,
            )
        )
    elif found.verdict is Verdict.DENIED and found.wanted is None:
        parts.append(Part(title="Ask about one port", items=("with --port the smallest declaration is shown",)))
    parts.append(Part(title="Notes", items=found.notes))
    return Told(
        answer=explanation_answer(found),
        parts=tuple(part for part in parts if part.items or part.code),
        is_good={Verdict.ALLOWED: True, Verdict.DENIED: False}.get(found.verdict),
    )


def explanation_answer(found: Explanation) -> str:
    """`ana@example.com reaches exposure blue.nginx on tcp:80.`"""
    source, target = found.source.name, _called_target(found.target)
    closed = f", and not on {ports_text(found.closed)}" if found.closed else ""
    devices = f"only from a device in {' or '.join(found.postures)}"
    match found.verdict:
        case Verdict.ALLOWED:
            also = f", and on {ports_text(found.conditional)} {devices}" if found.conditional else ""
            return f"{source} reaches {target} on {ports_text(found.open)}{also}{closed}."
        case Verdict.CONDITIONAL:
            at_once = f" on {ports_text(found.open)}, and" if found.open else ""
            return f"{source} reaches {target}{at_once} on {ports_text(found.conditional)} {devices}{closed}."
        case _:
            ports = ports_text(found.closed) if found.wanted is not None else _ANY_PORT
            has = found.open.union(found.conditional)
            but = f", but on {ports_text(has)}" if has else ""
            return f"{source} does not reach {target} on {ports}{but}."


def ports_text(ports: Ports) -> str:
    """Ports in a sentence."""
    text = str(ports)
    return "every port" if text == "*" else text


def _called_target(party: Party) -> str:
    return _target(party.reference) if party.reference == EVERYONE else party.name


def _target(name: str) -> str:
    return "everything (*)" if name == EVERYONE else name


def _source(name: str) -> str:
    return "everyone (*)" if name == EVERYONE else name


def _way(way: Way) -> str:
    parts = [f"{ports_text(way.ports)} by {way.cause}"]
    if way.postures:
        parts.append(f"only from a device in {' or '.join(way.postures)}{_devices(way)}")
    parts += _through(way.hops)
    return "; ".join(parts)


def _devices(way: Way) -> str:
    met = f"{listed(way.met_by)} {'is' if len(way.met_by) == 1 else 'are'}" if way.met_by else ""
    missed = f"{listed(way.missed_by)} {'is' if len(way.missed_by) == 1 else 'are'} not" if way.missed_by else ""
    return f" ({', '.join(filter(None, (met, missed)))})" if met or missed else ""


def _through(hops: Sequence[Hop]) -> Iterator[str]:
    if hops:
        names = listed(dict.fromkeys(hop.router.name for hop in hops))
        routes = listed(dict.fromkeys(str(hop.route) for hop in hops))
        kind = "exit node" if hops[0].is_exit else "subnet router"
        yield f"through the {kind} {names} ({routes})" if len(hops) == 1 else f"through {kind}s {names} ({routes})"


def _capability(way: CapabilityWay) -> str:
    what = f"acts in Kubernetes as {listed(way.groups)}" if way.groups else f"has {way.name}"
    if way.postures:
        what += f" from a device in {' or '.join(way.postures)}"
    if way.is_dead:
        what = f"would have {way.name}, but no entry opens {way.needs}: a grant of a capability alone reaches nothing"
    return f"{what}, by {way.cause}"


def _login(way: LoginWay) -> str:
    users = users_text(way.users)
    if way.is_dead:
        return f"the ssh rule {way.cause} allows {users}, but nothing opens tcp:22: nobody gets in by it"
    often = f" ({how_often(way.check_period)})" if way.check_period else ""
    asked = f" after a fresh login{often}" if way.is_check else ""
    posture = f", only from a device in {' or '.join(way.postures)}" if way.postures else ""
    return f"logs in as {users}{asked}{posture}, by {way.cause}"


def _miss(miss: Miss) -> str:
    return f"{miss.cause} {miss.text}" if miss.cause is not None else miss.text


def tell_listing(found: Listing) -> Told:
    """Who reaches a target, or what a source reaches."""
    is_who = found.role is Role.TARGET
    side = _who if is_who else _what
    parts = (
        Part(
            title="By which entries",
            items=tuple(
                f"{listed(map(_source if is_who else _target, side(line)))}: {line_text(line)}" for line in found.lines
            ),
        ),
        Part(title="Tailscale SSH", items=tuple(login_line_text(line) for line in found.logins)),
        Part(title="Groups", items=tuple(f"{name}: {members_text(members)}" for name, members in found.members)),
        Part(title="Nodes", items=tuple(f"{name}: {listed(nodes)}" for name, nodes in found.known_as)),
        Part(title="Notes", items=found.notes),
    )
    return Told(answer=listing_answer(found), parts=tuple(part for part in parts if part.items))


def _who(line: Line) -> tuple[str, ...]:
    return line.who


def _what(line: Line) -> tuple[str, ...]:
    return line.what


def members_text(members: Sequence[str] | None) -> str:
    """The members of a group in words."""
    return _UNKNOWN_MEMBERS if members is None else listed(members, none="nobody")


def listing_answer(found: Listing) -> str:
    """`group:developers and tag:ci reach exposure blue.nginx.`"""
    on = f" on {ports_text(found.asked)}" if found.asked is not None else ""
    if found.role is Role.TARGET:
        target = _called_target(found.party)
        names = list(dict.fromkeys(name for line in found.lines if line.ports for name in line.who))
        if not names:
            return f"Nobody reaches {target}{on}."
        return f"{listed(map(_source, names))} {'reaches' if len(names) == 1 else 'reach'} {target}{on}."
    names = list(dict.fromkeys(name for line in found.lines if line.ports for name in line.what))
    return f"{found.party.name} reaches {listed(map(_target, names), none='nothing')}{on}."


def line_text(line: Line) -> str:
    """One entry: its ports, what it gives beside them, its conditions, and where it stands."""
    parts = [f"{ports_text(line.ports) if line.ports else 'no port'} by {line.cause}"]
    if line.groups:
        parts.append(f"as {listed(line.groups)} in Kubernetes")
    elif line.capabilities:
        parts.append(f"with {listed(line.capabilities)}")
    if line.postures:
        parts.append(f"only from a device in {' or '.join(line.postures)}")
    if line.hops:
        parts += _through(line.hops)
    elif line.via:
        parts.append(f"only through {' or '.join(line.via)}")
    parts += [f"reaches nothing: {dead}, and no entry opens it" for dead in line.dead]
    return "; ".join(parts)


def login_line_text(line: LoginLine) -> str:
    """One SSH rule: who logs in where, as whom."""
    who, what = listed(map(_source, line.who)), listed(map(_target, line.what))
    return f"{who} to {what}: {_login(line.way)}"


def explanation_as_json(found: Explanation) -> str:
    """`{"version", "answer", "verdict", "from", "to", "ports", "open", "conditional", "closed", ...}`. Ends with a newline."""
    suggestion = found.suggestion
    return _json(
        {
            "answer": explanation_answer(found),
            "verdict": str(found.verdict),
            "from": _party_data(found.source),
            "to": _party_data(found.target),
            "ports": ports_data(found.asked) if found.asked is not None else None,
            "open": ports_data(found.open),
            "conditional": ports_data(found.conditional),
            "closed": ports_data(found.closed),
            "ways": [
                {
                    "ports": ports_data(way.ports),
                    "postures": list(way.postures),
                    "metBy": list(way.met_by),
                    "missedBy": list(way.missed_by),
                    "routers": _hops_data(way.hops),
                    **cause_data(way.cause),
                }
                for way in found.ways
            ],
            "capabilities": [
                {
                    "name": way.name,
                    "values": list(way.values),
                    "kubernetesGroups": list(way.groups),
                    "postures": list(way.postures),
                    "needs": way.needs,
                    "dead": way.is_dead,
                    **cause_data(way.cause),
                }
                for way in found.capabilities
            ],
            "ssh": [_login_data(way) for way in found.logins],
            "missing": [
                {"lack": str(miss.lack), "text": miss.text, **cause_data(miss.cause or Cause())}
                for miss in found.missing
            ],
            "suggestion": None
            if suggestion is None
            else {
                "language": str(suggestion.language),
                "text": suggestion.text,
                "notes": list(suggestion.notes),
            },
            "notes": list(found.notes),
        }
    )


def listing_as_json(found: Listing) -> str:
    """`{"version", "answer", "from" or "to", "ports", "entries", "ssh", "groups", "nodes", "notes"}`. Ends with a newline."""
    end = "to" if found.role is Role.TARGET else "from"
    return _json(
        {
            "answer": listing_answer(found),
            end: _party_data(found.party),
            "ports": ports_data(found.asked) if found.asked is not None else None,
            **listing_data(found),
        }
    )


def listing_data(found: Listing) -> dict[str, object]:
    """The entries of a listing as plain data."""
    return {
        "entries": [
            {
                "from": list(line.who),
                "to": list(line.what),
                "ports": ports_data(line.ports),
                "postures": list(line.postures),
                "via": list(line.via),
                "routers": _hops_data(line.hops),
                "capabilities": list(line.capabilities),
                "kubernetesGroups": list(line.groups),
                "dead": list(line.dead),
                **cause_data(line.cause),
            }
            for line in found.lines
        ],
        "ssh": [{"from": list(line.who), "to": list(line.what), **_login_data(line.way)} for line in found.logins],
        "groups": {name: None if members is None else list(members) for name, members in found.members},
        "nodes": {name: list(nodes) for name, nodes in found.known_as},
        "notes": list(found.notes),
    }


def _json(data: dict[str, object]) -> str:
    return json.dumps({"version": JSON_VERSION, **data}, indent=2, ensure_ascii=False) + "\n"


def ports_data(ports: Ports) -> list[str]:
    """Ports as the entries of a grant's `ip`."""
    return list(grant_ports(ports))


def _party_data(party: Party) -> dict[str, object]:
    return {"kind": str(party.kind), "name": party.name, "reference": party.reference}


def _hops_data(hops: Sequence[Hop]) -> list[dict[str, object]]:
    return [{"router": hop.router.name, "route": str(hop.route), "exitNode": hop.is_exit} for hop in hops]


def _login_data(way: LoginWay) -> dict[str, object]:
    return {
        "users": list(way.users),
        "check": way.is_check,
        "checkPeriod": way.check_period,
        "postures": list(way.postures),
        "dead": way.is_dead,
        **cause_data(way.cause),
    }


def cause_data(cause: Cause) -> dict[str, object]:
    """The members `declaration` and `places` of something that is in a policy."""
    return {
        "declaration": cause.declaration,
        "places": [{"file": place.file, "line": place.line, "column": place.column} for place in cause.places],
    }
