"""Do the claims hold? Simulated analyses of equal and of different spaces, at one look and at any.

    .venv/bin/python tests/simulations/claims.py [--minutes 12]

Prints the tables of docs/method.md. Each cell states how many analyses it is from; the minutes are shared out over
the sections, so that more of them make the shares sharper, never different in kind.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))
from error_laws import LAWS, Law
from markdown_tables import head, row
from simulated_importance import EFFECTS, Planted

from dsx import analysis
from dsx.analysis import holm, importance
from dsx.analysis.best_of_k import best_of_k
from dsx.analysis.betting import log_wealth, rank_bets
from dsx.analysis.confidence_sequences import (
    ConfidenceSequence,
    asymptotic_mean_sequence,
    edf_sequence_half_width,
    mean_sequence,
    quantile_sequence,
)
from dsx.analysis.decisions import decisions
from dsx.analysis.permutation import random_subsets, rank_statistics
from dsx.analysis.quantiles import quantile_interval
from dsx.analysis.rank_test import rank_test
from dsx.analysis.replicates import variances
from dsx.analysis.search import expected_minimum
from dsx.analysis.sequential import sequential_evidence, sequential_verdicts
from dsx.analysis.verdict import Margin, verdicts


def share(trial: Callable[[np.random.Generator], bool], seconds: float, most: int, key: int) -> str:
    """Share of seeded trials that are true, as many as the time allows (at least 50): `4.1 % (±0.9, 2000)`."""
    begin, hits, done = time.perf_counter(), 0, 0
    while done < 50 or (done < most and time.perf_counter() - begin < seconds):
        hits += bool(trial(np.random.default_rng([key, done])))
        done += 1
    error = 1.96 * math.sqrt(max(hits, 1) * max(done - hits, 1) / done**3)
    return f"{100 * hits / done:.1f} % (±{100 * error:.1f}, {done})"


def equal_spaces(seconds: float) -> None:
    """Analyses of equal spaces with any claim at all, at one look."""
    sizes, spaces = (3, 5, 8, 16, 32, 64, 500), (2, 3, 6)
    each = seconds / (len(LAWS) * len(sizes) * len(spaces))
    head("Any false claim per analysis of equal spaces, one look", "law", "n", *(f"{k} spaces" for k in spaces))
    for (law, draw), n in itertools.product(LAWS.items(), sizes):

        def claimed(rng: np.random.Generator, k: int, draw=draw, n=n) -> bool:
            made = verdicts({str(i): draw(rng, n) for i in range(k)})
            return any(v.decision != "undecided" for v in made)

        row(law, n, *(share(lambda rng, k=k: claimed(rng, k), each, 3000, n) for k in spaces))


def any_look(seconds: float) -> None:
    """The same with a look after every model up to 500, which takes in every eighth."""
    each = seconds / (len(LAWS) * 3)
    head("Any false claim per analysis of equal spaces, looks after every model up to 500",
         "law", *(f"{k} spaces" for k in (2, 3, 6)))  # fmt: skip
    for law, draw in LAWS.items():

        def claimed(rng: np.random.Generator, k: int, draw=draw) -> bool:
            made = sequential_verdicts({str(i): draw(rng, 500) for i in range(k)})
            return any(v.decision != "undecided" for v in made)

        row(law, *(share(lambda rng, k=k: claimed(rng, k), each, 3000, k) for k in (2, 3, 6)))


def analyses(seconds: float) -> None:
    """Whole analyses of equal studies, as `dsx analyze` makes them: errors as they are, at equal flops, params and
    acts, crossing curves, and equivalence within 0.05 of even odds.
    """
    sizes, spaces = (8, 32, 128), (2, 3, 6)
    each = seconds / (len(LAWS) * len(sizes) * len(spaces))
    head("Any false claim of an analysis as `dsx analyze` makes it, all measures: at one look, and at any up to n",
         "law", "n", *(f"{k} spaces, {looks} look" for k in spaces for looks in ("one", "any")))  # fmt: skip
    for (law, draw), n in itertools.product(LAWS.items(), sizes):
        cells = []
        for k in spaces:
            begin, claimed = time.perf_counter(), []
            while len(claimed) < 50 or (len(claimed) < 2000 and time.perf_counter() - begin < each):
                rng = np.random.default_rng([n, k, len(claimed)])
                tables = {str(i): pd.DataFrame({"error": draw(rng, n), **window(rng, n)}) for i in range(k)}
                made = decisions(tables, margin=Margin(0.05))
                claimed.append([any(v.decision != "undecided" for v in kind) for kind in (made.one, made.any)])
            for hits in np.sum(claimed, axis=0):
                error = 1.96 * math.sqrt(max(hits, 1) * max(len(claimed) - hits, 1) / len(claimed) ** 3)
                cells.append(f"{100 * hits / len(claimed):.1f} % (±{100 * error:.1f}, {len(claimed)})")
        row(law, n, *cells)


def window(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Flops inside a window, as of 360 to 400 MF; parameters and activations that go with them loosely."""
    flops = rng.uniform(360, 400, n)
    return {"flops": flops, "params": flops * rng.lognormal(0, 0.2, n), "acts": flops * rng.lognormal(0, 0.1, n)}


