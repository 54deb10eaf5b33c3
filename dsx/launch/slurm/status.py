"""The jobs behind a study: one query of the queue, one of accounting, and neither is needed for the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dsx.launch.slurm import client
from dsx.launch.slurm.client import SlurmError
from dsx.launch.slurm.submissions import Submissions
from dsx.study.study import Study


@dataclass(frozen=True)
class Jobs:
    """Jobs of a study."""

    queued: dict[str, int] = field(default_factory=dict)  # state → tasks in the queue
    reasons: dict[str, int] = field(default_factory=dict)  # why tasks are pending
    ended: dict[str, int] = field(default_factory=dict)  # state → tasks
    arrays: dict[str, str] = field(default_factory=dict)  # name → job id
    known: bool = True  # false if the queue did not answer, which says nothing about the jobs
    note: str = ""

    def lines(self) -> list[str]:
        """For people: what the queue holds, and how the rest ended."""
        if not self.arrays and not self.queued:
            return []
        if not self.known:
            return [f"  jobs: unknown ({self.note})"]
        parts = [f"{count} {state.lower()}" for state, count in sorted(self.queued.items())] or ["none queued"]
        line = f"  jobs: {', '.join(parts)}"
        if self.reasons:
            line += f" ({', '.join(f'{reason}: {count}' for reason, count in sorted(self.reasons.items()))})"
        if self.ended:
            line += f"; ended: {', '.join(f'{count} {state.lower()}' for state, count in sorted(self.ended.items()))}"
        held = sum(count for reason, count in self.reasons.items() if "held" in reason.lower())
        release = f"  {held} held and will not start by themselves: scontrol release {','.join(self.arrays.values())}"
        return [line, *([release] if held else [])]


def jobs(study: Study) -> Jobs:
    """Ask once. Never raises: what SLURM does not say is unknown."""
    submissions = Submissions(study.paths)
    names = submissions.names(open_only=False)
    if not names:
        return Jobs()
    arrays = {name: job_id for name in names if (job_id := submissions.job_id(name)) is not None}
    try:
        entries, _ = submissions.queued()
    except SlurmError as error:
        return Jobs(arrays=arrays, known=False, note=str(error))
    states = client.accounting(list(arrays.values())) or {}
    in_queue = {entry.job_id for entry in entries.values()}
    ended = Counter(state for job_id, state in states.items() if job_id not in in_queue and "[" not in job_id)
    for state in ("PENDING", "RUNNING", "REQUEUED"):  # accounting lags behind the queue
        ended.pop(state, None)
    return Jobs(
        queued=dict(Counter(entry.state for entry in entries.values())),
        reasons=dict(Counter(e.reason for e in entries.values() if e.state == "PENDING" and e.reason != "None")),
        ended=dict(ended),
        arrays=arrays,
    )
