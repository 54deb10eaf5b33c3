from __future__ import annotations

import torch

from dsx.recipes.recipe import load_recipe
from dsx.training.data.augment import Mixed, lighting_noise, mix
from dsx.training.streams import generator

IMAGES = torch.arange(4 * 1 * 8 * 8, dtype=torch.float32).view(4, 1, 8, 8)
TARGETS = torch.tensor([0, 1, 2, 3])


def test_mixup_is_the_share_of_each_image_and_its_neighbour() -> None:
    recipe = load_recipe("digits", {"augmentation.mixup": 0.7})
    mixed = mix(IMAGES, TARGETS, recipe, seed=1, epoch=2, step=3)
    assert mixed.partners is not None
    assert mixed.partners.tolist() == [3, 0, 1, 2]
    for i in range(4):
        torch.testing.assert_close(mixed.images[i], mixed.share * IMAGES[i] + (1 - mixed.share) * IMAGES[i - 1])


def test_cutmix_share_is_the_area_that_was_kept() -> None:
    recipe = load_recipe("digits", {"augmentation.cutmix": 1.0})
    shares = set()
    for step in range(30):
        mixed = mix(IMAGES, TARGETS, recipe, seed=1, epoch=0, step=step)
        kept = (mixed.images == IMAGES).float().mean(dim=(1, 2, 3))
        torch.testing.assert_close(kept, torch.full((4,), mixed.share))
        pasted = mixed.images != IMAGES
        assert torch.equal(mixed.images[pasted], IMAGES.roll(1, 0)[pasted])
        shares.add(mixed.share)
    assert len(shares) > 10


def test_mixing_shares_follow_the_beta_distribution() -> None:
    recipe = load_recipe("digits", {"augmentation.mixup": 0.5})
    shares = torch.tensor([mix(IMAGES, TARGETS, recipe, 0, 0, step).share for step in range(2000)])
    # Beta(1/2, 1/2): mean 1/2, variance 1/8; three standard errors
    assert abs(shares.mean().item() - 0.5) < 0.024
    assert abs(shares.var().item() - 0.125) < 0.01


def test_without_mixing_the_batch_is_as_it_was() -> None:
    assert mix(IMAGES, TARGETS, load_recipe("digits"), 0, 0, 0) == Mixed(IMAGES, TARGETS)


def test_colour_noise_has_the_covariance_of_its_components() -> None:
    noise = lighting_noise(200_000, 0.1, generator(0, "test")).double()
    values = torch.tensor([0.2175, 0.0188, 0.0045]).double()
    vectors = torch.tensor(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    ).double()
    expected = vectors @ torch.diag((0.1 * values) ** 2) @ vectors.T
    torch.testing.assert_close(noise.T.cov(), expected, atol=4e-6, rtol=0)
