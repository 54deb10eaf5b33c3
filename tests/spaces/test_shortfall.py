"""What a sample that falls short says: which constraint binds, what would do, exhausted or unlucky."""

import re

import pytest

import dsx
from dsx.base.errors import ShortfallError
from dsx.spaces import sampling, tally
from dsx.spaces.definition import Space
from dsx.spaces.sampling import draw_population

WIDE = {
    "width": {"distribution": "uniform", "low": 8, "high": 400, "step": 1, "per": "stage"},
}


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(sampling, "PATIENCE", 1 << 16)
    monkeypatch.setattr(sampling, "LIMIT", 1 << 18)


def shortfall(space, n):
    with pytest.raises(ShortfallError) as refusal:
        draw_population(space, n)
    return str(refusal.value)


@pytest.mark.slow
def test_the_binding_constraint_and_a_window_that_would_do_are_named(small, monkeypatch):
    space = Space.from_dict(small(parameters=WIDE, constraints={"flops": "1M:1000100", "params": ":1G"}))
    with monkeypatch.context() as patch:
        patch.setattr(sampling, "PATIENCE", 1 << 16)
        patch.setattr(sampling, "LIMIT", 1 << 18)
        message = shortfall(space, 1000)
    head, remedy = message.split("; flops 1M:1000100 binds ")
    assert head.startswith("small: ")
    assert " of 1,000 distinct models found, " in head
    assert head.endswith(" candidates accepted")
    window = remedy.split("about ")[1].split(" would do")[0]
    assert remedy.endswith("; or pass --allow-short")
    # the window that it names does indeed give the models
    population = dsx.sample(space, 1000, flops=tuple(dsx_range(window)))
    assert len(population) == 1000


def dsx_range(text):
    from dsx.base.units import parse_range

    return parse_range(text)


@pytest.mark.usefixtures("_impatient")
def test_a_window_out_of_reach_is_told_with_the_reachable_range(small):
    message = shortfall(Space.from_dict(small(parameters=WIDE, constraints={"flops": "1T:2T"})), 10)
    assert message.startswith(
        "small: 0 of 10 distinct models found, 0 % of 65,536 candidates accepted; flops 1T:2T binds (0 % pass it"
        " alone): the candidates' flops run from "
    )


@pytest.mark.usefixtures("_impatient")
def test_a_window_that_would_do_has_no_end_below_one(small):
    message = shortfall(Space.from_dict(small(parameters=WIDE, constraints={"flops": "1:2"})), 10)
    assert re.search(r"; about :[\d.]+[kM] would do; or pass --allow-short$", message), message


@pytest.mark.usefixtures("_impatient")
def test_images_that_the_strides_use_up_are_to_be_larger(small):
    message = shortfall(Space.from_dict(small(parameters=WIDE, resolution=1)), 10)
    assert message.endswith(
        "; resolution binds (0 % pass it alone): strides use up images of 1×1 before the last stage; take larger ones;"
        " or pass --allow-short"
    )


@pytest.mark.usefixtures("_impatient")
def test_a_rule_that_nothing_keeps_is_named(small):
    message = shortfall(Space.from_dict(small(parameters=WIDE, rules={"deep": "sum(depth) >= 10"})), 10)
    assert message == (
        "small: 0 of 10 distinct models found, 0 % of 65,536 candidates accepted; rules.deep binds (0 % pass it alone);"
        " loosen rules.deep; or pass --allow-short"
    )


@pytest.mark.slow
def test_an_exhausted_space_that_is_too_large_to_enumerate_is_told_from_an_unlucky_one(small, monkeypatch):
    monkeypatch.setattr(tally, "EXHAUSTIVE", 1 << 17)
    # 93³ settings of widths make 12³ networks: multiples of 8 from 8 to 96
    parameters = {"depth": 1, "bottleneck_ratio": 1, "group_width": 8, "width": WIDE["width"] | {"high": 100}}
    message = shortfall(Space.from_dict(small(parameters=parameters)), 5000)
    assert message.startswith(
        "small: 1,728 of 5,000 distinct models found, and the space very likely holds no more under these constraints"
        " (each of them was drawn at least three times in "
    )
    assert message.endswith(" draws); ask for 1,728, pass --allow-short, or widen the constraints")


@pytest.mark.slow
@pytest.mark.usefixtures("_impatient")
def test_a_nearly_exhausted_space_says_about_how_many_it_holds(small):
    # 393³ settings of widths make 49³ = 117,649 networks
    parameters = WIDE | {"depth": 1, "bottleneck_ratio": 1, "group_width": 8}
    message = shortfall(Space.from_dict(small(parameters=parameters)), 200_000)
    assert "of those repeats: the space is nearly exhausted under these constraints (it holds about 1" in message
    assert message.endswith("; ask for fewer, pass --allow-short, or widen the constraints")


def test_rates_are_shares_of_networks_that_keep_each_constraint_alone(small):
    space = Space.from_dict(small(constraints={"flops": "150k:400k"}, rules={"deep": "sum(depth) <= 4"}))
    counted = draw_population(space, 20).tally
    rates = counted.rates()
    assert list(rates) == ["anynet networks", "resolution", "rules.deep", "flops"]
    assert rates["anynet networks"] == rates["resolution"] == 1
    assert counted.acceptance <= min(rates.values())
    assert counted.binding() in ("flops", "rules.deep")
