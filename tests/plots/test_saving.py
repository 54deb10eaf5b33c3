"""Figures as files: the same bytes again, whole files or none, one layout for all formats."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dsx.base.errors import DsxError
from dsx.plots.saving import laid_out, save
from dsx.plots.style import house_style, new_axes, panels


def line():
    axes = new_axes()
    axes.plot([0, 1], [0, 1], label="a line")
    axes.set(xlabel="share", ylabel="error (%)")
    return axes


@pytest.mark.slow
def test_the_same_figure_gives_the_same_bytes(tmp_path):
    def write(folder):
        return [path.read_bytes() for path in save(line(), tmp_path / folder, "line")]

    assert write("a") == write("b")


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DsxError) as refusal:
        save(new_axes(), tmp_path / "taken", "line")
    assert str(refusal.value).startswith(f"{tmp_path / 'taken' / 'line.png'}: cannot be written (Not a directory); ")
    assert "\n" not in str(refusal.value)


def test_pixels_are_those_that_matplotlib_saves_by_itself(tmp_path):
    axes, cells = panels(None, 2, ["a note"])
    cells[0].plot([0, 1], [0, 1])
    picture, _ = save(axes, tmp_path, "ours")
    with house_style():
        axes.figure.savefig(tmp_path / "theirs.png", dpi=200, bbox_inches=axes.figure.bbox_inches)
    ours, theirs = (np.asarray(Image.open(path)) for path in (picture, tmp_path / "theirs.png"))
    assert np.array_equal(ours, theirs)


def test_a_figure_that_was_saved_is_laid_out_anew_afterwards(tmp_path):
    axes = line()
    engine = axes.figure.get_layout_engine()
    save(axes, tmp_path, "line")
    assert axes.figure.get_layout_engine() is engine


def test_a_figure_made_to_fit_is_saved_as_large_as_it_is():
    axes, _ = panels(None, 2, [])
    with laid_out(axes) as box:
        assert np.allclose(box.size, axes.figure.get_size_inches())
