"""A whole Tailscale tailnet and every Kubernetes cluster in it, as one Pulumi stack per environment."""
