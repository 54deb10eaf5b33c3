"""`make chaos N=20`: kills, faults and damage at random, counted. N: kills of each kind; faults N / 10, files 10 N.

Prints a table as docs/reliability.md has it, and every remark; exit code 1 if anything was lost, done twice, different,
a traceback or a hang. `--parts local,foreign,slurm,files` runs some of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
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
from tally import Tally, table  # noqa: E402

PARTS = ("local", "foreign", "slurm", "files")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--n", type=int, default=1000)
    asked.add_argument("--parts", default=",".join(PARTS))
    options = asked.parse_args()
    tallies: list[Tally] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dsx-chaos-") as name:
        folder = Path(name)
        for part in options.parts.split(","):
            if part == "local":
                tallies.append(local_launches(options.n, folder))
            elif part == "foreign":
                tallies.append(foreign_workers(options.n, folder))
            elif part == "slurm":
                tallies.append(slurm_faults(options.n // 10, folder))
            elif part == "files":
                tallies += damaged_files(options.n * 10, folder / "files")
            else:
                asked.error(f"--parts {part}: expected some of {', '.join(PARTS)}")
            print(f"{part}: {time.monotonic() - began:,.0f} s", file=sys.stderr, flush=True)
        for tally in tallies:
            for remark in tally.remarks:
                print(remark, file=sys.stderr)
    print(table(tallies))
    return 0 if all(tally.clean for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
