"""A user's own blocks and families: loaded, frozen, told apart, and their faults told with file and line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

import dsx as dsx_api
from dsx.base.errors import DefinitionError
from dsx.networks.architecture import Architecture
from dsx.spaces.definition import load_space, space_from_dict
from dsx.spaces.files import merge
from dsx.study.study import Study, open_study

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

BLOCK = """
from dsx.networks.layers import Block, Conv

def convs(w_in, w, inner, groups, stride, squeeze):
    return [Conv("a", {kernel}, w_in, w, stride=stride)]

BLOCKS = {{"mine": Block(convs)}}
"""
FAMILY = """
import numpy as np
from dsx.spaces.families import Family, ParameterRule, StageShapes

def shape(columns, stages, most, width_step):
    present = np.arange(most) < stages[:, None]
    width = columns["start"][:, None] * 2 ** np.arange(most)
    depth = np.where(present, columns["blocks"][:, None], 0)
    return StageShapes(np.where(present, width, 1), depth, width[:, -1] <= 64)

whole = ParameterRule(integer=True, low=1, per_stage=False, required=True)
FAMILIES = {"doubling": Family({"start": whole, "blocks": whole}, shape)}
"""


@pytest.fixture
def space_with(tmp_path, small):
    """A function: the small space with block `mine` from a plugin of this source; returns the file's path."""

    def write(source, block="mine", name="mine", **changes):
        (tmp_path / f"{name}.py").write_text(source)
        content = merge(small(**changes), {"parameters": {"group_width": None, "bottleneck_ratio": None}})
        content |= {"name": name, "plugins": [f"{name}.py"], "block": block}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def test_a_block_of_ones_own_is_sampled_counted_built_and_trained_on(space_with):
    population = dsx_api.sample(load_space(space_with(BLOCK.format(kernel=3))), 10)
    for model in population:
        assert model.architecture.stages[0].block.startswith("mine@")
        assert dsx_api.complexity(model.architecture, 16) == (model.flops, model.params, model.acts)
        network = dsx_api.build(model.architecture)
        assert sum(p.numel() for p in network.parameters()) == model.params
        network(torch.zeros(2, 3, 16, 16)).sum().backward()


@pytest.mark.slow
def test_two_versions_of_a_block_are_two_blocks(space_with):
    first = dsx_api.sample(load_space(space_with(BLOCK.format(kernel=3))), 3)
    second = dsx_api.sample(load_space(space_with(BLOCK.format(kernel=5))), 3)
    assert not set(first.model_ids) & set(second.model_ids)
    # both can be built in one process
    for population in (first, second):
        for model in population:
            built = sum(p.numel() for p in dsx_api.build(model.architecture).parameters())
            assert built == model.params


