"""What must hold among the parts of a space: every refusal of a definition, with the whole message."""

import pytest
import yaml

from dsx.base.errors import DefinitionError
from dsx.spaces.definition import load_space
from dsx.spaces.files import merge

# a change of the small space → the message after the file's name
BAD = [
    (
        "familly: anynet",
        "unknown key 'familly'. Did you mean family?",
    ),
    (
        "family: anynett",
        "family = 'anynett': unknown. Did you mean anynet? Known: anynet, regnet",
    ),
    (
        "family: null",
        "family is required",
    ),
    (
        "parameters: {depth: null}",
        "parameters.depth is required by family 'anynet'",
    ),
    (
        "parameters: {widht: 8}",
        (
            "unknown parameter 'widht'. Did you mean width? Known: bottleneck_ratio, group_width, groups,"
            " se_ratio, stride, stages, stem_width, head_width, resolution, stem_type, block, activation,"
            " depth, width, recipe.…"
        ),
    ),
    (
        "parameters: {depth: {distribution: unifrom, low: 1, high: 3}}",
        (
            "parameters.depth.distribution = 'unifrom': expected one of fixed, same_as, choice, uniform,"
            " log_uniform, powers_of_two, powers_of_two_or_log_uniform, normal, log_normal. Did you mean"
            " uniform?"
        ),
    ),
    (
        "parameters: {recipe.lr: {low: 1, high: 3}}",
        "parameters.recipe.lr.distribution is required",
    ),
    (
        "parameters: {depth: {hihg: 3}}",
        "unknown key 'hihg' in parameters.depth. Did you mean high?",
    ),
    (
        "parameters: {recipe.lr: {distribution: uniform, low: 1}}",
        "parameters.recipe.lr.high is required",
    ),
    (
        "parameters: {depth: {low: 5}}",
        "parameters.depth: low 5 is above high 3: an empty range; swap them",
    ),
    (
        "parameters: {depth: {low: one}}",
        "parameters.depth.low = 'one': expected a number",
    ),
    (
        "parameters: {depth: {distribution: uniform, low: 0, high: 3, step: 1, per: stage}}",
        "parameters.depth.low = 0: expected integers ≥ 1",
    ),
    (
        "parameters: {width: {low: 0}}",
        "parameters.width.low = 0: expected a value > 0",
    ),
    (
        "parameters: {width: {step: 0.5}}",
        "parameters.width.step = 0.5: expected integers ≥ 1",
    ),
    (
        "parameters: {width: {step: -8}}",
        "parameters.width.step = -8: expected a value > 0",
    ),
    (
        "parameters: {width: {step: null}}",
        "parameters.width.step is required: width takes integers",
    ),
    (
        "parameters: {recipe.lr: {distribution: uniform, low: 0, high: 1, step: 1.0e-9}}",
        "parameters.recipe.lr: step 1e-09 makes more than 1,000,000 values of [0, 1]; take a coarser one",
    ),
    (
        "parameters: {group_width: {low: 5, high: 7}}",
        "parameters.group_width: no power of two lies in [5, 7]",
    ),
    (
        "parameters: {depth: {distribution: choice, values: []}}",
        "parameters.depth.values = []: expected at least one entry",
    ),
    (
        "parameters: {depth: {distribution: choice, values: [1, 1]}}",
        "parameters.depth: values [1, 1] hold one value twice; give it a weight instead",
    ),
    (
        "parameters: {depth: {distribution: choice, values: [1, two]}}",
        "parameters.depth: values [1, 'two'] mix text and numbers",
    ),
    (
        "parameters: {depth: {distribution: choice, values: [1, 2], weights: [1]}}",
        "parameters.depth: 1 weights for 2 values: expected one for each",
    ),
    (
        "parameters: {depth: {distribution: choice, values: [1, 2], weights: [1, 0]}}",
        "parameters.depth.weights[1] = 0: expected a value > 0.0",
    ),
    (
        "parameters: {depth: {per: stages}}",
        "parameters.depth.per = 'stages': expected one of network, stage. Did you mean stage?",
    ),
    (
        "parameters: {stem_width: {distribution: choice, values: [8, 16], per: stage}}",
        "parameters.stem_width.per = 'stage': stem_width has one value for the network in family 'anynet'",
    ),
    (
        "parameters: {recipe.lr: {distribution: uniform, low: 0.1, high: 1, per: stage}}",
        "parameters.recipe.lr.per = 'stage': a recipe's setting has one value: use network",
    ),
    (
        "parameters: {depth: {distribution: normal, mean: 1, std: 0.01, low: 5, high: 9, step: 1}}",
        "parameters.depth: no mass of the distribution lies in [5, 9]; move it, or widen it",
    ),
    (
        "parameters: {depth: {distribution: normal, mean: 1, std: 0, low: 5, high: 9, step: 1}}",
        "parameters.depth.std = 0: expected a value > 0",
    ),
    (
        "parameters: {width: {distribution: same_as, parameter: dept}}",
        (
            "parameters.width.parameter = 'dept': expected another parameter with a distribution of its own."
            " Did you mean depth?"
        ),
    ),
    (
        "block: y",
        "block = 'y': unknown block. Known: x, r, v, vr, vanilla, basic, linear_bottleneck",
    ),
    (
        "block: v",
        "parameters.bottleneck_ratio: block v has no bottleneck; take it out with `bottleneck_ratio: null`",
    ),
    (
        "block: [x, r]",
        "block lists 2 entries for 3 stages: give one for each",
    ),
    (
        "{block: v, se_ratio: 0.25, parameters: {bottleneck_ratio: null, group_width: null}}",
        "se_ratio = 0.25: block v has no squeeze-and-excitation; leave it out",
    ),
    (
        "parameters: {groups: 2}",
        "parameters: group_width (channels of a group) and groups (their number) exclude each other",
    ),
    (
        "parameters: {group_width: null}",
        "parameters.group_width is required by block 'x' (or `groups`, their number)",
    ),
    (
        "strides: [1, 2]",
        "strides lists 2 entries for 3 stages: give one for each",
    ),
    (
        "strides: 0",
        "strides = 0: expected a value ≥ 1",
    ),
    (
        "stem: {type: resnett}",
        "stem.type = 'resnett': unknown stem. Did you mean resnet? Known: simple, resnet, cifar",
    ),
    (
        "activation: swish",
        "activation = 'swish': expected one of relu, silu, gelu",
    ),
    (
        "parameters: {activation: swish}",
        "parameters.activation: unknown activation 'swish'. Known: relu, silu, gelu",
    ),
    (
        "se_ratio: 1.5",
        "se_ratio = 1.5: expected a value ≤ 1.0",
    ),
    (
        "stages: 0",
        "stages = 0: expected a value ≥ 1",
    ),
    (
        "stages: four",
        "stages = 'four': expected an integer",
    ),
    (
        "parameters: {stages: 0}",
        "parameters.stages.value = 0: expected integers ≥ 1 and ≤ 64",
    ),
    (
        "resolution: 22.4",
        "resolution = 22.4: expected an integer",
    ),
    (
        "parameters: {recipe.resolution: 64}",
        "parameters.recipe.resolution: write `resolution`, which complexity is counted at too",
    ),
    (
        "rules: {width: nondecreasing}",
        (
            "rules.width: unknown order 'nondecreasing'. Did you mean non_decreasing? Known: non_decreasing,"
            " increasing, non_increasing, decreasing, equal, or an inequality"
        ),
    ),
    (
        "rules: {bottleneck_ratio: non_decreasing}",
        ("rules.bottleneck_ratio: an order needs a parameter that varies by stage; bottleneck_ratio is per: network"),
    ),
    (
        "rules: {widht: non_decreasing}",
        "rules.widht: the space has no parameter 'widht' to order. Did you mean width?",
    ),
    (
        "rules: {depth: {order: increasing}, width: increasing}\nparameters: {depth: {high: 2}}",
        "rules.depth: 2 values cannot be increasing over 3 stages",
    ),
    (
        "rules: {deep: sum(dept) <= 40}",
        (
            "rules.deep: 'sum(dept) <= 40': unknown name 'dept'. Did you mean depth? Known: bottleneck_ratio,"
            " depth, group_width, inference_memory, stage_acts, stage_depth, stage_flops, stage_params, stage_width,"
            " total_depth, training_memory, width"
        ),
    ),
    (
        "rules: {deep: sum(depth <= 40}",
        "rules.deep: 'sum(depth <= 40' is not an inequality such as 'sum(depth) <= 40'",
    ),
    (
        "rules: {width: {order: increasing, except_first: true}}",
        "unknown key 'except_first' in rules.width. Did you mean except_last? (1 more)",
    ),
    (
        "constraints: {flop: 10M:20M}",
        "constraints.flop: unknown metric 'flop'. Did you mean flops? Known:"
        " flops, params, acts, inference_memory, training_memory, stage_flops,"
        " stage_params, stage_acts, latency",
    ),
    (
        "constraints: {flops: 400M:360M}",
        (
            "constraints.flops: '400M:360M' is an empty range: its low end is above its high end; did you mean"
            " 360M:400M?"
        ),
    ),
    (
        "constraints: {flops: 10Q:20Q}",
        "constraints.flops: '10Q' is not a number: write it as 400M, 1.6G or 4e8",
    ),
    (
        "constraints: {flops: 10M}",
        "constraints.flops: '10M' is not a range: write low:high, low: or :high, as in 360M:400M",
    ),
    (
        "constraints: {flops: '-5:7'}",
        "constraints.flops: '-5:7' holds a negative number: a complexity is ≥ 0",
    ),
    (
        "constraints: {limit: acts <= 6.5 * sqrt(flop)}",
        (
            "constraints.limit: 'acts <= 6.5 * sqrt(flop)': unknown name 'flop'. Did you mean flops? Known:"
            " acts, flops, inference_memory, latency, params, stage_acts, stage_flops, stage_params, training_memory"
        ),
    ),
    (
        "constraints: {flops: 400}",
        "constraints: flops = 400: expected low:high in quotes, as in ':5M' (YAML reads 1:30 as 90)",
    ),
    (
        "parameters: [depth]",
        "parameters = ['depth']: expected a mapping",
    ),
    (
        "{family: regnet, parameters: {depth: {per: network}, width: null, w0: 8, wa: 8, wm: 1}}",
        "parameters.wm.value = 1: expected numbers > 1",
    ),
    (
        "{family: regnet, parameters: {width: null, w0: 8, wa: 8, wm: 2}}",
        "parameters.depth.per = 'stage': depth has one value for the network in family 'regnet'",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_a_bad_definition_is_refused_with_one_line(change, message, small, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(merge(small(), yaml.safe_load(change))))
    with pytest.raises(DefinitionError) as refusal:
        load_space(path)
    assert str(refusal.value) == f"{path}: {message}"
