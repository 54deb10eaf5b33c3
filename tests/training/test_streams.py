"""Random numbers as a function of seed, purpose and place."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from scipy import stats

from dsx.training.streams import derive, generator


def test_a_seed_is_the_hash_of_its_parts_and_stays_what_it_is() -> None:
    """A change here changes every result: data order and augmentation come from it."""
    digest = hashlib.blake2b(b"3/order/12", digest_size=8).hexdigest()
    assert derive(3, "order", 12) == int(digest, 16) // 2
    assert derive(0, "order", 0) == 1829853113658518448


def test_seeds_fit_where_torch_takes_them_and_are_spread_evenly() -> None:
    seeds = np.array([derive(0, "flip", epoch, index) for epoch in range(20) for index in range(100)], dtype=float)
    assert seeds.min() >= 0
    assert seeds.max() < 2**63
    assert stats.kstest(seeds / 2**63, "uniform").pvalue > 0.01


def test_every_part_matters_and_so_does_its_place() -> None:
    keys = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a", 1, 0), (0, 1, "a"), (0, "a")]
    assert len({derive(*key) for key in keys}) == len(keys)


def test_a_generator_starts_there_and_leaves_torchs_own_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = torch.rand(4, generator=generator(1, "noise"))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.rand(4, generator=generator(1, "noise")), first)
    by_hand = torch.Generator().manual_seed(derive(1, "noise"))
    assert torch.equal(torch.rand(4, generator=by_hand), first)
    assert not torch.equal(torch.rand(4, generator=generator(2, "noise")), first)
