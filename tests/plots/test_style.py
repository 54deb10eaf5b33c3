"""The house style: local to each call."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from dsx.plots.style import PALETTE, color, dashes, drawing, fold, house_style, new_axes, panels


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


def test_a_drawing_has_room_for_its_legend_and_notes_or_is_on_the_axes_given():
    def height(lines: int, notes: list[str]) -> float:
        with drawing(None, lines, notes) as ax:
            pass
        assert [text.get_text() for text in ax.texts] == (["\n".join(notes)] if notes else [])
        return ax.get_figure(root=True).get_size_inches()[1]

    assert height(0, []) < height(2, []) == pytest.approx(height(0, ["one", "two"]))
    given = new_axes()
    with drawing(given, 5, ["below"]) as ax:
        assert ax is given
    assert [text.get_text() for text in given.texts] == ["below"]


def test_a_long_note_takes_nothing_from_the_width_of_the_axes():
    def width(notes: list[str]) -> float:
        with drawing(None, 0, notes) as ax:
            ax.plot([0, 1], [0, 1])
        with house_style():
            ax.get_figure(root=True).draw_without_rendering()
            return ax.get_position().width

    assert width(["AnyNetXA and RegNetX-28: 64 models in 128 runs, MMWW " * 12]) == pytest.approx(
        width(["short"]), rel=0.01
    )
