"""Figures as files: laid out once for all formats, the same figure the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base.files import replacing
from dsx.plots.matplotlib_private import fonts_kept
from dsx.plots.style import FITS, Axes, house_style

if TYPE_CHECKING:
    from matplotlib.transforms import BboxBase

# of deflate, for PNG: a tenth larger than at its usual 6, in two thirds of the time
_COMPRESS_LEVEL = 3
# what a file holds besides the drawing: nothing that differs from run to run
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"pil_kwargs": {"compress_level": _COMPRESS_LEVEL}},
    "pdf": {"metadata": {"CreationDate": None}},
}


@contextmanager
def laid_out(drawn: Axes) -> Iterator[BboxBase]:
    """The figure as it is saved: its layout worked out once instead of for every format, and the box of all, inches."""
    figure = drawn.get_figure(root=True)
    assert figure is not None
    with house_style():
        if figure.get_label() == FITS:
            yield figure.bbox_inches
            return
        engine = figure.get_layout_engine()
        figure.draw_without_rendering()
        figure.set_layout_engine(None)
        try:
            yield figure.get_tightbbox().padded(0.1)
        finally:
            figure.set_layout_engine(engine)


def save(drawn: Axes, folder: str | Path, name: str) -> list[Path]:
    """Write `folder/name.png` (200 dots per inch) and `folder/name.pdf`; return both paths.

    The folder is made. The same figure gives the same bytes again, and a file
    is never seen half-written. Raises RecordError, a DsxError, if the folder cannot be written.
    """
    with laid_out(drawn) as box:
        return write_files(drawn, Path(folder) / name, box)


def write_files(drawn: Axes, path: Path, box: BboxBase) -> list[Path]:
    """Write `path.png` and `path.pdf` of what lies in that box of a figure that is laid out."""
    figure: Any = drawn.get_figure(root=True)
    paths = [path.with_name(f"{path.name}.{suffix}") for suffix in _OPTIONS]
    for target, (suffix, options) in zip(paths, _OPTIONS.items(), strict=True):
        with replacing(target) as partial, fonts_kept():
            figure.savefig(partial, format=suffix, dpi=200, bbox_inches=box, **options)
    return paths


def close(ax: Axes) -> None:
    """Let go of a figure that pyplot manages, if it is loaded; it would keep every one of them, and warn from 20 on."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(ax.get_figure(root=True))
