"""How often `dsx narrow` finds what was planted, and how often it takes a rule that is false.

Errors are made up: a rule costs one standard deviation of all errors where it is broken, 3 % of the models diverge at
90 %. All spaces are inside their window of flops, which ties their parameters together. `other`: any rule besides the
planted ones, proxies of them included; `useless`: any rule that does not lower the true mean error by a tenth of a
standard deviation among the models that keep the rules before it.

    python tests/benchmarks/bench_narrow.py [analyses of each row: 300] [models: 100]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated_narrowing import PLANTED, Pool, rates


def main(repeats: int = 300, n: int = 100) -> None:
    pools: dict[str, Pool] = {}
    print(f"{repeats} analyses a row, {n} models each\n")
    print("| space | planted | any found | all found | other rule | useless rule | s |")
    print("|---|---|---|---|---|---|---|")
    for planted in PLANTED:
        if planted.space not in pools:
            pools[planted.space] = Pool(planted.space)
        pool = pools[planted.space]
        start = time.perf_counter()
        row = rates([pool.narrowed(planted, n, seed) for seed in range(repeats)], planted)
        seconds = (time.perf_counter() - start) / repeats
        found = f"{100 * row['any']:.0f} % | {100 * row['all']:.0f} %" if planted.rules else "– | –"
        print(
            f"| {planted.space} | {planted.title} | {found} | {100 * row['other']:.1f} % |"
            f" {100 * row['useless']:.1f} % | {seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
