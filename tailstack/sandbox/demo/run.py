"""The demo from its beginning to its end."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tailstack.engine.drift import drift_of
from tailstack.engine.events import Event, Phase, Step
from tailstack.engine.pulumi import Outcome, Pulumi
from tailstack.engine.wording import describe, is_object
from tailstack.report.checked import checked_as_text
from tailstack.report.reach import reach, reach_as_text
from tailstack.report.style import Style, counted
from tailstack.rules.check import Checked, check_environment
from tailstack.sandbox import lifecycle
from tailstack.sandbox.api.client import SandboxClient
from tailstack.sandbox.demo.narration import Narration
from tailstack.sandbox.demo.tour import cluster_facts, tailnet_facts
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.lifecycle import Sandbox
from tailstack.sandbox.toolchain import DEMO_TOOLS, ensure
from tailstack.sandbox.workload import cluster_client, deploy

ENVIRONMENT = "sandbox"
DECLARATIONS = "stacks/sandbox/tailnet.yaml"
SHELL = "tailstack sandbox shell"

_PAST = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced"}
_MARKS = {"create": "+", "update": "~", "delete": "-", "replace": "±"}


def perform(project: Path, folder: Path, *, keep: bool, record: TextIO | None, colour: bool) -> None:
    """Play the demo in a sandbox of its own in `folder`; with `keep`, sandbox and stack stay. Raises SandboxError."""
    if lifecycle.status(folder).record is not None:
        raise SandboxError(f"A sandbox runs in {folder} already. Take it down first: tailstack sandbox down")
    tools = ensure(DEMO_TOOLS)
    tell = Narration(out=sys.stdout, style=Style(colour=colour), record=record)
    tell.chapter("A sandbox: two Kubernetes API servers and a stand-in of Tailscale's API")
    with contextlib.ExitStack() as stack:
        with tell.step("starting etcd, two API servers with their controllers, and the API"):
            sandbox = stack.enter_context(lifecycle.running_sandbox(folder, tools=tools, keep=keep))
        demo = Demo(project=project, sandbox=sandbox, tell=tell)
        demo.play()
        if not keep:
            demo.destroy()
        tell.say(f"That was the demo, in {tell.elapsed:.0f} s.")
    if keep:
        lifecycle.up(folder, tools=tools)
        tell.say(
            "Everything is still there. Look around in `tailstack sandbox shell`; end it with `tailstack sandbox down`."
        )


@dataclass(kw_only=True)
class Demo:
    """One run over a sandbox that is up. `project` is the checkout. Raises SandboxError when a scene does not go as it must."""

    project: Path
    sandbox: Sandbox
    tell: Narration
    _checked: Checked = field(init=False)

    def play(self) -> None:
        """All scenes but the last one."""
        deploy(self.sandbox.kubeconfig, tuple(self.sandbox.clusters))
        self._check()
        self._up()
        self._show()
        self._reach()
        self._look_yourself()
        self._mischief()
        self._mend()

    def destroy(self) -> None:
        """Take the stack down again."""
        self.tell.chapter("Everything goes down again")
        with self.tell.step("pulumi destroy"):
            outcome = self._engine().destroy(ENVIRONMENT)
        self._must(outcome, "destroy")
        credentials = self._api.keys()
        left = [client.description for client in credentials if client.kind == "client"]
        if left:
            raise SandboxError(f"OAuth clients are left in the tailnet: {', '.join(left)}")
        self.tell.say(f"{self._counts(outcome)}; no credential of the stack is left in the tailnet.")

    @property
    def _colour(self) -> bool:
        return self.tell.style.colour

    @property
    def _api(self) -> SandboxClient:
        return SandboxClient.of_folder(self.sandbox.api_url, self.sandbox.folder / "api")

    def _engine(self) -> Pulumi:
        return Pulumi.found(self.project, self.sandbox.environment())

    def _check(self) -> None:
        self.tell.chapter("What a person wrote, checked before anything is touched")
        text = (self.project / DECLARATIONS).read_text(encoding="utf-8")
        self.tell.say(
            f"{DECLARATIONS} describes two clusters and who may reach what, in {len(text.splitlines())} lines. Tags, names,"
            " grants, OAuth clients, role bindings and policy tests are derived from it."
        )
        self.tell.command(f"tailstack check --links {ENVIRONMENT}")
        self._checked = check_environment(self.project, ENVIRONMENT, datetime.now(UTC))
        self.tell.block(checked_as_text(self._checked, with_links=True, colour=self._colour))
        if self._checked.has_errors:
            raise SandboxError(f"{DECLARATIONS} has errors.")

    def _up(self) -> None:
        self.tell.chapter("pulumi up: the real engine, two real API servers")
        self.tell.say(f"Plugins: {self.sandbox.plugins.source} ({', '.join(self.sandbox.plugins.names)}).")
        created = self._engine().plain("stack", "select", "--create", ENVIRONMENT)
        if created.returncode != 0:
            raise SandboxError(f"The stack cannot be made: {created.stderr.strip()}")
        self.tell.command(f"pulumi up --stack {ENVIRONMENT}")
        with self.tell.step("applying"):
            outcome = self._engine().up(ENVIRONMENT, on_event=self._say_step)
        self._must(outcome, "up")
        self.tell.say(f"{self._counts(outcome)}.")
        self.tell.command(f"pulumi preview --stack {ENVIRONMENT} --expect-no-changes", "a second run changes nothing")
        with self.tell.step("previewing"):
            self._must(self._engine().preview(ENVIRONMENT, "--expect-no-changes"), "preview")

    def _show(self) -> None:
        self.tell.chapter("What exists now, read back from the tailnet and the clusters")
        self.tell.say("In the tailnet:")
        for fact in tailnet_facts(self._api):
            self.tell.bullet(fact)
        for name in self.sandbox.clusters:
            self.tell.say(f"In {name}:")
            for fact in cluster_facts(cluster_client(self.sandbox.kubeconfig, name)):
                self.tell.bullet(fact)

    def _reach(self) -> None:
        self.tell.chapter("Who reaches what, and why")
        tailnet, policy = self._checked.tailnet, self._checked.policy
        if tailnet is not None and policy is not None:
            self.tell.block(reach_as_text(reach(tailnet, policy), tailnet, colour=self._colour))

    def _look_yourself(self) -> None:
        self.tell.chapter("Look at it yourself")
        self.tell.say(f"In another terminal, while this runs or with KEEP=1, in `{SHELL}`:")
        self.tell.command("kubectl --context blue get service nginx-service -o yaml")
        self.tell.command("kubectl --context green get service nginx-remote -o yaml")
        self.tell.command("kubectl --context blue --namespace tailscale get deployments,secrets")
        self.tell.command('curl -su "$TAILSCALE_API_KEY:" "$TAILSCALE_BASE_URL/api/v2/tailnet/-/acl"')
        self.tell.say(
            "On a tailnet with nodes, a pod of green would now say `curl http://nginx-remote` and be answered by nginx in blue."
            " The sandbox has no nodes: pods stay pending and no packet flows."
        )

    def _mischief(self) -> None:
        self.tell.chapter("Somebody changes things behind the stack's back")
        self.tell.say("In the admin console, a grant is added: every member reaches the operators on every port.")
        live = self._api.get_policy()
        grant = '{"src": ["autogroup:member"], "dst": ["tag:k8s-operator"], "ip": ["*"]},'
        self._api.set_policy(live.text.replace('"grants": [', f'"grants": [\n\t\t{grant}', 1), if_match=live.etag)
        self.tell.say("With kubectl, a Service gets the operator's own tag:")
        self.tell.command(
            "kubectl --context blue annotate service nginx-service tailscale.com/tags=tag:k8s-operator --overwrite"
        )
        client = cluster_client(self.sandbox.kubeconfig, "blue")
        place = client.locate("v1", "Service", namespace="default", name="nginx-service")
        annotation = "/metadata/annotations/tailscale.com~1tags"
        operation = {"op": "replace", "path": annotation, "value": "tag:k8s-operator"}
        client.patch(place.path, [operation], manager="kubectl-annotate")
        self.tell.command(f"tailstack drift {ENVIRONMENT}")
        with self.tell.step("reading what is live"):
            outcome = self._engine().preview_refresh(ENVIRONMENT)
        self._must(outcome, "refresh --preview-only")
        report = drift_of(outcome.log, ENVIRONMENT)
        found = {drift.resource for drift in report.drifts}
        if found != {"policy", "blue.expose.nginx"}:
            raise SandboxError(
                f"The drift should be in the policy and the Service; found: {sorted(found) or 'nothing'}"
            )
        self.tell.block(report.as_text(colour=self._colour))

    def _mend(self) -> None:
        self.tell.chapter("It is put right")
        self.tell.say(
            "The stack does not overwrite an edit of the policy that it has not seen: `pulumi up --refresh` takes what is live"
            " into the state first. The Service is replaced, because the operator never gives a node other tags."
        )
        self.tell.command(f"pulumi up --refresh --stack {ENVIRONMENT}")
        with self.tell.step("applying"):
            outcome = self._engine().up(ENVIRONMENT, "--refresh", on_event=self._say_step)
        self._must(outcome, "up --refresh")
        self.tell.command(f"tailstack drift {ENVIRONMENT}")
        with self.tell.step("reading what is live"):
            outcome = self._engine().preview_refresh(ENVIRONMENT)
        report = drift_of(outcome.log, ENVIRONMENT)
        self.tell.block(report.as_text(colour=self._colour))
        if report.drifts:
            raise SandboxError("There is still drift.")

    def _say_step(self, event: Event) -> None:
        if isinstance(event, Step) and event.phase is Phase.DONE and event.op in _MARKS and is_object(event):
            self.tell.bullet(describe(event), mark=_MARKS[event.op])

    @staticmethod
    def _counts(outcome: Outcome) -> str:
        changes = {op: n for op, n in outcome.log.changes.items() if op != "same"}
        return (
            ", ".join(f"{counted(n, 'resource')} {_PAST.get(op, op)}" for op, n in changes.items()) or "nothing changed"
        )

    @staticmethod
    def _must(outcome: Outcome, what: str) -> None:
        if not outcome.succeeded:
            raise SandboxError(f"pulumi {what} failed:\n{outcome.explain()}")
