"""Who trains a run: claims that survive crashes, without locks, on any shared folder.

Claim files `claim.<k>.json` are created exclusively; the highest generation k is the current claim.
It is stale if it was released, if its process is gone (same machine), if its job has ended, or if
its file was not refreshed for ten minutes. Taking over is the exclusive creation of generation
k + 1, so of two takers one wins. A holder that finds a higher generation than its own has lost the
run and writes nothing more. Claims are removed only beside a result, which ends all claims.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from dsx.base import files
from dsx.study.paths import RunPaths

STALE_AFTER_S = 600.0
_NAME = re.compile(r"claim\.(\d+)\.json")


@dataclass(frozen=True)
class Holder:
    """A process that trains."""

    machine: str  # host, boot and process namespace
    pid: int
    started: str  # its start time in the system's words
    job: str = ""  # job, restart: `cluster/id` of the scheduler's job, or empty; and how often that job was requeued
    restart: int = 0

    @property
    def alive(self) -> bool | None:
        """Whether the process runs; None if that cannot be seen from this machine."""
        if self.machine != machine():
            return None
        return is_running(self.pid, self.started)


@lru_cache(maxsize=1)
def machine() -> str:
    """Names the set of processes that this process can see: `host/boot/namespace`."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(re.sub(r"\D", "", os.readlink("/proc/self/ns/pid")))
    return "/".join(parts)


def process_start(pid: int) -> str:
    """Start time of a process in the system's own unit; empty if it is gone, a zombie, or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # the second field, the command's name in parentheses, may hold spaces
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def is_running(pid: int, started: str) -> bool:
    """Whether that very process runs, not another one that was given its number."""
    if started:
        return process_start(pid) == started
    if os.name != "posix":  # there, signal 0 ends the process: leave it to the age of the claim
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def this_process() -> Holder:
    """The holder that this process is, with its SLURM job if it runs in one."""
    job = os.environ.get("SLURM_JOB_ID", "")
    return Holder(
        machine=machine(),
        pid=os.getpid(),
        started=process_start(os.getpid()),
        job=f"{os.environ.get('SLURM_CLUSTER_NAME', '')}/{job}" if job else "",
        restart=int(os.environ.get("SLURM_RESTART_COUNT", "0") or 0),
    )


@dataclass(frozen=True)
class ClaimRecord:
    """A claim as read."""

    path: Path
    generation: int
    holder: Holder | None  # None if the file is torn
    released: bool
    age_s: float  # seconds since it was made or refreshed
    since: float
    lost: int = 0  # how many claims in a row before this one ended without a word (their job died)

    def is_stale(self, ended: Callable[[Holder], bool] | None = None) -> bool:
        """Whether the run may be taken over. ended: tells from the holder whether its job is known to have ended."""
        if self.released:
            return True
        if self.holder is not None:
            if self.holder.alive is not None:
                return not self.holder.alive
            if ended is not None and ended(self.holder):
                return True
        return self.age_s > STALE_AFTER_S


def generations(names: Iterable[str]) -> list[int]:
    """The claim generations among file names, ascending."""
    return sorted(int(match[1]) for match in map(_NAME.fullmatch, names) if match)


def current(paths: RunPaths, names: Iterable[str] | None = None) -> ClaimRecord | None:
    """The highest claim of a run, or None. names: of the files in its folder, if they are known already."""
    if names is None:
        try:
            names = os.listdir(paths.folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
    held = generations(names)
    return _read(paths.claim(held[-1]), held[-1]) if held else None


def _read(path: Path, generation: int) -> ClaimRecord:
    try:
        modified = path.stat().st_mtime
    except FileNotFoundError:  # removed just now, beside a result or a later claim
        return ClaimRecord(path, generation, None, True, 0.0, 0.0)
    data, _ = files.load_json(path)
    age_s = time.time() + _clock_offset(path.parent.parent) - modified
    try:
        record = data or {}
        holder, since = Holder(**record["holder"]), float(record.get("since", modified))
        lost, released = int(record.get("lost", 0)), bool(record.get("released", False))
        if not isinstance(holder.pid, int) or not isinstance(holder.restart, int):
            raise TypeError
    except (KeyError, TypeError, ValueError, OverflowError):  # torn: its age alone frees it
        return ClaimRecord(path, generation, None, False, age_s, modified)
    return ClaimRecord(path, generation, holder, released, age_s, since, lost)


@lru_cache(maxsize=64)
def _clock_offset(folder: Path) -> float:
    """Seconds by which the clock of the file system that holds `folder` is ahead of ours; 0 if it cannot be told.

    A claim's age must not depend on the clocks of two machines.
    """
    probe = folder / f".clock.{secrets.token_hex(4)}{files.TEMPORARY_SUFFIX}"
    try:
        before = time.time()
        probe.touch()
        after = time.time()
        offset = probe.stat().st_mtime - (before + after) / 2
        probe.unlink()
    except OSError:
        return 0.0
    return offset if abs(offset) > 1.0 else 0.0


class Claim:
    """A run held by this process, until `release` or `finish`, or until somebody else takes it over."""

    def __init__(self, paths: RunPaths, generation: int, holder: Holder, since: float, lost: int) -> None:
        self.paths = paths
        self.generation = generation
        self.lost = lost
        self._holder = holder
        self._since = since
        self._overtaken = False

    @property
    def path(self) -> Path:
        """This claim's own file."""
        return self.paths.claim(self.generation)

    def refresh(self) -> bool:
        """Say that the holder is alive; false once somebody else has the run."""
        with contextlib.suppress(OSError):
            os.utime(self.path)
        return self.is_held()

    def is_held(self) -> bool:
        """Whether this is still the current claim. A folder that cannot be listed at the moment changes nothing."""
        if not self._overtaken:
            with contextlib.suppress(OSError):
                present = generations(os.listdir(self.paths.folder))
                self._overtaken = present[-1:] != [self.generation]  # higher, or gone beside another's result
        return not self._overtaken

    def release(self) -> None:
        """Give the run back unfinished: the next one resumes it at once."""
        if self.is_held():
            with contextlib.suppress(files.RecordError):  # then its age frees it
                files.write_bytes(self.path, _content(self._holder, self._since, 0, released=True))

    def is_sole(self) -> bool:
        """Whether no other claim is alive, neither a later nor an earlier one.

        Where claims are removed with nothing in their place, two takers of a removed one may number theirs apart; of
        two that both ask this after making theirs, at most one is told that it is the only one.
        """
        present = generations(os.listdir(self.paths.folder))
        return present[-1:] == [self.generation] and not any(
            not _read(self.paths.claim(other), other).is_stale() for other in present[:-1]
        )

    def withdraw(self) -> None:
        """Remove this claim, after the stale ones before it; one that is alive is its maker's to remove."""
        with contextlib.suppress(OSError):
            for other in generations(os.listdir(self.paths.folder)):
                if other < self.generation and _read(self.paths.claim(other), other).is_stale():
                    self.paths.claim(other).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.unlink()

    def finish(self) -> None:
        """Remove all claims of a run whose result is written."""
        for generation in range(1, self.generation + 1):
            with contextlib.suppress(OSError):
                self.paths.claim(generation).unlink()


