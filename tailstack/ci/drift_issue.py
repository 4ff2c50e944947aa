"""`python -m tailstack.ci.drift_issue STACK FILE`: one issue for the drift of a stack, from the JSON of `tailstack drift`.

Opened when there is drift, changed when it is another drift than before (by its digest), closed when there is none. What is the same
as last time tells nobody anything. Where something could not be looked at and nothing was found, the issue stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailstack.ci.outputs import refuse
from tailstack.commands.exit_codes import ExitCode
from tailstack.engine.code_hosts import CodeHostError
from tailstack.engine.github import LONGEST_BODY, Repository
from tailstack.report.markdown import escaped

LABEL = "tailstack-drift"
_DIGEST = re.compile(r"<!-- digest: (\S+) -->")
_CUT = "\n\n… The rest is in the log of the run.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What `tailstack drift` found of a stack: its sections by their titles, each with its items, and what it knows nothing of."""

    stack: str
    digest: str
    sections: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.sections


def read(stack: str, text: str) -> Found:
    """The JSON of `tailstack drift`. Raises ValueError where it is none."""
    try:
        data: Any = json.loads(text)
        sections = {
            "Changed behind the stack": tuple(
                ": ".join((str(one["what"]), "; ".join(map(str, one["changes"])) or str(one["kind"])))
                for one in data["drifts"]
            ),
            "Not applied yet": tuple(
                f"{change['what']}: {change['op']}" for one in data["pending"] for change in one["changes"]
            ),
            "Live, and nobody declared it": tuple(f"{one['what']}: {one['why']}" for one in data["unmanaged"]),
        }
        return Found(
            stack=stack,
            digest=str(data["digest"]),
            sections={title: items for title, items in sections.items() if items},
            unknown=tuple(f"{one['what']}: {one['reason']}" for one in data["unknown"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from error


def settle(github: Repository, found: Found, run: str) -> str:
    """Open, change or close the issue of the stack, or leave it; what was done, in words. `run` is the address of the run.

    Raises CodeHostError.
    """
    marker = f"<!-- tailstack drift: {found.stack} -->"
    open_ones = [
        issue
        for issue in github.every("issues", state="open", labels=LABEL)
        if marker in str(issue.get("body") or "") and "pull_request" not in issue
    ]
    oldest = min(open_ones, key=lambda issue: int(issue["number"]), default=None)
    if found.is_clean:
        if oldest is None or found.unknown:
            return (
                "No drift was found." if not found.unknown else "No drift was found, and not everything was looked at."
            )
        for issue in open_ones:
            path = f"issues/{issue['number']}"
            github.send("POST", f"{path}/comments", {"body": f"There is no drift any more: {run}"})
            github.send("PATCH", path, {"state": "closed", "state_reason": "completed"})
        return f"Closed #{', #'.join(str(issue['number']) for issue in open_ones)}."
    title, body = f"Drift in {found.stack}", _body(found, marker, run)
    if oldest is None:
        made = github.send("POST", "issues", {"title": title, "body": body, "labels": [LABEL]})
        return f"Opened #{made['number']}."
    known = _DIGEST.search(str(oldest["body"]))
    if known is not None and known[1] == found.digest:
        return f"#{oldest['number']} tells it already."
    path = f"issues/{oldest['number']}"
    github.send("PATCH", path, {"title": title, "body": body})
    github.send("POST", f"{path}/comments", {"body": f"The drift is another one than before: {run}"})
    return f"Changed #{oldest['number']}."


def _body(found: Found, marker: str, run: str) -> str:
    """The text of the issue. Nothing that comes from outside is markup in it."""
    head = f"{marker}\n<!-- digest: {found.digest} -->\n"
    text = head + "\n".join(_lines(found, run))
    return text if len(text) <= LONGEST_BODY else text[: LONGEST_BODY - len(_CUT)] + _CUT


def _lines(found: Found, run: str) -> Iterator[str]:
    yield f"What is live is not what the stack `{found.stack}` left there, or what the files of the main branch say."
    for title, items in {**found.sections, "Could not be looked at": found.unknown}.items():
        if items:
            yield f"\n### {title}\n"
            yield from (f"- {escaped(item)}" for item in items)
    yield (
        f"\nSeen by {run}. To keep a change that was made by hand, write it into the files; to undo it, run "
        f"`tailstack up --stack {found.stack}`. `tailstack drift --stack {found.stack} --remedy` says more. "
        "This issue closes by itself when there is no drift any more."
    )


def main(arguments: Sequence[str]) -> None:
    """Settle the issue, and say what was done."""
    match arguments:
        case [stack, file]:
            pass
        case _:
            refuse("Usage: python -m tailstack.ci.drift_issue STACK FILE", ExitCode.USAGE)
    variables = os.environ
    run = f"{variables.get('GITHUB_SERVER_URL', '')}/{variables.get('GITHUB_REPOSITORY', '')}/actions/runs/{variables.get('GITHUB_RUN_ID', '')}"
    try:
        found = read(stack, Path(file).read_text(encoding="utf-8"))
        sys.stdout.write(settle(Repository.in_environment(variables), found, run) + "\n")
    except (OSError, ValueError) as error:
        refuse(f"The report on {stack} cannot be read: {error}", ExitCode.ERROR)
    except CodeHostError as error:
        refuse(str(error), ExitCode.ERROR)


if __name__ == "__main__":
    main(sys.argv[1:])
