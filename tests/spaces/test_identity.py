import dsx
from dsx.spaces.definition import completed
from dsx.spaces.identity import definition_hash, identity


def test_prose_is_no_part_of_a_definition_and_every_rule_is():
    space = dsx.load_space("AnyNetXE").to_dict()
    told = {**space, "description": "other words", "source": "elsewhere"}
    assert identity(told) == identity(space)
    assert definition_hash(told) == definition_hash(space)
    for change in ({"width_step": 16}, {"rules": {}}, {"resolution": 32}):
        assert definition_hash({**space, **change}) != definition_hash(space)


def test_the_name_is_told_apart_but_decides_no_population():
    space = dsx.load_space("AnyNetXE").to_dict()
    renamed = {**space, "name": "Other"}
    assert identity(renamed) != identity(space)
    assert definition_hash(renamed) == definition_hash(space)


def test_a_definition_of_an_older_version_lacks_what_has_its_default():
    space = dsx.load_space("AnyNetXE")
    older = {k: v for k, v in space.to_dict().items() if k not in ("plugins", "in_channels", "se_ratio")}
    assert identity(completed(older)) == identity(space.to_dict())
    assert definition_hash(completed(older)) == space.definition_hash
    assert completed({"network": {}}) == {"network": {}}


def test_where_a_plugin_lies_does_not_matter_and_what_it_says_does():
    definition = {"network": {}, "plugins": [{"file": "a.py", "source": "x = 1"}]}
    moved = {"network": {}, "plugins": [{"file": "/b/a.py", "source": "x = 1"}]}
    changed = {"network": {}, "plugins": [{"file": "a.py", "source": "x = 2"}]}
    assert identity(definition) == identity(moved)
    assert definition_hash(definition) != definition_hash(changed)
