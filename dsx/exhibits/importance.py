"""Which parameters matter, alone and in pairs: strength, beside what it would be if they had no part of their own.

Computed of studies whose space is known, as parameters are drawn anew by its law; of parts of them it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.importance import LEAST
from dsx.base.text import plural
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Picture, Section
from dsx.exhibits.paths import folders
from dsx.narrowing.importance import importance
from dsx.plots.importance import importance as draw_importance
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table

# models of each study that are looked at, the first in the order of drawing: more would take long
MOST = 200
# parameters of each study in the report
_SHOWN = 5


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        models = study.models
        if study.space is None or len(models) < LEAST or models["error"].nunique() < 2:
            continue
        table = importance(study.space, models.head(MOST), inquiry.level)
        pairs = table["with"] != ""
        notes = [f"the first {MOST} of {len(models):,} models"] if len(models) > MOST else []
        for path, rows in (("importance", table[~pairs]), ("importance_pairs", table[pairs])):
            if len(rows):
                shown = {"": rows.reset_index(drop=True)}
                yield Computed(f"{folder}{path}", shown, study, inquiry.level, {"notes": notes})


def sentence(table: Table, level: float, name: str, metric: Metric = ERROR) -> str:
    """What may be said of a study's parameters, and no more: which go with the metric, and which by themselves."""
    rows = table[table["outcome"] == "error"]
    go = rows[rows["pvalue_alone_corrected"] <= 1 - level]
    what = "the error" if metric.words == ERROR.words else metric.words
    models = f"by {plural(int(rows['n'].iloc[0]), 'model')}"
    if go.empty:
        return f"{name}: none of {plural(len(rows), 'parameter')} is shown to go with {what}, {models}."
    alone = set(go.loc[go["pvalue_corrected"] <= 1 - level, "parameter"])
    told = [
        f"{row['parameter']} ({100 * row['strength']:.0f} %" + (", by itself)" if row["parameter"] in alone else ")")
        for row in go.to_dict("records")
    ]
    return f"{name}: shown to go with {what}, with its share of the variance: {', '.join(told)}; {models}."


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """A sentence and the strongest parameters of each study."""
    alone = [each for each in shown if each.path.endswith("/importance")]
    if not alone:
        return Section()
    sentences = tuple(sentence(each.main, each.level, each.study_name, inquiry.metric) for each in alone)
    rows = [[each.study_name, *cells] for each in alone for cells in _cells(each.main)]
    headers = ["study", "parameter", "share of variance %", "by itself above, %", "p, any tie", "p, by itself"]
    intro = (
        "Share of the variance of the models' ranks that a line and a square in one parameter account for. Inside a"
        " window of complexity parameters are tied, and a part of it may be borrowed: by itself a parameter accounts"
        " for what lies above the share that it has when it is drawn anew given all others. p is corrected for all"
        " parameters of a study."
    )
    notes = tuple(f"{each.study_name}: {note}." for each in alone for note in each.values["notes"])
    return Section("Which parameters matter", intro, grid=Grid("importance of parameters", headers, rows), notes=notes,
                   sentences=sentences)  # fmt: skip


def _cells(table: Table) -> Iterator[list[str]]:
    for row in table[table["outcome"] == "error"].head(_SHOWN).to_dict("records"):
        strength, low, high, line = (100 * row[name] for name in ("strength", "low", "high", "null_line"))
        pvalues = [f"{row[f'pvalue{kind}_corrected']:.2g}" for kind in ("_alone", "")]
        yield [row["parameter"], f"{strength:.0f} ({low:.0f}–{high:.0f})", f"{line:.0f}", *pvalues]


def caption(computed: Computed) -> Picture:
    pairs = computed.path.endswith("_pairs")
    what = "pairs of parameters" if pairs else "parameters"
    return Picture("", f"{computed.study_name}: strength of {what}", f"{computed.study_name}, {what}", kind="half")


EXHIBIT = Exhibit(
    "importance",
    compute,
    draw=lambda shown, ax: draw_importance(
        shown.main, ax, pairs=shown.path.endswith("_pairs"), level=shown.level, notes=shown.values["notes"]
    ),
    section=section,
    caption=caption,
    chapter="parameters",
    place=34,
    compares=False,
    beside_figure=True,
)
