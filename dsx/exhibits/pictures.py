"""Figures as vector images inside the report, so that it prints and reads without scripts."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from dsx.plots.saving import laid_out
from dsx.plots.style import Axes

if TYPE_CHECKING:
    from matplotlib.transforms import BboxBase

# collections of more points are drawn as pixels inside the vector image
_MANY = 3000


def svg(axes: Axes) -> str:
    """Axes as a data URL of an SVG; the same axes give the same text."""
    with laid_out(axes) as box:
        return vector_image(axes, box)


def vector_image(axes: Axes, box: BboxBase) -> str:
    """The data URL of what lies in that box of a figure that is laid out."""
    import matplotlib

    whole: Any = axes.figure
    for place in whole.axes:
        for collection in place.collections:
            if len(collection.get_offsets()) > _MANY:
                collection.set_rasterized(True)
    buffer = io.BytesIO()
    settings: Any = {"svg.hashsalt": "dsx", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings):
        whole.savefig(buffer, format="svg", dpi=150, bbox_inches=box, metadata={"Date": None, "Creator": None})
    return data_url(buffer.getvalue())


def data_url(image: bytes) -> str:
    """An SVG image as the source of an <img>."""
    return f"data:image/svg+xml;base64,{base64.b64encode(image).decode()}"
