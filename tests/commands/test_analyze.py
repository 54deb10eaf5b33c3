"""`dsx analyze` from end to end: studies and other people's files, every figure with its table, odd populations."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dsx import analysis, load_reference
from dsx.base import resources
from dsx.exhibits.paths import slugs

from command_line import Command

REFERENCE = resources.shipped("experiments") / "reference"
NET = {"block_type": "res_basic_block", "ds": [1, 2, 3], "ws": [16, 24, 48], "ss": [1, 1, 2]}
NDS = {"net": NET, "optim": {"base_lr": 0.1, "wd": 5e-4, "max_ep": 2}, "flops": 10**8, "params": 10**6}
NDS = NDS | {"train_ep_loss": [2.0, 1.0], "test_ep_top1": [30.0, 8.0], "min_test_top1": 8.0}
SWEEP = {
    "cfg": {"MODEL": {"TYPE": "regnet", "NUM_CLASSES": 10}, "REGNET": {"WA": 20.0}, "OPTIM": {"MAX_EPOCH": 2}},
    "complexity": {"flops": 10**8, "params": 10**6, "acts": 10**5}, "train_epoch": {"loss": [2.0, 1.0]},
    "test_epoch": {"epoch_ind": [1, 2], "epoch_max": [2, 2], "top1_err": [30.0, 9.0], "min_top1_err": [30.0, 9.0]},
}  # fmt: skip


def nds(n: int = 12) -> list[dict]:
    """Jobs of which one has not started, one has stopped in the middle and one diverged."""
    jobs = [NDS | {"net": NET | {"ds": [1, i + 1, 3]}, "test_ep_top1": [30.0, 8 + i / 10]} for i in range(n)]
    jobs[0], jobs[1] = jobs[0] | {"test_ep_top1": []}, jobs[1] | {"test_ep_top1": [30.0]}
    jobs[2] = jobs[2] | {"train_ep_loss": [2.0, float("nan")]}
    return jobs


def sweep(n: int = 12) -> list[dict]:
    """Jobs of which one ran out of memory and one is in its first epoch."""
    jobs = [SWEEP | {"cfg": SWEEP["cfg"] | {"REGNET": {"WA": 20.0 + i}}} for i in range(n)]
    jobs[0] = {k: v for k, v in jobs[0].items() if k != "test_epoch"} | {"err": "Traceback\nRuntimeError: no memory"}
    part = {"epoch_ind": [1], "epoch_max": [2], "top1_err": [30.0], "min_top1_err": [30.0]}
    jobs[1] = jobs[1] | {"test_epoch": part}
    return jobs


def table(n: int = 20, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"error": rng.gamma(4, 1, n), "depth": np.arange(n) % 7, "space": "S"}).assign(**columns)


@pytest.mark.slow
def test_files_of_every_format_are_compared_with_a_study_and_every_job_is_counted(dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "ResNet.json").write_text(json.dumps(nds()))
    (tmp_path / "sweep.json").write_text(json.dumps(sweep()))
    theirs = table().rename(columns={"error": "top1", "depth": "blocks"})
    theirs.loc[:1, "top1"] = np.nan
    theirs.to_csv(tmp_path / "theirs.csv", index=False)
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 3)
    reference = REFERENCE / "AnyNetXE-digits.parquet"
    files = ["ResNet.json", "sweep.json", "theirs.csv", reference, "runs/AnyNetXA-digits", "error=top1"]
    done = dsx("analyze", *files, "--figures", "none", "--out", "out")
    assert done.code == 0, done
    counts = pd.read_csv(tmp_path / "out" / "counts.csv").set_index("study")["words"]
    assert counts["ResNet"] == "12 models: 9 done, 1 diverged (counted at chance error 90 %), 0 failed, 2 pending"
    assert counts[tmp_path.name] == "12 models: 10 done, 0 diverged, 1 failed, 1 pending"
    assert counts["theirs"] == "20 models: 18 done, 0 diverged, 2 failed, 0 pending"
    assert counts["AnyNetXE-digits"] == "64 models: 64 done, 0 diverged, 0 failed, 0 pending"
    assert counts["AnyNetXA-digits"] == "3 models: 0 done, 0 diverged, 0 failed, 3 pending"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No training curves are known of theirs." in page
    assert "read from ResNet.json (NDS data file); not trained here" in page
    assert "RuntimeError: no memory" in page
    assert "dsx analyze ResNet.json sweep.json theirs.csv" in page
    assert not (tmp_path / "out" / "edf.png").exists()


@pytest.mark.slow
def test_every_figure_has_its_vector_image_and_the_table_of_what_it_shows(dsx: Command, tmp_path: Path) -> None:
    done = dsx("analyze", REFERENCE / "AnyNetXE-digits.parquet", "--out", "out")
    assert done.code == 0, done
    out = tmp_path / "out"
    folder = out / "figures" / "AnyNetXE-digits"
    drawn = sorted(out.rglob("*.png"))
    assert [path.stem for path in drawn if path.parent == out] == ["any_look", "edf", "random_search"]
    assert [path.stem for path in drawn if path.parent == folder] == [
        "complexity", "curves", "e_fit", "edf_by_models", "importance", "importance_pairs", "marginals", "networks",
        "pairs", "sample_size", "scatter",
    ]  # fmt: skip
    assert all(path.with_suffix(kind).stat().st_size > 100 for path in drawn for kind in (".pdf", ".csv"))
    made = len(list(out.rglob("*.csv")))
    assert f"report.html, {made} tables (CSV), {len(drawn)} figures (PNG and PDF)" in done.out

    results = load_reference(REFERENCE).tables["AnyNetXE-digits"]
    points = pd.read_csv(folder / "scatter.csv")
    assert points["error"].tolist() == pytest.approx(results["error"].tolist())
    assert points["width_2"].tolist() == results["width_2"].tolist()
    ranges = pd.read_csv(folder / "scatter_ranges.csv").set_index("parameter")
    assert tuple(ranges.loc["width_2", ["low", "median", "high"]]) == analysis.best_range(
        results["width_2"], results["error"]
    )
    shares = pd.read_csv(folder / "marginals.csv").groupby("parameter")[["all", "likely_best"]].sum()
    assert np.allclose(shares, 1)
    networks = pd.read_csv(folder / "networks.csv")
    best = results.sort_values("error", kind="stable").iloc[0]
    widths = [width for depth, width, _, _ in best["stages"] for _ in range(int(depth))]
    assert networks.loc[networks["rank"] == 1, "width"].tolist() == widths
    curves = pd.read_csv(folder / "curves.csv")
    last = curves.groupby(["role", "model_id"])["error"].last().groupby("role").agg(list)
    assert {"best": min(last["best"]), "median": last["median"][0], "worst": max(last["worst"])} == pytest.approx(
        {"best": results["error"].min(), "median": sorted(results["error"])[31], "worst": results["error"].max()}
    )


@pytest.mark.slow
def test_one_space_at_several_scales_gives_trends(dsx: Command, tmp_path: Path) -> None:
    for name, flops in (("small", 1e8), ("middle", 4e8), ("large", 16e8)):
        table(flops=np.linspace(flops, 1.1 * flops, 20), model_id=np.arange(20)).to_csv(f"{name}.csv", index=False)
    done = dsx("analyze", "small.csv", "middle.csv", "large.csv", "--figures", "main", "--out", "out")
    assert done.code == 0, done
    trends = pd.read_csv(tmp_path / "out" / "trends.csv")
    assert trends["study"].tolist() == ["small", "middle", "large"]
    assert trends["regime"].tolist() == pytest.approx([1.05e8, 4.2e8, 16.8e8])
    assert (tmp_path / "out" / "trends.png").is_file()
    assert pd.read_csv(tmp_path / "out" / "trends_ranks.csv")["correlation"].tolist() == pytest.approx([1, 1, 1])
    assert "how the best ranges move" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    table(flops=np.linspace(1e8, 5e8, 20)).to_csv("wide.csv", index=False)
    dsx("analyze", "small.csv", "wide.csv", "--figures", "main", "--out", "overlapping")
    assert not (tmp_path / "overlapping" / "trends.png").exists()


ODD = {
    "one model": table(1),
    "all equal": table(error=3.0),
    "all diverged": table(error=90.0, state="diverged"),
    "none finished": table(error=np.nan, state="pending"),
    "without rows": table(0),
    "NaN in a column": table(derived=[np.nan] * 15 + [1.0, 2.0, 3.0, 4.0, 5.0]),
    "a column of NaN": table(derived=np.nan),
    "some failed": table(40, error=[np.nan] * 2 + [3.0 + i / 10 for i in range(38)]),
    "several recipes": table(recipe=["a v1", "b v1"] * 10, epochs=[1, 2] * 10),
    "text in place of numbers": table(kind=["x", "y"] * 10, flops="many"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_odd_populations_are_described_and_nothing_empty_is_drawn(dsx: Command, tmp_path: Path, name: str) -> None:
    ODD[name].to_csv(tmp_path / "odd.csv", index=False)
    table().to_csv(tmp_path / "usual.csv", index=False)
    which = "main" if name in ("all diverged", "none finished") else "none"  # figures of two studies
    for files in (["odd.csv"], ["odd.csv", "usual.csv"]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            done = dsx("analyze", *files, "--out", f"out{len(files)}", "--figures", "all" if len(files) == 1 else which)
        if name == "text in place of numbers":
            assert (done.code, done.err.count("\n")) == (2, 1)
            continue
        assert done.code == 0, done
        assert "nan" not in done.out.lower()
        out = tmp_path / f"out{len(files)}"
        assert (out / "report.html").is_file()
        finished = ODD[name]["error"].notna().any() or len(files) == 2
        assert (out / "edf.png").exists() == (finished and (len(files) == 1 or which == "main"))
        assert all(len(pd.read_csv(path.with_suffix(".csv"))) for path in out.rglob("*.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv"], "a.csv: no column 'error' of errors. Columns: name, top1; name the right one: error=COLUMN"),
        (["a.csv", "error=tp1"], "a.csv: no column 'tp1' of errors. Did you mean top1? Columns: name, top1; name"),
        (["a.csv", "eror=top1"], "'eror=top1': unknown key. Did you mean error? Known: metric, model_id, state, "),
        (["a.csv", "error=top1", "metric=ema"], "'metric=ema': no NDS or pycls file was named that it could apply to"),
        (["a.csv", "error=top1", "flops=madds"], "'flops=madds': no table named has a column 'madds' that it could"),
        (["a.csv", "a.csv", "error=top1"], "a.csv: named twice: name each file once"),
        (["none.csv"], "none.csv: no such file"),
        (["object.json"], "object.json: found JSON, an object with a: expected an NDS data file (JSON, jobs with"),
        (["list.json"], "list.json: found JSON, nothing in it: expected an NDS data file (JSON, jobs with 'net'), a"),
        (["cut.json"], "cut.json: not readable as JSON: "),
        (["data.zip"], "data.zip: found a ZIP archive (unpack it first): expected an NDS data file"),
        (["empty.csv"], "empty.csv: found an empty file: expected an NDS data file"),
        (["image.csv"], "image.csv: found binary data: expected an NDS data file"),
        (["cut.parquet"], "cut.parquet: not a readable Parquet file, perhaps cut short ("),
        (["range.csv"], "range.csv: error 120: expected percent, 0 to 100 (1 of 2 rows)"),
        (
            ["state.csv"],
            "state.csv: state 'pruned' (1 row): expected one of done, diverged, failed, running, pending, or",
        ),
        (
            ["a.csv", "error=top1", "--figures", "al"],
            "dsx analyze: figures = 'al': expected one of all, main, none. Did you mean",
        ),
        (["a.csv", "error=top1", "--level", "95"], "dsx analyze: level = 95.0: expected a value < 1.0"),
        (["a.csv", "error=top1", "--looks", "two"], "dsx analyze: looks = 'two': expected one of any, one"),
        (
            ["a.csv", "error=top1", "--margin", "5%"],
            "dsx analyze: margin = '5%': expected a distance from even odds such as 0.05, or",
        ),
        (
            ["a.csv", "error=top1", "--margin", "0.6"],
            "dsx analyze: margin = '0.6': as a probability it lies between 0 and 0.5, such",
        ),
        (["shares.csv"], "shares.csv: the errors in 'error' lie between 0.2 and 0.3: write 'error=100*error' if they"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(
    dsx: Command, tmp_path: Path, arguments: list[str], message: str
) -> None:
    contents = {
        "a.csv": b"name,top1\na,3\n", "object.json": b'{"a": 1}', "list.json": b"[]", "cut.json": b'[{"net": 1',
        "data.zip": b"PK\3\4rest", "empty.csv": b"", "image.csv": b"\x89x\0\1", "cut.parquet": b"PAR1rest",
        "range.csv": b"error\n3\n120\n", "state.csv": b"error,state\n3,pruned\n",
        "shares.csv": b"error\n0.3\n0.2\n",
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    done = dsx("analyze", *arguments)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert message in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(contents)


@pytest.mark.slow
def test_margin_and_looks_are_stated_and_stand_in_the_command_of_the_report(dsx: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, shift in (("a", 0.0), ("b", 0.0), ("c", 0.6)):
        table(200, error=shift + rng.gamma(4, 0.4, 200)).to_csv(tmp_path / f"{name}.csv", index=False)
    options = ["--margin", "0.5pt", "--looks", "one", "--figures", "none", "--out", "out"]
    done = dsx("analyze", "a.csv", "b.csv", "c.csv", *options)
    assert done.code == 0, done
    assert "a and b are equivalent within a margin of 0.5 points" in done.out
    assert "a is better than c: a model of a beats one of c with probability" in done.out
    last = done.out.splitlines()[-1]
    assert last.startswith(
        "found: a is better than c; b is better than c; 1 pair is equivalent within 0.5 points; decided: "
    )
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "dsx analyze a.csv b.csv c.csv --margin 0.5pt --looks one" in page
    rows = pd.read_csv(tmp_path / "out" / "verdicts.csv").set_index(["a", "b", "measure"])
    assert rows.loc[("a", "b", "error"), "verdict"] == "equivalent"
    assert set(rows["margin"]) == {"0.5 points"}
    assert set(rows["looks"]) == {"one"}


@pytest.mark.slow
def test_folders_inside_each_other_give_each_study_once_and_a_torn_study_is_told_from_tables(
    dsx: Command, tmp_path: Path
) -> None:
    for out in ("runs/A", "runs/more/B"):
        dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", out)
    done = dsx("analyze", "runs", "runs/more", "--figures", "none", "--out", "out")
    assert done.code == 0, done
    assert pd.read_csv(tmp_path / "out" / "counts.csv")["study"].tolist() == ["A", "B"]
    (tmp_path / "runs" / "A" / "study.yaml").unlink()
    assert "runs/A: not a study folder (no study.yaml)" in dsx("analyze", "runs/A").err


@pytest.mark.slow
def test_semicolons_and_decimal_commas_are_read(dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufefferror;depth\n3,5;1\n4,5;2\n", encoding="utf-8")
    assert dsx("analyze", "a.csv", "--figures", "none").code == 0
    assert pd.read_csv(tmp_path / "runs" / "analysis" / "summary.csv")["mean_error"].tolist() == [4.0]


@pytest.mark.slow
def test_studies_of_one_name_get_figures_of_their_own(dsx: Command, tmp_path: Path) -> None:
    assert slugs(["a/x", "b/x", "a_x", "…/", "é 1"]) == ["a_x", "b_x", "a_x_2", "study", "é_1"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        table().to_csv(tmp_path / folder / "x.csv", index=False)
    done = dsx("analyze", "a/x.csv", "b/x.csv", "--figures", "main", "--out", "out")
    assert done.code == 0, done
    assert (tmp_path / "out" / "edf_difference_a_x.csv_b_x.csv.png").is_file()
    assert pd.read_csv(tmp_path / "out" / "counts.csv")["study"].tolist() == ["a/x.csv", "b/x.csv"]


@pytest.mark.slow
def test_pyplot_keeps_none_of_the_figures(dsx: Command, tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    table().to_csv(tmp_path / "a.csv", index=False)
    before = plt.get_fignums()
    assert dsx("analyze", "a.csv").code == 0
    assert plt.get_fignums() == before


@pytest.mark.slow
def test_parts_of_a_study_are_compared_and_all_runs_accounted_for(dsx: Command):
    done = dsx("analyze", REFERENCE / "AnyNetXB-digits.parquet", "--split", "bottleneck_ratio", "--figures", "none")
    assert done.out.startswith("AnyNetXB-digits by bottleneck_ratio: 1 (27 runs), 2 (17 runs), 4 (20 runs)\n")
    folder = Path("runs/analysis_of_parts")
    assert pd.read_csv(folder / "summary.csv")["n"].tolist() == [27, 17, 20]
    assert len(pd.read_csv(folder / "verdicts.csv").query("measure == 'error'")) == 3
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "bottleneck_ratio 4: 20 of 64 runs" in report
    assert "--split bottleneck_ratio" in report


@pytest.mark.slow
def test_models_are_left_out_by_what_is_known_before_training_only(dsx: Command):
    table = REFERENCE / "AnyNetXB-digits.parquet"
    done = dsx("analyze", table, "--where", "sum(depth) >= 6", "--figures", "none", "--out", "here")
    kept = int((pd.read_parquet(table)[[f"depth_{i}" for i in range(1, 5)]].sum(axis=1) >= 6).sum())
    assert done.out.startswith(f"AnyNetXB-digits: {kept} of 64 runs where sum(depth) >= 6\n")
    refused = dsx("analyze", table, "--where", "error < 3")
    assert refused.code == 2
    assert refused.err == (
        "dsx: --where: 'error' is known only after training: models picked by it are no sample of a space\n"
    )


@pytest.mark.slow
def test_scripts_get_the_tables_and_the_words(dsx: Command, tmp_path: Path) -> None:
    for name, errors in (("a", "1,2,3"), ("b", "4,5,6")):
        (tmp_path / f"{name}.csv").write_text("error\n" + errors.replace(",", "\n") + "\n")
    done = dsx(
        "analyze", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out", "--figures", "none", "--json"
    )
    found = json.loads(done.out)
    assert [(row["study"], row["n"], row["mean_error"]) for row in found["studies"]] == [("a", 3, 2.0), ("b", 3, 5.0)]
    assert found["verdicts"][0]["a"] == "a"
    assert found["metric"]["name"] == "error"
    assert any("cannot decide" in line for line in found["words"])


@pytest.mark.slow
def test_what_is_compared_may_be_better_when_higher(dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ap\n40\n45\n50\n")
    done = dsx(
        "analyze", tmp_path / "a.csv", "error=ap", "better=higher", "--out", tmp_path / "out", "--figures", "none"
    )
    assert "compared by 'ap' (%), higher is better (40 to 50)" in done.out
    assert "mean ap %" in done.out
    assert "45.0" in done.out


@pytest.mark.slow
def test_what_an_earlier_analysis_wrote_does_not_stay_beside_another(dsx: Command, tmp_path: Path) -> None:
    tables = "a.csv", "b.csv"
    for shift, name in enumerate(tables):
        (tmp_path / name).write_text("error,depth\n" + "".join(f"{5 + shift + k},{k}\n" for k in range(6)))
    out = tmp_path / "out"
    assert "removed" not in dsx("analyze", *tables, "--figures", "main", "--out", "out").out
    (out / "notes.csv").write_text("mine")
    first = {path.name for path in out.iterdir()}
    done = dsx("analyze", "a.csv", "--figures", "none", "--out", "out")
    left = {path.name for path in out.iterdir()}
    assert "edf.png" in first
    assert {path for path in left if path.endswith((".png", ".pdf"))} == set()
    assert {"notes.csv", "summary.csv", "report.html"} <= left
    gone = len(first - left)
    assert f"; removed {gone} files of an earlier analysis" in done.out
    assert "removed" not in dsx("analyze", "a.csv", "--figures", "none", "--out", "out").out


@pytest.mark.slow
def test_no_file_outside_of_the_folder_is_removed(dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("error,depth\n5,1\n6,2\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".written.json").write_text('{"files": ["../a.csv", 5, "nothing.png"]}')
    assert dsx("analyze", "a.csv", "--figures", "none", "--out", "out").code == 0
    assert (tmp_path / "a.csv").exists()
