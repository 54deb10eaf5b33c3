"""Figures as files: the same bytes again, whole files or none."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.plots.saving import save
from dsx.plots.style import new_axes


def line():
    axes = new_axes()
    axes.plot([0, 1], [0, 1], label="a line")
    axes.set(xlabel="share", ylabel="error (%)")
    return axes


@pytest.mark.slow
def test_the_same_figure_gives_the_same_bytes(tmp_path):
    def write(folder):
        return [path.read_bytes() for path in save(line(), tmp_path / folder, "line")]

    assert write("a") == write("b")


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DsxError) as refusal:
        save(new_axes(), tmp_path / "taken", "line")
    assert str(refusal.value).startswith(f"{tmp_path / 'taken' / 'line.png'}: cannot be written (Not a directory); ")
    assert "\n" not in str(refusal.value)