def claim(
    paths: RunPaths, *, holder: Holder | None = None, ended: Callable[[Holder], bool] | None = None
) -> Claim | None:
    """Take the run, or None if somebody has it. The caller looks for a result again afterwards.

    A claim of an earlier life of the same job (it was requeued) is stale. Raises RecordError if the folder
    cannot be written.
    """
    holder = holder or this_process()
    before = current(paths)
    if before is not None and not _is_former_self(before, holder) and not before.is_stale(ended):
        return None
    generation = before.generation + 1 if before else 1
    lost = before.lost + 1 if before and not before.released else 0
    since = time.time()
    if not _create(paths.claim(generation), _content(holder, since, lost)):
        return None
    return Claim(paths, generation, holder, since, lost)


def revoke(paths: RunPaths, claim: ClaimRecord) -> None:
    """Free a run whose holder is known to be gone, though its claim does not show it everywhere."""
    if claim.holder is not None:
        lost = claim.lost + 1
        _create(paths.claim(claim.generation + 1), _content(claim.holder, claim.since, lost, released=True))


def _is_former_self(before: ClaimRecord, holder: Holder) -> bool:
    old = before.holder
    return old is not None and old.job != "" and old.job == holder.job and old.restart < holder.restart


def _content(holder: Holder, since: float, lost: int, *, released: bool = False) -> bytes:
    data = {"holder": asdict(holder), "since": since, "lost": lost, "released": released}
    return (json.dumps(data) + "\n").encode()


def _create(path: Path, content: bytes) -> bool:
    """Make `path` with its content, complete from the first moment; false if it exists already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{files.TEMPORARY_SUFFIX}")
        try:
            temporary.write_bytes(content)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except (OSError, AttributeError, NotImplementedError):  # a file system without links
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise files.RecordError(files.unwritable(path, error)) from error
    return True
