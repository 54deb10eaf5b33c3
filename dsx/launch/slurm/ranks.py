"""One model over several processes: rank 0 claims and decides, the others train what it trains.

The processes are srun's tasks. Rank 0 names each run in a store of torch.distributed's; an empty name is the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from dsx.launch.causes import message_of
from dsx.launch.failures import kind_of, record_failure, told
from dsx.launch.worker import resolve
from dsx.study.study import Study
from dsx.training.faults import CorruptData, Interrupted, TimeLimitExceeded
from dsx.training.protocol import Trainer

_FOREVER = timedelta(days=30)
# raised in all processes at once: rank 0 records them
_TOGETHER = (Interrupted, TimeLimitExceeded, CorruptData)
_store: Any = None
_named = 0


def export() -> None:
    """Set MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE and LOCAL_RANK from SLURM's variables.

    A MASTER_ADDR in the profile's environment stays: for nodes whose names do not resolve.
    """
    from submitit.helpers import TorchDistributedEnvironment

    given = os.environ.pop("MASTER_ADDR", None)
    TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
    if given:
        os.environ["MASTER_ADDR"] = given


def rank() -> int:
    """Of this process among those of the model."""
    return int(os.environ["RANK"])


def leading(trainer: str | None, study: Study) -> Trainer:
    """A trainer that names the run to the other ranks and then trains it."""
    train = resolve(trainer, study)

    def named(architecture: Any, recipe: Any, **options: Any) -> Any:
        _name(options["folder"].name)
        return train(architecture, recipe, **options)

    return cast("Trainer", named)


def dismiss() -> None:
    """Let the other ranks end."""
    _name("")


def follow(
    study: Study, trainer: str | None, device: str, threads: int | None, should_stop: Callable[[], bool]
) -> None:
    """Train what rank 0 names until it names nothing. A failure of this rank alone is recorded, and ends all ranks."""
    runs = {run.run_id: run for run in study.runs()}
    train = resolve(trainer, study)
    number = 0
    while True:
        run_id = _open().get(f"run{number}").decode()
        number += 1
        if not run_id:
            return
        run = runs[run_id]
        try:
            train(
                run.architecture,
                run.recipe,
                seed=run.seed,
                folder=study.paths.run(run_id).folder,
                device=device,
                threads=threads,
                should_stop=should_stop,
            )
        except _TOGETHER:
            continue
        except Exception as error:
            if told(study, run_id) is None:
                record_failure(study, run_id, kind_of(error), f"rank {rank()}: {message_of(error)}")
            raise


def _name(run_id: str) -> None:
    global _named
    _open().set(f"run{_named}", run_id)
    _named += 1


def _open() -> Any:
    """The store, on the port after the process group's."""
    global _store
    if _store is None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]) + 1
        _store = TCPStore(host, port, int(os.environ["WORLD_SIZE"]), rank() == 0, timeout=_FOREVER)
    return _store
