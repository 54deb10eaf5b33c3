"""Error and cost at once: what some drawn models attain within a cost, and where two studies are furthest apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from dsx.analysis.attainment import Attained, JointDifference, JointEdf, attained, joint_difference, joint_edf
from dsx.base.units import format_number, short
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry, Picture, Section
from dsx.plots.attainment import draw_attainment
from dsx.results.arrays import column
from dsx.results.columns import BY_NAME, COMPLEXITIES

# models that are drawn, or as many as a study has
_DRAWS = 10
# models below which nothing is to be said of two at once
_FEWEST = 8


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    """One per complexity that every study has and that varies, of two studies or more.

    Bands of differences are for all pairs and complexities at once, at one look; they decide nothing.
    """
    known = {by: joints for by in COMPLEXITIES if len(joints := _joints(inquiry, by)) > 1}
    count = sum(math.comb(len(joints), 2) for joints in known.values())
    for by, joints in known.items():
        draws = min(_DRAWS, *(joint.error.size for joint in joints.values()))
        curves = {name: attained(joint, draws, level=inquiry.level) for name, joint in joints.items()}
        level = 1 - (1 - inquiry.level) / count
        pairs = {(a, b): joint_difference(joints[a], joints[b], level) for a, b in itertools.combinations(joints, 2)}
        tables = {"": attained_rows(curves), "_difference": difference_rows(pairs)}
        values = {"curves": curves, "joints": joints, "by": by, "notes": inquiry.counts}
        yield Computed(f"attainment_{by}", tables, level=inquiry.level, values=values)


def _joints(inquiry: Inquiry, by: str) -> dict[str, JointEdf]:
    """Errors with their costs, of the studies that have enough of them."""
    known = {name: models for name, models in inquiry.models.items() if by in models.columns}
    return {
        name: joint_edf(models["error"].to_numpy(float), column(models, by))
        for name, models in known.items()
        if np.isfinite(column(models, by)).all() and models[by].nunique() > 1 and len(models) >= _FEWEST
    }


def attained_rows(curves: dict[str, Attained]) -> pd.DataFrame:
    """One row per study and cost."""
    columns = ["cost", "error", "low", "high"]
    parts = [
        pd.DataFrame({"study": name, "draws": curve.draws, **{c: getattr(curve, c) for c in columns}})
        for name, curve in curves.items()
    ]
    return pd.concat(parts, ignore_index=True)


def difference_rows(pairs: dict[tuple[str, str], JointDifference]) -> pd.DataFrame:
    """Two rows per pair: where each of the two is furthest ahead in its models here, with the band's half-width."""
    rows = []
    for (a, b), difference in pairs.items():
        for ahead, behind, sign in ((a, b, 1), (b, a, -1)):
            lead, error, cost = difference.ahead(sign)
            rows.append((ahead, behind, lead, difference.half_width, error, cost))
    return pd.DataFrame(rows, columns=["ahead", "behind", "difference", "half_width", "error", "cost"])


def sentences(shown: Sequence[Computed]) -> Iterator[str]:
    """One per pair and cost: the shares of their models where those differ most. They describe the models here."""
    for computed in shown:
        label, metric, joints = BY_NAME[computed.values["by"]].label, computed.metric, computed.values["joints"]
        side = "below" if metric.better == "lower" else "above"
        table = computed.tables["_difference"]
        for _, row in table.sort_values("difference").groupby(lambda row: row // 2).tail(1).sort_index().iterrows():
            value = f"{short(metric.from_error(row['error']))}{metric.unit_after}"
            within = row["error"], row["cost"]
            shares = " and ".join(f"{joints[row[one]](*within):.0%} of {row[one]}" for one in ("ahead", "behind"))
            yield (
                f"{metric.title} and {label}: furthest apart are {shares}, with {metric.words} {side} {value} and"
                f" {label} of at most {format_number(row['cost'])}."
            )


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    note = (
        f"Shares are of the models here, and each curve's band holds at {100 * inquiry.level:g} % by itself; which is"
        " better the verdicts say."
    )
    return (
        Section(f"{inquiry.metric.title} and cost", sentences=tuple(sentences(shown)), notes=(note,))
        if shown
        else Section()
    )


def caption(computed: Computed) -> Picture:
    draws, by = computed.main["draws"].iloc[0], BY_NAME[computed.values["by"]].label
    names = ", ".join(computed.values["curves"])
    return Picture(
        "",
        f"{computed.metric.words} that the best of {draws} models attains within a cost, for {names}",
        f"The {computed.metric.words} that the best of {draws} models drawn at random attains with even odds, if it may"
        f" have at most so many {by}.",
    )


EXHIBIT = Exhibit(
    "attainment",
    compute,
    draw=lambda shown, ax: draw_attainment(
        shown.values["curves"], shown.values["by"], shown.values["notes"], ax, shown.metric
    ),
    section=section,
    caption=caption,
    chapter="comparison",
    place=35,
    beside_figure=True,
)
