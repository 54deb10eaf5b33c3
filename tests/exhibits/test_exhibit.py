"""What holds for every exhibit: tables, drawings, words and sections that come from one computation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from packages import add_package
from report.conftest import made_up, with_failures

from dsx.base.errors import DsxError
from dsx.exhibits.exhibit import Inquiry, exhibits
from dsx.exhibits.exhibition import show
from dsx.exhibits.studies import StudyFacts

NAMES = [exhibit.name for exhibit in exhibits()]
# figures that take a second each
MANY_PANELS = ("marginals", "pairs", "scatter")
# where nothing of the kind can be shown
ABSENT: dict[str, set[str]] = {
    # two spaces are no scales of one, every model has one seed, no paper is compared, and the spaces are not known
    "pair": {"trends", "seeds", "metrics", "paper", "importance"},
    "scales": {"seeds", "metrics", "paper", "importance"},
    "nothing finished": set(NAMES) - {"counts", "summary"},
}


def _inquiry(kind: str) -> Inquiry:
    studies: dict[str, Callable[[], list[StudyFacts]]] = {
        "pair": lambda: [made_up("A", shift=2.0, space="AnyNetXA-digits"), with_failures(made_up("E"))],
        "scales": lambda: [made_up("small", epochs=8), made_up("large", n=32, epochs=16)],
        "nothing finished": lambda: [made_up("A", state="pending", error=np.nan)],
    }
    return Inquiry(studies[kind]())


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=[pytest.mark.slow] if kind == "scales" else []) for kind in ABSENT],
)
def inquiry(request: pytest.FixtureRequest) -> tuple[str, Inquiry]:
    return request.param, _inquiry(request.param)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in MANY_PANELS else []) for n in NAMES])
def test_an_exhibit_is_computed_where_it_applies_and_drawn_from_its_tables(
    name: str, inquiry: tuple[str, Inquiry], tmp_path: Path
) -> None:
    kind, what = inquiry
    exhibit = next(each for each in exhibits() if each.name == name)
    computed = list(exhibit.compute(what))
    rows = sum(len(each.tables[""]) for each in computed)
    assert (rows == 0) == (name in ABSENT[kind]), f"{rows} rows"
    for each in computed:
        assert all(isinstance(table, pd.DataFrame) for table in each.tables.values())
        assert not Path(each.path).is_absolute()
        if exhibit.draw is not None and each.drawn and len(each.main):
            axes = exhibit.draw(each, None)
            figure = axes.get_figure(root=True)
            figure.savefig(tmp_path / "drawn.png")
            assert (tmp_path / "drawn.png").stat().st_size > 1000
    for section in [exhibit.section(computed, what)] if exhibit.section else []:
        assert all(len(row) == len(section.grid.headers) for row in (section.grid.rows if section.grid else []))


def test_every_exhibit_has_a_name_of_its_own_and_they_are_in_order() -> None:
    places = [each.place for each in exhibits()]
    assert places == sorted(places)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("EXHIBIT = Exhibit('edf', lambda inquiry: [])", "two exhibits are called 'edf': rename one"),
        (
            "EXHIBIT = Exhibit",
            "exhibit 'spread' of package spread-shown (spread_shown:EXHIBIT): expected an instance of"
            " dsx.exhibits.exhibit.Exhibit, found type <class 'dsx.exhibits.exhibit.Exhibit'>;"
            " mend or remove the package",
        ),
        (
            "EXHIBIT = Exhibit('spread', compoot)",
            "exhibit 'spread' of package spread-shown (spread_shown:EXHIBIT): cannot be loaded:"
            " NameError: name 'compoot' is not defined; mend or remove the package",
        ),
    ],
)
def test_a_package_s_exhibit_that_cannot_be_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    code, entry = f"from dsx.exhibits.exhibit import Exhibit\n{code}", "spread = spread_shown:EXHIBIT"
    monkeypatch.syspath_prepend(str(add_package(tmp_path, "spread_shown", code, "dsx.exhibits", entry)))
    monkeypatch.delitem(sys.modules, "spread_shown", raising=False)
    with pytest.raises(DsxError) as refusal:
        exhibits()
    assert str(refusal.value) == message


@pytest.mark.slow
def test_tables_written_are_the_tables_computed(tmp_path: Path) -> None:
    what = _inquiry("pair")
    shown, written = show(what, tmp_path, "none")
    assert written.figures == []
    assert sorted(path.stem for path in tmp_path.rglob("*.csv")) == sorted(written.tables)
    for each in shown:
        for computed in each.computed:
            for suffix, table in computed.tables.items():
                if f"{computed.path}{suffix}" in written.tables:
                    path = tmp_path / f"{computed.path}{suffix}.csv"
                    assert path.read_bytes() == table.to_csv(index=False).encode()


@pytest.mark.slow
def test_figures_that_compare_are_the_main_ones(tmp_path: Path) -> None:
    _, written = show(_inquiry("pair"), tmp_path, "main")
    sizes = ("flops", "params", "acts")
    assert written.figures == [
        "edf", "any_look", "edf_difference_A_E", *(f"edf_equal_{by}" for by in sizes),
        *(f"error_by_{by}" for by in sizes),
        *(f"attainment_{by}" for by in sizes), "random_search",
    ]  # fmt: skip


def test_the_list_of_exhibits_loads_no_torch() -> None:
    code = "import sys; from dsx.exhibits.exhibit import exhibits; exhibits(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"
