"""Names of studies as names of files."""

from __future__ import annotations

from dsx.exhibits.paths import folders, slugs


def test_names_become_distinct_files():
    assert slugs(["a/b", "a b", "..", "é"]) == ["a_b", "a_b_1", "study", "é"]


def test_each_study_with_models_has_a_folder(inquiry):
    assert [(study.name, folder) for study, folder in folders(inquiry)] == [("A", "figures/A/"), ("E", "figures/E/")]
