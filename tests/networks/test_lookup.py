"""Networks from what people type: names and files, and one line for every mistake in them."""

import json

import pytest
import yaml

from dsx.base.errors import DefinitionError
from dsx.networks.baselines import Baseline
from dsx.networks.lookup import find_network, fit_to_data, network_names
from dsx.networks.published import published


def test_every_name_finds_its_network():
    networks = [find_network(name) for name in network_names()]
    assert len({network.model_id for network in networks}) == len(networks)
    assert find_network("RegNetX-400MF") == published("RegNetX-400MF")
    assert find_network("MobileNetV2") == Baseline(baseline="MobileNetV2")


@pytest.mark.parametrize("network", [published("RegNetY-200MF"), Baseline(baseline="EfficientNet-B3", num_classes=7)])
def test_files_give_back_what_to_dict_wrote(tmp_path, network):
    (tmp_path / "a.json").write_text(json.dumps(network.to_dict()))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(network.to_dict()))
    assert find_network(str(tmp_path / "a.json")) == find_network(str(tmp_path / "a.yaml")) == network


def test_a_network_fits_itself_to_the_data():
    fitted = fit_to_data(published("ResNet-18"), 10, 1)
    assert (fitted.num_classes, fitted.in_channels) == (10, 1)
    assert fitted.stages == published("ResNet-18").stages


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.json", '{"stages": [\n1,', ", line 2: not valid JSON: Expecting value"),
        ("a.yaml", "stages: [1\nb: 2", ", line 2: not valid YAML: did not find expected ',' or ']'"),
        ("a.yaml", "- 1", ": expected a mapping with stages, found list"),
        ("a.json", "{}", ": stages is required"),
        ("a.json", '{"stages": [{"block": "x", "depth": 0, "width": 8, "group_width": 8}]}',
         ": stages[0].depth = 0: expected a value ≥ 1"),
        ("a.json", '{"baseline": "MobilNetV2"}', ": baseline = 'MobilNetV2': unknown baseline. Did you mean "
         "MobileNetV2? Known: EfficientNet-B0, EfficientNet-B1, EfficientNet-B2, EfficientNet-B3, EfficientNet-B4, "
         "EfficientNet-B5, "
         "MobileNetV2"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_one_line(tmp_path, file, text, message):
    (tmp_path / file).write_text(text)
    with pytest.raises(DefinitionError) as refusal:
        find_network(str(tmp_path / file))
    assert str(refusal.value) == f"{tmp_path / file}{message}"


def test_a_missing_file_and_an_unknown_name_are_refused(tmp_path):
    with pytest.raises(DefinitionError, match=r"no\.json: no such architecture file$"):
        find_network(str(tmp_path / "no.json"))
    with pytest.raises(DefinitionError, match=r"^unknown network 'EficientNet-B1'\. Did you mean EfficientNet-B1\?"):
        find_network("EficientNet-B1")


def test_the_name_of_a_space_is_told_as_one():
    with pytest.raises(DefinitionError) as refusal:
        find_network("AnyNetXE")
    assert str(refusal.value) == (
        "'AnyNetXE' is a space, not a network: draw networks from it with `dsx sample --space AnyNetXE`"
    )
