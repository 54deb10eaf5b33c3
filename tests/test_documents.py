"""Numbers in documents are those that dsx prints: their commands are run, and prose quotes only what they print."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import NormalDist

import pytest
from documents import ROOT, Printed, run

from dsx.plots.scatter import MOST

DOCUMENTS = ("method", "analysis", "growing", "design", "your_training")
# limits that are conventions, not results: the level of a test, and the chance that a model beats one that is a quarter
# of a standard deviation worse, where errors are normal: Φ(¼/√2)
_CONVENTIONS = {"0.05", f"{NormalDist().cdf(0.25 / 2**0.5):.2f}"}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Printed]]:
    return {name: run(ROOT / "docs" / f"{name}.md", tmp_path_factory.mktemp(name)) for name in DOCUMENTS}


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_print_what_the_document_says(printed: dict[str, list[Printed]], name: str) -> None:
    assert printed[name]
    for block in printed[name]:
        assert block.printed == block.told, f"docs/{name}.md; `python tests/documents.py docs/{name}.md` writes it anew"


def prose(path: Path) -> str:
    """A document without its code, and without the numbers of sections of papers."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"§\d+(\.\d+)*|`[^`]*`", "", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_prose_and_tables_quote_only_what_was_printed(printed: dict[str, list[Printed]], name: str) -> None:
    told = set(re.findall(r"\d+\.\d+", " ".join(block.printed for block in printed[name])))
    quoted = set(re.findall(r"(?<![\w.])\d+\.\d+", prose(ROOT / "docs" / f"{name}.md")))
    assert quoted - told <= _CONVENTIONS


def test_the_number_of_points_that_are_drawn_is_said() -> None:
    assert set(re.findall(r"\d+,\d{3}", prose(ROOT / "docs" / "analysis.md"))) == {f"{MOST:,}"}
