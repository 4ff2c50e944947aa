"""A pull request's files as data: what is taken, what is left, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tailstack.ci.declarations import UnfitError, take
from tailstack.commands.exit_codes import ExitCode
from tests.workflows.runner import git

BASE = {
    "__main__.py": "print('ours')\n",
    "tailstack/__init__.py": "",
    "stacks/Pulumi.prod.yaml": "config: {}\n",
    "stacks/prod/tailnet.yaml": "tailnet: {}\n",
    "stacks/prod/gone.yaml": "groups: {}\n",
    "stacks/dev/tailnet.yaml": "tailnet: {}\n",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=x")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    git(folder, "init", "--quiet")
    write(folder, BASE)
    commit(folder)
    return folder


@pytest.fixture
def theirs(base: Path) -> Path:
    folder = base.parent / "pull-request"
    git(base.parent, "clone", "--quiet", str(base), str(folder))
    return folder


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def test_declarations_are_taken_and_nothing_else_is(base: Path, theirs: Path) -> None:
    (theirs / "stacks/prod/gone.yaml").unlink()
    write(
        theirs,
        {
            "__main__.py": "print('theirs')\n",
            "tailstack/__init__.py": "print('theirs')\n",
            "sitecustomize.py": "print('theirs')\n",
            "stacks/Pulumi.prod.yaml": "config: {'tailscale:baseUrl': 'https://stranger.example.com'}\n",
            "stacks/prod/tailnet.yaml": "tailnet: {dnsName: a}\n",
            "stacks/prod/base.hujson": "{}\n",
            "stacks/dev/base.json": "{}\n",
            "stacks/new/tailnet.yaml": "tailnet: {}\n",
        },
    )
    commit(theirs)
    # The commit counts, and not what lies in the folder.
    write(theirs, {"stacks/prod/tailnet.yaml": "changed after the commit\n"})
    taken = take(theirs, base)
    assert files_of(base) == {
        "__main__.py": "print('ours')\n",
        "tailstack/__init__.py": "",
        "stacks/Pulumi.prod.yaml": "config: {}\n",
        "stacks/prod/tailnet.yaml": "tailnet: {dnsName: a}\n",
        "stacks/prod/base.hujson": "{}\n",
        "stacks/dev/base.json": "{}\n",
        "stacks/dev/tailnet.yaml": "tailnet: {}\n",
        "stacks/new/tailnet.yaml": "tailnet: {}\n",
    }
    assert taken.files == (
        "stacks/dev/base.json",
        "stacks/new/tailnet.yaml",
        "stacks/prod/base.hujson",
        "stacks/prod/gone.yaml",
        "stacks/prod/tailnet.yaml",
    )
    assert taken.configs == ("stacks/Pulumi.prod.yaml",)
    assert taken.code == ("__main__.py", "sitecustomize.py", "tailstack")


def test_what_changes_only_declarations_has_nothing_left_out(base: Path, theirs: Path) -> None:
    write(theirs, {"stacks/prod/tailnet.yaml": "tailnet: {dnsName: a}\n"})
    commit(theirs)
    taken = take(theirs, base)
    assert (taken.both, taken.configs, taken.code) == ((), (), ())


def test_what_the_base_got_since_is_not_undone(base: Path, theirs: Path) -> None:
    write(theirs, {"stacks/prod/tailnet.yaml": "theirs\n", "stacks/prod/gone.yaml": "theirs\n"})
    commit(theirs)
    write(
        base,
        {
            "__main__.py": "print('newer')\n",
            "stacks/Pulumi.prod.yaml": "config: {newer: true}\n",
            "stacks/prod/gone.yaml": "newer\n",
            "stacks/prod/new.yaml": "newer\n",
            "stacks/dev/tailnet.yaml": "newer\n",
        },
    )
    commit(base)
    git(theirs, "fetch", "--quiet")
    taken = take(theirs, base)
    assert taken.files == ("stacks/prod/gone.yaml", "stacks/prod/tailnet.yaml")
    assert taken.both == ("stacks/prod/gone.yaml",)
    assert (taken.configs, taken.code) == ((), ())
    found = files_of(base)
    assert found["stacks/dev/tailnet.yaml"] == found["stacks/prod/new.yaml"] == "newer\n"
    assert found["stacks/prod/tailnet.yaml"] == found["stacks/prod/gone.yaml"] == "theirs\n"


def test_a_clone_that_does_not_know_the_base_is_refused(base: Path, theirs: Path) -> None:
    write(theirs, {"stacks/prod/tailnet.yaml": "theirs\n"})
    commit(theirs)
    commit(base)
    with pytest.raises(UnfitError, match=r"[0-9a-f]{40}"):
        take(theirs, base)
    assert files_of(base) == BASE


def test_an_environment_that_goes_leaves_no_folder(base: Path, theirs: Path) -> None:
    git(theirs, "rm", "-r", "--quiet", "stacks/dev")
    commit(theirs)
    take(theirs, base)
    assert not (base / "stacks/dev").exists()


def test_what_the_base_has_itself_is_no_reason_to_refuse(base: Path, theirs: Path) -> None:
    write(base, {"stacks/README.md": "read\n", "stacks/prod/.gitkeep": "", "shared.yaml": "groups: {}\n"})
    (base / "stacks/prod/shared.yaml").symlink_to("../../shared.yaml")
    commit(base)
    git(theirs, "pull", "--quiet")
    write(theirs, {"stacks/prod/tailnet.yaml": "tailnet: {dnsName: a}\n", "shared.yaml": "theirs\n"})
    commit(theirs)
    assert take(theirs, base).files == ("stacks/prod/tailnet.yaml",)
    found = files_of(base)
    assert found["stacks/README.md"] == "read\n"
    assert found["stacks/prod/shared.yaml"] == "groups: {}\n", "as the base has it"
    write(theirs, {"stacks/README.md": "run me\n"})
    commit(theirs)
    with pytest.raises(UnfitError, match=r"has also: stacks/README\.md"):
        take(theirs, base)


def test_nothing_is_written_through_a_link_of_the_base(base: Path, theirs: Path) -> None:
    write(base, {"outside/tailnet.yaml": "outside\n"})
    (base / "stacks/prod/link.yaml").symlink_to("../../outside/tailnet.yaml")
    (base / "stacks/linked").symlink_to("../outside")
    commit(base)
    git(theirs, "pull", "--quiet")
    for name in ("stacks/prod/link.yaml", "stacks/linked"):
        (theirs / name).unlink()
    write(theirs, {"stacks/prod/link.yaml": "theirs\n", "stacks/linked/tailnet.yaml": "theirs\n"})
    commit(theirs)
    take(theirs, base)
    assert (base / "outside/tailnet.yaml").read_text() == "outside\n"
    assert (base / "stacks/prod/link.yaml").read_text() == "theirs\n"
    assert (base / "stacks/linked/tailnet.yaml").read_text() == "theirs\n"


@pytest.mark.parametrize("count", range(8))
def test_a_link_goes_before_what_lies_behind_it(base: Path, theirs: Path, count: int) -> None:
    """Whatever their names are, and with that the order of them in a set."""
    link = f"stacks/linked{count}"
    write(base, {"outside/tailnet.yaml": "outside\n"})
    (base / link).symlink_to("../outside")
    commit(base)
    git(theirs, "pull", "--quiet")
    (theirs / link).unlink()
    write(theirs, {f"{link}/tailnet.yaml": "theirs\n"})
    commit(theirs)
    take(theirs, base)
    assert (base / "outside/tailnet.yaml").read_text() == "outside\n"
    assert (base / link / "tailnet.yaml").read_text() == "theirs\n"


def test_a_folder_that_the_base_made_a_link_since_is_refused(base: Path, theirs: Path) -> None:
    write(theirs, {"stacks/dev/tailnet.yaml": "theirs\n"})
    commit(theirs)
    write(base, {"outside/tailnet.yaml": "outside\n"})
    git(base, "rm", "-r", "--quiet", "stacks/dev")
    (base / "stacks/dev").symlink_to("../outside")
    commit(base)
    git(theirs, "fetch", "--quiet")
    with pytest.raises(UnfitError, match=r"no folder any more .*: stacks/dev\. Merge"):
        take(theirs, base)
    assert (base / "outside/tailnet.yaml").read_text() == "outside\n"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("stacks/prod/link.yaml", "/etc/passwd"),
        ("stacks/other", "../tailstack"),
        ("stacks/Pulumi.prod.yaml", "/etc/passwd"),
    ],
)
def test_a_link_is_refused_and_nothing_is_written(base: Path, theirs: Path, name: str, target: str) -> None:
    (theirs / name).unlink(missing_ok=True)
    (theirs / name).symlink_to(target)
    commit(theirs)
    with pytest.raises(UnfitError, match=name):
        take(theirs, base)
    assert files_of(base) == BASE


@pytest.mark.parametrize(
    "name",
    [
        "stacks/prod/evil.py",
        "stacks/prod/sub/tailnet.yaml",
        "stacks/prod/-x.yaml",
        "stacks/.hidden/tailnet.yaml",
        "stacks/stray.yaml",
        "stacks/prod/a b.yaml",
    ],
)
def test_a_file_of_another_kind_is_refused(base: Path, theirs: Path, name: str) -> None:
    write(theirs, {name: "x"})
    commit(theirs)
    with pytest.raises(UnfitError, match="has also"):
        take(theirs, base)
    assert files_of(base) == BASE


def test_a_folder_of_stacks_that_is_a_link_is_refused(base: Path, theirs: Path) -> None:
    git(theirs, "rm", "-r", "--quiet", "stacks")
    (theirs / "stacks").symlink_to("tailstack")
    commit(theirs)
    with pytest.raises(UnfitError, match="has also: stacks"):
        take(theirs, base)
    assert files_of(base) == BASE


def test_a_submodule_is_refused(base: Path, theirs: Path) -> None:
    git(theirs, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},stacks/prod.yaml")
    git(theirs, "commit", "--quiet", "--message=x")
    with pytest.raises(UnfitError, match=r"stacks/prod\.yaml"):
        take(theirs, base)


def test_too_much_is_refused(base: Path, theirs: Path) -> None:
    write(theirs, {f"stacks/prod/file{number}.yaml": "" for number in range(2001)})
    commit(theirs)
    with pytest.raises(UnfitError, match="More than 2,000 files"):
        take(theirs, base)
    (theirs / "stacks/prod/tailnet.yaml").write_bytes(b"#" * (32 * 1024 * 1024 + 1))
    for number in range(2001):
        (theirs / f"stacks/prod/file{number}.yaml").unlink()
    commit(theirs)
    with pytest.raises(UnfitError, match="bytes"):
        take(theirs, base)


def test_the_command_says_what_is_not_in_the_preview(base: Path, theirs: Path) -> None:
    write(theirs, {"__main__.py": "print('theirs')\n", "stacks/Pulumi.prod.yaml": "config: {a: b}\n"})
    commit(theirs)
    command = [sys.executable, "-m", "tailstack.ci.declarations", "../pull-request"]
    done = subprocess.run(
        command, cwd=base, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONSAFEPATH": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert "::warning title=tailstack::Not part of this preview" in done.stdout
    assert "__main__.py" in done.stdout
    (theirs / "stacks/x").symlink_to("y")
    commit(theirs)
    done = subprocess.run(
        command, cwd=base, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONSAFEPATH": "1"}
    )
    assert done.returncode == ExitCode.REFUSED
    assert done.stdout.startswith("::error title=tailstack::")
