"""Speed of the statistics on made-up populations.

    .venv/bin/python tests/benchmarks/bench_analysis.py [--against CHECKOUT]

All tables of an analysis; linear fits of 500 networks; the exact bootstrap of a parameter's best range against two
baselines of 10,000 simulated repeats, both written out below: a loop over the repeats, as it is usually written, and
all repeats at once as one numpy array, which is the harder one to beat. Then `dsx analyze` with all
figures, as a whole process in seconds of CPU time; another checkout of dsx, given as --against, takes its turns.
`--rows 500000` analyses two Parquet files of so many models, made up as the others, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dsx.analysis import analyze, best_range, linear_fits


def study(n: int, seed: int) -> pd.DataFrame:
    """A results table of n finished models with four parameters; better with depth."""
    rng = np.random.default_rng(seed)
    depth = rng.integers(4, 40, n)
    flops = rng.uniform(360e6, 400e6, n)
    error = 40 + rng.gamma(2.0, 3.0, n) + 10 / depth
    columns = {"depth": depth, "w0": 8 * rng.integers(1, 31, n), "wm": rng.uniform(2, 3, n), "group_width": 8}
    return pd.DataFrame(
        {
            "model_id": [f"{seed}-{i}" for i in range(n)], "space": "made-up", "state": "done", "error": error,
            "best_error": error, "epochs": 10, "flops": flops, "params": flops / 60, "acts": flops / 120,
            "seconds": 1.0, "images_per_second": 1.0, "peak_memory_bytes": 1, "seed": 0, "recipe": "r v1",
            "failure": None, **columns,
        }
    )  # fmt: skip


def simulated_range(x: np.ndarray, errors: np.ndarray, repeats: int = 10_000) -> np.ndarray:
    """The array baseline: the parameter of the best of a random 25 %, all repeats at once; its quantiles."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(x), (repeats, len(x) // 4))
    best = drawn[np.arange(repeats), errors[drawn].argmin(axis=1)]
    return np.quantile(x[best], [0.025, 0.5, 0.975])


def looped_range(x: np.ndarray, errors: np.ndarray, repeats: int = 10_000) -> np.ndarray:
    """The loop baseline: the same, one repeat after another, as it is usually written."""
    rng = np.random.default_rng(0)
    best = np.empty(repeats)
    for i in range(repeats):
        drawn = rng.integers(0, len(x), len(x) // 4)
        best[i] = x[drawn[errors[drawn].argmin()]]
    return np.quantile(best, [0.025, 0.5, 0.975])


def seconds(action: Callable[[], object], times: int = 3) -> float:
    """Median wall time, after one run that is not counted."""
    action()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


class Cost(NamedTuple):
    """Of a process and those that it starts: seconds of CPU time and by the clock, memory of the largest so far."""

    cpu: float
    clock: float
    gigabytes: float


def analysed(checkout: Path, folder: Path, *arguments: str | Path) -> Cost:
    """What `dsx analyze` with these arguments costs, by that checkout and into that folder."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "dsx", "analyze", *arguments, "--out", folder],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, clock, after.ru_maxrss * 1024 / 1e9)


def bench_figures(against: Path | None, rounds: int) -> None:
    """All figures of the six spaces of the reference results, by this checkout and another in turns."""
    here = Path(__file__).resolve().parents[2]
    reference, alone = here / "experiments" / "reference", []
    times: dict[Path, list[float]] = {checkout: [] for checkout in (here, against) if checkout}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for checkout, taken in times.items():
                taken.append(analysed(checkout, Path(folder), reference).cpu)
                print(f"{checkout.name}: {taken[-1]:.1f} s of CPU time", flush=True)
            drawn = len(list(Path(folder).rglob("*.pdf")))
            alone.append(times[here][-1] - analysed(here, Path(folder), reference, "--figures", "none").cpu)
    told = ", ".join(
        f"{checkout.name} {np.median(taken):.1f} s ({min(taken):.1f} to {max(taken):.1f})"
        for checkout, taken in times.items()
    )
    print(f"dsx analyze, {drawn} figures: {told} of CPU time, n = {rounds}")
    told = f"{np.median(alone):.1f} s ({min(alone):.1f} to {max(alone):.1f})"
    print(f"  more than with --figures none: {told}, {np.median(alone) / drawn:.2f} s a figure")


def bench_rows(n: int) -> None:
    """Two files of n made-up models, without figures and with those that compare."""
    here = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.parquet" for name in "ab"]
        for seed, path in enumerate(paths):
            study(n, seed).to_parquet(path)
        for figures in ("none", "main"):
            cpu, clock, gigabytes = analysed(here, Path(folder), *paths, "--figures", figures)
            print(f"--figures {figures}: {clock:.1f} s, {cpu:.1f} s of CPU time, {gigabytes:.2f} GB", flush=True)


def main() -> None:
    """Print each time and ratio beside its aim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-figures", action="store_true")
    parser.add_argument("--rows", type=int, help="of each of two files, which alone are analysed")
    options = parser.parse_args()
    if options.rows:
        bench_rows(options.rows)
        return
    bench_figures(options.against, options.rounds)
    if options.only_figures:
        return
    small = {f"space {i}": study(500, i) for i in range(6)}
    large = {f"space {i}": study(100_000, i) for i in range(2)}
    print(f"all tables, six studies of 500       {seconds(lambda: analyze(small)):7.2f} s   (aim: under 1 s)")
    print(f"all tables, two studies of 100,000   {seconds(lambda: analyze(large), 1):7.2f} s   (aim: under 10 s)")
    rng = np.random.default_rng(1)
    widths = [np.sort(8 * rng.integers(2, 60, 4)).repeat(rng.integers(1, 8, 4)).tolist() for _ in range(500)]
    print(f"linear fits of 500 networks          {seconds(lambda: linear_fits(widths), 1):7.2f} s   (aim: under 2 s)")
    x, errors = small["space 0"]["w0"].to_numpy(dtype=float), small["space 0"]["error"].to_numpy()
    exact = seconds(lambda: best_range(x, errors), 200)
    print(f"best range of one parameter, exact   {1e6 * exact:7.0f} µs  (500 models)")
    for name, other in (("numpy loop over", looped_range), ("numpy array of", simulated_range)):
        ratio = seconds(lambda f=other: f(x, errors), 5) / exact
        print(f"  {name:<15} 10,000 repeats     {ratio:7.0f} × as long   (aim: at least 100)")


if __name__ == "__main__":
    main()
