"""Against a real SLURM. Waits are bounded; nothing is asserted about speed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.commands.sample import SampleRequest, sample
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm.client import SlurmError, live_jobs
from dsx.launch.slurm.status import jobs
from dsx.launch.slurm.submissions import Submissions
from dsx.launch.slurm.submit import cancel, preview
from dsx.recipes.recipe import read_recipe
from dsx.study.status import describe, status
from dsx.study.study import open_study

from standins import behave, check_complete, launch_here, make_study, starts, submit_there, trainings

pytestmark = pytest.mark.slow

# where the stand-in trainers lie
HERE = Path(__file__).parent.parent

SECONDS = "standins:second_train"


def wait_until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain\n{the_cluster()}"
        time.sleep(0.3)


def the_cluster():
    """Its queue and nodes, for the message of a test that failed."""
    commands = (["squeue", "-r"], ["sinfo", "-N", "-o", "%N %T %E"])
    return "\n".join(
        subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout for command in commands
    )


def in_queue(study):
    return sum(jobs(study).queued.values())


def wait_until_done(study, cluster):
    """Until its jobs, requeued or not, have trained all there is."""

    def done():
        cluster.hurry()
        return study.counts()["done"] == len(study.runs())

    wait_until(done)


def finish(study, cluster, profile, trainer="standins:train", seconds=400):
    """Launch again and again, as a user would, until all is done."""
    deadline = time.monotonic() + seconds
    while study.counts()["done"] < len(study.runs()):
        assert time.monotonic() < deadline, (study.counts(), jobs(study).lines(), study.failures(), the_cluster())
        submit_there(study, profile, trainer=trainer)
        cluster.hurry()
        time.sleep(1)


def records(study):
    return [json.loads(study.paths.run(run.run_id).result.read_text()) for run in study.runs()]


def test_a_population_of_real_models_equals_the_same_one_trained_here(calm, tmp_path, profile):
    changes = {"epochs": 1, "schedule.warmup_epochs": 0}
    there = make_study(tmp_path / "there" / "a", n=16, **changes)
    here = make_study(tmp_path / "here" / "a", n=16, **changes)
    trainer = "dsx.training.trainer:train"
    finish(there, calm, profile(models_per_job=4, mem_gb=1), trainer)
    launch_here(here, trainer=trainer)
    measured = {"seconds", "images_per_second", "peak_memory_bytes", "waiting", "ended", "train_seconds", "environment"}

    def plain(content):
        if isinstance(content, dict):
            return {key: plain(value) for key, value in content.items() if key not in measured}
        return [plain(value) for value in content] if isinstance(content, list) else content

    assert [plain(record) for record in records(there)] == [plain(record) for record in records(here)]


def begin(study, profile):
    """Four tasks of four models, of which the first is trained and the second waits, whatever comes."""
    behave(study, **{f"r{row}": "hold" for row in range(16) if row % 4})
    submit_there(study, profile)
    wait_until(lambda: len(trainings(study)) == 4 and study.counts()["running"] == 4)


def requeue_a_task(study, cluster):
    (job_id,) = jobs(study).arrays.values()
    for task in (0, 3):
        cluster.client("scontrol", "requeue", f"{job_id}_{task}", check=False)


def preempt_with_usr1(study, cluster):
    (job_id,) = jobs(study).arrays.values()
    for task in (1, 3):  # the last task of an array bears the id of the whole array
        cluster.client("scancel", "--signal=USR1", f"{job_id}_{task}")
    wait_until(lambda: {"REQUEUED", "PENDING"} & {*jobs(study).queued})


def cancel_half(study, cluster):
    (job_id,) = jobs(study).arrays.values()
    cluster.client("scancel", f"{job_id}_[0-1]")


def kill_a_node(study, cluster):
    nodes = cluster.client("squeue", "-h", "-t", "RUNNING", "-o", "%N").split()
    cluster.kill_node(nodes[0])
    wait_until(lambda: "down" in cluster.client("sinfo", "-h", "-N", "-n", nodes[0], "-o", "%T"))
    cluster.start_node(nodes[0])
    cluster.wait_for_nodes()


def restart_the_controller(study, cluster):
    cluster.kill("slurmctld")
    assert jobs(study).known is False
    assert study.counts()["failed"] == 0
    cluster.start_slurmctld()


def stop_accounting(study, cluster):
    cluster.kill("slurmdbd")
    found = jobs(study)
    assert found.known
    assert not found.ended


FAULTS = [requeue_a_task, preempt_with_usr1, cancel_half, kill_a_node, restart_the_controller, stop_accounting]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_whatever_happens_every_model_is_trained_once(calm, tmp_path, profile, fault):
    study = make_study(tmp_path / "a", n=16)
    asked = profile(models_per_job=4)
    begin(study, asked)
    try:
        fault(study, calm)
        behave(study)
        finish(study, calm, asked)
    finally:
        if fault is stop_accounting:
            calm.start_slurmdbd()
        if fault is restart_the_controller:
            calm.restart_nodes()
    check_complete(study)


def test_jobs_that_are_hurried_after_a_requeue_have_their_second_life(calm, tmp_path):
    script = tmp_path / "job.sh"
    script.write_text(f"""#!/bin/sh
