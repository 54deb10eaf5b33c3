"""Damaged and random files: each reader gives what is right, or one line that says what is wrong; nothing else."""

from __future__ import annotations

import json
import random
import shutil
import signal
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tally import Tally

from dsx.base import resources
from dsx.base.errors import DsxError
from dsx.commands.config import load_experiment, load_launcher
from dsx.networks.lookup import read_network
from dsx.networks.published import published
from dsx.recipes.recipe import load_recipe
from dsx.results.readers import read_results
from dsx.spaces.definition import load_space
from dsx.study.study import open_study

from standins import behave, launch_here, make_study

_PATIENCE_S = 30
_WORDS = (
    "-1",
    "1e999",
    "null",
    "[]",
    "{}",
    "''",
    ".nan",
    "true",
    "2024-01-01",
    "0x1F",
    "x" * 300,
    "Ünï",
    "&a *a",
    "- -",
)
Reader = Callable[[Path], object]


def damaged_files(count: int, folder: Path, seed: int = 3) -> list[Tally]:
    """So many damaged files, over all kinds; a tally for each kind."""
    readers = _readers(folder)
    tallies = {kind: Tally(f"damaged {kind}") for kind, _, _ in readers}
    dice = random.Random(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trial in range(count):
            kind, path, read = readers[trial % len(readers)]
            whole = path.read_bytes()
            path.write_bytes(damaged(whole, dice, text=path.suffix in (".yaml", ".json", ".csv")))
            _try(read, path, tallies[kind])
            path.write_bytes(whole)
    return list(tallies.values())


def damaged(content: bytes, dice: random.Random, text: bool) -> bytes:
    """The content cut, flipped, doubled, mixed, replaced, or with a word of it exchanged."""
    at, length = dice.randrange(len(content) + 1), dice.randrange(1, 40)
    kind = dice.randrange(8 if text else 6)
    if kind == 0:
        return content[:at]
    if kind == 1:
        flipped = bytearray(content)
        for _ in range(dice.randrange(1, 9)):
            flipped[dice.randrange(len(flipped))] = dice.randrange(256)
        return bytes(flipped)
    if kind == 2:
        return content[:at] + dice.randbytes(length) + content[at:]
    if kind == 3:
        return content[:at] + content[at + length :]
    if kind == 4:
        return content[:at] + content[at : at + 10 * length] + content[at:]
    if kind == 5:
        return dice.randbytes(dice.randrange(0, 200))
    words = content.decode(errors="replace").split(" ")
    words[dice.randrange(len(words))] = dice.choice(_WORDS) + dice.choice(("", "\n", ","))
    return " ".join(words).encode()


def _try(read: Reader, path: Path, tally: Tally) -> None:
    def late(_number: int, _frame: object) -> None:
        raise TimeoutError("hangs")

    tally.trials += 1
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_PATIENCE_S)
    try:
        read(path)
    except TimeoutError as error:
        tally.hangs += "hangs" in str(error)
        _keep(path, tally, "hang")
    except DsxError as error:
        if "\n" in str(error).strip():
            tally.remarks.append(f"{tally.part}: more than a line: {str(error)[:200]!r}")
    except Exception as error:
        tally.tracebacks += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        line = f"{type(error).__name__}: {str(error)[:150]!r} ({Path(place.filename).name}, line {place.lineno})"
        _keep(path, tally, line)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _keep(path: Path, tally: Tally, what: str) -> None:
    """The file, for a test to come."""
    kept = path.parent / f"kept-{len(tally.remarks)}{path.suffix}"
    shutil.copy(path, kept)
    tally.remarks.append(f"{tally.part}: {what}: {kept}")


