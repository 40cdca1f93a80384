"""How launches end, and what is told and left of them."""

from __future__ import annotations

import json

from tests.cluster.runtime.world import World


def test_attempts_are_kubernetes_own_and_at_the_limit_the_job_has_failed(world: World) -> None:
    """Exit code, reason, times, pod, node and the log's end are kept of each; a credential in the log is masked."""
    world.operate()
    job = world.enqueue("exit-75", backoff_limit=1)
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"]) == ("failed", "BackoffLimitExceeded")
    assert row["message"] == "All 2 attempts failed, the last one with: NetworkError: no way there"
    attempts = world.attempts(job)
    assert [(a["exit_code"], a["reason"], a["launch"]) for a in attempts] == [(75, "NetworkError", 1)] * 2
    for attempt in attempts:
        assert attempt["node"]
        assert attempt["pod"].startswith(f"{job}-1-")
        assert attempt["started_at"] <= attempt["finished_at"]
        assert "at index of exit-75, from https://***@git.test/" in attempt["log_tail"]
    world.assert_gone(job)


def test_a_permanent_exit_code_of_either_container_ends_the_job_at_once(world: World) -> None:
    world.operate()
    jobs = {revision: world.enqueue(revision) for revision in ("clone-65", "exit-65", "clone-77", "exit-124")}
    ends = {revision: world.wait_for_end(job) for revision, job in jobs.items()}
    assert [(row["state"], row["reason"]) for row in ends.values()] == [
        ("failed", "PermanentError"), ("failed", "PermanentError"), ("failed", "PermanentError"), ("failed", "DeadlineExceeded"),
    ]  # fmt: skip
    assert ends["clone-65"]["message"] == "RevisionNotFound: no such revision"
    assert ends["exit-65"]["message"] == "TooLarge: more than it takes on"
    assert "exit code 77 and no word" in ends["clone-77"]["message"]
    assert ends["exit-124"]["message"] == "longer than its deadline"
    for job in jobs.values():
        assert len(world.attempts(job)) == 1
        world.assert_gone(job)


def test_a_run_without_enough_memory_gets_more_each_time_up_to_the_cap(world: World) -> None:
    world.operate()
    job = world.enqueue("oom", backoff_limit=5)
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["launches"]) == ("failed", "OOMKilled", 2)
    assert 'needed more than 128Mi of memory, the most that profile "default" allows' in row["message"]
    kept = [(a["launch"], a["reason"], a["exit_code"], a["peak_memory_bytes"]) for a in world.attempts(job)]
    assert kept == [(1, "OOMKilled", 137, 64 * 2**20), (2, "OOMKilled", 137, 128 * 2**20)]
    world.assert_gone(job)


def test_what_was_published_is_completed_whatever_its_job_says(world: World) -> None:
    operating = world.operate()
    job = world.enqueue("sleep")
    world.wait_for(job, "running")
    operating.end()
    world.publish(job)
    world.space("delete", "pods", "-l", f"codeindex.dev/index-job={job}", "--wait=false")
    world.operate()
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["message"]) == ("completed", "Completed", None)


def test_an_end_without_publishing_is_told_as_a_bug(world: World) -> None:
    world.operate()
    row = world.wait_for_end(world.enqueue("well"))
    assert (row["state"], row["reason"]) == ("failed", "InternalError")


def test_a_killed_container_is_launched_again_with_what_is_left(world: World) -> None:
    """Kubernetes would start it again itself; whether it was for memory is for the operator to see first."""
    world.operate()
    job = world.enqueue("exit-137", backoff_limit=1)
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"], row["launches"]) == ("failed", "BackoffLimitExceeded", 2)
    assert [(a["launch"], a["reason"]) for a in world.attempts(job)] == [(1, "Killed"), (2, "Killed")]


def test_an_eviction_spends_nothing(world: World) -> None:
    world.operate()
    job = world.enqueue("sleep", backoff_limit=0)
    world.wait_for(job, "running")
    (pod,) = world.pods_of(job)
    name = pod["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": world.space.name},
    }
    held = json.dumps([{"op": "add", "path": "/metadata/finalizers/-", "value": "test.indexjob/seen"}])
    world.space("patch", "pod", name, "--type=json", "-p", held)  # else it may be gone between two looks
    world.space(
        "create", "--raw", f"/api/v1/namespaces/{world.space.name}/pods/{name}/eviction", "-f", "-", stdin=json.dumps(eviction)
    )  # fmt: skip
    world.wait(lambda: len(world.attempts(job)) == 2, "another attempt")
    # The pods of one look are recorded one after the other, a first one's end after its log was read.
    world.wait(lambda: world.attempts(job)[0]["reason"], "why the first one ended")
    world.space("patch", "pod", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    assert world.attempts(job)[0]["reason"] == "Evicted"
    assert (world.job(job)["state"], world.job(job)["launches"]) == ("running", 1)
    world.steer("cancel", job)
    world.assert_gone(job)


def test_a_deleted_pod_spends_an_attempt(world: World) -> None:
    world.operate()
    job = world.enqueue("sleep", backoff_limit=0)
    world.wait_for(job, "running")
    world.space("delete", "pods", "-l", f"codeindex.dev/index-job={job}", "--wait=false")
    row = world.wait_for_end(job)
    assert (row["state"], row["reason"]) == ("failed", "BackoffLimitExceeded")
    world.assert_gone(job)


def test_a_job_gets_its_ttl_only_when_its_outcome_is_recorded(world: World) -> None:
    operating = world.operate()
    job = world.enqueue("exit-65")
    world.wait(lambda: world.jobs_of(job), "its Job is made")
    operating.end()
    world.space.wait(f"job/{job}-1", until="condition=Failed")
    assert "ttlSecondsAfterFinished" not in world.jobs_of(job)[0]["spec"]
    world.operate()
    world.wait_for_end(job)
    world.assert_gone(job)
    assert world.jobs_of(job)[0]["spec"]["ttlSecondsAfterFinished"] == 3600


def test_a_recorded_job_whose_ttl_was_missed_gets_it_from_the_sweep(world: World) -> None:
    world.operate()
    job = world.enqueue("exit-65")
    world.wait_for_end(job)
    world.assert_gone(job)
    world.space(
        "patch", f"job/{job}-1", "--type=json", "-p", '[{"op": "remove", "path": "/spec/ttlSecondsAfterFinished"}]'
    )
    world.assert_gone(job)
    assert world.jobs_of(job), "it is kept, not deleted"


def test_a_volume_of_a_storage_class_goes_as_soon_as_the_outcome_is_recorded(world: World) -> None:
    from tests.cluster.runtime.world import SMALL

    claims = SMALL | {"workspace": {"size": "50Mi", "storageClassName": "indexjob-test"}}
    world.operate(profiles={"default": claims})
    job = world.enqueue("exit-65")
    world.wait_for_end(job)
    world.wait(lambda: not world.pods_of(job), "its pods are gone")
    world.wait(lambda: not world.space.list("persistentvolumeclaims"), "its volume is gone")
    world.assert_gone(job)
    assert world.jobs_of(job), "the Job stays until its TTL"
