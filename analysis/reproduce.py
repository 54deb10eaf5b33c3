"""Writes docs/reproduce.md, the table of experiments that repeat the papers: `python analysis/reproduce.py`.

Everything on the page stands in experiments/paper/*.yaml, but for the costs: `python analysis/reproduce.py costs` on a
machine with a GPU measures them, as `dsx launch --dry-run` tells them, and writes experiments/paper/costs.csv.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from pathlib import Path

from dsx.commands.config import Experiment, load_experiment
from dsx.commands.run import sample_experiment

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "experiments" / "paper"
COSTS = KIT / "costs.csv"
PAGE = ROOT / "docs" / "reproduce.md"
_KINDS = ("figure", "table", "nds", "cifar")
_HEAD = """# Repeating the papers

Every experiment here repeats a figure or table of *Designing Network Design Spaces* (RegNet) or of *On Network Design
Spaces for Visual Recognition* (NDS), or an example sweep of pycls, with the paper's numbers beside it as data. It is
run by its name:

```
dsx run paper/figure_7_widths recipe.data.root=/data/imagenet launcher=slurm launcher.gpus_per_model=1
dsx run paper/figure_7_widths n=50                  # a first look: the first 50 of the same 500 models
dsx launch runs/paper/400MF_10ep --dry-run          # what is left to train, and what it costs on this machine
```

Experiments of one setting share their populations, below one folder of `runs/paper`: what one has trained, the next does
not train again. `dsx analyze` of such a study prints the paper's [lowest|mean] error beside its own, and `paper.csv` holds
both. Means can be compared at any number of models; the lowest error falls with it.

"""
_COST = """GPU-hours are for all models of the experiment, on one {gpu} with torch {torch} in float32, as `dsx launch --dry-run`
tells them where the images are not at hand: twelve training steps of the smallest, the median and the largest network, on
noise, without reading images. Each experiment's cost is told as if it were the only one. Without the GPU,
`--dry-run` tells the same of a CPU.

"""
_TAIL = """
Of the RegNet paper, figures 15 to 18 and 22, and tables 5 and 6 (other test images), are not here. The numbers of figures
19 to 21 are not known to us, only what the text says of them. What a window, a range or a number of models was chosen
by, where the paper does not say, stands at the top of each file. This page is made by `python analysis/reproduce.py`.
"""


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
    """Experiment → its row of costs.csv; none if they were not measured."""
    if not COSTS.is_file():
        return {}
    with COSTS.open(encoding="utf-8", newline="") as lines:
        return {row["experiment"]: row for row in csv.DictReader(lines)}


def page() -> str:
    """The page's text."""
    measured = costs()
    any_row = next(iter(measured.values()), None)
    note = _COST.format(gpu=any_row["gpu"], torch=any_row["torch"]) if any_row else ""
    rows = ["| experiment | question | spaces or networks, models of each | GPU-hours | what to expect |"]
    rows.append("|---|---|---|---|---|")
    numbers = []
    for name, experiment in experiments().items():
        of = ", ".join((*experiment.spaces, *experiment.networks))
        each = experiment.n if experiment.spaces else 1
        each_text = f"{each:,}" + (f", {experiment.replicates} seeds" if experiment.replicates > 1 else "")
        hours = float(measured[name]["gpu_hours"]) if measured.get(name, {}).get("gpu_hours") else None
        cost = "–" if hours is None else f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"
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


def measure() -> None:
    """Measure every experiment's cost on this machine's device and write costs.csv."""
    import torch

    from dsx.training.preflight import preflight

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    rows = []
    for name, experiment in experiments().items():
        with tempfile.TemporaryDirectory() as folder:
            experiment = load_experiment(f"paper/{name}", [f"out={folder}"])
            studies = sample_experiment(experiment, lambda line: None)
            networks = [model.architecture for study in studies for model in study.population]
            found = preflight(networks, experiment.recipe, threads=1, replicates=experiment.replicates)
        hours = "" if found.device_hours is None else f"{found.device_hours:.4g}"
        speeds = " ".join(
            "–" if row.images_per_second is None else f"{row.images_per_second:.0f}" for row in found.rows
        )
        rows.append([name, len(networks) * experiment.replicates, hours, speeds, gpu, torch.__version__])
        print(*rows[-1], flush=True)
    with COSTS.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["experiment", "trainings", "gpu_hours", "images_per_second", "gpu", "torch"])
        writer.writerows(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["costs"]:
        measure()
    else:
        PAGE.write_text(page(), encoding="utf-8")
