"""A cluster profile: what a job asks SLURM for, from `experiments/launcher/NAME.yaml`."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, model_validator

from dsx.base.errors import DefinitionError
from dsx.base.schema import Count, Frozen
from dsx.launch.slurm.snapshot import WITH_THIS_CODE

_MULTIPLE = re.compile(r"(\d+\.?\d*)x")
Multiple = Annotated[float, Field(gt=0)]
# resources that may be given as a multiple of what the last submission asked for
SCALABLE = ("mem_gb", "timeout_min")
# fields that are options of sbatch as they are
_OF_SBATCH = ("partition", "account", "qos", "constraint", "exclude", "gres", "nodes")


class Profile(Frozen):
    """Resources are per job unless they say otherwise; what is null is left to the cluster's default."""

    kind: Literal["slurm"] = "slurm"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    gres: str | None = None
    gpus_per_model: Annotated[int, Field(ge=0)] = 0  # 0 trains on CPUs; above 1, one process per GPU
    models_per_gpu: Count = 1  # trained at the same time on one GPU
    nodes: Count = 1  # over which a model's GPUs are spread
    device: str | None = None  # null is cuda with GPUs, else cpu
    cpus: Count = 1  # per process, and torch's threads on CPUs
    mem_gb: Annotated[float, Field(gt=0)] | None = None
    timeout_min: Count = 60  # wall minutes of a job; what is unfinished then is resumed by the same job, requeued
    # seconds before the time limit at which a job saves and requeues itself; null: a fifth, at most 120
    stop_early_s: Count | None = None
    models_per_job: Count = 1  # trained one after another by one job
    max_jobs: Count = 64  # jobs of one launch that run at the same time
    requeue: StrictBool = True
    setup: tuple[str, ...] = ()  # shell lines before the worker
    environment: dict[str, str] = Field(default_factory=dict)
    container: str | None = None  # put before the python command
    python: str | None = None  # on the nodes; null: the one that submits
    srun: tuple[str, ...] = ()
    sbatch: dict[str, str | int | bool] = Field(default_factory=dict)  # any other option, by its long name

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        if self.models_per_gpu > 1 and self.gpus_per_model != 1:
            raise ValueError(f"models_per_gpu {self.models_per_gpu} needs gpus_per_model 1, not {self.gpus_per_model}")
        if self.nodes > 1 and (self.gpus_per_model == 0 or self.gpus_per_model % self.nodes):
            raise ValueError(f"gpus_per_model {self.gpus_per_model} is not a multiple of nodes {self.nodes}")
        if self.stop_early_s is not None and self.stop_early_s >= self.timeout_min * 60:
            raise ValueError(f"stop_early_s {self.stop_early_s} is not below timeout_min {self.timeout_min}")
        return self

    @property
    def processes(self) -> int:
        """Of one model, over all nodes: torch.distributed ranks."""
        return max(1, self.gpus_per_model)

    @property
    def stop_early(self) -> int:
        """Seconds before the end at which a job saves and requeues itself. Short jobs keep most of their time."""
        return self.stop_early_s if self.stop_early_s is not None else min(120, self.timeout_min * 60 // 5)

    @property
    def saving_s(self) -> float:
        """Seconds before the end at which a job stops by its own clock, should SLURM's signal not come."""
        return 0.75 * self.stop_early

    def leaving(self, grace_s: float, whose: str) -> Profile:
        """With jobs that stop so early that what they train has `grace_s` seconds to end. whose: for a message.

        Raises DefinitionError if `stop_early_s` or `timeout_min` is too short for that.
        """
        if self.saving_s >= grace_s:
            return self
        needed = math.ceil(grace_s / 0.75)
        key, value = ("stop_early_s", self.stop_early_s) if self.stop_early_s else ("timeout_min", self.timeout_min)
        if self.stop_early_s or needed >= self.timeout_min * 60:
            least = needed if self.stop_early_s else needed // 60 + 1
            raise DefinitionError(f"launcher: {key} {value}: {whose}; expected at least {least}")
        return self.model_copy(update={"stop_early_s": needed})

    def scaled(self, multiples: Mapping[str, float], before: Mapping[str, float]) -> Profile:
        """With some resources as multiples of what `before`, a profile as a record holds it, asked for.

        Raises DefinitionError if it left one of them to the cluster.
        """
        changes: dict[str, float] = {}
        for key, factor in multiples.items():
            if before.get(key) is None:
                raise DefinitionError(
                    f"{key} = {factor:g}x: there is nothing to multiply: no job of these studies asked for {key};"
                    " give a number"
                )
            value = before[key] * factor
            changes[key] = math.ceil(value) if key == "timeout_min" else value
        return Profile.from_dict({**self.to_dict(), **changes}, "launcher") if changes else self

    def command(self, code: Path) -> str:
        """The shell command that runs python with the frozen code, in the container if there is one."""
        parts = [self.container] if self.container else []
        if _needs_link(code):
            parts.append(f"sh {shlex.quote(str(code / WITH_THIS_CODE))}")
        return " ".join([*parts, self.python or shlex.quote(sys.executable)])

    def parameters(self, name: str, tasks: int, share: int, code: Path) -> dict[str, object]:
        """What submitit's executor is told for an array of that many tasks, `share` of them at once."""
        per_node = self.processes // self.nodes
        lines = [f"export {key}={shlex.quote(value)}" for key, value in self.environment.items()]
        lines.append("export PYTHONUNBUFFERED=1")
        if not _needs_link(code):
            lines.append(f"export PYTHONPATH={shlex.quote(str(code))}${{PYTHONPATH:+:$PYTHONPATH}}")
        extra: dict[str, object] = {"requeue" if self.requeue else "no-requeue": True, **self.sbatch}
        if self.gpus_per_model and self.gres is None:
            extra.setdefault("gpus-per-node", per_node)
        settings: dict[str, object] = {
            **{key: getattr(self, key) for key in _OF_SBATCH},
            "job_name": name,
            "ntasks_per_node": per_node,
            "cpus_per_task": self.cpus,
            "mem": None if self.mem_gb is None else f"{math.ceil(self.mem_gb * 1000)}M",
            "time": self.timeout_min,
            "signal_delay_s": self.stop_early,
            "array_parallelism": min(share, tasks),
            "setup": [*self.setup, *lines],
            "srun_args": list(self.srun) + (["--kill-on-bad-exit=1"] if self.processes > 1 else []),
            "additional_parameters": extra,
        }
        return {key: value for key, value in settings.items() if value is not None} | {"wckey": None}


def _needs_link(code: Path) -> bool:
    """PYTHONPATH splits at colons, so a path that holds one cannot stand in it."""
    return ":" in str(code)


def split_multiples(content: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, float]]:
    """What a profile's file or an override says: the plain values, and the factors of those such as `mem_gb: 2x`."""
    plain, multiples = {}, {}
    for key, value in content.items():
        match = _MULTIPLE.fullmatch(value.strip()) if isinstance(value, str) and key in SCALABLE else None
        if match is None:
            plain[key] = value
        else:
            multiples[key] = float(match[1])
    return plain, multiples
