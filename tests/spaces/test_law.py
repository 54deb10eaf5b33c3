"""The law of populations: exact enumeration of a small space, rejection in a large one."""

import numpy as np
import pytest
from oracle import identity, log_uniform, powers_of_two, small_law, x_flops
from scipy import stats

from dsx.spaces import draws
from dsx.spaces.definition import Space
from dsx.spaces.sampling import draw_population

ORDERS = {
    "A": ({}, lambda ds, ws: True),
    "D": ({"width": "non_decreasing"}, lambda ds, ws: list(ws) == sorted(ws)),
    "E": (
        {"width": "non_decreasing", "depth": "non_decreasing"},
        lambda ds, ws: list(ws) == sorted(ws) and list(ds) == sorted(ds),
    ),
}


@pytest.mark.parametrize("rules", [pytest.param(r, marks=[] if r == "E" else [pytest.mark.slow]) for r in ORDERS])
def test_the_first_model_has_the_exact_conditional_law(rules, small_space, monkeypatch):
    monkeypatch.setattr(draws, "CHUNK", 64)
    space = small_space(rules=ORDERS[rules][0], constraints={"flops": "150k:400k"})
    law = small_law(ORDERS[rules][1], window=(150e3, 400e3))
    seeds = 400
    first = [identity(draw_population(space, 1, seed).population[0]) for seed in range(seeds)]
    assert set(first) <= set(law)
    # groups of models with about equal total probability, from the likeliest down
    ordered = sorted(law, key=lambda key: -law[key])
    edges = np.minimum((np.cumsum([law[key] for key in ordered]) * 20).astype(int), 19)
    group = dict(zip(ordered, edges.tolist(), strict=True))
    expected = np.bincount(edges, weights=[law[key] for key in ordered], minlength=20) * seeds
    observed = np.bincount([group[key] for key in first], minlength=20)
    assert stats.chisquare(observed[expected > 0], expected[expected > 0]).pvalue > 0.001


@pytest.mark.slow
def test_the_second_model_has_the_law_without_the_first(small_space, monkeypatch):
    monkeypatch.setattr(draws, "CHUNK", 64)
    sizes = {
        "depth": {"distribution": "log_uniform", "low": 1, "high": 2, "step": 1, "per": "stage"},
        "width": {"distribution": "log_uniform", "low": 8, "high": 16, "step": 8, "per": "stage"},
        "bottleneck_ratio": 1,
    }
    space = small_space(parameters=sizes, constraints={"flops": "150k:400k"}, rules=ORDERS["E"][0])

    def keeps(ds, ws):
        return max(ds) <= 2 and max(ws) <= 16 and ORDERS["E"][1](ds, ws)

    # a log-uniform law restricted to a shorter range is the log-uniform law of that range
    law = {key: mass for key, mass in small_law(keeps, window=(150e3, 400e3)).items() if key[2] == 1}
    law = {key: mass / sum(law.values()) for key, mass in law.items()}
    assert 10 <= len(law) <= 60
    seeds = 700
    second = [identity(draw_population(space, 2, seed).population[1]) for seed in range(seeds)]
    keys = sorted(law, key=lambda key: -law[key])
    expected = np.array([sum(law[f] * law[s] / (1 - law[f]) for f in law if f != s) for s in keys]) * seeds
    observed = np.array([second.count(key) for key in keys])
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    keep = expected > 0
    assert stats.chisquare(observed[keep], expected[keep]).pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("rules", [pytest.param(r, marks=[] if r == "E" else [pytest.mark.slow]) for r in ORDERS])
def test_populations_agree_with_rejection_in_a_large_space(rules, small):
    """Four stages, a paper-like space: marginals of settings and flops against plain rejection sampling."""
    content = small(
        stages=4,
        strides=2,
        stem={"type": "simple", "width": 32},
        resolution=64,
        parameters={
            "depth": {"distribution": "log_uniform", "low": 1, "high": 16, "step": 1, "per": "stage"},
            "width": {"distribution": "log_uniform", "low": 8, "high": 512, "step": 8, "per": "stage"},
            "group_width": {"distribution": "powers_of_two", "low": 1, "high": 8},
        },
        rules=ORDERS[rules][0],
        constraints={"flops": "10M:30M"},
    )
    table = draw_population(Space.from_dict(content), 3000).population.table
    brute = rejection(ORDERS[rules][0], n={"A": 40_000, "D": 600_000, "E": 3_000_000}[rules])
    assert len(brute["flops"]) > 800
    for name in [f"{p}_{i}" for p in ("depth", "width") for i in (1, 2, 3, 4)] + ["flops"]:
        assert stats.ks_2samp(table[name], brute[name]).pvalue > 0.001, name
    for name in ("bottleneck_ratio", "group_width"):
        values = np.unique(brute[name])
        counts = [[(column == v).sum() for v in values] for column in (table[name].to_numpy(), brute[name])]
        assert stats.chi2_contingency(counts).pvalue > 0.001, name


def rejection(rules, n):
    """Settings of the space above that survive the orders and the window, drawn independently."""
    rng = np.random.default_rng(12)

    def draw(law, *shape):
        return rng.choice(list(law), size=shape, p=list(law.values()))

    depth, width = draw(log_uniform(1, 16, 1), n, 4), draw(log_uniform(8, 512, 8), n, 4)
    keep = np.ones(n, dtype=bool)
    for name, column in (("depth", depth), ("width", width)):
        if name in rules:
            keep &= (np.diff(column, axis=1) >= 0).all(axis=1)
    depth, width = depth[keep], width[keep]
    ratio, group = draw(powers_of_two(1, 2), len(depth)), draw(powers_of_two(1, 8), len(depth))
    inner = width // ratio[:, None]  # at least 4, and 8 divides widths: groups divide all but the narrowest
    clipped = np.minimum(group[:, None], inner)
    inner = np.maximum(clipped, np.rint(inner / clipped).astype(int) * clipped)
    final = inner * ratio[:, None]
    flops = x_flops(32, depth.T, final.T, [ratio] * 4, clipped.T, (2, 2, 2, 2), 64, 2, 10)
    inside = (flops >= 10e6) & (flops <= 30e6)
    columns = {f"depth_{i + 1}": depth[inside, i] for i in range(4)}
    columns |= {f"width_{i + 1}": width[inside, i] for i in range(4)}
    return columns | {"bottleneck_ratio": ratio[inside], "group_width": group[inside], "flops": flops[inside]}
