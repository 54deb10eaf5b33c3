"""Training in this very process, one run after another: for a debugger, a profiler, or a first look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dsx.base.schema import Count
from dsx.launch.devices import slots
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_studies, limited, pending_runs
from dsx.launch.progress import LaunchTally, ProgressReport
from dsx.launch.surroundings import check_processes
from dsx.launch.worker import WorkSettings, work
from dsx.study.results import Failure
from dsx.study.study import Study


class DebugLauncher(Launcher):
    """`kind: debug`. KeyboardInterrupt passes through, with the claim released."""

    trains_here: ClassVar[bool] = True

    kind: Literal["debug"] = "debug"
    # torch threads; null: torch's own choice
    threads: Count | None = None
    # stop once more models failed than this; null: never
    max_failures: Annotated[int, Field(ge=0)] | None = None

    def check(self, studies: Sequence[Study], options: LaunchOptions) -> None:
        slots(options.device, options.workers)
        check_studies(studies, options)
        check_processes()

    def preview(self, studies: Sequence[Study], options: LaunchOptions) -> Preview:
        slots(options.device, options.workers)
        check_studies(studies, options)
        return Preview(1, "in this process")

    def launch(self, studies: Sequence[Study], options: LaunchOptions) -> Launched:
        check_studies(studies, options)
        runs = limited(pending_runs(studies, options), options)
        most = self.max_failures if options.max_failures is None else options.max_failures
        device = slots("auto")[0].device if options.device == "auto" else options.device
        settings = WorkSettings(device, self.threads, options.retry, options.trainer)
        started = time.monotonic()
        tally = LaunchTally(len(runs))
        failed: list[tuple[Path, Failure]] = []
        stopped = ""
        with ProgressReport(tally, show=options.progress and bool(runs)) as report:
            for run in runs:
                outcomes = work(run.study.path, [run.run_id], settings, should_stop=options.should_stop)
                for outcome in outcomes:
                    tally.counts[outcome.what] += 1
                    if outcome.failure is not None:
                        failed.append((run.study.path, outcome.failure))
                report.note()
                if options.should_stop is not None and options.should_stop():
                    stopped = "stopped"
                elif most is not None and len(failed) > most:
                    stopped = f"more than {most} models failed"
                if stopped:
                    break
        return Launched(dict(tally.counts), time.monotonic() - started, stopped, False, tuple(failed))
