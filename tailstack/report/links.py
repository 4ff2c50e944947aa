"""The proofs of links: each step from the client's namespace to the Service at the other end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tailstack.report.findings import WIDTH
from tailstack.report.style import Style, counted, wrapped
from tailstack.rules.proof import LinkProof, Step


def links_summary(proofs: Sequence[LinkProof], *, colour: bool = False) -> str:
    """`37 links, 37 complete.`"""
    style = Style(colour=colour)
    complete = sum(proof.is_complete for proof in proofs)
    paint = style.good if complete == len(proofs) else style.bad
    return paint(f"{counted(len(proofs), 'link')}, {complete} complete.")


def links_as_text(proofs: Sequence[LinkProof], *, colour: bool = False, width: int = WIDTH) -> str:
    """Every link with its steps. Empty where there is none."""
    style = Style(colour=colour)
    return "\n".join(_paragraph(proof, style, width) for proof in proofs)


def _paragraph(proof: LinkProof, style: Style, width: int) -> str:
    verdict = style.good("complete") if proof.is_complete else style.bad("broken")
    lines = [f"{style.strong(proof.link)}: {verdict}"]
    longest = max(len(step.name) for step in proof.steps)
    for step in proof.steps:
        lines += _step(step, longest, style, width)
    for lacking in proof.lacking:
        told = replace(lacking.step, text=f"{lacking.who} cannot serve {lacking.service}: {lacking.step.text}")
        lines += _step(told, longest, style, width)
    return "\n".join(lines) + "\n"


def _step(step: Step, longest: int, style: Style, width: int) -> list[str]:
    label = f"  {'ok' if step.holds else 'NO'}  {step.name:<{longest}}  "
    indent = " " * len(label)
    lines = wrapped(step.text, label, indent, width)
    mark = style.good("ok") if step.holds else style.bad("NO")
    lines[0] = lines[0][:2] + mark + lines[0][4:]
    return [*lines, *(wrapped(f"mend: {step.mend}", indent, indent, width) if step.mend else [])]


def links_as_data(proofs: Sequence[LinkProof]) -> list[dict[str, object]]:
    """The proofs as they stand in the JSON report."""
    return [
        {
            "link": proof.link,
            "complete": proof.is_complete,
            "steps": [
                {
                    "name": step.name,
                    "holds": step.holds,
                    "text": step.text,
                    "mend": step.mend,
                    "places": [{"file": p.file, "line": p.line, "column": p.column} for p in step.places],
                }
                for step in proof.steps
            ],
            "lacking": [
                {"service": lacking.service, "who": lacking.who, "text": lacking.step.text, "mend": lacking.step.mend}
                for lacking in proof.lacking
            ],
        }
        for proof in proofs
    ]
