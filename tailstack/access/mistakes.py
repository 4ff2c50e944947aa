"""The kinds of mistake that a policy file can hold. The messages of findings are those of the real service where known."""

from __future__ import annotations

from tailstack.finding import Rule, Severity

_SYNTAX_PAGE = "https://tailscale.com/kb/1337/policy-syntax"
_REFUSED = "Tailscale refuses the whole policy file, and nothing of it takes effect."

SYNTAX = Rule(
    code="TS801",
    slug="policy-syntax",
    what="The policy file is not HuJSON.",
    why=_REFUSED,
    mend="Put the text right at the place named: HuJSON is JSON with comments and trailing commas.",
    source="https://github.com/tailscale/hujson",
    bad=("# policy.hujson\n{\n"),
    good=('# policy.hujson\n{"grants": []}\n'),
)
SHAPE = Rule(
    code="TS802",
    slug="policy-shape",
    what="A value of the policy file has the wrong type, or one that is needed is missing.",
    why=_REFUSED,
    mend="Write the value as the section's documentation shows it.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"groups": []}\n'),
    good=('# policy.hujson\n{"groups": {}}\n'),
)
UNKNOWN_KEY = Rule(
    code="TS803",
    slug="policy-unknown-key",
    severity=Severity.WARNING,
    what="The policy file has a key that is not of its language.",
    why="Tailscale may refuse it or leave it without effect, and what was meant does not happen.",
    mend="Correct the spelling, or take the key out.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"grant": []}\n'),
    good=('# policy.hujson\n{"grants": []}\n'),
)
DUPLICATE_KEY = Rule(
    code="TS804",
    slug="policy-duplicate-key",
    severity=Severity.WARNING,
    what="The same key stands twice in one object of the policy file.",
    why="Only the last one counts; what the other says is lost without a word.",
    mend="Merge the two.",
    source="https://pkg.go.dev/encoding/json#Unmarshal",
    bad=('# policy.hujson\n{"grants": [], "grants": []}\n'),
    good=('# policy.hujson\n{"grants": []}\n'),
)
UNDEFINED = Rule(
    code="TS805",
    slug="policy-undefined-name",
    what="The policy file names a group, tag, host, IP set or posture that it does not define.",
    why=_REFUSED,
    mend="Define it in its section, or correct the name.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"grants": [{"src": ["group:ops"], "dst": ["*"], "ip": ["*"]}]}\n'),
    good=(
        "# policy.hujson\n"
        '{"groups": {"group:ops": ["ana@example.com"]}, "grants": [{"src": ["group:ops"], "dst": ["*"], "ip": ["*"]}]}\n'
    ),
)
MISPLACED = Rule(
    code="TS806",
    slug="policy-misplaced-selector",
    what="A selector stands where its kind is not allowed.",
    why=_REFUSED,
    mend="Use a selector of a kind that is allowed there.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"grants": [{"src": ["autogroup:self"], "dst": ["*"], "ip": ["*"]}]}\n'),
    good=('# policy.hujson\n{"grants": [{"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["*"]}]}\n'),
)
BAD_NAME = Rule(
    code="TS807",
    slug="policy-bad-name",
    what="A name or an address in the policy file is not formed as it must be.",
    why=_REFUSED,
    mend="Correct it.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"tagOwners": {"tag:1st": []}}\n'),
    good=('# policy.hujson\n{"tagOwners": {"tag:first": []}}\n'),
)
BAD_PORTS = Rule(
    code="TS808",
    slug="policy-bad-ports",
    what="A protocol or a port in the policy file is not formed as it must be.",
    why=_REFUSED,
    mend="Write *, 443, 80-443, tcp:443, udp:* or icmp:*.",
    source=_SYNTAX_PAGE + "#ip",
    bad=('# policy.hujson\n{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["tcp:http"]}]}\n'),
    good=('# policy.hujson\n{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["tcp:80"]}]}\n'),
)
BAD_CAPABILITY = Rule(
    code="TS809",
    slug="policy-bad-capability",
    what="An application capability of a grant cannot be granted.",
    why=_REFUSED,
    mend="Use a name of the form domain/path in a domain of yours, or one of Tailscale's that may be granted.",
    source="https://tailscale.com/kb/1537/grants-app-capabilities",
    bad=('# policy.hujson\n{"grants": [{"src": ["*"], "dst": ["*"], "app": {"kubernetes": [{}]}}]}\n'),
    good=(
        '# policy.hujson\n{"grants": [{"src": ["*"], "dst": ["*"], "app": {"tailscale.com/cap/kubernetes": [{}]}}]}\n'
    ),
)
BAD_ENTRY = Rule(
    code="TS810",
    slug="policy-bad-entry",
    what="An entry of the policy file says something that cannot be.",
    why=_REFUSED,
    mend="Correct the entry.",
    source=_SYNTAX_PAGE,
    bad=('# policy.hujson\n{"acls": [{"action": "deny", "src": ["*"], "dst": ["*:*"]}]}\n'),
    good=('# policy.hujson\n{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}\n'),
)
NESTED_GROUP = Rule(
    code="TS811",
    slug="policy-nested-group",
    what="A group of the policy file has a group among its members.",
    why=_REFUSED,
    mend="List the members themselves.",
    source=_SYNTAX_PAGE + "#groups",
    bad=('# policy.hujson\n{"groups": {"group:ops": ["group:dev"], "group:dev": ["ana@example.com"]}}\n'),
    good=('# policy.hujson\n{"groups": {"group:ops": ["ana@example.com"], "group:dev": ["ana@example.com"]}}\n'),
)
CYCLE = Rule(
    code="TS812",
    slug="policy-ipset-cycle",
    what="An IP set is made of itself.",
    why=_REFUSED,
    mend="Break the circle.",
    source="https://tailscale.com/kb/1387/ipsets",
    bad=('# policy.hujson\n{"ipsets": {"ipset:a": ["ipset:b"], "ipset:b": ["ipset:a"]}}\n'),
    good=('# policy.hujson\n{"ipsets": {"ipset:a": ["ipset:b"], "ipset:b": ["10.0.0.0/8"]}}\n'),
)
FAILING_TEST = Rule(
    code="TS813",
    slug="policy-test-fails",
    what="A test in the policy file does not hold.",
    why=_REFUSED,
    mend="Change the grants until the test holds, or the test if it no longer says what is meant.",
    source=_SYNTAX_PAGE + "#tests",
    bad=(
        "# policy.hujson\n"
        '{"tagOwners": {"tag:web": []}, "grants": [], "tests": [{"src": "ana@example.com", "accept": ["tag:web:80"]}]}\n'
    ),
    good=(
        "# policy.hujson\n"
        '{"tagOwners": {"tag:web": []}, "grants": [], "tests": [{"src": "ana@example.com", "deny": ["tag:web:80"]}]}\n'
    ),
)
UNKNOWN_ATTRIBUTE = Rule(
    code="TS814",
    slug="policy-unknown-attribute",
    severity=Severity.WARNING,
    what="A node attribute is not one that Tailscale documents.",
    why="Tailscale takes any name without a word, so a misspelt attribute has no effect and nobody is told.",
    mend="Correct the spelling.",
    source=_SYNTAX_PAGE + "#nodeattrs",
    bad=('# policy.hujson\n{"nodeAttrs": [{"target": ["*"], "attr": ["funel"]}]}\n'),
    good=('# policy.hujson\n{"nodeAttrs": [{"target": ["*"], "attr": ["funnel"]}]}\n'),
)
EMPTY_DEFAULT = Rule(
    code="TS815",
    slug="policy-without-rules",
    severity=Severity.WARNING,
    what="The policy file has neither grants nor acls.",
    why="Without either section everything may reach everything; only an empty one denies all.",
    mend='Write "grants": [] to deny all, or the grants that are meant.',
    source="https://github.com/tailscale/tailscale/issues/19595",
    bad=('# policy.hujson\n{"groups": {}}\n'),
    good=('# policy.hujson\n{"groups": {}, "grants": []}\n'),
)
RULES = (
    SYNTAX,
    SHAPE,
    UNKNOWN_KEY,
    DUPLICATE_KEY,
    UNDEFINED,
    MISPLACED,
    BAD_NAME,
    BAD_PORTS,
    BAD_CAPABILITY,
    BAD_ENTRY,
    NESTED_GROUP,
    CYCLE,
    FAILING_TEST,
    UNKNOWN_ATTRIBUTE,
    EMPTY_DEFAULT,
)
