"""Networks of a user's own file: built, counted by the file or by watching, and their faults told in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import dsx as dsx_api
from dsx.base.errors import DefinitionError
from dsx.base.nested import canonical_json
from dsx.networks.complexity import complexity
from dsx.networks.cost import Complexity
from dsx.networks.lookup import input_shape, network_from_dict
from dsx.networks.user import USER_NETWORKS, UserCode, UserNetwork, UserTable, counted_complexity
from dsx.spaces.definition import load_space

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def linear(setting: dict[str, Any]) -> torch.nn.Module:
    return torch.nn.Linear(setting["input"][0], setting["num_classes"])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[..., UserNetwork]:
    """network(build, complexity=None, **setting): of 5 inputs and 3 classes, by that code."""

    def make(build: Callable[[dict[str, Any]], Any], complexity: Any = None, **setting: Any) -> UserNetwork:
        monkeypatch.setitem(USER_NETWORKS, "mine@1", UserCode("mine.py", {}, build, complexity))
        counted_complexity.cache_clear()
        return UserNetwork(network="mine@1", setting=setting, input=(5,), num_classes=3)

    return make


def test_a_network_is_its_content(network):
    one = network(linear, width=[8, 4], rate=0.5)
    again = network_from_dict(json.loads(canonical_json(one.to_dict())))
    assert again == one
    assert again.model_id == one.model_id
    assert again.model_id != network(linear, width=[8, 5], rate=0.5).model_id
    assert input_shape(one, 32) == (5,)


def test_a_network_of_an_unknown_file_is_told():
    with pytest.raises(DefinitionError) as refusal:
        UserNetwork.from_dict({"network": "gone@0", "setting": {}, "input": [1]}, "net.json")
    assert str(refusal.value) == (
        "net.json: network = 'gone@0': it comes from a user's file; open its study or load its space first"
    )


def test_a_network_is_built_from_its_setting_input_and_classes(network):
    seen = []
    built = dsx_api.build(network(lambda setting: seen.append(setting) or linear(setting), width=[8, 4]))
    assert built(torch.zeros(2, 5)).shape == (2, 3)
    assert built.training
    assert seen == [{"width": [8, 4], "input": (5,), "num_classes": 3}]


def test_layers_that_wait_for_their_size_get_it(network):
    waiting = network(lambda setting: torch.nn.LazyLinear(setting["num_classes"]))
    assert dsx_api.build(waiting).weight.shape == (3, 5)
    assert complexity(waiting) == Complexity(18, 18, 3)


def test_weights_depend_on_the_seed_alone(network):
    lazy = network(lambda setting: torch.nn.Sequential(torch.nn.LazyLinear(4), torch.nn.Linear(4, 3)))
    sums = []
    for _ in range(2):
        torch.manual_seed(3)
        sums.append(sum(p.sum().item() for p in dsx_api.build(lazy).parameters()))
    assert sums[0] == sums[1]


def test_a_network_without_complexity_is_counted_once(network):
    builds = []
    one = network(lambda setting: builds.append(1) or linear(setting))
    assert complexity(one) == complexity(one) == Complexity(18, 18, 3)
    assert len(builds) == 1


def test_a_network_that_says_its_complexity_is_not_built(network):
    one = network(None, lambda settings: (10 * settings["width"].sum(axis=1), 2, settings["input"][0]), width=[8, 4])
    assert complexity(one) == Complexity(120, 2, 5)


def test_a_table_is_its_networks(network):
    network(linear)
    settings = {"width": np.array([[8, 4], [2, 1]]), "kind": np.array(["a", "b"])}
    table = UserTable("mine@1", settings, np.array([2, 1]), (5,), 3)
    assert [content["setting"] for content in table.contents()] == [
        {"width": [8, 4], "kind": "a"}, {"width": [2], "kind": "b"},
    ]  # fmt: skip
    assert [UserNetwork.from_dict(content).to_dict() for content in table.contents()] == table.contents()
    assert table.take(np.array([1])).contents() == table.contents()[1:]
    keys = table.keys().tolist()
    assert keys[0] != keys[1]
    # beyond a network's own stages nothing counts
    other = UserTable("mine@1", {**settings, "width": np.array([[8, 4], [2, 9]])}, np.array([2, 1]), (5,), 3)
    assert other.keys().tolist() == keys


def no_meta(setting: dict[str, Any]) -> torch.nn.Module:
    made = linear(setting)
    made.weight.sum().item()
    return made


class Fourier(torch.nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.fft.rfft(x, 9).real)


FAULTS = [
    (lambda _: 3, "mine.py: build({'width': 8}) gives a int: expected a torch module"),
    (
        lambda _: torch.nn.Linear(5, 4),
        "mine.py: build({'width': 8}): of two inputs of 5 the module makes (2, 4): expected (2, 3), a number for each"
        " class",
    ),
    (
        lambda _: torch.nn.LSTM(5, 3),
        "mine.py: build({'width': 8}): of two inputs of 5 the module makes a tuple of 2: expected (2, 3), a number for"
        " each class",
    ),
    (
        lambda _: torch.nn.Linear(4, 3),
        "mine.py: build({'width': 8}): the module takes no inputs of 5: RuntimeError: mat1 and mat2 shapes cannot be"
        " multiplied (2x5 and 4x3)",
    ),
    (
        lambda _: Fourier(5, 3),
        "mine.py: build({'width': 8}) cannot be counted: aten._fft_r2c.default has no rule that counts it; give the"
        " file a complexity(settings)",
    ),
    (
        no_meta,
        "mine.py: build({'width': 8}) cannot be counted: without data RuntimeError: Tensor.item() cannot be called on"
        " meta tensors; give the file a complexity(settings)",
    ),
]


@pytest.mark.parametrize(("build", "message"), FAULTS)
def test_a_network_that_cannot_be_counted_is_told(build, message, network):
    with pytest.raises(DefinitionError) as refusal:
        complexity(network(build, width=8))
    assert str(refusal.value) == message


WRONG = [
    (lambda _: 3, "mine.py: complexity(settings) gives a int: expected flops, params, acts"),
    (lambda _: (1, 2), "mine.py: complexity(settings) gives a tuple of 2: expected flops, params, acts"),
    (
        lambda s: (s["width"] / 3, 1, 1),
        "mine.py: flops of complexity(settings) are float64 of shape (1,) for 1 settings: expected (1,) whole"
        " numbers from 0",
    ),
    (
        lambda _: (1, np.zeros((1, 2)), 1),
        "mine.py: params of complexity(settings) are float64 of shape (1, 2) for 1 settings: expected (1,) whole"
        " numbers from 0",
    ),
    (
        lambda _: (1, 1, -1),
        "mine.py: acts of complexity(settings) are int64 of shape () for 1 settings: expected (1,) whole numbers"
        " from 0",
    ),
]


@pytest.mark.parametrize(("said", "message"), WRONG)
def test_a_complexity_that_is_none_is_told(said, message, network):
    with pytest.raises(DefinitionError) as refusal:
        complexity(network(linear, said, width=8))
    assert str(refusal.value) == message


def test_a_complexity_that_differs_from_the_module_is_told(network):
    with pytest.raises(DefinitionError) as refusal:
        dsx_api.build(network(linear, lambda _: (1, 19, 1), width=8))
    assert str(refusal.value) == (
        "mine.py: build({'width': 8}): the module has 18 parameters, and complexity(settings) says 19"
    )


@pytest.mark.slow
def test_the_closed_form_of_the_documented_transformer_is_what_is_counted():
    population = dsx_api.sample(load_space(EXAMPLES / "ViT-digits.yaml"), 10, flops=(0, 1e9))
    for model in population:
        counted = counted_complexity(canonical_json(model.architecture.to_dict()))
        assert counted == (model.flops, model.params, model.acts)


@pytest.mark.slow
def test_a_space_with_a_closed_form_is_sampled_without_torch():
    code = (
        f"import sys, dsx; dsx.sample(dsx.load_space({str(EXAMPLES / 'ViT-digits.yaml')!r}), 5);"
        f"dsx.load_space({str(EXAMPLES / 'MLP-cancer.yaml')!r}); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