SHAPES: dict[str, Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]] = {
    "normal, spread 1 and 3": lambda rng, n: (rng.normal(0, 1, n), rng.normal(0, 3, n)),
    "constant and two points": lambda rng, n: (rng.normal(0, 0.01, n), rng.choice([-1.0, 1.0], n)),
    "half much better, half diverged": lambda rng, n: (
        rng.normal(0, 0.01, n), np.where(rng.random(n) < 0.5, -1.0, rng.uniform(1, 80, n)),
    ),
}  # fmt: skip


def shapes(seconds: float) -> None:
    """Equally good spaces, superiority ½, of different shape: one look at several n, and any look up to 500."""
    sizes = (4, 6, 10, 16, 32, 100)
    each = seconds / (len(SHAPES) * (len(sizes) + 1))
    head("Claims between equally good spaces of different shape", "shapes", *(f"n = {n}" for n in sizes), "any look")
    for name, draw in SHAPES.items():

        def fixed(rng: np.random.Generator, n: int, draw=draw) -> bool:
            a, b = draw(rng, n)
            return rank_test(a, b).pvalue <= 0.05

        cells = [share(lambda rng, n=n: fixed(rng, n), each, 3000, n) for n in sizes]
        row(name, *cells, share(lambda rng, draw=draw: sequential_evidence(*draw(rng, 500)).pvalue[-1] <= 0.05,
                                each, 3000, 1))  # fmt: skip


def equivalence(seconds: float) -> None:
    """False equivalence at a superiority of ½ + margin, and true equivalence of equal spaces; margin 0.1."""
    each = seconds / (len(LAWS) * 6)
    margin = Margin(0.1)
    head("Called equivalent within 0.1: spaces that differ by just 0.1, and equal ones",
         "law", "differ, n = 50", "differ, n = 300", "differ, any look to 500", "equal, n = 300", "equal, n = 500",
         "equal, any look to 500")  # fmt: skip
    for law, draw in LAWS.items():

        def pair(rng: np.random.Generator, n: int, apart: bool, draw=draw) -> dict[str, np.ndarray]:
            worse = rng.random(n) < (0.2 if apart else 0.0)
            return {"a": draw(rng, n), "b": np.where(worse, 1000.0, draw(rng, n))}

        cells = []
        for apart, sizes in ((True, (50, 300)), (False, (300, 500))):
            for n in sizes:
                cells.append(share(
                    lambda rng, n=n, apart=apart, pair=pair: verdicts(pair(rng, n, apart), margin=margin)[0].decision
                    == "equivalent", each, 2000, n,
                ))  # fmt: skip
            cells.append(share(
                lambda rng, apart=apart, pair=pair: sequential_evidence(
                    *pair(rng, 500, apart).values(), margin).equivalence_pvalue[-1] <= 0.05, each, 2000, 2,
            ))  # fmt: skip
        row(law, *cells)


def power(seconds: float) -> None:
    """Share of pairs told apart, beside Brunner and Munzel's test with Holm, of spaces in a row.

    Their p-value under complete separation is undefined (0/0); it is taken as 0, its limit, to their advantage.
    As published the test exceeds its level far in the tail; at its exact level it is what can be asked for.
    """
    cases = ((3, 16, 1.0), (3, 32, 0.7), (3, 64, 0.5), (3, 200, 0.25), (6, 32, 0.5), (6, 64, 0.35))
    head("Pairs told apart, %, spaces in a row shifted by a share of σ (gamma), same analyses for all",
         "spaces", "n", "shift in σ", "verdicts", "Brunner–Munzel + Holm", "the same at its exact level",
         "published level at 5 %/pairs, in %", "verdicts − exact", "analyses")  # fmt: skip
    for k, n, shift in cases:
        begin, found = time.perf_counter(), []
        pairs, null = k * (k - 1) // 2, brunner_munzel_null(n)
        while len(found) < 30 or time.perf_counter() - begin < seconds / len(cases):
            rng = np.random.default_rng([n, len(found)])
            errors = [rng.gamma(2, 1, n) + i * shift * math.sqrt(2) for i in range(k)]
            made = verdicts({str(i): e for i, e in enumerate(errors)})
            published = [brunner_munzel(a, b) for a, b in itertools.combinations(errors, 2)]
            exact = (np.searchsorted(null, published, "right") + 1) / (null.size + 1)
            found.append([sum(v.decision == "a better" for v in made),
                          (holm(published) <= 0.05).sum(), (holm(exact) <= 0.05).sum()])  # fmt: skip
        table = 100 * np.array(found) / pairs
        less = table[:, 0] - table[:, 2]
        level = 100 * pairs * np.mean(null <= 0.05 / pairs)
        row(k, n, shift, *(f"{share:.1f}" for share in table.mean(axis=0)), f"{level:.1f}",
            f"{less.mean():+.2f} (±{1.96 * less.std() / math.sqrt(len(less)):.2f})", len(found))  # fmt: skip


