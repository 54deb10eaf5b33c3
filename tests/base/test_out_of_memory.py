import pytest

from dsx.base.out_of_memory import is_out_of_memory, says_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("Caught MemoryError in DataLoader worker process 0."),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_memory_that_ran_out_is_known_by_type_or_by_what_libraries_say(error):
    assert is_out_of_memory(error)


def test_torchs_own_type_is_known():
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("no words"))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        ValueError("photographs of a computer out of memory"),
        OSError(28, "No space left on device"),
    ],
)
def test_other_errors_are_not(error):
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    "line",
    [
        "MemoryError",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory",
        "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    ],
)
def test_the_last_line_of_a_program_says_it_in_the_same_words(line):
    assert says_out_of_memory(line)
