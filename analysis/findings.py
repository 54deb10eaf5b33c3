"""Writes docs/findings.md: what the papers found, tested on the reference results. `python analysis/findings.py`

All numbers come from committed files alone: experiments/reference, and the records of experiments/reference_28/partial,
whose populations are sampled again. The same files give the same page, byte by byte.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import dsx
from dsx import analysis
from dsx.analysis.decisions import ERROR, decisions_at_any_look
from dsx.analysis.verdict import Margin, Verdict
from dsx.commands.partial import restored_experiment
from dsx.results.states import finished
from dsx.results.structure import Stages, block_widths_of, network_table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "findings.md"
FIGURE = ROOT / "docs" / "reference_28.png"
PARTIAL = ROOT / "experiments" / "reference_28" / "partial"
MARGIN = Margin(0.1)
# models of a space below which its best ranges say nothing
_FEWEST = 8
AGREES, CONTRADICTS, UNDECIDED, UNTESTED = "agrees", "contradicts", "undecided", "not tested"


@dataclass(frozen=True)
class Evidence:
    """One reference study. tables: the paper's name of a space → results with structure, a row per run, as drawn.

    width_scale, depth_scale: by which widths and a stage's depths are smaller than the paper's.
    """

    title: str
    tables: Mapping[str, pd.DataFrame]
    verdicts: Mapping[tuple[str, str], Verdict]
    width_scale: int
    depth_scale: int

    def models(self, space: str) -> pd.DataFrame:
        """The models of a space that count; none where it is not part of the study."""
        return finished(self.tables[space]) if space in self.tables else pd.DataFrame()


@dataclass(frozen=True)
class Outcome:
    """What one study shows of a finding: the number with its interval, and whether it agrees."""

    told: str
    verdict: str


@dataclass(frozen=True)
class Finding:
    """What a paper found. paper: its numbers. shown_by: the table of `dsx analyze` that holds ours."""

    claim: str
    paper: str
    shown_by: str
    test: Callable[[Evidence], Outcome]


# ---- the tests, each stated before the numbers: what agrees, what contradicts ----


def better(first: str, second: str) -> Callable[[Evidence], Outcome]:
    """Agrees if the first is better, contradicts if the second is."""

    def test(evidence: Evidence) -> Outcome:
        told, decision = _compared(evidence, first, second)
        return Outcome(told, {"first": AGREES, "second": CONTRADICTS, "": UNTESTED}.get(decision, UNDECIDED))

    return test


def costs_nothing(narrower: str, wider: str) -> Callable[[Evidence], Outcome]:
    """Agrees if both are equivalent within the margin or the narrower is better, contradicts if the wider is better."""

    def test(evidence: Evidence) -> Outcome:
        told, decision = _compared(evidence, narrower, wider)
        verdict = {"first": AGREES, "equivalent": AGREES, "second": CONTRADICTS, "": UNTESTED}.get(decision, UNDECIDED)
        return Outcome(told, verdict)

    return test


def _compared(evidence: Evidence, first: str, second: str) -> tuple[str, str]:
    """P(a model of the first beats one of the second) with its interval; first, second, equivalent, undecided or ``."""
    verdict = evidence.verdicts.get((first, second)) or evidence.verdicts.get((second, first))
    if verdict is None or np.isnan(verdict.superiority):
        return "–", ""
    chance, low, high = verdict.superiority, verdict.low, verdict.high
    decision = {"a better": "first", "b better": "second"}.get(verdict.decision, verdict.decision)
    if verdict.a != first:
        chance, low, high = 1 - chance, 1 - high, 1 - low
        decision = {"first": "second", "second": "first"}.get(decision, decision)
    return f"P = {chance:.2f} ({low:.2f}–{high:.2f})", decision


def best_within(
    space: str, column: str, low: float, high: float, scale: Callable[[Evidence], float] | None = None
) -> Callable[[Evidence], Outcome]:
    """Agrees if the best range lies within [low, high] (divided by the scale), contradicts if it lies outside."""

    def test(evidence: Evidence) -> Outcome:
        models = evidence.models(space)
        if len(models) < _FEWEST:
            return Outcome("–", UNTESTED)
        least, middle, most = analysis.best_range(models[column], models["error"])
        divisor = scale(evidence) if scale else 1
        bottom, top = low / divisor, high / divisor
        inside, outside = bottom <= least and most <= top, most < bottom or least > top
        verdict = AGREES if inside else CONTRADICTS if outside else UNDECIDED
        of = "" if divisor == 1 else f", of {bottom:g}–{top:g}"
        return Outcome(f"best {middle:g} ({least:g}–{most:g}{of})", verdict)

    return test


def good_models_are_linear(evidence: Evidence) -> Outcome:
    """Agrees if error rises with the error of the quantised-linear fit (rank correlation), contradicts if it falls."""
    models = evidence.models("AnyNetXC")
    if len(models) < _FEWEST:
        return Outcome("–", UNTESTED)
    fits = _fit_errors(models["stages"], evidence)
    known = np.isfinite(fits)
    rho = analysis.rank_correlation(fits[known], models["error"].to_numpy(float)[known])
    verdict = AGREES if rho.low > 0 else CONTRADICTS if rho.high < 0 else UNDECIDED
    return Outcome(f"ρ = {rho.correlation:.2f} ({rho.low:.2f} to {rho.high:.2f})".replace("-", "−"), verdict)


def spaces_are_ever_more_linear(evidence: Evidence) -> Outcome:
    """Agrees if the largest error of the quantised-linear fit falls from C to D to E."""
    largest = []
    for space in ("AnyNetXC", "AnyNetXD", "AnyNetXE"):
        stages = evidence.tables[space].drop_duplicates("model_id")["stages"] if space in evidence.tables else []
        largest.append(float(np.nanmax(_fit_errors(stages, evidence), initial=0)))
    told = ", ".join(f"{value:.2f}" for value in largest)
    return Outcome(told, AGREES if largest[0] > largest[1] > largest[2] else CONTRADICTS)


def _fit_errors(stages: Iterable[Stages], evidence: Evidence) -> np.ndarray:
    """(n,) e_fit of networks, their widths as wide as the paper's: the fit's grid is made for those."""
    widths = [np.array(block_widths_of(rows)) * evidence.width_scale for rows in stages]
    return analysis.linear_fit_table(widths)["error"].to_numpy(float)


def fewer_models_find_a_good_one(evidence: Evidence) -> Outcome:
    """Agrees if the expected lowest error of 16 models of RegNetX is below that of AnyNetXA, contradicts if above."""
    populations = [evidence.models(space) for space in ("RegNetX", "AnyNetXA")]
    if min(map(len, populations)) < 16:
        return Outcome("–", UNTESTED)
    ours, other = (analysis.best_of_k(models["error"], [16]) for models in populations)
    (regnet, low, high), (anynet, low_a, high_a) = (
        (float(curve.expected[0]), float(curve.low[0]), float(curve.high[0])) for curve in (ours, other)
    )
    verdict = AGREES if high < low_a else CONTRADICTS if low > high_a else UNDECIDED
    return Outcome(f"{regnet:.2f} ({low:.2f}–{high:.2f}) % against {anynet:.2f} ({low_a:.2f}–{high_a:.2f}) %", verdict)


def few_models_decide(evidence: Evidence) -> Outcome:
    """Agrees if any pair of spaces is decided at any look with at most 100 models of each."""
    decided = [v.decided_at for v in evidence.verdicts.values() if v.direction and v.decided_at]
    if not decided:
        return Outcome(f"none of {len(evidence.verdicts)} pairs yet", UNDECIDED)
    told = f"{len(decided)} of {len(evidence.verdicts)} pairs, the first after {min(decided)}"
    return Outcome(told, AGREES if min(decided) <= 100 else UNDECIDED)


GROW, FREE, ORDERED = "AnyNetXD", "AnyNetXC", "AnyNetXE"
EQUAL, SHRINK = "AnyNetXC-equal-widths", "AnyNetXC-decreasing-widths"


def _widths(evidence: Evidence) -> float:
    return evidence.width_scale


def _depths(evidence: Evidence) -> float:
    return evidence.depth_scale


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
        best_within("AnyNetXA", "total_depth", 10, 24, _depths),
    ),
    Finding(
        "The best width of A's last stage lies in the middle of its range",
        "best 448 (270–895); figure 2",
        "`best_ranges`",
        best_within("AnyNetXA", "width_4", 270, 895, _widths),
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
    """The reference results on handwritten digits: whole."""
    tables = {
        name.removesuffix("-digits"): table
        for name, table in dsx.load_reference(ROOT / "experiments/reference").tables.items()
    }
    # depths to 4 a stage instead of 16, widths to 128 instead of 1024
    return Evidence("digits, 8×8", tables, _verdicts(tables), width_scale=8, depth_scale=4)


def fashion(partial: Path = PARTIAL) -> Evidence:
    """The reference study on Fashion-MNIST, as far as it is trained: first seeds, which all its spaces have."""
    with tempfile.TemporaryDirectory() as folder:
        studies = restored_experiment("reference_28", partial, [f"out={folder}"])
        tables = {}
        for study in studies:
            networks = network_table(study.population.model_ids, study.population.contents)
            table = study.results()
            new = [c for c in networks.columns if c == "model_id" or c not in table.columns]
            first = table[table["replicate"] == 0]
            tables[study.name.removesuffix("-28")] = first.merge(networks[new], on="model_id", how="left")
    return Evidence("Fashion-MNIST, 28×28", tables, _verdicts(tables), width_scale=4, depth_scale=2)


def _verdicts(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], Verdict]:
    verdicts = decisions_at_any_look(tables, margin=MARGIN)
    return {(verdict.a, verdict.b): verdict for verdict in verdicts if verdict.measure == ERROR}


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
    """How many models each study has of each space; what is missing is said."""
    lines = []
    for evidence in studies:
        counted = {
            space: (len(evidence.models(space)), table["model_id"].nunique())
            for space, table in evidence.tables.items()
        }
        done, asked = (sum(numbers) for numbers in zip(*counted.values(), strict=True))
        if done == asked:
            each = f"{asked // len(counted)} of each of {len(counted)} spaces"
            lines.append(f"- **{evidence.title}** is whole: {asked} models, {each}.")
            continue
        each = ", ".join(f"{space} {count} of {of}" for space, (count, of) in counted.items())
        lines.append(
            f"- **{evidence.title}** is not whole yet: {done} of {asked} models are trained ({each})."
            " Its verdicts hold at any look, so they stand whatever is trained later; what is undecided may be decided."
        )
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
python -m dsx.commands.partial restore reference_28 experiments/reference_28/partial
dsx analyze runs/reference_28 --where 'replicate == 0' --margin 0.1 --figures none --out findings_28
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
