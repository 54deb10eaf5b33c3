"""A figure's drawing, worked out once and played back for every format.

Matplotlib lays a figure out, and walks through all its artists, anew for each format. Here a renderer notes what is to
be drawn, and a second figure, that of the notes, is saved instead; by matplotlib's public interface of renderers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.backend_bases import FigureCanvasBase, GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox, BboxBase, TransformedPath

from dsx.plots.style import FITS, Axes, house_style

# at which figures are worked out, and saved as pixels; vector formats play the same back at their own
DPI = 200
# distinct texts whose extents are remembered
_TEXTS = 8192
_agg: Any = RendererAgg  # which has no types
_MEASURE = _agg(1, 1, DPI)


def recorded(drawn: Axes) -> Figure:
    """A figure that draws what the figure of these axes does, as large as it is saved; that one stays as it was.

    Its layout engine has laid it out, and there are 0.1 inches around all that is in it, unless it is labelled `FITS`.
    """
    figure: Any = drawn.get_figure(root=True)
    canvas, dpi, face = figure.canvas, figure.dpi, figure.get_facecolor()
    with house_style():
        try:
            renderer = _Canvas(figure).renderer
            figure.dpi = DPI
            figure.set_facecolor("white")
            figure.draw(renderer)
            box = figure.bbox_inches if figure.get_label() == FITS else figure.get_tightbbox(renderer).padded(0.1)
        finally:
            figure.set_canvas(canvas)
            figure.dpi = dpi
            figure.set_facecolor(face)
        record = Figure(figsize=box.size)
    for rasterized, notes in renderer.runs:
        record.add_artist(_Playback(notes, box, rasterized))
    return record


class _Text(NamedTuple):
    """What a renderer is given of a text. angle: degrees; mtext: its artist, None of several lines."""

    s: str
    prop: Any
    angle: float
    ismath: Any = False
    mtext: Any = None

    @property
    def usual(self) -> bool:
        """Whether it is of no language and no features of fonts (which matplotlib has from 3.11)."""
        return not any(getattr(self.mtext, f"get_{name}", lambda: None)() for name in ("fontfeatures", "language"))


class _Page:
    """What a record is played back to: a renderer, and where the record lies on it."""

    def __init__(self, renderer: RendererBase, dpi: float, box: BboxBase) -> None:
        self.renderer = renderer
        self.scale = dpi / DPI
        self._place = np.array([[self.scale, 0, -box.x0 * dpi], [0, self.scale, -box.y0 * dpi], [0, 0, 1]])
        self._clips: dict[int, Any] = {}

    def moved(self, matrix: np.ndarray) -> Affine2D:
        """That transform, then onto the page."""
        return Affine2D(self._place @ matrix)

    def scaled(self, matrix: np.ndarray) -> Affine2D:
        """That transform of a shape about its own origin, which is moved onto the page apart."""
        return Affine2D(np.diag([self.scale, self.scale, 1]) @ matrix)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point in pixels of the record → on the page."""
        return self.scale * x + self._place[0, 2], self.scale * y + self._place[1, 2]

    def context(self, noted: Any) -> GraphicsContextBase:
        """Colour, line and clipping of a note, for this renderer."""
        context = self.renderer.new_gc()
        context.copy_properties(noted)
        rectangle: Any = noted.get_clip_rectangle()
        path, affine = noted.get_clip_path()
        # one object for equal clips, by which vector formats know that they are
        if rectangle is not None:
            key = id(rectangle)
            if key not in self._clips:
                self._clips[key] = Bbox([self.at(*rectangle.p0), self.at(*rectangle.p1)])
            context.set_clip_rectangle(self._clips[key])
        if path is not None:
            key = id(path)
            if key not in self._clips:
                self._clips[key] = TransformedPath(path, self.moved(affine.get_matrix()))
            context.set_clip_path(self._clips[key])
        return context

    def write(self, noted: GraphicsContextBase, x: float, y: float, text: _Text) -> None:
        """Draw a text; as a picture of it at whole pixels where there are pixels, which most figures share."""
        context, (x, y) = self.context(noted), self.at(x, y)
        if isinstance(self.renderer, RendererAgg) and context.get_antialiased() and self.scale == 1 and text.usual:
            cover, left, bottom = _pixels(*text[:4])
            image = np.empty((*cover.shape, 4), np.uint8)
            *colour, opacity = context.get_rgb()
            image[..., :3] = np.round(np.multiply(colour, 255))
            image[..., 3] = cover if context.get_forced_alpha() else np.round(cover * opacity)
            self.renderer.draw_image(context, round(x) + left, round(y) + bottom, image)
            return
        if self.renderer.flipy():
            y = self.renderer.get_canvas_width_height()[1] - y
        self.renderer.draw_text(context, x, y, *text)


_Note: TypeAlias = Callable[[_Page], None]


class _Playback(Artist):
    """Notes as an artist."""

    def __init__(self, notes: list[_Note], box: BboxBase, rasterized: bool) -> None:
        super().__init__()
        self._notes, self._box = notes, box
        self.set_rasterized(rasterized)

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: RendererBase) -> None:
        figure = self.get_figure(root=True)
        assert figure is not None
        page = _Page(renderer, figure.dpi, self._box)
        for note in self._notes:
            note(page)


class _Canvas(FigureCanvasBase):
    """The canvas of a figure while it is recorded, by which layout finds the renderer."""

    def __init__(self, figure: Figure) -> None:
        super().__init__(figure)
        self.renderer = _Recorder()

    def get_renderer(self) -> RendererBase:
        return self.renderer