def brunner_munzel(a: np.ndarray, b: np.ndarray) -> float:
    """The published p-value, 0 where the populations lie wholly apart."""
    if max(a) < min(b) or max(b) < min(a):
        return 0.0
    return float(stats.brunnermunzel(a, b).pvalue)


def brunner_munzel_null(n: int, batches: int = 200) -> np.ndarray:
    """Ascending published p-values of equal continuous populations of n each, 1,000 a batch."""
    index, found = np.arange(2 * n), []
    for batch in range(batches):
        subsets = random_subsets.__wrapped__(n, 2 * n, 99, batch)
        chance, one, other = rank_statistics(subsets, index, index + 1)
        variance = one + other
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.abs(chance - 0.5) / np.sqrt(variance)
            freedom = variance**2 / ((one**2 + other**2) / (n - 1))
            found.append(np.where(variance == 0, 0.0, 2 * stats.t.sf(statistic, freedom)))
    return np.sort(np.concatenate(found))


def price(seconds: float) -> None:
    """Models of each until decided with chance 0.8 at any look, beside a fixed number that was known beforehand."""
    head("Models of each space for a decision with chance 0.8: at any look, and at one look with n known beforehand",
         "shift in σ", "superiority", "pairs compared", "any look: half decided by", "any look", "one look", "price",
         "analyses")  # fmt: skip
    shifts = (0.35, 0.5, 0.7, 1.0, 1.5)
    for shift in shifts:
        begin, wealth = time.perf_counter(), []
        most = int(min(2500, 400 / shift**2))
        while len(wealth) < 100 or time.perf_counter() - begin < seconds / len(shifts):
            rng = np.random.default_rng([7, len(wealth)])
            bets = rank_bets(rng.normal(0, 1, most), rng.normal(shift, 1, most))
            wealth.append(np.maximum.accumulate(log_wealth(bets)))
        chance = stats.norm.cdf(shift / math.sqrt(2))
        for pairs in (1, 15):
            bar = math.log(2 * pairs / 0.05)
            decided = np.array([np.searchsorted(w, bar) + 1 for w in wealth])
            half, most_of_them = np.quantile(decided, [0.5, 0.8])
            one = fixed_number(shift, 0.05 / pairs)
            row(shift, f"{chance:.2f}", pairs, f"{half:.0f}", f"{most_of_them:.0f}", one, f"{most_of_them / one:.2f}",
                len(wealth))  # fmt: skip


