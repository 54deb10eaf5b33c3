import pytest
from torch._utils import ExceptionWrapper

from dsx.base.errors import DsxError
from dsx.base.files import RecordError
from dsx.launch import causes, surroundings
from dsx.launch.causes import killed_loader, message_of, reraise_if_unwritable
from dsx.launch.failures import kind_of
from dsx.launch.surroundings import SharedMemory
from dsx.study.paths import RunPaths
from dsx.training.faults import CorruptData


class NeedsTwo(Exception):
    """torch cannot make another of its kind, and so raises a RuntimeError."""

    def __init__(self, first, second):
        super().__init__(first, second)


def as_from_a_loader(error):
    """The exception that torch's loader raises for one of its process's own."""
    try:
        raise error
    except Exception:
        wrapper = ExceptionWrapper(where="in DataLoader worker process 3")
    try:
        wrapper.reraise()
    except Exception as raised:
        return raised


HERE = r"\(test_causes.py, line \d+\)"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("label"), rf"KeyError: 'label' {HERE}"),
        (ValueError("first\n    indented\nlast"), rf"ValueError: first {HERE}"),
        (NeedsTwo("a", "b"), rf"test_causes\.NeedsTwo: \('a', 'b'\) {HERE}|.*NeedsTwo: \('a', 'b'\) {HERE}"),
        (CorruptData("/data/cat/3.jpg: torn"), r"/data/cat/3\.jpg: torn"),
    ],
)
def test_of_a_loaders_exception_the_original_is_told_with_its_place(error, message):
    import re

    assert re.fullmatch(message, message_of(as_from_a_loader(error)))


def test_plain_exceptions_are_one_line_and_dsxs_own_have_no_class():
    assert message_of(ValueError("a\nb")) == "ValueError: a"
    assert message_of(ValueError()) == "ValueError"
    assert message_of(DsxError("what to do")) == "what to do"
    assert len(message_of(ValueError("x" * 1000))) == 500


def test_a_frame_of_a_library_is_not_the_place(tmp_path):
    text = (
        "Caught OSError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        '  File "/x/mine.py", line 3, in __getitem__\n    Image.open(path)\n'
        '  File "/v/lib/python3.11/site-packages/PIL/Image.py", line 9, in open\n    raise\n    ^^^^^\n'
        "OSError: cannot identify image file '/data/3.jpg'\n"
    )
    assert message_of(OSError(text)) == "OSError: cannot identify image file '/data/3.jpg' (mine.py, line 3)"


@pytest.mark.parametrize(
    "text",
    [
        "unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)",
        "unable to write to file </torch_1_2_3>: No space left on device (28)",
    ],
)
def test_full_shared_memory_is_named(text, monkeypatch):
    monkeypatch.setattr(surroundings, "shared_memory", lambda: SharedMemory(64 * 10**6, 0))
    assert message_of(RuntimeError(text)) == (
        "/dev/shm is full (64 MB, 0.0 MB free): data loaders need more (docker run --shm-size=8g; or"
        " recipe.data.workers=0)"
    )


def test_too_many_open_files_are_named():
    text = "unable to open shared memory object </torch_1> in read-write mode: Too many open files (24)"
    assert message_of(RuntimeError(text)).startswith("too many open files: raise the limit (`ulimit -n 4096`)")


def test_a_loaders_process_that_was_killed_is_told_from_one_that_left():
    gone = RuntimeError("DataLoader worker (pid(s) 12, 13) exited unexpectedly")
    assert message_of(gone) == (
        "a process of the data loader ended without a word; recipe.data.workers=0 loads without one"
    )
    assert kind_of(gone) == "error"
    gone.__cause__ = RuntimeError("DataLoader worker (pid 12) is killed by signal: Killed. ")
    assert killed_loader(gone) == "Killed"
    assert kind_of(gone) == "killed"
    assert message_of(gone) == (
        "a process of the data loader was ended by the signal 'Killed' (often the system is out of memory)"
    )


@pytest.mark.parametrize("number", [28, 30])
def test_a_disk_that_takes_nothing_is_named_by_the_file_that_could_not_be_written(tmp_path, number, monkeypatch):
    monkeypatch.setattr(causes.surroundings, "shared_memory", lambda: SharedMemory(10**9, 10**9))
    paths = RunPaths(tmp_path / "ab" / "abc")
    for error, place in (
        (OSError(number, "No"), paths.folder),
        (OSError(number, "No", "/cache/images.npy"), "/cache/images.npy"),
    ):
        with pytest.raises(RecordError, match=f"^{place}: cannot be written"):
            reraise_if_unwritable(paths, error)
    reraise_if_unwritable(paths, OSError(2, "No such file"))


def test_full_shared_memory_is_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(causes.surroundings, "shared_memory", lambda: SharedMemory(10**6, 0))
    error = OSError(28, "No space left on device")
    reraise_if_unwritable(RunPaths(tmp_path), error)
    assert message_of(error).startswith("/dev/shm is full (1.0 MB, 0.0 MB free)")
