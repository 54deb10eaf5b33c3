"""The house style: local to each call, the same bytes again, whole files or none."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from dsx.base.errors import DsxError
from dsx.plots.style import PALETTE, color, dashes, fold, house_style, new_axes, panels, save


def test_settings_of_others_are_left_alone():
    before = mpl.rcParams["font.size"]
    with house_style():
        assert mpl.rcParams["font.size"] == 9
    assert mpl.rcParams["font.size"] == before


def test_studies_beyond_the_palette_are_told_apart_by_dashes():
    looks = [(color(i), str(dashes(i))) for i in range(2 * len(PALETTE))]
    assert len(set(looks)) == len(looks)


def test_text_is_folded_at_words_and_keeps_its_own_breaks():
    assert fold("one two three\nfour", 8) == "one two\nthree\nfour"


def test_panels_lie_row_by_row_without_overlap():
    _, cells = panels(None, 5, ["note"], across=2)
    boxes = [cell.get_position() for cell in cells]
    assert len(cells) == 5
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[2].y1 < boxes[0].y0


@pytest.mark.slow
def test_the_same_figure_gives_the_same_bytes(tmp_path):
    def write(folder):
        axes = new_axes()
        axes.plot([0, 1], [0, 1])
        return [path.read_bytes() for path in save(axes, tmp_path / folder, "line")]

    assert write("a") == write("b")


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DsxError) as refusal:
        save(new_axes(), tmp_path / "taken", "line")
    assert str(refusal.value).startswith(f"{tmp_path / 'taken' / 'line.png'}: cannot be written (Not a directory); ")
    assert "\n" not in str(refusal.value)
