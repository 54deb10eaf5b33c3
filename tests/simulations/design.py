"""What `dsx design` finds where the truth is known, how often a step of it is false, and with how many models.

Errors are made up (`tests/simulated_walks.py`): a model that breaks a planted rule is worse by one standard deviation
of all errors of AnyNetXA-digits. A walk's step is false where it was taken as better and is not, or as no worse within
0.1 of even odds and is worse by that. Beside it the fixed plan: sample 100 models, take what `dsx narrow` supports,
sample 100 of the narrower space, and so on (a quarter as many of these).

    .venv/bin/python tests/simulations/design.py [--walks 40] [--models 400] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated_walks import TRUTHS, Truth, Walked, fixed_plan, walk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--walks", type=int, default=40, help="of each truth")
    parser.add_argument("--models", type=int, default=400, help="of each walk, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the first walk; the others follow")
    given = parser.parse_args()
    fixed = max(1, given.walks // 4)
    print(f"{given.walks} walks a row, {fixed} of the fixed plan, at most {given.models} models each\n")
    print("| truth | plan | walks with a false step | found | models | taken of tested | beats the first | s |")
    print("|---|---|---|---|---|---|---|---|")
    for truth in TRUTHS:
        for name, way, seeds in (
            ("dsx design", walk, range(given.seed, given.seed + given.walks)),
            ("fixed", fixed_plan, range(given.seed, given.seed + fixed)),
        ):
            start = time.perf_counter()
            made = [way(truth, seed, given.models) for seed in seeds]
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
    main()
