import os
import socket
import subprocess
import sys

import pytest

from dsx.base import temporary
from dsx.base.errors import DsxError
from dsx.base.temporary import LONGEST_FOLDER, is_too_long, socket_folder, temporary_folder


def folder_of(tmp_path, length):
    """A new folder whose path has so many bytes."""
    base = os.fspath(tmp_path)
    assert length > len(base) + 1
    made = os.path.join(base, "x" * (length - len(base) - 1))
    os.mkdir(made)
    return made


def test_the_limit_is_that_of_the_system(tmp_path):
    """The longest folder takes a socket as multiprocessing names it, and one byte more does not."""
    for length, fits in ((LONGEST_FOLDER, True), (LONGEST_FOLDER + 1, False)):
        place = folder_of(tmp_path, length) if length > len(str(tmp_path)) + 1 else None
        assert place is not None, "the folder of the tests is too deep"
        assert is_too_long(place) is not fits
        inner = os.path.join(place, "pymp-xxxxxxxx")
        os.mkdir(inner)
        with socket.socket(socket.AF_UNIX) as listener:
            if fits:
                listener.bind(os.path.join(inner, "listener-xxxxxxxx"))
            else:
                with pytest.raises(OSError, match="AF_UNIX path too long"):
                    listener.bind(os.path.join(inner, "listener-xxxxxxxx"))


def test_a_short_folder_is_used_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert temporary_folder() == str(tmp_path)


def test_sockets_of_this_process_and_its_children_go_to_a_short_folder_and_other_files_stay(tmp_path):
    code = (
        "import multiprocessing, tempfile\n"
        "from multiprocessing import util\n"
        "from dsx.base.temporary import use_short_sockets\n"
        "def child(pipe): pipe.send((util.get_temp_dir(), tempfile.gettempdir()))\n"
        "if __name__ == '__main__':\n"
        "    use_short_sockets()\n"
        "    ours, theirs = multiprocessing.Pipe()\n"
        "    process = multiprocessing.get_context('forkserver').Process(target=child, args=(theirs,))\n"
        "    process.start(); print(*ours.recv(), util.get_temp_dir()); process.join()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    deep = folder_of(tmp_path, 150)
    given = os.environ | {"TMPDIR": deep}
    done = subprocess.run([sys.executable, str(script)], env=given, capture_output=True, text=True, timeout=120)
    sockets, files, ours = done.stdout.split()
    assert (sockets, files) == (ours, deep), done.stderr
    assert sockets.startswith("/tmp/pymp-")


def test_a_long_folder_without_a_way_out_is_one_line(tmp_path, monkeypatch):
    deep = folder_of(tmp_path, 150)
    monkeypatch.setattr("tempfile.tempdir", deep)
    assert socket_folder() == "/tmp"
    missing = str(tmp_path / "missing")
    monkeypatch.setattr(temporary, "_SHORT_FOLDERS", (missing,))
    with pytest.raises(DsxError) as caught:
        socket_folder()
    assert str(caught.value) == (
        f"TMPDIR = {deep}: has 150 bytes and none of {missing} can be written: set it to a folder of at most"
        f" {LONGEST_FOLDER} bytes, in which sockets between processes fit"
    )
