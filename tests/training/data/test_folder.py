from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data import folder as folders
from dsx.training.data.check import check_data
from dsx.training.data.folder import FolderImages, open_folder
from dsx.training.data.parts import open_parts
from dsx.training.data.pixels import Unreadable
from dsx.training.faults import DataError
from dsx.training.trainer import train

from pictures import FILES, MEAN, REFUSED, colours, huge_png


def reader(path: Path) -> FolderImages:
    return FolderImages(np.array([str(path)]), np.zeros(1, np.int64), 3, MEAN)


def recipe_of(root: Path, **overrides: object) -> Recipe:
    fixed = {"data.root": str(root), "resolution": 16, "batch_size": 4, "data.workers": 0, "epochs": 1}
    fixed |= {"schedule.warmup_epochs": 0}
    return load_recipe("folder", fixed | {key.replace("__", "."): value for key, value in overrides.items()})


def fill(root: Path, save: Callable[[np.ndarray, Path], object], suffix: str = ".png", count: int = 4) -> Path:
    """Two classes of so many pictures, of 16 × 16 pixels, in train and in val."""
    for part in ("train", "val"):
        for label, name in enumerate(("ant", "bee")):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = colours(2 * i + label, 16, 16)
                save(pixels, root / part / name / f"{i}{suffix}")
    return root


def names(root: Path) -> list[str]:
    images = open_folder(recipe_of(root).data).training
    return [Path(images.name(row)).relative_to(root / "train").as_posix() for row in range(len(images.labels))]


