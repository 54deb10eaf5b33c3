"""Tests that need a CUDA GPU: skipped where there is none; with DSX_REQUIRE_GPU set they fail there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

REQUIRED = os.environ.get("DSX_REQUIRE_GPU", "") not in ("", "0")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(autouse=True)
def _gpu() -> Iterator[None]:
    """A GPU with no limit on its memory, none of it held, and convolutions in true float32."""
    if not torch.cuda.is_available():
        if REQUIRED:
            pytest.fail("DSX_REQUIRE_GPU is set and torch finds no CUDA GPU here", pytrace=False)
        pytest.skip("needs a CUDA GPU, and torch finds none here")
    torch.cuda.empty_cache()
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before
    torch.cuda.set_per_process_memory_fraction(1.0)
