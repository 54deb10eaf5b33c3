"""`dsx sample`: a population is drawn, told of, and kept as a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.commands.sample import SampleRequest, describe_sampling, draw_marginals, parse_ranges, sample
from dsx.commands.selection import chosen
from dsx.study.claims import claim
from dsx.study.study import open_study

from command_line import Command


def file_names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_sample_writes_a_study_and_says_what_it_drew(dsx: Command, tmp_path: Path) -> None:
    done = dsx("sample", "--space", "AnyNetXE", "--n", 20)
    assert done.code == 0
    assert "AnyNetXE: 20 distinct models, flops 360M:400M at 224×224, seed 0" in done.out
    assert "% accepted (flops binds)" in done.out
    header, *rows = done.out.splitlines()[2:6]
    assert header.split() == ["min", "25", "%", "median", "75", "%", "max"]
    assert [row.split()[0] for row in rows] == ["flops", "params", "acts"]
    assert file_names(tmp_path / "runs" / "AnyNetXE") == ["population.parquet", "study.yaml"]


def test_sampling_the_same_again_changes_nothing(dsx: Command, tmp_path: Path) -> None:
    dsx("sample", "--space", "AnyNetXC", "--n", 5)
    study = tmp_path / "runs" / "AnyNetXC" / "study.yaml"
    before = study.stat().st_mtime_ns
    assert dsx("sample", "--space", "AnyNetXC", "--n", 5).code == 0
    assert study.stat().st_mtime_ns == before


@pytest.mark.slow
def test_overrides_change_the_definition(dsx: Command) -> None:
    done = dsx("sample", "--space", "AnyNetXA", "--n", 5, "--out", "narrow", "parameters.width.high=256")
    assert done.code == 0
    table = pd.read_parquet("narrow/population.parquet")
    assert table.filter(like="width_").filter(regex="^width").max().max() <= 256


@pytest.mark.slow
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
        (["--resolution", "0"], "resolution = 0: expected an integer from 1 to 2^31 − 1"),
        (["=3"], "override '=3': write key=value, as in recipe.epochs=4"),
    ],
)
def test_bad_requests_write_nothing(dsx: Command, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = dsx("sample", "--space", "AnyNetXE", *arguments)
    assert (done.code, done.err) == (2, f"dsx: {message}\n")
    assert file_names(tmp_path) == []


@pytest.mark.slow
def test_an_impossible_window_says_what_binds(dsx: Command, tmp_path: Path) -> None:
    done = dsx("sample", "--space", "AnyNetXE", "--n", 5, "--flops", "0:1M")
    assert done.code == 2
    assert "0 of 5 distinct models found, 0 % of 4,194,304 candidates accepted; flops :1M binds" in done.err
    assert "or pass --allow-short" in done.err
    assert file_names(tmp_path) == []


def test_ranges_that_are_given_become_numbers() -> None:
    given = {"flops": "360M:400M", "params": None, "acts": ":2M"}
    assert parse_ranges(given) == {"flops": (360e6, 400e6), "acts": (0, 2e6)}
    with pytest.raises(DsxError, match=r"^--params: "):
        parse_ranges({"params": "many"})


def test_the_account_has_the_quantiles_of_the_population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = sample(SampleRequest("AnyNetXA-digits", n=9, seed=3, ranges={"params": "10k:100k"}))
    assert [study.path for study in chosen([])] == [drawn.study.path]
    assert drawn.text() == describe_sampling(drawn.space, drawn.drawing, 3)
    lines = drawn.text().splitlines()
    assert lines[0].startswith("AnyNetXA-digits: 9 distinct models, ")
    assert lines[0].endswith(" at 8×8, seed 3")
    assert "params 10k:100k" in lines[0]
    told = dict(zip(["min", "median", "max"], [lines[-2].split()[k] for k in (1, 3, 5)], strict=True))
    params = np.sort(drawn.study.population.params)
    assert params.min() >= 10_000
    assert params.max() <= 100_000
    for name, row in (("min", 0), ("median", 4), ("max", 8)):
        assert float(told[name].lower().replace("k", "e3")) == pytest.approx(params[row], rel=0.05)


@pytest.mark.slow
def test_a_population_of_a_study_is_drawn_beside_its_other_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = sample(SampleRequest("AnyNetXA-digits", n=4, out=Path("P")))
    path = draw_marginals(drawn.study)
    assert path.parent == drawn.study.paths.analysis
    assert path.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_a_larger_sample_makes_a_started_study_grow(dsx: Command, tmp_path: Path) -> None:
    small = ("sample", "--space", "AnyNetXE-digits", "--out", "a")
    assert "grew" not in dsx(*small, "--n", 3).out
    study = open_study(tmp_path / "a")
    held = claim(study.paths.run(study.runs()[0].run_id))
    assert held is not None
    held.release()
    done = dsx(*small, "--n", 5)
    assert "a grew from 3 to 5 models; what is trained stays\nwrote a " in done.out
    assert open_study(tmp_path / "a").population.model_ids[:3] == study.population.model_ids
    assert "grew" not in dsx(*small, "--n", 5).out
    refused = "dsx: a: holds a study of another request whose models have started ("
    for arguments, difference in (
        (("--n", 7, "--seed", 1), "n: 5 → 7; seed: 0 → 1"),
        (("--n", 7, "--acts", "5k:20k"), "n: 5 → 7; space.constraints.acts: absent → 5k:20k"),
        (("--n", 3), "n: 5 → 3"),
    ):
        done = dsx(*small, *arguments)
        assert done.code == 2
        assert done.err.startswith(refused + difference)
    assert len(open_study(tmp_path / "a").population) == 5
