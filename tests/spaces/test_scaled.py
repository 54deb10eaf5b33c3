"""Spaces scaled to 28×28 and 32×32 keep the relations that the paper's have at 224×224."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dsx
from dsx.base import resources
from dsx.spaces.definition import Space
from dsx.spaces.sampling import configured
from dsx.spaces.scaled import window_note

FOR_CIFAR = (
    [f"AnyNet{block}{letter}" for block in ("X", "R", "V", "VR") for letter in "ABCDE"]
    + ["RegNet", "RegNetX", "RegNetY", "RegNetR", "RegNetV", "RegNetVR", "RegNet-wm2", "RegNet-w0-is-wa"]
    + ["AnyNetXC-equal-widths", "AnyNetXC-decreasing-widths", "AnyNetXD-equal-depths", "AnyNetXD-decreasing-depths"]
)
FOR_FASHION_MNIST = [f"AnyNetX{letter}" for letter in "ABCDE"] + ["RegNet", "RegNetX"]
FOR_FASHION_MNIST += ["AnyNetXC-equal-widths", "AnyNetXC-decreasing-widths"]
SCALED = [(name, 32) for name in FOR_CIFAR] + [(name, 28) for name in FOR_FASHION_MNIST]
# what a range of the paper's is divided by; wm and bottleneck ratios are ratios, and stay
DIVISORS = {"depth": 2, "width": 4, "group_width": 4, "w0": 4, "wa": 4, "wm": 1, "bottleneck_ratio": 1}


def test_every_scaled_space_is_one_of_the_rule() -> None:
    named = {f"{name}-{resolution}" for name, resolution in SCALED}
    assert named == {name for name in resources.names("spaces") if name.endswith(("-28", "-32"))}


@pytest.mark.parametrize(("name", "resolution"), SCALED)
def test_a_scaled_space_differs_from_the_papers_by_the_rule_alone(name: str, resolution: int) -> None:
    paper, scaled = (dsx.load_space(n).to_dict() for n in (name, f"{name}-{resolution}"))
    for key in ("family", "stages", "strides", "block", "head", "activation", "se_ratio", "rules"):
        assert scaled[key] == paper[key]
    assert scaled["resolution"] == resolution
    assert scaled["num_classes"] == 10
    assert scaled["stem"] == {"type": "cifar", "width": paper["stem"]["width"] // 4}
    if scaled["family"] == "regnet":
        assert scaled["width_step"] == paper["width_step"] // 4
    assert scaled["parameters"].keys() == paper["parameters"].keys()
    for parameter, of_paper in paper["parameters"].items():
        assert_scaled(scaled["parameters"][parameter], of_paper, DIVISORS[parameter])


def assert_scaled(scaled: dict[str, Any], paper: dict[str, Any], divisor: int) -> None:
    """The same law and sharing; ends and step divided. A paper's end that is left out (d < 64) is reached here."""
    for field in ("distribution", "per", "parameter", "value"):
        assert scaled.get(field) == paper.get(field)
    if "high" in paper:
        step = paper.get("step") or 0
        assert paper["high"] / divisor <= scaled["high"] <= (paper["high"] + step) / divisor
        # a depth is 1 at least, and a width 4: a bottleneck of 4 keeps one channel
        assert scaled["low"] in (paper["low"], paper["low"] / divisor, 4)
    if divisor == 4 and paper.get("step", 0) >= 1:
        assert scaled["step"] == paper["step"] / 4


@pytest.mark.parametrize("resolution", [28, 32])
def test_ranges_keep_the_papers_relations(resolution: int) -> None:
    stages = dsx.load_space(f"AnyNetXA-{resolution}").to_dict()["parameters"]
    network = dsx.load_space(f"RegNet-{resolution}").to_dict()["parameters"]
    assert network["depth"]["high"] == 4 * stages["depth"]["high"]
    assert network["w0"]["high"] == network["wa"]["high"] == stages["width"]["high"] / 4
    assert network["group_width"] | {"per": "stage"} == stages["group_width"]


