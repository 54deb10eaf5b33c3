"""The parts of submitit that are not public, all of them, behind four functions; nothing else of dsx uses any.

Tried with submitit 1.5.1 to 1.5.4. tests/launch/slurm/test_submitit_private.py fails when one of them changes.
"""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsx.base.errors import DsxError

TRIED = ("1.5.1", "1.5.4")


class Refused(Exception):
    """sbatch refused; the text is what it said, as submitit gives it."""


def script(parameters: Mapping[str, Any], folder: Path, python: str, tasks: int) -> str:
    """The sbatch script that `submit_array` would submit for so many tasks. python: a shell command."""
    from submitit.slurm.slurm import _make_sbatch_string

    return _make_sbatch_string(
        command=f"{python} -u -m submitit.core._submit {shlex.quote(str(folder))}",
        folder=folder,
        **parameters,
        **({"map_count": tasks} if tasks > 1 else {}),
    )


def submit_array(
    callables: Sequence[Callable[[], Any]],
    parameters: Mapping[str, Any],
    folder: Path,
    python: str,
    read_job_id: Callable[[str], str],
) -> str:
    """Submit one array of pickled callables; its job id.

    folder: of scripts, pickles and logs. read_job_id: the id out of what sbatch printed; what it raises passes through,
    with the jobs in the queue. Raises Refused if sbatch failed, OSError if the folder cannot be written, and DsxError
    where submitit finds no SLURM.
    """
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        executor = submitit.SlurmExecutor(folder=folder, python=python)
    except RuntimeError as error:
        raise DsxError(f"{error} `dsx doctor --on slurm` looks") from None
    executor.update_parameters(**parameters)
    try:
        # submitit prints what sbatch says; here it becomes the error's text
        with _job_ids_read_by(read_job_id), contextlib.redirect_stderr(io.StringIO()):
            jobs = executor.submit_array(list(callables))
    except (FailedJobError, FailedSubmissionError) as error:
        raise Refused(str(error)) from error
    return str(jobs[0].job_id).partition("_")[0]


def forget_torn_result() -> None:
    """Remove what an earlier life of this job left half written: submitit fails at such a file instead of replacing it.

    Outside of its jobs it does nothing.
    """
    from submitit.core.job_environment import JobEnvironment

    with contextlib.suppress(RuntimeError):
        result = JobEnvironment().paths.result_pickle
        result.with_name(f"{result.name}.save_tmp").unlink(missing_ok=True)


@contextlib.contextmanager
def _job_ids_read_by(read_job_id: Callable[[str], str]) -> Iterator[None]:
    """submitit understands `Submitted batch job 7` alone, and drops a job of which a site's sbatch says `7`."""
    from submitit import SlurmExecutor

    name = "_get_job_id_from_submission_command"
    before = SlurmExecutor.__dict__[name]

    def read(text: bytes | str) -> str:
        return read_job_id(text if isinstance(text, str) else text.decode(errors="replace"))

    setattr(SlurmExecutor, name, staticmethod(read))
    try:
        yield
    finally:
        setattr(SlurmExecutor, name, before)
