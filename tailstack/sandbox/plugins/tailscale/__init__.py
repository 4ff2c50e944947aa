"""The stand-in for the `tailscale` provider: the resources of pulumi-tailscale over the HTTP API v2."""
