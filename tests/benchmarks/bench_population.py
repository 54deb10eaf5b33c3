"""Throughput of a population on this machine: dsx's launcher against one process per model, one after the other.

    .venv/bin/python tests/benchmarks/bench_population.py [--models 16] [--epochs 2] [--rounds 3] [--workers 1 2 4]

All train the same digits models with the same recipe, as whole commands, start and end included. The baseline is
`OMP_NUM_THREADS=1 python -c "dsx.train(…)"` for each model, as a shell loop over models would do it; beside it stands
the same with torch's default threads, which such small networks lose by on a busy machine. Both are compared with `dsx
launch` with one worker, one for each core, and twice as many. In a round the baseline trains its share of the models,
the one with default threads a single one, and every launch all of them; seconds of a model, by the clock and of CPU
time, are compared round by round.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import dsx
from dsx.base.text import align
from dsx.launch.devices import cpu_count
from dsx.spaces.sampling import draw_population
from dsx.study.study import Study, open_study

ONE = (
    "import sys, dsx; study = dsx.open_study(sys.argv[1]); run = study.runs()[int(sys.argv[2])];"
    " dsx.train(run.architecture, run.recipe, seed=run.seed)"
)
_SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>
ALONE, ALONE_THREADED = "one process per model, one thread", "one process per model, default threads"


class Cost(NamedTuple):
    """Seconds of one model: by the clock, and of CPU time."""

    clock: float
    cpu: float


def cost(commands: list[list[str]], models: int, **environment: str) -> Cost:
    """What a model takes of commands that run one after the other and train so many."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | environment
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        subprocess.run([sys.executable, *command], check=True, capture_output=True, env=kept)
    took = time.perf_counter() - began
    with contextlib.suppress(ChildProcessError):
        while True:  # what a command left behind: its time counts once it is waited for
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(took / models, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / models)


def one_by_one(study: Study, rows: range, **environment: str) -> Cost:
    return cost([["-c", ONE, str(study.path), str(row)] for row in rows], len(rows), **environment)


def launched(study: Study, workers: int) -> Cost:
    models = len(study.runs())
    command = ["-m", "dsx", "launch", str(study.path), "--device", "cpu", "--workers", str(workers)]
    took = cost([command], models)
    counts = open_study(study.path).counts()
    assert counts["done"] + counts["diverged"] == models, counts
    return took


def table(costs: dict[str, list[Cost]]) -> str:
    """Medians of seconds, and of the ratios to the baseline of the same round, with their range."""
    rows = [["", "s a model", "ratio", "", "CPU s a model", "ratio", ""]]
    for name, of in costs.items():
        cells = []
        for seconds, alone in zip(zip(*of, strict=True), zip(*costs[ALONE], strict=True), strict=True):
            ratios = [theirs / ours for theirs, ours in zip(alone, seconds, strict=True)]
            spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
            cells += [f"{statistics.median(seconds):.2f}", f"{statistics.median(ratios):.2f}", spread]
        rows.append([name, *cells])
    return align(rows)


def main() -> None:
    """Time all in turns and print the ratios."""
    if (
        sys.platform == "linux"
    ):  # elsewhere CPU time lacks that of workers: processes left behind become children of this
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    cores = cpu_count()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, cores, 2 * cores}))
    options = parser.parse_args()
    if options.models < options.rounds:
        parser.error("--models: at least one for each round")
    space = dsx.load_space("AnyNetXE-digits")
    population = draw_population(space, options.models).population
    recipe = dsx.load_recipe("digits", {"epochs": options.epochs})

    with tempfile.TemporaryDirectory() as folder:

        def fresh(name: str) -> Study:
            study = Study.create(Path(folder) / name, population, space.to_dict(), {"n": options.models}, 0)
            study.set_recipe(recipe)
            return study

        untrained = fresh("untrained")
        one_by_one(untrained, range(1), OMP_NUM_THREADS="1")  # reads files for the first time, and is not counted
        names = [ALONE, ALONE_THREADED, *(f"dsx launch --workers {workers}" for workers in options.workers)]
        costs: dict[str, list[Cost]] = {name: [] for name in names}
        for number in range(options.rounds):
            share = range(number, options.models, options.rounds)
            costs[ALONE].append(one_by_one(untrained, share, OMP_NUM_THREADS="1"))
            costs[ALONE_THREADED].append(one_by_one(untrained, share[:1]))
            for workers in options.workers:
                took = launched(fresh(f"{workers}-{number}"), workers)
                costs[f"dsx launch --workers {workers}"].append(took)
    print(f"{options.models} models, {options.epochs} epochs each, {cores} cores; n = {options.rounds} rounds, medians")
    print(table(costs))


if __name__ == "__main__":
    main()