def _readers(folder: Path) -> list[tuple[str, Path, Reader]]:
    """Kind, an undamaged file, and what reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    readers: list[tuple[str, Path, Reader]] = []

    def add(kind: str, name: str, content: bytes, read: Reader) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        read(path)  # the whole file is a good one
        readers.append((kind, path, read))

    for name in ("AnyNetXE-digits", "RegNetX-28"):
        add("YAML: spaces", f"{name}.yaml", resources.find("spaces", name).read_bytes(), load_space)
    for name in ("digits", "imagenet_100ep"):
        content = resources.find("experiments", name, group="recipe").read_bytes()
        add("YAML: recipes", f"recipe-{name}.yaml", content, lambda path: load_recipe(path))
    own = b"name: own\ncommand: [sh, train.sh, '{seed}']\nmetrics: {map: {unit: '%', better: higher, chance: 0}}\n"
    add("YAML: recipes", "own.yaml", own, lambda path: load_recipe(path))
    experiment = resources.find("experiments", "quickstart").read_bytes()
    add("YAML: experiments and launchers", "quickstart.yaml", experiment, lambda path: load_experiment(str(path)))
    launcher = resources.find("experiments", "slurm", group="launcher").read_bytes()
    add("YAML: experiments and launchers", "slurm.yaml", launcher, lambda path: load_launcher(str(path)))
    network = json.dumps(published("RegNetX-400MF").to_dict()).encode()
    add("JSON: networks", "network.json", network, read_network)
    rows = pd.DataFrame({"error": [3.5, 4, 5.25], "flops": [1e6, 2e6, 3e6], "depth": [3, 4, 5], "w0": [8, 16, 24]})
    add("CSV and Parquet of results", "results.csv", rows.to_csv(index=False).encode(), lambda path: read_results(path))
    rows.to_parquet(folder / "rows.parquet")
    content = (folder / "rows.parquet").read_bytes()
    add("CSV and Parquet of results", "results.parquet", content, lambda path: read_results(path))
    readers += _study_readers(folder / "study")
    readers += _image_readers(folder / "images")
    return readers


def _study_readers(folder: Path) -> list[tuple[str, Path, Reader]]:
    study = make_study(folder, n=4)
    behave(study, r1="raise")
    launch_here(study, limit=3, workers=1)
    runs = study.runs()
    study.results()

    def look(_path: Path) -> object:
        there = open_study(folder)
        there.scan()
        return there.results(), there.curves(), [run.architecture for run in there.runs()]

    records = [study.paths.run(runs[0].run_id).result, study.paths.run(runs[1].run_id).failure]
    claim = study.paths.run(runs[3].run_id).claim(1)
    claim.parent.mkdir(parents=True, exist_ok=True)
    claim.write_text(
        '{"holder": {"machine": "m", "pid": 1, "started": "2"}, "since": 3, "lost": 0, "released": false}\n'
    )
    found: list[tuple[str, Path, Reader]] = [("records of runs", path, look) for path in (*records, claim)]
    found += [("study.yaml", study.paths.definition, look)]
    return found + [("Parquet of studies", path, look) for path in (study.paths.population, study.paths.results)]


def _image_readers(folder: Path) -> list[tuple[str, Path, Reader]]:
    import torch

    from dsx.training.data.check import check_data
    from dsx.training.data.opening import open_batches

    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for label in ("ant", "bee"):
            (folder / part / label).mkdir(parents=True)
            for at in range(4):
                pixels = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / label / f"{at}.png")
    changes = {"data.root": str(folder), "batch_size": 2, "data.workers": 0, "epochs": 3}
    recipe = load_recipe("folder", {**changes, "resolution": 16, "lr_reference_batch": None, "lr": 0.1})

    def read(_path: Path) -> object:
        check_data(recipe)
        batches = open_batches(recipe, 0, torch.device("cpu"))
        try:
            return [len(targets) for _, targets in batches.training(0)]
        finally:
            batches.close()

    paths = [folder / "train" / "ant" / "0.png", folder / "val" / "bee" / "1.png"]
    jpeg = folder / "train" / "bee" / "9.jpg"
    Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(jpeg)
    return [("images", path, read) for path in (*paths, jpeg)]
