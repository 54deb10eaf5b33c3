"""`make chaos N=20`: kills, faults and damage at random, counted.

N: kills, half of them of local launches and half of foreign workers; faults of a cluster N / 10; damaged files 10 N.
Prints a table as docs/reliability.md has it, and every remark; exit code 1 if anything was lost, done twice, different,
a traceback or a hang. `--parts local,foreign,slurm,files` runs some of it; `sixteen` kills foreign workers for
`--minutes`. What was counted is kept in the folder `--into`: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE), str(HERE.parent / "launch"), str(HERE.parent / "launch" / "slurm")]
# every process started here finds this dsx
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]).rstrip(
    os.pathsep
)
os.environ.setdefault("OMP_NUM_THREADS", "1")

from damage import damaged_files  # noqa: E402
from kills import foreign_workers, local_launches  # noqa: E402
from slurm_faults import slurm_faults  # noqa: E402
from tally import Ledger, Tally, table  # noqa: E402

PARTS = ("local", "foreign", "slurm", "files")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--n", type=int, default=1000)
    asked.add_argument("--parts", default=",".join(PARTS))
    asked.add_argument("--minutes", type=float, default=10.0, help="of the part `sixteen`")
    asked.add_argument("--into", type=Path, default=Path("build/chaos"), help="folder of what was counted")
    options = asked.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options.into / "tallies.jsonl")
    for part in options.parts.split(","):
        if part not in (*PARTS, "sixteen"):
            asked.error(f"--parts {part}: expected some of {', '.join((*PARTS, 'sixteen'))}")
        began = time.monotonic()
        for tally in _tallies(part, options, ledger):
            tally.seconds, began = round(time.monotonic() - began, 1), time.monotonic()
            ledger.add(part, tally)
            print(f"{time.strftime('%H:%M:%S')} {part}: {tally}", file=sys.stderr, flush=True)
    totals = ledger.totals()
    for tally in totals:
        for remark in tally.remarks:
            print(remark, file=sys.stderr)
    print(table(totals))
    return 0 if all(tally.clean for tally in totals) else 1


def _tallies(part: str, options: argparse.Namespace, ledger: Ledger) -> Iterator[Tally]:
    """What is left to do of a part: a tally for each study, for each kind of files."""
    counted = ledger.of(part)
    studies, trials = len(counted), sum(tally.trials for tally in counted)
    place = options.into.resolve() / part
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if part == "local":
        yield from local_launches(options.n // 2 - trials, place, first=studies)
    elif part == "foreign":
        yield from foreign_workers(options.n // 2 - trials, place, first=studies)
    elif part == "sixteen":
        seconds = options.minutes * 60 - sum(tally.seconds for tally in counted)
        yield from foreign_workers(1_000_000, place, first=10_000 + studies, seconds=seconds)
    elif part == "slurm":
        yield from slurm_faults(options.n // 10 - trials, place, trials, studies)
    elif not counted:
        yield from damaged_files(options.n * 10, place)


if __name__ == "__main__":
    sys.exit(main())
