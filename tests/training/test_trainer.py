from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dsx.base.errors import DsxError, StudyError
from dsx.base.files import RecordWarning
from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
from dsx.training import session as sessions
from dsx.training.faults import Interrupted, OutOfMemory, TimeLimitExceeded
from dsx.training.result import Result
from dsx.training.trainer import train

Networks = Callable[..., Architecture]
Recipes = Callable[..., Recipe]
TIMES = ("seconds", "train_seconds", "waiting")


def numbers(result: Result) -> list[dict[str, Any]]:
    """The curve without what a clock gave."""
    return [{key: value for key, value in entry.items() if key not in TIMES} for entry in result.curve]


def fit(architecture: Architecture, recipe: Recipe, **options: Any) -> Result:
    fixed: dict[str, Any] = {"seed": 3, "device": "cpu", "threads": 1}
    return train(architecture, recipe, **fixed | options)


def stop_at(step: int) -> Callable[[], bool]:
    """True at its step-th question."""
    asked = iter(range(1, 10**9))
    return lambda: next(asked) == step


@pytest.mark.slow
def test_a_network_learns_and_the_result_says_how(tiny: Networks, digits: Recipes, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    result = fit(tiny(), digits(), folder=tmp_path, on_epoch=records.append)
    assert result.state == "done"
    assert result.error < 60
    assert [entry["epoch"] for entry in records] == [1, 2, 3]
    assert result.curve == records
    assert result.error == records[-1]["error"] == result.metrics["last_raw_top1"]
    assert result.best_error == min(entry["error"] for entry in records)
    assert result.split["training_images"] + result.split["evaluation_images"] == 1797
    assert result.peak_memory_bytes is None or result.peak_memory_bytes > 2**20
    assert result.environment["threads"] == 1
    assert "global batch 64 (64 per batch-norm group, 18 steps an epoch)" in result.effective_recipe["text"]
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    stored = json.loads((tmp_path / "result.json").read_text())
    assert stored["model_id"] == tiny().model_id
    assert Result.from_dict(stored) == result


@pytest.mark.slow
def test_training_again_returns_the_recorded_result(tiny: Networks, digits: Recipes, tmp_path: Path) -> None:
    first = fit(tiny(), digits(epochs=1), folder=tmp_path)
    assert fit(tiny(), digits(epochs=1, data__root="/elsewhere"), folder=tmp_path) == first
    with pytest.raises(StudyError, match="belongs to another training \\(seed: 3 → 4\\)"):
        fit(tiny(), digits(epochs=1), folder=tmp_path, seed=4)
    (tmp_path / "result.json").write_text('{"state": "do')
    with pytest.warns(RecordWarning, match="torn or not JSON"):
        assert numbers(fit(tiny(), digits(epochs=1), folder=tmp_path)) == numbers(first)


@pytest.mark.slow
def test_the_seed_decides_and_the_callers_generator_is_left_alone(tiny: Networks, digits: Recipes) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = fit(tiny(), digits(epochs=1))
    assert torch.equal(torch.rand(3), expected)
    assert numbers(fit(tiny(), digits(epochs=1))) == numbers(first)
    assert numbers(fit(tiny(), digits(epochs=1), seed=4)) != numbers(first)


EVERYTHING = {
    "ema": 0.9,
    "clip_gradient": 1.0,
    "label_smoothing": 0.1,
    "precise_bn": 128,
    "augmentation": {"crop_padding": 1, "mixup": 0.3, "cutmix": 0.3},
    "optimiser": {"name": "adamw", "decay_norm": False, "decay_bias": False},
    "lr": 0.01,
}


@pytest.mark.parametrize(
    ("options", "step"),
    [
        # at the end of an epoch and within one
        pytest.param({}, 18, id="plain-18", marks=pytest.mark.slow),
        pytest.param({}, 25, id="plain-25"),
        pytest.param({}, 36, id="plain-36", marks=pytest.mark.slow),
        pytest.param(EVERYTHING, 18, id="everything-18"),
        pytest.param(EVERYTHING, 25, id="everything-25", marks=pytest.mark.slow),
        pytest.param(EVERYTHING, 36, id="everything-36", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_training_resumes_to_the_bit(
    tiny: Networks, digits: Recipes, tmp_path: Path, step: int, options: dict[str, Any]
) -> None:
    recipe = digits(**options)
    whole = fit(tiny(), recipe)
    with pytest.raises(Interrupted, match=f"stopped in epoch {-(-step // 18)}"):
        fit(tiny(), recipe, folder=tmp_path, should_stop=stop_at(step))
    resumed = fit(tiny(), recipe, folder=tmp_path)
    assert numbers(resumed) == numbers(whole)
    assert resumed.metrics == whole.metrics


@pytest.mark.slow
def test_a_torn_checkpoint_costs_an_epoch_and_no_bit(tiny: Networks, digits: Recipes, tmp_path: Path) -> None:
    whole = fit(tiny(), digits())
    with pytest.raises(Interrupted):
        fit(tiny(), digits(), folder=tmp_path, should_stop=stop_at(40))
    newest = tmp_path / "checkpoint.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(RecordWarning, match="torn checkpoint"):
        assert numbers(fit(tiny(), digits(), folder=tmp_path)) == numbers(whole)


def test_a_checkpoint_of_another_training_is_refused(tiny: Networks, digits: Recipes, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(tiny(), digits(), folder=tmp_path, should_stop=stop_at(20))
    with pytest.raises(StudyError, match=r"belongs to another training \(recipe\.lr: 0\.1 → 0\.2\)"):
        fit(tiny(), digits(lr=0.2), folder=tmp_path)


def test_divergence_is_a_result_with_its_epoch_and_chance_error(
    tiny: Networks, digits: Recipes, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fit(tiny(), digits(lr=1e30), folder=tmp_path)
    assert result.state == "diverged"
    assert result.error == result.best_error == 90.0
    assert result.metrics["last_raw_top5"] == 50.0
    assert result.note.startswith("loss not finite in epoch 1, step ")
    assert result.epochs == 0
    assert Result.from_dict(json.loads((tmp_path / "result.json").read_text())) == result


@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    tiny: Networks, digits: Recipes, tmp_path: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DsxError, match=f"device '{device}': torch finds no CUDA device here; use --device cpu"):
        fit(tiny(), digits(), folder=tmp_path / "new", device=device)
    assert not (tmp_path / "new").exists()


def test_a_misspelt_device_has_a_near_miss(tiny: Networks, digits: Recipes) -> None:
    with pytest.raises(DsxError, match=r"unknown device 'cud'\. Did you mean cuda\?"):
        fit(tiny(), digits(), device="cud")


@pytest.mark.slow
def test_a_time_limit_keeps_the_checkpoint_and_a_higher_one_goes_on(
    tiny: Networks, digits: Recipes, tmp_path: Path
) -> None:
    with pytest.raises(TimeLimitExceeded, match="time limit of 0 min reached in epoch 1 of 3"):
        fit(tiny(), digits(time_limit_min=0), folder=tmp_path)
    assert numbers(fit(tiny(), digits(time_limit_min=60), folder=tmp_path)) == numbers(fit(tiny(), digits()))


def out_of_memory_above(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a forward pass of more than `images` images fail as a full GPU does."""
    original = sessions.Session._backward

    def backward(self: Any, batch: Any, weight: float) -> None:
        if len(batch.targets) > images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        original(self, batch, weight)

    monkeypatch.setattr(sessions.Session, "_backward", backward)


def test_out_of_memory_is_its_own_fault(tiny: Networks, digits: Recipes, monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_memory_above(32, monkeypatch)
    with pytest.raises(OutOfMemory, match=r"out of memory in epoch 1.*Tried to allocate 2\.00 GiB"):
        fit(tiny(), digits())


def test_no_memory_even_for_the_network_is_the_same_fault(
    tiny: Networks, digits: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")

    monkeypatch.setattr(sessions, "build", full)
    with pytest.raises(OutOfMemory, match=r"out of memory while the network was made.*CUBLAS_STATUS_ALLOC_FAILED"):
        fit(tiny(), digits(on_out_of_memory="accumulate"))


@pytest.mark.slow
def test_out_of_memory_may_halve_the_passes_and_keep_the_batch(
    tiny: Networks, digits: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fit(tiny(), digits(micro_batch_size=16))
    out_of_memory_above(16, monkeypatch)
    result = fit(tiny(), digits(on_out_of_memory="accumulate"))
    assert result.effective_recipe["micro_batch_size"] == 16
    assert [entry["error"] for entry in result.curve] == [entry["error"] for entry in expected.curve]


@pytest.mark.slow
def test_out_of_memory_shrinks_evaluation_and_precise_statistics_too(
    tiny: Networks, digits: Recipes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes that keep no gradients run out of memory above 16 images, though training has enough for 64."""
    build, sizes = sessions.build, Counter[int]()

    def full(model: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        kept = model.training and torch.is_grad_enabled()
        if not kept and len(inputs[0]) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if not kept:
            sizes[len(inputs[0])] += 1

    def built(*arguments: Any) -> torch.nn.Module:
        model = build(*arguments)
        model.register_forward_pre_hook(full)
        return model

    monkeypatch.setattr(sessions, "build", built)
    result = fit(tiny(), digits(on_out_of_memory="accumulate", precise_bn=128, epochs=1))
    assert (result.state, result.effective_recipe["micro_batch_size"]) == ("done", 16)
    assert max(sizes) == 16
    monkeypatch.undo()
    expected = fit(tiny(), digits(micro_batch_size=16, precise_bn=128, epochs=1))
    assert result.curve[0]["error"] == expected.curve[0]["error"]


@pytest.mark.slow
def test_bfloat16_and_micro_batches_learn_too(tiny: Networks, digits: Recipes) -> None:
    for options in ({"precision": "bfloat16"}, {"micro_batch_size": 16}, {"channels_last": False}):
        assert fit(tiny(), digits(**options)).error < 60


@pytest.mark.slow
def test_metrics_by_name(tiny: Networks, digits: Recipes) -> None:
    result = fit(tiny(), digits(ema=0.9, metric="best_ema_top5"))
    names = {f"{when}_{kind}_top{top}" for when in ("last", "best") for kind in ("raw", "ema") for top in (1, 5)}
    assert set(result.metrics) == names
    assert result.error == min(entry["ema_error_top5"] for entry in result.curve) == result.best_error
    assert result.metrics["last_raw_top5"] <= result.metrics["last_raw_top1"]


def test_the_last_checkpoint_stays_if_the_recipe_says_so(tiny: Networks, digits: Recipes, tmp_path: Path) -> None:
    fit(tiny(), digits(epochs=1, keep_checkpoint=True), folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "result.json"]
    weights = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]
    assert "head.fc.weight" in weights