#SBATCH --requeue --mem=100M --output=/dev/null
[ -n "$SLURM_RESTART_COUNT" ] && touch {tmp_path}/$SLURM_JOB_ID.again && exit
trap exit TERM
touch {tmp_path}/$SLURM_JOB_ID.began
while :; do sleep 0.05; done
""")
    job_ids = [calm.client("sbatch", "--parsable", str(script)).strip() for _ in range(4)]
    wait_until(lambda: len(list(tmp_path.glob("*.began"))) == len(job_ids))
    deadline = time.monotonic() + 180
    for job_id in job_ids:
        calm.client("scontrol", "requeue", job_id)
        while calm.client("squeue", "-h", "-j", job_id, check=False).strip():  # as early as SLURM takes it
            assert time.monotonic() < deadline, the_cluster()
            calm.hurry()
    assert sorted(path.stem for path in tmp_path.glob("*.again")) == sorted(job_ids)


def test_a_job_that_runs_out_of_time_goes_on_by_itself(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=2)
    behave(study, r0="endless")
    submit_there(study, profile(timeout_min=1, models_per_job=2))
    wait_until(lambda: starts(study) and "PENDING" in jobs(study).queued)
    folder = study.paths.run(study.runs()[0].run_id).folder
    assert int((folder / "checkpoint.pt").read_text()) > 0
    assert study.counts() == {"pending": 2, "running": 0, "done": 0, "diverged": 0, "failed": 0}
    behave(study)
    wait_until_done(study, calm)
    check_complete(study)


def test_a_program_that_takes_long_to_save_is_left_the_time_for_it(calm, tmp_path, profile):
    script = """trap 'sleep 14; touch "$DSX_FOLDER/saved"; exit 75' TERM
