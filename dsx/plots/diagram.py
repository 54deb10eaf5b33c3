"""A network as a small drawing: one bar per block, as high as it is wide in channels, with its quantised-linear fit.

Written as SVG directly: a report has three for every study, and a figure of matplotlib costs a hundred times as much.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsx.plots.style import GREY, PALETTE
from dsx.results.arrays import Table
from dsx.results.structure import Stages

_WIDTH, _HEIGHT = 300, 150  # drawing area, without the text below
_TOP, _GAP = 16, 8  # room for the numbers above the bars; between stages

_HALO = 'stroke="#fff" stroke-width="3" paint-order="stroke"'  # text stays readable over lines


def network_svg(stages: Stages, blocks: Table, color: str = PALETTE[0]) -> str:
    """The drawing as SVG text. blocks: the network's rows of `networks_table`.

    Above each stage its width, below it its number of blocks; black marks: the fit, if there is one, dashed: its line.
    """
    widths, fitted = blocks["width"].tolist(), blocks["fitted"].dropna().tolist()
    top = max([*widths, *fitted])
    lefts, step = _places(stages)

    def y(width: float) -> float:
        return _HEIGHT - (width / top) * (_HEIGHT - _TOP)

    parts = [
        f'<rect x="{left + 0.08 * step:.1f}" y="{y(w):.1f}" width="{0.84 * step:.1f}" '
        f'height="{_HEIGHT - y(w):.1f}" fill="{color}" fill-opacity="0.6"/>'
        for left, w in zip(lefts, widths, strict=True)
    ]
    if fitted:
        w0, wa = (float(blocks[name].iloc[0]) for name in ("w0", "wa"))
        middles = [left + step / 2 for left in lefts]
        line = " ".join(f"{x:.1f},{y(min(w0 + wa * j, top)):.1f}" for j, x in enumerate(middles))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{GREY}" stroke-dasharray="4 3"/>')
        parts += [
            f'<path d="M{left:.1f} {y(w):.1f}h{step:.1f}" stroke="#000" stroke-width="2"/>'
            for left, w in zip(lefts, fitted, strict=True)
        ]
    parts += _labels(stages, lefts, step, y(0), [y(width) for _, width, _, _ in stages])
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 18}" width="{_WIDTH}"'
    return f'{head} height="{_HEIGHT + 18}" font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'


def _places(stages: Stages) -> tuple[list[float], float]:
    """Left end of every block's bar, and the room of one."""
    blocks = sum(int(depth) for depth, *_ in stages)
    step = min(28.0, (_WIDTH - _GAP * (len(stages) - 1)) / blocks)
    lefts, x = [], 0.0
    for depth, *_ in stages:
        lefts += [x + step * block for block in range(int(depth))]
        x += step * int(depth) + _GAP
    return lefts, step


def _labels(stages: Stages, lefts: list[float], step: float, bottom: float, tops: Sequence[float]) -> list[str]:
    parts, first = [], 0
    for (depth, width, _, _), top in zip(stages, tops, strict=True):
        middle = lefts[first] + step * int(depth) / 2
        place = f'x="{middle:.1f}" text-anchor="middle"'
        parts.append(f'<text {place} y="{top - 5:.1f}" fill="#222" {_HALO}>{width:g}</text>')
        parts.append(f'<text {place} y="{bottom + 13:.1f}" fill="#777">×{depth:g}</text>')
        first += int(depth)
    return parts
