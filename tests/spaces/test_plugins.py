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
from dsx.base.errors import DefinitionError, DsxError, ShortfallError, StudyError
from dsx.networks.architecture import Architecture
from dsx.spaces.definition import Space, load_space
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


@pytest.mark.slow
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
    assert Space.from_dict(open_study(tmp_path / "study").definition) == space


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


NOTHING = (
    "holds no BLOCKS, no FAMILIES and no build(setting); write one of them at its top level, as in"
    " BLOCKS = {'name': Block(…)}"
)
FAULTS = [
    ("BLOCKS = {}", f"mine.py: {NOTHING}"),
    ("x = 1", f"mine.py: {NOTHING}"),
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


NETWORK = """
PARAMETERS = {
    "stages": {"distribution": "uniform", "low": 1, "high": 2, "step": 1},
    "width": {"distribution": "log_uniform", "low": 2, "high": 8, "step": 2, "per": "stage"},
    "act": {"distribution": "choice", "values": ["ReLU", "Tanh"], "weights": [3, 1]},
}

def build(setting):
    from torch import nn
    sizes, layers = [setting["input"][0], *setting["width"]], []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), getattr(nn, setting["act"])()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], setting["num_classes"]))
"""
COMPLEXITY = """
def complexity(settings):
    import numpy as np
    first, second = settings["width"][:, 0], np.where(settings["stages"] > 1, settings["width"][:, 1], 0)
    into, classes, last = settings["input"][0], settings["num_classes"], np.where(second > 0, second, first)
    params = (into + 1) * first + (first + 1) * second + (last + 1) * classes
    return params, params, first + second + classes
"""


@pytest.fixture
def network_space(tmp_path):
    """network_space(source, **changes): the path of a space of the networks in that file, of 5 inputs and 3 classes."""

    def write(source=NETWORK, **changes):
        (tmp_path / "net.py").write_text(source)
        content = {"plugins": ["net.py"], "family": "net", "input": [5], "num_classes": 3, **changes}
        (tmp_path / "net.yaml").write_text(yaml.safe_dump(content))
        return tmp_path / "net.yaml"

    return write


def test_networks_of_ones_own_are_sampled_counted_and_built(network_space):
    space = load_space(network_space(constraints={"params": "40:100"}, rules={"width": "non_decreasing"}))
    population = dsx_api.sample(space, 12)
    assert len(set(population.model_ids)) == 12
    for model in population:
        widths = model.architecture.setting["width"]
        assert len(widths) == model.setting["stages"]
        assert widths == sorted(widths)
        assert 40 <= model.params <= 100
        assert dsx_api.complexity(model.architecture) == (model.flops, model.params, model.acts)
        network = dsx_api.build(model.architecture)
        assert sum(p.numel() for p in network.parameters()) == model.params
    assert dsx_api.sample(space, 5).model_ids == population.model_ids[:5]


@pytest.mark.slow
def test_networks_come_in_the_law_of_their_parameters(network_space):
    """The first model over many seeds; and all 40 that the space holds."""
    space = load_space(network_space())
    first = [dsx_api.sample(space, 1, seed=seed)[0].setting for seed in range(400)]
    relu = sum(setting["act"] == "ReLU" for setting in first)
    assert abs(relu - 300) < 4 * (400 * 0.75 * 0.25) ** 0.5
    shallow = sum(setting["stages"] == 1 for setting in first)
    assert abs(shallow - 200) < 4 * 100**0.5
    space = load_space(network_space(NETWORK + COMPLEXITY))
    with pytest.raises(ShortfallError, match=r"the space holds exactly 40 distinct ones"):
        dsx_api.sample(space, 41)
    assert len(set(dsx_api.sample(space, 40).model_ids)) == 40


def test_counting_by_building_draws_what_a_closed_form_draws(network_space):
    window = {"params": "40:100"}
    built = dsx_api.sample(load_space(network_space(constraints=window)), 20)
    closed = dsx_api.sample(load_space(network_space(NETWORK + COMPLEXITY, constraints=window)), 20)
    for column in ("flops", "params", "acts"):
        assert getattr(built, column).tolist() == getattr(closed, column).tolist()
    assert built.table.drop(columns="model_id").equals(closed.table.drop(columns="model_id"))


@pytest.mark.slow
def test_a_window_that_no_network_meets_ends_soon(network_space):
    space = load_space(network_space(constraints={"params": "1M:2M"}))
    with pytest.raises(ShortfallError, match=r"^net: 3 models asked for, and the space holds exactly 0 distinct ones"):
        dsx_api.sample(space, 3)


def test_a_yaml_changes_what_the_file_says(network_space):
    space = load_space(network_space(parameters={"width": {"high": 4}, "act": "Tanh"}))
    assert space.parameters["width"].high == 4
    assert space.parameters["width"].low == 2
    assert space.parameters["act"].values.tolist() == ["Tanh"]
    assert Space.from_dict(space.to_dict()) == space


@pytest.mark.slow
def test_the_code_is_part_of_a_space_and_kept_with_the_study(network_space, tmp_path):
    path = network_space()
    space = load_space(path)
    study = Study.create(tmp_path / "study", dsx_api.sample(space, 3), space.to_dict(), {"n": 3}, 0)
    (tmp_path / "net.py").write_text(NETWORK.replace("Tanh", "GELU"))
    changed = load_space(path)
    assert changed.definition_hash != space.definition_hash
    study.paths.run(study.population.model_ids[0]).result.parent.mkdir(parents=True)
    study.paths.run(study.population.model_ids[0]).result.write_text("{}")
    with pytest.raises(StudyError, match=r"space\.plugins") as refusal:
        Study.create(tmp_path / "study", dsx_api.sample(changed, 3), changed.to_dict(), {"n": 3}, 0)
    assert "\n" not in str(refusal.value)
    # in a process that has seen neither the file nor the space
    (tmp_path / "net.py").unlink()
    code = (
        "import dsx; m = dsx.open_study('study').population[0];"
        "print(m.params, sum(p.numel() for p in dsx.build(m.architecture).parameters()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    listed, built = done.stdout.split()
    assert listed == built == str(study.population[0].params)


NETWORK_FAULTS = [
    ("PARAMETERS = {'a': 1}", "net.py: holds PARAMETERS and no build; write def build(setting) at its top level"),
    (
        "def build(setting): ...",
        "net.py: holds build and no PARAMETERS; write PARAMETERS = {'width': {…}} at its top level",
    ),
    (
        "W = 3\nPARAMETERS = {'a': W}\ndef build(setting): ...",
        "net.py, line 2: PARAMETERS is not written out: expected {'name': {'distribution': …}} of plain numbers and"
        " texts, as a space's YAML has it",
    ),
    (
        "PARAMETERS = {'input': 1}\ndef build(setting): ...",
        "net.py: PARAMETERS has 'input', which a setting holds anyway: rename it",
    ),
    ("PARAMETERS = {", "net.py, line 1: SyntaxError: '{' was never closed"),
]


@pytest.mark.parametrize(("source", "message"), NETWORK_FAULTS)
def test_a_fault_in_a_file_of_networks_is_one_line(source, message, network_space):
    path = network_space(source)
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"depth": 3}}, "unknown parameter 'depth'. Did you mean width?"
            " Known: stages, width, act, recipe.…"),
        ({"parameters": {"act": None}}, "parameters.act is required by family 'net'"),
        ({"block": "r"}, "block: networks of 'net' have it from their own file: leave it out"),
        ({"resolution": 32}, "resolution: networks of 'net' have it from input: leave it out"),
        ({"family": "nett"}, "family = 'nett': unknown family 'nett'. Did you mean net? Known: anynet, regnet, net"),
        ({"rules": {"few": "stage_width <= 3"}}, "rules.few: 'stage_width <= 3': unknown name"
            " 'stage_width'. Did you mean width? Known: inference_memory, stages, training_memory, width"),
    ],
)  # fmt: skip
def test_what_a_space_of_such_networks_cannot_say_is_told(changes, message, network_space):
    path = network_space(**changes)
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value) == f"{path}: {message}"


