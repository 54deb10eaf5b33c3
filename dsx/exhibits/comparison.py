"""Every pair of studies: differences of mean, median and lowest error, and the chance that a model is better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.comparison import compare_all
from dsx.exhibits.cells import pvalue_cell, value_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    yield Computed("comparison", {"": compare_all(inquiry.models, inquiry.level)})


def told(computed: Computed) -> list[str]:
    return list(computed.main["words"])


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    (computed,) = shown
    pairs = computed.main
    headers = ["A – B", "mean error A − B", "median A − B", "lowest A − B", "P(A has the lower error)"]
    rows = [
        [
            f"{row['a']} – {row['b']}",
            *(value_cell(row, f"{name}_difference") for name in ("mean", "median", "min")),
            value_cell(row, "superiority", places=2),
            f"{row['ks']:.2f} ({pvalue_cell(row['ks_pvalue_holm'])})",
        ]
        for _, row in pairs.iterrows()
    ]
    if not rows:
        return Section()
    note = (
        "Differences in points of error, A less B, so a negative one means that A is better; in brackets"
        f" {100 * inquiry.level:g} % intervals."
    )
    if len(rows) > 1:
        note += (
            f" {len(rows)} pairs were compared: the p-values of the Kolmogorov–Smirnov distance are corrected for that"
            " (Holm), the intervals are not."
        )
    grid = Grid("differences between studies, in points of error", [*headers, "KS distance (p)"], rows)
    return Section(folded=tuple(pairs["words"]), grid=grid, notes=(note,))


EXHIBIT = Exhibit("comparison", compute, told=told, section=section, chapter="comparison", place=20)
