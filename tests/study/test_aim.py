import shutil
from pathlib import Path

from dsx.study.aim import Aim, keep_aim, read_aim

from standins import make_study


def test_every_study_knows_what_it_is_trained_for_also_after_a_move(tmp_path):
    studies = [make_study(tmp_path / "runs" / name, n=2) for name in "ab"]
    keep_aim(studies, 300, "0.1", 0.95)
    expected = Aim((tmp_path / "runs" / "a", tmp_path / "runs" / "b"), 300, "0.1", 0.95)
    assert [read_aim(study.paths) for study in studies] == [expected, expected]
    shutil.move(tmp_path / "runs", tmp_path / "moved")
    moved = make_study(tmp_path / "moved" / "b", n=2)
    assert read_aim(moved.paths).folders == (tmp_path / "moved" / "a", tmp_path / "moved" / "b")


def test_a_record_is_written_only_where_it_differs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studies = [make_study(Path(name), n=2) for name in "ab"]
    keep_aim(studies, 300, None, 0.95)
    before = studies[0].paths.until.stat().st_mtime_ns
    keep_aim(studies, 300, None, 0.95)
    assert studies[0].paths.until.stat().st_mtime_ns == before
    keep_aim(studies, 400, None, 0.95)
    assert read_aim(studies[0].paths).at_most == 400
    assert read_aim(studies[0].paths).folders == (Path("a"), Path("b"))


def test_no_record_and_a_torn_one_are_no_aim(tmp_path):
    study = make_study(tmp_path / "a", n=2)
    assert read_aim(study.paths) is None
    for content in ("", "[]", '{"studies": ["."]}', '{"studies": 3, "at_most": "x", "margin": null, "level": 1}'):
        study.paths.until.write_text(content)
        assert read_aim(study.paths) is None
