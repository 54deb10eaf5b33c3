"""Failures of models: how they are classed, recorded, counted, and when they are tried again."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from dsx.base import files
from dsx.base.errors import DsxError, suggest
from dsx.base.out_of_memory import is_out_of_memory
from dsx.study import results
from dsx.study.paths import RunPaths
from dsx.study.results import Failure
from dsx.study.study import Study
from dsx.training.faults import LoaderDied, OutOfMemory, ProgramKilled

KINDS = ("out_of_memory", "timeout", "killed", "error")
# a model that failed this often in a row in the same way is retried only if it is asked for by name
ALIKE_LIMIT = 3


def may_train(failure: Failure, retry: Collection[str]) -> bool:
    """Whether a failed run is to be tried again.

    retry: `all`, its class, its run id, or `failed`, which leaves out what failed three times in the same way.
    """
    if failure.retrying or {"all", failure.kind, failure.run_id} & set(retry):
        return True
    return "failed" in retry and failure.alike < ALIKE_LIMIT


def check_retry(retry: Collection[str], run_ids: Iterable[str] = ()) -> None:
    """Raises DsxError for a word that names no class of failures and no run."""
    known = ("failed", "all", *KINDS)
    others = set(retry) - set(known)
    runs = set(run_ids) if others else set()
    for word in retry:
        if word in others - runs:
            raise DsxError(f"--retry {word}: expected {', '.join(known)} or a model's id.{suggest(word, known)}")


def kind_of(error: BaseException) -> str:
    """The class of a failure: out_of_memory, timeout, killed (of a loader's processes or a program) or error."""
    if isinstance(error, (LoaderDied, ProgramKilled)):
        return "killed"
    if isinstance(error, OutOfMemory) or is_out_of_memory(error):
        return "out_of_memory"
    return "timeout" if isinstance(error, TimeoutError) else "error"


def record_failure(study: Study, run_id: str, kind: str, message: str, traceback: str = "") -> Failure | None:
    """Write down that a run failed, counting how often and how often alike; None if it has a result after all."""
    paths = study.paths.run(run_id)
    if results.is_finished(paths):
        return None
    before, _ = results.read_failure(study.paths, run_id)
    same = before is not None and (before.kind, before.message) == (kind, message)
    failure = Failure(
        run_id=run_id,
        kind=kind,
        message=message,
        traceback=traceback,
        time=time.time(),
        attempts=before.attempts + 1 if before else 1,
        alike=before.alike + 1 if before and same else 1,
    )
    write_failure(paths, failure)
    return failure


def told(study: Study, run_id: str) -> Failure | None:
    """The failure that another process of this very training has recorded; None if none has.

    Beside a claim whose training goes on, every older failure is marked as being retried. The first cause stays: what
    the other processes meet afterwards is only that one of them is gone.
    """
    failure, _ = results.read_failure(study.paths, run_id)
    return None if failure is None or failure.retrying else failure


def write_failure(paths: RunPaths, failure: Failure, *, retrying: bool = False) -> None:
    """Write failure.json. retrying: it is being tried again, so that an interruption leaves it pending."""
    kept = {name: getattr(failure, name) for name in ("message", "traceback", "time", "attempts", "alike")}
    files.write_json(paths.failure, {"class": failure.kind, **kept, "retrying": retrying})
