"""What an architecture file may say, the identity of architectures, and their columns."""

import copy
import subprocess
import sys

import numpy as np
import pytest

from dsx.base.errors import DefinitionError
from dsx.networks.architecture import Architecture, ArchitectureTable, Head, Stage, Stem
from dsx.networks.complexity import complexity

GOOD = {
    "stem": {"type": "simple", "width": 32},
    "stages": [
        {
            "block": "x",
            "depth": 1,
            "width": 24,
            "stride": 2,
            "bottleneck_ratio": 1.0,
            "group_width": 8,
            "se_ratio": 0.0,
        }
    ],
    "head": {"width": 0},
    "activation": "relu",
    "num_classes": 10,
    "in_channels": 3,
}
BLOCK_NAMES = "x, r, v, vr, vanilla, basic, linear_bottleneck"


def stage(**changes):
    """The good file with fields of its stage changed; a field set to `...` is left out."""
    content = copy.deepcopy(GOOD)
    fields = {**content["stages"][0], **changes}
    content["stages"][0] = {key: value for key, value in fields.items() if value is not ...}
    return content


def top(**changes):
    content = {**copy.deepcopy(GOOD), **changes}
    return {key: value for key, value in content.items() if value is not ...}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (stage(depth=0), "stages[0].depth = 0: expected a value ≥ 1"),
        (stage(depth=1.5), "stages[0].depth = 1.5: expected an integer"),
        (stage(depth=True), "stages[0].depth = True: expected an integer"),
        (stage(width=0), "stages[0].width = 0: expected a value ≥ 1"),
        (stage(width=24.5), "stages[0].width = 24.5: expected an integer"),
        (stage(group_width=0), "stages[0].group_width = 0: expected a value ≥ 1"),
        (stage(group_width=1.5), "stages[0].group_width = 1.5: expected an integer"),
        (stage(stride=0), "stages[0].stride = 0: expected a value ≥ 1"),
        (stage(bottleneck_ratio=float("nan")), "stages[0].bottleneck_ratio = nan: expected a finite number"),
        (stage(block="y"), f"stages[0].block = 'y': unknown block 'y'. Known: {BLOCK_NAMES}"),
        (stage(block="Vr"), f"stages[0].block = 'Vr': unknown block 'Vr'. Did you mean vr? Known: {BLOCK_NAMES}"),
        (stage(depth=...), "stages[0].depth is required"),
        (stage(width=...), "stages[0].width is required"),
        (stage(widht=3), "unknown key 'widht' in stages[0]. Did you mean width?"),
        (top(stages=[]), "stages = []: expected at least one entry"),
        (top(stages=...), "stages is required"),
        (top(activation="swish"), "activation = 'swish': expected one of relu, silu, gelu"),
        (top(num_classes=0), "num_classes = 0: expected a value ≥ 1"),
        (top(in_channels=0), "in_channels = 0: expected a value ≥ 1"),
        (top(stem={"type": "cfar"}),
         "stem.type = 'cfar': unknown stem. Did you mean cifar? Known: simple, resnet, cifar"),
        (top(headd=1), "unknown key 'headd'. Did you mean head?"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_one_line(content, message):
    with pytest.raises(DefinitionError) as refusal:
        Architecture.from_dict(content, where="net.json")
    assert str(refusal.value) == f"net.json: {message}"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (stage(group_width=None), "group_width is required by block 'x'"),
        (stage(block="basic"), "block 'basic' has no group_width: leave it out"),
        (stage(block="v", group_width=None, se_ratio=0.25), "block 'v' has no se_ratio: leave it out"),
        (stage(block="v", group_width=None, bottleneck_ratio=2), "block 'v' has no bottleneck_ratio: leave it out"),
        (stage(bottleneck_ratio=5), "width 24 / bottleneck_ratio 5 is not a whole number of channels"),
        (
            stage(group_width=7),
            "inner width 24 is not a multiple of group_width 7; `adjust_groups` gives widths that are",
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_refused(content, rule):
    with pytest.raises(DefinitionError) as refusal:
        Architecture.from_dict(content, where="net.json")
    assert str(refusal.value).startswith("net.json: stages[0]")
    assert str(refusal.value).endswith(f": {rule}")


def test_construction_in_python_is_checked_as_a_file_is():
    with pytest.raises(DefinitionError, match=r"^Stage: depth = 0: expected a value ≥ 1$"):
        Stage(depth=0, width=8, group_width=8)


def test_dictionary_round_trip_keeps_content_and_identity():
    architecture = Architecture.from_dict(GOOD)
    assert architecture.to_dict() == GOOD
    assert Architecture.from_dict(architecture.to_dict()) == architecture
    assert architecture.model_id == "b6aaeb29fe80ab9c"  # a change here would orphan every study's records


def test_model_id_differs_when_any_field_does():
    changed = [
        stage(depth=2),
        stage(width=32),
        stage(stride=1),
        stage(group_width=4),
        stage(bottleneck_ratio=3.0),
        stage(se_ratio=0.25),
        top(num_classes=11),
        top(in_channels=1),
        top(activation="silu"),
        top(head={"width": 8}),
        top(stem={"type": "cifar", "width": 32}),
    ]
    ids = {Architecture.from_dict(content).model_id for content in [GOOD, *changed]}
    assert len(ids) == len(changed) + 1


@pytest.mark.slow
def test_model_id_is_the_same_in_a_fresh_process():
    script = f"from dsx.networks.architecture import Architecture; print(Architecture.from_dict({GOOD!r}).model_id)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == Architecture.from_dict(GOOD).model_id


def test_table_rows_are_the_architectures_they_came_from():
    networks = [
        Architecture(
            stem=Stem(width=8 * k),
            stages=tuple(Stage(depth=k, width=8 * (i + 1), group_width=8, se_ratio=0.25) for i in range(k)),
            head=Head(width=12),
            num_classes=3,
        )
        for k in (2, 1, 3)
    ]
    table = ArchitectureTable.of(networks)
    assert [Architecture.from_dict(content) for content in table.contents()] == networks
    assert table.take(np.array([2, 0])).contents() == [networks[i].to_dict() for i in (2, 0)]
    doubled = ArchitectureTable.of([*networks, *networks]).keys()
    assert len(set(doubled.tolist())) == 3


def test_architectures_that_share_no_header_make_no_table():
    one = Architecture(stages=(Stage(depth=1, width=8, group_width=8),))
    with pytest.raises(DefinitionError, match="must share stem type, blocks, head"):
        ArchitectureTable.of([one, Architecture(stages=one.stages, num_classes=5)])


@pytest.mark.slow
def test_descriptions_and_complexity_work_without_torch():
    script = (
        "import sys; import dsx.networks.architecture, dsx.networks.complexity, dsx.networks.published,"
        " dsx.networks.baselines, dsx.networks.lookup; print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected an Architecture, found NoneType"),
        (
            "RegNetX-400MF",
            "expected an Architecture, found str: dsx.published('RegNetX-400MF') is one if it is a name of the"
            " literature",
        ),
        ({"stages": []}, "expected an Architecture, found dict: Architecture.from_dict makes one of it"),
    ],
)
def test_what_is_no_network_is_told_with_the_way_to_one(value, message):
    with pytest.raises(DefinitionError) as told:
        complexity(value)
    assert str(told.value) == message
