"""The experiments that repeat the papers: each composes, samples and tells its cost; the page is the script's."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.commands.config import load_experiment
from dsx.commands.launch import LaunchRequest, preview
from dsx.commands.run import sample_experiment
from dsx.launch.options import LaunchOptions
from dsx.spaces.definition import load_space

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("reproduce", ROOT / "analysis" / "reproduce.py")
assert spec is not None
assert spec.loader is not None
reproduce = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reproduce)

NAMES = sorted(path.stem for path in reproduce.KIT.glob("*.yaml"))
# what is asked for by number: figures and tables that GPUs can repeat
FIGURES = (2, 5, 7, 9, 10, 11, 12, 13, 14, 19, 20, 21, 23)
TABLES = (2, 3, 4, 7)


def test_there_is_one_for_every_figure_and_table() -> None:
    numbers = {tuple(name.split("_")[:2]) for name in NAMES}
    assert {("figure", str(number)) for number in FIGURES} <= numbers
    assert {("table", str(number)) for number in TABLES} <= numbers
    wanted = {"nds_spaces", "nds_sample_size", "nds_random_search", "nds_normalised"}
    assert wanted | {"cifar_optim", "cifar_regnet", "cifar_best"} <= set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_composes_samples_and_tells_its_cost(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = min(2, load_experiment(f"paper/{name}").n)
    # small images and two a step, as a CPU is slow; what is sampled has the complexity that it is to have
    monkeypatch.setattr("dsx.training.preflight._BRIEF_PIXELS", 2)
    pixels = 64 if name.endswith("5stages") else 32  # as many as the strides reduce to one
    small = [f"recipe.resolution={pixels}", "recipe.data.root=/nowhere"]
    small = small if not name.startswith(("nds", "cifar")) else []
    experiment = load_experiment(f"paper/{name}", [f"n={n}", f"out={tmp_path / 'out'}"])
    studies = sample_experiment(experiment, lambda line: None)
    assert [len(study.population) for study in studies] == [n] * len(experiment.spaces) + [1] * len(experiment.networks)
    for study in studies:
        study.set_recipe(experiment.recipe, experiment.replicates)
        if experiment.paper and study.name in experiment.paper.errors:
            assert study.paper is not None
            assert (study.paper.min_error, study.paper.mean_error) == experiment.paper.errors[study.name]
    told = preview(LaunchRequest([str(tmp_path / "out")], None, "local", LaunchOptions(device="cpu"), small))
    assert "timed on noise, without reading images" in told
    assert "device-hours in all" in told


@pytest.mark.slow
def test_one_populations_numbers_are_the_same_wherever_they_stand() -> None:
    known: dict[tuple[object, ...], object] = {}
    for experiment in reproduce.experiments().values():
        for space, errors in experiment.paper.errors.items():
            window = experiment.flops
            if space in experiment.spaces:
                window = window or str(load_space(space).constraint_texts.get("flops"))
            key = (space, window, experiment.recipe.recipe_id)
            assert known.setdefault(key, errors) == errors, key
    assert len(known) > 50


@pytest.mark.slow
def test_errors_of_networks_are_those_of_the_papers_table() -> None:
    with (ROOT / "tests" / "networks" / "paper_models.csv").open(newline="") as lines:
        table = {row["name"]: float(row["paper_top1_mean"]) for row in csv.DictReader(lines)}
    compared = 0
    for experiment in reproduce.experiments().values():
        for network in experiment.networks:
            if network in table:
                assert experiment.paper.errors[network] == (None, table[network])
                compared += 1
    assert compared == 13


@pytest.mark.slow
def test_every_experiment_says_where_its_numbers_stand_and_what_to_expect() -> None:
    for name, experiment in reproduce.experiments().items():
        assert experiment.name == name
        assert experiment.description.endswith(("?", "recipe", "phones", "EfficientNets")), name
        assert experiment.paper.source
        assert experiment.paper.expect
        assert experiment.paper.errors or experiment.paper.facts, name


@pytest.mark.slow
def test_the_page_is_what_the_script_writes() -> None:
    assert reproduce.PAGE.read_text(encoding="utf-8") == reproduce.page(), "python analysis/reproduce.py writes it anew"


def test_costs_are_told_for_every_experiment() -> None:
    assert sorted(reproduce.costs()) == NAMES


@pytest.mark.slow
def test_the_commands_of_the_page_name_experiments_and_keys_that_there_are() -> None:
    runs = re.findall(r"^dsx run (\S+) ([^#\n]*)", reproduce.PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert runs
    for name, overrides in runs:
        assert load_experiment(name, overrides.split()).name == name.removeprefix("paper/")


def test_the_sweep_of_pycls_draws_as_its_original_did() -> None:
    from dsx.spaces.sampling import draw_population

    # the original accepts 0.26 %: its 32 networks of some 12,300 candidates, whose number has a standard error of √32
    tally = draw_population(load_space("RegNetY-cifar"), 300, seed=0).tally
    assert tally.acceptance == pytest.approx(0.0026, abs=2 * 0.0026 / 32**0.5)


def test_an_unknown_experiment_of_the_kit_is_refused_in_one_line() -> None:
    with pytest.raises(DsxError) as refused:
        load_experiment("paper/figure_99")
    assert str(refused.value) == "paper/figure_99: no such experiment file"
