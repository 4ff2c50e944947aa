"""SSH tests for the SSH entries that are declared: who is let in as whom, and that nobody is as root where no rule says so.

Where it is not certain what Tailscale would say, no test is derived, because one that fails refuses the whole policy:

- under a posture, of the entry or the policy's default: a test without attributes counts it as not met;
- of tags that no declared node wears, and of destinations that are no tag;
- of login names that stand for others (`autogroup:nonroot`), and of those that one rule checks and another accepts.

https://tailscale.com/kb/1337/policy-syntax#ssh-tests
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from tailstack.access.derive import Derived, Section
from tailstack.access.derived_grants import narrowed
from tailstack.access.hujson import Buildable
from tailstack.access.nodes import DeclaredNode, tag_wearers
from tailstack.access.policy import Policy
from tailstack.access.selectors import Selector, SelectorKind, parse_selector
from tailstack.finding import Place
from tailstack.topology.declaration import SshAction
from tailstack.topology.tailnet import SshAccess, Tailnet

_NOWHERE = Place("", 1, 1)
_ROOT = "root"
_STANDING_FOR_OTHERS = ":"
"""In `autogroup:nonroot` and `localpart:*@example.com`; no login name has one."""


def can_be_source(selector: Selector, with_members: AbstractSet[str]) -> bool:
    """Whether a test may start there; `with_members` are the groups whose members are known."""
    match selector.kind:
        case SelectorKind.TAG | SelectorKind.USER:
            return True
        case SelectorKind.GROUP:
            return selector.name in with_members
        case _:
            return False


def derive_ssh_tests(tailnet: Tailnet, effective: Policy, nodes: Sequence[DeclaredNode]) -> Iterator[Derived]:
    """One for each source of each SSH entry that a test can express; `effective` is the policy without what is derived of
    these entries."""
    if effective.default_src_posture:
        return
    with_members = frozenset(group.name for group in effective.groups if group.entries)
    worn = tag_wearers(nodes)
    logins = _Logins(tailnet, effective)
    for ssh in tailnet.ssh:
        if not ssh.src_posture:
            yield from _tests(ssh, logins, with_members, worn)


class _Logins:
    """As whom the rules of a policy, hand-written and derived, let anybody in."""

    def __init__(self, tailnet: Tailnet, effective: Policy) -> None:
        by_hand = [(rule.action.text.strip(), [user.text.strip() for user in rule.users]) for rule in effective.ssh]
        rules = [*by_hand, *((str(ssh.action), list(ssh.users)) for ssh in tailnet.ssh)]
        self._by_action = {
            action: frozenset(user for of, users in rules if of == action for user in users) for action in SshAction
        }

    def certain(self, ssh: SshAccess) -> list[str]:
        """The login names of an entry for which no rule of the other action could apply."""
        other = self._by_action[SshAction.CHECK if ssh.action is SshAction.ACCEPT else SshAction.ACCEPT]
        if any(_STANDING_FOR_OTHERS in user for user in other):
            return []
        return [user for user in ssh.users if _STANDING_FOR_OTHERS not in user and user not in other]

    @property
    def has_no_root(self) -> bool:
        """Whether no rule at all lets anybody in as root."""
        every = frozenset[str]().union(*self._by_action.values())
        return _ROOT not in every and not any(user.startswith("localpart:") for user in every)


def _tests(ssh: SshAccess, logins: _Logins, with_members: AbstractSet[str], worn: Counter[str]) -> Iterator[Derived]:
    tags = {name: place for name, place in narrowed(ssh.destinations, worn).items() if worn[name]}
    expected: dict[str, Buildable] = {}
    if users := logins.certain(ssh):
        expected[str(ssh.action)] = users
    if logins.has_no_root:
        expected["deny"] = [_ROOT]
    for source, place in narrowed(ssh.sources, worn).items() if tags and expected else ():
        selector = parse_selector(source, _NOWHERE)
        if can_be_source(selector, with_members) and (selector.kind is not SelectorKind.TAG or worn[source]):
            yield Derived(
                section=Section.SSH_TESTS,
                key=None,
                value={"src": source, "dst": list(tags), **expected},
                is_spread=True,
                declaration=f"ssh: {ssh.name}",
                places=(ssh.place,),
                parts={("src",): place, **{("dst", index): at for index, at in enumerate(tags.values())}},
            )
