"""By what something was made: commit, versions, interpreter, machine. The one place that asks for them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import dsx

if TYPE_CHECKING:
    import torch

# the folder above the package: the top of a checkout, if it is one
_TOP = Path(dsx.__file__).resolve().parent.parent


def git_commit() -> str | None:
    """The commit of the checkout that dsx runs from, with `+changes` if it is dirty; None if it is no checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no", "--", "dsx") else commit


def uncommitted() -> str:
    """What the checkout's code and definitions have that its commit does not, as a patch; empty if nothing."""
    patch = _git("diff", "HEAD", "--", "dsx", "spaces", "experiments")
    return f"{patch}\n" if patch else ""


def _git(*arguments: str) -> str | None:
    """What git answers about the checkout; None if there is none, or no answer."""
    if not (_TOP / ".git").exists():
        return None
    command = ["git", "-C", str(_TOP), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Package → version, of those that are installed."""
    installed = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def software() -> dict[str, object]:
    """What every record says it was made by: the versions of dsx and Python."""
    return {"dsx": dsx.__version__, "python": platform.python_version()}


def environment() -> dict[str, object]:
    """Interpreter, platform, the versions of all installed packages, and dsx's commit."""
    installed = {dist.metadata["Name"]: dist.version for dist in metadata.distributions()}
    return {
        **software(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "git_commit": git_commit(),
        "packages": {name: installed[name] for name in sorted(filter(None, installed))},
    }


def hardware() -> dict[str, object]:
    """The processor's name, cores, kind of machine and operating system."""
    return {"cpu": processor(), "cores": os.cpu_count(), "machine": platform.machine(), "system": platform.system()}


@cache
def processor() -> str:
    """The processor's name where the system tells it, else its kind, such as x86_64."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.machine()


def device_name(device: torch.device) -> str:
    """What a device of torch is: the name of its GPU, or of the processor."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device.type == "mps" else processor()
