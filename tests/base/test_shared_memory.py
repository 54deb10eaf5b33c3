import pytest

from dsx.base.shared_memory import SharedMemory


@pytest.mark.parametrize(
    ("total", "free", "full", "small", "words"),
    [
        (64 * 10**6, 0, True, True, "/dev/shm is full (64 MB, 0.0 MB free)"),
        (64 * 10**6, 60 * 10**6, False, True, "/dev/shm is too small (64 MB, 60 MB free)"),
        (8 * 10**9, 8 * 10**9, False, False, ""),
        (None, None, False, False, "shared memory is full"),
    ],
)
def test_shared_memory_is_judged_by_what_is_free(total, free, full, small, words):
    memory = SharedMemory(total, free)
    assert (memory.is_full, memory.is_small) == (full, small)
    assert not words or memory.words() == words
