"""Serve the provider to the engine that started this process."""

from tailstack.sandbox.plugins.slim import leave_out_sdk

leave_out_sdk()

from tailstack.sandbox.plugins.frame import serve  # noqa: E402  not before the SDK is left out
from tailstack.sandbox.plugins.kubernetes.provider import KubernetesProvider  # noqa: E402  as above

serve("kubernetes", distribution="pulumi-kubernetes", make=KubernetesProvider)
