"""What `dsx design` finds where the truth is known, how often a step of it is false, and with how many models.

Errors are made up (`tests/simulated_walks.py`): a model that breaks a planted rule is worse by one standard deviation
of all errors of AnyNetXA-digits. A walk's step is false where it was taken as better and is not, or as no worse within
0.1 of even odds and is worse by that. Beside it the fixed plan: sample 100 models, take what `dsx narrow` supports,
sample 100 of the narrower space, and so on (a quarter as many of these).

    python tests/benchmarks/bench_design.py [walks of each truth: 200] [models: 400] [first seed: 0]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated_walks import TRUTHS, Truth, Walked, fixed_plan, walk


def main(walks: int = 200, models: int = 400, first: int = 0) -> None:
    print(f"{walks} walks a row, at most {models} models each\n")
    print("| truth | plan | walks with a false step | found | models | taken of tested | beats the first | s |")
    print("|---|---|---|---|---|---|---|---|")
    for truth in TRUTHS:
        for name, way, seeds in (
            ("dsx design", walk, range(first, first + walks)),
            ("fixed", fixed_plan, range(first, first + walks // 4)),
        ):
            start = time.perf_counter()
            made = [way(truth, seed, models) for seed in seeds]
            print(row(truth, name, made, (time.perf_counter() - start) / len(seeds)), flush=True)


def row(truth: Truth, name: str, made: list[Walked], seconds: float) -> str:
    """One line of the table."""
    counts = Counter(rule for each in made for rule, there in each.found.items() if there)
    found = ", ".join(f"{rule} {100 * counts[rule] / len(made):.0f} %" for rule in made[0].found) or "–"
    false = 100 * np.mean([bool(each.false) for each in made])
    taken, tested = (np.mean([getattr(each, what) for each in made]) for what in ("taken", "tested"))
    return (
        f"| {truth.title} | {name} | {false:.1f} % | {found} | {np.mean([each.models for each in made]):.0f} |"
        f" {taken:.1f} of {tested:.1f} | {np.mean([each.gain for each in made]):.2f} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
