"""`dsx data prepare`: from a name or a folder to files that a recipe can be pointed at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsx.base.errors import DsxError
from dsx.commands.data import prepare_data
from dsx.launch import progress
from dsx.recipes.recipe import load_recipe
from dsx.training.data.parts import open_parts

from command_line import Command


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of six training and two evaluation images of 60×40 pixels."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 2)):
        for name in ("ant", "bee"):
            (tmp_path / "pictures" / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (60, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pictures" / part / name / f"{i}.png")
    return tmp_path / "pictures"


def test_a_folder_is_prepared_and_the_recipe_that_reads_it_is_said(
    dsx: Command, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = dsx("data", "prepare", str(pictures), "--out", str(out), "--size", "20", "--workers", "1")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            f"{out}: 16 images, of which 0 were done before; the others need about 0.00 GB",
            f"wrote 12 train images, 4 evaluation images to {out}",
            "next: dsx launch STUDY --recipe folder recipe.data.storage=prepared"
            f" recipe.data.root={out} recipe.data.prepared_size=20",
        ],
    )
    told = {"data.storage": "prepared", "data.root": str(out), "data.prepared_size": 20}
    assert open_parts(load_recipe("folder", told).data).training.read(0).shape == (30, 20, 3)


def test_what_is_to_be_done_is_said_and_images_are_counted_as_of_a_launch(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    said: list[str] = []
    prepare_data(str(pictures), None, tmp_path / "out", 20, 1, [], said.append)
    assert said == [f"{tmp_path}/out: 16 images, of which 0 were done before; the others need about 0.00 GB"]
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()[-1]) == ("", "16 of 16 images")


@pytest.mark.slow
def test_a_known_data_set_and_unreadable_images(pictures: Path, tmp_path: Path) -> None:
    assert prepare_data("digits", None, tmp_path / "digits", 256, 1, []).splitlines() == [
        f"wrote 1,797 train images to {tmp_path}/digits",
        f"next: dsx launch STUDY --recipe digits recipe.data.storage=prepared recipe.data.root={tmp_path}/digits",
    ]
    (pictures / "train" / "ant" / "1.png").write_bytes(b"nothing")
    told = prepare_data("folder", pictures, tmp_path / "out", 256, 1, ["data.split.evaluate=held_out"])
    assert told.splitlines()[:3] == [
        f"wrote 12 train images to {tmp_path}/out",
        "1 image not readable:",
        f"  {pictures}/train/ant/1.png: of no format that PIL knows",
    ]


@pytest.mark.parametrize(
    ("name", "size", "workers", "overrides", "problem"),
    [
        ("folder", 0, 1, [], "--size 0: expected an integer ≥ 1"),
        ("folder", 20, 0, [], "--workers 0: expected an integer ≥ 1"),
        ("imagenot", 20, 1, [], "recipe folder: data.dataset = 'imagenot': unknown data set 'imagenot'. Did you mean"),
        ("./nowhere", 20, 1, [], "./nowhere: no such folder; name one with images, or a data set that dsx knows"),
        ("folder", 20, 1, [], "data set folder needs data.root, the folder that holds train/CLASS"),
        ("folder", 20, 1, ["data.rot=3"], "recipe folder: unknown key 'rot' in data. Did you mean root?"),
    ],
)
def test_mistakes_are_said_in_one_line(
    name: str, size: int, workers: int, overrides: list[str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DsxError) as raised:
        prepare_data(name, None, tmp_path / "out", size, workers, overrides)
    assert str(raised.value).startswith(problem)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_stays_as_it_is(pictures: Path) -> None:
    before = sorted(pictures.rglob("*"))
    for out in (pictures, before[0]):
        with pytest.raises(DsxError, match=r": holds other files, such as .*: give an --out that is new or empty$"):
            prepare_data(str(pictures), None, out, 16, 1, [])
    assert sorted(pictures.rglob("*")) == before


def test_what_a_kill_left_before_anything_was_begun_is_no_other_file(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", ".begun.json.0123abcd.tmp"):
        (out / name).touch()
    prepare_data(str(pictures), None, out, 32, 1, ())
    assert (out / "prepared.json").exists()
