"""The tailnet as a whole: its policy file, DNS and settings, and what else belongs to no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_tailscale import Acl

from components.config_secrets import SecretOf
from components.options import child
from components.tailnet_integrations import ask_for_posture, call_back, send_logs
from components.tailnet_nodes import equip, joined, let_join, offer
from components.tailnet_settings import resolve_names, set_up, write_to
from components.tokens import TAILNET
from tailstack.topology.extras import NO_EXTRAS, ConfigSecret, Extras
from tailstack.topology.tailnet import Machine, TailscaleService


def no_secrets(secret: ConfigSecret) -> pulumi.Output[str]:
    """For a tailnet whose declarations name no secret of the stack's config. Raises LookupError."""
    raise LookupError(f"nobody gave the secret {secret.name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TailnetArgs:
    """`policy` is the whole policy file in canonical HuJSON. `guard` runs before it is written (see policy_guard).

    `services` are all that are declared: those that machines serve are made, the others are the operators'. `secret_of`
    gives what `extras` names of the stack's config.
    """

    policy: str
    magic_dns: bool
    https_certificates: bool
    protect: bool = True
    reset_on_destroy: bool = False
    overwrite_policy: bool = False
    guard: pulumi.ResourceHookBinding | None = None
    extras: Extras = NO_EXTRAS
    services: tuple[TailscaleService, ...] = ()
    machines: tuple[Machine, ...] = ()
    secret_of: SecretOf = no_secrets


class Tailnet(pulumi.ComponentResource):
    """What belongs to the tailnet and not to a cluster. `settled` is what clusters must wait for.

    `told` are secrets that are known once, as outputs of the stack: keys by which devices join, and the secrets by which the
    calls of webhooks are signed.
    """

    settled: tuple[pulumi.Resource, ...]
    told: Mapping[str, Mapping[str, pulumi.Output[str]]]

    def __init__(self, name: str, args: TailnetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TAILNET, name, None, opts)
        devices = joined(self, args.machines)
        # What a destroy leaves is left by the engine, which then says `[retain]` beside it.
        policy = Acl(
            "policy",
            acl=args.policy,
            overwrite_existing_content=args.overwrite_policy or None,
            reset_acl_on_destroy=args.reset_on_destroy or None,
            opts=child(self, protect=args.protect, retain_on_delete=not args.reset_on_destroy, hooks=args.guard),
        )
        extras = args.extras
        names = resolve_names(
            self, extras.dns, magic_dns=args.magic_dns, protect=args.protect, reset_on_destroy=args.reset_on_destroy
        )
        settings = set_up(self, extras.settings, https_certificates=args.https_certificates, protect=args.protect)
        if extras.contacts is not None:
            write_to(self, extras.contacts)
        # Tags must be in the policy before a key, a Tailscale Service or a device can have them.
        keys = {key.name: pulumi.Output.secret(let_join(self, key, depends_on=[policy]).key) for key in extras.keys}
        services = [offer(self, each, depends_on=[policy]) for each in args.services if each.machines]
        for machine in args.machines:
            if machine.name in devices:
                equip(self, machine, devices[machine.name], depends_on=[policy])
        webhooks = {
            each.name: pulumi.Output.secret(call_back(self, each, args.secret_of).secret) for each in extras.webhooks
        }
        for stream in extras.log_streams:
            send_logs(self, stream, args.secret_of, depends_on=[settings])
        for integration in extras.posture_integrations:
            ask_for_posture(self, integration, args.secret_of)
        self.settled = (policy, *names, settings, *services)
        self.told = {what: told for what, told in (("tailnetKeys", keys), ("webhookSecrets", webhooks)) if told}
        self.register_outputs({})
