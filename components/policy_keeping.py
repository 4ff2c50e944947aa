"""The policy file of the first of two passes, in which nodes that have not been brought over yet keep what they need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi

from components.refusal import RefusedError
from tailstack.access.narrowing import KEEP_VARIABLE, keeping


def beside_what_is_kept(policy: str, variables: Mapping[str, str]) -> str:
    """`policy`, and in the first pass of `tailstack up` what nodes still need of the file that the variable names.

    Raises RefusedError where that cannot be read: what nodes need would be dropped too early.
    """
    name = variables.get(KEEP_VARIABLE)
    if not name:
        return policy
    try:
        live = Path(name).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise RefusedError(
            f"{KEEP_VARIABLE} names a file that cannot be read: {error}. Nothing was changed."
        ) from error
    kept = keeping(policy, live)
    if not kept.is_empty:
        pulumi.log.info("The policy file keeps what nodes need that have not been brought over yet.")
    return kept.text
