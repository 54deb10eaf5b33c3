"""Small spaces for the tests."""

import copy
import sys
from pathlib import Path

import pytest

from dsx.spaces.definition import Space

# the oracle is shared by several files
sys.path.insert(0, str(Path(__file__).parent))

from oracle import SMALL


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
    return lambda **changes: Space.from_dict(small(**changes))
