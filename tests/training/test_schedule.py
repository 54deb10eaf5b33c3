from __future__ import annotations

import math

import pytest
import torch

from dsx.base.errors import DefinitionError
from dsx.recipes.options import Schedule
from dsx.training.schedule import lr_factor

STEPS, EPOCHS = 7, 5


def factors(**fields: object) -> list[float]:
    schedule = Schedule.from_dict(fields)
    return [lr_factor(schedule, step, STEPS, EPOCHS) for step in range(STEPS * EPOCHS)]


def test_cosine_with_warmup_equals_the_formula_at_every_step() -> None:
    found = factors(name="cosine", warmup_epochs=2, warmup_factor=0.1)
    for step, factor in enumerate(found):
        cosine = (1 + math.cos(math.pi * step / (STEPS * EPOCHS))) / 2
        warm = 0.1 + 0.9 * step / (2 * STEPS) if step < 2 * STEPS else 1.0
        assert factor == pytest.approx(cosine * warm, abs=1e-15)
    assert found[0] == 0.1


def test_cosine_equals_torchs_scheduler_at_every_step() -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=STEPS * EPOCHS)
    for factor in factors(name="cosine"):
        assert factor == pytest.approx(optimiser.param_groups[0]["lr"], abs=1e-12)
        optimiser.step()
        scheduler.step()


def test_per_epoch_changes_only_between_epochs() -> None:
    found = factors(name="cosine", warmup_epochs=1, per="epoch")
    expected = [(1 + math.cos(math.pi * epoch / EPOCHS)) / 2 * (0.1 if epoch == 0 else 1) for epoch in range(EPOCHS)]
    assert found == pytest.approx([e for e in expected for _ in range(STEPS)])


def test_linear_and_step_and_constant() -> None:
    assert factors(name="linear") == pytest.approx([1 - s / 35 for s in range(35)])
    stepped = factors(name="step", milestones=[2, 4.5], gamma=0.1)
    assert stepped == pytest.approx([1.0] * 14 + [0.1] * 18 + [0.01] * 3)
    assert factors(name="constant") == [1.0] * 35


def test_step_needs_milestones_and_others_refuse_them() -> None:
    for fields in ({"name": "step"}, {"name": "cosine", "milestones": [1]}):
        with pytest.raises(DefinitionError, match="needs milestones"):
            Schedule.from_dict(fields)
