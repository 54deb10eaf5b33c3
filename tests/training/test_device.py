"""Devices: choosing one, and what is measured and told of it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dsx
from dsx.base import provenance
from dsx.base.errors import DsxError
from dsx.networks.timing import synchronise
from dsx.training import device as devices
from dsx.training.device import environment, peak_memory_bytes, reset_peak_memory, resolve_device

CPU = torch.device("cpu")


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, apple: bool = False) -> None:
    """A machine with so many CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)


@pytest.mark.parametrize(
    ("name", "gpus", "found"),
    [
        ("auto", 0, "cpu"),
        ("auto", 1, "cuda"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda"),
        ("cuda:1", 2, "cuda:1"),
        ("mps", 0, "mps"),
    ],
)
def test_a_device_that_is_there_is_taken(name: str, gpus: int, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus, apple=True)
    assert resolve_device(name) == torch.device(found)


OTHERWISE = "use --device cpu, or auto for whatever there is"


@pytest.mark.parametrize(
    ("name", "gpus", "message"),
    [
        ("cuda", 0, f"device 'cuda': torch finds no CUDA device here; {OTHERWISE}"),
        ("cuda:2", 2, f"device 'cuda:2': this machine has cuda:0 to cuda:1; {OTHERWISE}"),
        ("mps", 0, f"device 'mps': torch finds no Apple GPU here; {OTHERWISE}"),
        ("cud", 0, "unknown device 'cud'. Did you mean cuda? Known: auto, cpu, cuda, mps"),
        ("cuda:x", 2, "unknown device 'cuda:x'. Did you mean cuda? Known: auto, cpu, cuda, mps"),
    ],
)
def test_a_device_that_is_not_there_is_one_line(
    name: str, gpus: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, gpus)
    with pytest.raises(DsxError) as caught:
        resolve_device(name)
    assert str(caught.value) == message


@pytest.mark.skipif(platform.system() != "Linux", reason="other systems do not tell a process's peak")
def test_peak_memory_is_the_whole_process_on_linux() -> None:
    """Pages that were written are resident; the system's own count of them is below the peak."""
    block = np.ones(64 * 2**20 // 8)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = peak_memory_bytes(CPU)
    assert peak is not None
    assert peak >= resident * 0.99 > block.nbytes


def test_a_system_that_tells_no_peak_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    monkeypatch.setattr(devices, "_STATUS", status)
    assert peak_memory_bytes(CPU) is None
    status.write_text("Name: x\nVmRSS:  3 kB\n")
    assert peak_memory_bytes(CPU) is None
    status.write_text("VmPeak: 9000 kB\nVmHWM:\t    5000 kB\nVmRSS: 3 kB\n")
    assert peak_memory_bytes(CPU) == 5000 * 1024
    assert peak_memory_bytes(torch.device("mps")) is None


def test_the_peak_is_reset_where_the_system_allows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_CLEAR_REFS", tmp_path)  # a folder cannot be written to, as in some containers
    reset_peak_memory(CPU)
    switch = tmp_path / "clear_refs"
    switch.touch()
    monkeypatch.setattr(devices, "_CLEAR_REFS", switch)
    reset_peak_memory(CPU)
    assert switch.read_text() == "5"


def test_cuda_is_asked_for_its_own_memory_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, torch.device]] = []
    gpu = torch.device("cuda", 1)
    note = lambda name, answer=None: lambda device: asked.append((name, device)) or answer  # noqa: E731
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", note("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", note("peak", 123))
    monkeypatch.setattr(torch.cuda, "synchronize", note("wait"))
    reset_peak_memory(gpu)
    assert peak_memory_bytes(gpu) == 123
    synchronise(gpu)
    synchronise(CPU)
    assert asked == [("reset", gpu), ("peak", gpu), ("wait", gpu)]


def test_an_apple_gpu_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(torch, "mps", SimpleNamespace(synchronize=lambda: waited.append(1)))
    synchronise(torch.device("mps"))
    assert waited == [1]


def test_a_result_says_what_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    told = environment(CPU)
    assert told == {
        "dsx": dsx.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device_name": provenance.processor(),
        "threads": torch.get_num_threads(),
    }
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"board {device.index}")
    assert environment(torch.device("cuda", 1))["device_name"] == "board 1"
