"""The JSON Schema of a space's YAML file, from the types that read it: editors complete and check with it.

`dsx spaces --schema > spaces/space.schema.json` writes it anew.
"""

from __future__ import annotations

import json

from dsx.networks.cost import MEASURES
from dsx.networks.layers import BLOCKS, STEMS
from dsx.spaces.definition import Space
from dsx.spaces.families import COMMON, FAMILIES
from dsx.spaces.orders import ORDERS

_WORDS = {
    "name": "the file's name without .yaml",
    "description": "one line that `dsx spaces` lists",
    "source": "where the space comes from",
    "extends": "name or path of a space; this file says only what differs, null takes an entry away",
    "family": "how a setting becomes stages: anynet, regnet, or one of a plugin, or a plugin's own networks",
    "plugins": "Python files with blocks, families or networks of your own, relative to this file",
    "stages": "number of stages; a parameter of that name may vary it",
    "block": "of all stages, or a list with one for each; a parameter of that name may vary it",
    "strides": "of all stages, or a list with one for each; the parameter `stride` may vary them",
    "se_ratio": "squeeze-and-excitation's width as a share of the block's input width; 0: none",
    "width_step": "family regnet: widths are multiples of it",
    "resolution": "height and width of the images at which complexity is counted",
    "input": "shape of one example for networks of a plugin that take no images; without it, images of the resolution",
    "parameters": "what is sampled: name → distribution, or a bare value",
    "rules": "a parameter → its order over the stages; or a name → an inequality, as in sum(depth) <= 40",
    "constraints": "flops, params, acts, stage_… of these, inference_memory or training_memory → low:high, both ends"
    " inclusive; or a name → an inequality over these",
}


def space_schema() -> dict[str, object]:
    """The schema as plain data."""
    schema = Space.model_json_schema()
    definitions, properties = schema["$defs"], schema["properties"]
    definitions.pop("Plugin", None)
    bare = {"type": ["number", "string", "boolean"], "description": "fixed at this value"}
    distribution = properties["parameters"]["additionalProperties"]
    distribution.pop("discriminator")  # which only OpenAPI knows
    # a child may give only the fields that it changes
    changes = {"type": "object", "not": {"required": ["distribution"]}, "description": "changes to the parent's"}
    parameter = {"anyOf": [distribution, bare, changes, {"type": "null"}]}
    family_parameters = {name for family in FAMILIES.values() for name in family.parameters}
    properties["parameters"] = {
        "type": "object",
        "properties": {name: {"$ref": "#/$defs/parameter"} for name in sorted({*COMMON, *family_parameters})},
        "patternProperties": {r"^recipe\..+": {"$ref": "#/$defs/parameter"}},
        "additionalProperties": {"$ref": "#/$defs/parameter"},
    }
    definitions["parameter"] = parameter
    properties["rules"] = {
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"enum": list(ORDERS)}, {"type": "string"}, {"$ref": "#/$defs/OrderRule"}, {"type": "null"}]
        },
    }
    definitions["OrderRule"].pop("required", None)
    interval = {"type": ["string", "null"], "pattern": "^[^:]*:[^:]*$"}
    properties["constraints"] = {
        "type": "object",
        "properties": dict.fromkeys(MEASURES, interval),
        "additionalProperties": {"type": ["string", "null"]},
    }
    properties["plugins"] = {"type": ["array", "null"], "items": {"type": "string"}}
    properties["extends"] = {"type": "string"}
    properties["family"] = {"type": "string", "examples": list(FAMILIES)}
    for definition in definitions.values():
        for field in {"step", "std"} & set(definition.get("properties", ())):
            # pydantic leaves a bound on a union of numbers out
            definition["properties"][field]["exclusiveMinimum"] = 0
    definitions["Stem"]["properties"]["type"]["enum"] = list(STEMS)
    properties["block"]["examples"] = list(BLOCKS)
    for name, description in _WORDS.items():
        properties[name]["description"] = description
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dsx design space"}
    # what a file leaves out its parent may say
    schema.pop("required")
    schema["anyOf"] = [{"required": ["extends"]}, {"required": ["family", "parameters"]}]
    return schema


def schema_text() -> str:
    """The schema as it is kept in `spaces/space.schema.json`."""
    return json.dumps(space_schema(), indent=2, ensure_ascii=False, sort_keys=True)
