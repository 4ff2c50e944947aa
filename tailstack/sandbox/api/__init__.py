"""A stand-in of Tailscale's HTTP API v2 for the sandbox, on loopback only.

It refuses what the service refuses, keeps its state in a folder and fails on demand. Facts about the service come from its
OpenAPI document, the Go client `tailscale.com/client/tailscale/v2` and the acceptance tests of the Terraform provider, which
run against the service; docs/api-stand-in.md says what is covered and what is a guess.
"""
