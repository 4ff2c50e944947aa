"""The folder of a sandbox is private, and nothing but a sandbox is ever deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailstack.sandbox import processes
from tailstack.sandbox.failure import SandboxError
from tailstack.sandbox.folder import Folder, PluginsRecord, ProcessRecord, Record, write_private
from tailstack.sandbox.processes import Identity


def record(supervisor: Identity) -> Record:
    return Record(
        supervisor=supervisor,
        processes=(ProcessRecord(name="etcd", process=Identity(pid=2, started="x"), address="socket", log="etcd.log"),),
        clusters={"blue": "https://127.0.0.1:1"},
        api_url="http://127.0.0.1:2",
        tools={"pulumi": "/bin/pulumi"},
        plugins=PluginsRecord(source="official", names=("a 1",), environment={"A": "b"}),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "a" / "sandbox")
    made.make()
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_its_owners_alone(folder: Folder) -> None:
    assert mode(folder.path) == 0o700
    assert mode(folder.etcd) == 0o700
    folder.make()
    write_private(folder.kubeconfig, "secret")
    assert mode(folder.kubeconfig) == 0o600
    assert folder.kubeconfig.read_text() == "secret"


def test_a_folder_with_other_contents_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(SandboxError, match="is not empty and not a sandbox"):
        Folder(tmp_path).make()
    with pytest.raises(SandboxError, match="nothing was deleted"):
        Folder(tmp_path).delete()
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="cannot be made"):
        Folder(tmp_path / "file").make()


def test_it_is_deleted_whole_and_links_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("built")
    (folder.bin / "tool").symlink_to(tmp_path / "tool")
    folder.chart.symlink_to(tmp_path)
    folder.delete()
    folder.delete()
    assert not folder.path.exists()
    assert (tmp_path / "tool").read_text() == "built"


def test_a_record_comes_back_as_it_was(folder: Folder) -> None:
    own = processes.identity(1)
    assert own is not None
    written = record(own)
    folder.write(written)
    assert mode(folder.record_file) == 0o600
    assert folder.read() == written
    assert folder.running() == written


def test_the_record_of_one_that_is_gone_is_no_running_sandbox(folder: Folder) -> None:
    folder.write(record(Identity(pid=1, started="another time")))
    assert folder.read() is not None
    assert folder.running() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"supervisor": {"pid": 1}}', '{"supervisor": 1}'])
def test_a_record_of_another_form_is_none(folder: Folder, text: str) -> None:
    folder.record_file.write_text(text)
    assert folder.read() is None


def test_a_record_lacking_anything_is_none(folder: Folder) -> None:
    folder.write(record(Identity(pid=1, started="x")))
    document = json.loads(folder.record_file.read_text())
    for key in document:
        folder.record_file.write_text(json.dumps({name: value for name, value in document.items() if name != key}))
        assert folder.read() is None, key


def test_the_lock_is_one_process_at_a_time(folder: Folder) -> None:
    assert folder.holder() is None
    with folder.locked() as first, folder.locked() as second:
        assert first
        assert not second
        holder = folder.holder()
        assert holder is not None
        assert processes.is_running(holder)
    assert folder.holder() is None
    with folder.locked() as again:
        assert again
