"""The command line: what a user types, and the one line that a mistake is answered with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsx.base import resources

from command_line import Command, Done


def is_user_error(done: Done, message: str) -> None:
    """Exit code 2 and this one line, whole; no traceback."""
    assert done.code == 2
    assert done.err == f"dsx: {message}\n"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_sample_writes_a_study_and_says_what_it_drew(dsx: Command, tmp_path: Path) -> None:
    done = dsx("sample", "--space", "AnyNetXE", "--n", 20)
    assert done.code == 0
    assert "AnyNetXE: 20 distinct models, flops 360M:400M at 224×224, seed 0" in done.out
    assert "% accepted (flops binds)" in done.out
    header, *rows = done.out.splitlines()[2:6]
    assert header.split() == ["min", "25", "%", "median", "75", "%", "max"]
    assert [row.split()[0] for row in rows] == ["flops", "params", "acts"]
    assert files(tmp_path / "runs" / "AnyNetXE") == ["population.parquet", "study.yaml"]


def test_sampling_the_same_again_changes_nothing(dsx: Command, tmp_path: Path) -> None:
    dsx("sample", "--space", "AnyNetXC", "--n", 5)
    study = tmp_path / "runs" / "AnyNetXC" / "study.yaml"
    before = study.stat().st_mtime_ns
    assert dsx("sample", "--space", "AnyNetXC", "--n", 5).code == 0
    assert study.stat().st_mtime_ns == before


def test_overrides_change_the_definition(dsx: Command) -> None:
    done = dsx("sample", "--space", "AnyNetXA", "--n", 5, "--out", "narrow", "parameters.width.high=256")
    assert done.code == 0
    import pandas as pd

    table = pd.read_parquet("narrow/population.parquet")
    assert table.filter(like="width_").filter(regex="^width").max().max() <= 256


def test_a_window_that_belongs_to_another_resolution_is_noted_with_the_space_made_for_it(dsx: Command) -> None:
    note = "note: the window flops 360M:400M of AnyNetXE belongs to 224×224; AnyNetXE-32 is the space made for 32×32"
    done = dsx("sample", "--space", "AnyNetXE", "--n", 2, "--resolution", 32)
    assert done.code == 0
    assert done.out.splitlines()[:2] == [note, "AnyNetXE: 2 distinct models, flops 360M:400M at 32×32, seed 0"]
    assert dsx("sample", "--space", "AnyNetXE", "--n", 2, "resolution=32").out.startswith(note)
    assert "note" not in dsx("sample", "--space", "AnyNetXE", "--n", 2, "--resolution", 32, "--flops", "5M:10M").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], "n = 0: expected an integer ≥ 1"),
        (
            ["--flops", "400M:360M"],
            "--flops: '400M:360M' is an empty range: its low end is above its high end; did you mean 360M:400M?",
        ),
        (["--seed", "-1"], "seed = -1: expected an integer from 0 to 2^63 − 1"),
        (["--resolution", "0"], "resolution = 0: expected an integer ≥ 1"),
        (["=3"], "override '=3': write key=value, as in recipe.epochs=4"),
    ],
)
def test_bad_requests_write_nothing(dsx: Command, tmp_path: Path, arguments: list[str], message: str) -> None:
    is_user_error(dsx("sample", "--space", "AnyNetXE", *arguments), message)
    assert files(tmp_path) == []


def test_an_unknown_space_gets_the_near_miss(dsx: Command, tmp_path: Path) -> None:
    count = len(resources.names("spaces"))
    is_user_error(
        dsx("sample", "--space", "AnyNetXe"),
        f"unknown space 'AnyNetXe'. Did you mean AnyNetXE? ({count} found; `dsx spaces` lists them;"
        " or give a path to a YAML file)",
    )
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paramaters: {}", "unknown key 'paramaters'. Did you mean parameters?"),
        ("parameters: {depth: {low: a}}", "parameters.depth.low = 'a': expected a number"),
        (
            "parameters: {depth: {low: 20}}",
            "parameters.depth: low 20 is above high 16: an empty range; swap them",
        ),
        (
            "rules: {widht: non_decreasing}",
            "rules.widht: the space has no parameter 'widht' to order. Did you mean width?",
        ),
    ],
)
def test_a_bad_definition_is_one_line(dsx: Command, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"extends: AnyNetXE\n{text}\n")
    is_user_error(dsx("sample", "--space", "mine.yaml"), f"mine.yaml: {message}")
    assert files(tmp_path) == ["mine.yaml"]


@pytest.mark.slow
def test_an_impossible_window_says_what_binds(dsx: Command, tmp_path: Path) -> None:
    done = dsx("sample", "--space", "AnyNetXE", "--n", 5, "--flops", "0:1M")
    assert done.code == 2
    assert "0 of 5 distinct models found, 0 % of 4,194,304 candidates accepted; flops :1M binds" in done.err
    assert "or pass --allow-short" in done.err
    assert files(tmp_path) == []


@pytest.mark.parametrize("command", ["launch", "status", "analyze"])
def test_what_is_not_a_study_is_refused(dsx: Command, tmp_path: Path, command: str) -> None:
    (tmp_path / "other").mkdir()
    flags = ["--recipe", "digits"] if command == "launch" else []
    is_user_error(dsx(command, "other", *flags), "other: not a study folder (no study.yaml); `dsx sample` makes one")
    is_user_error(dsx(command, "nowhere", *flags), "nowhere: no such folder; `dsx sample --out nowhere` makes a study")
    assert files(tmp_path) == []


@pytest.mark.parametrize("command", ["launch", "status", "analyze"])
def test_a_population_cut_in_half_is_refused(dsx: Command, tmp_path: Path, command: str) -> None:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 4, "--out", "cut")
    population = tmp_path / "cut" / "population.parquet"
    population.write_bytes(population.read_bytes()[: population.stat().st_size // 2])
    before = files(tmp_path)
    done = dsx(command, "cut", *(["--recipe", "digits"] if command == "launch" else []))
    assert done.code == 2
    assert done.err.startswith("dsx: cut/population.parquet: not a readable Parquet file, perhaps cut short (")
    assert done.err.count("\n") == 1
    assert files(tmp_path) == before


def test_launch_refuses_what_it_cannot_do(dsx: Command, tmp_path: Path) -> None:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    study = "runs/AnyNetXA-digits"
    count = len(resources.names("experiments", "recipe"))
    known = ", ".join(sorted(resources.names("experiments", "recipe")))
    is_user_error(
        dsx("launch", study, "--recipe", "digitz"),
        f"unknown recipe 'digitz'. Did you mean digits? ({count} found; known: {known}; or give a path to a YAML file)",
    )
    is_user_error(
        dsx("launch", study, "--recipe", "digits", "recipe.epoch=3"),
        "recipe digits: unknown key 'epoch'. Did you mean epochs?",
    )
    is_user_error(
        dsx("launch", study), f"{study}: has no recipe yet; name one, as in: dsx launch {study} --recipe digits"
    )
    import torch

    if not torch.cuda.is_available():
        assert "shows no CUDA GPU" in dsx("launch", study, "--recipe", "digits", "--device", "cuda").err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_commands_and_flags_get_near_misses(dsx: Command) -> None:
    is_user_error(dsx("smple"), "No such command 'smple'. Did you mean 'sample'?")
    assert dsx("sample", "--spac", "AnyNetXA").code == 2


def test_without_a_study_the_last_ones_are_taken_and_named(dsx: Command) -> None:
    done = dsx("status")
    assert done.code == 2
    assert "no study named, and none under ./runs" in done.err
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2)
    done = dsx("status")
    assert done.code == 0
    assert done.out.startswith("studies: runs/AnyNetXA-digits\n")
    assert "2 pending" in done.out


def test_help_of_every_command_has_an_example(dsx: Command) -> None:
    listing = dsx("--help").out
    commands = [line.split()[0] for line in listing.split("Commands:")[1].splitlines() if line.startswith("  ")]
    assert {"spaces", "sample", "launch", "status", "analyze", "run"} <= set(commands)
    for command in commands:
        assert f"Example: dsx {command}" in " ".join(dsx(command, "--help").out.split())


@pytest.mark.slow
@pytest.mark.parametrize("cores", ["1", "2"])
def test_the_population_does_not_depend_on_process_or_cores(dsx_process: Command, tmp_path: Path, cores: str) -> None:
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    threads = {name: cores for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    if available:
        os.sched_setaffinity(0, available[: int(cores)])
    try:
        done = dsx_process("sample", "--space", "AnyNetXE", "--n", 50, "--seed", 7, env=threads)
    finally:
        if available:
            os.sched_setaffinity(0, available)
    assert done.code == 0, done.err
    import dsx
    from dsx.spaces.population import Population

    written = Population.read(tmp_path / "runs" / "AnyNetXE" / "population.parquet")
    here = dsx.sample(dsx.load_space("AnyNetXE"), n=100, seed=7)
    assert written.model_ids == here.model_ids[:50]
    assert written.table.equals(here.table.head(50))
