"""Previews for the tests of reports, one for each case that a reader meets."""

from __future__ import annotations

from dataclasses import replace

from tailstack.access.changes import Cause, Change, Difference, Direction, Right, RightKind, Risk, Side
from tailstack.access.compare import NOTHING_CHANGED, Comparison
from tailstack.access.ports import TCP, PortRange, Ports
from tailstack.access.vocabulary import PLAIN
from tailstack.finding import Finding, Place, Rule, Severity
from tailstack.report.cost import Cost
from tailstack.report.link_map import LinkChange
from tailstack.report.plan import ChangeClass, ChangedValue, Op, Plan, PlannedChange, PolicyEdit
from tailstack.report.preview import LivePolicy, PolicyState, PolicyViolation, Preview, Tier

PLACE = Place("stacks/prod/tailnet.yaml", 7, 3)
HOSTILE = "<img src=x onerror=alert(1)> | **bold** `code` [x](http://evil.example) @octocat\n# heading"


def changed(
    op: Op,
    change_class: ChangeClass = ChangeClass.NETWORK,
    name: str = "nginx",
    *values: ChangedValue,
    because: tuple[str, ...] = (),
    kind: str = "exposure",
) -> PlannedChange:
    """One change of an exposure of blue."""
    return PlannedChange(
        urn=f"urn:{kind}:{name}",
        type="kubernetes:core/v1:Service",
        name=f"blue.expose.{name}",
        declaration=f"{kind} blue.{name}",
        kind="Service",
        what=f"Service default/{name} in blue",
        cluster="blue",
        op=op,
        change_class=change_class,
        values=values,
        because=because,
    )


def value(before: str, after: str, path: str = "spec.ports", words: str = "its ports") -> ChangedValue:
    """One value that changes."""
    return ChangedValue(path=path, before=before, after=after, words=words)


def access(direction: Direction, risk: Risk = Risk.ORDINARY, who: str = "group:dev") -> Change:
    """Somebody gains or loses port 80 of nginx."""
    return Change(
        direction=direction,
        who=(who,),
        what=("tag:nginx",),
        right=Right(kind=RightKind.NETWORK, ports=Ports((PortRange(TCP, 80, 80),))),
        risk=risk,
        causes=(Cause(side=Side.NEW, place=PLACE, declaration="access: dev uses nginx"),),
    )


def compared(*changes: Change, notes: tuple[str, ...] = ()) -> Comparison:
    """A comparison with these changes."""
    return Comparison(difference=Difference(changes=changes, notes=notes), vocabulary=PLAIN)


def finding(severity: Severity = Severity.ERROR, message: str = "Two nodes are called nginx.") -> Finding:
    """One finding."""
    rule = Rule(code="TS101", slug="duplicate-hostname", severity=severity, what="w", why="y", mend="Rename one.")
    return rule.at(PLACE, message=message, expected="one name each")


