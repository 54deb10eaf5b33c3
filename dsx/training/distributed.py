"""Several devices for one model: torch's process group from the launcher's environment variables.

torchrun and SLURM-aware launchers set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT;
without WORLD_SIZE there is one process and every method does nothing.

Whatever ends a training early is decided together, so that no process waits for one that has left. What only
one process meets (no memory, a full disk) ends that process, and with it the others: their launcher sees to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dsx.base.errors import DsxError


@dataclass(frozen=True)
class Group:
    """The processes that train one model together. Only `leads` writes files."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum over processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def any(self, flags: list[bool], device: torch.device) -> list[bool]:
        """Each flag: whether it is set in any process."""
        if self.world == 1:
            return flags
        return [bool(count) for count in self.sum(torch.tensor(flags, dtype=torch.float32, device=device)).tolist()]

    def union(self, names: set[str]) -> set[str]:
        """The names of all processes; each must call it."""
        if self.world == 1:
            return names
        every: list[Any] = [None] * self.world
        dist.all_gather_object(every, sorted(names))
        return {name for names_of_rank in every for name in names_of_rank}

    def from_leader(self, value: object) -> Any:
        """What the leading process passes, in every process; what the others pass is ignored."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def average_buffers(self, model: nn.Module) -> None:
        """Make batch-norm statistics equal in all processes: their mean."""
        if self.world > 1:
            for buffer in model.buffers():
                if buffer.is_floating_point():
                    dist.all_reduce(buffer)
                    buffer /= self.world

    def share_buffers(self, model: nn.Module) -> None:
        """Make batch-norm statistics equal in all processes: the leading one's, which a checkpoint holds."""
        if self.world > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The module to call while training: gradients are averaged over processes."""
        if self.world == 1:
            return model
        ids = [device.index or 0] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True)


def join_group(device: torch.device) -> Group:
    """The group that the environment describes, joined if it is not yet. Raises DsxError if a variable is missing."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Group()
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise DsxError(f"WORLD_SIZE is {world} and {missing[0]} is not set: start the processes with torchrun")
    if device.type == "cuda":
        torch.cuda.set_device(device)  # where NCCL exchanges Python objects
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(dist.get_rank(), dist.get_world_size())


def local_device(device: torch.device) -> torch.device:
    """The device of this process among those of its machine: cuda:LOCAL_RANK unless one was named."""
    if device.type == "cuda" and device.index is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device
