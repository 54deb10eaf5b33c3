"""The small drawing of a network."""

from __future__ import annotations

from xml.etree import ElementTree

import pandas as pd
import pytest

from dsx.analysis.points import networks_table
from dsx.plots.diagram import network_svg
from dsx.results.structure import block_widths_of

SVG = "{http://www.w3.org/2000/svg}"


def drawing(stages: list[list[float]]) -> str:
    blocks = networks_table(pd.DataFrame({"error": [1.0]}), [block_widths_of(stages)])
    return network_svg(stages, blocks)


def test_there_is_a_bar_for_every_block_in_proportion_to_its_width() -> None:
    drawn = ElementTree.fromstring(drawing([[1, 16, 1, 8], [2, 32, 1, 8], [3, 64, 1, 8]]))
    heights = [float(bar.attrib["height"]) for bar in drawn.iter(f"{SVG}rect")]
    assert len(heights) == 6
    assert heights[5] / heights[0] == pytest.approx(64 / 16, rel=0.02)
    assert [t.text for t in drawn.iter(f"{SVG}text")] == ["16", "×1", "32", "×2", "64", "×3"]
    assert len(list(drawn.iter(f"{SVG}path"))) == 6


@pytest.mark.slow
@pytest.mark.parametrize("stages", [[[1, 8, 1, 0]], [[40, 64, 1, 8], [60, 2048, 1, 8]], [[2, 512, 4, 8], [2, 8, 1, 8]]])
def test_everything_lies_inside_the_picture(stages: list[list[float]]) -> None:
    drawn = ElementTree.fromstring(drawing(stages))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for bar in drawn.iter(f"{SVG}rect"):
        x, y, w, h = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width + 0.1
        assert y >= 0
        assert y + h <= height


def test_a_network_too_deep_to_fit_has_bars_alone() -> None:
    drawn = ElementTree.fromstring(drawing([[300, 16, 1, 8]]))
    assert len(list(drawn.iter(f"{SVG}rect"))) == 300
    assert list(drawn.iter(f"{SVG}path")) == []
