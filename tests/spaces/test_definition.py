"""Definition files: bad ones, `extends`, and overrides."""

import pytest
import yaml

import dsx
from dsx.base.errors import DefinitionError
from dsx.spaces.definition import Space, load_space
from dsx.spaces.files import lineage


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a mapping of keys to values"),
        ("- a\n- b\n", "expected a mapping of keys to values"),
        ("extends: Nowhere", "extends = 'Nowhere': unknown space 'Nowhere'."),
        ("extends: AnyNetXe", "extends = 'AnyNetXe': unknown space 'AnyNetXe'. Did you mean AnyNetXE?"),
        ("extends: ./other.yaml", "extends = './other.yaml': ./other.yaml: no such space file"),
        ("extends: [AnyNetXA, AnyNetXB]", "extends = ['AnyNetXA', 'AnyNetXB']: expected the name or path of one space"),
        ("extends: mine.yaml", "extends = 'mine': a space cannot extend itself, directly or through others"),
    ],
)
def test_a_bad_file_is_refused_with_one_line(content, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refusal.value)


def test_bad_yaml_is_refused_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nparameters: {depth: [1, 2\n")
    with pytest.raises(DefinitionError, match=r"mine.yaml, line 3: not valid YAML: "):
        load_space(path)
    path.write_text("name: mine\nname: yours\n")
    with pytest.raises(DefinitionError, match=r"mine.yaml, line 2: not valid YAML: found duplicate key name"):
        load_space(path)


def test_an_unknown_space_is_refused_with_a_near_miss():
    with pytest.raises(DefinitionError, match=r"^unknown space 'AnyNetXe'\. Did you mean AnyNetXE\? \(\d+ found; "):
        dsx.load_space("AnyNetXe")


def test_where_a_space_is_due_its_name_or_file_will_do(tmp_path):
    expected = dsx.sample(dsx.load_space("AnyNetXE-digits"), n=5).model_ids
    path = write(tmp_path, "mine", "extends: AnyNetXE-digits")
    assert dsx.sample("AnyNetXE-digits", n=5).model_ids == expected
    assert dsx.sample(path, n=5).model_ids == expected
    with pytest.raises(DefinitionError, match=r"^unknown space 'AnyNetXe'\. Did you mean AnyNetXE\?"):
        dsx.sample("AnyNetXe", n=5)


def write(folder, name, text):
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def test_a_child_is_its_parent_with_changes(tmp_path):
    path = write(
        tmp_path,
        "mine",
        """
        extends: AnyNetXE
        stem: {width: 16}
        strides: [1, 2, 2, 2]
        parameters:
          depth: {high: 8}
          width: {distribution: choice, values: [16, 32], per: stage}
          group_width: 8
          se_ratio: 0.25
        rules: {depth: null, width: {except_last: true}, total: sum(depth) <= 12}
        constraints: {flops: null, params: ":5M"}
        """,
    )
    space, parent = load_space(path), dsx.load_space("AnyNetXE")
    assert space.name == "mine"
    assert space.description == ""
    assert space.stem == parent.stem.model_copy(update={"width": 16})
    assert space.strides == (1, 2, 2, 2)
    assert space.parameters["depth"] == parent.parameters["depth"].model_copy(update={"high": 8})
    assert space.parameters["width"].values.tolist() == [16, 32]
    assert space.parameters["group_width"].values.tolist() == [8]
    assert space.parameters["bottleneck_ratio"] == parent.parameters["bottleneck_ratio"]
    assert space.to_dict()["rules"] == {
        "width": {"order": "non_decreasing", "except_last": True},
        "total": "sum(depth) <= 12",
    }
    assert space.constraint_texts == {"params": ":5M"}
    assert [name for name, _ in lineage(path)] == ["AnyNetXA", "AnyNetXB", "AnyNetXC", "AnyNetXD", "AnyNetXE", "mine"]


def test_a_bare_value_of_the_parent_is_a_distribution_too(tmp_path):
    write(tmp_path, "one", "extends: AnyNetXA\nparameters: {depth: 4, group_width: 8}")
    path = write(tmp_path, "two", "extends: one\nparameters: {depth: {per: stage}}")
    assert load_space(path).parameters["depth"].per == "stage"


def test_null_may_take_away_what_the_parent_lacks(tmp_path):
    path = write(tmp_path, "mine", "extends: AnyNetXA\nrules: {width: null}\nparameters: {se_ratio: null}")
    assert load_space(path).definition_hash == dsx.load_space("AnyNetXA").definition_hash


def test_a_circle_of_files_is_refused(tmp_path):
    write(tmp_path, "a", "extends: b")
    write(tmp_path, "b", "extends: c")
    path = write(tmp_path, "c", "extends: a")
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value).endswith("extends = 'c': a space cannot extend itself, directly or through others")


def test_overrides_change_single_values():
    space = load_space(
        "AnyNetXA",
        {
            "parameters.width.high": 512,
            "parameters.group_width": 8,
            "parameters.recipe.lr": {"distribution": "log_uniform", "low": 0.1, "high": 1},
            "parameters.recipe.lr.high": 2.0,
            "parameters.recipe.optimiser.weight_decay": 0.1,
            "constraints.params": ":5M",
            "rules.width": "non_decreasing",
            "stem.width": 16,
            "constraints.flops": None,
        },
    )
    assert space.parameters["width"].high == 512
    assert space.parameters["group_width"].values.tolist() == [8]
    assert space.parameters["recipe.lr"].high == 2.0
    assert space.parameters["recipe.optimiser.weight_decay"].value == 0.1
    assert space.constraint_texts == {"params": ":5M"}
    assert space.orders["width"].order == "non_decreasing"
    assert space.stem.width == 16


def test_a_bad_override_names_the_overrides():
    with pytest.raises(DefinitionError) as refusal:
        load_space("AnyNetXA", {"parameters.width.hihg": 512})
    assert str(refusal.value).endswith(
        "AnyNetXA.yaml with parameters.width.hihg: unknown key 'hihg' in parameters.width. Did you mean high?"
    )


def test_a_definition_survives_the_way_to_a_file_and_back():
    for name in ("AnyNetXE", "RegNetX-limited", "NDS-ResNeXt-B", "RegNetX-lr-wd"):
        space = dsx.load_space(name)
        again = Space.from_dict(yaml.safe_load(yaml.safe_dump(space.to_dict())))
        assert again == space
        assert again.definition_hash == space.definition_hash


def test_the_hash_ignores_prose_and_knows_everything_else(small):
    space = Space.from_dict(small())
    same = Space.from_dict(small(name="other", description="words", source="book"))
    assert space.definition_hash == same.definition_hash
    for change in ({"stages": 2, "strides": 2}, {"resolution": 32}, {"constraints": {"flops": ":1M"}}):
        assert Space.from_dict(small(**change)).definition_hash != space.definition_hash


def test_a_definition_cannot_be_changed(small):
    with pytest.raises(ValueError, match="frozen"):
        Space.from_dict(small()).stages = 3


def test_a_definition_with_listed_values_reads_back_as_the_same_space() -> None:
    space = load_space("NDS-ResNet")
    assert Space.from_dict(space.to_dict()) == space
