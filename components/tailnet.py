"""The tailnet as a whole: its policy file, MagicDNS and HTTPS certificates."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_tailscale import Acl, DnsPreferences, TailnetSettings

from components.options import child
from components.tokens import TAILNET


@dataclass(frozen=True, kw_only=True, slots=True)
class TailnetArgs:
    """`policy` is the whole policy file in canonical HuJSON. `guard` runs before it is written (see policy_guard)."""

    policy: str
    magic_dns: bool
    https_certificates: bool
    protect: bool
    reset_on_destroy: bool
    overwrite_policy: bool
    guard: pulumi.ResourceHookBinding | None = None


class Tailnet(pulumi.ComponentResource):
    """What belongs to the tailnet and not to a cluster. `settled` is what clusters must wait for."""

    settled: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: TailnetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TAILNET, name, None, opts)
        # What a destroy leaves is left by the engine, which then says `[retain]` beside it. The provider's own delete of
        # DnsPreferences would switch MagicDNS off for the whole tailnet, and that of TailnetSettings does nothing at all
        # (terraform-provider-tailscale, resource_dns_preferences.go and resource_tailnet_settings.go).
        keep = not args.reset_on_destroy
        policy = Acl(
            "policy",
            acl=args.policy,
            overwrite_existing_content=args.overwrite_policy or None,
            reset_acl_on_destroy=args.reset_on_destroy or None,
            opts=child(self, protect=args.protect, retain_on_delete=keep, hooks=args.guard),
        )
        dns = DnsPreferences(
            "dns", magic_dns=args.magic_dns, opts=child(self, protect=args.protect, retain_on_delete=keep)
        )
        settings = TailnetSettings(
            "settings",
            https_enabled=args.https_certificates,
            opts=child(self, protect=args.protect, retain_on_delete=True),
        )
        self.settled = (policy, dns, settings)
        self.register_outputs({})
