"""The learning rate at every step: pure arithmetic."""

from __future__ import annotations

import math

from dsx.recipes.options import Schedule


def lr_factor(schedule: Schedule, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Learning rate of a step as a factor of the highest one.

    step: counted from 0 over the whole training, step < steps_per_epoch · epochs.
    Warm-up multiplies the schedule, as in the authors' code, which moves once per epoch (`per: epoch`).
    """
    position = step // steps_per_epoch if schedule.per == "epoch" else step / steps_per_epoch
    if schedule.name == "cosine":
        factor = 0.5 * (1.0 + math.cos(math.pi * position / epochs))
    elif schedule.name == "linear":
        factor = 1.0 - position / epochs
    elif schedule.name == "step":
        factor = schedule.gamma ** sum(position >= milestone for milestone in schedule.milestones)
    else:
        factor = 1.0
    if position < schedule.warmup_epochs:
        done = position / schedule.warmup_epochs
        factor *= schedule.warmup_factor * (1.0 - done) + done
    return factor
