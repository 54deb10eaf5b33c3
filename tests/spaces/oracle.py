"""Plain, slow statements of the method, written apart from dsx: what its fast code is compared with."""

from __future__ import annotations

import itertools
import math

import numpy as np


def log_uniform(low, high, step):
    values = list(range(low, high + 1, step))
    masses = [math.log(low) - math.log(low - min(step, low / 2))] + [
        math.log(v) - math.log(v - step) for v in values[1:]
    ]
    return dict(zip(values, np.array(masses) / sum(masses), strict=True))


def powers_of_two(low, high):
    values = [2**e for e in range(20) if low <= 2**e <= high]
    return dict.fromkeys(values, 1 / len(values))


def adjusted(width, ratio, group):
    """One stage's width and group width after adjustment, for b ≥ 1 whole."""
    inner = max(1, width // ratio)
    group = min(group, inner)
    inner = max(group, round(inner / group) * group)
    return inner * ratio, group


def x_flops(stem, depths, widths, ratio, group, strides, resolution, stem_stride, classes):
    """Multiply-adds of a network of X blocks; every argument but strides may be an array of networks.

    widths: final ones.
    """
    h = (resolution - 1) // stem_stride + 1
    total, w_in = 27 * stem * h * h, stem
    for d, w, b, g, s in zip(depths, widths, ratio, group, strides, strict=True):
        out, inner = (h - 1) // s + 1, w // b
        body = lambda w_in, h, inner=inner, g=g, w=w, out=out: (  # noqa: E731
            w_in * inner * h * h + 9 * inner * g * out * out + inner * w * out * out
        )
        first = body(w_in, h) + np.where((w_in != w) | (s != 1), w_in * w * out * out, 0)
        total = total + first + (d - 1) * body(w, out)
        w_in, h = w, out
    return total + (w_in + 1) * classes


def small_law(keeps, window=(0, math.inf)):
    """Exact law of the small space of conftest under a rule over (depths, widths) and a window of flops.

    Returns {(depths, final widths, ratio, group widths): probability}.
    """
    depth, width = log_uniform(1, 3, 1), log_uniform(8, 32, 8)
    ratio, group = powers_of_two(1, 2), powers_of_two(1, 16)
    law: dict[tuple, float] = {}
    for ds in itertools.product(depth, repeat=3):
        for ws in itertools.product(width, repeat=3):
            if not keeps(ds, ws):
                continue
            mass = math.prod(depth[d] for d in ds) * math.prod(width[w] for w in ws)
            for b, g in itertools.product(ratio, group):
                finals = [adjusted(w, b, g) for w in ws]
                widths, groups = tuple(f[0] for f in finals), tuple(f[1] for f in finals)
                flops = x_flops(8, ds, widths, (b,) * 3, groups, (1, 2, 2), 16, 1, 10)
                if window[0] <= flops <= window[1]:
                    key = (ds, widths, b, groups)
                    law[key] = law.get(key, 0.0) + mass * ratio[b] * group[g]
    total = sum(law.values())
    return {key: mass / total for key, mass in law.items()}


def identity(model):
    """What tells two models of the small space apart: depths, widths, bottleneck ratio and group widths."""
    stages = model.architecture.stages
    return (
        tuple(s.depth for s in stages),
        tuple(s.width for s in stages),
        int(stages[0].bottleneck_ratio),
        tuple(s.group_width for s in stages),
    )


# a space that is small enough to enumerate
SMALL = {
    "name": "small",
    "family": "anynet",
    "stages": 3,
    "stem": {"type": "cifar", "width": 8},
    "strides": [1, 2, 2],
    "resolution": 16,
    "num_classes": 10,
    "parameters": {
        "depth": {"distribution": "log_uniform", "low": 1, "high": 3, "step": 1, "per": "stage"},
        "width": {"distribution": "log_uniform", "low": 8, "high": 32, "step": 8, "per": "stage"},
        "bottleneck_ratio": {"distribution": "powers_of_two", "low": 1, "high": 2},
        "group_width": {"distribution": "powers_of_two", "low": 1, "high": 16},
    },
}
