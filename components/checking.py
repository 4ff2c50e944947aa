"""The check before anything is registered: what `tailstack check` would say, and no further step where it finds an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pulumi

from components.refusal import RefusedError
from tailstack.access.compile import CompiledPolicy
from tailstack.report import findings
from tailstack.rules.check import check_environment
from tailstack.topology.tailnet import Tailnet


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """An environment without mistakes. `whole` is it with all that share its tailnet, `policy` that of the whole."""

    tailnet: Tailnet
    whole: Tailnet
    policy: CompiledPolicy


def without_errors(project: Path, environment: str, at: datetime) -> Declared:
    """The tailnet of an environment and its policy file. Warnings are shown as warnings of the stack.

    Raises RefusedError with the text of `tailstack check` where there are errors or the files cannot be read.
    """
    try:
        checked = check_environment(project, environment, at)
    except OSError as error:
        raise RefusedError(f"The environment {environment} cannot be read: {error}") from error
    if checked.tailnet is None or checked.whole is None or checked.policy is None or checked.has_errors:
        from tailstack.report.checked import checked_as_text  # noqa: PLC0415  all forms of a report, for a refusal only

        raise RefusedError(
            f"The environment {environment} has mistakes. Nothing was changed.\n\n{checked_as_text(checked)}"
        )
    if checked.findings:
        pulumi.log.warn(findings.as_text(checked.findings))
    return Declared(tailnet=checked.tailnet, whole=checked.whole, policy=checked.policy)
