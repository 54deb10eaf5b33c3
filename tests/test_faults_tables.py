"""Tables as other tools and spreadsheets write them, through the command line.

Each is read rightly, and the command says what it took for what, or is refused in one line that names the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dsx.results.columns import COSTS

from command_line import Command

N = 12
ERRORS = [round(20 + 0.3 * i + 2.5 * ((7 * i) % 5), 1) for i in range(N)]
DEPTHS = [1 + i % 4 for i in range(N)]
MEAN = float(np.mean(ERRORS))


@dataclass(frozen=True)
class Case:
    """A table and what is said on the command line; what must come of it.

    mean: of the errors that count, in percent. said: parts of the line that tells what was taken for what. best: the
    columns with a best range, costs apart. refused: the one line of a table that is refused. counts: states in words.
    """

    content: bytes
    keys: list[str] = field(default_factory=list)
    mean: float = MEAN
    said: list[str] = field(default_factory=list)
    best: list[str] = field(default_factory=lambda: ["depth"])
    counts: str = f"{N} models: {N} done, 0 diverged, 0 failed, 0 pending"
    refused: str = ""


def table(mark: str = ",", encoding: str = "utf-8", **columns: list[Any]) -> bytes:
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    return "".join(mark.join(map(str, row)) + "\n" for row in rows).encode(encoding)


def usual(mark: str = ",", encoding: str = "utf-8", **columns: list[Any]) -> bytes:
    return table(mark, encoding, **({"error": ERRORS, "depth": DEPTHS} | columns))


def quoted(values: list[Any]) -> list[str]:
    return [f'"{value}"' for value in values]


def comma(values: list[float]) -> list[str]:
    return [f"{value:.1f}".replace(".", ",") for value in values]


LAST_TWO_LOST = [*ERRORS[:-2], "", ""]
STATES = ["done"] * N
OF_TEN = f"{N} models: {N - 2} done, 0 diverged, 2 failed, 0 pending"

CASES = {
    # errors
    "percent signs": Case(usual(error=[f"{e}%" for e in ERRORS])),
    "percent signs after a space": Case(usual(error=[f"{e} %" for e in ERRORS])),
    "percent below 1, marked so": Case(usual(error=[f"{e / 100:.4f}%" for e in ERRORS]), mean=MEAN / 100),
    "decimal commas in quotes": Case(usual(error=quoted(comma(ERRORS)))),
    "decimal commas of three digits": Case(usual(error=quoted([f"{e:.3f}".replace(".", ",") for e in ERRORS]))),
    "decimal commas between semicolons": Case(usual(";", error=comma(ERRORS))),
    "decimal commas that cut cells": Case(
        usual(error=comma(ERRORS)),
        refused="row 1 has 3 cells and the header 2: a decimal comma needs quotes, or semicolons between cells",
    ),
    "some percent signs": Case(
        usual(error=[f"{ERRORS[0]}%", *ERRORS[1:]]),
        refused="some cells of 'error' have a percent sign and some have none: write all alike",
    ),
    "shares": Case(
        usual(error=[e / 100 for e in ERRORS]),
        refused=f"the errors in 'error' lie between {min(ERRORS) / 100:.4g} and {max(ERRORS) / 100:.4g}: write "
        "'error=100*error' if they are shares, 'error=1*error' if they are percent",
    ),
    "shares, said to be": Case(usual(error=[e / 100 for e in ERRORS]), ["error=100*error"], said=["100·'error'"]),
    "percent below 1, said to be": Case(
        usual(error=[e / 100 for e in ERRORS]), ["error=1*error"], mean=MEAN / 100, said=["error = 'error' in percent"]
    ),
    "accuracy alone": Case(
        table(acc=[100 - e for e in ERRORS], depth=DEPTHS),
        refused="no column 'error' of errors. Columns: acc, depth; name the right one: error=COLUMN, or error=100-acc"
        " if 'acc' is an accuracy in percent, 'error=100-100*acc' if it is a share",
    ),
    "accuracy named as error": Case(
        table(val_acc=[100 - e for e in ERRORS], depth=DEPTHS), ["error=val_acc"],
        refused="'val_acc' is named like no error: write error=100-val_acc (percent), 'error=100-100*val_acc' (shares),"
        " or 'error=1*val_acc' if it is one, in percent; to compare by it as it is: error=val_acc better=higher",
    ),
    "loss named as error": Case(
        table(test_loss=ERRORS), ["error=test_loss"],
        refused="'test_loss' is named like no error: write 'error=1*test_loss' if it is one, in percent; to compare by"
        " it as it is: error=test_loss better=lower",
    ),
    "accuracy in percent": Case(table(acc=[100 - e for e in ERRORS], depth=DEPTHS), ["error=100-acc"]),
    "accuracy as a share": Case(table(acc=[1 - e / 100 for e in ERRORS], depth=DEPTHS), ["error=100-100*acc"]),
    "accuracy as a share, not said": Case(
        table(acc=[1 - e / 100 for e in ERRORS]), ["error=100-acc"],
        refused=f"the accuracies in 'acc' lie between {1 - max(ERRORS) / 100:.4g} and {1 - min(ERRORS) / 100:.4g}:"
        " write 'error=100-100*acc' if they are shares, 'error=100-1*acc' if they are percent",
    ),
    "negative errors": Case(
        usual(error=[-1.5, *ERRORS[1:]]), refused="error -1.5: expected percent, 0 to 100 (1 of 12 rows)"
    ),
    "errors above 100": Case(
        usual(error=[1000 * e for e in ERRORS]),
        refused=f"error {1000 * ERRORS[0]:g}: expected percent, 0 to 100 (12 of 12 rows)",
    ),
    "infinite errors": Case(
        usual(error=[*ERRORS[:-1], "inf"]),
        refused="1 model diverged or with an infinite error, and no error to count: write chance=90, the error of a"
        " guess among 10 classes, or what it is with yours",
    ),
    "infinite errors, chance said": Case(
        usual(error=[*ERRORS[:-1], "Infinity"]), ["chance=90"], mean=float(np.mean([*ERRORS[:-1], 90])),
        counts="12 models: 11 done, 1 diverged (counted at chance error 90 %), 0 failed, 0 pending",
        said=["1 row diverged, counted at 90 %"],
    ),
    "words for nothing": Case(
        usual(error=[*ERRORS[:-2], "N/A", "–"]), mean=float(np.mean(ERRORS[:-2])), counts=OF_TEN,
        said=["failed where there is none (2 rows)"],
    ),
    "a word in place of an error": Case(
        usual(error=[*ERRORS[:-1], "OOM"]),
        refused="error 'OOM' (1 of 12 rows): expected a number in percent, or nothing for a model without an error",
    ),
    # what is a parameter
    "an index without a name": Case(
        table(**{"": list(range(N)), "error": ERRORS, "depth": DEPTHS}), said=["not used: 'Unnamed: 0' (row numbers)"]
    ),
    "an index with a name": Case(usual(idx=list(range(1, N + 1))), said=["not used: 'idx' (row numbers)"]),
    "outcomes": Case(
        usual(**dict.fromkeys(["latency_ms", "ap", "top1_acc", "val_loss", "f1", "mAP50"], ERRORS)),
        said=["parameters: depth; outcomes, not parameters: latency_ms, ap, top1_acc, val_loss, f1, mAP50"],
    ),
    "parameters named like outcomes in part": Case(
        usual(loss_weight=DEPTHS, time_embedding=DEPTHS), best=["depth", "loss_weight", "time_embedding"]
    ),
    "outcomes of unknown names": Case(
        usual(robustness=ERRORS), ["parameters=depth"], said=["not used: 'robustness'"]
    ),
    "a parameter that is no column": Case(
        usual(), ["parameters=dept"], refused="parameters: no column 'dept'. Did you mean depth?"
    ),
    "flops in thousands marks": Case(
        usual(flops=quoted([f"{1_234_000 + i:,}" for i in range(N)])), said=["flops = 'flops'"]
    ),
    "flops with suffixes": Case(usual(flops=[f"{400 + i}M" for i in range(N)]), said=["flops = 'flops'"]),
    "flops in billions": Case(
        usual(gflops=[0.4 + i / 100 for i in range(N)]), ["flops=1e9*gflops"], said=["flops = 1e+09·'gflops'"]
    ),
    "flops under another name": Case(
        usual(madds=[400_000 + i for i in range(N)]),
        said=["not used: 'madds' (to use it: flops=madds, or 'flops=1e9*madds')"],
    ),
    "flops that are words": Case(
        usual(flops=["many"] * N), refused="flops 'many': expected a number in column 'flops'"
    ),
    # states
    "states of other tools": Case(
        usual(error=LAST_TWO_LOST, status=["COMPLETED"] * (N - 2) + ["FAILED", "timeout"]),
        mean=float(np.mean(ERRORS[:-2])), counts=OF_TEN,
        said=["state = 'status': 'COMPLETED' is done, 'FAILED' is failed, 'timeout' is failed"],
    ),
    "states with two meanings": Case(
        usual(error=LAST_TWO_LOST, outcome=["ok"] * (N - 2) + ["PRUNED"] * 2), ["state=outcome"],
        refused="state 'PRUNED' (2 rows): expected one of done, diverged, failed, running, pending, or say what it"
        " means, as in failed=PRUNED.",
    ),
    "states with two meanings, said": Case(
        usual(error=LAST_TWO_LOST, outcome=["fertig"] * (N - 2) + ["PRUNED", "weg"]),
        ["state=outcome", "done=fertig", "failed=PRUNED,weg"], mean=float(np.mean(ERRORS[:-2])), counts=OF_TEN,
    ),
    "diverged without an error": Case(
        usual(error=LAST_TWO_LOST, state=["done"] * (N - 2) + ["diverged"] * 2),
        refused="2 models diverged or with an infinite error, and no error to count: write chance=90, the error of a"
        " guess among 10 classes, or what it is with yours",
    ),
    # files
    "UTF-16, as spreadsheets write Unicode text": Case(usual("\t", "utf-16")),
    "a byte-order mark": Case(usual(encoding="utf-8-sig")),
    "another encoding": Case(
        table(error=ERRORS, tiefe=DEPTHS).replace(b"tiefe", b"m\xfcde"),
        refused="line 1 is not UTF-8 text: save the file as UTF-8",
    ),
    "semicolons in a header with commas": Case(
        usual(";").replace(b"depth", b"note, free;depth").replace(b";", b";x, y;")
        .replace(b"error;x, y;note, free;x, y;depth", b"error;note, free;depth"),
    ),
    "bars between cells": Case(usual("|")),
    "a mark at the end of every line": Case(usual().replace(b"\n", b",\n")),
    "two columns of one name": Case(
        usual().replace(b"depth", b"error"), refused="two columns are called 'error': rename or remove one"
    ),
    "names in capitals": Case(usual().replace(b"error", b"Error"), said=["error = 'Error' in percent"]),
    # models
    "seeds of one model": Case(
        usual(model_id=[f"m{i // 2}" for i in range(N)], depth=[1 + i // 2 for i in range(N)]),
        said=["(6 models, rows of one are its seeds)"],
        counts="6 models in 12 runs: 12 done, 0 diverged, 0 failed, 0 pending",
    ),
    "two networks of one id": Case(
        usual(model_id=["a", "a", *map(str, range(N - 2))]),
        refused="model_id 'a' has depth 1 and 2: rows of one model_id are seeds of one model; name a column that tells"
        " models apart: model_id=COLUMN",
    ),
    "a table twice in one file": Case(
        usual(model_id=list(range(N))) + b"".join(usual(model_id=list(range(N))).splitlines(True)[1:]),
        refused="12 rows of 24 repeat another cell by cell: remove the copies, or tell seeds apart in a column 'seed'",
    ),
    "an empty id": Case(
        usual(model_id=["", *range(1, N)]),
        refused="model_id is empty in some rows: every row needs the id of its model"
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("error")  # which a process of its own would print
@pytest.mark.parametrize(
    "name",
    [
        # a refusal is fast; of what is read and analysed, the quick tests try every fourth
        pytest.param(name, marks=[] if case.refused or i % 4 == 0 else [pytest.mark.slow])
        for i, (name, case) in enumerate(CASES.items())
    ],
)
def test_a_table_from_elsewhere_is_read_rightly_or_refused_in_one_line(dsx: Command, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    (tmp_path / "table.csv").write_bytes(case.content)
    ended = dsx("analyze", "table.csv", *case.keys, "--figures", "none", "--out", "out")
    if case.refused:
        assert ended.err == f"dsx: table.csv: {case.refused}\n"
        assert (ended.code, ended.out) == (2, "")
        assert not (tmp_path / "out").exists()
        return
    assert (ended.code, ended.err) == (0, "")
    account = ended.out.splitlines()[0]
    assert account.startswith("read table.csv: CSV table, 12 rows; error = ")
    assert [part for part in case.said if part not in account] == []
    assert pd.read_csv(tmp_path / "out" / "counts.csv")["words"].tolist() == [case.counts]
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").iloc[0]
    assert summary["mean_error"] == pytest.approx(case.mean)
    ranges = pd.read_csv(tmp_path / "out" / "best_ranges.csv")
    assert [name for name in ranges["parameter"] if name not in COSTS] == case.best
    # the printed n is that of summary.csv: models, not runs
    row = dict(zip(ended.out.splitlines()[1].split(), ended.out.splitlines()[2].split()[1:], strict=False))
    assert row["n"] == str(int(summary["n"]))
    if "flops = " in account:
        matched = pd.read_csv(tmp_path / "out" / "correlation.csv")
        assert "flops" in matched["parameter"].tolist()
