"""Preparing a folder of images: once, whatever happens meanwhile."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from processes import is_there, wait_until
from torchvision.transforms import v2

from dsx.base.errors import DsxError
from dsx.recipes.options import Data
from dsx.recipes.recipe import load_recipe
from dsx.training.data import prepare as preparing
from dsx.training.data.parts import forget, open_source
from dsx.training.data.prepare import plan_preparation, prepare


def data_of(root: Path, **overrides: Any) -> Data:
    return load_recipe("folder", {"data.root": str(root)} | {f"data.{k}": v for k, v in overrides.items()}).data


def prepared(root: Path, out: Path, size: int = 32, workers: int = 1) -> dict[str, Any]:
    return prepare(plan_preparation(data_of(root), size, out), workers, lambda done: None)


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    forget()
    return tmp_path / "made"


def test_every_image_is_as_evaluation_resizes_it_and_small_ones_stay(image_folder: Path, out: Path) -> None:
    manifest = prepared(image_folder, out, size=40)
    source = open_source(data_of(image_folder))
    made = open_source(data_of(out, storage="prepared", prepared_size=40))
    assert {part: facts["images"] for part, facts in manifest["parts"].items()} == {"train": 60, "evaluation": 24}
    assert (manifest["classes"], manifest["evaluation_folder"]) == (["ant", "bee", "cat"], "val")
    shrunk = 0
    assert source.evaluation is not None
    assert made.evaluation is not None
    for of_folder, of_files in ((source.training, made.training), (source.evaluation, made.evaluation)):
        np.testing.assert_array_equal(of_folder.labels, of_files.labels)
        for row in range(len(of_folder.labels)):
            pixels = of_folder.read(row)
            if min(pixels.shape[:2]) > 40:
                planes = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
                pixels, shrunk = v2.Resize(40, antialias=True)(planes).permute(1, 2, 0).numpy(), shrunk + 1
            np.testing.assert_array_equal(of_files.read(row), pixels)
    assert 0 < shrunk < 84


@pytest.mark.slow
def test_the_files_do_not_depend_on_processes(image_folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(preparing, "_LEAST_IMAGES", 10)
    for workers in (1, 3):
        prepared(image_folder, tmp_path / str(workers), workers=workers)
    assert content(tmp_path / "1") == content(tmp_path / "3")
    assert len(list((tmp_path / "1").glob("train.*.pixels"))) == 6


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["parent", "child"])
def test_killed_half_way_it_goes_on_to_the_same_files(image_folder: Path, tmp_path: Path, out: Path, kill: str) -> None:
    """After SIGKILL of the command, or of a process of it, what was done is kept and nobody is left waiting."""
    code = (
        "import sys, time, os, signal\n"
        "from pathlib import Path\n"
        "from dsx.recipes.recipe import load_recipe\n"
        "from dsx.training.data import prepare as p\n"
        "plain, written = p._write, []\n"
        "def held(file, content):\n"
        "    while len(written) > 40:\n"  # 20 images, and pixels of the next
        "        time.sleep(0.02)\n"
        "    plain(file, content)\n"
        "    written.append(file)\n"
        "p._write = held\n"
        "data = load_recipe('folder', {'data.root': sys.argv[1]}).data\n"
        "p.prepare(p.plan_preparation(data, 32, Path(sys.argv[2])), 1, lambda done: print(done, flush=True))\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(image_folder), str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout is not None
    while int(command.stdout.readline() or -1) < 20:
        assert command.poll() is None
    children = [int(pid) for pid in Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()]
    os.kill(command.pid if kill == "parent" else children[0], signal.SIGKILL)
    _, errors = command.communicate()
    if kill == "child":
        assert b"was killed, perhaps for want of memory: run the same command again" in errors
    wait_until(lambda: not any(map(is_there, children)))
    plan = plan_preparation(data_of(image_folder), 32, out)
    assert (plan.kept, plan.total) == (20, 84)
    prepare(plan, 1, lambda done: None)
    prepared(image_folder, tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["torn pixels", "torn journal", "zeros"])
def test_what_was_torn_is_done_again(image_folder: Path, tmp_path: Path, out: Path, damage: str) -> None:
    """As a machine that lost its power leaves it: a journal ahead of its pixels, half a record, or a hole."""
    prepared(image_folder, tmp_path / "whole")
    plan = plan_preparation(data_of(image_folder), 32, out)
    with preparing._alone(out):
        preparing.write_json(out / "begun.json", plan.content)
        preparing._write_shard(plan.source.training.take(np.arange(60)), 32, out / "train.000.pixels", 0, 3)
    pixels, journal = out / "train.000.pixels", out / "train.000.journal"
    size = pixels.stat().st_size
    os.truncate(journal, 59 * preparing.ENTRY.itemsize + (17 if damage == "torn journal" else 0))
    if damage == "torn pixels":
        os.truncate(pixels, size // 2)
    elif damage == "zeros":
        with open(pixels, "r+b") as file:
            file.seek(size // 3)
            file.write(bytes(5000))
    prepared(image_folder, out)
    assert content(out) == content(tmp_path / "whole")


def test_unreadable_images_are_named_with_their_reason(image_folder: Path, out: Path) -> None:
    bad = image_folder / "train" / "bee" / "003.jpg"
    bad.write_bytes(b"nothing")
    assert prepared(image_folder, out)["unreadable"] == [f"{bad}: of no format that PIL knows"]


def test_a_folder_holds_one_preparation_and_the_same_one_is_not_done_twice(
    image_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = prepared(image_folder, out)
    plan = plan_preparation(data_of(image_folder), 32, out)
    assert (plan.is_complete, plan.kept, plan.bytes_needed) == (True, 84, 0)
    monkeypatch.setattr(preparing, "_write_shard", None)
    assert prepare(plan, 1, lambda done: None) == manifest
    with pytest.raises(DsxError) as raised:
        plan_preparation(data_of(image_folder), 48, out)
    assert str(raised.value) == f"{out}: holds other images (size: 32 → 48): give another --out, or remove it"
    (out / "prepared.json").write_text(json.dumps(manifest)[:50])
    with pytest.raises(DsxError) as raised:
        plan_preparation(data_of(image_folder), 32, out)
    assert str(raised.value) == (
        f"{out}/prepared.json: torn or not JSON; treated as absent; remove {out}, or give another --out"
    )


def test_other_source_images_are_not_mixed_into_what_was_begun(image_folder: Path, out: Path) -> None:
    plan = plan_preparation(data_of(image_folder), 32, out)
    out.mkdir()
    preparing.write_json(out / "begun.json", plan.content)
    shutil.rmtree(image_folder / "val" / "ant")
    (image_folder / "val" / "ant").mkdir()
    shutil.copy(image_folder / "train" / "ant" / "000.jpg", image_folder / "val" / "ant")
    with pytest.raises(DsxError, match=r"holds other images \(listing: .* → .*\): give another --out"):
        plan_preparation(data_of(image_folder), 32, out)


def test_a_disk_without_room_is_refused_before_anything_is_written(
    image_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10**9, 10**9 - 50_000, 50_000))
    with pytest.raises(DsxError) as raised:
        plan_preparation(data_of(image_folder), 32, out)
    assert str(raised.value).startswith(f"{out}: 84 images need about 0.00 GB and 0.00 GB are free: choose a smaller")
    assert not out.exists()


def test_the_room_is_estimated_from_some_images(image_folder: Path, out: Path) -> None:
    plan = plan_preparation(data_of(image_folder), 32, out)
    prepare(plan, 1, lambda done: None)
    assert plan.bytes_needed == pytest.approx(sum(p.stat().st_size for p in out.glob("*.pixels")), rel=0.1)


def test_two_commands_do_not_write_into_one_folder(image_folder: Path, out: Path) -> None:
    plan = plan_preparation(data_of(image_folder), 32, out)
    out.mkdir()
    with open(out / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DsxError) as raised:
            prepare(plan, 1, lambda done: None)
    assert str(raised.value) == f"{out}: another process prepares it: wait for its end"


def test_progress_ends_at_the_whole(image_folder: Path, out: Path) -> None:
    told: list[int] = []
    prepare(plan_preparation(data_of(image_folder), 32, out), 2, told.append)
    assert told == sorted(told)
    assert told[-1] == 84


def test_images_of_floats_are_refused(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, image_folder: Path
) -> None:
    (tmp_path / "floats_mine.py").write_text(
        "import numpy as np\nclass Data:\n    def __init__(self, root, train): self.n = 8 if train else 4\n"
        "    def __len__(self): return self.n\n"
        "    def __getitem__(self, i): return np.full((9, 9, 3), i / 10, np.float32), i % 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DsxError) as raised:
        plan_preparation(data_of(image_folder, dataset="floats_mine:Data"), 32, out)
    assert str(raised.value) == (
        "data set floats_mine:Data: its images are floats: only images of bytes can be prepared"
    )


def test_a_place_that_can_be_no_folder_is_refused_in_one_line(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DsxError) as raised:
            prepare(plan_preparation(data_of(image_folder), 24, out), 1, lambda done: None)
        assert str(raised.value).startswith(f"{out}: cannot be a folder of images (")
        assert str(raised.value).endswith("): name another with --out")
