"""Sampling speed: candidates and models a second for every shipped space, and the ratio to one model at a time.

The baseline draws one setting after another, with the orders kept by rejection, builds each architecture as
an object, counts its complexity and tests the constraints: what one writes first. Seconds are of CPU time.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from dsx.base import resources
from dsx.base.text import align
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.complexity import complexity
from dsx.networks.groups import adjust_groups
from dsx.networks.layers import BLOCKS
from dsx.networks.regnet import quantize_widths
from dsx.spaces.definition import Space, load_space
from dsx.spaces.distributions import SameAs
from dsx.spaces.orders import in_order, order_probability
from dsx.spaces.sampling import draw_population

N = 500
BASELINE_SECONDS = 1.0


def one_at_a_time(space: Space, seed: int) -> Iterator[bool]:
    """Draws single models for ever; whether each candidate is accepted."""
    rng = np.random.default_rng(seed)
    while True:
        setting = _draw(space, rng)
        yield setting is not None and _accepted(space, setting)


def _draw(space: Space, rng: np.random.Generator) -> dict[str, np.ndarray] | None:
    setting: dict[str, np.ndarray] = {}
    for name, parameter in space.parameters.items():
        if not isinstance(parameter, SameAs):
            setting[name] = parameter.quantile(rng.random(space.stages if parameter.per == "stage" else 1))
    for name, parameter in space.parameters.items():
        if isinstance(parameter, SameAs):
            setting[name] = setting[parameter.parameter]
    for name, rule in space.orders.items():
        if not in_order(setting[name][None, : rule.length(space.stages)], rule.order)[0]:
            return None
    return setting


def _accepted(space: Space, setting: dict[str, np.ndarray]) -> bool:
    def stage_value(name: str, i: int, default: float) -> float:
        values = setting.get(name)
        return default if values is None else float(values[min(i, len(values) - 1)])

    if space.family == "regnet":
        w0, wa, wm, depth = (float(setting[name][0]) for name in ("w0", "wa", "wm", "depth"))
        shapes = [(shape.width, shape.depth) for shape in quantize_widths(w0, wa, wm, int(depth))]
        if len(shapes) != space.stages or shapes[0][0] == 0:  # too narrow a start rounds to no channels
            return False
    else:
        shapes = [(int(stage_value("width", i, 0)), int(stage_value("depth", i, 0))) for i in range(space.stages)]
    stages = []
    for i, (width, depth_i) in enumerate(shapes):
        block = space.block if isinstance(space.block, str) else space.block[i]
        kind = BLOCKS[block]
        ratio = stage_value("bottleneck_ratio", i, 1.0) if kind.bottleneck else 1.0
        group = stage_value("group_width", i, 1) if kind.grouped else 1
        final, adjusted = adjust_groups(np.array([width]), np.array([ratio]), np.array([int(group)]))
        stages.append(
            Stage(
                block=block,
                depth=depth_i,
                width=int(final[0]) if kind.bottleneck or kind.grouped else width,
                stride=space.strides if isinstance(space.strides, int) else space.strides[i],
                bottleneck_ratio=ratio,
                group_width=int(adjusted[0]) if kind.grouped else None,
                se_ratio=space.se_ratio if kind.squeeze else 0.0,
            )
        )
    stem = Stem(type=space.stem.type, width=space.stem.width)
    architecture = Architecture(stages=tuple(stages), stem=stem, num_classes=space.num_classes)
    counts = complexity(architecture, int(stage_value("resolution", 0, space.resolution)))._asdict()
    inside = all(window.low <= counts[name] <= window.high for name, window in space.windows.items())
    arrays = {name: np.array([value]) for name, value in counts.items()}
    return inside and all(
        bool(limit.holds(arrays)[0]) for name, limit in space.constraints.items() if name not in space.windows
    )


def baseline_candidates_per_second(space: Space) -> float:
    """Candidates a second, one at a time."""
    candidates = 0
    start = time.process_time()
    for _ in one_at_a_time(space, seed=0):
        candidates += 1
        if time.process_time() - start > BASELINE_SECONDS:
            break
    return candidates / (time.process_time() - start)


def order_share(space: Space) -> float:
    """Share of independent draws that are in order: what the baseline's rejection lets pass."""
    return math.prod(
        order_probability(space.parameters[name].masses, rule.order, rule.length(space.stages))
        for name, rule in space.orders.items()
    )


def every_space(names: list[str]) -> str:
    rows = [["space", "candidates", "accepted", "candidates/s", "models/s", "baseline models/s", "ratio"]]
    for name in names:
        space = load_space(name)
        start = time.process_time()
        drawn = draw_population(space, N, allow_short=True)
        seconds = time.process_time() - start
        tally = drawn.tally
        speed = len(drawn.population) / seconds
        # few are accepted within a second: the expected number is the better estimate
        slow = baseline_candidates_per_second(space) * order_share(space) * tally.acceptance
        ratio = f"{speed / slow:,.0f}×"
        speeds = [f"{tally.candidates / seconds:,.0f}", f"{speed:,.0f}", f"{slow:,.2f}", ratio]
        rows.append([name, f"{tally.candidates:,}", f"{tally.acceptance:.2%}", *speeds])
        print(rows[-1][0], rows[-1][-1], file=sys.stderr, flush=True)
    return align(rows)


def large_samples() -> str:
    """The two hard cases: 100,000 models, and a window 0.1 % wide."""
    space = load_space("AnyNetXE")
    lines = []
    for what, n, window in (
        ("AnyNetXE, 100,000 models", 100_000, None),
        ("AnyNetXE, 399.6M:400M", 500, (399.6e6, 4e8)),
    ):
        narrow = space if window is None else space.constrained(flops=window)
        start = time.process_time()
        drawn = draw_population(narrow, n)
        seconds = time.process_time() - start
        lines.append(f"{what}: {seconds:.1f} s, {drawn.tally.candidates / seconds:,.0f} candidates/s")
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return "\n".join([*lines, f"peak memory of this process: {peak_gib:.2f} GiB"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spaces", nargs="*", help="names; all shipped spaces by default")
    names = parser.parse_args().spaces
    print(f"{N} models a space; numpy {np.__version__}, Python {sys.version.split()[0]}")
    print(every_space(names or sorted(path.stem for path in resources.shipped("spaces").glob("*.yaml"))))
    if not names:
        print(large_samples())


if __name__ == "__main__":
    main()
