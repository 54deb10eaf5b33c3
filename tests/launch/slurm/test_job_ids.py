import pytest

from dsx.launch.slurm import client, job_ids
from dsx.launch.slurm.client import QueueEntry, SlurmError
from dsx.launch.slurm.job_ids import UnknownJobError, job_id, printed_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Submitted batch job 7\n", "7"),
        ("Submitted batch job 7 on cluster a\n", "7"),
        ("You have 3 jobs and 12 hours\nSubmitted batch job 7\n", "7"),
        ("7\n", "7"),
        ("7;a-b.c\n", "7"),
        ("banner 2024\n\n  7  \nsee https://wiki/2\n", "7"),
        ("7\n7\n", "7"),
        ("7\n8\n", None),
        ("job accepted, 12 in the queue\n", None),
        ("", None),
    ],
)
def test_the_id_is_read_out_of_what_sites_print(text, expected):
    assert printed_id(text) == expected


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(job_ids, "_BETWEEN_LOOKS_S", 0.0)


def test_where_the_text_does_not_tell_the_queue_is_asked_until_it_knows(monkeypatch):
    answers = iter([SlurmError("busy"), {}, {("n", 0): QueueEntry("n", 0, "7_0", "PENDING", "")}])

    def queue(names):
        assert names == ["n"]
        answer = next(answers)
        if isinstance(answer, SlurmError):
            raise answer
        return answer

    monkeypatch.setattr(client, "queue", queue)
    assert job_id("accepted", "n") == "7"


def test_a_job_that_nobody_names_is_said_to_be_kept(monkeypatch):
    monkeypatch.setattr(client, "queue", lambda names: {})
    with pytest.raises(UnknownJobError) as caught:
        job_id("accepted,\n thank you", "dsx-a-0")
    assert str(caught.value) == (
        "sbatch took job dsx-a-0 and printed 'accepted, thank you', which names no id, and squeue does not show it: it"
        " is kept on record, and `dsx status` and the next launch look for it by its name"
    )
