"""Vector images inside the page."""

from __future__ import annotations

import base64

from dsx.exhibits.pictures import data_url, svg
from dsx.plots.style import new_axes


def test_an_image_is_its_own_source():
    assert data_url(b"<svg/>") == "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()


def test_the_same_axes_give_the_same_text():
    def drawn() -> str:
        axes = new_axes()
        axes.plot([0, 1], [1, 0], label="$a")
        axes.legend()
        return svg(axes)

    assert drawn() == drawn()
    assert b"<svg" in base64.b64decode(drawn().partition(",")[2])
