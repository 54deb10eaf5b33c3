"""The narrower space is written as a file that extends the old one, and what was found is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.base.errors import DsxError
from dsx.narrowing.candidates import Candidate, RuleEvidence
from dsx.narrowing.writing import difference, write_space
from dsx.spaces.files import merge

from command_line import Command

SPACE = dsx.load_space("AnyNetXA-digits")
SEEN = RuleEvidence(10, 10, 0.8, 0.01, 5, True, "seen.")


def suggestion(parameter: str, kind: str, change: dict) -> Candidate:
    return Candidate(parameter, kind, f"{kind} of {parameter}", change, SEEN)


def widths(population: pd.DataFrame) -> np.ndarray:
    return population[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)


@pytest.mark.slow
def test_the_difference_merged_over_the_old_makes_the_new() -> None:
    names = ("AnyNetXA", "AnyNetXE", "RegNetX", "AnyNetXA-digits")
    for before in names:
        for after in names:
            old, new = dsx.load_space(before).to_dict(), dsx.load_space(after).to_dict()
            changed = {k: v for k, v in difference(old, new).items() if v is not None or k in old}
            merged = merge(old, changed)
            expected = {k: v for k, v in new.items() if k not in ("name", "description", "source")}
            assert {k: v for k, v in merged.items() if k in expected and v is not None} == {
                k: v for k, v in merge({}, expected).items() if v is not None
            }


def test_the_written_space_extends_the_old_loads_and_samples(tmp_path) -> None:
    taken = [
        suggestion("width", "order", {"rules": {"width": "non_decreasing"}}),
        suggestion("width", "range", {"parameters": {"width": {"low": 16, "high": 96}}}),
        suggestion("group_width", "sharing", {"parameters": {"group_width": {"per": "network"}}}),
    ]
    space, acceptance = write_space(tmp_path / "mine.yaml", SPACE, taken)
    text = (tmp_path / "mine.yaml").read_text()
    assert "extends: AnyNetXA-digits" in text
    assert "# order of width: seen" in text
    assert "stem" not in text
    assert acceptance > 0
    table = dsx.sample(dsx.load_space(str(tmp_path / "mine.yaml")), n=20, seed=0).table
    assert (np.diff(widths(table), axis=1) >= 0).all()
    assert widths(table).min() >= 16
    assert widths(table).max() <= 96
    assert "group_width" in table
    assert space.name == "mine"


def test_a_space_without_a_file_is_written_whole(tmp_path) -> None:
    own = SPACE.model_copy(update={"name": "unheard-of"})
    write_space(tmp_path / "mine.yaml", own, [suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})])
    assert "extends" not in (tmp_path / "mine.yaml").read_text()
    assert dsx.load_space(str(tmp_path / "mine.yaml")).rules["depth"].order == "non_decreasing"


def test_a_file_that_is_there_is_not_overwritten(tmp_path) -> None:
    out = tmp_path / "mine.yaml"
    out.write_text("name: precious\n")
    with pytest.raises(DsxError, match="is there already"):
        write_space(out, SPACE, [suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})])
    assert out.read_text() == "name: precious\n"
    out.write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.yaml").mkdir()
    for there in (out, tmp_path / "folder.yaml"):
        with pytest.raises(DsxError, match="is there already, with other content; choose another name"):
            write_space(there, SPACE, [suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})])
    with pytest.raises(DsxError, match="cannot extend one of its own name"):
        write_space(tmp_path / "AnyNetXA-digits.yaml", SPACE, [])


def test_a_share_of_flops_is_written_as_a_rule_that_loads(tmp_path) -> None:
    share = suggestion("flops", "derived", {"rules": {"least_share": "stage_flops[2] / sum(stage_flops) >= 0.3"}})
    space, _ = write_space(tmp_path / "mine.yaml", SPACE, [share])
    assert "least_share: stage_flops[2] / sum(stage_flops) >= 0.3" in (tmp_path / "mine.yaml").read_text()
    assert len(dsx.sample(space, n=10)) == 10


def test_the_command_says_what_is_missing(dsx: Command) -> None:
    assert "no study named" in dsx("narrow").err


def test_listed_values_are_written_as_files_have_them(tmp_path) -> None:
    space = dsx.load_space("NDS-ResNet")
    fewer = suggestion("depth", "range", {"parameters": {"depth": {"values": [4, 6, 8]}}})
    write_space(tmp_path / "mine.yaml", space, [fewer])
    text = (tmp_path / "mine.yaml").read_text()
    assert "values_" not in text
    assert dsx.load_space(str(tmp_path / "mine.yaml")).parameters["depth"].values.tolist() == [4, 6, 8]
