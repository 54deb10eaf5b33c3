"""The parts of matplotlib that are not public: all that saving figures uses, and why.

Tried with matplotlib 3.11. tests/plots/test_matplotlib_private.py fails when one of them changes; of versions that do
without them, nothing is changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
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
    """Of PDFs: embedded fonts are cut once to the usual letters, not to its own for every figure; texts set once."""
    from matplotlib import _text_helpers, ft2font
    from matplotlib.backends import _backend_pdf_ps

    backend: Any = _backend_pdf_ps
    helpers: Any = _text_helpers
    cut, lay_out = backend.get_glyphs_subset, helpers.layout
    flags: Any = getattr(ft2font, "LoadFlags", ft2font)
    unhinted = getattr(flags, "NO_HINTING", None) or flags.LOAD_NO_HINTING  # of a matplotlib before 3.10

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

    def laid_out(text: str, font: Any, **options: Any) -> tuple[Any, ...]:
        # the size of a font is nowhere to be read, but that of its letters is
        size = font.load_char(ord("M"), flags=unhinted).linearHoriAdvance
        return _laid_out(lay_out, text, font, size, tuple(options.items()))

    backend.get_glyphs_subset, helpers.layout = kept, laid_out
    try:
        yield
    finally:
        backend.get_glyphs_subset, helpers.layout = cut, lay_out


@lru_cache(maxsize=8192)
def _laid_out(
    lay_out: Callable[..., Any],
    text: str,
    font: Any,
    size: int,  # noqa: ARG001
    options: tuple[tuple[str, Any], ...],
) -> tuple[Any, ...]:
    """The glyphs of a text and their places, in a font of that size."""
    return tuple(lay_out(text, font, **dict(options)))
