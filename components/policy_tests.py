"""Policy tests before there are nodes: whether the service runs a test about a tag that no node wears is not documented.

Headscale, the open control server, refuses such a policy. So that the first `up` works either way, derived tests are left
out for as long as the service refuses the policy because of them and some of their tags are worn by no node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pulumi

from tailstack.access import hujson
from tailstack.access.compile import compile_policy
from tailstack.engine.tailscale_api import TailscaleApi, TailscaleApiError
from tailstack.topology.tailnet import Tailnet


def acceptable(tailnet: Tailnet, policy: str, connected: Callable[[], TailscaleApi]) -> str:
    """The policy file as the service takes it now: `policy`, or the same without derived tests, which is warned of.

    Where the service cannot be asked, `policy` it is: whoever writes it will hear the reason.
    """
    if not tailnet.derive_tests:
        return policy
    try:
        api = connected()
        refused, _ = api.validate_policy(policy)
        if not refused:
            return policy
        # Composed only here: nearly always the service takes the policy as it is.
        without = compile_policy(replace(tailnet, derive_tests=False)).text
        if api.validate_policy(without)[0]:
            return policy
        unworn = sorted(set(_tags_of_tests(policy)) - set(_worn_tags(api)))
    except TailscaleApiError:
        return policy
    if not unworn:
        return policy
    pulumi.log.warn(
        f"Tailscale refuses the derived policy tests ({refused}), and no node wears {', '.join(unworn)}. The policy goes "
        "without derived tests for now; run `pulumi up` again when the nodes have joined."
    )
    return without


def _tags_of_tests(policy: str) -> Iterator[str]:
    document = cast("dict[str, Any]", hujson.to_python(hujson.parse(policy).root))
    for test in document.get("tests", []):
        targets = [target.rpartition(":")[0] for key in ("accept", "deny") for target in test.get(key, [])]
        yield from (name for name in (test["src"], *targets) if name.startswith("tag:"))


def _worn_tags(api: TailscaleApi) -> Iterator[str]:
    for device in api.get("devices")["devices"]:
        yield from device.get("tags") or ()