def fixed_number(shift: float, alpha: float, repeats: int = 400) -> int:
    """The smallest n at which the rank test decides with chance 0.8, by simulation, between normals."""
    low, high = 3, 2500
    while high - low > max(1, low // 50):
        n = (low + high) // 2
        rng = np.random.default_rng([9, n])
        hits = sum(rank_test(rng.normal(0, 1, n), rng.normal(shift, 1, n)).pvalue <= alpha for _ in range(repeats))
        low, high = (low, n) if hits >= 0.8 * repeats else (n, high)
    return high


def intervals(seconds: float) -> None:
    """Coverage of the intervals: of the superiority at unequal spaces, and of the lowest error of k models."""
    sizes = (16, 64, 500)
    each = seconds / (len(LAWS) * len(sizes) * 2)
    head("Coverage of 95 % intervals: superiority (shift 0.5 σ), and expected lowest error of k (the worst k)",
         "law", "n", "superiority", "k = 2", "k = n/4", "k = n", "studies")  # fmt: skip
    for law, draw in LAWS.items():
        many = np.sort(draw(np.random.default_rng(99), 1_000_000))
        shift = 0.5 * float(np.quantile(many, 0.84) - np.quantile(many, 0.16)) / 2
        ranks = np.searchsorted(many, many - shift, "left") + np.searchsorted(many, many - shift, "right")
        chance = 1 - float(ranks.mean()) / (2 * many.size)
        for n in sizes:
            tries = [2, n // 4, n]
            truth = expected_minimum(many, tries)
            held = np.zeros(3)
            begin, done = time.perf_counter(), 0
            while done < 50 or (done < 1000 and time.perf_counter() - begin < each):
                curve = best_of_k(draw(np.random.default_rng([n, done]), n), tries)
                held += (curve.low <= truth) & (truth <= curve.high)
                done += 1

            def covered(rng: np.random.Generator, draw=draw, n=n, shift=shift, chance=chance) -> bool:
                low, high = rank_test(draw(rng, n), draw(rng, n) + shift).interval()
                return low <= chance <= high

            row(law, n, share(covered, each, 2000, n), *(f"{100 * h / done:.1f} %" for h in held), done)


def descriptions(seconds: float) -> None:
    """Coverage of the intervals that describe: over the four laws, the lowest and the highest."""
    sizes, shares = (16, 64, 128, 500), {}
    head("Coverage of 95 % intervals that describe, over the four laws", "interval", *(f"n = {n}" for n in sizes),
         "studies")  # fmt: skip
    for n in sizes:
        for law, draw in LAWS.items():
            errors = np.sort(draw(np.random.default_rng(99), 4_000_000))
            truths = _truths(errors)
            begin, done, held = time.perf_counter(), 0, dict.fromkeys(truths, 0.0)
            while done < 200 or (done < 2000 and time.perf_counter() - begin < seconds / (len(sizes) * len(LAWS))):
                for name, (low, high) in _described(errors, np.random.default_rng([n, done, 3]), n).items():
                    held[name] += math.nan if math.isnan(low) else low <= truths[name] <= high
                done += 1
            shares[n, law] = {name: 100 * count / done for name, count in held.items()}
    for name in truths:
        cells = [[shares[n, law][name] for law in LAWS] for n in sizes]
        row(name, *("–" if math.isnan(sum(cell)) else f"{min(cell):.1f}–{max(cell):.1f} %" for cell in cells),
            "200 or more")  # fmt: skip


def _truths(errors: np.ndarray) -> dict[str, float]:
    x, y = _correlated(np.random.default_rng(98), errors, 400_000)
    return {
        "mean": errors.mean(), "median": np.quantile(errors, 0.5, method="inverted_cdf"), "difference of means": 0.0,
        "of means, one of them of lognormal errors": errors.mean() - math.exp(1.125), "of trimmed means": 0.0,
        "of medians": 0.0, "of means at equal flops": 0.0, "all of a difference of EDFs": 0.0,
        "rank correlation": stats.spearmanr(x, y).statistic, "share of noise": 1 / (1 + errors.var()),
    }  # fmt: skip


def _described(errors: np.ndarray, rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """The intervals by the names of the truths, of n models each. errors: those of the law, ascending."""
    a, b = (pd.DataFrame({"error": rng.choice(errors, n), "flops": rng.beta(*shape, n)}) for shape in ((2, 3), (3, 2)))
    one, pair = analysis.summarize_errors(a), analysis.compare(a, b)
    curves = analysis.edf_difference(a, b, resamples=200)
    x, y = _correlated(rng, errors, n)
    rank = analysis.rank_correlation(x, y)
    seeds = np.repeat(rng.choice(errors, n), 2) + rng.normal(0, 1, 2 * n)
    noise = variances(seeds, np.repeat(np.arange(n), 2))
    mixed = analysis.compare(a, pd.DataFrame({"error": LAWS["lognormal"](rng, n)}))
    matched = analysis.compare_matched(a, b, "flops")
    middle = float(np.abs(curves.difference).max())
    return {
        "mean": (one.mean_error_low, one.mean_error_high), "median": (one.median_error_low, one.median_error_high),
        "difference of means": (pair.mean_difference_low, pair.mean_difference_high),
        "of means, one of them of lognormal errors": (mixed.mean_difference_low, mixed.mean_difference_high),
        "of trimmed means": (pair.trimmed_difference_low, pair.trimmed_difference_high),
        "of medians": (pair.median_difference_low, pair.median_difference_high),
        "of means at equal flops": (matched.mean_difference_low, matched.mean_difference_high),
        "all of a difference of EDFs": (middle - curves.half_width, middle + curves.half_width),
        "rank correlation": (rank.low, rank.high),
        "share of noise": (noise.noise_share_low, noise.noise_share_high),
    }  # fmt: skip


def _correlated(rng: np.random.Generator, errors: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A parameter, and the errors that go with it; errors: in ascending order."""
    x, rest = rng.normal(size=(2, n))
    shares = stats.norm.cdf(0.6 * x + 0.8 * rest)
    return x, errors[(shares * errors.size).astype(int)]


def strengths(seconds: float) -> None:
    """Coverage of the intervals of importance's strength: over the four laws, the lowest and the highest."""
    sizes, cells = (20, 50, 100, 400), list(itertools.product(EFFECTS, (0.5, 1.5, 4.0), importance.OUTCOMES))
    each = seconds / (len(cells) * len(sizes) * len(LAWS))
    importance.DRAWS = 49  # what the null line is made of, which is not looked at
    head("Coverage of 95 % intervals of strength, over the four laws", "effect", "size", "outcome", "strength",
         *(f"n = {n}" for n in sizes), "analyses")  # fmt: skip
    for effect, size, outcome in cells:
        planted = [Planted(law, effect, size, outcome) for law in LAWS]
        truths, held, fewest = [p.truth() for p in planted], [], 2000
        for n in sizes:
            shares = []
            for p, truth in zip(planted, truths, strict=True):
                begin, hits, done = time.perf_counter(), 0, 0
                while done < 100 or (done < 2000 and time.perf_counter() - begin < each):
                    low, high = p.interval(np.random.default_rng([n, done]), n)
                    hits, done = hits + (low <= truth <= high), done + 1
                shares.append(100 * hits / done)
                fewest = min(fewest, done)
            held.append(f"{min(shares):.1f}–{max(shares):.1f} %")
        row(effect, size, outcome, f"{min(truths):.2f}–{max(truths):.2f}", *held, f"{fewest} or more")


def growing(seconds: float) -> None:
    """Single spaces of 512 models, read after every 8: how often an interval misses the truth at some look."""
    n = np.arange(8, 513, 8)
    head("Intervals of the exhibit `any_look` that miss at some of 64 looks up to 512 models", "law", "median", "mean",
         "mean, in the limit", "EDF", "median, each at one look")  # fmt: skip
    for key, (law, draw) in enumerate(LAWS.items()):
        truth = np.sort(draw(np.random.default_rng(99), 400_000))
        median, mean = np.quantile(truth, 0.5, method="inverted_cdf"), truth.mean()

        def at_some(ends: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], middle: float,
                    rng: np.random.Generator, draw: Law = draw) -> bool:  # fmt: skip
            low, high = ends(draw(rng, 512))
            return bool(((low > middle) | (high < middle)).any())

        def far(rng: np.random.Generator, truth: np.ndarray = truth, draw: Law = draw) -> bool:
            errors = draw(rng, 512)
            sides = [np.searchsorted(truth, errors, side) / truth.size for side in ("left", "right")]
            return any(
                np.abs(stats.rankdata(errors[:look], method) - less - share[:look] * look).max() > width * look
                for look, width in zip(n, edf_sequence_half_width(n), strict=True)
                for share, method, less in zip(sides, ("min", "max"), (1, 0), strict=True)
            )

        def one_look(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            ends = np.array([quantile_interval(errors[:look], 0.5) for look in n])
            return ends[:, 0], ends[:, 1]

        rows: list[tuple[Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], float]] = [
            (lambda e: _ends(quantile_sequence(e, looks=n)), median),
            (lambda e: _ends(mean_sequence(e, looks=n)), mean),
            (lambda e: _ends(asymptotic_mean_sequence(e, looks=n)), mean),
        ]
        cells = [share(partial(at_some, ends, middle), seconds / 20, 2000, key) for ends, middle in rows]
        row(law, *cells, share(far, seconds / 20, 2000, key),
            share(partial(at_some, one_look, median), seconds / 20, 2000, key))  # fmt: skip


def _ends(sequence: ConfidenceSequence) -> tuple[np.ndarray, np.ndarray]:
    return sequence.low, sequence.high


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=12.0)
    seconds = 60 * parser.parse_args().minutes
    parts = ((analyses, 0.35), (equal_spaces, 0.2), (any_look, 0.12), (shapes, 0.05), (equivalence, 0.1), (power, 0.06),
             (price, 0.05), (intervals, 0.03), (descriptions, 0.02), (strengths, 0.02),
             (growing, 0.01))  # fmt: skip
    for part, weight in parts:
        part(weight * seconds)


if __name__ == "__main__":
    main()
