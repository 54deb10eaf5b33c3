"""What is here and what is missing: each line ok, or what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dsx
from dsx.base.errors import DsxError
from dsx.base.provenance import device_name, versions
from dsx.base.shared_memory import MORE_SHARED_MEMORY, shared_memory
from dsx.base.temporary import socket_folder, temporary_folder
from dsx.launch import devices, surroundings
from dsx.launch.slurm import client, job_ids
from dsx.launch.slurm.client import SlurmError
from dsx.recipes.datasets import DATASETS

_PACKAGES = ("torch", "torchvision", "numpy", "pandas", "pyarrow", "submitit", "pebble")
_PROBE_S = 90.0
_LOOKS = "123"
_SKEW_S = 5.0


@dataclass(frozen=True)
class Finding:
    """One line. ok: whether nothing is to be done; remedy: what is, if something; asked: whether that is needed."""

    what: str
    seen: str
    ok: bool = True
    remedy: str = ""
    asked: bool = True

    def line(self) -> str:
        """`ok    python   3.11.7`, or `CHECK slurm    no answer → what to do`; `note  …` of what nobody asked for."""
        text = f"{'ok   ' if self.ok else 'CHECK' if self.asked else 'note '} {self.what:<16} {self.seen}"
        return text if self.ok else f"{text} → {self.remedy}"


def examine(*, slurm: bool = False, folder: Path | None = None) -> Iterator[Finding]:
    """Look at this machine and, if asked, at the cluster. folder: where studies are to lie; the current one by default.

    Findings come as they are made: the last ones of a cluster wait for a probe job.
    """
    place = folder or Path.cwd()
    yield from here(place)
    if slurm or client.installed():
        yield from cluster(place) if slurm else (replace(finding, asked=False) for finding in controller())


def here(folder: Path) -> Iterator[Finding]:
    """Versions, devices, folder, data sets."""
    yield Finding("dsx", f"{dsx.__version__} in {Path(dsx.__file__).parent}")
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    installed = versions(_PACKAGES)
    missing = [name for name in _PACKAGES if name not in installed]
    listed = ", ".join(f"{name} {version}" for name, version in installed.items())
    yield Finding("packages", listed, not missing, f"pip install {' '.join(missing)}")
    yield Finding("cores", f"{devices.cpu_count()} of {os.cpu_count()}")
    yield _gpus()
    yield _writable(folder)
    yield _temporary()
    yield _shared_memory()
    yield _open_files()
    yield _workers()
    yield Finding("data sets", f"known: {', '.join(DATASETS)}; digits needs no files")


def _gpus() -> Finding:
    driver = shutil.which("nvidia-smi") is not None
    gpus = devices.gpus()
    if gpus:
        import torch

        return Finding("GPUs", ", ".join(device_name(torch.device("cuda", index)) for index in range(len(gpus))))
    if driver:
        return Finding("GPUs", "a driver, and none that torch can use", False, "install a torch built for this CUDA")
    return Finding("GPUs", "none: models train on the CPU")


def _writable(folder: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return Finding("folder", f"{folder}: {error.strerror}", False, "choose a folder that you may write")
    enough = free > 1
    return Finding(
        "folder", f"{folder}, {free:.0f} GB free", enough, "free some space: checkpoints and results need it"
    )


def _temporary() -> Finding:
    """Where temporary files and the sockets between processes go."""
    remedy = "set TMPDIR to a folder that you may write, or unset it"
    try:
        folder, sockets = temporary_folder(), socket_folder()
    except DsxError as error:
        return Finding("temporary files", str(error), False, remedy)
    asked = os.environ.get("TMPDIR")
    if asked and Path(asked) != Path(folder):
        return Finding("temporary files", f"TMPDIR = {asked} cannot be written; {folder} is used", False, remedy)
    elsewhere = f"; sockets in {sockets}, as its path is too long for them" if sockets != folder else ""
    return Finding("temporary files", f"{folder}{elsewhere}")


def _shared_memory() -> Finding:
    memory = shared_memory()
    if memory.total is None or memory.free is None:
        return Finding("shared memory", "not limited by a file system")
    if memory.is_small:
        return Finding("shared memory", memory.words(), False, f"loaders need it: {MORE_SHARED_MEMORY}")
    return Finding("shared memory", f"{memory.free / 1e9:.1f} of {memory.total / 1e9:.1f} GB free")


def _open_files() -> Finding:
    limit = surroundings.open_files_limit()
    limit_shown = "no limit" if limit is None else f"at most {limit:,} a process"
    return Finding("open files", limit_shown, not surroundings.few_files(limit), surroundings.MORE_FILES)


def _workers() -> Finding:
    """Whether a process can be started as a launch starts its workers."""
    fault = surroundings.probe_worker()
    remedy = "see to that first: `dsx launch` trains in such processes; `--on debug` trains without"
    return Finding("workers", fault or "a process starts and answers", not fault, remedy)


def controller() -> Iterator[Finding]:
    """Whether SLURM answers, its limits, its partitions with GPUs, and whether it keeps accounts."""
    remedy = "is this a login node of the cluster, and is the controller up (`scontrol ping`)?"
    try:
        limits = client.limits()
    except SlurmError as error:
        yield Finding("slurm", str(error), False, remedy)
        return
    yield Finding("slurm", f"cluster {limits.cluster} answers")
    free = "no submit limit" if limits.free_submits is None else f"{limits.free_submits} more jobs may be submitted"
    full = limits.free_submits == 0
    yield Finding(
        "limits", f"arrays of {limits.max_array} tasks, {free}", not full, "wait for jobs to end, or cancel some"
    )
    yield _partitions()
    yield _accounting()


def _partitions() -> Finding:
    try:
        rows = [line.split("|") for line in client.run("sinfo", "-h", "-o", "%R|%a|%l|%D|%G").splitlines()]
    except SlurmError as error:
        return Finding("partitions", str(error), False, "ask the cluster's administrators")
    parts = []
    for name, state, limit, nodes, gres in rows:
        gpus = f", {re.sub(r'[(].*?[)]', '', gres)} each" if "gpu" in gres else ""
        parts.append(f"{name} ({nodes} nodes, limit {limit}{gpus}{'' if state == 'up' else ', ' + state})")
    return Finding("partitions", "; ".join(parts), bool(parts), "no partition is visible to you")


def _accounting() -> Finding:
    try:
        client.run("sacct", "-n", "-X", "-S", "now", "-o", "JobID", timeout_s=10)
    except SlurmError as error:
        return Finding("accounting", f"{error}; how ended jobs ended stays unknown, nothing else needs it")
    return Finding("accounting", "answers")


def cluster(folder: Path, wait: Callable[[float], None] = time.sleep) -> Iterator[Finding]:
    """What `controller` finds and, by a probe job, whether a node sees the folder and has the same clock."""
    usable = True
    for finding in controller():
        usable = usable and finding.ok
        yield finding
    if not usable:
        return
    try:
        probe = Path(tempfile.mkdtemp(prefix=".dsx-probe-", dir=folder)).resolve()
    except OSError as error:
        yield Finding("shared folder", f"{folder}: {error.strerror}", False, "choose a folder that you may write")
        return
    try:
        yield from _probe(probe, wait)
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _probe(probe: Path, wait: Callable[[float], None]) -> Iterator[Finding]:
    script, answer = probe / "probe.sh", probe / "answer"
    script.write_text(
        f"#!/bin/sh\nfor look in {' '.join(_LOOKS)}; do date +%s.%N > '{probe}/node'$look || exit 1; done\n"
        f"hostname > '{answer}.part' && mv '{answer}.part' '{answer}'\n"
    )
    name = f"dsx-probe-{probe.name[-8:]}"
    options = ["--parsable", "--time=1", f"--job-name={name}", f"--output={probe}/log", f"--chdir={probe}"]
    try:
        with client.outside_of_jobs():
            job_id = job_ids.job_id(client.run("sbatch", *options, str(script)), name)
    except SlurmError as error:
        yield Finding(
            "shared folder", str(error), False, "give the profile what the cluster asks for (partition, account)"
        )
        return
    deadline = time.monotonic() + _PROBE_S
    while not answer.exists() and time.monotonic() < deadline and (client.live_jobs([job_id]) != set()):
        wait(0.5)
    wait(0 if answer.exists() else 2)
    if not answer.exists():
        ended = client.live_jobs([job_id]) == set()
        if not ended:
            client.run("scancel", job_id)
        shown = "a job on a node ended without writing here" if ended else f"no node was free for {_PROBE_S:.0f} s"
        remedy = "put studies on a folder that all nodes share" if ended else "look again when the queue is shorter"
        yield Finding("shared folder", shown, False, remedy)
        return
    yield Finding("shared folder", f"{probe.parent} is seen from node {answer.read_text().strip()}")
    for look in _LOOKS:
        (probe / f"ours{look}").write_text(str(time.time()))
    worst = max(_skew_s(probe, "node"), _skew_s(probe, "ours"))
    yield Finding(
        "clocks", f"apart by at most {worst:.1f} s", worst < _SKEW_S, "set up NTP on the nodes; claims allow minutes"
    )


def _skew_s(probe: Path, name: str) -> float:
    """How far the clock that was written into these files is from the file system's, which is that of their own times.

    The least of several looks: a process may be held up between its look at the clock and the file.
    """
    paths = [probe / f"{name}{look}" for look in _LOOKS]
    return min(abs(float(path.read_text()) - path.stat().st_mtime) for path in paths)
