"""Writes docs/reproduce.md, the table of experiments that repeat the papers: `python analysis/reproduce.py`.

Everything on the page stands in experiments/paper/*.yaml, but for the costs: `python analysis/reproduce.py costs
NAME…` on a machine with a GPU measures them, as `dsx launch --dry-run` tells them, and writes
experiments/paper/costs.csv; `python analysis/reproduce.py estimate` adds what was not measured.
"""

from __future__ import annotations

import csv
import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dsx.commands.config import Experiment, load_experiment
from dsx.commands.run import sample_experiment
from dsx.recipes.datasets import DATASETS
from dsx.recipes.recipe import Recipe
from dsx.spaces.population import Population

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "experiments" / "paper"
COSTS = KIT / "costs.csv"
PAGE = ROOT / "docs" / "reproduce.md"
_KINDS = ("figure", "table", "nds", "cifar")
_HEAD = """# Repeating the papers

Every experiment here repeats a figure or table of *Designing Network Design Spaces* (RegNet) or of *On Network
Design Spaces for Visual Recognition* (NDS), or an example sweep of pycls, with the paper's numbers beside it as
data. It is run by its name:

```
dsx run paper/figure_7_widths recipe.data.root=/data/imagenet launcher=slurm launcher.gpus_per_model=1
dsx run paper/figure_7_widths n=50                  # a first look: the first 50 of the same 500 models
dsx launch runs/paper/400MF_10ep --dry-run          # what is left to train, and what it costs on this machine
```

Experiments of one setting share their populations, below one folder of `runs/paper`: what one has trained, the next
does not train again. `dsx analyze` of such a study prints the paper's [lowest|mean] error beside its own, and
`paper.csv` holds both. Means can be compared at any number of models; the lowest error falls with it.

"""
_COST = """GPU-hours are for all models of the experiment, as if it were the only one, on one {gpu} with torch {torch}
in float32. Those without a sign are what `dsx launch --dry-run` tells where the images are not at hand: twelve training
steps of the smallest, the median and the largest network, on noise, without reading images. They tell the order of
magnitude: of three networks of the same flops the fastest trained up to four times as fast as the slowest. Those
with ≈ were not measured but follow from the multiply-adds, at the median speed of the others.

"""
_TAIL = """
Of the RegNet paper, figures 15 to 18 and 22, and tables 5 and 6 (other test images), are not here. The numbers of
figures 19 to 21 are not known to us, only what the text says of them. What a window, a range or a number of models
was chosen by, where the paper does not say, stands at the top of each file. This page is made by `python
analysis/reproduce.py`.
"""


@functools.cache
def experiments() -> dict[str, Experiment]:
    """Name → experiment: figures by their number and size of networks, then tables, NDS, and pycls."""

    def place(name: str) -> tuple[object, ...]:
        kind, number = name.split("_")[:2]
        size = re.search(r"(\d+(?:_\d)?)(mf|gf)$", name)
        mega = float(size[1].replace("_", ".")) * (1000 if size[2] == "gf" else 1) if size else 0
        return _KINDS.index(kind), int(number) if number.isdigit() else 0, mega, name

    names = sorted((path.stem for path in KIT.glob("*.yaml")), key=place)
    return {name: load_experiment(f"paper/{name}") for name in names}


def costs() -> dict[str, dict[str, str]]:
    """Experiment → its row of costs.csv."""
    if not COSTS.is_file():
        return {}
    with COSTS.open(encoding="utf-8", newline="") as lines:
        return {row["experiment"]: row for row in csv.DictReader(lines)}


def page() -> str:
    """The page's text."""
    measured = costs()
    first = next(row for row in measured.values() if row["gpu"])
    note = _COST.format(gpu=first["gpu"].removesuffix(" HBM3"), torch=first["torch"])
    rows = ["| experiment | question | spaces or networks, models of each | GPU-hours | what to expect |"]
    rows.append("|---|---|---|---|---|")
    numbers = []
    for name, experiment in experiments().items():
        of = ", ".join((*experiment.spaces, *experiment.networks))
        each = experiment.n if experiment.spaces else 1
        each_text = f"{each:,}" + (f", {experiment.replicates} seeds" if experiment.replicates > 1 else "")
        hours = float(measured[name]["gpu_hours"])
        sign = "" if measured[name]["images_per_second"] else "≈ "
        cost = sign + (f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}")
        assert experiment.paper is not None
        link = f"[{name}](../experiments/paper/{name}.yaml)"
        rows.append(f"| {link} | {experiment.description} | {of}; {each_text} | {cost} | {experiment.paper.expect} |")
        numbers += _numbers(name, experiment)
    return "".join([_HEAD, note, "\n".join(rows), "\n\n## The papers' numbers\n\n", "\n".join(numbers), "\n", _TAIL])


