"""How one model's setting became its stages, in words."""

import pytest

import dsx
from dsx.spaces.definition import load_space
from dsx.spaces.derivation import describe_derivation


def test_a_models_widths_are_shown_raw_quantised_and_adjusted():
    fixed = {
        "parameters.depth": 22,
        "parameters.w0": 24,
        "parameters.wa": 24.48,
        "parameters.wm": 2.54,
        "parameters.group_width": 16,
    }
    space = load_space("RegNetX", fixed)
    model = dsx.sample(space, 1)[0]
    assert model.flops == 397_678_568  # RegNetX-400MF, published
    assert describe_derivation(space, model) == (
        "           depth  u (w0 + wa·j)  w0·wm^k  width before  width  inner  g drawn   g\n"
        "  stage 1      1             24       24            24     32     32       16  16\n"
        "  stage 2      2    48.48–72.96    60.96            64     64     64       16  16\n"
        "  stage 3      7    97.44–244.3    154.8           152    160    160       16  16\n"
        "  stage 4     12    268.8–538.1    393.3           392    384    384       16  16\n"
        "  22 blocks; widths of all blocks add up to 5,920 before group adjustment and 5,888 after (-0.5 %)"
    )


def test_an_anynet_model_is_explained_stage_by_stage(small_space):
    space = small_space(stages=3)
    model = dsx.sample(space, 1)[0]
    lines = describe_derivation(space, model).splitlines()
    assert len(lines) == 5
    for line, stage, i in zip(lines[1:], model.architecture.stages, (1, 2, 3), strict=False):
        cells = line.split()
        assert cells[2:5] == [str(stage.depth), str(model.setting[f"width_{i}"]), str(stage.width)]


@pytest.mark.slow
def test_settings_with_missing_stages_are_explained(small_space):
    stages = {"distribution": "uniform", "low": 1, "high": 3, "step": 1}
    space = small_space(parameters={"stages": stages}, strides=2)
    for model in dsx.sample(space, 20):
        assert len(describe_derivation(space, model).splitlines()) == 2 + len(model.architecture.stages)


@pytest.mark.slow
def test_a_number_of_groups_is_told_as_such(small_space):
    space = small_space(parameters={"group_width": None, "groups": 2, "width": 16, "depth": 1, "bottleneck_ratio": 1})
    lines = describe_derivation(space, dsx.sample(space, 1)[0]).splitlines()
    assert lines[1].split() == ["stage", "1", "1", "16", "16", "16", "2", "groups", "8"]
