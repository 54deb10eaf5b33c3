"""Two processes train one model: whatever one of them meets, both end alike, and soon."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("two_ranks.py")
Outcomes = list[dict[str, Any]]


def make_images(folder: Path) -> list[str]:
    """16 training and 8 validation images of each of three classes, of which 13 and 2 are unreadable; these, sorted."""
    rng = np.random.default_rng(0)
    files = []
    for part, n in (("train", 16), ("val", 8)):
        for name in ("ant", "bee", "cat"):
            (folder / part / name).mkdir(parents=True)
            for i in range(n):
                files.append(folder / part / name / f"{i:02}.png")
                Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(files[-1])
    bad = [*files[::4][:12], files[1], files[50], files[-1]]
    for path in bad:
        path.write_bytes(path.read_bytes()[:60])
    return sorted(str(path) for path in bad)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcomes, list[str]]:
    """What each rank found in every scenario, and the unreadable images."""
    folder = tmp_path_factory.mktemp("ranks")
    bad = make_images(folder / "images")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        launcher = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder)]
    ranks = [subprocess.Popen(command, env=os.environ | launcher | {"RANK": str(rank)}) for rank in range(2)]
    try:
        assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
    return folder, [json.loads((folder / f"outcomes.{rank}.json").read_text()) for rank in range(2)], bad


def both(outcomes: Outcomes, scenario: str) -> dict[str, Any]:
    """What both ranks found: the same."""
    first, second = (own[scenario] for own in outcomes)
    assert first == second
    return first


def test_unreadable_images_of_all_processes_are_counted_and_named(together: tuple[Path, Outcomes, list[str]]) -> None:
    """With parts of two images, some parts have none that can be read: that process keeps up with the other."""
    folder, outcomes, bad = together
    found = both(outcomes, "few_are_corrupt")
    assert (found["state"], found["epochs"]) == ("done", 2)
    assert found["data"] == {"corrupt_images": len(bad), "corrupt_names": bad}
    assert json.loads((folder / "few" / "result.json").read_text())["data"]["corrupt_images"] == len(bad)


def test_too_many_unreadable_images_end_both_processes(together: tuple[Path, Outcomes, list[str]]) -> None:
    folder, outcomes, _ = together
    found = both(outcomes, "many_are_corrupt")
    assert found["raised"] == "CorruptData"
    assert "of 72 images are not readable, more than data.max_corrupt = 0.01 allows" in found["message"]
    assert not (folder / "many" / "result.json").exists()


def test_a_loss_that_is_not_finite_in_one_process_is_one_result(together: tuple[Path, Outcomes, list[str]]) -> None:
    found = both(together[1], "loss_is_not_finite_on_one")
    assert (found["state"], found["epochs"]) == ("diverged", 1)
    assert found["note"].startswith("loss not finite in epoch 2")


def test_a_signal_to_one_process_stops_both_and_nothing_is_lost(together: tuple[Path, Outcomes, list[str]]) -> None:
    found = both(together[1], "one_is_told_to_stop")
    assert found["stopped"]["raised"] == "Interrupted"
    assert found["stopped"]["saved"]
    assert found["resumed"] == found["whole"]
    assert found["whole"]["epochs"] == 3


def test_the_time_limit_of_one_process_ends_both(together: tuple[Path, Outcomes, list[str]]) -> None:
    found = both(together[1], "the_time_of_one_is_up")
    assert found["raised"] == "TimeLimitExceeded"
    assert found["saved"]


def test_gradients_are_the_mean_over_images_however_they_are_shared_out(
    together: tuple[Path, Outcomes, list[str]],
) -> None:
    for own in together[1]:
        found = own["parts_are_unequal"]
        assert found["off"] < 1e-5
        assert found["moved"] > 1e-2