NOTHING = Preview(environment="prod", tier=Tier.ONLINE, base="what is live", comparison=NOTHING_CHANGED)
SAFE = replace(
    NOTHING,
    comparison=compared(access(Direction.GAINED)),
    plan=Plan(
        changes=(
            changed(Op.UPDATE, ChangeClass.NETWORK, "web", value("[80]", "[80, 443]")),
            changed(Op.CREATE),
            changed(Op.UPDATE, ChangeClass.METADATA, "web", value("", '"x"', "metadata.labels.team", "")),
            changed(Op.UPDATE, ChangeClass.NOISE, "api"),
        )
    ),
    live_policy=LivePolicy(state=PolicyState.IN_STEP),
    cost=Cost(devices=(7, 8), certificates=("nginx.tail1a2b.ts.net",)),
)
LOST = replace(
    NOTHING,
    comparison=compared(
        access(Direction.GAINED, Risk.GRAVE),
        access(Direction.LOST),
        access(Direction.NARROWED, who="group:ops"),
        notes=("tests changed",),
    ),
    plan=Plan(
        changes=(replace(changed(Op.UPDATE, ChangeClass.ACCESS), sentences=("group:dev loses tcp:80 to tag:nginx.",)),),
        policy=PolicyEdit(
            before='{"grants": [\n// access: dev uses nginx\n{"src": ["group:dev"], "dst": ["tag:nginx"], "ip": ["tcp:80"]}]}',
            after='{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}], "randomizeClientPort": true}',
        ),
    ),
    live_policy=LivePolicy(state=PolicyState.EDITED, said=("group:dev gains every port to tag:nginx.",)),
)
REPLACED = replace(
    NOTHING,
    plan=Plan(
        changes=(
            changed(
                Op.REPLACE,
                ChangeClass.REPLACE,
                "web",
                value('"a"', '"b"', "metadata.name", "its name"),
                because=("metadata",),
            ),
            changed(Op.REPLACE, ChangeClass.REPLACE, "api"),
        )
    ),
    cost=Cost(
        devices=(8, 8), groups=(2, 1), restarts=("blue", "green"), replaced=("exposure blue.web", "exposure blue.api")
    ),
)
DELETED = replace(
    NOTHING,
    plan=Plan(
        changes=(
            changed(Op.DELETE, ChangeClass.DATA_LOSS, "store", kind="recorder"),
            changed(Op.REPLACE, ChangeClass.DATA_LOSS, "box", kind="recorder"),
            *(changed(Op.DELETE, ChangeClass.NETWORK, name) for name in ("a", "b", "c", "d")),
            changed(Op.FORGET, ChangeClass.METADATA, "kept"),
        )
    ),
    cost=Cost(devices=(8, 3)),
)
FAILED = replace(
    NOTHING,
    comparison=None,
    failure=("could not reach the API server of blue: connection refused", "1 error occurred"),
    live_policy=LivePolicy(state=PolicyState.UNKNOWN, said=("no credential",)),
)
FINDINGS = replace(NOTHING, findings=(finding(), finding(Severity.WARNING, "Nobody uses it.")), comparison=None)
REFUSED_BY_SERVICE = replace(
    NOTHING,
    live_policy=LivePolicy(state=PolicyState.FIRST, refused=("group:dev: address tag:x is not allowed",)),
)
POLICIES = replace(
    SAFE,
    violations=(
        PolicyViolation(
            policy="no-funnel", what="ingress blue.web", message="It is open.\nClose it.", is_mandatory=True
        ),
        PolicyViolation(policy="advice", what="", message="Better not.", is_mandatory=False),
    ),
    warnings=("a provider warns\n  of something\n\n",),
)
ADVICE = replace(POLICIES, violations=POLICIES.violations[1:])
SECRETS = replace(
    NOTHING,
    plan=Plan(
        changes=(
            changed(
                Op.UPDATE,
                ChangeClass.ACCESS,
                "oauth",
                ChangedValue(path="data.key", before="secret:1a2b3c4d", after="secret:5e6f7a8b", is_secret=True),
                ChangedValue(path="data.other", before="secret", after="another secret", is_secret=True),
                value("", '"new"', "metadata.labels.a", ""),
                value('"old"', "", "metadata.labels.b", ""),
                value(f'"{"x" * 200}"', '"short"', "spec.text", ""),
            ),
        )
    ),
)
NAMES = replace(
    SAFE,
    environment=HOSTILE,
    comparison=compared(access(Direction.GAINED, who=HOSTILE)),
    plan=Plan(changes=(changed(Op.REPLACE, ChangeClass.REPLACE, HOSTILE, value(HOSTILE, HOSTILE, HOSTILE, HOSTILE)),)),
    notices=(HOSTILE,),
    warnings=(HOSTILE,),
    base=HOSTILE,
    failure=(),
)
OFFLINE = replace(
    SAFE,
    tier=Tier.OFFLINE,
    base="main",
    plan=Plan(
        changes=(
            replace(changed(Op.UPDATE, ChangeClass.NETWORK, "web", value("[80]", "[81]")), what="exposure blue.web"),
        )
    ),
    live_policy=None,
    notices=("Proxy group blue.out has no NetworkPolicy.",),
    links=(
        LinkChange(source="egress green.web", target="blue.web", before="tcp:80", after="tcp:81"),
        LinkChange(source="egress green.db", target="db.tail1a2b.ts.net", before="", after="tcp:5432"),
        LinkChange(source="egress green.old", target="blue.web", before="tcp:80", after=""),
    ),
)
UNTOLD = replace(NOTHING, tier=Tier.OFFLINE, base="main", comparison=None, untold="The base has errors.")
MANY = replace(
    NOTHING,
    comparison=compared(*(access(Direction.LOST, who=f"group:team-{number}") for number in range(60))),
    plan=Plan(
        changes=(
            changed(
                Op.UPDATE,
                ChangeClass.NETWORK,
                "long",
                *(value(f'"{number}"', f'"{"y" * 50}"', f"spec.field{number}", "") for number in range(30)),
            ),
            *(changed(Op.REPLACE, ChangeClass.REPLACE, f"n{number}") for number in range(60)),
        )
    ),
)
CASES = {
    "nothing": NOTHING,
    "safe": SAFE,
    "access-lost": LOST,
    "replace": REPLACED,
    "delete": DELETED,
    "failed": FAILED,
    "findings": FINDINGS,
    "refused-by-service": REFUSED_BY_SERVICE,
    "policies": POLICIES,
    "advice": ADVICE,
    "secrets": SECRETS,
    "hostile-names": NAMES,
    "offline": OFFLINE,
    "untold": UNTOLD,
}
