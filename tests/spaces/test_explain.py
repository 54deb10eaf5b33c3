"""A space and a model in words."""

import pytest

from dsx.spaces.definition import load_space
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


@pytest.mark.slow
def test_the_list_has_every_space_and_tells_of_a_bad_file(tmp_path, monkeypatch):
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "broken.yaml").write_text("family: anynett")
    monkeypatch.chdir(tmp_path)
    lines = dict(line.split(maxsplit=1) for line in list_spaces().splitlines())
    assert lines["AnyNetXA"] == "AnyNet with the X block, no constraint among the stages"
    assert lines["broken"].startswith("cannot be read: ")