@pytest.mark.slow
def test_a_study_is_the_same_after_the_users_file_has_changed(space_with, tmp_path):
    path = space_with(BLOCK.format(kernel=3))
    space = load_space(path)
    population = dsx_api.sample(space, 3)
    Study.create(tmp_path / "study", population, space.to_dict(), {"n": 3}, 0)
    (tmp_path / "mine.py").unlink()
    # in a process that has seen neither the file nor the space
    code = (
        "import dsx; s = dsx.open_study('study'); m = s.population[0];"
        "print(m.params, sum(p.numel() for p in dsx.build(m.architecture).parameters()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    listed, built = done.stdout.split()
    assert listed == built == str(population[0].params)
    assert space_from_dict(open_study(tmp_path / "study").definition) == space


def test_a_family_of_ones_own_says_what_the_stages_are(space_with):
    choice = lambda *values: {"distribution": "choice", "values": list(values)}  # noqa: E731
    path = space_with(FAMILY, block="v")
    content = yaml.safe_load(path.read_text()) | {
        "family": "doubling",
        "parameters": {"start": choice(8, 16, 32), "blocks": choice(1, 2)},
    }
    path.write_text(yaml.safe_dump(content))
    population = dsx_api.sample(load_space(path), 4)
    found = sorted((m.architecture.block_widths[0], m.architecture.depth) for m in population)
    assert found == [(8, 3), (8, 6), (16, 3), (16, 6)]
    for model in population:
        start = model.setting["start"]
        assert [stage.width for stage in model.architecture.stages] == [start, 2 * start, 4 * start]


@pytest.mark.slow
def test_blocks_of_ones_own_stand_beside_those_of_dsx(space_with):
    path = space_with(BLOCK.format(kernel=3), block=["mine", "v", "mine"])
    blocks = [stage.block for stage in dsx_api.sample(load_space(path), 1)[0].architecture.stages]
    assert [name.partition("@")[0] for name in blocks] == ["mine", "v", "mine"]


FAULTS = [
    ("BLOCKS = {}", "mine.py: holds neither BLOCKS nor FAMILIES; write BLOCKS = {'name': Block(…)} at its top level"),
    ("x = 1", "mine.py: holds neither BLOCKS nor FAMILIES; write BLOCKS = {'name': Block(…)} at its top level"),
    ("\n\nprint(undefined)", "mine.py, line 3: NameError: name 'undefined' is not defined"),
    ("def f(:\n  pass", "mine.py, line 1: SyntaxError: invalid syntax"),
    ("import nowhere_at_all", "mine.py, line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    ("BLOCKS = [1]", "mine.py: BLOCKS is a list; expected {'name': Block(…)}"),
    ("BLOCKS = {'mine': 3}", "mine.py: BLOCKS['mine'] is a int; expected a Block under a name"),
    (BLOCK.format(kernel=3).replace('"mine"', '"x"'), "mine.py: block 'x' exists in dsx; give yours another name"),
    (BLOCK.format(kernel=3).replace('"mine"', '"a b"'), "mine.py: block 'a b': a name is letters, digits and _"),
    (FAMILY.replace('"doubling"', '"regnet"'), "mine.py: family 'regnet' exists in dsx; give yours another name"),
]


@pytest.mark.parametrize(("source", "message"), FAULTS)
def test_a_fault_in_the_users_file_is_one_line(source, message, space_with):
    path = space_with(source)
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_a_missing_file_is_told(space_with, tmp_path):
    path = space_with("")
    (tmp_path / "mine.py").unlink()
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value) == f"{path}: plugins[0] = 'mine.py': no such file beside it ({tmp_path}/mine.py)"


def test_a_block_that_the_plugin_lacks_is_told(space_with):
    with pytest.raises(DefinitionError) as refusal:
        load_space(space_with(BLOCK.format(kernel=3), block="mien"))
    assert str(refusal.value).endswith(
        "mine.yaml: block = 'mien': unknown block. Did you mean mine?"
        " Known: x, r, v, vr, vanilla, basic, linear_bottleneck, mine"
    )


def test_two_plugins_with_one_name_are_told(space_with, tmp_path):
    path = space_with(BLOCK.format(kernel=3))
    (tmp_path / "other.py").write_text(BLOCK.format(kernel=5))
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"plugins": ["mine.py", "other.py"]}))
    with pytest.raises(DefinitionError, match=r"other.py: block 'mine' is in another plugin too; rename one$"):
        load_space(path)


def test_an_exception_while_sampling_names_the_line(space_with):
    source = BLOCK.format(kernel=3).replace("return [", "return 1 / 0 * [")
    space = load_space(space_with(source))
    with pytest.raises(DefinitionError) as refusal:
        dsx_api.sample(space, 2)
    assert str(refusal.value) == "mine.py, line 5: ZeroDivisionError: division by zero (in block 'mine')"


def test_a_module_that_differs_from_its_list_is_refused(space_with):
    source = BLOCK.format(kernel=3).replace(
        "BLOCKS",
        "def module(stage, w_in, stride, parts):\n    from torch import nn\n    return nn.Linear(3, 2)\n\nBLOCKS",
    )
    source = source.replace("Block(convs)", "Block(convs, module=module)")
    model = dsx_api.sample(load_space(space_with(source)), 1)[0]
    with pytest.raises(DefinitionError, match=r"its module has 8 parameters and its list of convs [\d,]+; complexity"):
        dsx_api.build(model.architecture)


def test_an_architecture_whose_block_is_not_loaded_is_told():
    content = {"stages": [{"block": "mine@00000000", "depth": 1, "width": 8}]}
    with pytest.raises(DefinitionError) as refusal:
        Architecture.from_dict(content, "net.json")
    assert str(refusal.value) == (
        "net.json: stages[0].block = 'mine@00000000': unknown block 'mine@00000000':"
        " it comes from a user's file; open its study or load its space first"
    )


@pytest.mark.slow
def test_the_documented_example_runs(dsx, tmp_path):
    """`dsx run` over the example of docs/spaces.md: sampling, training in worker processes, analysis."""
    shutil.copytree(EXAMPLES, tmp_path / "mine")
    done = dsx(
        "run", "quickstart", "spaces=[mine/ConvNeXt-digits.yaml]", "n=2", "recipe.epochs=1", "launcher.workers=1",
        "out=runs/mine", "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done
    study = open_study("runs/mine/ConvNeXt-digits")
    assert study.counts()["done"] == 2
    assert json.loads(study.population.contents[0])["stages"][0]["block"].startswith("convnext@")
