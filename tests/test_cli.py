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


def test_commands_and_flags_get_near_misses(dsx: Command) -> None:
    is_user_error(dsx("smple"), "No such command 'smple'. Did you mean 'sample'?")
    assert dsx("sample", "--spac", "AnyNetXA").code == 2


@pytest.mark.parametrize("arguments", [(), ("data",)])
def test_without_a_command_the_help_says_what_there_is(dsx: Command, arguments: tuple[str, ...]) -> None:
    done = dsx(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out == dsx(*arguments, "--help").out
    assert "Commands:\n" in done.out


SAMPLED = ("sample", "--space", "AnyNetXE-digits", "--n", "3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SAMPLED, "--num-classes", f"{10**20}"), f"num_classes = {10**20}: expected an integer from 1 to 2^31 − 1"),
        (
            (*SAMPLED, "--resolution", "100000000"),
            "the costs of these networks exceed 64 bits: lower the resolution, the widths or num_classes",
        ),
        (
            (*SAMPLED, "rules.deep=sum(total_depth) <= 12"),
            f"{resources.find('spaces', 'AnyNetXE-digits')} with rules.deep: rules.deep: 'sum(total_depth)' adds up"
            " stages, and total_depth has one value for the network: leave the sum out",
        ),
        (("show", "RegNetX-400MF", "--resolution", "0"), "--resolution 0: expected an integer ≥ 1"),
        (("export", "RegNetX-400MF", "--resolution", "0"), "--resolution 0: expected an integer ≥ 1"),
        (("time", "RegNetX-400MF", "--resolution", "0"), "--resolution 0: expected an integer ≥ 1"),
        (("time", "RegNetX-400MF", "--limit", "0"), "--limit 0: expected an integer ≥ 1"),
        (("train", "RegNetX-400MF", "--recipe", "digits", "--seeds", "0"), "--seeds 0: expected an integer ≥ 1"),
        (("worker", "anywhere", "--threads", "0"), "--threads 0: expected an integer ≥ 1"),
        (
            ("design", "--space", "AnyNetXA-digits", "--recipe", "digits", "--seed", "-1"),
            "seed = -1: expected an integer from 0 to 2^63 − 1",
        ),
    ],
)
def test_numbers_that_cannot_be_are_told_and_nothing_is_written(
    dsx: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    is_user_error(dsx(*arguments), message)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ((*SAMPLED, "--out", ""), "--out"),
        (("sample", "--space", ""), "--space"),
        (("show", ""), "target"),
        (("analyze", "A", ""), "studies"),
        (("launch", "A", "--recipe="), "--recipe"),
        (("data", "prepare", "", "--out", "prepared"), "data"),
    ],
)
def test_an_empty_name_or_path_is_told_and_nothing_is_written(
    dsx: Command, tmp_path: Path, arguments: tuple[str, ...], where: str
) -> None:
    is_user_error(dsx(*arguments), f"{where}: expected a name, a path or a value, found an empty text")
    assert files(tmp_path) == []


def test_a_space_without_a_name_is_refused(dsx: Command, tmp_path: Path) -> None:
    path = resources.find("spaces", "AnyNetXE-digits")
    is_user_error(dsx(*SAMPLED, "name="), f"{path} with name: name = '': expected a text that is not empty")
    assert files(tmp_path) == []


def test_counts_are_taken_as_people_write_them(dsx: Command) -> None:
    assert dsx("sample", "--space", "AnyNetXE-digits", "--n", "1e1").out.startswith("AnyNetXE-digits: 10 distinct")
    is_user_error(
        dsx("sample", "--space", "AnyNetXE-digits", "--n", "1.5"),
        "Invalid value for '--n': '1.5' is not a whole number: write it as 500, 1e3 or 10k",
    )


def test_a_folder_with_a_space_in_its_name_is_told_as_a_shell_takes_it(dsx: Command) -> None:
    done = dsx(*SAMPLED, "--out", "two words/A")
    assert done.out.endswith("wrote two words/A   next: dsx launch 'two words/A' --recipe NAME\n")
    assert "no recipe yet: dsx launch 'two words/A' --recipe NAME" in dsx("status", "two words/A").out
    is_user_error(
        dsx("launch", "two words/A", "--recipe", "digits", "--seeds", "0"), "--seeds 0: expected an integer ≥ 1"
    )


def test_without_a_study_the_last_ones_are_taken_and_named(dsx: Command) -> None:
    done = dsx("status")
    assert done.code == 2
    assert "no study named, and none under ./runs" in done.err
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2)
    done = dsx("status")
    assert done.code == 0
    assert done.out.startswith("studies: runs/AnyNetXA-digits\n")
    assert "2 pending" in done.out


@pytest.mark.slow
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
