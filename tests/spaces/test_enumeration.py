"""Small spaces that are nearly used up: complete populations, under the same law."""

import numpy as np
import pytest
from oracle import small_law
from scipy import stats

import dsx
from dsx.base.errors import ShortfallError
from dsx.spaces import draws, enumeration
from dsx.spaces.enumeration import enumerate_settings
from dsx.spaces.sampling import draw_population

RARE = {"distribution": "choice", "values": [1, 2, 3], "weights": [1, 1e-3, 1e-9], "per": "stage"}


def test_masses_of_all_settings_are_their_probabilities(small_space):
    space = small_space(rules={"width": "non_decreasing"})
    law = small_law(lambda ds, ws: list(ws) == sorted(ws))
    settings, masses = next(iter(enumerate_settings(space)))
    assert len(masses) == 27 * 20 * 2 * 5  # one chunk holds them all
    total = masses.sum()
    for b in (1, 2):
        rows = (settings["bottleneck_ratio"] == b) & (settings["depth"] == [1, 2, 1]).all(axis=1)
        expected = sum(mass for key, mass in law.items() if key[2] == b and key[0] == (1, 2, 1))
        assert masses[rows].sum() / total == pytest.approx(expected)


@pytest.mark.slow
def test_models_that_are_almost_never_drawn_are_found(small_space):
    space = small_space(parameters={"depth": RARE, "width": 16, "bottleneck_ratio": 1, "group_width": 8})
    population = dsx.sample(space, 27)
    assert len(set(population.model_ids)) == 27
    # the likelier ones come first
    total = population.table[["depth_1", "depth_2", "depth_3"]].sum(axis=1).to_numpy()
    assert total[0] == 3
    assert total[-1] == 9


@pytest.mark.slow
def test_a_population_finished_by_enumeration_keeps_its_beginning(small_space):
    space = small_space(parameters={"depth": RARE, "width": 16, "bottleneck_ratio": 1, "group_width": 8})
    few, many = dsx.sample(space, 12, seed=4), dsx.sample(space, 27, seed=4)
    assert few.contents == many.contents[:12]


@pytest.mark.slow
def test_the_race_over_all_settings_has_the_law_of_successive_draws(small_space, monkeypatch):
    """With no candidates at all, so that the first model comes from the race alone."""
    monkeypatch.setattr("dsx.spaces.sampling.STREAM_CHUNKS", 0)
    monkeypatch.setattr(enumeration, "CHUNK", 16)
    weights = {"distribution": "choice", "values": [1, 2, 3], "weights": [5, 3, 2], "per": "stage"}
    space = small_space(
        stages=2, strides=2, parameters={"depth": weights, "width": 16, "bottleneck_ratio": 1, "group_width": 8}
    )
    counts = np.zeros((3, 3))
    seconds = np.zeros((3, 3))
    for seed in range(800):
        first, second = draw_population(space, 2, seed).population
        counts[first.setting["depth_1"] - 1, first.setting["depth_2"] - 1] += 1
        seconds[second.setting["depth_1"] - 1, second.setting["depth_2"] - 1] += 1
    law = np.outer([0.5, 0.3, 0.2], [0.5, 0.3, 0.2])
    assert stats.chisquare(counts.ravel(), law.ravel() * 800).pvalue > 0.001
    after = law * ((law / (1 - law)).sum() - law / (1 - law))
    assert stats.chisquare(seconds.ravel(), after.ravel() * 800).pvalue > 0.001


@pytest.mark.slow
def test_an_exhausted_space_is_said_to_be_so_with_its_exact_size(small_space):
    space = small_space(parameters={"depth": RARE, "width": 16, "bottleneck_ratio": 1, "group_width": 8})
    with pytest.raises(ShortfallError) as refusal:
        dsx.sample(space, 28)
    assert str(refusal.value) == (
        "small: 28 models asked for, and the space holds exactly 27 distinct ones under its rules and constraints;"
        " ask for 27, pass --allow-short, or widen the constraints"
    )


def test_a_small_space_without_any_model_says_so(small_space):
    with pytest.raises(ShortfallError) as refusal:
        dsx.sample(small_space(constraints={"flops": "1G:"}), 5)
    assert str(refusal.value) == (
        "small: 5 models asked for, and the space holds exactly 0 distinct ones under its rules and constraints;"
        " widen the constraints"
    )


def test_large_spaces_are_not_enumerated(small_space, monkeypatch):
    monkeypatch.setattr(draws, "CHUNK", 1 << 12)
    wide = {"distribution": "uniform", "low": 8, "high": 800, "step": 1, "per": "stage"}
    assert not enumeration.enumerable(small_space(parameters={"width": wide}))
    assert not enumeration.enumerable(
        small_space(parameters={"recipe.lr": {"distribution": "uniform", "low": 0, "high": 1}})
    )
