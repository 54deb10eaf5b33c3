"""Figures as vector images inside the report, so that it prints and reads without scripts."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from dsx.plots.style import Axes, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def svg(axes: Axes) -> str:
    """Axes as a data URL of an SVG; the same axes give the same text."""
    from dsx.plots.recording import recorded

    return vector_image(recorded(axes))


def vector_image(record: Figure) -> str:
    """The data URL of a recorded figure."""
    import matplotlib

    buffer = io.BytesIO()
    settings: Any = {"svg.hashsalt": "dsx", "svg.fonttype": "path"}
    metadata = {"Date": None, "Creator": None}
    with house_style(), matplotlib.rc_context(settings):
        record.savefig(buffer, format="svg", dpi=200, bbox_inches=record.bbox_inches, metadata=metadata)
    return data_url(buffer.getvalue())


def data_url(image: bytes) -> str:
    """An SVG image as the source of an <img>."""
    return f"data:image/svg+xml;base64,{base64.b64encode(image).decode()}"
