"""What this machine can train on, found out without loading torch where there is no GPU."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dsx.base.errors import DsxError

_GPU_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True)
class Slot:
    """Where one group of worker processes trains. gpu: what the process is to see of the GPUs; None on a CPU."""

    device: str
    workers: int
    gpu: str | None = None


def cpu_count() -> int:
    """Cores that this process may use: of its affinity and its control group."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return cores


def may_have_gpus() -> bool:
    """Whether it takes torch to tell which GPUs there are."""
    return sys.platform != "linux" or any(Path(name).exists() for name in _GPU_FILES)


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that this process may use. Loads torch only where there may be one."""
    if not may_have_gpus():
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[:count] if visible else [str(i) for i in range(count)]


def slots(device: str = "auto", workers: int | None = None, models_per_gpu: int = 1) -> list[Slot]:
    """Where this machine's workers train: one group per GPU, or one for all cores.

    device: auto, cpu, cuda (all GPUs) or cuda:K. workers: how many processes in all; by default one per core, or
    models_per_gpu per GPU. Raises DsxError for a device that is not there.
    """
    if device == "mps" or (device == "auto" and sys.platform == "darwin"):
        return [Slot(device, workers or 1)]
    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and not (kind == "cuda" and index.isdigit())):
        raise DsxError(f"device {device!r}: expected auto, cpu, cuda, cuda:0 or mps")
    visible = gpus() if kind != "cpu" else []
    if kind == "cuda" and not visible:
        raise DsxError(f"device {device}: this machine shows no CUDA GPU; use --device cpu, or see `dsx doctor`")
    if index:
        if int(index) >= len(visible):
            raise DsxError(
                f"device {device}: this machine shows {len(visible)} GPUs, cuda:0 to cuda:{len(visible) - 1}"
            )
        visible = [visible[int(index)]]
    if not visible:
        return [Slot("cpu", workers or cpu_count())]
    each = [models_per_gpu] * len(visible)
    if workers is not None:
        each = [workers // len(visible) + (i < workers % len(visible)) for i in range(len(visible))]
    return [Slot("cuda", n, gpu) for n, gpu in zip(each, visible, strict=True) if n]
