"""Random numbers as a function of (seed, purpose, epoch, index), never of workers, devices or call order.

So no generator's state has to be kept for data order and augmentation: a resumed step draws what it
would have drawn.
"""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2**63) for one purpose: the same on every machine."""
    text = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *parts: str | int) -> torch.Generator:
    """A CPU generator that starts at `derive(seed, *parts)`."""
    return torch.Generator().manual_seed(derive(seed, *parts))
