"""Where a study stands, told from its files alone."""

import time
from types import SimpleNamespace

import pytest

from dsx.launch.worker import WorkSettings, work
from dsx.study.claims import claim
from dsx.study.finished import Finished
from dsx.study.results import Failure
from dsx.study.status import FailureGroup, Status, describe, grouped, models_per_hour, status

from standins import behave, make_study, train


@pytest.fixture
def study(tmp_path):
    """done, diverged, failed, running, pending, pending."""
    study = make_study(tmp_path / "a", n=6)
    behave(study, r1="diverge", r2="raise")
    ids = [run.run_id for run in study.runs()]
    work(study.path, ids[:3], WorkSettings(trainer=train))
    claim(study.paths.run(ids[3]))
    return study


def finished(seconds, written=0.0, ended=float("nan")):
    return Finished(int(written * 1e9), 1, 1, "done", 5.0, 5.0, 1, seconds, 1.0, None, ended)


def test_status_groups_failures_and_names_the_remedy(study):
    found = status(study)
    assert found.total == 6
    (group,) = found.groups
    run_id = study.runs()[2].run_id
    assert (group.kind, group.run_ids) == ("error", [run_id])
    assert "loss went for a walk" in group.traceback
    lines = describe(found)
    assert "1 done  1 diverged  1 failed  1 running  2 pending" in lines[0]
    assert lines[1].startswith("  failed 1 × error  ValueError: the loss went for a walk")
    assert lines[1].endswith(f"dsx launch {study.path} --retry error")


def test_speed_is_that_of_recent_results():
    now = time.time()

    def rate(*ended, seconds=20.0, written=()):
        """Of results whose records say when they ended, or whose files were written at these ages."""
        rows = [finished(seconds, ended=now - age) for age in ended] + [finished(seconds, now - age) for age in written]
        return models_per_hour(SimpleNamespace(finished={str(k): row for k, row in enumerate(rows)}))

    evenly = [30 * k for k in range(11)]
    assert rate(*evenly) == rate(written=evenly) == pytest.approx(120, rel=1e-3)
    assert rate(*evenly, 90000) == pytest.approx(120, rel=1e-3)
    assert rate(0) is None
    assert rate(*[age + 4000 for age in evenly]) is None


def test_results_that_all_came_at_once_are_no_speed():
    now = time.time()
    copied = {str(k): finished(20.0, written=now - 0.001 * k) for k in range(11)}
    assert models_per_hour(SimpleNamespace(finished=copied)) is None
    copied = {key: row._replace(ended=now - 30 * k) for k, (key, row) in enumerate(copied.items())}
    assert models_per_hour(SimpleNamespace(finished=copied)) == pytest.approx(120, rel=1e-3)


def test_failures_are_grouped_by_cause_the_most_frequent_first(tmp_path):
    study = make_study(tmp_path / "a", n=1)
    failures = [
        Failure("r1", "error", "odd", "first trace", time=1),
        Failure("r2", "timeout", "30 min", time=2),
        Failure("r3", "error", "odd", "last trace", time=9),
        Failure("r4", "error", "even", time=3),
    ]
    groups = grouped(study, failures)
    assert [(group.kind, group.message, group.run_ids) for group in groups] == [
        ("error", "odd", ["r1", "r3"]),
        ("error", "even", ["r4"]),
        ("timeout", "30 min", ["r2"]),
    ]
    assert groups[0].traceback == "last trace"


def test_on_a_cluster_the_remedy_asks_for_more(tmp_path):
    study = make_study(tmp_path / "a", n=1)
    (study.paths.jobs / "submissions").mkdir(parents=True)
    remedies = [grouped(study, [Failure("r", kind, "")])[0].remedy for kind in ("out_of_memory", "timeout", "error")]
    command = f"dsx launch {study.path} --retry"
    assert remedies == [
        f"{command} out_of_memory --mem-gb 2x",
        f"{command} timeout --timeout-min 2x",
        f"{command} error",
    ]


COUNTS = {"pending": 7, "running": 2, "done": 90, "diverged": 1, "failed": 0}


def look(**changes):
    fields = {
        "name": "a", "path": "runs/a", "counts": COUNTS, "recipe": "digits", "groups": [], "models_per_hour": None,
        "hours_left": None, "problems": [],
    }  # fmt: skip
    return Status(**{**fields, **changes})


@pytest.mark.parametrize(
    ("speed", "hours", "words"),
    [
        (123.45, 0.005, "      123 models/h, 18 s left"),
        (1234.5, 1.0, "      1,234 models/h, 60 min left"),
        (4.0, 2.25, "      4 models/h, 2.2 h left"),
        (0.1, 90.0, "      0.1 models/h, 3.8 d left"),
        (4.0, None, "      4 models/h"),
        (None, None, ""),
    ],
)
def test_speed_and_time_left_are_told_in_fitting_units(speed, hours, words):
    (line,) = describe(look(models_per_hour=speed, hours_left=hours))
    assert line == f"runs/a   90 done  1 diverged  0 failed  2 running  7 pending{words}"


def test_of_many_failures_some_models_are_named():
    group = FailureGroup("error", "odd", [f"r{i}" for i in range(8)], "dsx launch runs/a --retry error")
    lines = describe(look(groups=[group], problems=["runs/a/x: torn"]), ids=2)
    assert lines[1:] == [
        "  failed 8 × error  odd  (r0, r1 and 6 more)   dsx launch runs/a --retry error",
        "  runs/a/x: torn",
    ]


def test_a_study_without_a_recipe_is_told_how_to_get_one():
    assert describe(look(recipe=None))[1] == "  no recipe yet: dsx launch runs/a --recipe NAME"
    assert look().total == 100