class _Recorder(RendererBase):
    """Notes what is drawn, in pixels of `DPI` from the bottom left.

    runs: whether pixels are wanted in vector formats too, and the notes, from bottom to top.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[tuple[bool, list[_Note]]] = [(False, [])]
        self._clips: dict[Any, Any] = {}

    def _note(self, note: _Note) -> None:
        self.runs[-1][1].append(note)

    def _kept(self, gc: Any) -> GraphicsContextBase:
        """As it is now; artists go on to change theirs. Clips that are equal become one object."""
        kept = copy.copy(gc)
        rectangle, (path, affine) = gc.get_clip_rectangle(), gc.get_clip_path()
        if rectangle is not None:
            kept.set_clip_rectangle(self._clips.setdefault(tuple(rectangle.extents), rectangle.frozen()))
        if path is not None:
            key = id(path), affine.get_matrix().tobytes()
            kept.set_clip_path(self._clips.setdefault(key, TransformedPath(path, affine.frozen())))
        return kept

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        kept, path, matrix = self._kept(gc), *_affine(path, transform)
        self._note(lambda page: page.renderer.draw_path(page.context(kept), path, page.moved(matrix), rgbFace))

    def draw_markers(
        self, gc: Any, marker_path: Path, marker_trans: Any, path: Path, trans: Any, rgbFace: Any = None
    ) -> None:
        kept, shape, path, matrix = self._kept(gc), marker_trans.get_matrix(), *_affine(path, trans)
        self._note(
            lambda page: page.renderer.draw_markers(
                page.context(kept), marker_path, page.scaled(shape), path, page.moved(matrix), rgbFace
            )
        )

    def draw_path_collection(
        self, gc: Any, master_transform: Any, paths: Any, all_transforms: Any, offsets: Any, offset_trans: Any,
        *look: Any, **hatches: Any,
    ) -> None:  # fmt: skip
        if not len(paths):
            return
        kept, master, offsets, place = self._kept(gc), master_transform.get_matrix(), *_offsets(offsets, offset_trans)
        self._note(
            lambda page: page.renderer.draw_path_collection(
                page.context(kept),
                page.scaled(master),
                paths,
                all_transforms,
                offsets,
                page.moved(place),
                *look,
                **hatches,
            )
        )

    def draw_quad_mesh(
        self, gc: Any, master_transform: Any, meshWidth: Any, meshHeight: Any, coordinates: Any, offsets: Any,
        offsetTrans: Any, *look: Any,
    ) -> None:  # fmt: skip
        kept, master, offsets, place = self._kept(gc), master_transform.get_matrix(), *_offsets(offsets, offsetTrans)
        self._note(
            lambda page: page.renderer.draw_quad_mesh(
                page.context(kept), page.scaled(master), meshWidth, meshHeight, coordinates, offsets,
                page.moved(place), *look,
            )
        )  # fmt: skip

    def draw_gouraud_triangles(self, gc: Any, triangles_array: Any, colors_array: Any, transform: Any) -> None:
        kept, matrix = self._kept(gc), transform.get_matrix()
        self._note(
            lambda page: page.renderer.draw_gouraud_triangles(
                page.context(kept), triangles_array, colors_array, page.moved(matrix)
            )
        )

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:  # noqa: ARG002
        kept = self._kept(gc)
        self._note(lambda page: page.renderer.draw_image(page.context(kept), *page.at(x, y), im))

    def draw_text(self, gc: Any, x: float, y: float, *text: Any, **options: Any) -> None:
        kept, noted = self._kept(gc), _Text(*text, **options)
        noted = noted._replace(prop=copy.copy(noted.prop))
        self._note(lambda page: page.write(kept, x, y, noted))

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        return _extent(s, prop, ismath)

    def flipy(self) -> bool:
        return False

    def points_to_pixels(self, points: Any) -> Any:
        return points * DPI / 72

    def option_image_nocomposite(self) -> bool:
        return True

    def start_rasterizing(self) -> None:
        self.runs.append((True, []))

    def stop_rasterizing(self) -> None:
        self.runs.append((False, []))


def _affine(path: Path, transform: Any) -> tuple[Path, np.ndarray]:
    """The path, and the matrix that remains to be applied."""
    return transform.transform_path_non_affine(path), transform.get_affine().get_matrix()


def _offsets(offsets: Any, transform: Any) -> tuple[Any, np.ndarray]:
    """Places of a collection's shapes, at least the origin, and the matrix that remains to be applied."""
    offsets = transform.transform_non_affine(offsets) if len(offsets) else np.zeros((1, 2))
    return offsets, transform.get_affine().get_matrix() if len(offsets) else np.eye(3)


@lru_cache(maxsize=_TEXTS)
def _extent(text: str, font: Any, ismath: Any) -> tuple[float, float, float]:
    """Width, height and descent of a text in pixels; most texts stand in many figures."""
    return _MEASURE.get_text_width_height_descent(text, font, ismath)


@lru_cache(maxsize=_TEXTS)
def _pixels(text: str, font: Any, angle: float, ismath: Any) -> tuple[np.ndarray, int, int]:
    """How far a text covers each pixel, rows from the bottom up, and where the first of them lies from its start."""
    width, height, descent = _extent(text, font, ismath)
    turned = Affine2D().rotate_deg(angle)
    corners = turned.transform([(x, y) for x in (0, width) for y in (-descent, height - descent)])
    # some letters reach beyond their extent
    left, bottom = (int(low) for low in np.floor(corners.min(axis=0)) - 4)
    across, up = (int(high) for high in np.ceil(corners.max(axis=0)) + 4)
    renderer = _agg(across - left, up - bottom, DPI)
    renderer.draw_text(renderer.new_gc(), -left, up, text, font, angle, ismath)
    return np.asarray(renderer.buffer_rgba())[::-1, :, 3].copy(), left, bottom