if [ -e "$DSX_FOLDER/saved" ]; then echo '{"error": 7}'; exit 0; fi
while :; do sleep 0.2; done
"""
    (tmp_path / "train.sh").write_text(script)
    study = make_study(tmp_path / "a", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "slow", "command": ["sh", str(tmp_path / "train.sh")]}))
    submit_there(study, profile(timeout_min=1), trainer=None)
    wait_until(lambda: list(study.path.rglob("saved")) and "PENDING" in jobs(study).queued)
    assert study.counts()["failed"] == 0
    wait_until_done(study, calm)
    assert list(study.results()["error"]) == [7.0]


def test_two_launches_at_the_same_moment_submit_each_model_once(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=12)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from dsx.study.study import open_study; from standins import slurm_profile, submit_there\n"
        "study, profile = open_study(sys.argv[2]), slurm_profile(models_per_job=3)\n"
        "print(submit_there(study, profile, trainer='standins:slow_train').runs)"
    )
    command = [sys.executable, "-c", code, str(HERE), str(study.path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    submitted = sorted(int(process.communicate(timeout=120)[0]) for process in both)
    assert submitted == [0, 12]
    wait_until(lambda: study.counts()["done"] == 12)
    check_complete(study)


def test_a_launch_that_is_killed_while_it_submits_can_be_repeated(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=8)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from dsx.launch.slurm import submissions\n"
        "from dsx.study.study import open_study; from standins import slurm_profile, submit_there\n"
        "submissions.Submissions.accepted = lambda *a: os.kill(os.getpid(), 9)\n"
        "submit_there(open_study(sys.argv[2]), slurm_profile(models_per_job=2), trainer='standins:second_train')"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(HERE), str(study.path)], check=False, timeout=120)
    assert killed.returncode == -9
    again = submit_there(study, profile(models_per_job=2), trainer=SECONDS)
    assert (again.runs, again.queued + again.running + study.counts()["done"] >= 8) == (0, True)
    finish(study, calm, profile(models_per_job=2), SECONDS)
    check_complete(study)


def test_five_thousand_models_pass_an_array_limit_of_a_thousand(calm, tmp_path, profile, capsys):
    study = make_study(tmp_path / "a", n=5000)
    began = time.monotonic()
    first = submit_there(study, profile(models_per_job=1, max_jobs=12, sbatch={"hold": True}))
    seconds = time.monotonic() - began
    assert (first.jobs, len(first.job_ids)) == (5000, 5)
    assert in_queue(study) == 5000
    again = submit_there(study, profile(models_per_job=1))
    assert (again.runs, again.queued) == (0, 5000)
    assert cancel(study) == 5000
    wait_until(lambda: in_queue(study) == 0)
    submit_there(study, profile(models_per_job=250))
    wait_until(lambda: study.counts()["done"] == 5000, seconds=600)
    check_complete(study)
    began = time.monotonic()
    describe(status(study))
    with capsys.disabled():
        print(f"\n5,000 jobs submitted in {seconds:.1f} s; status in {time.monotonic() - began:.1f} s")


def test_a_refusal_is_given_in_slurms_words_and_leaves_nothing_behind(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=2)
    for changes, words in (
        ({"partition": "nowhere"}, "invalid partition specified: nowhere"),
        ({"partition": "short", "timeout_min": 60}, "Requested time limit is invalid"),
        ({"mem_gb": 9000}, "Memory specification can not be satisfied"),
    ):
        with pytest.raises(SlurmError, match=words) as caught:
            submit_there(study, profile(**changes))
        assert "\n" not in str(caught.value)
        assert Submissions(study.paths).names() == []
    submit_there(study, profile())
    wait_until(lambda: study.counts()["done"] == 2)


def test_a_submit_limit_leaves_the_rest_to_the_jobs_that_fit(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=9)
    calm.client("sacctmgr", "-i", "modify", "user", "root", "set", "MaxSubmitJobs=3")
    try:
        wait_until(
            lambda: "MaxSubmitJobs=3" in calm.client("scontrol", "show", "assoc_mgr", "users=root", "flags=assoc")
        )
        found = submit_there(study, profile(models_per_job=1))
        assert 6 <= found.leftover <= 8  # SLURM may still count jobs of a moment ago
        wait_until(lambda: study.counts()["done"] == 9)
    finally:
        calm.client("sacctmgr", "-i", "modify", "user", "root", "set", "MaxSubmitJobs=-1")
    check_complete(study)


def test_jobs_submitted_from_inside_a_job_run_and_use_the_frozen_code(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=2)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from dsx.study.study import open_study; from standins import slurm_profile, submit_there\n"
        "print(submit_there(open_study(sys.argv[2]), slurm_profile()).sentence())"
    )
    out = calm.client(
        "srun", "--mem=500M", "-n1", "-t9", sys.executable, "-c", code, str(HERE), str(study.path), timeout_s=600
    )
    assert "2 models in 1 jobs" in out
    wait_until(lambda: study.counts()["done"] == 2)
    frozen = study.paths.jobs / "code"
    assert all(record["code"].startswith(str(frozen.resolve())) for record in records(study))
    (copy,) = frozen.iterdir()
    environment = json.loads((copy / "environment.json").read_text())
    assert environment["packages"]["torch"]


def test_jobs_of_a_study_below_a_colon_run_and_use_the_frozen_code(calm, tmp_path, profile):
    """PYTHONPATH splits at colons; both in a job's own process and in the worker processes that it starts."""
    for name, asked in (
        ("own", profile()),
        ("workers", profile(gpus_per_model=1, models_per_gpu=2, device="cpu")),
    ):
        study = make_study(tmp_path / "a:b c" / name, n=2)
        submit_there(study, asked)
        wait_until(lambda: study.counts()["done"] == 2)  # noqa: B023
        frozen = str((study.paths.jobs / "code").resolve())
        assert all(record["code"].startswith(frozen) for record in records(study))


