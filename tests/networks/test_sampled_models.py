"""Models drawn from every space that ships with dsx: their columns are what the built networks count."""

import pytest
import torch

from dsx.networks.anynet import build
from dsx.networks.complexity import complexity
from dsx.networks.counting import count_complexity
from dsx.spaces.definition import load_space
from dsx.spaces.sampling import sample

from shipped_spaces import SHIPPED_SPACES


@pytest.mark.parametrize("name", SHIPPED_SPACES)
def test_columns_are_the_counts_of_the_built_network(name):
    population = sample(load_space(name), n=1, seed=11, allow_short=True)
    for model in population:
        resolution = model.setting.get("resolution", population.resolution)
        with torch.device("meta"):
            images = torch.empty(1, model.architecture.in_channels, resolution, resolution)
            counted = count_complexity(build(model.architecture), images)
        assert counted == complexity(model.architecture, resolution)
        assert counted == (model.flops, model.params, model.acts)
