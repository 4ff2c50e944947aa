"""SSH entries: who may log in where, as whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tailstack.finding import Rule
from tailstack.topology.declaration import AccessEnd, SshAction, SshDeclaration, SshRecordDeclaration
from tailstack.topology.ends import EndResolver, keys_of
from tailstack.topology.exposing import say_no_effect
from tailstack.topology.notes import Notes
from tailstack.topology.placed import Path
from tailstack.topology.tailnet import SSH, Destination, Recording, SshAccess
from tailstack.topology.validation import WRONG_VALUE
from tailstack.topology.wording import path_text

_FRAME = (
    "machines: {bastion: {tags: [tag:bastion]}}\n"
    "clusters:\n"
    "  blue:\n"
    "    kubernetes: {context: blue}\n"
    "    expose:\n"
    "      web: {namespace: default, ports: [tcp:80], selector: {app: web}}\n"
    "ssh:\n"
    "  - {name: a, from: [ana@example.com], to: [TO], users: [ubuntu]}\n"
)

NOT_A_LOGIN = Rule(
    code="TS037",
    slug="not-a-login",
    what="An SSH entry leads to something that nobody can log in to.",
    why="Tailscale SSH answers on machines that run Tailscale themselves: a proxy has no users.",
    mend="Lead it to machines, or to selectors of the policy file.",
    source="https://tailscale.com/kb/1193/tailscale-ssh",
    bad=_FRAME.replace("TO", "{exposure: blue.web}"),
    good=_FRAME.replace("TO", "{machine: bastion}"),
)

RULES = (NOT_A_LOGIN,)

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_CHECK = 168 * 3600
"""A week: https://tailscale.com/kb/1193/tailscale-ssh#configure-tailscale-ssh-with-check-mode."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SshResolver:
    """Resolves SSH entries."""

    notes: Notes
    ends: EndResolver

    def ssh(self, path: Path, declared: SshDeclaration) -> SshAccess:
        """The SSH entry at this path."""
        for key, values in (
            ("users", declared.users),
            ("acceptEnv", declared.accept_env),
            ("srcPosture", declared.src_posture),
        ):
            self.notes.once((*path, key), values)
        self._check_period(path, declared)
        return SshAccess(
            name=declared.name,
            sources=self.ends.sources((*path, "from"), declared.from_),
            destinations=self._destinations((*path, "to"), declared.to),
            users=tuple(declared.users),
            action=declared.action,
            check_period=declared.check_period or "",
            accept_env=tuple(declared.accept_env),
            src_posture=tuple(declared.src_posture),
            recording=self._recording((*path, "record"), declared.record) if declared.record else None,
            place=self.notes.value(*path),
        )

    def _destinations(self, path: Path, ends: Sequence[AccessEnd]) -> tuple[Destination, ...]:
        is_right = True
        for index, end in enumerate(ends):
            wrong = "" if isinstance(end, str) else next((k for k, v in keys_of(end).items() if v is not None), "")
            if wrong not in {"", "machine"}:
                is_right = False
                self.notes.say(
                    NOT_A_LOGIN,
                    self.notes.value(*path, index),
                    message=f"{path_text((*path, index, wrong))}: nobody can log in there.",
                    expected="a selector of the policy file, or machine: <name>",
                )
        if not is_right:
            return ()
        return tuple(replace(each, ports=(SSH,)) for each in self.ends.destinations(path, ends))

    def _check_period(self, path: Path, declared: SshDeclaration) -> None:
        period = declared.check_period
        if period is None:
            return
        if declared.action is not SshAction.CHECK and self.notes.knows(path, "action"):
            say_no_effect(self.notes, path, "checkPeriod", f"action: {declared.action}", "Write `action: check`.")
        if period != "always" and int(period[:-1]) * _SECONDS[period[-1]] > _LONGEST_CHECK:
            self.notes.say(
                WRONG_VALUE,
                self.notes.value(*path, "checkPeriod"),
                message=f"{path_text((*path, 'checkPeriod'))} is {period}.",
                expected="always, or a time of at most 168h",
            )

    def _recording(self, path: Path, declared: SshRecordDeclaration) -> Recording | None:
        recorder = self.ends.recorder(declared.recorder, *path, "recorder")
        if recorder is None:
            return None
        return Recording(recorder=recorder, enforce=declared.enforce, place=self.notes.key(*path))
