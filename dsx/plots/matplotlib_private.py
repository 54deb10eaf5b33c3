"""The parts of matplotlib that are not public: all that saving figures uses, and why.

Tried with matplotlib 3.11. tests/plots/test_matplotlib_private.py fails when one of them changes; of versions that do
without them, nothing is changed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

# letters that figures are written with; a font that is cut to them serves every figure that has no others
_LETTERS = "".join(map(chr, range(0x20, 0x7F))) + "±²³·×–—…−≤≥→≈σμαΔ∞"
# (font, glyphs of it) → the font cut to them
_kept: dict[tuple[str, frozenset[int]], Any] = {}


class _Saved:
    """A font as a file that is known."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def save(self, stream: io.BytesIO, **_: Any) -> None:
        stream.write(self.content)


@contextmanager
def fonts_kept() -> Iterator[None]:
    """Fonts that a PDF embeds are cut once to the usual letters, instead of to its own for every figure."""
    from matplotlib.backends import _backend_pdf_ps

    backend: Any = _backend_pdf_ps
    cut = backend.get_glyphs_subset

    def kept(font: Any, glyphs: Any) -> Any:
        if isinstance(glyphs, str):  # of a matplotlib before 3.11
            return cut(font, glyphs)
        from matplotlib.font_manager import get_font

        key = str(font)
        usual = frozenset(get_font(font).get_char_index(ord(letter)) for letter in _LETTERS)
        wanted = usual if usual.issuperset(glyphs) else frozenset(glyphs)
        if (key, wanted) not in _kept:
            with cut(font, set(wanted)) as subset:
                _kept[key, wanted] = subset._replace(font=_Saved(backend.font_as_file(subset.font).getvalue()))
        return nullcontext(_kept[key, wanted])

    backend.get_glyphs_subset = kept
    try:
        yield
    finally:
        backend.get_glyphs_subset = cut