def png(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize("kind", FILES)
def test_every_mode_and_format_is_read_as_the_picture_it_shows(kind: str, tmp_path: Path) -> None:
    suffix, save = FILES[kind]
    shown, tolerance = save(colours(1), tmp_path / f"x{suffix}")
    pixels = reader(tmp_path / f"x{suffix}").read(0)
    assert pixels.shape == shown.shape
    assert np.abs(pixels.astype(float) - shown).max() <= tolerance


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_every_mode_and_format_trains_to_the_error_of_its_twin(
    kind: str, tmp_path: Path, tiny: Callable[..., Architecture]
) -> None:
    suffix, save = FILES[kind]
    fill(tmp_path / "made", save, suffix)
    for path in sorted((tmp_path / "made").rglob(f"*{suffix}")):
        twin = tmp_path / "twin" / path.relative_to(tmp_path / "made").with_suffix(".png")
        twin.parent.mkdir(parents=True, exist_ok=True)
        png(reader(path).read(0), twin)
    results = [train(tiny(3, 2), recipe_of(tmp_path / name), device="cpu") for name in ("made", "twin")]
    assert results[0].data["corrupt_images"] == 0
    assert [results[i].curve[0]["train_loss"] for i in range(2)] == [results[0].curve[0]["train_loss"]] * 2
    assert results[0].error == results[1].error


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_range_is_refused_by_file_and_mode(kind: str, tmp_path: Path) -> None:
    suffix, save, message = REFUSED[kind]
    save(colours(1), tmp_path / f"x{suffix}")
    with pytest.raises(Unreadable) as caught:
        reader(tmp_path / f"x{suffix}").read(0)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "of no format that PIL knows"),
        (b"not a picture", "of no format that PIL knows"),
        (huge_png(), "more than the 178,956,970 pixels that PIL opens"),
    ],
)
def test_a_file_that_is_no_picture_says_why(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        reader(tmp_path / "x.png").read(0)
    assert str(caught.value).startswith(reason)


def test_a_file_cut_short_or_gone_says_so(tmp_path: Path) -> None:
    png(colours(1, 64, 64), tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(Unreadable, match="truncated"):
        reader(tmp_path / "x.png").read(0)
    (tmp_path / "x.png").unlink()
    with pytest.raises(Unreadable, match="No such file or directory"):
        reader(tmp_path / "x.png").read(0)


def test_the_machines_troubles_are_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    png(colours(1), tmp_path / "x.png")
    monkeypatch.setattr(folders.Image, "open", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        reader(tmp_path / "x.png").read(0)


def test_hidden_names_are_no_part_of_the_data(tmp_path: Path) -> None:
    fill(tmp_path, png)
    for hidden in (".ipynb_checkpoints", "__MACOSX"):
        shutil.copytree(tmp_path / "train" / "ant", tmp_path / "train" / hidden)
        shutil.copytree(tmp_path / "train" / "ant", tmp_path / "train" / "bee" / hidden)
    (tmp_path / "train" / "ant" / "._0.png").write_bytes(b"\0\5\x16\7")
    assert names(tmp_path) == [f"{name}/{i}.png" for name in ("ant", "bee") for i in range(4)]
    assert recipe_of(tmp_path).num_classes == 2


def test_every_suffix_of_a_picture_belongs_and_files_without_one_are_looked_into(tmp_path: Path) -> None:
    fill(tmp_path, png)
    ant = tmp_path / "train" / "ant"
    for suffix in (".jfif", ".GIF", ".jp2", ".avif", ".webp", ".BMP", ".tiff", ".jpe"):
        Image.fromarray(colours(9)).save(ant / f"more{suffix}")
    shutil.copy(ant / "0.png", ant / "plain")
    (ant / "README").write_text("not a picture")
    (ant / "labels.csv").write_text("a,b")
    (ant / "figure.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0")
    parts = open_folder(recipe_of(tmp_path).data)
    assert int((parts.training.labels == 0).sum()) == 4 + 8 + 1
    said = [f"{ant / name}" for name in ("README", "figure.eps", "labels.csv")]
    assert parts.notes == (f"3 files are not images, e.g. {', '.join(said)}",)


def test_links_are_followed_once_and_never_back(tmp_path: Path) -> None:
    fill(tmp_path, png)
    ant, shelf = tmp_path / "train" / "ant", tmp_path / "shelf"
    shelf.mkdir()
    shutil.copy(ant / "0.png", shelf / "8.png")
    (shelf / "again").symlink_to(shelf)
    for name, target in {"up": "..", "self": ".", "other": "../bee", "shelf": shelf, "twice": shelf}.items():
        (ant / name).symlink_to(target)
    assert [name for name in names(tmp_path) if name.startswith("ant")] in (
        ["ant/0.png", "ant/1.png", "ant/2.png", "ant/3.png", "ant/shelf/8.png"],
        ["ant/0.png", "ant/1.png", "ant/2.png", "ant/3.png", "ant/twice/8.png"],
    )


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test"])
def test_the_only_other_part_is_evaluated_and_named(name: str, tmp_path: Path) -> None:
    fill(tmp_path, png)
    (tmp_path / "val").rename(tmp_path / name)
    assert open_folder(recipe_of(tmp_path).data).places == (str(tmp_path / "train"), str(tmp_path / name))


def test_of_several_parts_one_is_chosen_by_the_user(tmp_path: Path) -> None:
    fill(tmp_path, png)
    shutil.copytree(tmp_path / "val", tmp_path / "test")
    (tmp_path / "test" / "ant" / "0.png").unlink()
    with pytest.raises(DataError) as caught:
        open_folder(recipe_of(tmp_path).data)
    assert str(caught.value) == (
        f"{tmp_path}: has val and test: choose the images to evaluate with data.evaluation_folder=val (or test)"
    )
    chosen = open_folder(recipe_of(tmp_path, data__evaluation_folder="test").data)
    assert (len(chosen.evaluation.labels), chosen.places[1]) == (7, str(tmp_path / "test"))


def test_test_images_without_labels_are_no_candidate(tmp_path: Path) -> None:
    fill(tmp_path, png)
    (tmp_path / "test").mkdir()
    png(colours(1), tmp_path / "test" / "0.png")
    assert open_folder(recipe_of(tmp_path).data).places[1] == str(tmp_path / "val")


def test_which_images_are_evaluated_is_part_of_a_recipes_identity() -> None:
    plain = load_recipe("folder")
    assert "evaluation_folder" not in plain.identity()["data"]
    assert plain.recipe_id != plain.with_overrides({"data.evaluation_folder": "test"}).recipe_id


def test_images_that_are_added_or_taken_away_are_seen_by_the_next_training(tmp_path: Path) -> None:
    fill(tmp_path, png)
    recipe = recipe_of(tmp_path)
    assert (check_data(recipe).training_images, len(open_parts(recipe.data).training.labels)) == (8, 8)
    assert open_parts(recipe.data) is open_parts(recipe.data)
    png(colours(1), tmp_path / "train" / "ant" / "new.png")
    assert (check_data(recipe).training_images, len(open_parts(recipe.data).training.labels)) == (9, 9)


def jpeg(path: Path, mode: str = "RGB", **options: object) -> bytes:
    """A JPEG file of 61×47 pixels of noise, and its bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("mode", "options", "by_torchvision"),
    [
        ("RGB", {}, True),
        ("RGB", {"quality": 95, "subsampling": 0}, True),
        ("RGB", {"progressive": True}, True),
        ("RGB", {"keep_rgb": True}, True),
        ("L", {}, True),
        ("CMYK", {}, False),
    ],
)
def test_a_jpeg_has_the_bytes_of_pil_whoever_decodes_it(
    tmp_path: Path, mode: str, options: dict[str, object], by_torchvision: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg(tmp_path / "a.jpg", mode, **options)
    decoded: list[bytes] = []
    plain = folders._by_torchvision
    monkeypatch.setattr(folders, "_by_torchvision", lambda content: decoded.append(content) or plain(content))
    folders._decodes_as_pil()
    decoded.clear()
    read = reader(tmp_path / "a.jpg").read(0)
    np.testing.assert_array_equal(read, np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB")))
    assert bool(decoded) is by_torchvision


@pytest.mark.parametrize("damage", ["cut short", "turned", "other bytes"])
def test_a_jpeg_that_is_broken_or_turned_is_left_to_pil(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    content = jpeg(tmp_path / "a.jpg", **({"exif": exif} if damage == "turned" else {}))
    if damage == "cut short":
        (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    if damage == "other bytes":
        monkeypatch.setattr(folders, "_decodes_as_pil", lambda: False)
    images = reader(tmp_path / "a.jpg")
    if damage == "cut short":
        with pytest.raises(Unreadable, match="image file is truncated"):
            images.read(0)
    else:
        assert images.read(0).shape == ((47, 61, 3) if damage == "turned" else (61, 47, 3))
