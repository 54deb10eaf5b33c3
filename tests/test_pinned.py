"""What must stay as it is: names, commands, populations, files, tables, and studies that older versions made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dsx as package

from command_line import Command, Done
from pinned import collect
from shipped_spaces import some_quick

INTERFACE = collect.read("interface")
NAMES = [f"{module}.{name}" for module, names in INTERFACE["names"].items() for name in names]
TABLES = collect.read("tables")
SAME_ENVIRONMENT = collect.environment() == TABLES["environment"]
QUICK_GROUPS = ("study-trained",)


@pytest.fixture
def run(dsx: Command) -> collect.Run:
    """Run `dsx …` in an empty folder; it must exit with `code`."""

    def call(*arguments: object, code: int = 0) -> None:
        done: Done = dsx(*arguments)
        assert done.code == code, done.err

    return call


def accepts(now: list[list[str]] | None, pinned: list[list[str]] | None) -> bool:
    """Whether every call that the pinned parameters allow means the same with those of now; more optional ones may be.

    Positional parameters keep their places. None: no signature is known.
    """
    if pinned is None:
        return True
    if now is None:
        return False
    by_place = [p for p in now if p[1].startswith("positional")]
    for place, p in enumerate([p for p in pinned if p[1].startswith("positional")]):
        if by_place[place : place + 1] != [p]:
            return False
    added = [p for p in now if p[0] not in {name for name, _, _ in pinned}]
    return all(p in now for p in pinned) and all(p[2] or p[1].startswith("var_") for p in added)


def test_what_counts_as_the_same_signature() -> None:
    x, y = ["x", "positional_or_keyword", ""], ["y", "positional_or_keyword", "1"]
    level = ["level", "keyword_only", "0.95"]
    assert accepts([x, y], [x, y])
    assert accepts([x, y, level], [x, y])
    assert not accepts([x, level], [x, y])
    assert not accepts([y, x], [x, y])
    assert not accepts([x, ["y", "positional_or_keyword", "2"]], [x, y])
    assert not accepts([x, y, ["level", "keyword_only", ""]], [x, y])


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_name_is_called_as_before(name: str) -> None:
    module, _, short = name.rpartition(".")
    pinned, now = INTERFACE["names"][module][short], collect.exported(module).get(short)
    assert now is not None, f"{name} is not exported any more"
    assert accepts(now.get("parameters"), pinned.get("parameters")), (now, pinned)
    for member, parameters in pinned.get("members", {}).items():
        assert member in now["members"], f"{name}.{member} is gone"
        assert accepts(now["members"][member], parameters), (member, now["members"][member], parameters)


@pytest.mark.parametrize("command", INTERFACE["commands"])
def test_a_command_takes_the_options_it_took(command: str) -> None:
    pinned, now = INTERFACE["commands"][command], collect.commands()[command]
    assert {name: now.get(name) for name in pinned} == pinned
    assert not [name for name, option in now.items() if name not in pinned and option["required"]]


@pytest.mark.slow
@pytest.mark.parametrize("space", some_quick(collect.read("populations")))
def test_a_shipped_space_has_the_population_it_had(space: str) -> None:
    pinned = collect.read("populations")[space]
    assert {seed: collect.population(space, int(seed)) for seed in pinned} == pinned


@pytest.mark.slow
def test_a_study_has_the_files_and_fields_it_had(run: collect.Run) -> None:
    pinned, now = collect.read("layout"), collect.made_layout(run)
    assert list(now) == list(pinned)
    assert {name: sorted(set(pinned[name]) - set(now[name])) for name in pinned} == {name: [] for name in pinned}


@pytest.mark.slow
@pytest.mark.parametrize(
    "group", [pytest.param(g, marks=[] if g in QUICK_GROUPS else [pytest.mark.slow]) for g in TABLES["groups"]]
)
def test_an_analysis_writes_the_tables_it_wrote(group: str, run: collect.Run) -> None:
    folder = collect.tables(group, run)
    for name, pinned in TABLES["groups"][group].items():
        assert (folder / name).is_file(), f"{name} is not written any more"
        now = collect.digest(folder / name)
        assert same(now, pinned), difference(folder / name, now, pinned)


def same(now: dict[str, Any], pinned: dict[str, Any]) -> bool:
    """Byte for byte where numbers are computed by the same libraries on the same processor, else to 6 digits."""
    return now["sha256"] == pinned["sha256"] or (not SAME_ENVIRONMENT and now["rounded"] == pinned["rounded"])


def difference(path: Path, now: dict[str, Any], pinned: dict[str, Any]) -> str:
    """Where a table differs, as far as it is known."""
    for what in ("columns", "rows"):
        if now[what] != pinned[what]:
            return f"{path}: {what} {pinned[what]} → {now[what]}"
    whole = collect.HERE / "reference" / path.name
    if not whole.is_file():
        return f"{path}: other values"
    lines = zip(whole.read_text().splitlines(), path.read_text().splitlines(), strict=True)
    return f"{path}: " + next((f"{a}\n→ {b}" for a, b in lines if a != b), "other line ends")


# ---- studies of older versions ----


@pytest.fixture(params=collect.STUDIES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an old study."""
    return Path(shutil.copytree(collect.HERE / "studies" / request.param, tmp_path / "runs" / request.param))


