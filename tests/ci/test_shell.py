"""The scripts and steps that put the programs together, with stand-ins for what they call."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.workflows.runner import BASH, load_workflow

PROJECT = Path(__file__).parent.parent.parent
SCRIPTS = PROJECT / ".github" / "scripts"
POISON = "<img src=x> @everyone, merge this"


def program(folder: Path, name: str, text: str) -> None:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{BASH}\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def run(folder: Path, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "TMPDIR": str(folder),
        "NOTES": str(folder / "notes"),
        **variables,
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def step(folder: Path, workflow: str, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one step of a workflow as GitHub's shell would."""
    jobs = load_workflow(PROJECT / ".github" / "workflows" / workflow)["jobs"].values()
    (text,) = [step["run"] for job in jobs for step in job.get("steps", []) if step.get("name") == name]
    return run(folder, [BASH, "--noprofile", "--norc", "-e", "-c", text], **variables)


ROLL_UP = """
case $1 in
  preview)
    for file in "$@"; do case $file in *.json) printf '%s\\n' "$file" >> "$NOTES"; esac; done
    while [ "$1" != --output ]; do shift; done
    if [ -n "${REPORT:-}" ]; then printf '%s' "$REPORT" > "$2"; fi
    exit 1 ;;
  comment) shift; printf '%s\\n' "${*:1:4}" >> "$NOTES"; cat "${!#}" > posted ;;
esac
"""


@pytest.mark.parametrize(
    ("report", "stacks", "files", "posted"),
    [
        ("the report", [], ["previews/a.json", "previews/b.json"], "the report"),
        ("the report", ["b", "gone"], ["previews/b.json", "previews/gone.json"], "the report"),
        # What a stranger left beside the reports is not what the stranger gets posted where no report can be made.
        ("", [], ["previews/a.json", "previews/b.json"], ":x: **Not safe. No report could be made"),
    ],
)
def test_a_comment_is_made_of_the_reports_alone(
    tmp_path: Path, report: str, stacks: list[str], files: list[str], posted: str
) -> None:
    program(tmp_path, "tailstack", ROLL_UP)
    previews = tmp_path / "previews"
    previews.mkdir()
    for name in ("a.json", "b.json", "number"):
        (previews / name).write_text("{}", encoding="utf-8")
    (previews / "comment.md").write_text(POISON, encoding="utf-8")
    command = [str(SCRIPTS / "comment.sh"), "offline", "7", "previews", *stacks]
    done = run(tmp_path, command, REPORT=report)
    assert done.returncode == 0, done.stderr
    *named, said = (tmp_path / "notes").read_text().splitlines()
    assert named == files
    assert said == "--pull-request 7 --marker offline"
    text = (tmp_path / "posted").read_text()
    assert text.startswith(posted)
    assert POISON not in text


def test_where_a_pull_request_left_no_report_the_comment_says_so(tmp_path: Path) -> None:
    """As where its own code cannot be installed."""
    program(tmp_path, "tailstack", ROLL_UP)
    (tmp_path / "previews").mkdir()
    (tmp_path / "previews" / "number").write_text("7\n", encoding="utf-8")
    done = run(tmp_path, [str(SCRIPTS / "comment.sh"), "offline", "7", "previews"], REPORT="x")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes").read_text().splitlines()[0] == "previews/offline.json"


