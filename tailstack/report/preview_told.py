"""A preview as it is told: sections of items in the order in which they matter. What renders it adds nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tailstack.access.compare import Comparison
from tailstack.access.sentences import sentence
from tailstack.finding import Finding
from tailstack.report.changes import ALARMING, MARKS, because, summary
from tailstack.report.differences import LONGEST
from tailstack.report.link_map import link_map
from tailstack.report.plan import ChangeClass, ChangedValue, Op, Plan, PlannedChange, PolicyEdit, digest_of
from tailstack.report.policy_entries import changed_entries
from tailstack.report.preview import LivePolicy, PolicyState, PolicyViolation, Preview, Safety, Tier, headline
from tailstack.report.style import counted

_MOST_VALUES = 12
"""How many values of one object are told before the rest is counted."""

_SIGNS = {Op.CREATE: "+", Op.IMPORT: "+", Op.UPDATE: "~", Op.REPLACE: "±", Op.DELETE: "-", Op.FORGET: "."}
_DONE = {
    Op.CREATE: "is created",
    Op.IMPORT: "is imported",
    Op.UPDATE: "is changed",
    Op.REPLACE: "is replaced",
    Op.DELETE: "is deleted",
    Op.FORGET: "leaves the stack and stays as it is",
}
_ARE_DONE = {
    **{op: words.replace("is ", "are ", 1) for op, words in _DONE.items()},
    Op.FORGET: "leave the stack and stay as they are",
}
_SEVERAL = ("tailnet settings", "nameservers", "search paths", "contacts", "routes of ", "tags of ")
"""How the declarations begin that are more than one thing."""

_TITLES = {
    ChangeClass.DATA_LOSS: "Lost for good",
    ChangeClass.REPLACE: "Replaced",
    ChangeClass.ACCESS: "Who may do what",
    ChangeClass.NETWORK: "What is reached, and how",
    ChangeClass.METADATA: "Bookkeeping",
}
_FOLDED = frozenset({ChangeClass.METADATA})
_EDITED = (
    "The live policy file is neither what this stack applied last nor what it wants now. An apply would undo this edit:"
)
_EDITED_AND_LEFT = (
    "The live policy file is not what this stack applied last. An apply leaves it as it is, because the stack's state does not "
    "have this edit. Take it into the files, or put it back with `pulumi refresh` and an apply:"
)
_NOT_KNOWN = "It is not known whether somebody edited the live policy file."
_FIRST = (
    "This stack has never written the policy file; what is live is compared with what it would write. It overwrites nothing but "
    "Tailscale's own default, unless its config has tailstack:overwritePolicy."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that is told, with what belongs to it below. `mark` is a sign such as `+`; an alarm is seen first."""

    text: str
    details: tuple[str, ...] = ()
    mark: str = ""
    is_alarm: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Items below a title; a folded section is there for those who look for it. `diagram` is Mermaid of the same items."""

    title: str
    items: tuple[Item, ...]
    is_folded: bool = False
    diagram: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldPreview:
    """The answer, what explains it, and the lines at the end."""

    answer: str
    safety: Safety
    sections: tuple[Section, ...]
    foot: tuple[str, ...]


def tell_preview(preview: Preview) -> ToldPreview:
    """What is told of a preview; a section with nothing in it is left out."""
    return ToldPreview(
        answer=headline(preview),
        safety=preview.safety,
        sections=tuple(section for section in _sections(preview) if section.items),
        foot=tuple(_foot(preview)),
    )


def _sections(preview: Preview) -> Iterator[Section]:
    yield Section(title="Why it failed", items=tuple(Item(text=line, is_alarm=True) for line in preview.failure))
    yield Section(title="Errors", items=tuple(map(_finding, preview.errors)))
    yield Section(title="Policies that refuse it", items=tuple(map(_violation, preview.mandatory)))
    if preview.live_policy is not None:
        is_written = preview.plan.policy is not None
        yield Section(title="The live policy file", items=tuple(_live(preview.live_policy, is_written=is_written)))
    yield Section(title="Access gained and lost", items=tuple(_access(preview)))
    yield Section(
        title="Links",
        items=tuple(Item(text=str(change)) for change in preview.links),
        diagram=link_map(preview.links),
    )
    yield from _resources(preview.plan)
    yield Section(title="To know", items=tuple(Item(text=notice) for notice in preview.notices))
    yield Section(title="What it costs", items=tuple(Item(text=line) for line in preview.cost.lines))
    if preview.plan.policy is not None:
        yield Section(title="Entries of the policy file", items=tuple(_entries(preview.plan.policy)), is_folded=True)
    advice = [violation for violation in preview.violations if not violation.is_mandatory]
    yield Section(title="Advice of policies", items=tuple(map(_violation, advice)), is_folded=True)
    warned = [finding for finding in preview.findings if not finding.is_error]
    yield Section(
        title="Warnings",
        items=(*map(_finding, warned), *(_lines(text) for text in preview.warnings)),
        is_folded=True,
    )


def _violation(violation: PolicyViolation) -> Item:
    return Item(
        text=f"{violation.policy}: {violation.what}" if violation.what else violation.policy,
        details=tuple(violation.message.splitlines()),
        is_alarm=violation.is_mandatory,
    )


def _finding(finding: Finding) -> Item:
    place = f"{finding.places[0]}: " if finding.places else ""
    parts = (("expected", finding.expected), ("mend", finding.mend))
    return Item(
        text=f"{place}{finding.rule.code} {finding.rule.slug}: {finding.message}",
        details=tuple(f"{name}: {text}" for name, text in parts if text),
        is_alarm=finding.is_error,
    )


def _lines(text: str) -> Item:
    first, *rest = text.strip().splitlines() or [""]
    return Item(text=first, details=tuple(line.strip() for line in rest if line.strip()))


def _live(live: LivePolicy, *, is_written: bool) -> Iterator[Item]:
    if live.refused:
        yield Item(text="Tailscale would refuse the policy file that is wanted:", details=live.refused, is_alarm=True)
    match live.state:
        case PolicyState.EDITED:
            yield Item(text=_EDITED if is_written else _EDITED_AND_LEFT, details=live.said, is_alarm=True)
        case PolicyState.UNKNOWN:
            yield Item(text=_NOT_KNOWN, details=live.said)
        case PolicyState.FIRST:
            yield Item(text=_FIRST, details=live.said)
        case _:
            return


def _access(preview: Preview) -> Iterator[Item]:
    comparison = preview.comparison
    if preview.untold:
        yield Item(text=preview.untold, is_alarm=True)
    if comparison is not None and preview.has_changes:
        yield Item(text=summary(comparison.difference))
        yield from _changes(comparison)


def _changes(comparison: Comparison) -> Iterator[Item]:
    for change in comparison.difference.changes:
        yield Item(
            text=sentence(change, comparison.vocabulary),
            details=tuple(because(change)),
            mark=MARKS[change.direction],
            is_alarm=change.risk in ALARMING,
        )
    for note in comparison.difference.notes:
        yield Item(text=f"{note}.")


def _resources(plan: Plan) -> Iterator[Section]:
    for change_class, title in _TITLES.items():
        yield Section(
            title=title,
            items=tuple(map(_change, plan.of_class(change_class))),
            is_folded=change_class in _FOLDED,
        )
    noise = plan.of_class(ChangeClass.NOISE)
    if noise:
        kinds = ", ".join(dict.fromkeys(change.kind for change in noise))
        text = f"{counted(len(noise), 'object')} with changes that mean nothing outside of the stack: {kinds}."
        yield Section(title="Noise", items=(Item(text=text),), is_folded=True)


def _change(change: PlannedChange) -> Item:
    subject = change.declaration
    if change.what != change.declaration:
        subject += f" ({change.what})"
    done = _ARE_DONE if change.declaration.startswith(_SEVERAL) else _DONE
    text = f"{subject} {done[change.op]}"
    if change.op is Op.REPLACE:
        text += f", because of its {', '.join(change.because)}" if change.because else ", with what it hangs on"
    return Item(
        text=f"{text}.",
        details=tuple(_values(change)),
        mark=_SIGNS[change.op],
        is_alarm=change.change_class is ChangeClass.DATA_LOSS,
    )


def _values(change: PlannedChange) -> Iterator[str]:
    if change.op in (Op.CREATE, Op.IMPORT):
        return
    if change.sentences:
        yield from _few(change.sentences)
        return
    yield from _few([told_value(value) for value in change.values])


def _few(lines: Sequence[str]) -> Iterable[str]:
    more = len(lines) - _MOST_VALUES
    return [*lines[:_MOST_VALUES], f"and {more} more"] if more > 1 else lines


def told_value(value: ChangedValue) -> str:
    """`its tags (metadata.annotations["tailscale.com/tags"]): "tag:a" → "tag:b"`."""
    name = f"{value.words} ({value.path})" if value.words else value.path
    if not value.before:
        return f"{name}: {_short(value.after)} is new"
    if not value.after:
        return f"{name}: {_short(value.before)} is gone"
    return f"{name}: {_short(value.before)} → {_short(value.after)}"


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2 - 1
    return f"{text[:half]} … {text[-half:]}"


def _entries(edit: PolicyEdit) -> Iterator[Item]:
    by_declaration: dict[str, list[str]] = {}
    for entry in changed_entries(edit):
        by_declaration.setdefault(entry.declaration, []).append(f"{'+' if entry.is_new else '-'} {entry}")
    for declaration, lines in by_declaration.items():
        yield Item(text=declaration, details=tuple(lines))


def _foot(preview: Preview) -> Iterator[str]:
    counts = ", ".join(f"{number} to {op}" for op, number in preview.plan.counts.items())
    yield f"Compared with {preview.base} ({preview.tier}). Objects: {counts or 'none'}."
    if preview.tier is Tier.OFFLINE:
        yield "What is live and what the stack has applied is not looked at here."
    elif preview.plan.is_complete and not preview.failure and not preview.errors:
        yield f"Plan digest: {digest_of(preview.plan)}"