def stored_results(folder: Path) -> pd.DataFrame:
    return pd.read_csv(collect.HERE / "studies" / f"{folder.name}.csv")


@pytest.mark.parametrize("kept", [True, False], ids=["with the kept table", "from the records"])
def test_an_old_study_opens_with_the_results_it_had(old: Path, kept: bool) -> None:
    if not kept:
        (old / "results.parquet").unlink(missing_ok=True)
    pinned = stored_results(old)
    (old.parent / "now.csv").write_text(package.open_study(old).results().to_csv(index=False))
    now = pd.read_csv(old.parent / "now.csv")
    assert set(pinned.columns) <= set(now.columns)
    pd.testing.assert_frame_equal(now[list(pinned.columns)], pinned, rtol=1e-12, atol=0)


@pytest.mark.slow
def test_an_old_study_is_trained_to_its_end(old: Path, run: collect.Run) -> None:
    finished = {path: path.read_bytes() for path in old.glob("models/*/*/result.json")}
    recipe = () if package.open_study(old).recipe else ("--recipe", "digits", "recipe.epochs=1")
    run("launch", old, "--on", "debug", "--device", "cpu", "launcher.threads=1", "--retry", "failed", *recipe)
    counts = package.open_study(old).counts()
    pinned = stored_results(old)
    assert counts["done"] + counts["diverged"] == len(pinned)
    assert {path: path.read_bytes() for path in finished} == finished
    now = package.open_study(old).results()
    assert list(now["run_id"]) == list(pinned["run_id"])


@pytest.mark.slow
def test_an_old_checkpoint_is_gone_on_from(tmp_path: Path, run: collect.Run) -> None:
    import torch

    folder = Path(shutil.copytree(collect.HERE / "studies" / "trained", tmp_path / "trained"))
    stopped = next(
        path for path in folder.glob("models/*/*/checkpoint.pt") if not (path.parent / "failure.json").exists()
    )
    (before,) = torch.load(stopped, weights_only=True)["curve"]
    run("launch", folder, "--on", "debug", "--device", "cpu", "launcher.threads=1")
    curves = package.open_study(folder).curves()
    curve = curves[curves["run_id"] == stopped.parent.name]
    assert list(curve["epoch"]) == [1, 2, 3]
    # training is deterministic, the clock is not: the first epoch was not trained again
    assert curve["seconds"].iloc[0] == before["seconds"]
    assert not stopped.exists()


def test_an_old_failure_is_still_told(tmp_path: Path, dsx: Command) -> None:
    folder = shutil.copytree(collect.HERE / "studies" / "trained", tmp_path / "trained")
    (failure,) = package.open_study(folder).failures()
    assert failure.kind == "timeout"
    assert failure.message.startswith("TimeLimitExceeded: time limit of 1e-06 min reached in epoch 1 of 3")
    done = dsx("status", folder)
    assert done.code == 0
    assert "time limit of 1e-06 min reached" in done.out
