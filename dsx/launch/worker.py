"""The one worker: takes a list of runs, skips what is finished or held, trains the rest in order.

Every launcher is thin around `work`. A model that fails is recorded and the next one is trained;
only a folder that cannot be written ends the worker.
"""

from __future__ import annotations

import importlib
import traceback as tracebacks
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.launch.failures import (
    ALIKE_LIMIT,
    kind_of,
    may_train,
    message_of,
    record_failure,
    reraise_if_unwritable,
    told,
    write_failure,
)
from dsx.launch.heartbeat import Heartbeat
from dsx.study import claims, results
from dsx.study.claims import Claim, Holder
from dsx.study.results import Failure
from dsx.study.runs import Run
from dsx.study.study import Study, open_study

Trainer = Callable[..., Any]
TRAINER = "dsx.training.trainer:train"


@dataclass(frozen=True)
class Outcome:
    """What became of one run: done, diverged, failed, interrupted, held (by another process) or skipped.

    skipped: it was finished, or has failed and was not to be retried. failure: why it failed just now.
    """

    run_id: str
    what: str
    failure: Failure | None = None


def work(
    study_path: str | Path,
    run_ids: Iterable[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
    retry: Collection[str] = (),
    trainer: Trainer | str = TRAINER,
    ended: Callable[[Holder], bool] | None = None,
    heartbeat: Heartbeat | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Train these runs of a study, one after another, in this process.

    should_stop: polled before each run and, by the trainer, at every step. retry: failure classes, `failed`, `all`,
    or run ids (see `may_train`). trainer: a function, or its name as `module:function`. ended: see
    `claims.ClaimRecord.is_stale`. Raises StudyError for unknown runs and when the folder cannot be written.
    """
    study = _opened(str(study_path), _stamp(study_path))
    by_id = _by_id(study)
    train = resolve(trainer)
    own_heartbeat = heartbeat or Heartbeat()
    outcomes = []
    try:
        for run_id in run_ids:
            if should_stop is not None and should_stop():
                break
            if run_id not in by_id:
                raise DsxError(f"{study_path}: has no run {run_id}")
            outcome = _attend(study, by_id[run_id], train, own_heartbeat, device, threads, should_stop, retry, ended)
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    finally:
        if heartbeat is None:
            own_heartbeat.stop()
    return outcomes


def resolve(trainer: Trainer | str) -> Trainer:
    """The function that `module:function` names."""
    if not isinstance(trainer, str):
        return trainer
    module, _, name = trainer.partition(":")
    found: Trainer = getattr(importlib.import_module(module), name)
    return found


@lru_cache(maxsize=16)
def _opened(path: str, stamp: int) -> Study:
    """A pool's worker is asked for one run at a time: it reads a study once for each version of study.yaml."""
    return open_study(path)


def _stamp(path: str | Path) -> int:
    try:
        return (Path(path) / "study.yaml").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _by_id(study: Study) -> dict[str, Run]:
    return {run.run_id: run for run in study.runs()}


def _attend(
    study: Study,
    run: Run,
    train: Trainer,
    heartbeat: Heartbeat,
    device: str,
    threads: int | None,
    should_stop: Callable[[], bool] | None,
    retry: Collection[str],
    ended: Callable[[Holder], bool] | None,
) -> Outcome:
    """Claim one run if it is to be trained, and train it."""
    paths = study.paths.run(run.run_id)
    failure = None
    if paths.folder.is_dir():
        failure, _ = results.read_failure(study.paths, run.run_id)
    if results.is_finished(paths) or (failure is not None and not may_train(failure, retry)):
        return Outcome(run.run_id, "skipped")
    held = claims.claim(paths, ended=ended)
    if held is None:
        return Outcome(run.run_id, "held")
    if results.is_finished(paths):  # by the former holder, between our look and our claim
        held.finish()
        return Outcome(run.run_id, "skipped")
    if _died_too_often(held):
        message = f"the job that trained it died without a word {held.lost} times before an epoch was saved"
        outcome = _fail(study, run, held, "killed", message)
        return outcome
    files.sweep(paths.folder)
    heartbeat.add(held)
    try:
        if failure is not None and not failure.retrying:
            write_failure(paths, failure, retrying=True)
        return _train(study, run, train, held, heartbeat, device, threads, should_stop)
    except files.RecordError:
        held.release()
        raise
    finally:
        heartbeat.remove(held)


def _train(
    study: Study,
    run: Run,
    train: Trainer,
    held: Claim,
    heartbeat: Heartbeat,
    device: str,
    threads: int | None,
    should_stop: Callable[[], bool] | None,
) -> Outcome:
    """Train a claimed run and leave its result, its failure, or its checkpoint."""
    paths = study.paths.run(run.run_id)

    def stop() -> bool:
        return heartbeat.lost(held) or (should_stop is not None and should_stop())

    try:
        result = train(
            run.architecture,
            run.recipe,
            seed=run.seed,
            folder=paths.folder,
            device=device,
            threads=threads,
            should_stop=stop,
        )
    except files.RecordError:
        raise
    except (KeyboardInterrupt, SystemExit):
        held.release()
        raise
    except Exception as error:
        # named, not imported: the trainer's module loads torch, and a stand-in trainer needs none
        if type(error).__name__ == "Interrupted":
            held.release()
            return Outcome(run.run_id, "interrupted")
        reraise_if_unwritable(paths, error)
        cause = told(study, run.run_id)
        if cause is not None and held.is_held():
            held.release()
            return Outcome(run.run_id, "failed", cause)
        return _fail(study, run, held, kind_of(error), message_of(error), tracebacks.format_exc())
    if held.is_held():
        paths.failure.unlink(missing_ok=True)
        held.finish()
    return Outcome(run.run_id, str(result.state))


def _fail(study: Study, run: Run, held: Claim, kind: str, message: str, traceback: str = "") -> Outcome:
    if not held.is_held():  # somebody else has the run: say nothing about it
        return Outcome(run.run_id, "held")
    failure = record_failure(study, run.run_id, kind, message, traceback)
    held.release()
    return Outcome(run.run_id, "failed" if failure else "skipped", failure)


def _died_too_often(held: Claim) -> bool:
    """Whether the jobs of this run vanished three times in a row while no checkpoint came to be."""
    return held.lost >= ALIKE_LIMIT and bool(claims.this_process().job) and not held.paths.checkpoint.exists()
