"""Figures as files: drawn once for all formats, the same figure the same bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base.files import replacing
from dsx.plots.matplotlib_private import fonts_kept
from dsx.plots.style import Axes, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# of deflate, for PNG: a tenth larger than at its usual 6, in two thirds of the time
_COMPRESS_LEVEL = 3
# what a file holds besides the drawing: nothing that differs from run to run
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"pil_kwargs": {"compress_level": _COMPRESS_LEVEL}},
    "pdf": {"metadata": {"CreationDate": None}},
}


def save(drawn: Axes, folder: str | Path, name: str) -> list[Path]:
    """Write `folder/name.png` (200 dots per inch) and `folder/name.pdf`; return both paths.

    The folder is made. The same figure gives the same bytes again, and a file
    is never seen half-written. Raises RecordError, a DsxError, if the folder cannot be written.
    """
    from dsx.plots.recording import recorded

    return write_files(recorded(drawn), Path(folder) / name)


def write_files(record: Figure, path: Path) -> list[Path]:
    """Write `path.png` and `path.pdf` of a recorded figure."""
    paths = [path.with_name(f"{path.name}.{suffix}") for suffix in _OPTIONS]
    with fonts_kept(), house_style():
        for target, (suffix, options) in zip(paths, _OPTIONS.items(), strict=True):
            with replacing(target) as partial:
                record.savefig(partial, format=suffix, bbox_inches=record.bbox_inches, dpi=200, **options)
    return paths


def close(ax: Axes) -> None:
    """Let go of a figure that pyplot manages, if it is loaded; it would keep every one of them, and warn from 20 on."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(ax.get_figure(root=True))
