"""A model of a study by the beginning of its id, and the images of networks."""

from __future__ import annotations

import pytest

import dsx as api
from dsx.base.errors import StudyError
from dsx.commands.target import find_model, own_resolution, study_resolution
from dsx.networks.lookup import find_network

from command_line import Command


@pytest.fixture
def study(dsx: Command) -> api.Study:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 40, "--out", "S")
    return api.open_study("S")


def test_the_beginning_of_an_id_is_enough_where_only_one_has_it(study):
    model_id = study.population.model_ids[7]
    assert find_model(study, model_id[:12]).model_id == model_id


def test_none_and_several_are_told_apart(study):
    with pytest.raises(StudyError) as refusal:
        find_model(study, "x")
    assert str(refusal.value) == "S: no model whose id begins with 'x'; `dsx show S` lists them"
    with pytest.raises(StudyError, match=r"^S: 40 models whose id begins with ''; `dsx show S` lists them$"):
        find_model(study, "")


def test_images_are_those_of_the_network_or_the_study(study):
    assert own_resolution(find_network("EfficientNet-B1")) == 240
    assert own_resolution(find_network("RegNetX-400MF")) == 224
    assert study_resolution(study) == 8
