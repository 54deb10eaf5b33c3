"""Parts of populations are picked by what is known before training, and no model is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dsx.base.errors import DsxError
from dsx.exhibits.studies import StudyFacts
from dsx.exhibits.subsets import split, where
from dsx.study.manifest import PaperErrors
from dsx.study.status import FailureGroup

MEASURED = "is known only after training: models picked by it are no sample of a space"


def study(name: str = "A", **columns: object) -> StudyFacts:
    """Six runs, of which the last failed; stages of two networks differ in number."""
    table = pd.DataFrame(
        {
            "model_id": [f"m{i}" for i in range(6)],
            "run_id": [f"m{i}.0" for i in range(6)],
            "state": ["done"] * 5 + ["failed"],
            "error": [5.0, 4.0, 3.0, 2.0, 1.0, np.nan],
            "flops": [100, 200, 300, 400, 500, 600],
            "depth_1": [1, 2, 3, 1, 2, 3],
            "depth_2": [4.0, 5.0, np.nan, 6.0, 1.0, 1.0],
            "bottleneck_ratio": [1.0, 1.0, 2.0, 2.0, 4.0, 4.0],
        }
    ).assign(**columns)
    curves = pd.DataFrame({"run_id": ["m0.0", "m4.0"], "epoch": [1, 1]})
    return StudyFacts(name, table, curves=curves, failures=[FailureGroup("OSError", "disk", ["m5.0"], "retry")])


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("flops <= 300", "m0 m1 m2"),
        ("bottleneck_ratio == 2", "m2 m3"),
        ("depth_1 >= 2", "m1 m2 m4 m5"),
        ("sum(depth) <= 5", "m0 m2 m4 m5"),  # a stage that is not there adds nothing
        ("depth[1] > depth[0]", "m0 m1 m2 m3"),  # … and breaks no rule
        ("100 < flops < 400", "m1 m2"),
    ],
)
def test_models_are_picked_as_rules_of_spaces_pick_them(text, models):
    (part,) = where([study()], text).studies
    assert " ".join(part.table["model_id"]) == models


def test_first_seeds_can_be_picked():
    both = study(replicate=[0, 0, 0, 1, 1, 1])
    (part,) = where([both], "replicate == 0").studies
    assert " ".join(part.table["model_id"]) == "m0 m1 m2"


def test_what_is_left_out_is_counted_and_goes_with_its_curves_and_failures():
    subset = where([study(), study("B")], "flops <= 200")
    assert subset.account == ["A: 2 of 6 runs where flops <= 200", "B: 2 of 6 runs where flops <= 200"]
    (first, _) = subset.studies
    assert list(first.curves["run_id"]) == ["m0.0"]
    assert first.failures == []
    assert ("part", "where flops <= 200: 2 of 6 runs") in first.settings


def test_models_of_which_a_column_is_not_known_are_left_out():
    one_lacks_it = study(extra=[1.0, np.nan, 1.0, 1.0, 1.0, 1.0])
    subset = where([one_lacks_it, study("B")], "extra < 2")
    assert [len(part.table) for part in subset.studies] == [5, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("error < 3", f"--where: 'error' {MEASURED}"),
        (
            "seconds < 3",
            "--where: 'seconds' is known only after training: models picked by it are no sample of a space",
        ),
        (
            "val_acc > 0.5",
            "--where: 'val_acc' is known only after training: models picked by it are no sample of a space",
        ),
        (
            "dept > 3",
            "--where: unknown column 'dept'. Did you mean depth?"
            " Known: bottleneck_ratio, depth, depth_1, depth_2, flops",
        ),
        ("flops > 1e9", "--where 'flops > 1e9': true of no model of A"),
        ("flops", "'flops' compares nothing: write an inequality such as 'sum(depth) <= 40'"),
    ],
)
def test_what_cannot_pick_is_refused(text, message):
    with pytest.raises(DsxError) as refused:
        where([study()], text)
    assert str(refused.value) == message


def test_a_split_has_every_model_once_and_names_its_part():
    subset = split([study()], "bottleneck_ratio")
    assert [part.name for part in subset.studies] == [f"bottleneck_ratio {b}" for b in (1, 2, 4)]
    assert sorted(m for part in subset.studies for m in part.table["model_id"]) == [f"m{i}" for i in range(6)]
    assert subset.account == ["A by bottleneck_ratio: 1 (2 runs), 2 (2 runs), 4 (2 runs)"]
    assert [len(part.failures) for part in subset.studies] == [0, 0, 1]


def test_many_values_are_cut_at_the_quartiles_of_all_studies():
    values = np.arange(40)
    tables = [
        pd.DataFrame({"model_id": [f"{n}{i}" for i in half], "state": "done", "error": 1.0, "depth": half})
        for n, half in (("a", values[::2]), ("b", values[1::2]))
    ]
    subset = split([StudyFacts(name, table) for name, table in zip("AB", tables, strict=True)], "depth")
    sizes = {part.name: len(part.table) for part in subset.studies}
    assert list(sizes) == [
        f"{name}, depth {part}" for name in "AB" for part in ("0 to 8", "9 to 18", "19 to 28", "29 to 39")
    ]
    assert sum(sizes.values()) == 40
    assert all(4 <= size <= 6 for size in sizes.values())


def test_what_is_not_known_is_a_part_of_its_own():
    some = study(extra=["a", "b", None, "a", "b", "a"])
    assert [(part.name, len(part.table)) for part in split([some], "extra").studies] == [
        ("extra a", 3),
        ("extra b", 2),
        ("extra unknown", 1),
    ]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("depth", "--split depth: it differs by stage: name one of depth_1, depth_2"),
        ("error", f"--split: 'error' {MEASURED}"),
        (
            "bottleneck",
            "--split: unknown column 'bottleneck'. Did you mean bottleneck_ratio?"
            " Known: bottleneck_ratio, depth_1, depth_2, flops",
        ),
    ],
)
def test_what_cannot_split_is_refused(column, message):
    with pytest.raises(DsxError) as refused:
        split([study()], column)
    assert str(refused.value) == message


def test_a_part_is_not_what_a_paper_reports_of_the_whole():
    whole = replace(study(), paper=PaperErrors(source="figure 5", min_error=40.0, mean_error=50.0))
    parts = [*split([whole], "bottleneck_ratio").studies, *where([whole], "flops <= 300").studies]
    assert len(parts) == 4
    assert [part.paper for part in parts] == [None] * 4


def test_models_of_which_what_is_computed_is_no_number_are_left_out_and_counted():
    subset = where([study()], "sqrt(flops - 300) != 10")
    assert subset.account == ["A: 3 of 6 runs where sqrt(flops - 300) != 10, not known of 2"]
    assert list(subset.studies[0].table["model_id"]) == ["m2", "m4", "m5"]
