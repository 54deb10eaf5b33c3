from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from dsx.training.allocator import keep_freed_memory

pytestmark = pytest.mark.slow

# pages that are fetched anew for 20 tensors of 40 MB, one after the other
CODE = """
import resource, sys, torch
from dsx.training.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(20):
    torch.zeros(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.zeros(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's setting")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    pages = 20 * 40_000_000 // resource.getpagesize()
    assert faults("keep") < pages / 20 < faults("plain")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's setting")
def test_what_one_model_used_is_not_counted_for_the_next() -> None:
    code = (
        "import torch; from dsx.training.allocator import keep_freed_memory\n"
        "from dsx.training.device import peak_memory_bytes, reset_peak_memory\n"
        "keep_freed_memory(); cpu = torch.device('cpu')\n"
        "large = [torch.ones(1_000_000) for _ in range(100)]; del large\n"
        "before = peak_memory_bytes(cpu); reset_peak_memory(cpu); print(before - peak_memory_bytes(cpu))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 350_000_000


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
