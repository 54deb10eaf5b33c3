"""Loss and optimiser of a recipe."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dsx.networks.torch_private import without_compiler
from dsx.recipes.options import Optimiser
from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Mixed

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def loss_of(logits: Tensor, batch: Mixed, label_smoothing: float) -> Tensor:
    """Mean cross-entropy; of a mixed batch, share · that of the targets + (1 − share) · that of the partners.

    label_smoothing ε: the target is 1 − ε + ε/classes, every other class ε/classes.
    """
    loss = F.cross_entropy(logits, batch.targets, label_smoothing=label_smoothing)
    if batch.partners is None:
        return loss
    return batch.share * loss + (1.0 - batch.share) * F.cross_entropy(
        logits, batch.partners, label_smoothing=label_smoothing
    )


def parameter_groups(model: nn.Module, options: Optimiser) -> list[dict[str, object]]:
    """Parameters with and without weight decay, as decay_norm and decay_bias say; empty groups are left out."""
    decayed: list[nn.Parameter] = []
    exempt: list[nn.Parameter] = []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            decays = options.decay_norm if isinstance(module, NORMS) else options.decay_bias or name != "bias"
            (decayed if decays else exempt).append(parameter)
    groups = [(decayed, options.weight_decay), (exempt, 0.0)]
    return [{"params": parameters, "weight_decay": decay} for parameters, decay in groups if parameters]


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser, in one fused call per step where the device has it."""
    options, device = recipe.optimiser, next(model.parameters()).device
    groups, fused = parameter_groups(model, options), device.type in ("cpu", "cuda")
    if options.name == "adamw":
        return without_compiler(torch.optim.AdamW)(
            groups, lr=recipe.scaled_lr, betas=options.betas, eps=options.eps, fused=fused, capturable=recipe.capture
        )
    return without_compiler(torch.optim.SGD)(
        groups, lr=recipe.scaled_lr, momentum=options.momentum, nesterov=options.nesterov, fused=fused
    )
