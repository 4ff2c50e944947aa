"""`python -m tailstack.sandbox.plugins.tailscale ENGINE_ADDRESS`: what `pulumi-resource-tailscale` executes."""

from __future__ import annotations

from tailstack.sandbox.plugins.slim import leave_out_sdk

leave_out_sdk()

from tailstack.sandbox.plugins.frame import serve  # noqa: E402  after the SDK is out of the way
from tailstack.sandbox.plugins.tailscale.provider import TailscaleProvider  # noqa: E402  as above

serve("tailscale", distribution="pulumi-tailscale", make=TailscaleProvider)
