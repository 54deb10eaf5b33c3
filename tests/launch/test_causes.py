import pytest
from torch._utils import ExceptionWrapper

from dsx.base import shared_memory
from dsx.base.errors import DsxError
from dsx.base.files import RecordError
from dsx.base.shared_memory import SharedMemory
from dsx.launch.causes import message_of, reraise_if_unwritable
from dsx.launch.failures import kind_of
from dsx.study.paths import RunPaths
from dsx.training.faults import CorruptData, LoaderDied


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
    monkeypatch.setattr(shared_memory, "shared_memory", lambda: SharedMemory(64 * 10**6, 0))
    assert message_of(RuntimeError(text)) == (
        "/dev/shm is full (64 MB, 0.0 MB free): processes need more (docker run --shm-size=8g; or"
        " recipe.data.workers=0)"
    )


def test_too_many_open_files_are_named():
    text = "unable to open shared memory object </torch_1> in read-write mode: Too many open files (24)"
    assert message_of(RuntimeError(text)).startswith("too many open files: raise the limit (`ulimit -n 4096`)")


def test_loader_processes_that_can_deliver_nothing_are_classed_as_killed_and_speak_for_themselves():
    error = LoaderDied("loader processes found no room in /dev/shm (0 of 64 MiB free): no space left on device")
    assert (kind_of(error), message_of(error)) == ("killed", str(error))


@pytest.mark.parametrize("number", [28, 30])
def test_a_disk_that_takes_nothing_is_named_by_the_file_that_could_not_be_written(tmp_path, number, monkeypatch):
    monkeypatch.setattr(shared_memory, "shared_memory", lambda: SharedMemory(10**9, 10**9))
    paths = RunPaths(tmp_path / "ab" / "abc")
    for error, place in (
        (OSError(number, "No"), paths.folder),
        (OSError(number, "No", "/cache/images.npy"), "/cache/images.npy"),
    ):
        with pytest.raises(RecordError, match=f"^{place}: cannot be written"):
            reraise_if_unwritable(paths, error)
    reraise_if_unwritable(paths, OSError(2, "No such file"))


def test_full_shared_memory_is_not_taken_for_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_memory, "shared_memory", lambda: SharedMemory(10**6, 0))
    error = OSError(28, "No space left on device")
    reraise_if_unwritable(RunPaths(tmp_path), error)
    assert message_of(error).startswith("/dev/shm is full (1.0 MB, 0.0 MB free)")
