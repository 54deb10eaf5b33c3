"""Small spaces for the tests."""

import copy
import sys
from pathlib import Path

import pytest

from dsx.spaces.definition import space_from_dict

# the oracle is shared by several files
sys.path.insert(0, str(Path(__file__).parent))

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


@pytest.fixture
def small():
    """A function: the small space's definition with changes; parameters, rules and constraints are merged."""

    def change(**changes):
        content = copy.deepcopy(SMALL)
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(content.get(key), dict):
                content[key] = {k: v for k, v in {**content[key], **value}.items() if v is not None}
            else:
                content[key] = value
        return content

    return change


@pytest.fixture
def small_space(small):
    """A function: the small space with changes."""
    return lambda **changes: space_from_dict(small(**changes))
