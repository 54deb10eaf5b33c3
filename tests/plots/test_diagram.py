"""The small drawing of a network."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from dsx.plots.diagram import network_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_there_is_a_bar_for_every_block_in_proportion_to_its_width() -> None:
    text, fit = network_svg([[1, 16, 1, 8], [2, 32, 1, 8], [3, 64, 1, 8]])
    drawn = ElementTree.fromstring(text)
    heights = [float(bar.attrib["height"]) for bar in drawn.iter(f"{SVG}rect")]
    assert len(heights) == 6
    assert heights[5] / heights[0] == pytest.approx(64 / 16, rel=0.02)
    assert [t.text for t in drawn.iter(f"{SVG}text")] == ["16", "×1", "32", "×2", "64", "×3"]
    assert fit is not None
    assert len(list(drawn.iter(f"{SVG}path"))) == 6


@pytest.mark.slow
@pytest.mark.parametrize("stages", [[[1, 8, 1, 0]], [[40, 64, 1, 8], [60, 2048, 1, 8]], [[2, 512, 4, 8], [2, 8, 1, 8]]])
def test_everything_lies_inside_the_picture(stages: list[list[float]]) -> None:
    text, _ = network_svg(stages)
    drawn = ElementTree.fromstring(text)
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for bar in drawn.iter(f"{SVG}rect"):
        x, y, w, h = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width + 0.1
        assert y >= 0
        assert y + h <= height
