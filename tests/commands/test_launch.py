"""`dsx launch`: recipe and launcher are chosen, all is checked before a study changes, and the exit code tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dsx.base import resources
from dsx.base.errors import DsxError
from dsx.commands import launch as command
from dsx.commands.launch import STOPPED, LaunchRequest, exit_code, launch, launch_studies, plan, preview
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import load_recipe
from dsx.study.results import Failure
from dsx.study.study import Study, open_study
from dsx.training import preflight
from dsx.training.preflight import Estimate, Preflight

from command_line import Command, Done
from standins import make_study

OPTIONS = LaunchOptions(device="cpu", progress=False)


def is_user_error(done: Done, message: str) -> None:
    """Exit code 2 and this one line, whole; no traceback."""
    assert (done.code, done.err) == (2, f"dsx: {message}\n")


class Recording(Launcher):
    """Keeps what it is called with; refuses studies of the folder `refused`."""

    kind: str = "recording"
    calls: list[tuple[str, list[str], int]] = []

    def check(self, studies: Sequence[Study], options: LaunchOptions) -> None:
        self._note("check", studies)
        if any(study.path.name == "refused" for study in studies):
            raise DsxError("not here")

    def preview(self, studies: Sequence[Study], options: LaunchOptions) -> Preview:
        self._note("preview", studies)
        return Preview(4, "on 4 benches", ("and that is all",))

    def launch(self, studies: Sequence[Study], options: LaunchOptions) -> Launched:
        self._note("launch", studies)
        return Launched({"done": 1}, lines=("it went well",))

    def _note(self, what: str, studies: Sequence[Study]) -> None:
        assert all(study.recipe is not None for study in studies)
        self.calls.append((what, [study.path.name for study in studies], studies[0].replicates))


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    made = Recording(calls=[])
    monkeypatch.setattr("dsx.commands.config.load_launcher", lambda name, changes: made)
    return made


@pytest.mark.slow
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
    is_user_error(dsx("launch", study), f"{study}: has no recipe yet; name one: dsx launch {study} --recipe digits")
    import torch

    if not torch.cuda.is_available():
        assert "shows no CUDA GPU" in dsx("launch", study, "--recipe", "digits", "--device", "cuda").err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_studies_get_recipe_and_seeds_after_the_check_and_before_the_launch(
    tmp_path: Path, recording: Recording
) -> None:
    studies = [make_study(tmp_path / name, n=2, recipe=False) for name in "ab"]
    said: list[str] = []
    folders = [str(study.path) for study in studies]
    request = LaunchRequest(folders, "digits", "recording", OPTIONS, ["recipe.epochs=5"], seeds=3)
    launched = launch(request, said.append)
    assert [call[0] for call in recording.calls] == ["check", "launch"]
    assert [call[2] for call in recording.calls] == [3, 3]
    for folder in folders:
        study = open_study(folder)
        assert study.recipe is not None
        assert (study.recipe.epochs, study.replicates) == (5, 3)
    assert said[0].startswith("12 models; recipe digits v1")
    assert said[1:] == list(launched.lines) == ["it went well"]


def test_one_study_that_is_refused_leaves_all_as_they_were(tmp_path: Path, recording: Recording) -> None:
    studies = [make_study(tmp_path / name, n=2, recipe=False) for name in ("good", "refused")]
    with pytest.raises(DsxError, match=r"^not here$"):
        launch(LaunchRequest([str(study.path) for study in studies], "digits", "recording", OPTIONS))
    assert [open_study(study.path).recipe for study in studies] == [None, None]


def test_without_a_named_recipe_each_study_keeps_its_own_and_overrides_change_it(
    tmp_path: Path, recording: Recording
) -> None:
    studies = [make_study(tmp_path / name, n=2, lr=lr) for name, lr in (("a", 0.25), ("b", 0.125))]
    folders = [str(study.path) for study in studies]
    launch(LaunchRequest(folders, None, "x", OPTIONS, ["recipe.epochs=7"]), lambda line: None)
    recipes = [open_study(study.path).recipe for study in studies]
    assert [(recipe.lr, recipe.epochs) for recipe in recipes if recipe] == [(0.25, 7), (0.125, 7)]


def test_a_plan_writes_nothing(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=2)
    before = (study.path / "study.yaml").read_bytes()
    (planned,) = plan([study], [load_recipe("digits", {"epochs": 2})], seeds=2)
    assert planned.recipe is not None
    assert (planned.recipe.epochs, planned.replicates, len(planned.runs())) == (2, 2, 4)
    assert plan([planned], [planned.recipe])[0].replicates == 2
    assert (study.path / "study.yaml").read_bytes() == before


def test_data_is_looked_at_here_only_for_a_launcher_that_trains_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(command, "check_data_here", lambda studies: looked.append(studies) or {})

    class Here(Recording):
        trains_here = True

    study = make_study(tmp_path / "a", n=2)
    for launcher, count in ((Recording(calls=[]), 0), (Here(calls=[]), 1)):
        launch_studies([study], [study], launcher, OPTIONS, say=lambda line: None)
        assert len(looked) == count


def test_a_preview_tells_states_cost_and_place(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        Estimate("smallest", "a", 10_000, 2000.0, 0.25, 2**30, 0.5),
        Estimate("largest", "b", 20_000, None, None, None, None, note="out of memory"),
    ]
    monkeypatch.setattr(preflight, "preflight", lambda *_, **__: Preflight(rows, 6, 12.0, "digits"))
    study = make_study(tmp_path / "a", n=6)
    lines = preview(LaunchRequest([str(study.path)], None, "x", OPTIONS)).splitlines()
    assert lines[1] == f"{study.path}: would train 6 models; now 6 pending"
    assert lines[3].split() == ["smallest", "10k", "2,000", "25%", "1.00", "GiB", "0.5"]
    assert lines[4].split() == ["largest", "20k", "out", "of", "memory", "–", "–", "–"]
    assert lines[5:] == ["12 device-hours in all; 3 h on 4 benches", "and that is all"]
    assert [call[0] for call in recording.calls] == ["preview"]


def test_a_preview_of_a_recipe_that_compiles_tells_what_that_costs_and_brings(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Estimate("smallest", "a", 10_000, 2000.0, 0.25, None, 0.5, compiling_s=40.0)
    plain = Estimate("largest", "a", 10_000, 1500.0, 0.25, None, 0.625)
    monkeypatch.setattr(preflight, "preflight", lambda *_, **__: Preflight([row], 1, 0.5, "digits", plain=plain))
    study = make_study(tmp_path / "a", n=1)
    line = preview(LaunchRequest([str(study.path)], None, "x", OPTIONS)).splitlines()[4]
    text = "with it, 40 s of them to compile, and 0.625 without (recipe.compile=false)"
    assert line == f"compile: the largest takes 0.5 device-hours {text}"


def test_a_cost_that_cannot_be_measured_does_not_hide_the_rest(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object, **__: object) -> Preflight:
        raise DsxError("no such data")

    monkeypatch.setattr(preflight, "preflight", nowhere)
    study = make_study(tmp_path / "a", n=1)
    lines = preview(LaunchRequest([str(study.path)], None, "x", OPTIONS)).splitlines()
    assert lines[-2:] == ["cost not measured: no such data", "and that is all"]


def failed(count: int) -> tuple[tuple[Path, Failure], ...]:
    return tuple((Path("S"), Failure(f"m{i}", "timeout", f"slow {i}")) for i in range(count))


@pytest.mark.parametrize(
    ("launched", "code"),
    [
        (Launched({"done": 2}), 0),
        (Launched({}), 0),
        (Launched({"done": 1, "failed": 2}, failed=failed(2)), 0),
        (Launched({"diverged": 1, "failed": 1}, failed=failed(1)), 0),
        (Launched({"done": 1}, by_signal=True), STOPPED),
    ],
)
def test_the_exit_code_tells_success_from_a_signal(launched: Launched, code: int) -> None:
    assert exit_code(launched) == code


@pytest.mark.parametrize(("count", "told"), [(1, "the only model"), (3, "every one of 3 models")])
def test_a_launch_of_which_nothing_came_is_an_error_with_the_first_cause(count: int, told: str) -> None:
    with pytest.raises(DsxError) as caught:
        exit_code(Launched({"failed": count}, failed=failed(count)))
    assert str(caught.value) == (f"{told} failed, the first by timeout: slow 0; `dsx status` groups the causes")


def test_a_command_line_is_a_recipe_and_overrides_say_what_it_reports(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", n=2, recipe=False)
    program = "sh -c 'echo {{\\\"map\\\": 40}}' {seed}"
    asked = command.asked_recipe(None, program)
    request = LaunchRequest([str(study.path)], asked, "debug", OPTIONS, ["recipe.metrics.map.better=higher"])
    launched = launch(request, lambda _: None)
    assert launched.counts == {"done": 2}
    assert open_study(study.path).results()["map"].tolist() == [40.0, 40.0]
    with pytest.raises(DsxError) as raised:
        command.asked_recipe("digits", program)
    assert str(raised.value) == (
        "--recipe and --command: a recipe says by itself which command trains; give one of them"
    )


def test_a_launch_that_finds_nothing_to_train_says_what_the_models_are(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_study(tmp_path / "S", 2)
    monkeypatch.setattr(Recording, "launch", lambda self, studies, options: Launched())
    counts = {"done": 1, "diverged": 0, "failed": 1, "running": 0, "pending": 0}
    monkeypatch.setattr(Study, "counts", lambda study: counts)
    said: list[str] = []
    launch(LaunchRequest([str(tmp_path / "S")], "digits", options=OPTIONS), said.append)
    assert said[-1] == "nothing trained: 1 done, 1 failed; --retry failed trains the failed again"
