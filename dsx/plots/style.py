"""The house style of the figures, local to each call: nothing here changes matplotlib's settings for others."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import matplotlib.axes
    from matplotlib.figure import Figure

Axes: TypeAlias = "matplotlib.axes.Axes"

# Okabe and Ito's colours, told apart by every kind of colour vision; yellow is too faint for lines
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "#6B6B6B"
# dark is good: perceptually even, readable in grey print and by every kind of colour vision
COLORMAP = "viridis"
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

WIDTH_IN = 5.2  # of a figure of one plot
# before labels that matplotlib would leave out of a legend
_SHOWN = "\N{WORD JOINER}"
# label of figures whose size was made to fit what is in them
FITS = "fits"

_RC: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titley": 1.0,  # no ticks are above, past which matplotlib would look for room every time
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
    """Matplotlib's settings for the duration of one call: its defaults and ours, whatever the host has set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def new_axes(width_in: float = WIDTH_IN, height_in: float = 3.4, lines: int = 0) -> Axes:
    """Axes of a new figure, higher by so many lines of text above and below.

    pyplot manages the figure only where the caller uses pyplot (a notebook, a script).
    """
    return _new_figure(width_in, height_in + 0.16 * lines, "constrained").add_subplot()


@contextmanager
def drawing(
    ax: Axes | None, lines: int, notes: Sequence[str] = (), size_in: tuple[float, float] = (WIDTH_IN, 3.4)
) -> Iterator[Axes]:
    """These axes, or new ones that are higher by so many lines and the notes, in the house style; then the notes below.

    size_in: width and height of new ones without them.
    """
    with house_style():
        axes = ax if ax is not None else new_axes(*size_in, lines=lines + _lines_of(notes))
        yield axes
        _note_below(axes, notes)


def _new_figure(width_in: float, height_in: float, layout: Any) -> Figure:
    if "matplotlib.pyplot" in sys.modules:
        return sys.modules["matplotlib.pyplot"].figure(figsize=(width_in, height_in), layout=layout)
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout=layout)


def panels(
    ax: Axes | None,
    count: int,
    notes: Sequence[str],
    across: int = 4,
    size_in: tuple[float, float] = (2.3, 1.9),
    above_in: float = 0.22,
    right_in: float = 0.05,
) -> tuple[Axes, list[Axes]]:
    """Axes that stand for a figure of several panels, and the panels, row by row, `across` beside each other.

    ax: its place is divided and its own frame taken away; by default the axes of a new figure that fits so many
    panels of size_in (width, height), labels included. notes: lines of text above all panels, wrapped. above_in: inches
    kept free above each panel for its own title; right_in: to the right of all. The panels are inset axes, which any
    layout of the figure carries along.
    """
    across = max(1, min(across, count))
    width_in, height_in = size_in
    down = -(-count // across)
    if ax is None:
        wide, high = max(5.2, width_in * across + right_in + 0.08), height_in * down
        notes = _wrapped(notes, wide - 0.1)
        above = 0.1 + 0.155 * len(notes)
        figure = _new_figure(wide, high + above, None)
        figure.set_label(FITS)
        ax = figure.add_axes((0.08 / wide, 0, width_in * across / wide, high / (high + above)))
    else:
        notes = _wrapped(notes, ax.get_window_extent().width / ax.get_figure(root=True).dpi)  # type: ignore[union-attr]
    ax.set_axis_off()
    figure_size = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    place = ax.get_position()
    # of one panel's room, for the labels beside, below and above it
    room = (place.width * figure_size[0] / across, place.height * figure_size[1] / down)
    left, right = (min(share, inches / room[0]) for share, inches in ((0.3, 0.52), (0.08, 0.14)))
    below, top = (min(share, inches / room[1]) for share, inches in ((0.3, 0.44), (0.3, above_in)))
    cells = []
    for at in range(count):
        row, column = divmod(at, across)
        x, y = (column + left) / across, (down - 1 - row + below) / down
        cell = ax.inset_axes((x, y, (1 - left - right) / across, (1 - below - top) / down))
        cell.xaxis.label.set_fontsize(8)
        cell.yaxis.label.set_fontsize(8)
        cells.append(cell)
    ax.set_title("\n".join(notes), loc="left", y=1.0, pad=3, fontsize=7.5, color=GREY, linespacing=1.4)
    return ax, cells


def _wrapped(lines: Sequence[str], width_in: float) -> list[str]:
    """Lines of 7.5 points broken where they are wider; a letter is some 0.56 of its size wide."""
    return [part for line in lines for part in textwrap.wrap(line, max(20, int(width_in * 72 / (7.5 * 0.56))))]


def color(index: int) -> str:
    """The colour of the index-th study of a figure."""
    return PALETTE[index % len(PALETTE)]


def dashes(index: int) -> Any:
    """The line style of the index-th study: solid until the colours repeat."""
    return _DASHES[index // len(PALETTE) % len(_DASHES)]


def legend_above(ax: Axes, title: str | None = None) -> None:
    """The legend over the axes, one study a line, where it can hide no data."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        ax.set_title(title or "", loc="left", fontsize=8)
        return
    legend = ax.legend(
        handles, [fold(label, 75) for label in labels], loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2,
        title=fold(title, 90) if title else None, title_fontsize=7, labelspacing=0.3, alignment="left",
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_text(text.get_text().removeprefix(_SHOWN))


def series_label(text: str) -> str:
    """The label of what is drawn for a study, so that `legend_above` shows it: matplotlib hides `_name`."""
    return f"{_SHOWN}{text}" if text.startswith("_") else text


def fold(text: str, letters: int) -> str:
    """Text broken into lines of at most so many letters; its own line breaks stay."""
    return "\n".join(part for line in text.split("\n") for part in textwrap.wrap(line, letters) or [""])


# inches by which layout widens axes of the usual width, and that stand beside them: a note wider than its axes would be
# made room for, at their cost
_WIDENED_IN, _BESIDE_IN = 0.6, 0.7


def _note_below(ax: Axes, lines: Sequence[str]) -> None:
    """Small grey lines of text below the axis label, inside what is saved; wrapped, as a long one would take room."""
    if lines:
        wide = ax.get_window_extent().width / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
        ax.annotate(
            "\n".join(_note_lines(lines, wide + _WIDENED_IN)), (0, 0), (0, -34), xycoords="axes fraction",
            textcoords="offset points", va="top", ha="left", fontsize=7, color=GREY, linespacing=1.4,
            annotation_clip=False,
        )  # fmt: skip


def _lines_of(notes: Sequence[str]) -> int:
    """How many lines `_note_below` will make of these, in a figure of the usual width."""
    return len(_note_lines(notes, WIDTH_IN - _BESIDE_IN))


def _note_lines(notes: Sequence[str], width_in: float) -> list[str]:
    return [part for note in notes for part in textwrap.wrap(note, max(40, int(18 * width_in)))]
