from __future__ import annotations

from pathlib import Path

import pytest

from dsx.base.errors import DefinitionError
from dsx.base.yaml import parse_record, read_yaml, yaml_text


def test_numbers_and_references_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1e-5\nb: ${a}\nc: {d: [1, x]}\n")
    assert read_yaml(path) == {"a": 1e-5, "b": 1e-5, "c": {"d": [1, "x"]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1", ", line 2: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\na: 2", ", line 2: not valid YAML: found duplicate key a"),
        ("- 1", ": expected a mapping of keys to values"),
        ("", ": expected a mapping of keys to values"),
        ("a: ${b}", ": Interpolation key 'b' not found"),
    ],
)
def test_a_fault_is_one_line_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as refused:
        read_yaml(path)
    assert str(refused.value).startswith(f"{path}{message}")
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        read_yaml(tmp_path / "a.yaml")
    assert str(refused.value) == f"{tmp_path}/a.yaml: cannot be read (No such file or directory)"


def test_a_record_comes_back_in_its_order() -> None:
    content = {"b": [1, 2.5, None], "a": {"ü": True}}
    assert parse_record(yaml_text(content), Path("x")) == content
    assert yaml_text(content).startswith("b:")
    with pytest.raises(DefinitionError, match=r"^x, line 3: not valid YAML: "):
        parse_record("a: 1\nb: [1", Path("x"))
