"""Devices: choosing one, peak memory, and what a result says about the machine."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from dsx.base.errors import DsxError, unknown
from dsx.base.provenance import device_name, software
from dsx.training.allocator import return_freed_memory

_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def resolve_device(name: str = "auto") -> torch.device:
    """`auto` (CUDA if there is one, else the CPU), `cpu`, `cuda`, `cuda:1`, `mps`. Raises DsxError if not there."""
    if not isinstance(name, str):
        raise DsxError(unknown("device", name, ("auto", "cpu", "cuda", "mps")))
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    match = re.fullmatch(r"(cpu|cuda|mps)(?::(\d+))?", name)
    if match is None:
        raise DsxError(unknown("device", name, ("auto", "cpu", "cuda", "mps")))
    kind, index = match[1], int(match[2] or 0)
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if index >= count:
            available = (
                "torch finds no CUDA device here" if count == 0 else f"this machine has cuda:0 to cuda:{count - 1}"
            )
            raise DsxError(f"device '{name}': {available}; use --device cpu, or auto for whatever there is")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DsxError("device 'mps': torch finds no Apple GPU here; use --device cpu, or auto for whatever there is")
    return torch.device(name)


def reset_peak_memory(device: torch.device) -> None:
    """Start measuring peak memory anew: of the CUDA device, or on Linux of this process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "cpu" and _CLEAR_REFS.exists():
        return_freed_memory()
        try:
            _CLEAR_REFS.write_text("5")
        except OSError:  # a container may forbid it: the peak then covers the whole process's life
            return


def peak_memory_bytes(device: torch.device) -> int | None:
    """Highest memory since the reset: allocated tensors on CUDA, the whole resident process on Linux; else None."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if device.type == "cpu" and _STATUS.exists():
        match = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        return int(match[1]) * 1024 if match else None
    return None


def environment(device: torch.device) -> dict[str, object]:
    """What a result may depend on besides recipe and seed."""
    return {
        **software(),
        "torch": torch.__version__,
        "device_name": device_name(device),
        "threads": torch.get_num_threads(),
    }
