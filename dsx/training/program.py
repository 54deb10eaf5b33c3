"""Training by a program of the user's: what it is told, what it reports, and what its end means."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsx.base.files import load_json, write_json
from dsx.base.out_of_memory import says_out_of_memory
from dsx.study.claims import is_running, machine, process_start
from dsx.training.faults import Interrupted, OutOfMemory, ProgramFailed, ProgramKilled
from dsx.training.process import Program, killed_by
from dsx.training.report import OwnTraining, ReportError, code_folder
from dsx.training.result import Result

STOPPED = 75  # exit code of a program that was stopped and can go on: EX_TEMPFAIL of sysexits.h
METRICS = "metrics.json"
_NO_METRICS = f"and no metrics: write {{folder}}/{METRICS}, or print one JSON object last"
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_KILLED_BELOW_A_SHELL = 128 + signal.SIGKILL
_PROCESS = "process.json"
_GONE_S = 10.0
_POLL_S = 0.2
_PAUSE_EVERY_S = 60.0
_TRACEBACK_CHARACTERS = 4000


def run(training: OwnTraining, should_stop: Callable[[], bool]) -> Result:
    """Run the recipe's command for one network. should_stop: once true, the program is asked to end.

    Raises Interrupted if the program was stopped and can go on; ProgramFailed, ProgramKilled, OutOfMemory, ReportError
    or TimeLimitExceeded; OSError if its folder cannot be written.
    """
    program = _start(training)
    try:
        stopped = _attend(training, program, should_stop)
    finally:
        stdout, stderr = program.close()
    return _judged(training, program, stopped, stdout, stderr)


def values_of(training: OwnTraining) -> dict[str, object]:
    """What the names in braces stand for; files are written by `_start`."""
    recipe = training.recipe
    given = {
        "architecture": training.place / "architecture.json",
        "settings": training.place / "settings.json",
        "folder": training.place,
        "model": training.architecture.model_id,
        "seed": training.seed,
        "resolution": recipe.resolution,
        "device": training.device,
        "threads": training.threads or 1,
    }
    return {**recipe.settings, **given}


def _start(training: OwnTraining) -> Program:
    values = values_of(training)
    _see_the_last_one_out(training.place / _PROCESS)
    write_json(training.place / "architecture.json", training.architecture.to_dict())
    write_json(training.place / "settings.json", training.recipe.settings)
    environment = {f"DSX_{name.upper()}": str(value) for name, value in values.items()}
    if training.threads is not None:
        environment["OMP_NUM_THREADS"] = str(training.threads)
    code = code_folder(training.recipe)
    program = Program(training.recipe.words(values), code, environment, training.place)
    holder = {"machine": machine(), "pid": program.pid, "started": process_start(program.pid)}
    write_json(
        training.place / _PROCESS, holder
    )  # before it runs: who comes after us, should we die, waits for its end
    program.begin()
    return program


def _see_the_last_one_out(path: Path) -> None:
    """Wait until the program of a worker that was killed is gone: it is killed, too, but some moments later."""
    last, _ = load_json(path)
    deadline = time.monotonic() + _GONE_S
    while last and last.get("machine") == machine() and is_running(last.get("pid", 0), last.get("started") or "?"):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(last["pid"], signal.SIGKILL)
        time.sleep(0.02)


def _attend(training: OwnTraining, program: Program, should_stop: Callable[[], bool]) -> str:
    """Wait for the program's end, or bring it about: why, `asked` or `late`, or nothing."""
    noted = training.elapsed
    while not program.wait(_POLL_S):
        stopped = "asked" if should_stop() else "late" if training.is_late() else ""
        if stopped:
            program.terminate()
            program.wait(training.recipe.stop_grace_s)
            return stopped
        if training.elapsed > noted + _PAUSE_EVERY_S:
            training.pause()
            noted = training.elapsed
    return "asked" if program.code and _told_too(program, should_stop) else ""


def _told_too(program: Program, should_stop: Callable[[], bool]) -> bool:
    """Whether we are to stop as well: a scheduler ends a program together with its worker, in any order."""
    deadline = time.monotonic() + (1.0 if program.code == -signal.SIGTERM else 0.0)
    while not should_stop() and time.monotonic() < deadline:
        time.sleep(0.02)
    return should_stop()


def _judged(training: OwnTraining, program: Program, stopped: str, stdout: str, stderr: str) -> Result:
    """The result, or the exception that says what the program's end means."""
    code = program.code
    if code == 0:
        with contextlib.suppress(ReportError) if stopped else contextlib.nullcontext():
            report, where = _report(training, stdout)
            return training.finish(report, where)
    training.pause()
    if stopped == "late":
        raise training.late()
    if stopped or code == STOPPED:
        raise Interrupted
    ending = "\n" + stderr[-_TRACEBACK_CHARACTERS:]
    said = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "")
    if _NO_SPACE.search(stderr):
        _check_space(training.place)
    if says_out_of_memory(said):
        raise OutOfMemory(f"exit code {code}: {said}{ending}")
    if code is not None and (code < 0 or code == _KILLED_BELOW_A_SHELL):
        raise ProgramKilled(f"the program was {killed_by(signal.SIGKILL if code > 0 else -code)}{ending}")
    raise ProgramFailed(f"exit code {code}: {said or 'nothing on its error output'}{ending}")


def _report(training: OwnTraining, stdout: str) -> tuple[Mapping[str, Any], str]:
    """What the program reports, and where it said so. Raises ReportError."""
    path = training.place / METRICS
    if path.exists():
        report, problem = load_json(path)
        if report is None:
            raise ReportError(problem.replace("; treated as absent", ""))
        return report, str(path)
    said, read = stdout.rstrip(), json.JSONDecoder().raw_decode
    starts = [match.start() for match in re.finditer(r"^\{", said, re.MULTILINE)]
    for at in reversed(starts):  # one line, or several that begin at a brace
        with contextlib.suppress(ValueError):
            report, end = read(said, at)
            if end == len(said):
                return report, "the last of its output"
    if starts and "\n" not in said[starts[-1] :]:
        raise ReportError(f"exit code 0, {_NO_METRICS}; its last line is torn: {said[starts[-1] :][:60]}")
    raise ReportError(f"exit code 0, {_NO_METRICS}")


def _check_space(folder: Path) -> None:
    """Raises OSError if nothing can be written into the folder any more: no fault of the model."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        try:
            file.write(bytes(1 << 16))
            file.flush()
        except OSError as error:
            raise OSError(error.errno or errno.ENOSPC, error.strerror, str(folder)) from error