@pytest.mark.parametrize(("name", "resolution"), SCALED)
def test_windows_are_the_papers_divided_like_its_blocks(name: str, resolution: int) -> None:
    """flops ∝ depth · channels² · area: 2 · 4² · (56 / first stage's size)², plus the stem, to 50,000."""
    space = dsx.load_space(f"{name}-{resolution}")
    divisor = 2 * 4**2 * (56 / (resolution / 2)) ** 2
    stem_flops = resolution**2 * 9 * space.in_channels * 8
    ends = tuple(round((end / divisor + stem_flops) / 50e3) * 50e3 for end in (360e6, 400e6))
    assert {name: (window.low, window.high) for name, window in space.windows.items()} == {"flops": ends}


def sizes(space: Space, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) depths and widths of the stages."""
    stages = [model.architecture.stages for model in dsx.sample(space, n)]
    return (np.array([[getattr(stage, name) for stage in each] for each in stages]) for name in ("depth", "width"))


@pytest.mark.parametrize("resolution", [28, 32])
def test_regnetx_is_as_good_as_inside_anynetxe(resolution: int) -> None:
    """But for the depths: RegNetX leaves their order free in the paper too, and a stage may be deeper than E's."""
    depths, widths = sizes(dsx.load_space(f"RegNetX-{resolution}"))
    paper_depths, paper_widths = sizes(dsx.load_space("RegNetX"))
    assert (np.diff(widths, axis=1) >= 0).all()
    assert widths.max() <= 256
    assert paper_widths.max() <= 1024
    inside, paper_inside = (depths.max(axis=1) <= 8).mean(), (paper_depths.max(axis=1) <= 16).mean()
    assert inside == pytest.approx(paper_inside, abs=0.12)
    assert inside > 0.75


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AnyNetXA", "AnyNetXC", "AnyNetXE", "RegNetX"])
@pytest.mark.parametrize("resolution", [28, 32])
def test_populations_are_the_papers_at_half_the_depth_and_a_quarter_of_the_width(name: str, resolution: int) -> None:
    depths, widths = sizes(dsx.load_space(f"{name}-{resolution}"))
    paper_depths, paper_widths = sizes(dsx.load_space(name))
    ratio = np.median(paper_depths.sum(axis=1)) / np.median(depths.sum(axis=1))
    assert ratio == pytest.approx(2, rel=0.25)
    geometric = math.exp(np.log(paper_widths).mean() - np.log(widths).mean())
    assert geometric == pytest.approx(4, rel=0.4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RegNetX-28", "RegNetX-32", "RegNetY-32", "RegNetV-32", "RegNet-w0-is-wa-32"])
def test_scaled_regnets_hold_populations_of_500(name: str) -> None:
    assert len(dsx.sample(dsx.load_space(name), 500)) == 500


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("AnyNetXE", {}, ""),
        ("AnyNetXE", {"resolution": 224}, ""),
        (
            "AnyNetXE",
            {"resolution": 32},
            "note: the window flops 360M:400M of AnyNetXE belongs to 224×224; AnyNetXE-32 is the space made for 32×32",
        ),
        (
            "RegNetX-28",
            {"resolution": 32},
            "note: the window flops 750k:850k of RegNetX-28 belongs to 28×28; RegNetX-32 is the space made for 32×32",
        ),
        (
            "AnyNetXE",
            {"resolution": 64},
            "note: the window flops 360M:400M of AnyNetXE belongs to 224×224; give a window for 64×64",
        ),
        ("AnyNetXE", {"resolution": 32, "flops": (1e6, 2e6)}, ""),
    ],
)
def test_a_window_of_another_resolution_is_noted(name: str, changes: dict[str, Any], told: str) -> None:
    space = dsx.load_space(name)
    assert window_note(space, configured(space, **changes)) == told
