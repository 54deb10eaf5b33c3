"""How long studies of 100 to 100,000 finished models take to look at, as whole processes: seconds of CPU time.

    .venv/bin/python tests/benchmarks/bench_study.py [--models 100 100000] [--folder /dev/shm] [--against CHECKOUT]

The baseline reads every record in a plain loop, `json.load(open(…))`, and makes a table of model and error of them; it
takes its turns with the later looks, and so does another checkout of dsx. First looks have no results.parquet to start
from; later looks have the one that the first left. 100,000 models take minutes to make.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import dsx
from dsx.spaces.sampling import draw_population
from dsx.study.study import Study

PLAIN = (
    "import json, pathlib, sys, pandas\n"
    "records = [json.load(open(path)) for path in pathlib.Path(sys.argv[1], 'models').glob('*/*/result.json')]\n"
    "table = pandas.DataFrame([{k: r[k] for k in ('model_id', 'state', 'error')} for r in records])\n"
    "assert (table['state'] == 'done').all()"
)


def make_study(folder: Path, n: int) -> Study:
    """A study of n distinct networks with a result each, of ten epochs, as the trainer writes them."""
    space = dsx.load_space("AnyNetXA")
    population = draw_population(space, n).population
    study = Study.create(folder, population, space.to_dict(), {"n": n}, 0)
    study.set_recipe(dsx.load_recipe("imagenet_10ep"))
    recipe = dsx.load_recipe("imagenet_10ep").to_dict()
    numbers = ("lr", "train_loss", "train_error", "loss", "error", "error_top5", "seconds", "train_seconds", "waiting")
    for row, run in enumerate(study.runs()):
        curve = [{"epoch": epoch} | {name: (row + epoch) / 7 for name in numbers} for epoch in range(1, 11)]
        record = {"state": "done", "model_id": run.model_id, "error": row / 7, "best_error": row / 7, "epochs": 10}
        record |= {"curve": curve, "seconds": 1.5, "images_per_second": 900.0, "peak_memory_bytes": None}
        path = study.paths.run(run.run_id).result
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record | {"seed": run.seed, "effective_recipe": recipe}))
    return study


def cpu_seconds(*command: str, checkout: Path | None = None) -> float:
    """CPU time of a process that must succeed, and of those that it starts. checkout: of the dsx that it runs."""
    # as users have it: modules compiled once, by a first run that is not counted
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept |= {"PYTHONPATH": str(checkout)} if checkout else {}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", env=kept)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows_of(study: Study, models: int, rounds: int, against: Path | None) -> list[str]:
    """A line of the table for each command: this checkout, the plain loop and another checkout in turns."""
    path, python = str(study.path.resolve()), sys.executable
    here = Path(__file__).resolve().parents[2]
    commands = {
        "status": (python, "-m", "dsx", "status", path),
        "launch": (python, "-m", "dsx", "launch", path),
    }
    lines = []
    for name, command in commands.items():
        study.paths.results.unlink(missing_ok=True)
        first = cpu_seconds(*command, checkout=here)
        ways = [
            (command, here),
            ((python, "-c", PLAIN, path), None),
            *([(command, against.resolve())] if against else []),
        ]
        times: list[list[float]] = [[] for _ in ways]
        for number in range(rounds + 1):
            for (way, checkout), taken in zip(ways, times, strict=True):
                took = cpu_seconds(*way, checkout=checkout)
                taken += [took] if number else []
        ours, *others = (statistics.median(taken) for taken in times)
        spread = f"{min(times[0]):.2f}–{max(times[0]):.2f}"
        compared = "".join(f" | {other:.2f} | {other / ours:.2f}" for other in others)
        lines.append(f"| {name} | {models:,} | {first:.2f} | {ours:.2f} | {spread}{compared} |")
    return lines


def main() -> None:
    """Make studies, look at them, and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout, to compare with")
    parser.add_argument("--folder", type=Path, help="where the studies are made for a while")
    options = parser.parse_args()
    print(
        "CPU seconds: first look; later looks, median and range; the plain loop, and its ratio to later looks"
        + "; of the other checkout; ratio" * bool(options.against)
    )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for models in options.models:
            study = make_study(Path(folder) / str(models), models)
            print("\n".join(rows_of(study, models, options.rounds, options.against)), flush=True)


if __name__ == "__main__":
    main()
