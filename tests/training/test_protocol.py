from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.training.protocol import imported, trainer_named
from dsx.training.trainer import train


def test_a_trainer_is_found_by_its_name() -> None:
    assert trainer_named("dsx.training.trainer:train") is train
    assert imported("math:pi", "pi", "") == pytest.approx(3.14159265)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:train", "ModuleNotFoundError: No module named 'nowhere'"),
        ("math:train", "AttributeError: module 'math' has no attribute 'train'"),
        ("", "ValueError: Empty module name"),
    ],
)
def test_one_that_is_not_there_is_one_line(name: str, why: str) -> None:
    with pytest.raises(DsxError) as raised:
        trainer_named(name)
    assert str(raised.value) == f"trainer {name!r}: cannot be imported ({why}): write module:function"
