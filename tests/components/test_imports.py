"""What the program imports: half of the time before its first resource (docs/performance.md)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "__main__.py"
NOT_NEEDED = {
    "components.live_policy",
    "pulumi_kubernetes.apiextensions.v1._inputs",
    "pulumi_kubernetes.networking.v1._inputs",
    "pulumi_kubernetes.rbac.v1._inputs",
    "tailstack.access.diff",
    "tailstack.access.explain",
    "tailstack.engine.pulumi",
    "tailstack.report.checked",
}
"""What a refusal, a part without the policy file, other commands and resources that are not declared need."""


def test_the_program_imports_nothing_that_it_may_not_need() -> None:
    imported = re.findall(r"^    from (components\.\w+) import", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
    assert "components.environment" in imported
    code = f"import sys, {', '.join(imported)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROGRAM.parent)
    modules = set(done.stdout.split())
    assert "tailstack.rules.check" in modules
    assert modules & NOT_NEEDED == set()
