"""Throughput of a population on this machine: dsx's launcher against one process per model, one after the other.

    .venv/bin/python tests/benchmarks/bench_population.py [--models 16] [--epochs 2]

Both train the same digits models with the same recipe; the baseline is `python -c "dsx.train(…)"` for each model, with
torch's default threads, as a shell loop over models would do it. The ratio of wall times is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dsx
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.spaces.sampling import draw_population
from dsx.study.study import Study, open_study

ONE = (
    "import sys, dsx; study = dsx.open_study(sys.argv[1]); run = study.runs()[int(sys.argv[2])];"
    " dsx.train(run.architecture, run.recipe, seed=run.seed)"
)


def main() -> None:
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    space = dsx.load_space("AnyNetXE-digits")
    drawn = draw_population(space, options.models)
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(Path(folder) / "study", drawn.population, space.to_dict(), {"n": options.models}, 0)
        study.set_recipe(dsx.load_recipe("digits", {"epochs": options.epochs}))
        started = time.perf_counter()
        for row in range(options.models):
            subprocess.run([sys.executable, "-c", ONE, study.path, str(row)], check=True)
        one_by_one = time.perf_counter() - started
        started = time.perf_counter()
        LocalLauncher().launch([study], LaunchOptions(progress=False))
        together = time.perf_counter() - started
        counts = open_study(study.path).counts()
    assert counts["done"] + counts["diverged"] == options.models, counts
    print(f"{options.models} models, {options.epochs} epochs each")
    print(f"  one process per model, one after the other  {one_by_one:6.1f} s")
    print(f"  dsx launch, all cores                       {together:6.1f} s")
    print(f"  ratio                                       {one_by_one / together:6.2f}   (aim: at least 3)")


if __name__ == "__main__":
    main()
