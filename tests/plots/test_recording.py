"""A recorded figure is what matplotlib draws by itself, at any resolution, and leaves the figure as it was."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import LineCollection
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle
from PIL import Image

from dsx.plots.recording import DPI, _pixels, recorded
from dsx.plots.style import house_style, new_axes, panels


def pixels(figure, dpi=DPI, box=None):
    stream = io.BytesIO()
    with house_style():
        figure.savefig(stream, format="png", dpi=dpi, bbox_inches=box or figure.bbox_inches)
    return np.asarray(Image.open(stream).convert("RGB")).astype(int)


def everything(image=True):
    """A figure that is not laid out, with all that renderers draw but text, within and beyond what clips it."""
    with house_style():
        axes, (first, second) = panels(None, 2, [])
        rng = np.random.default_rng(0)
        x, y = rng.uniform(0, 1, (2, 40))
        first.plot(x, y, marker="s", markersize=4, linestyle=(0, (5, 2)))
        first.scatter(x, y, s=60 * x, c=y, cmap="viridis", alpha=0.5)
        first.fill_between([0, 1], [0, 0.4], [0.3, 0.5], alpha=0.3, hatch="//")
        first.add_collection(LineCollection([[(0, 0), (1, 1)], [(0, 1), (1, 0)]], colors=["red", "blue"]))
        first.set(xlim=(0.1, 0.9), yscale="log", ylim=(0.05, 1))
        if image:
            second.imshow(rng.uniform(0, 1, (5, 5)), extent=(0, 1, 0, 1), aspect="auto").set_clip_path(
                Circle((0.5, 0.5), 0.4, transform=second.transData)
            )
        second.pcolormesh([0, 0.1, 0.2], [0, 0.1, 0.2], [[1, 2], [3, 4]], edgecolors="white")
        second.tripcolor([0.8, 1, 0.9], [0, 0, 0.2], [1.0, 2.0, 3.0], shading="gouraud")
        for cell in (first, second):
            cell.tick_params(which="both", labelleft=False, labelbottom=False)
    return axes


def test_pixels_are_those_that_matplotlib_saves_by_itself():
    axes = everything()
    assert np.array_equal(pixels(recorded(axes)), pixels(axes.figure))


@pytest.mark.parametrize("dpi", [100, 72])
def test_at_another_resolution_all_but_images_of_pixels_lies_where_it_should(dpi):
    axes = everything(image=False)
    ours, theirs = pixels(recorded(axes), dpi), pixels(axes.figure, dpi)
    assert ours.shape == theirs.shape
    assert (np.abs(ours - theirs).max(axis=2) > 40).mean() < 0.01


def test_an_image_of_pixels_lies_in_a_vector_image_where_matplotlib_puts_it():
    axes = everything()

    def places(figure):
        stream = io.BytesIO()
        with house_style():
            figure.savefig(stream, format="svg", dpi=DPI, bbox_inches=figure.bbox_inches)
        images = [e.attrib for e in ElementTree.fromstring(stream.getvalue()).iter() if e.tag.endswith("}image")]
        return [[float(image[name]) for name in ("x", "y", "width", "height")] for image in images]

    assert len(places(axes.figure)) == 1
    assert np.allclose(places(recorded(axes)), places(axes.figure), atol=0.5)


@pytest.mark.slow
def test_text_lies_where_matplotlib_writes_it_within_a_pixel():
    axes, (cell,) = panels(None, 1, ["a note above"])
    cell.set(xlabel="share of models", ylabel="error (%)", title="two lines\nof title")
    ours, theirs = pixels(recorded(axes)), pixels(axes.figure)
    dark = [255 - image.min(axis=2) for image in (ours, theirs)]
    assert dark[0].sum() == pytest.approx(dark[1].sum(), rel=0.02)
    near = np.max([np.roll(dark[1], shift, (0, 1)) for shift in np.ndindex(3, 3)], axis=0)
    assert (dark[0] - np.roll(near, (-1, -1), (0, 1)) > 80).mean() < 0.001


@pytest.mark.parametrize("angle", [0, 90, 37])
def test_a_text_that_is_kept_has_the_pixels_of_one_that_is_written(angle):
    font = FontProperties(size=9)
    renderer = RendererAgg(300, 300, DPI)
    renderer.draw_text(renderer.new_gc(), 150, 150, "fj 0.25 %", font, angle)
    cover, left, bottom = _pixels("fj 0.25 %", font, angle, False)
    whole = np.zeros((300, 300), np.uint8)
    whole[150 + bottom : 150 + bottom + len(cover), 150 + left : 150 + left + cover.shape[1]] = cover
    assert np.array_equal(whole[::-1], np.asarray(renderer.buffer_rgba())[..., 3])


def test_a_file_is_as_large_as_all_that_is_in_the_figure_or_as_one_made_to_fit():
    axes = new_axes()
    axes.set_title("a title that is far wider than these axes " * 3)
    engine, canvas, dpi = axes.figure.get_layout_engine(), axes.figure.canvas, axes.figure.dpi
    record = recorded(axes)
    assert (axes.figure.get_layout_engine(), axes.figure.canvas, axes.figure.dpi) == (engine, canvas, dpi)
    with house_style():
        axes.figure.dpi = DPI
        theirs = axes.figure.get_tightbbox(FigureCanvasAgg(axes.figure).get_renderer()).padded(0.1)
    assert np.allclose(record.get_size_inches(), theirs.size, atol=0.01)
    fitting, _ = panels(None, 2, [])
    assert np.array_equal(recorded(fitting).get_size_inches(), fitting.figure.get_size_inches())


def test_what_is_to_be_pixels_is_a_picture_inside_a_vector_image():
    axes, (cell,) = panels(None, 1, [])
    cell.plot([0, 1], [0, 1])
    cell.scatter([0, 1], [1, 0], rasterized=True, zorder=5)
    cell.set_axis_off()
    stream = io.BytesIO()
    record = recorded(axes)
    record.savefig(stream, format="svg")
    assert stream.getvalue().count(b"<image") == 1
    assert np.array_equal(pixels(record), pixels(axes.figure))
