"""The columns of a results table: what each is called, in which unit, and what it is of. Everything else asks here.

A column is of one of these roles: `id` (which model, which run), `state`, `outcome` (measured of a trained model),
`complexity` (follows from the architecture), `training` (how it was trained), `structure` (derived from the network),
`fit` (of its widths), `curve` (of one epoch) and `parameter` (of the space). A column that is not in the table is a
parameter too, unless its name is that of an outcome, such as `val_acc` or `latency_ms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dsx.networks.cost import METRICS
from dsx.results.arrays import Table

Role = Literal["id", "state", "outcome", "complexity", "training", "structure", "fit", "curve", "parameter"]
Better = Literal["lower", "higher", ""]


@dataclass(frozen=True)
class Column:
    """One column of a results table, or of a table of curves."""

    name: str
    role: Role
    label: str  # on an axis
    unit: str = ""  # starts with × if the numbers take k, M or G by their size
    per_run: bool = False  # measured anew in every run of a model, hence averaged over its seeds
    better: Better = ""  # which of two values is the better one
    elsewhere: bool = False  # a file from elsewhere may have it under another name
    text: bool = False  # holds words, not numbers


COLUMNS = (
    Column("model_id", "id", "model", elsewhere=True, text=True),
    Column("run_id", "id", "run", text=True),
    Column("study", "id", "study", text=True),
    Column("space", "id", "space", text=True),
    Column("state", "state", "state", elsewhere=True, text=True),
    Column("failure", "state", "failure", elsewhere=True, text=True),
    Column("error", "outcome", "top-1 error", "%", per_run=True, better="lower", elsewhere=True),
    Column("best_error", "outcome", "lowest top-1 error over epochs", "%", True, "lower", elsewhere=True),
    Column("error_top5", "outcome", "top-5 error", "%", per_run=True, better="lower"),
    Column("flops", "complexity", "flops", "× multiply-adds", better="lower", elsewhere=True),
    Column("params", "complexity", "parameters", "×", better="lower", elsewhere=True),
    Column("acts", "complexity", "activations", "×", better="lower", elsewhere=True),
    Column("seconds", "outcome", "training time", "s", per_run=True, better="lower", elsewhere=True),
    Column("inference_ms", "outcome", "inference time", "ms", better="lower", elsewhere=True),
    Column("training_ms", "outcome", "training-step time", "ms", better="lower", elsewhere=True),
    Column("images_per_second", "outcome", "throughput", "images/s", per_run=True, better="higher"),
    Column("peak_memory_bytes", "outcome", "peak memory", "× bytes", per_run=True, better="lower"),
    Column("epochs", "training", "epochs", elsewhere=True),
    Column("recipe", "training", "recipe", elsewhere=True, text=True),
    Column("seed", "training", "seed", elsewhere=True, text=True),
    Column("replicate", "training", "replicate"),
    Column("total_depth", "structure", "total depth", "blocks"),
    Column("first_width", "structure", "first width", "channels"),
    Column("last_width", "structure", "last width", "channels"),
    Column("e_fit", "fit", "e_fit: mean squared log₂ ratio of widths to their linear fit"),
    Column("w0", "fit", "w0", "channels"),
    Column("wa", "fit", "wa", "channels per block"),
    Column("wm", "fit", "wm"),
    Column("epoch", "training", "epoch"),
    Column("lr", "curve", "learning rate"),
    Column("loss", "curve", "validation loss", better="lower"),
    Column("train_loss", "curve", "training loss", better="lower"),
    Column("train_error", "curve", "training error", "%", better="lower"),
    Column("resolution", "parameter", "resolution", "pixels"),
    Column("depth", "parameter", "depth", "blocks"),
    Column("width", "parameter", "width", "channels"),
    Column("bottleneck_ratio", "parameter", "bottleneck ratio"),
    Column("group_width", "parameter", "group width", "channels"),
    Column("group", "parameter", "group width", "channels"),
)
BY_NAME = {column.name: column for column in COLUMNS}


def names_of(*roles: Role) -> tuple[str, ...]:
    """Names of the columns of these roles, in the table's order."""
    return tuple(column.name for column in COLUMNS if column.role in roles)


COMPLEXITIES = METRICS
STRUCTURE = names_of("structure")
# of a whole training or network, in time or size: what a model costs
COSTS = (*COMPLEXITIES, "seconds", "inference_ms", "training_ms")
PER_RUN = frozenset(column.name for column in COLUMNS if column.per_run)
ELSEWHERE = tuple(column.name for column in COLUMNS if column.elsewhere)
# never a parameter, whatever the space; a fit's columns share their names with parameters of RegNet
_RESULTS = frozenset(names_of("id", "state", "outcome", "complexity", "training"))