def test_a_hopeless_sweep_stops_early_and_can_go_on(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=40)
    behave(study, **{f"r{row}": "raise" for row in range(40)})
    submit_there(study, profile(models_per_job=10, max_jobs=1), max_failures=3)
    wait_until(lambda: study.counts()["failed"] > 3 and in_queue(study) == 0)
    assert study.counts()["failed"] < 20
    behave(study)
    submit_there(study, profile(models_per_job=20), retry=("error",))
    wait_until(lambda: study.counts()["done"] == 40)


def test_cancelling_leaves_a_study_that_can_be_resumed(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=4)
    behave(study, **{f"r{row}": "endless" for row in range(4)})
    submit_there(study, profile(models_per_job=1))
    wait_until(lambda: study.counts()["running"] == 4)
    assert cancel(study) == 4
    wait_until(lambda: in_queue(study) == 0)
    assert study.counts() == {"pending": 4, "running": 0, "done": 0, "diverged": 0, "failed": 0}
    behave(study)
    finish(study, calm, profile())
    check_complete(study)


def test_gpus_are_asked_for_and_seen(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=2)
    submit_there(study, profile(gpus_per_model=1, models_per_job=1, device="cpu"))
    wait_until(lambda: study.counts()["done"] == 2)
    assert all(record["gpus"] in ("0", "1") for record in records(study))


def test_models_share_a_gpu(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=6)
    submit_there(study, profile(gpus_per_model=1, models_per_gpu=3, models_per_job=2, device="cpu"))
    wait_until(lambda: study.counts()["done"] == 6)
    check_complete(study)


def test_a_model_over_several_processes_is_led_by_one(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=3)
    # the nodes of this cluster are names only
    here = {"environment": {"MASTER_ADDR": "127.0.0.1"}}
    asked = profile(gpus_per_model=2, nodes=2, models_per_job=3, device="cpu", mem_gb=1, **here)
    submit_there(study, asked)
    wait_until(lambda: study.counts()["done"] == 3 and in_queue(study) == 0)
    check_complete(study)
    followed = [name.partition(".")[0] for name in os.listdir(study.path / "followed")]
    assert sorted(followed) == trainings(study)


def test_a_real_model_is_trained_by_two_processes_on_two_nodes(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=1, epochs=2)
    asked = profile(gpus_per_model=2, nodes=2, device="cpu", mem_gb=1, environment={"MASTER_ADDR": "127.0.0.1"})
    submit_there(study, asked, trainer="dsx.training.trainer:train")
    wait_until(lambda: study.counts()["done"] == 1 and in_queue(study) == 0)
    (record,) = records(study)
    assert record["effective_recipe"]["devices"] == 2
    assert "global batch 48 (24 per batch-norm group" in record["effective_recipe"]["text"]
    assert record["error"] < 80  # chance is 90


def test_held_jobs_are_named_with_their_remedy(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=4)
    found = submit_there(study, profile(models_per_job=2, sbatch={"hold": True}))
    wait_until(lambda: "JobHeldUser" in jobs(study).reasons)
    line = jobs(study).lines()[-1]
    assert line.startswith("  2 held")
    command = line.rpartition(": ")[2].split()
    assert command == ["scontrol", "release", *found.job_ids]
    calm.client(*command)
    wait_until(lambda: study.counts()["done"] == 4)


def test_a_dry_run_shows_the_script_and_submits_nothing(calm, tmp_path, profile):
    study = make_study(tmp_path / "a", n=10)
    (found,) = preview([study], profile(models_per_job=3, partition="short", timeout_min=5), LaunchOptions())
    assert (found.runs, found.jobs, found.job_ids) == (10, 4, [])
    assert (study.paths.jobs / "preview.sh").read_text() == found.script
    for line in ("--array=0-3%4", "--partition=short", "--time=5", "--signal=USR2@60", "--requeue"):
        assert f"#SBATCH {line}\n" in found.script
    assert in_queue(study) == 0
    assert sorted(os.listdir(study.paths.jobs)) == ["preview.sh", study.paths.turn.name]
    assert os.listdir(study.paths.turn) == []


def test_jobs_that_slurm_does_not_know_have_ended(calm):
    assert live_jobs(["999999"]) == set()


def test_without_a_cluster_the_error_says_so(tmp_path, profile, monkeypatch):
    study = make_study(tmp_path / "a", n=2)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DsxError, match="scontrol: not found"):
        submit_there(study, profile())


