"""The private parts of submitit behave as dsx needs them; a version that changes one fails here."""

import pickle
import signal

import fake_slurm
import pytest
import submitit
from submitit.core.submission import process_job
from submitit.core.utils import DelayedSubmission
from submitit.slurm import slurm

from dsx.launch.slurm import submitit_private
from dsx.launch.slurm.submitit_private import Refused, forget_torn_result, script, submit_array
from dsx.launch.slurm.task import ArrayTask

PARAMETERS = {"job_name": "dsx-x-0", "time": 5, "array_parallelism": 2, "additional_parameters": {"requeue": True}}


@pytest.fixture
def submitted(tmp_path, monkeypatch):
    """A function that submits two tasks to a sbatch that prints in a certain way."""

    def submit(printed, read_job_id=lambda text: text.split(";")[0].strip()):
        environment = fake_slurm.install(tmp_path / "slurm", FAKE_SBATCH=printed)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        tasks = [ArrayTask("/study", "dsx-x-0", index) for index in range(2)]
        return submit_array(tasks, PARAMETERS, tmp_path / "a b", "python3 -X dev", read_job_id), environment

    return submit


@pytest.mark.parametrize("printed", ["bare", "parsable"])
def test_the_job_id_is_read_by_the_function_given_for_arrays_too(submitted, tmp_path, printed):
    job_id, _ = submitted(printed)
    assert job_id == str(fake_slurm.FIRST_ID)
    pickles = sorted(path.name for path in (tmp_path / "a b").glob("*_submitted.pkl"))
    assert pickles == [f"{job_id}_{task}_submitted.pkl" for task in range(2)]


def test_submitits_own_reading_is_put_back(submitted):
    before = slurm.SlurmExecutor._get_job_id_from_submission_command("Submitted batch job 12")
    submitted("bare")
    assert submitit.SlurmExecutor._get_job_id_from_submission_command("Submitted batch job 12") == before == "12"


def test_a_refusal_is_told_from_an_id_that_cannot_be_read(submitted):
    with pytest.raises(Refused, match="invalid account"):
        submitted("refused")


@pytest.fixture
def in_a_job(tmp_path, monkeypatch):
    """The environment of task 3 of array 7; the name of submitit's result."""
    job = {"SLURM_JOB_ID": "10", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "3", "SLURM_PROCID": "0"}
    for name, value in {**job, "SLURM_LOCALID": "0", "SUBMITIT_EXECUTOR": "slurm"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "7_3_0_result.pkl"


def test_a_result_that_an_earlier_life_of_a_job_has_half_written_does_not_fail_the_next(in_a_job, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    (in_a_job.parent / "7_3_submitted.pkl").write_bytes(pickle.dumps(DelayedSubmission(Counted())))
    torn = in_a_job.with_name("7_3_0_result.pkl.save_tmp")
    torn.write_bytes(b"torn")
    with pytest.raises(AssertionError, match="A temporary saved file already exists"):
        process_job(in_a_job.parent)
    forget_torn_result()
    process_job(in_a_job.parent)
    assert pickle.loads(in_a_job.read_bytes()) == ("success", {"done": 1})


def test_outside_of_jobs_there_is_nothing_to_forget(tmp_path, monkeypatch):
    for name in ("SLURM_JOB_ID", "SUBMITIT_EXECUTOR", "SUBMITIT_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    torn = tmp_path / "7_3_0_result.pkl.save_tmp"
    torn.write_bytes(b"torn")
    forget_torn_result()
    assert torn.read_bytes() == b"torn"


class Counted:
    """What a job of dsx does, as far as submitit sees it."""

    def __call__(self):
        return {"done": 1}


def test_what_the_reading_raises_passes_through(submitted):
    def read(text):
        raise LookupError(text)

    with pytest.raises(LookupError, match="job accepted"):
        submitted("silent", read)


def test_the_script_is_the_one_that_is_submitted(submitted, tmp_path):
    _, environment = submitted("bare")
    (record,) = fake_slurm.queue(environment)
    assert record["script"] == script(PARAMETERS, tmp_path / "a b", "python3 -X dev", 2)
    assert "#SBATCH --array=0-1%2\n" in str(record["script"])
    assert f"python3 -X dev -u -m submitit.core._submit '{tmp_path}/a b'" in str(record["script"])


def test_the_versions_tried_include_this_one():
    def numbers(version):
        return tuple(map(int, version.split(".")))

    low, high = map(numbers, submitit_private.TRIED)
    assert low <= numbers(submitit.__version__) <= high, "try it, then say so in submitit_private.TRIED"
