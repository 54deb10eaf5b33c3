from pathlib import Path

import pytest

from dsx.base.errors import DefinitionError
from dsx.base.overrides import parse_overrides
from dsx.commands.config import load_launcher
from dsx.launch.slurm.profile import Profile, split_multiples


def test_a_multiple_is_of_what_the_last_submission_asked_for():
    profile, multiples = Profile(cpus=2), {"mem_gb": 2.0, "timeout_min": 1.5}
    scaled = profile.scaled(multiples, {"mem_gb": 10.0, "timeout_min": 61, "cpus": 9})
    assert (scaled.mem_gb, scaled.timeout_min, scaled.cpus) == (20.0, 92, 2)
    assert profile.scaled({}, {}) == profile
    with pytest.raises(DefinitionError) as caught:
        profile.scaled(multiples, {"mem_gb": None})
    assert str(caught.value) == (
        "mem_gb = 2x: there is nothing to multiply: no job of these studies asked for mem_gb; give a number"
    )


def test_multiples_are_told_from_plain_values():
    content = {"mem_gb": " 1.5x", "timeout_min": 30, "partition": "2x"}
    assert split_multiples(content) == ({"timeout_min": 30, "partition": "2x"}, {"mem_gb": 1.5})


def composed(*overrides):
    """The launcher that `dsx launch --on slurm` with these overrides submits with."""
    return load_launcher("slurm", parse_overrides(overrides))


def test_a_profile_takes_overrides():
    profile = composed("partition=gpu", "gpus_per_model=1", "environment.A=b").profile
    assert (profile.partition, profile.gpus_per_model, profile.environment) == ("gpu", 1, {"A": "b"})
    plain = composed()
    assert (plain.profile.mem_gb, plain.profile.timeout_min, plain.profile.models_per_job) == (4, 60, 4)
    assert plain.multiples == {}
    again = composed("mem_gb=2x", "timeout_min=1.5x")
    assert again.multiples == {"mem_gb": 2.0, "timeout_min": 1.5}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("partitoin=gpu", "launcher: unknown key 'partitoin'. Did you mean partition?"),
        ("timeout_min=soon", "launcher: timeout_min = 'soon': expected an integer"),
        ("max_jobs=0", "launcher: max_jobs = 0: expected a value ≥ 1"),
        ("models_per_gpu=2", "launcher: models_per_gpu 2 needs gpus_per_model 1, not 0"),
        ("nodes=2", "launcher: gpus_per_model 0 is not a multiple of nodes 2"),
        ("stop_early_s=3600", "launcher: stop_early_s 3600 is not below timeout_min 60"),
        ("mem_gb=twice", "launcher: mem_gb = 'twice': expected a number"),
    ],
)
def test_a_bad_profile_is_one_line(override, message):
    with pytest.raises(DefinitionError) as caught:
        composed(override)
    assert str(caught.value) == message


@pytest.mark.parametrize("timeout_min", [1, 2, 5, 10, 60, 1440])
def test_short_jobs_keep_most_of_their_time(timeout_min):
    profile = Profile(timeout_min=timeout_min)
    assert 0 < profile.stop_early <= min(120, timeout_min * 12)


def test_what_sbatch_is_told():
    told = Profile(gpus_per_model=4, nodes=2, mem_gb=1.5, sbatch={"mail-type": "FAIL"}).parameters(
        "n", 7, 3, Path("/c")
    )
    assert (told["nodes"], told["ntasks_per_node"], told["mem"], told["array_parallelism"]) == (2, 2, "1500M", 3)
    assert told["additional_parameters"] == {"requeue": True, "mail-type": "FAIL", "gpus-per-node": 2}
    assert told["setup"][-1] == "export PYTHONPATH=/c${PYTHONPATH:+:$PYTHONPATH}"
    assert "partition" not in told


def test_python_finds_the_frozen_code_where_its_path_holds_a_colon():
    plain, colon = Path("/c"), Path("/a b:2/c")
    profile = Profile(python="python3", container="apptainer exec x.sif")
    assert profile.command(plain) == "apptainer exec x.sif python3"
    assert profile.command(colon) == "apptainer exec x.sif sh '/a b:2/c/with_this_code.sh' python3"
    assert not any("PYTHONPATH" in line for line in profile.parameters("n", 1, 1, colon)["setup"])
