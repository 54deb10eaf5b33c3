"""The private parts of matplotlib behave as saving figures needs them; a version that changes one fails."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fontTools import subset
from matplotlib import _text_helpers as helpers
from matplotlib.backends import _backend_pdf_ps as backend
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font, LoadFlags

from dsx.plots.matplotlib_private import fonts_kept
from dsx.plots.saving import save
from dsx.plots.style import new_axes


@pytest.fixture
def cut(monkeypatch):
    """Number of glyphs asked for by each cut of a font."""
    cuts = []
    populate = subset.Subsetter.populate

    def noted(self, *args, gids=(), **kwargs):
        cuts.append(len(gids))
        return populate(self, *args, gids=gids, **kwargs)

    monkeypatch.setattr(subset.Subsetter, "populate", noted)
    monkeypatch.setattr("dsx.plots.matplotlib_private._kept", {})
    return cuts


def outline(font, glyph):
    font.load_glyph(glyph, flags=LoadFlags.NO_SCALE)
    vertices, codes = font.get_path()
    return vertices, codes


def test_every_letter_has_the_outline_of_the_whole_font():
    name = findfont(FontProperties())
    whole = get_font(name)
    glyphs = {letter: whole.get_char_index(ord(letter)) for letter in "AzÅ09%−≤"}
    with fonts_kept(), backend.get_glyphs_subset(name, set(glyphs.values())) as kept:
        part = FT2Font(io.BytesIO(backend.font_as_file(kept.font).getvalue()))
        for glyph in glyphs.values():
            for ours, theirs in zip(outline(part, kept.glyph_index_map[glyph]), outline(whole, glyph), strict=True):
                assert np.array_equal(ours, theirs)


def test_figures_of_usual_letters_share_one_cut_and_others_have_their_own(tmp_path, cut):
    for name, text in {"a": "one", "b": "two: 3 %", "c": "три", "d": "four"}.items():
        axes = new_axes()
        axes.set_title(text)
        save(axes, tmp_path, name)
    assert len(cut) == 2
    assert cut[0] > cut[1]


def test_a_text_is_set_once_a_size_with_the_glyphs_and_places_of_matplotlib(monkeypatch):
    set_texts = []
    lay_out = helpers.layout

    def noted(text, font, **options):
        set_texts.append(text)
        return lay_out(text, font, **options)

    def places(items):
        return [(item.char, item.glyph_index, item.x, item.prev_kern) for item in items]

    monkeypatch.setattr(helpers, "layout", noted)
    font = get_font(findfont(FontProperties()))
    with fonts_kept():
        for size in (7, 7.5, 7, 7.5):
            font.set_size(size, 72)
            assert places(helpers.layout("fi 0.25 AV", font)) == places(lay_out("fi 0.25 AV", font))
    assert len(set_texts) == 2


def test_the_functions_of_matplotlib_are_put_back():
    before = backend.get_glyphs_subset, helpers.layout
    with fonts_kept():
        assert backend.get_glyphs_subset is not before[0]
        assert helpers.layout is not before[1]
    assert (backend.get_glyphs_subset, helpers.layout) == before
