from __future__ import annotations

import pytest

from tailstack.topology.declaration import SshAction
from tailstack.topology.tailnet import SSH, DestinationKind, SshAccess
from tests.topology.marked import BASE, check_finding, findings_of, path_of, resolved, unmarked

WORLD = """
machines: {bastion: {tags: [tag:bastion, tag:old]}, ci: {tags: [tag:ci]}}
services: {svc:pay: {ports: [tcp:1], machines: [ci]}}
clusters:
  blue:
    kubernetes: {context: blue}
    expose: {web: {namespace: a, ports: [tcp:80], managedBy: patch}}
    recorders: {audit: {enableUI: true}}
"""


def ssh(keys: str) -> SshAccess:
    (found,) = resolved(WORLD, ssh=f"ssh: [{{name: a, {keys}}}]").ssh
    return found


def test_an_entry_by_default() -> None:
    found = ssh("from: [group:a, {machine: ci}], to: [tag:b, {machine: bastion}], users: [ubuntu]")
    assert [(s.reference, s.selectors) for s in found.sources] == [("group:a", ("group:a",)), ("ci", ("tag:ci",))]
    assert [(d.kind, d.selectors, d.ports) for d in found.destinations] == [
        (DestinationKind.SELECTOR, ("tag:b",), (SSH,)),
        (DestinationKind.MACHINE, ("tag:bastion", "tag:old"), (SSH,)),
    ]
    assert (found.users, found.action, found.check_period) == (("ubuntu",), SshAction.ACCEPT, "")
    assert (found.accept_env, found.src_posture, found.recording) == ((), (), None)
    assert found.place.file == path_of("ssh.yaml")


def test_an_entry_by_hand() -> None:
    found = ssh(
        "from: [group:a], to: [autogroup:self], users: [root, autogroup:nonroot], action: check, checkPeriod: 20h,"
        " acceptEnv: [GIT_*], srcPosture: [posture:a], record: {recorder: blue.audit}"
    )
    assert (found.users, found.action, found.check_period) == (("root", "autogroup:nonroot"), SshAction.CHECK, "20h")
    assert (found.accept_env, found.src_posture) == (("GIT_*",), ("posture:a",))
    assert found.recording is not None
    assert (found.recording.recorder.reference, found.recording.enforce, found.recording.events) == (
        "blue.audit",
        True,
        False,
    )
    unforced = ssh("from: [a], to: [b], users: [c], record: {recorder: blue.audit, enforce: false}").recording
    assert unforced is not None
    assert unforced.enforce is False


@pytest.mark.parametrize("period", ["always", "30s", "90m", "168h", "9999m"])
def test_periods(period: str) -> None:
    assert ssh(f"from: [a], to: [b], users: [c], action: check, checkPeriod: {period}").check_period == period


ENDS = "from: [group:a], to: [tag:b], users: [root]"
MISTAKES = [
    ("not-a-login", "from: [group:a], to: [tag:b, §{exposure: blue.web}], users: [root]", ("to[1].exposure", "machine: <name>")),
    ("not-a-login", "from: [group:a], to: [§{service: svc:pay}], users: [root]", ("nobody can log in",)),
    ("not-a-login", "from: [group:a], to: [§{apiServer: blue}], users: [root]", ("apiServer",)),
    ("not-a-source", "from: [§{exposure: blue.web}], to: [tag:b], users: [root]", ("nothing starts",)),
    ("one-of", "from: [group:a], to: [§{}], users: [root]", ("says nothing",)),
    ("unknown-reference", "from: [group:a], to: [{machine: §bastian}], users: [root]", ("mean bastion?",)),
    ("unknown-reference", f"{ENDS}, record: {{recorder: §blue.audi}}", ("mean blue.audit?",)),
    ("listed-twice", "from: [②group:a, §group:a], to: [tag:b], users: [root]", ("group:a",)),
    ("listed-twice", "from: [group:a], to: [②tag:b, §tag:b], users: [root]", ("tag:b",)),
    ("listed-twice", "from: [group:a], to: [tag:b], users: [②root, §root]", ("root",)),
    ("listed-twice", f"{ENDS}, acceptEnv: [②A, §A]", ("acceptEnv",)),
    ("listed-twice", f"{ENDS}, srcPosture: [②posture:a, §posture:a]", ("srcPosture",)),
    ("key-does-not-fit", f"{ENDS}, §checkPeriod: 1h", ("action: accept", "Write `action: check`.")),
    ("wrong-value", f"{ENDS}, action: check, checkPeriod: §169h", ("at most 168h",)),
    ("wrong-value", f"{ENDS}, action: §deny", ("one of accept, check",)),
    ("wrong-value", "from: [group:a], to: [tag:b], users: [§a b]", ("a user of the machine",)),
    ("missing-key", "§from: [group:a], to: [tag:b]", ("needs the key users",)),
]  # fmt: skip


@pytest.mark.parametrize(("slug", "keys", "words"), MISTAKES, ids=[keys for _, keys, _ in MISTAKES])
def test_a_mistake_is_said_once_with_its_place(slug: str, keys: str, words: tuple[str, ...]) -> None:
    entry = f"§{{name: a, {keys.replace('§', '')}}}" if slug == "missing-key" else f"{{name: a, {keys}}}"
    check_finding({**BASE, "world.yaml": WORLD, "main.yaml": f"ssh: [{entry}]"}, slug, *words)


def test_two_entries_of_one_name() -> None:
    files = {
        "one.yaml": f"ssh: [{{name: ②a, {ENDS}}}]",
        "two.yaml": f"ssh: [{{name: b, {ENDS}}}, {{name: §a, {ENDS}}}]",
    }
    check_finding({**BASE, "world.yaml": WORLD, **files}, "declared-twice", 'Two ssh entries are called "a".')


def test_a_file_with_a_scope_has_no_ssh() -> None:
    text = f"②scope: {{clusters: [blue]}}\n§ssh: [{{name: a, {ENDS}}}]"
    check_finding({**BASE, "world.yaml": WORLD, "main.yaml": text}, "outside-scope", 'no section "ssh"')


def test_a_machine_with_a_mistake_is_not_missing_too() -> None:
    texts, _ = unmarked(
        {
            **BASE,
            "main.yaml": "machines: {ci: {}}\nssh: [{name: a, from: [b], to: [{machine: ci}], users: [c]}]",
        }
    )
    assert len(findings_of(texts)) == 1
