"""The schema that editors use: current, and in agreement with what dsx reads."""

import json

import jsonschema
import pytest
import yaml

from dsx.base import resources
from dsx.spaces.files import merge
from dsx.spaces.json_schema import schema_text, space_schema

VALIDATOR = jsonschema.Draft202012Validator(space_schema())


def test_the_kept_schema_is_current():
    kept = resources.shipped("spaces") / "space.schema.json"
    assert kept.read_text(encoding="utf-8") == schema_text() + "\n", (
        "run: dsx spaces --schema > spaces/space.schema.json"
    )


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("name", resources.names("spaces"))
def test_every_shipped_space_fits(name):
    VALIDATOR.validate(yaml.safe_load(resources.find("spaces", name).read_text()))


def test_shorthand_fits():
    VALIDATOR.validate(
        {
            "extends": "AnyNetXE",
            "plugins": ["my_blocks.py"],
            "block": ["x", "r", "x", "mine"],
            "parameters": {"depth": {"high": 3}, "group_width": 8, "block": "x", "se_ratio": None, "recipe.lr": 0.1},
            "rules": {
                "depth": "non_decreasing",
                "width": {"except_last": True},
                "total": "sum(depth) <= 3",
                "old": None,
            },
            "constraints": {"flops": ":4M", "limit": "acts <= params", "params": None},
        }
    )


@pytest.mark.parametrize(
    "change",
    [
        "familly: anynet",
        "parameters: {depth: {distribution: unifrom, low: 1, high: 3}}",
        "parameters: {recipe.lr: {distribution: uniform, low: 1}}",
        "parameters: {depth: {distribution: uniform, low: one, high: 3}}",
        "parameters: {depth: {distribution: uniform, low: 1, hihg: 3}}",
        "parameters: {depth: {distribution: uniform, low: 1, high: 3, step: -1}}",
        "parameters: {depth: {distribution: uniform, low: 1, high: 3, per: stages}}",
        "parameters: [depth]",
        "strides: 0",
        "stages: four",
        "stem: {type: resnett}",
        "activation: swish",
        "se_ratio: 1.5",
        "rules: {width: {order: rising}}",
        "constraints: {flops: 400}",
        "constraints: {flops: 10M}",
    ],
)
def test_faults_of_shape_are_seen(change, small):
    content = merge(small(), yaml.safe_load(change))
    VALIDATOR.validate(small())
    assert not VALIDATOR.is_valid(content)
