"""`dsx show`: networks, studies and their models."""

from __future__ import annotations

from command_line import Command


def test_show_gives_the_published_complexity_per_stage(dsx: Command) -> None:
    done = dsx("show", "RegNetX-400MF")
    assert done.code == 0
    assert "397,678,568 flops, 5,157,512 params, 3,143,272 acts at 224×224, 1000 classes" in done.out
    stages = [line.split() for line in done.out.splitlines() if line.startswith("  stage")]
    assert [row[3:6] for row in stages] == [["1", "32", "2"], ["2", "64", "2"], ["7", "160", "2"], ["12", "384", "2"]]
    assert [row[9] for row in stages] == ["56×56", "28×28", "14×14", "7×7"]


def test_show_layers_add_up_to_the_total(dsx: Command) -> None:
    done = dsx("show", "RegNetX-200MF", "--layers")
    rows = [line.replace(",", "").split() for line in done.out.splitlines() if "×" in line and "classes" not in line]
    assert [sum(int(row[column]) for row in rows) for column in (-3, -2, -1)] == [199040872, 2684792, 2164056]


def test_show_refuses_unknown_networks_and_small_images(dsx: Command) -> None:
    done = dsx("show", "RegNetX-400mf")
    assert done.code == 2
    assert done.err.startswith("dsx: unknown network 'RegNetX-400mf'. Did you mean RegNetX-400MF? Known: ")
    done = dsx("show", "RegNetX-400MF", "--resolution", 16)
    assert done.err == (
        "dsx: resolution 16 is too small: stem and stages reduce it 32-fold; use at least 32, or smaller strides\n"
    )


def test_a_study_and_its_models_are_shown(dsx: Command) -> None:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 3)
    listing = dsx("show", "runs/AnyNetXA-digits").out.splitlines()
    assert len(listing) == 5
    model_id = listing[2].split()[0]
    done = dsx("show", "runs/AnyNetXA-digits", model_id[:6])
    assert done.out.startswith(f"{model_id} of runs/AnyNetXA-digits\n")
    assert "depth_1" in done.out
    done = dsx("show", "runs/AnyNetXA-digits", "zzz")
    assert done.err == (
        "dsx: runs/AnyNetXA-digits: no model whose id begins with 'zzz'; `dsx show runs/AnyNetXA-digits` lists them\n"
    )
