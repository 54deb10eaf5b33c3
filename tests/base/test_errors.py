"""A name that is none of the known, in the one wording for it, and the class that the command line catches."""

from __future__ import annotations

import pytest

from dsx.base.errors import (
    DefinitionError,
    DsxError,
    ShortfallError,
    StudyError,
    check_at_least_one,
    one_of,
    suggest,
    unknown,
)


def test_an_unknown_name_is_told_with_its_near_miss_and_all_that_are_known():
    assert unknown("block", "vanila", ["x", "r", "vanilla"]) == (
        "unknown block 'vanila'. Did you mean vanilla? Known: x, r, vanilla"
    )


def test_without_a_near_miss_only_the_known_are_told():
    assert unknown("block", "transformer", ["x", "r"]) == "unknown block 'transformer'. Known: x, r"


def test_a_name_that_is_no_text_is_told_as_it_is():
    assert unknown("choice", 3, ["one", "two"]) == "unknown choice '3'. Known: one, two"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("anynetxe", "AnyNetXE"), ("AnyNetXe", "AnyNetXE"), ("regnetx", "RegNetX"), ("RegNtX", "RegNetX")],
)
def test_letter_case_and_a_lost_letter_are_forgiven(name, meant):
    assert suggest(name, ["AnyNetXE", "RegNetX"]) == f" Did you mean {meant}?"


def test_a_value_is_told_what_it_should_have_been():
    assert one_of("anny", ["any", "one"]) == "expected one of any, one. Did you mean any?"
    assert one_of(3, ["any", "one"]) == "expected one of any, one."


def test_only_the_nearest_is_suggested_and_nothing_far_off():
    assert suggest("widths", ["width", "depth", "widest"]) == " Did you mean width?"
    assert suggest("zzz", ["width", "depth"]) == ""
    assert suggest("width", []) == ""


@pytest.mark.parametrize("kind", [DefinitionError, ShortfallError, StudyError])
def test_every_mistake_of_a_user_is_caught_as_one_class(kind):
    with pytest.raises(DsxError, match="told in one line"):
        raise kind("told in one line")


def test_a_number_below_one_is_told_as_it_is_typed():
    check_at_least_one("--workers", None)
    check_at_least_one("bins =", 1)
    with pytest.raises(DsxError, match=r"^--limit 0: expected an integer ≥ 1, models$"):
        check_at_least_one("--limit", 0, "models")
