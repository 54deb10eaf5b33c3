"""Writes docs/findings.md: what the papers found, tested on the reference results. `python analysis/findings.py`

All numbers come from committed files alone, experiments/reference and experiments/reference_28. The same files give the
same page, byte by byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import pandas as pd
from agreement import (
    AGREES,
    CONTRADICTS,
    UNDECIDED,
    UNTESTED,
    Evidence,
    Outcome,
    best_within,
    better,
    costs_nothing,
    few_models_decide,
    fewer_models_find_a_good_one,
    good_models_are_linear,
    spaces_are_ever_more_linear,
)

import dsx
from dsx.analysis.decisions import decisions_at_any_look
from dsx.analysis.verdict import Margin, Verdict
from dsx.recipes.metric import ERROR_NAME

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "findings.md"
FIGURE = ROOT / "docs" / "reference_28.png"
MARGIN = Margin(0.1)


@dataclass(frozen=True)
class Finding:
    """What a paper found. paper: its numbers. shown_by: the table of `dsx analyze` that holds ours."""

    claim: str
    paper: str
    shown_by: str
    test: Callable[[Evidence], Outcome]


GROW, FREE, ORDERED = "AnyNetXD", "AnyNetXC", "AnyNetXE"
EQUAL, SHRINK = "AnyNetXC-equal-widths", "AnyNetXC-decreasing-widths"
FINDINGS: tuple[Finding, ...] = (
    Finding(
        "One bottleneck ratio for all stages costs nothing (B is no worse than A)",
        "A [39.0\\|49.0], B [39.0\\|49.2]; figure 5",
        "`verdicts`",
        costs_nothing("AnyNetXB", "AnyNetXA"),
    ),
    Finding(
        "One group width for all stages costs nothing (C is no worse than B)",
        "B [39.0\\|49.2], C [38.9\\|49.4]; figure 5",
        "`verdicts`",
        costs_nothing("AnyNetXC", "AnyNetXB"),
    ),
    Finding(
        "Widths that never decrease are better than free ones (D than C)",
        "C [38.9\\|49.4], D [38.7\\|43.2]; figure 7",
        "`verdicts`",
        better(GROW, FREE),
    ),
    Finding(
        "Growing widths are better than equal ones",
        "D [38.7\\|43.2], equal [47.5\\|56.1]; figure 7",
        "`verdicts`",
        better(GROW, EQUAL),
    ),
    Finding(
        "Growing widths are better than shrinking ones",
        "D [38.7\\|43.2], shrinking [52.2\\|63.2]; figure 7",
        "`verdicts`",
        better(GROW, SHRINK),
    ),
    Finding(
        "Equal widths are worse than free ones",
        "C [38.9\\|49.4], equal [47.5\\|56.1]; figure 7",
        "`verdicts`",
        better(FREE, EQUAL),
    ),
    Finding(
        "Depths that never decrease are better than free ones (E than D)",
        "D [38.7\\|43.2], E [38.7\\|42.7]; figure 7",
        "`verdicts`",
        better(ORDERED, GROW),
    ),
    Finding(
        "All constraints together are better than none (E than A)",
        "A [39.0\\|49.0], E [38.7\\|42.7]; figure 9",
        "`verdicts`",
        better(ORDERED, "AnyNetXA"),
    ),
    Finding(
        "RegNetX is better than AnyNetXE",
        "E [38.7\\|42.7], RegNet [38.2\\|41.0]; figure 9",
        "`verdicts`",
        better("RegNetX", ORDERED),
    ),
    Finding(
        "RegNetX is better than AnyNetXA",
        "A [39.0\\|49.0], RegNet [38.2\\|41.0]; figure 9",
        "`verdicts`",
        better("RegNetX", "AnyNetXA"),
    ),
    Finding(
        "Good models have quantised-linear widths: in C, error rises with e_fit",
        "best e_fit 0.21 (0.07–0.52) where all reach 5.8; figure 8",
        "this script",
        good_models_are_linear,
    ),
    Finding(
        "From C to D to E networks are ever closer to quantised-linear ones (largest e_fit)",
        "5.8, 2.2, 0.6; figure 8",
        "this script",
        spaces_are_ever_more_linear,
    ),
    Finding(
        "The best networks of A are neither shallow nor deep (total depth)",
        "best 20 (10–24); figure 2",
        "`best_ranges`",
        best_within("AnyNetXA", "total_depth", 10, 24, attrgetter("depth_scale")),
    ),
    Finding(
        "The best width of A's last stage lies in the middle of its range",
        "best 448 (270–895); figure 2",
        "`best_ranges`",
        best_within("AnyNetXA", "width_4", 270, 895, attrgetter("width_scale")),
    ),
    Finding(
        "A bottleneck ratio of at most 2 is best (B)",
        "b ≤ 2 with 95 % confidence; figure 5",
        "`best_ranges`",
        best_within("AnyNetXB", "bottleneck_ratio", 1, 2),
    ),
    Finding(
        "Group widths above 1 are best (C)",
        "g > 1; figure 5",
        "`best_ranges`",
        best_within("AnyNetXC", "group_width", 2, 32),
    ),
    Finding(
        "Fewer models of RegNetX find a good one: lowest error of 16",
        "38.8 % against 41.1 % (by eye); figure 9",
        "`random_search`",
        fewer_models_find_a_good_one,
    ),
    Finding(
        "100 models of each are enough to tell spaces apart",
        "100 to 1000 models are advised; NDS",
        "`verdicts`",
        few_models_decide,
    ),
)
_NOT_TESTED = """
Not tested by either, as none of these spaces is trained: wm = 2 and w0 = wa
([figure_9](../experiments/paper/figure_9.yaml) is the experiment), equal and decreasing depths, other blocks,
squeeze-and-excitation, inverted bottlenecks.
"""


# ---- the evidence ----


def digits() -> Evidence:
    """The reference results on handwritten digits."""
    # depths to 4 a stage instead of 16, widths to 128 instead of 1024
    return _evidence("digits, 8×8", "reference", "-digits", width_scale=8, depth_scale=4)


def fashion() -> Evidence:
    """The reference study on Fashion-MNIST."""
    return _evidence("Fashion-MNIST, 28×28", "reference_28", "-28", width_scale=4, depth_scale=2)


def _evidence(title: str, folder: str, ending: str, width_scale: int, depth_scale: int) -> Evidence:
    """First seeds, which all spaces of a study have."""
    reference = dsx.load_reference(ROOT / "experiments" / folder)
    tables = {
        name.removesuffix(ending): table[table["replicate"] == 0].reset_index(drop=True)
        for name, table in reference.tables.items()
    }
    return Evidence(title, tables, _verdicts(tables), width_scale, depth_scale)


def _verdicts(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], Verdict]:
    verdicts = decisions_at_any_look(tables, margin=MARGIN)
    return {(verdict.a, verdict.b): verdict for verdict in verdicts if verdict.measure == ERROR_NAME}


# ---- the page ----


def page(studies: Sequence[Evidence]) -> str:
    """The page's text."""
    titles = [evidence.title for evidence in studies]
    rows = [
        "| finding | paper, [lowest\\|mean] error % | "
        + " | ".join(f"{title} | verdict" for title in titles)
        + " | table |",
        "|---|---|" + "---|---|" * len(titles) + "---|",
    ]
    counts = {title: dict.fromkeys((AGREES, CONTRADICTS, UNDECIDED, UNTESTED), 0) for title in titles}
    for finding in FINDINGS:
        cells = []
        for evidence in studies:
            outcome = finding.test(evidence)
            counts[evidence.title][outcome.verdict] += 1
            cells += [
                outcome.told,
                outcome.verdict if outcome.verdict in (UNDECIDED, UNTESTED) else f"**{outcome.verdict}**",
            ]
        rows.append(f"| {finding.claim} | {finding.paper} | {' | '.join(cells)} | {finding.shown_by} |")
    said = [
        f"- {title}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts[title].items()) + "." for title in titles
    ]
    return _INTRO + "\n".join([*_trained(studies), "", *said, "", *rows]) + "\n" + _NOT_TESTED + _RULES


