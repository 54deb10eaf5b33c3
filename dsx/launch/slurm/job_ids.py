"""The id of a job that sbatch has taken: out of what it printed (sites wrap it as they like), or from the queue."""

from __future__ import annotations

import re
import time

from dsx.launch.slurm import client
from dsx.launch.slurm.client import SlurmError

_STANDARD = re.compile(r"Submitted batch job (\d+)")
# what `sbatch --parsable` prints: the id, and the cluster's name where there are several
_PARSABLE = re.compile(r"^\s*(\d+)(?:;[\w.-]+)?\s*$", re.MULTILINE)
_LOOKS, _BETWEEN_LOOKS_S = 5, 1.0


class UnknownJobError(SlurmError):
    """sbatch took the job and nobody says under which id: it may be in the queue."""


def printed_id(text: str) -> str | None:
    """The id in the words of sbatch, or alone on a line; None if there is none, or several lines could be it.

    `Submitted batch job 7 on cluster a` → 7; `7` → 7; `7;a` → 7; other lines before and after do not matter.
    """
    standard = _STANDARD.findall(text)
    if standard:
        return str(standard[-1])
    alone = set(_PARSABLE.findall(text))
    return alone.pop() if len(alone) == 1 else None


def job_id(text: str, name: str) -> str:
    """The id of the job of that name. text: what sbatch printed. Raises UnknownJobError if nothing tells.

    The queue is asked where the text does not tell: a name is given to one job only.
    """
    printed = printed_id(text)
    if printed is not None:
        return printed
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN_LOOKS_S)
        try:
            entries = client.queue([name])
        except SlurmError:
            continue
        if entries:
            return next(iter(entries.values())).job_id.partition("_")[0]
    said = " ".join(text.split())[:200] or "nothing"
    raise UnknownJobError(
        f"sbatch took job {name} and printed {said!r}, which names no id, and squeue does not show it: it is kept on"
        " record, and `dsx status` and the next launch look for it by its name"
    )
