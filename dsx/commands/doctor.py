"""`dsx doctor`: what is here and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.launch.doctor import Finding, examine


def doctor(on: str = "local", folder: Path | None = None) -> Iterator[Finding]:
    """Findings on this machine and, with `slurm`, on the cluster, as they are made. Raises DsxError."""
    if on not in ("local", "slurm"):
        raise DsxError(f"--on {on}: expected local or slurm")
    return examine(slurm=on == "slurm", folder=folder)
