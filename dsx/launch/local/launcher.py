"""The launcher of this machine: worker processes, one per core or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dsx.base.schema import Count
from dsx.base.text import plural
from dsx.launch.devices import Slot, cpu_count, may_have_gpus, slots
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_studies, modules_of, pending_runs
from dsx.launch.surroundings import check_processes
from dsx.launch.worker import WorkSettings
from dsx.recipes.recipe import Recipe
from dsx.study.study import Study

if TYPE_CHECKING:
    from dsx.launch.local.pool import PoolSettings


class LocalLauncher(Launcher):
    """`kind: local`."""

    trains_here: ClassVar[bool] = True

    kind: Literal["local"] = "local"
    # processes; null: one per core, or models_per_gpu per GPU
    workers: Count | None = None
    # torch threads of each process; null: one on a CPU
    threads: Count | None = None
    # trained at the same time on one GPU; auto: as many as fill it and fit, from some training steps
    models_per_gpu: Count | Literal["auto"] = 1
    # wall minutes of one model; null: no limit
    time_limit_min: Annotated[float, Field(gt=0)] | None = None
    # resident memory of the process of one model, in 10⁹ bytes; null: no limit
    memory_limit_gb: Annotated[float, Field(gt=0)] | None = None
    # stop once more models failed than this; null: never
    max_failures: Annotated[int, Field(ge=0)] | None = None
    # added to the niceness of the workers
    nice: Annotated[int, Field(ge=0, le=19)] = 0

    def check(self, studies: Sequence[Study], options: LaunchOptions) -> None:
        if options.device != "cpu" and may_have_gpus():
            from dsx.launch.local.pool import begin_loading

            begin_loading(modules_of(studies, options))  # torch, which it takes seconds to load here too
        self.slots(options)
        check_studies(studies, options)
        check_processes()

    def preview(self, studies: Sequence[Study], options: LaunchOptions) -> Preview:
        check_studies(studies, options)
        workers = sum(slot.workers for slot in self.slots(options))
        return Preview(workers, f"on {plural(workers, 'worker')} here")

    def launch(self, studies: Sequence[Study], options: LaunchOptions) -> Launched:
        """Return when all is over. Ctrl-C and SIGTERM stop cleanly. Scripts call this below `if __name__ == …`."""
        from dsx.launch.local.dispatch import dispatch

        groups = self.slots(options)
        check_processes()
        check_studies(studies, options)
        groups = self._filled(groups, studies, options)
        most = self.max_failures if options.max_failures is None else options.max_failures
        return dispatch(studies, groups, self._settings(groups, studies, options), options, most)

    def _settings(self, groups: Sequence[Slot], studies: Sequence[Study], options: LaunchOptions) -> PoolSettings:
        """What every worker process is told."""
        from dsx.launch.local.pool import PoolSettings, grace_s

        threads = self.threads if self.threads is not None else (1 if groups[0].device == "cpu" else None)
        return PoolSettings(
            work=WorkSettings(groups[0].device, threads, options.retry, options.trainer),
            modules=modules_of(studies, options),
            nice=self.nice,
            memory_limit_gb=self.memory_limit_gb,
            timeout_s=self.time_limit_min * 60 if self.time_limit_min is not None else None,
            grace_s=grace_s(studies),
        )

    def slots(self, options: LaunchOptions) -> list[Slot]:
        """Where the workers train. Raises DsxError for a device that is not there."""
        models_per_gpu = 1 if self.models_per_gpu == "auto" else self.models_per_gpu
        return slots(options.device, options.workers or self.workers, models_per_gpu)

    def _filled(self, groups: list[Slot], studies: Sequence[Study], options: LaunchOptions) -> list[Slot]:
        """With `models_per_gpu: auto`, the slots with as many workers as the first study's networks call for."""
        recipe = studies[0].recipe
        asked = self.models_per_gpu != "auto" or options.workers or self.workers
        if asked or groups[0].gpu is None or not isinstance(recipe, Recipe) or not pending_runs(studies, options):
            return groups
        from dsx.training.packing import measured_together

        networks = [model.architecture for model in studies[0].population]
        at_once, rows = measured_together(networks, recipe, groups[0].gpu, max(1, cpu_count() // len(groups)))
        busy = ", ".join(f"{row.which} {row.busy:.0%}" for row in rows if row.busy)
        share = f"share of the time in which one keeps the GPU busy: {busy or 'not known'}"
        options.say(f"models_per_gpu: {at_once} ({share})")
        return [Slot(slot.device, at_once, slot.gpu) for slot in groups]
