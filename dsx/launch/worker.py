"""The one worker: takes a list of runs, skips what is finished or held, trains the rest in order.

Every launcher is thin around `work`. A model that fails is recorded and the next one is trained;
only a folder that cannot be written ends the worker.
"""

from __future__ import annotations

import traceback as tracebacks
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.launch.causes import message_of, reraise_if_unwritable
from dsx.launch.failures import ALIKE_LIMIT, kind_of, may_train, record_failure, told, write_failure
from dsx.launch.heartbeat import Heartbeat
from dsx.launch.pending import recipe_of
from dsx.study import claims, results
from dsx.study.claims import Claim
from dsx.study.paths import StudyPaths
from dsx.study.results import Failure
from dsx.study.runs import Run
from dsx.study.study import Study, open_study
from dsx.training.faults import Interrupted
from dsx.training.protocol import Trainer, trainer_named


@dataclass(frozen=True)
class WorkSettings:
    """How a worker trains. threads: of torch; None leaves them. retry: as in `may_train`.

    trainer: instead of the recipe's own, or its name as `module:function`.
    """

    device: str = "auto"
    threads: int | None = None
    retry: Collection[str] = ()
    trainer: Trainer | str | None = None


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
    settings: WorkSettings,
    *,
    should_stop: Callable[[], bool] | None = None,
    heartbeat: Heartbeat | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Train these runs of a study, one after another, in this process.

    should_stop: polled before each run and, by the trainer, at every step. heartbeat: of a process that calls this
    again and again. Raises DsxError for unknown runs and a trainer that cannot be imported, and RecordError when the
    folder cannot be written.
    """
    study = _opened(str(study_path), _stamp(study_path))
    by_id = _by_id(study)
    beat = heartbeat or Heartbeat()
    worker = _Worker(study, settings, resolve(settings.trainer, study), beat, should_stop)
    outcomes = []
    try:
        for run_id in run_ids:
            if should_stop is not None and should_stop():
                break
            if run_id not in by_id:
                raise DsxError(f"{study_path}: has no run {run_id}")
            outcome = worker.attend(by_id[run_id])
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    finally:
        if heartbeat is None:
            beat.stop()
    return outcomes


def resolve(trainer: Trainer | str | None, study: Study) -> Trainer:
    """What trains the study's runs: what was asked for, else what its recipe names. Raises DsxError."""
    trainer = recipe_of(study).trainer if trainer is None else trainer
    return trainer_named(trainer) if isinstance(trainer, str) else trainer


@lru_cache(maxsize=16)
def _opened(path: str, stamp: int) -> Study:  # noqa: ARG001 (a part of the key)
    """A pool's worker is asked for one run at a time: it reads a study once for each version of study.yaml."""
    return open_study(path)


def _stamp(path: str | Path) -> int:
    try:
        return StudyPaths(Path(path)).definition.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _by_id(study: Study) -> dict[str, Run]:
    return {run.run_id: run for run in study.runs()}


@dataclass(frozen=True)
class _Worker:
    """What stays the same from run to run."""

    study: Study
    settings: WorkSettings
    train: Trainer
    heartbeat: Heartbeat
    should_stop: Callable[[], bool] | None

    def attend(self, run: Run) -> Outcome:
        """Claim one run if it is to be trained, and train it."""
        paths = self.study.paths.run(run.run_id)
        failure = None
        if paths.folder.is_dir():
            failure, _ = results.read_failure(self.study.paths, run.run_id)
        if results.is_finished(paths) or (failure is not None and not may_train(failure, self.settings.retry)):
            return Outcome(run.run_id, "skipped")
        held = claims.claim(paths)
        if held is None:
            return Outcome(run.run_id, "held")
        if results.is_finished(paths):  # by the former holder, between our look and our claim
            held.finish()
            return Outcome(run.run_id, "skipped")
        if _died_too_often(held):
            message = f"the job that trained it died without a word {held.lost} times before an epoch was saved"
            return self._fail(run, held, "killed", message)
        files.sweep(paths.folder)
        self.heartbeat.add(held)
        try:
            if failure is not None and not failure.retrying:
                write_failure(paths, failure, retrying=True)
            return self._train(run, held)
        except files.RecordError:
            held.release()
            raise
        finally:
            self.heartbeat.remove(held)

    def _train(self, run: Run, held: Claim) -> Outcome:
        """Train a claimed run and leave its result, its failure, or its checkpoint."""
        paths = self.study.paths.run(run.run_id)

        def stop() -> bool:
            return self.heartbeat.lost(held) or (self.should_stop is not None and self.should_stop())

        try:
            result = self.train(
                run.architecture,
                run.recipe,
                seed=run.seed,
                folder=paths.folder,
                device=self.settings.device,
                threads=self.settings.threads,
                should_stop=stop,
            )
        except files.RecordError:
            raise
        except KeyboardInterrupt:
            held.release()
            raise
        except Interrupted:
            held.release()
            return Outcome(run.run_id, "interrupted")
        except (Exception, SystemExit) as error:  # sys.exit, in a data set of the user's, ends its model only
            reraise_if_unwritable(paths, error)
            cause = told(self.study, run.run_id)
            if cause is not None and held.is_held():
                held.release()
                return Outcome(run.run_id, "failed", cause)
            return self._fail(run, held, kind_of(error), message_of(error), tracebacks.format_exc())
        if held.is_held():
            paths.failure.unlink(missing_ok=True)
            held.finish()
        return Outcome(run.run_id, str(result.state))

    def _fail(self, run: Run, held: Claim, kind: str, message: str, traceback: str = "") -> Outcome:
        if not held.is_held():  # somebody else has the run: say nothing about it
            return Outcome(run.run_id, "held")
        failure = record_failure(self.study, run.run_id, kind, message, traceback)
        held.release()
        return Outcome(run.run_id, "failed" if failure else "skipped", failure)


def _died_too_often(held: Claim) -> bool:
    """Whether the jobs of this run vanished three times in a row while no checkpoint came to be."""
    return held.lost >= ALIKE_LIMIT and bool(claims.this_process().job) and not held.paths.checkpoint.exists()
