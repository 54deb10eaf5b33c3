"""How often `dsx narrow` finds what was planted, and how often it takes a rule that is false.

Errors are made up: a rule costs one standard deviation of all errors where it is broken, 3 % of the models diverge at
90 %. All spaces are inside their window of flops, which ties their parameters together. `other`: any rule besides the
planted ones, proxies of them included; `useless`: any rule that does not lower the true mean error by a tenth of a
standard deviation among the models that keep the rules before it. `known`: what no search can do better than: how often
one who knows the effect, its bounds included, tells it from chance, corrected for as many quantities as are looked at;
and how often he tells both ends of a window, each in one look without any correction. `anything`: how often one who
knows how large the effect is and how many models keep the rule, but not which it is, tells that there is any.

    python tests/simulations/narrow.py [--analyses 200] [--seed 0] [--rows 0,5]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated_narrowing import PLANTED, Pool, rates

# of rows with several rules also that many models
_MORE = (150, 200)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--analyses", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first analysis; the others follow")
    parser.add_argument("--rows", default="", help="numbers of the planted effects, from 0; all by default")
    given = parser.parse_args()
    rows = [int(k) for k in given.rows.split(",") if k] or range(len(PLANTED))
    print(f"{given.analyses} analyses a row, seeds from {given.seed}\n")
    print("| space | planted | n | any found | all found | known: any | known: all | anything | other | useless | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    pools: dict[str, Pool] = {}
    for planted in (PLANTED[k] for k in rows):
        if planted.space not in pools:
            pools[planted.space] = Pool(planted.space)
        pool = pools[planted.space]
        looks = len({q.name for q in pool.listed if q.ends and (not planted.asked or q.parameter in planted.asked)})
        for n in (100, *_MORE) if len(planted.rules) > 1 else (100,):
            seeds = range(given.seed, given.seed + given.analyses)
            start = time.perf_counter()
            row = rates([pool.narrowed(planted, n, seed) for seed in seeds], planted)
            seconds = (time.perf_counter() - start) / given.analyses
            cells = ["–"] * 5
            if planted.rules:
                known = np.array([pool.known(planted, n, seed) for seed in seeds])
                detected = np.array([pool.detected(planted, n, seed) for seed in seeds])
                shares = (row["any"], row["all"], np.mean(known[:, 0] <= 0.05 / looks), np.mean(known.max(1) <= 0.05),
                          np.mean(detected <= 0.05))  # fmt: skip
                cells = [f"{100 * share:.0f} %" for share in shares]
            print(
                f"| {planted.space} | {planted.title} | {n} | {' | '.join(cells)} | {100 * row['other']:.1f} % |"
                f" {100 * row['useless']:.1f} % | {seconds:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