# words of names that say what was measured, by what is better of it; those beside them say of which data, when, how
# averaged and in which unit
_BETTER: dict[Better, str] = {
    "higher": "acc accuracy precision recall f1 auc auroc ap map miou iou dice bleu psnr ssim fps throughput reward "
    "score",
    "lower": "err error loss perplexity ppl mae mse rmse fid wer cer latency runtime time walltime duration seconds "
    "memory energy",
}
_MEASURES: dict[str, Better] = {word: better for better, words in _BETTER.items() for word in words.split()}
_BESIDE = (
    "val valid validation eval test train training dev top best final last first mean avg median max min total ema swa",
    "macro micro weighted gpu cpu cuda inference infer step epoch ms us s sec secs mins minute minutes h hour hours",
    "mb gb mib gib bytes peak wall pct percent p q std per image images img batch samples model",
)
_QUALIFIERS = frozenset(word for words in _BESIDE for word in words.split())
# words for a complexity, and those of how it is counted
_COUNTS = {
    "flops": "flop flops gflops mflops mac macs gmacs mmacs madd madds multadds",
    "params": "params param parameters nparams mparams",
    "acts": "acts act activations",
}
_COMPLEXITIES = {word: name for name, words in _COUNTS.items() for word in words.split()}
_COUNTED = frozenset(("n", "num", "number", "count", "total", "of", "model", "m", "g", "k", "b", "million", "billion"))


def measured(name: str) -> Better | None:
    """Whether lower or higher is better of an outcome, by its name; None for what is no outcome.

    `val_acc`, `mAP`, `latency_ms`, `f1_macro` and `AP50` are outcomes, `loss_weight` and `time_embedding` are not:
    every word of the name must be a measure or a qualifier of one.
    """
    column = BY_NAME.get(name)
    if column is not None:
        return column.better if column.role in ("outcome", "curve") and column.better else None
    words = _words(name)
    measures = [_MEASURES[word] for word in words if word in _MEASURES]
    if not all(word in _MEASURES or word in _QUALIFIERS for word in words):
        return None
    return measures[0] if measures else "" if "top" in words else None


def complexity_of(name: str) -> str | None:
    """Which complexity a column of another name holds, by its name: `gflops` → flops; None if none."""
    words = _words(name)
    kinds = [_COMPLEXITIES[word] for word in words if word in _COMPLEXITIES]
    return kinds[0] if kinds and all(word in _COMPLEXITIES or word in _COUNTED for word in words) else None


def _words(name: str) -> list[str]:
    """`valAcc@1`, `top1_acc` → val acc, top acc; digits are kept where they make the word, as in f1."""
    words = re.findall(r"[a-z]+[0-9]*", re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).casefold())
    return [word if word in _MEASURES else word.rstrip("0123456789") for word in words]


def is_parameter(name: str) -> bool:
    """Whether a column is a parameter of the space or derived from it, by its name: no result, no outcome."""
    return name not in _RESULTS and (name in BY_NAME or complexity_of(name) is None) and measured(name) is None


def parameter_columns(table: Table) -> list[str]:
    """The columns of a results table that are the space's parameters and hold numbers."""
    metrics = set(table.attrs.get("metrics", ()))
    return [
        name
        for name in map(str, table.columns)
        if is_parameter(name) and name not in metrics and table[name].dtype.kind in "iuf" and table[name].notna().any()
    ]


def of_stage(name: str) -> tuple[str, int] | None:
    """`depth_3` → (depth, 3), the value of the third stage; None for a column of the whole network."""
    match = re.fullmatch(r"(.+)_([1-9]\d?)", name)
    return (match[1], int(match[2])) if match else None


def stages(columns: Iterable[str], *names: str) -> list[int]:
    """Numbers of the stages that have a column for each of the names, ascending: depth_1, width_1, … → 1, …"""
    known: dict[int, set[str]] = {}
    for column in columns:
        split = of_stage(str(column))
        if split and split[0] in names:
            known.setdefault(split[1], set()).add(split[0])
    return sorted(number for number, have in known.items() if have == set(names))


def listed(columns: Iterable[str]) -> str:
    """Columns in words, those of stages together: `depth_1 … depth_4, group_width`."""
    by_kind: dict[str, list[str]] = {}
    for column in columns:
        split = of_stage(column)
        by_kind.setdefault(f"{split[0]} by stage" if split else column, []).append(column)
    return ", ".join(names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}" for names in by_kind.values())
