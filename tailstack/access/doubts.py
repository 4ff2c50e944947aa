"""What the policy service takes without a word in a policy file, and nobody can have meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tailstack.finding import Finding, Rule, Severity

if TYPE_CHECKING:
    from tailstack.access.parties import Directory

DEAD_CAPABILITY = Rule(
    code="TS820",
    slug="dead-capability",
    severity=Severity.WARNING,
    what="A grant gives an application capability where no entry opens the port that it needs.",
    why="An application capability opens no port: who has it alone runs into a timeout.",
    mend='Add "ip" to the grant, such as "ip": ["tcp:443"] for tailscale.com/cap/kubernetes.',
    source="https://tailscale.com/kb/1537/grants-app-capabilities",
    bad=(
        '# policy.hujson\n{"grants": [{"src": ["*"], "dst": ["*"], "app": {"tailscale.com/cap/kubernetes": [{}]}}]}\n'
    ),
    good=(
        "# policy.hujson\n"
        '{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["tcp:443"], "app": {"tailscale.com/cap/kubernetes": [{}]}}]}\n'
    ),
)
DEAD_SSH_RULE = Rule(
    code="TS821",
    slug="dead-ssh-rule",
    severity=Severity.WARNING,
    what="An SSH rule lets somebody log in where no entry opens tcp:22.",
    why="Tailscale SSH needs the network as well, and sshTests do not ask for it: they pass, and nobody gets in.",
    mend="Grant tcp:22 from the rule's sources to its destinations.",
    source="https://tailscale.com/kb/1193/tailscale-ssh",
    bad=(
        "# policy.hujson\n"
        '{"grants": [], "ssh": [{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self"], "users": ["root"]}]}\n'
    ),
    good=(
        "# policy.hujson\n"
        '{"grants": [{"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["tcp:22"]}], "ssh": [{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self"], "users": ["root"]}]}\n'
    ),
)
UNKNOWN_USER = Rule(
    code="TS822",
    slug="unknown-user",
    severity=Severity.WARNING,
    what="The policy file names a user who is not among the known users of the tailnet.",
    why="Tailscale takes it with a warning only, and whoever was meant gets nothing.",
    mend="Correct the login name, or fetch the list of users again.",
    source="https://github.com/tailscale/terraform-provider-tailscale/issues/546",
    bad=(
        "# policy.hujson\n"
        '{"groups": {"group:ops": ["ana@example.com"]}, "grants": []}\n'
        "# facts.json\n"
        '{"users": [{"loginName": "li@example.com"}]}\n'
    ),
    good=(
        "# policy.hujson\n"
        '{"groups": {"group:ops": ["li@example.com"]}, "grants": []}\n'
        "# facts.json\n"
        '{"users": [{"loginName": "li@example.com"}]}\n'
    ),
)
RULES = (DEAD_CAPABILITY, DEAD_SSH_RULE, UNKNOWN_USER)


def doubts(directory: Directory) -> Iterator[Finding]:
    """The warnings about one policy. Users are looked for only where any is known."""
    # The rules are in every registry; what finds their cases is for commands about one policy.
    from tailstack.access.listing import everything  # noqa: PLC0415  as above

    found = everything(directory)
    for line in found.lines:
        for dead in line.dead:
            pair = f"from {', '.join(line.who)} to {', '.join(line.what)}"
            yield DEAD_CAPABILITY.at(*line.cause.places, message=f"{dead}, and no entry opens it {pair}.")
    for login in found.logins:
        if login.way.is_dead:
            yield DEAD_SSH_RULE.at(
                *login.way.cause.places,
                message=f"Nothing opens tcp:22 from {', '.join(login.who)} to {', '.join(login.what)}.",
            )
    users = {user.login for user in directory.access.inventory.users}
    for group in directory.access.policy.groups if users else ():
        for member in group.entries:
            if member.name not in users:
                yield UNKNOWN_USER.at(member.place, message=f'"{group.name}": user not found: "{member.name}"')
