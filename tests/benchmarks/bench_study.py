"""How long a study of 100,000 finished models takes to look at, as whole processes.

    .venv/bin/python tests/benchmarks/bench_study.py [--models 100000] [--folder /dev/shm]

The baseline reads every record in a plain loop, `json.load(open(…))`, and makes a table of model and error of them.
First looks have no results.parquet to start from; second looks have the one that the first left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
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
RESULTS = "import sys, dsx; assert (dsx.open_study(sys.argv[1]).results()['state'] == 'done').all()"
AIM_S = 10.0


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


def seconds(*command: str) -> float:
    """Wall time of a process that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Make the study, look at it, and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the study is made for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        study = make_study(Path(folder) / "study", options.models)
        path, python = str(study.path), sys.executable
        plain = seconds(python, "-c", PLAIN, path)
        print(f"{options.models:,} finished models")
        print(f"  plain loop over the records    {plain:6.1f} s")
        commands = {
            "dsx status": (python, "-m", "dsx", "status", path),
            "study.results()": (python, "-c", RESULTS, path),
            "dsx launch (nothing to do)": (python, "-m", "dsx", "launch", path),
        }
        for name, command in commands.items():
            study.paths.results.unlink(missing_ok=True)
            for look in ("first", "second"):
                took = seconds(*command)
                aim = f", aim: under {AIM_S:.0f} s" if options.models == 100_000 and "launch" not in name else ""
                print(f"  {name:<27} {look:<6} {took:6.1f} s   ({plain / took:.1f}× the loop's speed{aim})")


if __name__ == "__main__":
    main()
