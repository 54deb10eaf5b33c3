"""The house style of the figures, local to each call: nothing here changes matplotlib's settings for others."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.errors import DsxError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by every kind of colour vision; yellow is too faint for lines
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "#6B6B6B"
# dark is good: perceptually even, readable in grey print and by every kind of colour vision
COLORMAP = "viridis"
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

_RC: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.parse_math": False,  # names of studies may hold dollar signs
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "pdf.fonttype": 42,  # text stays text, which journals ask for
    "savefig.bbox": "tight",
    "savefig.facecolor": "white",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings for the duration of one call."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def new_axes(width_in: float = 5.2, height_in: float = 3.4, lines: int = 0) -> Axes:
    """Axes of a new figure, higher by so many lines of text above and below.

    pyplot manages the figure only where the caller uses pyplot (a notebook, a script).
    """
    height_in += 0.16 * lines
    if "matplotlib.pyplot" in sys.modules:
        figure = sys.modules["matplotlib.pyplot"].figure(figsize=(width_in, height_in), layout="constrained")
    else:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axes: Axes = figure.add_subplot()
    return axes


def panel_grid(down: int, across: int, width_in: float, height_in: float) -> tuple[Figure, list[Axes]]:
    """A new figure of down × across panels of this size, row by row; managed as `new_axes` says."""
    first = new_axes(width_in * across + 0.3, height_in * down + 0.5)
    figure = first.get_figure(root=True)
    assert figure is not None
    first.remove()
    return figure, list(figure.subplots(down, across, squeeze=False).ravel())


def color(index: int) -> str:
    """The colour of the index-th study of a figure."""
    return PALETTE[index % len(PALETTE)]


def dashes(index: int) -> Any:
    """The line style of the index-th study: solid until the colours repeat."""
    return _DASHES[index // len(PALETTE) % len(_DASHES)]


def legend_above(ax: Axes, title: str | None = None) -> None:
    """The legend over the axes, one study a line, where it can hide no data."""
    if not ax.get_legend_handles_labels()[0]:
        ax.set_title(title or "", loc="left", fontsize=8)
        return
    legend = ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, title=title, title_fontsize=7, labelspacing=0.3
    )
    legend._legend_box.align = "left"  # type: ignore[attr-defined]


def note_below(ax: Axes, lines: Sequence[str]) -> None:
    """Small grey lines of text below the axis label, inside what is saved."""
    if lines:
        ax.annotate(
            "\n".join(lines), (0, 0), (0, -34), xycoords="axes fraction", textcoords="offset points",
            va="top", ha="left", fontsize=7, color=GREY, linespacing=1.4, annotation_clip=False,
        )  # fmt: skip


def save(drawn: Axes | Figure, folder: str | Path, name: str) -> list[Path]:
    """Write `folder/name.png` (200 dots per inch) and `folder/name.pdf`; return both paths.

    drawn: axes or a figure. The folder is made. The same figure gives the same bytes again, and a file
    is never seen half-written. Raises DsxError if the folder cannot be written.
    """
    figure = drawn if hasattr(drawn, "savefig") else drawn.figure
    folder = Path(folder)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in ("png", "pdf"):
            path = folder / f"{name}.{suffix}"
            partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            with house_style():
                dated = {"CreationDate": None} if suffix == "pdf" else None
                figure.savefig(partial, format=suffix, dpi=200, metadata=dated)  # type: ignore[union-attr]
            partial.replace(path)
            paths.append(path)
    except OSError as error:
        raise DsxError(f"{folder}: cannot write the figure {name}: {error.strerror or error}") from None
    return paths
