from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsx.base import resources
from dsx.base.errors import DefinitionError, DsxError
from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe, load_recipe


@pytest.mark.parametrize("name", sorted(resources.names("experiments", "recipe")))
def test_shipped_recipes_resolve_and_survive_a_round_trip(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.label in recipe.describe()


@pytest.mark.slow
def test_recipes_resolve_without_torch() -> None:
    code = "import sys, dsx; dsx.load_recipe('digits').describe(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 3}, "recipe digits: unknown key 'epoch'. Did you mean epochs?"),
        ({"optimiser.nestrov": True}, "recipe digits: unknown key 'nestrov' in optimiser. Did you mean nesterov?"),
        ({"lr": "fast"}, "recipe digits: lr = 'fast': expected a number"),
        ({"epochs": 0}, "recipe digits: epochs = 0: expected a value ≥ 1"),
        ({"metric": "last_ema_top1"}, "recipe digits: metric last_ema_top1 needs ema (a decay such as 0.999)"),
        ({"schedule.warmup_epochs": 9}, "recipe digits: schedule.warmup_epochs 9 exceeds epochs 8"),
        ({"micro_batch_size": 20}, "recipe digits: batch_size 48 is not a multiple of micro_batch_size 20"),
        (
            {"capture": True, "compile": True},
            "recipe digits: capture does not go with compile: leave one of them out",
        ),
        (
            {"capture": True, "precision": "float16"},
            "recipe digits: capture does not go with precision float16: use bfloat16, or leave capture out",
        ),
        (
            {"capture": True, "augmentation.mixup": 0.2},
            "recipe digits: capture does not go with augmentation.mixup: leave one of them out",
        ),
        (
            {"capture": True, "augmentation.cutmix": 0.2},
            "recipe digits: capture does not go with augmentation.cutmix: leave one of them out",
        ),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        load_recipe("digits", overrides)
    assert str(caught.value) == message


def test_unknown_names_have_near_misses() -> None:
    with pytest.raises(DefinitionError, match=r"unknown recipe 'digit'\. Did you mean digits\?"):
        load_recipe("digit")
    with pytest.raises(DefinitionError, match=r"data\.dataset = 'cifra10': unknown data set .* Did you mean cifar10\?"):
        load_recipe("cifar10", {"data.dataset": "cifra10"})


def test_a_torn_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: [digits")
    with pytest.raises(DefinitionError, match=r"mine\.yaml, line 1: not valid YAML: "):
        load_recipe(path)


def test_overrides_take_dotted_keys_and_nested_mappings() -> None:
    dotted = load_recipe("digits").with_overrides({"lr": 0.05, "optimiser.weight_decay": 1e-4})
    nested = load_recipe("digits", {"lr": 0.05, "optimiser": {"weight_decay": 1e-4}})
    assert dotted == nested
    assert (dotted.lr, dotted.optimiser.weight_decay, dotted.optimiser.momentum) == (0.05, 1e-4, 0.9)


def test_identity_leaves_out_where_data_lies_and_keeps_what_changes_results() -> None:
    recipe = load_recipe("cifar10")
    assert recipe.recipe_id == recipe.with_overrides({"data.root": "/elsewhere", "data.workers": 3}).recipe_id
    assert recipe.recipe_id != recipe.with_overrides({"data.split.seed": 1}).recipe_id


def test_the_papers_learning_rates_follow_the_batch() -> None:
    final = load_recipe("imagenet_100ep")
    assert final.scaled_lr == pytest.approx(0.8)
    assert final.with_overrides({"batch_size": 512}).scaled_lr == pytest.approx(0.4)
    low = load_recipe("imagenet_10ep")
    assert (low.scaled_lr, low.optimiser.weight_decay, low.epochs, low.batch_size) == (0.05, 5e-5, 10, 128)
    assert "128 per batch-norm group" in final.describe(world=8)


def test_a_network_that_does_not_fit_names_both_sides(tiny: Callable[..., Architecture]) -> None:
    recipe = load_recipe("digits")
    recipe.check(tiny())
    with pytest.raises(DsxError, match=r"network has in_channels 3 and data set digits of recipe digits has 1"):
        recipe.check(tiny(in_channels=3))
    with pytest.raises(DsxError, match=r"network has num_classes 100 and data set digits of recipe digits has 10"):
        recipe.check(tiny(num_classes=100))
    deep = tiny().to_dict()
    deep["stem"]["type"], deep["stages"][0]["stride"] = "resnet", 4
    with pytest.raises(DsxError, match=r"does not fit recipe digits: resolution 8 is too small"):
        recipe.check(Architecture.from_dict(deep))
