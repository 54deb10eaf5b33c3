"""Where one study is ahead of another: the difference of their EDFs, of every pair of a few studies.

The bands hold for all pairs at once; that a study is ahead is said where a verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from dsx.analysis.dominance import edf_difference
from dsx.analysis.tables import difference_rows
from dsx.exhibits.exhibit import Computed, Exhibit, Inquiry
from dsx.exhibits.paths import slugs
from dsx.plots.compare import draw_edf_difference
from dsx.plots.inputs import counts_in_words
from dsx.plots.style import Axes

# studies up to which each pair gets a figure of its own
_MOST = 4


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    if len(inquiry.models) > _MOST:
        return
    errors = {name: models["error"].to_numpy(float) for name, models in inquiry.models.items()}
    slug = dict(zip(errors, slugs(list(errors)), strict=True))
    pairs = list(combinations(errors, 2))
    for a, b in pairs:
        difference = edf_difference(errors[a], errors[b], 1 - (1 - inquiry.level) / len(pairs))
        values = {
            "difference": difference,
            "errors": {a: errors[a], b: errors[b]},
            "ahead": inquiry.decided.ahead_somewhere(a, b),
            "notes": counts_in_words({name: inquiry.tables[name] for name in (a, b)}),
        }
        yield Computed(f"edf_difference_{slug[a]}_{slug[b]}", {"": difference_rows(difference)}, values=values)


def draw(computed: Computed, ax: Axes | None) -> Axes:
    values = computed.values
    return draw_edf_difference(
        values["difference"], values["errors"], values["notes"], ax, values["ahead"], computed.metric
    )


EXHIBIT = Exhibit("edf_difference", compute, draw=draw, place=26, beside_figure=True)
