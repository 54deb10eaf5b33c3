"""Log–log lines of activations, parameters and times (RegNet Fig. 12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.complexity import complexity_fits, complexity_table
from dsx.analysis.number_words import number, with_interval
from dsx.analysis.points import points_table
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.exhibits.paths import folders
from dsx.plots.overview import draw_complexity
from dsx.results.columns import BY_NAME

_INTRO = (
    "Log–log lines over the finished models, with {percent} intervals. Activations that grow as the root of flops have"
    " exponent 0.5. Training time is wall time per model as measured, so it means something only where models did not"
    " compete for the device (dsx time measures inference on its own); and a narrow window of flops tells little"
    " about any exponent."
)


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    for study, folder in folders(inquiry):
        fits = complexity_fits(study.models, inquiry.level)
        if fits:
            measured = list(dict.fromkeys(column for pair in fits for column in pair))
            shown = {"": points_table(study.models, measured), "_fits": complexity_table(fits)}
            values = {"fits": fits, "notes": study.counts}
            yield Computed(f"{folder}complexity", shown, study, inquiry.level, values)


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    """Exponents by study, and what speaks against each."""
    cells: dict[str, dict[str, str]] = {}
    notes = []
    for computed in shown:
        for fit in computed.tables["_fits"].to_dict("records"):
            line = f"{BY_NAME[fit['y']].label} ∝ {BY_NAME[fit['x']].label}ˢ"
            exponent = with_interval(fit["exponent"], fit["low"], fit["high"], places=2)
            cells.setdefault(line, {})[computed.study_name] = f"{exponent}, R² {number(fit['r2'], 2)}"
            notes += [f"{computed.study_name}, {line}: {fit['warnings']}"] if fit["warnings"] else []
    studies = [computed.study.name for computed in shown if computed.study]
    rows = [[line, *(by_study.get(study, "–") for study in studies)] for line, by_study in cells.items()]
    if not rows:
        return Section()
    intro = _INTRO.format(percent=f"{100 * inquiry.level:g} %")
    return Section(
        "Complexity", intro, grid=Grid("complexity fits", ["exponent s", *studies], rows), notes=tuple(notes)
    )


EXHIBIT = Exhibit(
    "complexity",
    compute,
    draw=lambda shown, ax: draw_complexity(shown.values["fits"], shown.values["notes"], ax),
    section=section,
    chapter="fits",
    place=42,
    compares=False,
    beside_figure=True,
)