def _numbers(name: str, experiment: Experiment) -> list[str]:
    paper = experiment.paper
    assert paper is not None
    errors = [f"{of} {_legend(*legend)}" for of, legend in paper.errors.items()]
    told = "; ".join([*([", ".join(errors)] if errors else []), *paper.facts])
    return [f"- **{name}**, {paper.source}: {told}."]


def _legend(lowest: float | None, mean: float | None) -> str:
    return f"{mean:.1f}" if lowest is None else f"[{lowest:.1f}|{mean:.1f}]"


def measure(names: Sequence[str]) -> None:
    """Measure the named experiments, or all that costs.csv lacks, each in a process of its own; costs.csv grows."""
    for name in names or [name for name in experiments() if name not in costs()]:
        for changes in ([], ["recipe.channels_last=false"]):  # some kernels fail on some networks in that layout
            command = [sys.executable, __file__, "cost", name, *changes]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                break
            print(name, *changes, done.stderr.strip().splitlines()[-1:], flush=True)
        else:
            continue
        row = json.loads(done.stdout.splitlines()[-1])
        print(*row.values(), flush=True)
        _write([*costs().values(), row])


def cost(name: str, changes: Sequence[str]) -> dict[str, str | int]:
    """One experiment's row of costs.csv, by the three networks that `dsx launch --dry-run` picks."""
    import torch

    from dsx.training.preflight import preflight

    experiment, populations = _sampled(name, changes)
    flops = np.concatenate([population.flops for population in populations])
    order = np.argsort(flops, kind="stable")
    models = [(population, row) for population in populations for row in range(len(population))]
    picked = [models[order[place]] for place in (0, len(order) // 2, -1)]
    networks = {m.model_id: m.architecture for m in (population[row] for population, row in picked)}
    recipe = _recipe(experiment)
    found = preflight(list(networks.values()), recipe, threads=1)
    each = [row.device_hours or 0.0 for row in found.rows]
    hours = np.interp(flops, [row.flops for row in found.rows], each).sum() * experiment.replicates if all(each) else 0
    return {
        "experiment": name,
        "trainings": len(flops) * experiment.replicates,
        "gpu_hours": f"{hours:.4g}" if hours else "",
        "images_per_second": " ".join(f"{row.images_per_second or 0:.0f}" for row in found.rows),
        "layout": "channels last" if recipe.channels_last else "channels first",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "torch": torch.__version__.partition("+")[0],
    }


def estimate() -> None:
    """Rows of costs.csv for experiments that were not measured: at the measured ones' median multiply-adds a second."""
    known = {name: row for name, row in costs().items() if row["images_per_second"]}
    work = {name: _work(name) for name in experiments()}
    rate = float(np.median([work[name][1] / float(row["gpu_hours"]) for name, row in known.items()]))
    print(f"{rate / 3600:.3g} multiply-adds of forward passes a second")
    for name, (trainings, forward) in work.items():
        if name not in known:
            row = {"experiment": name, "trainings": trainings, "gpu_hours": f"{forward / rate:.2g}"}
            known[name] = {key: str(row.get(key, "")) for key in next(iter(known.values()))}
    _write([known[name] for name in work])


def _recipe(experiment: Experiment) -> Recipe:
    """The experiment's recipe, which is one of the built-in trainer."""
    assert isinstance(experiment.recipe, Recipe)
    return experiment.recipe


def _work(name: str) -> tuple[int, float]:
    """Trainings of an experiment, and the multiply-adds of its forward passes, an evaluated image as a third."""
    experiment, populations = _sampled(name, [])
    recipe = _recipe(experiment)
    facts, split = DATASETS[recipe.data.dataset], recipe.data.split
    assert split.evaluate == "official"
    images = recipe.epochs * ((facts.training_images or 0) + (facts.evaluation_images or 0) / 3)
    flops = sum(float(population.flops.sum()) for population in populations) * experiment.replicates
    return sum(map(len, populations)) * experiment.replicates, flops * images


def _sampled(name: str, changes: Sequence[str]) -> tuple[Experiment, list[Population]]:
    with tempfile.TemporaryDirectory() as folder:
        experiment = load_experiment(f"paper/{name}", [f"out={folder}", *changes])
        return experiment, [study.population for study in sample_experiment(experiment, lambda _: None)]


def _write(rows: Sequence[Mapping[str, object]]) -> None:
    with COSTS.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["costs", *names]:
            measure(names)
        case ["estimate"]:
            estimate()
        case ["cost", name, *changes]:
            print(json.dumps(cost(name, changes)))
        case _:
            PAGE.write_text(page(), encoding="utf-8")
