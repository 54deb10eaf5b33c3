"""One number of a setting drawn anew keeps every rule, and has the law that brute force gives it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

import dsx
from dsx.networks.complexity import layers
from dsx.spaces.conditional import accepted, conditional_values, resampled_columns, settings_of
from dsx.spaces.definition import Space

SMALL = Space.from_dict(
    {
        "name": "small",
        "family": "anynet",
        "stages": 2,
        "block": "vanilla",
        "resolution": 8,
        "num_classes": 10,
        "parameters": {
            "depth": {"distribution": "log_uniform", "low": 1, "high": 6, "step": 1, "per": "stage"},
            "width": {"distribution": "choice", "values": [8, 16, 32], "weights": [1, 2, 1], "per": "stage"},
        },
        "rules": {"depth": "non_decreasing"},
        "constraints": {"flops": "40k:200k"},
    }
)


@pytest.mark.parametrize("name", ["AnyNetXA", "AnyNetXE", "RegNet", "RegNetX-digits", "NDS-ResNet"])
def test_every_model_of_a_population_is_accepted(name: str) -> None:
    space = dsx.load_space(name)
    population = dsx.sample(space, n=60, seed=3)
    assert accepted(space, settings_of(space, population.settings)).all()


def test_what_breaks_an_order_a_rule_or_the_window_is_not_accepted() -> None:
    definition = SMALL.to_dict()
    space = Space.from_dict({**definition, "rules": {**definition["rules"], "wide": "width[0] < 32"}})
    settings = {
        "depth": np.array([[1, 2], [2, 1], [1, 2], [1, 1]]),
        "width": np.array([[16, 16], [16, 16], [32, 8], [8, 8]]),
    }
    flops = [40_000 <= dsx.complexity(network(space, settings, i), 8).flops <= 200_000 for i in range(4)]
    assert accepted(space, settings).tolist() == [flops[0], False, False, flops[3]]
    assert flops[0]


def network(space: dsx.Space, settings: dict[str, np.ndarray], row: int) -> dsx.Architecture:
    from dsx.spaces.assembly import assemble

    (part,) = assemble(space, {name: column[[row]] for name, column in settings.items()})
    return dsx.Architecture.from_dict(part.table.contents()[0])


@pytest.mark.slow
@pytest.mark.parametrize("column", ["depth_1", "depth_2", "width_2"])
def test_values_drawn_anew_have_the_conditional_law(column: str) -> None:
    """Brute force: the parameter's own masses among the values that are accepted, given all others."""
    population = dsx.sample(SMALL, n=12, seed=0, allow_short=True)
    name, stage = column.split("_")
    parameter = SMALL.parameters[name]
    values = conditional_values(SMALL, population.settings, column, seed=1, proposals=4000)
    for model in range(4):
        settings = {key: np.repeat(x[[model]], len(parameter.values), axis=0)
                    for key, x in settings_of(SMALL, population.settings).items()}  # fmt: skip
        settings[name][:, int(stage) - 1] = parameter.values
        masses = parameter.masses * accepted(SMALL, settings)
        drawn = values.kept[values.start[model] + 1 : values.start[model + 1]]
        counts = np.array([(drawn == v).sum() for v in parameter.values])
        possible = masses > 0
        assert counts[~possible].sum() == 0
        if possible.sum() > 1:
            expected = masses[possible] / masses.sum() * counts.sum()
            assert chisquare(counts[possible], expected).pvalue > 0.001


def test_draws_are_those_of_the_seed_and_hold_the_models_own_value() -> None:
    space = dsx.load_space("AnyNetXA")
    columns = dsx.sample(space, n=20, seed=0).settings
    first, again = (conditional_values(space, columns, "width_2", seed=4) for _ in range(2))
    assert np.array_equal(first.kept, again.kept)
    assert np.array_equal(first.kept[first.start[:-1]], columns["width_2"])
    assert np.array_equal(first.draw(5, [1]), again.draw(5, [1]))
    assert not np.array_equal(first.kept, conditional_values(space, columns, "width_2", seed=5).kept)
    drawn = first.draw(1, [2])[0]
    assert accepted(space, settings_of(space, {**columns, "width_2": drawn})).all()


@pytest.mark.slow
def test_a_stage_that_a_network_lacks_has_no_other_value() -> None:
    space = dsx.load_space(
        "AnyNetXA-digits", {"parameters.stages": {"distribution": "choice", "values": [3, 4]}, "strides": 1}
    )
    columns = dsx.sample(space, n=30, seed=0, flops=(1e5, 1e9)).settings
    free = space.constrained(flops=(1e5, 1e9))
    values = conditional_values(free, columns, "depth_4", seed=0)
    lacks = np.isnan(columns["depth_4"])
    assert 0 < lacks.sum() < 30
    assert (np.diff(values.start)[lacks] == 1).all()
    assert (np.diff(values.start)[~lacks] > 1).all()
    assert "stages" not in resampled_columns(space)


def test_shares_of_flops_may_stand_in_rules_and_are_what_the_layers_add_up_to() -> None:
    space = dsx.load_space("AnyNetXA-digits", {"rules.third": "stage_flops[2] / sum(stage_flops) >= 0.4"})
    for model in dsx.sample(space, n=10, seed=0):
        rows = list(layers(model.architecture, 8))
        flops = [sum(r.complexity.flops for r in rows if r.stage == f"stage {i}") for i in range(1, 5)]
        assert flops[2] / sum(flops) >= 0.4
