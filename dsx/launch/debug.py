"""Training in this very process, one run after another: for a debugger, a profiler, or a first look."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from dsx.launch.local import Summary, as_studies, to_train
from dsx.launch.progress import Report, Tally
from dsx.launch.worker import TRAINER, Trainer, work
from dsx.study.results import Failure
from dsx.study.study import Study


def launch(
    studies: Sequence[Study | str | Path] | Study | str | Path,
    *,
    device: str = "auto",
    retry: Collection[str] = (),
    limit: int | None = None,
    max_failures: int | None = None,
    threads: int | None = None,
    progress: bool = True,
    trainer: Trainer | str = TRAINER,
    run_ids: Collection[str] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Summary:
    """As `dsx.launch.local.launch`, without processes. KeyboardInterrupt passes through, with the claim released."""
    tasks = to_train(as_studies(studies), retry, run_ids)[: limit if limit is None else max(limit, 0)]
    started = time.monotonic()
    tally = Tally(len(tasks))
    failed: list[tuple[Path, Failure]] = []
    stopped = ""
    with Report(tally, show=progress and bool(tasks)) as report:
        for task in tasks:
            outcomes = work(
                task.study.path,
                [task.run_id],
                device=device,
                threads=threads,
                should_stop=should_stop,
                retry=retry,
                trainer=trainer,
            )
            for outcome in outcomes:
                tally.counts[outcome.what] += 1
                if outcome.failure is not None:
                    failed.append((task.study.path, outcome.failure))
            report.note()
            if not outcomes or outcomes[-1].what == "interrupted":
                stopped = "stopped"
            elif max_failures is not None and len(failed) > max_failures:
                stopped = f"more than {max_failures} models failed"
            if stopped:
                break
    return Summary(dict(tally.counts), time.monotonic() - started, stopped, failed)
