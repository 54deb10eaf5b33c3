"""Spaces made for a resolution: `NAME-32` is the space NAME, scaled to 32×32 images by the rule of docs/scaling.md."""

from __future__ import annotations

from dsx.base import resources
from dsx.spaces.definition import Space


def window_note(space: Space, asked: Space) -> str:
    """What to know before `asked` is sampled at another resolution than `space`, in one line; empty if all is well.

    space: as its file says. asked: the same with what the user changed. A complexity window belongs to the resolution
    it was made for: flops fall with the square of the resolution, so the same window holds far wider networks.
    """
    if asked.resolution == space.resolution or not space.windows or asked.windows != space.windows:
        return ""
    stated = ", ".join(f"{name} {window.text}" for name, window in space.windows.items())
    designed, wanted = (f"{size}×{size}" for size in (space.resolution, asked.resolution))
    scaled = f"{space.name.removesuffix(f'-{space.resolution}')}-{asked.resolution}"
    made = resources.names("spaces")
    remedy = f"{scaled} is the space made for {wanted}" if scaled in made else f"give a window for {wanted}"
    return f"note: the window {stated} of {space.name} belongs to {designed}; {remedy}"
