import os
import subprocess
import sys
import warnings

import pytest

from dsx.base import files
from dsx.base.files import RecordError, RecordWarning, load_json, read_json, sweep, write_bytes, write_json


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "deep" / "er" / "r.json"
    write_json(path, {"a": [1, 2.5, "é"], "b": None})
    assert read_json(path) == {"a": [1, 2.5, "é"], "b": None}
    assert os.listdir(path.parent) == ["r.json"]


def test_a_missing_record_is_none_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_json(tmp_path / "r.json") is None


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\x00" * 40, b"\xff\xfe", b"[1, 2]", b"3"])
def test_a_torn_or_foreign_record_is_none_with_a_warning(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.warns(RecordWarning, match="treated as absent"):
        assert read_json(path) is None
    assert load_json(path)[0] is None
    assert str(path) in load_json(path)[1]


def test_a_writer_killed_before_the_rename_leaves_the_old_record(tmp_path):
    path = tmp_path / "r.json"
    write_json(path, {"v": 1})
    code = (
        "import os, sys, pathlib; from dsx.base import files\n"
        "os.replace = lambda *a: os.kill(os.getpid(), 9)\n"
        "files.write_json(pathlib.Path(sys.argv[1]), {'v': 2})"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert read_json(path) == {"v": 1}
    assert len(os.listdir(tmp_path)) == 2
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError) as caught:
        write_bytes(tmp_path / "file" / "r.json", b"x")
    assert str(caught.value).startswith(f"{tmp_path}/file/r.json: cannot be written (Not a directory)")
    assert "\n" not in str(caught.value)


def test_a_record_is_written_though_the_next_owner_of_the_folder_sweeps_it_meanwhile(tmp_path, monkeypatch):
    replace, swept = os.replace, []

    def replace_after_a_sweep(source, target):
        if not swept:
            swept.append(source)
            sweep(tmp_path)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_after_a_sweep)
    write_json(tmp_path / "failure.json", {"a": 1})
    assert swept
    assert read_json(tmp_path / "failure.json") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["failure.json"]


def test_a_full_disk_leaves_no_torn_record(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    write_json(path, {"v": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(RecordError, match="No space left on device"):
        write_json(path, {"v": 2})
    assert os.listdir(tmp_path) == ["r.json"]
    assert read_json(path) == {"v": 1}
