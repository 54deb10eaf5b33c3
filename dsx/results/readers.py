"""Other people's results as results tables: NDS JSON files, pycls sweep.json, CSV or Parquet with an error column.

Each reader returns name → table, ready for `analyze`, `compare_all` and the figures; `read_results` tells the format
from the content. The state of a job is told from its record: finished with an error, diverged (the loss is not finite;
its error becomes chance error), pending (no error yet, or trained in part), failed (an error text, or no error in a
table). Layouts: NDS's data files and the authors' pycls, as their users describe them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsx.base.errors import DsxError, one_of
from dsx.base.nested import flat
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table
from dsx.results.columns import COMPLEXITIES, ELSEWHERE
from dsx.results.foreign import tidy
from dsx.results.histories import Curve, nds_curve, pycls_costs, pycls_curve, pycls_stages
from dsx.results.sources import has_column
from dsx.results.table_files import FORMATS, UTF16, decoded, load_csv, load_parquet, readable, table_name

CIFAR_CLASSES, IMAGENET_CLASSES = 10, 1000
_NDS_BLOCKS = (("double_plain", "vanilla"), ("res_basic", "basic"), ("res_bottleneck", "x"))
# sections of a pycls configuration that make one model another; the rest says where and how a job ran
_PYCLS_MODEL = ("MODEL", "ANYNET", "REGNET", "EN", "RESNET", "BN", "OPTIM", "TRAIN")
_PYCLS_RUN = ("OUT_DIR", "RNG_SEED", "LOG_PERIOD", "LOG_DEST", "CFG_DEST", "DESC", "PORT", "HOST", "NUM_GPUS")


@dataclass(frozen=True, eq=False)
class Results:
    """Results read from a file: name → results table."""

    path: Path
    format: str  # what the file was found to be, in words
    tables: dict[str, Table]
    used: frozenset[str] = frozenset()  # which of the keys that were given had a meaning for this file
    account: str = ""  # what was taken for what, in words; empty for a table that dsx wrote
    metric: Metric = ERROR  # what `error` is of
    # name → a training curve for each row of its table, where the file has them
    curves: Mapping[str, list[Curve]] = field(default_factory=dict)


def read_results(path: str | Path, metric: str | None = None, columns: Mapping[str, str] | None = None) -> Results:
    """Results of any known format, told by content, not by name.

    metric: of NDS and pycls files, `last` by default (`read_nds`, `read_pycls`). columns: how CSV and Parquet tables
    are read (`dsx.results.foreign`), where they have such a column: {"error": "100-acc", "flops": "madds"}.
    Raises DsxError, with what was found and the known formats, for a file of another kind.
    """
    path, given = Path(path), dict(columns or {})
    with readable(path), path.open("rb") as file:
        head = file.read(256)
    wide = head.startswith(UTF16)
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((name for magic, name in _MAGIC if head.startswith(magic)), "")
    if kind or not head or (b"\0" in head and not wide and not head.startswith(b"PAR1")):
        raise DsxError(f"{path}: found {kind or ('an empty file' if not head else 'binary data')}: expected {FORMATS}")
    if head[:1] in (b"[", b"{"):
        return _read_json(path, metric or "last", frozenset(["metric"] if metric else []))
    return _read_table(path, given, parquet=head.startswith(b"PAR1"))


def _read_table(path: Path, given: dict[str, str], parquet: bool) -> Results:
    table = load_parquet(path) if parquet else load_csv(path)
    names = [str(name) for name in table.columns]
    if "error" in given and not has_column(given["error"], names) and "error" in names:
        del given["error"]  # which is of another of the files
    used = {key for key, value in given.items() if key not in ELSEWHERE or has_column(value, names)}
    kept = {key: value for key, value in given.items() if key in used or key == "error"}
    made = tidy(table, path, {"error": "error", **kept})
    kind = "Parquet table" if parquet else "CSV table"
    return Results(path, kind, {table_name(path): made.table}, frozenset(used), made.account, made.metric)


# what people have in place of the file itself
_MAGIC = ((b"PK", "a ZIP archive (unpack it first)"), (b"\x1f\x8b", "a gzip archive (unpack it first)"))


def _read_json(path: Path, metric: str, used: frozenset[str]) -> Results:
    data = _load(path)
    jobs = next((v for v in data.values() if isinstance(v, list)), []) if isinstance(data, dict) else data
    first = next(iter(jobs), None) if isinstance(jobs, list) else None
    if isinstance(first, dict) and "net" in first:
        groups = _nds_groups(path, data)
        curves = {name: [nds_curve(job) for job in jobs] for name, jobs in groups.items()}
        return Results(
            path, "NDS data file", _nds_tables(path, groups, metric), used, _of_metric(metric), curves=curves
        )
    if isinstance(data, list) and isinstance(first, dict) and "cfg" in first:
        tables = _pycls_tables(path, data, metric, IMAGENET_CLASSES)
        curves = {name: [pycls_curve(job) for job in data] for name in tables}
        return Results(path, "pycls sweep.json", tables, used, _of_metric(metric), curves=curves)
    kind = "an object" if isinstance(data, dict) else "a list"
    keys = list(first) if isinstance(first, dict) else list(data) if isinstance(data, dict) else []
    of = f" with {', '.join(map(str, keys[:4]))}{' …' if len(keys) > 4 else ''}" if keys else ""
    raise DsxError(f"{path}: found JSON, {kind + of if data else 'nothing in it'}: expected {FORMATS}")


def _of_metric(metric: str) -> str:
    meaning = {
        "last": "test error of the last epoch", "lowest": "lowest test error over epochs",
        "ema": "lowest test error of the averaged weights",
    }[metric]  # fmt: skip
    return f"error = {meaning} in percent"


def read_nds(path: str | Path, metric: str = "last") -> dict[str, Table]:
    """An NDS file: `{name: table}`, or for a reruns file one table for each of `top` and `mid`.

    metric: `last`, the test error of the last epoch, or `lowest`, the lowest over epochs, which the
    authors' notebooks use. flops are the file's own (5 more per conv output than dsx counts). NAS spaces
    have width and depth columns, the others depth_1 …, width_1 …, bottleneck_ratio_1 …, groups_1 … (number
    of groups; the stem is left out). Names that end in `_in` are ImageNet.
    Raises DsxError if the file is missing, no JSON, or not of this layout.
    """
    path = Path(path)
    return _nds_tables(path, _nds_groups(path, _load(path)), metric)


def _nds_groups(path: Path, data: Any) -> dict[str, list[Any]]:
    """Name → jobs of a file. Raises DsxError where there is no list of them."""
    name = table_name(path)
    groups = {f"{name}-{key}": jobs for key, jobs in data.items()} if isinstance(data, dict) else {name: data}
    for group, jobs in groups.items():
        if not isinstance(jobs, list):
            raise DsxError(f"{path}: {group}: expected a list of jobs, as in NDS data files")
    return groups


def _nds_tables(path: Path, groups: Mapping[str, list[object]], metric: str) -> dict[str, Table]:
    classes = IMAGENET_CLASSES if table_name(path).endswith("_in") else CIFAR_CLASSES
    tables = {}
    for group, jobs in groups.items():
        rows = [_nds_row(f"{path}: job {i}", job, group, classes, metric) for i, job in enumerate(jobs)]
        tables[group] = _table(rows)
    return tables


def read_pycls(path: str | Path, metric: str = "last", num_classes: int = IMAGENET_CLASSES) -> dict[str, Table]:
    """A pycls `sweep.json`: `{name: table}`.

    metric: `last`, the test error of the last epoch; `lowest`, the lowest over epochs; `ema`, the lowest of
    the averaged weights, which is the authors' "error". Settings that differ between jobs become columns,
    named by the end of their key in lower case (REGNET.WA → wa). A job not evaluated yet, or not at its last epoch, is
    pending, with an error text failed. num_classes: for chance error, where the configuration does not say.
    Raises DsxError if the file is missing, no JSON, or not of this layout.
    """
    path = Path(path)
    return _pycls_tables(path, _load(path), metric, num_classes)


def _pycls_tables(path: Path, jobs: object, metric: str, num_classes: int) -> dict[str, Table]:
    if not isinstance(jobs, list):
        raise DsxError(f"{path}: expected a list of jobs, as in a pycls sweep.json")
    rows = [_pycls_row(f"{path}: job {i}", job, table_name(path), num_classes, metric) for i, job in enumerate(jobs)]
    configs = [{key: value for key, value in flat(job["cfg"]).items() if value != {}} for job in jobs]
    varied = [k for k in dict.fromkeys(k for c in configs for k in c) if len({str(c.get(k)) for c in configs}) > 1]
    names = _short_names([k for k in varied if k.split(".")[0] not in _PYCLS_RUN])
    for row, config in zip(rows, configs, strict=True):
        measured = set(row)
        for key, short in names.items():
            row |= _columns(short if short not in measured else key.replace(".", "_").lower(), config.get(key))
    return {table_name(path): _table(rows)}


def _nds_row(where: str, job: Any, space: str, classes: int, metric: str) -> dict[str, object]:
    net, optim = _get(job, "net", where), job.get("optim", {})
    curve = job.get("test_ep_top1") or []
    whole = optim.get("max_ep")
    partly = bool(curve) and isinstance(whole, int) and len(curve) < whole
    error = _metric(where, metric, {"last": curve[-1] if curve else None, "lowest": job.get("min_test_top1")})
    error = None if partly else error
    row = {
        "model_id": _digest([net, optim]), "space": space, **_outcome(error, job.get("train_ep_loss"), classes),
        "best_error": job.get("min_test_top1"), "epochs": len(curve), "flops": job.get("flops"),
        "params": job.get("params"), "seed": job.get("rng_seed"), "lr": optim.get("base_lr"),
        "weight_decay": optim.get("wd"),
    }  # fmt: skip
    if "genotype" in net:
        return row | {"width": net.get("width"), "depth": net.get("depth")}
    block = str(net.get("block_type", ""))
    row["block"] = next((ours for theirs, ours in _NDS_BLOCKS if block.startswith(theirs)), block)
    for key, column in (("ds", "depth"), ("ws", "width"), ("num_gs", "groups")):
        row |= {f"{column}_{i}": v for i, v in enumerate(net.get(key, [])[1:], 1)}
    return row | {f"bottleneck_ratio_{i}": 1 / m for i, m in enumerate(net.get("bot_muls", [])[1:], 1) if m}


def _pycls_row(where: str, job: Any, space: str, classes: int, metric: str) -> dict[str, object]:
    config, complexity = _get(job, "cfg", where), _get(job, "complexity", where)
    test, ema = job.get("test_epoch") or {}, job.get("test_ema_epoch") or {}
    last = (test.get("top1_err") or [None])[-1]
    lowest, averaged = (min(e["min_top1_err"]) if e.get("min_top1_err") else None for e in (test, ema))
    error = _metric(where, metric, {"last": last, "lowest": lowest, "ema": averaged})
    at, end = ((test.get(key) or [None])[-1] for key in ("epoch_ind", "epoch_max"))
    if isinstance(at, int) and isinstance(end, int) and at < end:
        error = None
    train, model = job.get("train_epoch") or {}, config.get("MODEL")
    classes = model.get("NUM_CLASSES", classes) if isinstance(model, dict) else classes
    row = {
        "model_id": _digest({k: v for k, v in config.items() if k in _PYCLS_MODEL}),
        "space": space, **_outcome(error, train.get("loss"), classes), "best_error": lowest,
        "epochs": len(test.get("top1_err") or []), **{k: complexity.get(k) for k in COMPLEXITIES},
        **pycls_costs(job), "seed": config.get("RNG_SEED"), "failure": None, "stages": pycls_stages(config),
    }  # fmt: skip
    if row["state"] == "pending" and job.get("err"):
        row |= {"state": "failed", "failure": str(job["err"]).strip().splitlines()[-1]}
    return row


def _outcome(error: float | None, losses: Sequence[object] | None, classes: int) -> dict[str, object]:
    """State and error of a job: diverged counts with chance error."""
    loss = losses[-1] if losses else None
    if (isinstance(loss, float) and not math.isfinite(loss)) or (error is not None and not math.isfinite(error)):
        return {"state": "diverged", "error": 100 * (1 - 1 / classes)}
    return {"state": "pending", "error": math.nan} if error is None else {"state": "done", "error": float(error)}


def _metric(where: str, metric: str, values: Mapping[str, object]) -> float | None:
    if metric not in values:
        raise DsxError(f"metric = {metric!r}: {one_of(metric, values)}")
    value = values[metric]
    if value is not None and not isinstance(value, (int, float)):
        raise DsxError(f"{where}: error = {value!r}: expected a number in percent")
    if value is not None and (value < 0 or 100 < value < math.inf):
        raise DsxError(f"{where}: error = {value:g}: expected percent, 0 to 100")
    return value


def _get(job: object, key: str, where: str) -> Any:
    if not isinstance(job, dict) or not isinstance(job.get(key), dict):
        raise DsxError(f"{where}: no '{key}': not a job of this format")
    return job[key]


def _load(path: Path) -> Any:
    text = decoded(path)
    try:
        return json.loads(text)
    except ValueError as problem:
        raise DsxError(f"{path}: not readable as JSON: {problem}") from None


def _table(rows: list[dict[str, object]]) -> Table:
    import pandas as pd

    return pd.DataFrame(rows, columns=None if rows else ["model_id", "space", "state", "error"])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _short_names(keys: list[str]) -> dict[str, str]:
    """REGNET.WA → wa; where two keys end alike, the whole key: optim_base_lr."""
    ends = [key.rpartition(".")[2] for key in keys]
    return {
        key: (end if ends.count(end) == 1 else key.replace(".", "_")).lower()
        for key, end in zip(keys, ends, strict=True)
    }


def _columns(name: str, value: object) -> dict[str, object]:
    """A list becomes numbered columns: widths [24, 56] → width_1, width_2."""
    if isinstance(value, list):
        singular = name.removesuffix("s")
        return {f"{singular}_{i}": v for i, v in enumerate(value, 1)}
    return {name: value}