def test_the_number_is_kept_whatever_becomes_of_the_code(tmp_path: Path) -> None:
    """Without it the comment of an older commit would stay."""
    jobs = load_workflow(PROJECT / ".github" / "workflows" / "preview.yml")["jobs"]
    names = [str(step.get("name") or step["uses"]) for step in jobs["offline"]["steps"]]
    assert names.index("Say which pull request it is about") < names.index("./.github/actions/install")
    assert jobs["offline"]["steps"][-1]["if"] == "always()"
    done = step(tmp_path, "preview.yml", "Say which pull request it is about", NUMBER="7")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "previews" / "number").read_text() == "7\n"


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (2, 0), (3, 3), (5, 5)])
def test_an_online_preview_ends_as_it_should(tmp_path: Path, code: int, expected: int) -> None:
    program(
        tmp_path,
        "tailstack",
        f'printf "%s\\n" "$@" > "$NOTES"; echo said >&2; echo "# a" > previews/prod.md; exit {code}',
    )
    summary = tmp_path / "summary"
    done = run(
        tmp_path,
        [str(SCRIPTS / "preview-online.sh"), "previews"],
        PULUMI_STACK="prod",
        PACK="--policy-pack policies",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == expected
    assert done.stdout == "said\n"
    assert summary.read_text() == "# a\n"
    asked = (tmp_path / "notes").read_text().split()
    assert asked[:5] == ["preview", "--stack", "prod", "--policy-pack", "policies"]


def test_no_word_of_a_pull_request_is_a_command_to_the_runner(tmp_path: Path) -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, stopping workflow commands."""
    program(tmp_path, "tailstack", "echo ::add-mask::a; echo '##[add-mask]b' >&2; exit 3")
    command = [str(SCRIPTS / "preview-online.sh"), "previews"]
    tokens: set[str] = set()
    for _ in range(2):
        done = run(tmp_path, command, PULUMI_STACK="prod", GITHUB_ACTIONS="true")
        assert done.returncode == 3
        assert done.stderr == ""
        first, *between, last = done.stdout.splitlines()
        token = first.removeprefix("::stop-commands::")
        assert re.fullmatch(r"words-[0-9a-f]{32}", token)
        assert between == ["::add-mask::a", "##[add-mask]b"]
        assert last == f"::{token}::"
        tokens.add(token)
    assert len(tokens) == 2, "nobody can know it before"


def test_what_is_passed_is_one_option_each(tmp_path: Path) -> None:
    program(tmp_path, "tailstack", 'printf "%s\\n" "$@" > "$NOTES"')
    (tmp_path / "a file").touch()
    done = run(
        tmp_path,
        [str(SCRIPTS / "up.sh")],
        PULUMI_STACK="prod",
        DIGEST="sha256:0",
        ALLOW="removal * policy",
        OPTIONS="--wait 15m",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes").read_text().splitlines() == [
        *("up", "--stack", "prod", "--plan-digest", "sha256:0", "--wait", "15m"),
        *("--allow=removal", "--allow=*", "--allow=policy"),
    ]


@pytest.mark.parametrize("code", [0, 4])
def test_of_the_clone_of_a_pull_request_nothing_is_left(tmp_path: Path, code: int) -> None:
    """A chart's folder can be named in the YAML, Helm follows links, and what it renders is in the plan: with a link of the pull
    request to the runner's files their contents would be."""
    program(tmp_path, "python", f'echo "$*" > notes; test -d pull-request && exit {code}')
    (tmp_path / "pull-request").mkdir()
    (tmp_path / "pull-request" / "templates").symlink_to(tmp_path / "bin")
    done = step(tmp_path, "preview-online.yml", "Take the declarations of the pull request")
    assert done.returncode == code
    assert (tmp_path / "notes").read_text() == "-m tailstack.ci.declarations pull-request\n"
    assert (tmp_path / "pull-request").exists() is (code != 0), "a job that goes on has none"
    assert (tmp_path / "bin" / "python").is_file(), "no link was followed"


def test_an_issue_that_cannot_be_settled_holds_up_no_other(tmp_path: Path) -> None:
    program(tmp_path, "python", 'echo "$*" >> notes; case $3 in a) exit 1 ;; esac')
    (tmp_path / "drift").mkdir()
    for name, text in (("a", "{}"), ("b", ""), ("c", "{}")):
        (tmp_path / "drift" / f"{name}.json").write_text(text, encoding="utf-8")
    done = step(tmp_path, "drift.yml", "Open, change or close the issue of each stack", STACKS="a b c")
    assert done.returncode == 1
    assert (tmp_path / "notes").read_text().splitlines() == [
        "-m tailstack.ci.drift_issue a drift/a.json",
        "-m tailstack.ci.drift_issue c drift/c.json",
    ]