def test_a_machine_that_knows_no_cluster_is_told_where_to_go(tmp_path, profile, monkeypatch):
    """SLURM's own commands without a configuration, in the words of SLURM 22.05."""
    study = make_study(tmp_path / "a", n=2)
    command = tmp_path / "scontrol"
    command.write_text("#!/bin/sh\necho 'scontrol: fatal: Could not establish a configuration source' >&2\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DsxError, match="SLURM_CONF, or wait; `dsx doctor --on slurm` looks") as caught:
        submit_there(study, profile())
    assert "\n" not in str(caught.value)


def test_the_doctor_finds_a_cluster_that_shares_the_folder(calm, tmp_path):
    from dsx.launch.doctor import cluster

    findings = {finding.what: finding for finding in cluster(tmp_path)}
    assert all(finding.ok for finding in findings.values()), [f.line() for f in findings.values()]
    assert "cluster dsx answers" in findings["slurm"].seen
    assert "arrays of 1000 tasks" in findings["limits"].seen
    assert "main (4 nodes" in findings["partitions"].seen
    assert str(tmp_path) in findings["shared folder"].seen
    assert list(findings) == ["slurm", "limits", "partitions", "accounting", "shared folder", "clocks"]
    assert os.listdir(tmp_path) == []


UNTIL = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from dsx.commands import until\n"
    "from dsx.commands.launch import LaunchRequest\n"
    "from dsx.launch.options import LaunchOptions\n"
    "until.LOOK_EVERY_S, until.LAUNCH_EVERY_S, until._QUEUED_ROUND = 0.5, 5.0, 6\n"
    "overrides = ['launcher.mem_gb=0.5', 'launcher.environment.PYTHONPATH=' + sys.argv[1]]\n"
    "options = LaunchOptions(device='cpu', trainer='standins:slow_train')\n"
    "asked = LaunchRequest(sys.argv[2:], 'digits', 'slurm', options, overrides)\n"
    "until.launch_until(asked, until.Goal(at_most=12), lambda line: print(line, flush=True))\n"
)


def test_rounds_until_decided_go_on_after_the_waiting_command_was_killed(calm, tmp_path):
    studies = [sample(SampleRequest("AnyNetXA-digits", 2, seed=k, out=tmp_path / n)).study for k, n in enumerate("ab")]
    script = tmp_path / "until.py"
    script.write_text(UNTIL)
    command = [sys.executable, str(script), str(HERE), *(str(study.path) for study in studies)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told = []
    while not any("as job" in line for line in told):
        told.append(process.stdout.readline())
        assert told[-1], told
    process.kill()
    process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, (done.stderr, the_cluster())
    assert done.stdout.splitlines()[-1] == "undecided after 12 models of each: a larger --at-most goes on"
    for study in studies:
        grown = open_study(study.path)
        assert len(grown.population) == 12
        check_complete(grown)


def test_an_experiment_of_ones_own_training_trains_and_analyses_itself(calm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.sh").write_text('echo "{\\"error\\": $(($DSX_SEED % 50))}"\n')
    (tmp_path / "mine.yaml").write_text(f"name: mine\ncommand: [sh, train.sh]\ncode: {tmp_path / 'code'}\n")
    (tmp_path / "site.yaml").write_text("kind: slurm\nmodels_per_job: 6\nmem_gb: 0.5\ntimeout_min: 5\n")
    (tmp_path / "both.yaml").write_text(
        "defaults: [{recipe: ./mine.yaml}, {launcher: ./site.yaml}]\n"
        "spaces: [AnyNetXA-digits, RegNetX-digits]\nn: 12\nout: runs/both\nanalysis: {figures: none}\n"
    )
    command = [sys.executable, "-m", "dsx", "run", "./both.yaml"]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "dsx run ./both.yaml --finish: runs when all of them have ended, as job" in done.stdout
    (tmp_path / "code" / "train.sh").write_text("exit 1\n")  # what is queued runs the copy
    wait_until((tmp_path / "runs/both/analysis/report.html").exists)
    for name in ("AnyNetXA-digits", "RegNetX-digits"):
        study = open_study(tmp_path / "runs/both" / name)
        assert list(study.results()["error"]) == [float(run.seed % 50) for run in study.runs()]
