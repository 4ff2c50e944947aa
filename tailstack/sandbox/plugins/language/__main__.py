"""`python -m tailstack.sandbox.plugins.language ENGINE_ADDRESS`: what `pulumi-language-python` executes."""

from __future__ import annotations

from tailstack.sandbox.plugins.slim import leave_out_sdk

leave_out_sdk()

from tailstack.sandbox.plugins.frame import engine_address, serve_service  # noqa: E402  after the SDK is out of the way
from tailstack.sandbox.plugins.language.host import LanguageHost  # noqa: E402  as above

serve_service("pulumirpc.LanguageRuntime", LanguageHost(engine_address()).methods())