def _trained(studies: Sequence[Evidence]) -> list[str]:
    """How many models each study has, of how many spaces."""
    lines = []
    for evidence in studies:
        counts = [len(evidence.models(space)) for space in evidence.tables]
        each = f"{min(counts)} of each" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)} of each"
        lines.append(f"- **{evidence.title}**: {sum(counts)} models, {each} of {len(counts)} spaces.")
    return lines


_INTRO = """# What the papers found, tested

Two reference studies ship with dsx, and each qualitative finding of the RegNet and NDS papers that they can test is a
row below: the paper's number, ours with its 95 % interval, and whether ours agrees. The small study trains on
handwritten digits of 8×8 pixels for 8 epochs, the other on Fashion-MNIST of 28×28 for one pass over 20,000 images
([the spaces and why the schedule is so short](scaling.md)). The paper trains on ImageNet at 224×224. A finding that
is contradicted here is not refuted: it does not hold at this scale and schedule.

"""
_RULES = """
**What is compared.** P is the probability that a model of the first space has a lower error than one of the second,
with an interval that holds for all comparisons at once. *Agrees* and *contradicts* are
[verdicts](method.md#verdicts) at any look over all pairs of a study: what is decided leaves its share of the error
to what is not (Holm), so a verdict may stand where the interval, which has no such share, just reaches even odds.
Of models with several seeds the first one counts, as all spaces have it.
That a rule costs nothing agrees where both are equivalent within 0.1 of even odds, or the narrower space is better.
A best range agrees where it lies within the paper's (divided by the study's scale), contradicts where the two are
disjoint. A correlation or a lowest error agrees where its interval leaves no doubt of the direction.

Fits are of widths times the study's scale, as the fit's grid is made for the paper's widths; of the widths as they
are, `dsx analyze` has them in `figures/NAME/e_fit.csv`.

**The commands.** The last column names the table, below the analysis' folder, that holds the numbers:

```sh
dsx analyze experiments/reference --margin 0.1 --figures none --out findings_digits
dsx analyze experiments/reference_28 --where 'replicate == 0' --margin 0.1 --figures none --out findings_28
```

This page is made by `python analysis/findings.py` from committed files alone, and says the same on every machine.
"""


def draw(evidence: Evidence) -> None:
    """The EDFs of three spaces, as README shows them."""
    from dsx import plots

    tables = {space: evidence.tables[space] for space in ("AnyNetXA", "AnyNetXE", "RegNetX")}
    with tempfile.TemporaryDirectory() as folder:
        drawn, _ = plots.save(plots.edf(tables), folder, FIGURE.stem)
        FIGURE.write_bytes(drawn.read_bytes())


def main() -> None:
    small, large = digits(), fashion()
    PAGE.write_text(page([small, large]), encoding="utf-8")
    draw(large)


if __name__ == "__main__":
    main()
