"""The operator's chart as its publisher would release it, made from the sources in the Go module.

The module's chart differs from the released one in three things, read in tailscale.com v1.102.3:
`cmd/k8s-operator/deploy/chart/Chart.yaml` has a placeholder for the version and says in its comments that `version`
becomes the tag without "v" and `appVersion` the tag; image tags default to `appVersion` (templates/deployment.yaml);
the CRDs lie in `deploy/crds` and become templates under the condition `installCRDs`
(`cmd/k8s-operator/generate/main.go`).
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tailstack.sandbox.failure import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = "1"
"""Changes whenever what this module makes changes, so that caches are filled anew."""

FOLDER = "cmd/k8s-operator/deploy"
"""Where all of it lies in the module."""


def copy(module: Path, target: Path, *, version: str, crds: int) -> Path:
    """Make the chart at `target` from the unpacked Go module at `module`; gives `target`.

    Raises SandboxError when the module does not look as expected.
    """
    deploy = module / FOLDER
    found = sorted((deploy / "crds").glob("tailscale.com_*.yaml"))
    if len(found) != crds:
        raise SandboxError(f"The operator's module has {len(found)} CRDs in {deploy / 'crds'}; {crds} were expected.")
    if not (deploy / "chart" / "Chart.yaml").is_file():
        raise SandboxError(f"The operator's module has no chart in {deploy / 'chart'}.")
    # The module cache is read-only, and modes would be copied: only contents are taken.
    shutil.copytree(deploy / "chart", target, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    # Keeps the CRD templates out of git in the publisher's repository; in a chart it means nothing.
    (target / "templates" / ".gitignore").unlink(missing_ok=True)
    about = target / "Chart.yaml"
    text = _replaced(about.read_text(), "version", version)
    about.write_text(_replaced(text, "appVersion", f"v{version}"))
    for crd in found:
        name = crd.name.removeprefix("tailscale.com_")
        template = f"{{{{ if .Values.installCRDs -}}}}\n{crd.read_text().rstrip()}\n{{{{- end -}}}}\n"
        (target / "templates" / f"crd-{name}").write_text(template)
    return target


def _replaced(text: str, key: str, value: str) -> str:
    changed, count = re.subn(rf"(?m)^{key}: .*$", f'{key}: "{value}"', text)
    if count != 1:
        raise SandboxError(f"Chart.yaml of the operator has {count} lines `{key}:`; one was expected.")
    return changed