def test_a_build_that_raises_is_told_with_its_line(network_space):
    space = load_space(network_space(NETWORK.replace("from torch import nn", "nn = undefined")))
    with pytest.raises(DefinitionError) as refusal:
        dsx_api.sample(space, 2)
    assert str(refusal.value) == "net.py, line 9: NameError: name 'undefined' is not defined (in build)"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (NETWORK.replace("from torch import nn", "raise SystemExit(3)"), "net.py, line 9: SystemExit: 3 (in build)"),
        ("raise SystemExit(3)\n" + NETWORK, "net.py, line 1: SystemExit: 3"),
    ],
)
def test_a_file_that_ends_the_program_is_told_too(network_space, text, where):
    space = load_space(network_space(text))
    with pytest.raises(DefinitionError) as refusal:
        dsx_api.sample(space, 2)
    assert where in str(refusal.value)


def test_a_file_that_cannot_be_run_is_told_when_it_is(network_space):
    space = load_space(network_space("import nowhere_at_all\n" + NETWORK))
    with pytest.raises(DefinitionError) as refusal:
        dsx_api.sample(space, 2)
    assert str(refusal.value) == "net.py, line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"


def test_inputs_that_are_no_images_have_no_resolution(network_space):
    space = load_space(network_space())
    with pytest.raises(DsxError) as refusal:
        dsx_api.sample(space, 2, resolution=32)
    assert str(refusal.value) == "resolution = 32: net takes no images but inputs of 5"


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
