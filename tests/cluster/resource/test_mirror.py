"""IndexJobs and their rows kept in step, by a real API server and a real Postgres; the test plays the rest of the operator."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import psycopg
import pytest

from indexjob.queue.leader import LeadershipLostError
from indexjob_operator.resource.conditions import condition
from tests.cluster.choice import Cluster
from tests.cluster.namespace import Namespace
from tests.cluster.resource.world import Calls, World, index_job, mirroring
from tests.cluster.rights import Account


def true(status: dict[str, object]) -> set[str]:
    return {one["type"] for one in status["conditions"] if one["status"] == "True"}  # type: ignore[attr-defined]


async def test_from_applied_to_completed(world: World) -> None:
    await world.apply(index_job("a", priority=4, ttlSecondsAfterFinished=60, languages=["python", "go"]))
    await world.wait("a", "condition=Queued")
    job = world.row_of("a")
    row = world.leader.row(job)
    assert (row["tenant"], row["priority"], row["ttl_seconds_after_finished"]) == ("team", 4, 60)
    assert row["options"] == {"languages": ["go", "python"]}
    assert world.leader.claim() == [job]
    launching = await world.state("a", "launching")
    assert true(launching) == {"Launched"}
    assert (launching["jobName"], launching["jobNamespace"]) == (f"{job}-1", "ns")
    token = world.leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    world.leader.value("SELECT indexjob.record_running(%s, %s, 1)", world.leader.epoch, job)
    world.leader.value("SELECT indexjob.start_attempt(%s, 1, %s, 'uid', 'pod', 'node')", job, token)
    world.leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', 40)", job, token)
    await world.wait("a", "jsonpath={.status.progress}=40")
    running = await world.status("a")
    assert (running["state"], running["step"], running["attempts"]) == ("running", "parse", 1)
    world.publish(job)
    world.leader.finish(job)
    await world.wait("a", "condition=Complete")
    done = await world.status("a")
    assert (done["state"], done["reason"], done["progress"], done["commit"], done["stats"]) == (
        "completed",
        "Completed",
        100,
        "0123456789abcdef",
        {"files": 3},
    )
    assert done["observedGeneration"] == 1
    assert {"startTime", "completionTime", "duration"} <= done.keys()
    assert "step" not in done
    events = json.loads(await world.kubectl("get", "events", "-o", "json"))["items"]
    assert sorted(one["reason"] for one in events) == ["Completed", "Launched", "Queued", "Running"]


async def test_the_columns_that_people_see(world: World) -> None:
    await world.apply(index_job("a", revision="v1"))
    await world.wait("a", "condition=Queued")
    (job,) = world.leader.claim()
    world.publish(job)
    world.leader.finish(job)
    await world.wait("a", "condition=Complete")
    head, line = (await world.kubectl("get", "ij")).splitlines()
    assert head.split() == ["NAME", "REPOSITORY", "REVISION", "STATE", "PROGRESS", "ATTEMPTS", "AGE"]
    assert line.split()[:6] == ["a", "https://example.org/acme/shop-a", "v1", "completed", "100", "0"]
    head, line = (await world.kubectl("get", "codeindex", "-o", "wide")).splitlines()
    assert head.split()[7:] == ["REASON", "JOB", "DURATION"]
    assert line.split()[7:9] == ["Completed", f"{job}-1"]


async def test_unchanged_is_complete(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (job,) = world.leader.claim()
    world.publish(job, "skipped")
    world.leader.finish(job)
    await world.wait("a", "condition=Complete")
    status = await world.status("a")
    assert (status["state"], status["reason"]) == ("skipped", "Unchanged")


async def test_an_equal_request_completes_with_the_one_that_ran(world: World) -> None:
    await world.apply(index_job("a"), index_job("b", repository="https://example.org/acme/shop-a.git"))
    await world.wait("a", "condition=Queued")
    await world.wait("b", "condition=Queued")
    (job,) = world.leader.claim()
    runs, follows = ("a", "b") if world.row_of("a") == job else ("b", "a")
    await world.wait(follows, "jsonpath={.status.reason}=Coalesced")
    world.publish(job)
    world.leader.finish(job)
    await world.wait(runs, "condition=Complete")
    await world.wait(follows, "condition=Complete")
    assert true(await world.status(follows)) == {"Complete"}


async def test_a_failure_shows_its_reason_and_the_end_of_the_log(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (job,) = world.leader.claim()
    attempt = {
        "pod_uid": "p",
        "exit_code": 65,
        "log_tail": "fatal: couldn't find remote ref",
        "finished_at": datetime.now(UTC).isoformat(),
    }
    world.leader.value("SELECT indexjob.record_attempt(%s, %s, 1, %s)", world.leader.epoch, job, json.dumps(attempt))
    world.leader.finish(job)
    await world.wait("a", "condition=Failed")
    status = await world.status("a")
    assert (status["reason"], status["message"], status["attempts"]) == ("PermanentError", "m", 1)
    assert status["logTail"] == "fatal: couldn't find remote ref"
    await world.wait("a", "jsonpath={.status.completionTime}")  # the wait for the end, whichever it is


async def test_cancelled_in_the_database_is_failed_here(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    world.leader.value("SELECT indexjob.cancel(%s, 'not needed')", world.row_of("a"))
    await world.wait("a", "condition=Failed")
    status = await world.status("a")
    assert (status["state"], status["reason"], status["message"]) == ("cancelled", "Cancelled", "not needed")
    world.leader.value("SELECT indexjob.retry(%s)", world.row_of("a"))
    await world.wait("a", "condition=Queued")
    assert true(await world.status("a")) == {"Queued"}


@pytest.mark.parametrize("when", ["queued", "running"])
async def test_deleting_the_resource_cancels_its_row(world: World, when: str) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    job = world.row_of("a")
    if when == "running":
        world.leader.claim()
        await world.state("a", "launching")
    await world.kubectl("delete", "ij/a")
    await world.eventually(lambda: world.db_state(job) == "cancelled", "the cancellation")
    assert world.leader.row(job)["message"] == "Its IndexJob was deleted."
    assert world.leader.value("SELECT count(*) FROM indexjob.resources") == 0


async def test_deleted_while_no_operator_was_there(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    """Nothing holds the deletion up, and the next leader's first sweep ends what was asked for."""
    async with mirroring(account.kubeconfig, namespace, database) as world:
        await world.apply(index_job("a"), index_job("b"))
        await world.wait("a", "condition=Queued")
        await world.wait("b", "condition=Queued")
        job, stays = world.row_of("a"), world.row_of("b")
    namespace("delete", "ij/a", "--timeout=240s")
    async with mirroring(account.kubeconfig, namespace, database) as world:
        await world.eventually(lambda: world.db_state(job) == "cancelled", "the cancellation")
        assert world.db_state(stays) == "queued"


async def test_deleting_the_namespace_ends_all_and_hangs_nowhere(
    definition: str, cluster: Cluster, namespace: Namespace, database: str
) -> None:
    """As with cluster-wide rights: a Role would go with its namespace."""
    async with mirroring(cluster.kubeconfig, namespace, database) as world:
        await world.apply(*(index_job(name) for name in "abc"))
        await world.eventually(lambda: world.leader.value("SELECT count(*) FROM indexjob.resources") == 3)
        await world.kubectl("delete", "namespace", world.namespace.name, "--timeout=240s")
        await world.eventually(
            lambda: world.leader.value("SELECT count(*) FROM indexjob.index_jobs WHERE state = 'cancelled'") == 3
        )


async def test_suspend_and_resume(world: World) -> None:
    await world.apply(index_job("a", suspend=True))
    await world.wait("a", "condition=Suspended")
    job = world.row_of("a")
    assert world.leader.claim() == []
    await world.change("a", suspend=False)
    await world.wait("a", "condition=Queued")
    assert world.leader.claim() == [job]
    await world.change("a", suspend=True)
    await world.wait("a", "condition=Suspended")
    assert world.db_state(job) == "suspended"
    world.leader.value("SELECT indexjob.release_slot(%s, %s, 1)", world.leader.epoch, job)
    await world.change("a", suspend=False)
    await world.wait("a", "condition=Queued")
    assert world.leader.claim() == [job]
    assert (await world.state("a", "launching"))["jobName"] == f"{job}-2"


async def test_what_the_queue_was_told_elsewhere_holds_until_the_resource_says_otherwise(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    world.leader.value("SELECT indexjob.suspend(%s)", world.row_of("a"))
    await world.wait("a", "condition=Suspended")
    await world.change("a", suspend=True)
    await world.change("a", suspend=False)
    await world.wait("a", "condition=Queued")


async def test_priority_and_ttl_may_change_while_it_waits(world: World) -> None:
    await world.apply(index_job("a", ttlSecondsAfterFinished=5))
    await world.wait("a", "condition=Queued")
    await world.change("a", priority=9, ttlSecondsAfterFinished=None)
    await world.wait("a", "jsonpath={.status.observedGeneration}=2")
    row = world.leader.row(world.row_of("a"))
    assert (row["priority"], row["ttl_seconds_after_finished"]) == (9, None)


async def test_a_change_after_the_end_is_observed_so_that_no_wait_hangs(world: World) -> None:
    """`kubectl wait` takes no condition of an earlier generation."""
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (job,) = world.leader.claim()
    world.publish(job)
    world.leader.finish(job)
    await world.wait("a", "condition=Complete")
    await world.change("a", priority=9)
    await world.wait("a", "condition=Complete")
    assert (await world.status("a"))["observedGeneration"] == 2


async def test_a_rerun_makes_another_row_and_is_echoed(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (first,) = world.leader.claim()
    world.publish(first)
    world.leader.finish(first)
    await world.wait("a", "condition=Complete")
    await world.kubectl("annotate", "ij/a", "codeindex.dev/rerun=monday")
    await world.hint("a")
    await world.wait("a", "jsonpath={.status.lastHandledRerun}=monday")
    status = await world.status("a")
    assert true(status) == {"Queued"}
    assert status["jobId"] != str(first)
    assert not {"completionTime", "commit", "stats", "jobName"} & status.keys(), "nothing is left of the run before"
    (second,) = world.leader.claim()
    assert status["jobId"] == str(second)


async def test_a_rerun_of_what_still_runs_ends_that_first(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (first,) = world.leader.claim()
    await world.kubectl("annotate", "ij/a", "codeindex.dev/rerun=now")
    await world.wait("a", "jsonpath={.status.lastHandledRerun}=now")
    assert world.db_state(first) == "cancelled"
    assert world.leader.claim() == [], "its repository is busy until nothing is left of the first"
    world.leader.value("SELECT indexjob.release_slot(%s, %s, 1)", world.leader.epoch, first)
    assert len(world.leader.claim()) == 1


async def test_what_the_queue_refuses_has_failed_with_its_reason(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    async with mirroring(account.kubeconfig, namespace, database, tenant_of=lambda _: "No Tenant") as world:
        await world.apply(index_job("a"))
        await world.wait("a", "condition=Failed")
        status = await world.status("a")
        assert (status["state"], status["reason"]) == ("failed", "InvalidRequest")
        assert status["message"].startswith('Tenant "No Tenant" is no valid name. Use 1 to 63')
        assert "jobId" not in status
        calls = Calls()
        await asyncio.sleep(2.5)
        assert calls.since()[("patch", "indexjobs")] == 0, "a refusal stands"
    async with mirroring(account.kubeconfig, namespace, database) as world:
        await world.quiet()
        assert world.leader.value("SELECT count(*) FROM indexjob.index_jobs") == 0, "also for the next leader"
        await world.kubectl("annotate", "ij/a", "codeindex.dev/rerun=1")
        await world.hint("a")
        await world.wait("a", "condition=Queued")


async def test_where_its_secret_may_lie_goes_with_the_request_only_if_the_settings_allow_it(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    async with mirroring(account.kubeconfig, namespace, database, may_look_in=lambda _: True) as world:
        await world.apply(index_job("a", credentialsSecretRef={"name": "key"}))
        await world.wait("a", "condition=Queued")
        assert world.leader.row(world.row_of("a"))["options"] == {
            "credentials_secret": "key",
            "credentials_namespace": namespace.name,
        }
    async with mirroring(account.kubeconfig, namespace, database, may_look_in=lambda _: False) as world:
        await world.apply(index_job("b", credentialsSecretRef={"name": "key"}))
        await world.wait("b", "condition=Queued")
        assert world.leader.row(world.row_of("b"))["options"] == {"credentials_secret": "key"}


async def test_why_it_waits_and_its_place(world: World) -> None:
    world.leader.connection.execute("UPDATE indexjob.settings SET running_cap = 0")
    await world.apply(index_job("a", priority=5))
    await world.wait("a", "condition=Queued")
    await world.apply(index_job("b"))
    await world.wait("b", "condition=Queued")
    world.leader.claim()
    await world.wait("b", "jsonpath={.status.reason}=OverallCap")
    queued = condition(await world.status("b"), "Queued")
    assert queued["message"] == "As many jobs run as may run at once. Place 2 in line."


async def test_progress_is_written_about_once_a_second(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    (job,) = world.leader.claim()
    world.leader.value("SELECT indexjob.record_running(%s, %s, 1)", world.leader.epoch, job)
    await world.state("a", "running")
    token = world.leader.value("SELECT indexjob.launch_token(%s, 1)", job)
    calls = Calls()
    for progress in range(50):
        world.leader.value("SELECT indexjob.report_progress(%s, 1, %s, 'parse', %s)", job, token, progress)
        world.mirror._heard(str(job))
        await asyncio.sleep(0.1)
    await world.wait("a", "jsonpath={.status.progress}=49")
    assert 3 <= calls.since()[("patch", "indexjobs")] <= 8


async def test_where_nothing_happens_only_the_sweep_asks_the_api(world: World) -> None:
    await world.apply(*(index_job(f"j{n}") for n in range(5)))
    await world.eventually(lambda: world.leader.value("SELECT count(*) FROM indexjob.resources") == 5)
    for n in range(5):
        await world.wait(f"j{n}", "condition=Queued")
    world.leader.claim()
    for n in range(5):
        await world.state(f"j{n}", "launching")
    await world.quiet()
    calls = Calls()
    await asyncio.sleep(4)
    assert set(calls.since()) <= {("list", "indexjobs")}


async def test_a_whole_life_costs_few_calls(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    """One read when it is heard of; then one write and one Event a transition."""
    async with mirroring(account.kubeconfig, namespace, database, sweep_seconds=600) as world:
        await world.eventually(lambda: world.mirror.idle)
        calls = Calls()
        await world.apply(index_job("a"))
        await world.wait("a", "condition=Queued")
        (job,) = world.leader.claim()
        await world.state("a", "launching")
        world.publish(job)
        world.leader.finish(job)
        await world.wait("a", "condition=Complete")
        await world.quiet()
        made = calls.since()
        assert made[("get", "indexjobs")] == 1
        assert made[("patch", "indexjobs")] <= 4  # queued, its place, launching, completed
        assert made[("create", "events")] == 3


async def test_a_status_that_somebody_else_wrote_is_put_right(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    await world.quiet()
    forged = json.dumps({"status": {"state": "completed", "commit": "f00"}})
    await world.kubectl("patch", "ij/a", "--subresource=status", "--type=merge", "-p", forged)
    status = await world.state("a", "queued")
    assert "commit" not in status


async def test_a_resource_made_anew_under_the_same_name_is_another(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    first = world.row_of("a")
    await world.kubectl("delete", "ij/a")
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    await world.eventually(lambda: world.db_state(first) == "cancelled")
    assert world.row_of("a") != first
    assert (await world.status("a"))["jobId"] == str(world.row_of("a"))


async def test_rows_of_existing_resources_are_not_pruned(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    job = world.row_of("a")
    world.leader.value("SELECT indexjob.cancel(%s)", job)
    await world.wait("a", "condition=Failed")
    assert world.leader.value("SELECT indexjob.prune('0')") == 0
    await world.kubectl("delete", "ij/a")
    await world.eventually(lambda: world.leader.value("SELECT indexjob.prune('0')") == 1)


async def test_a_database_that_lost_its_rows_is_asked_again(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    lost = world.row_of("a")
    world.leader.connection.execute("DELETE FROM indexjob.index_jobs")
    await world.eventually(lambda: world.row_of("a") not in (None, lost), "another row")
    await world.wait("a", f"jsonpath={{.status.jobId}}={world.row_of('a')}")


async def test_a_row_that_a_producer_holds_is_changed_when_he_lets_go(world: World) -> None:
    await world.apply(index_job("a"))
    await world.wait("a", "condition=Queued")
    job = world.row_of("a")
    with psycopg.connect(world.database) as holder:
        holder.execute("SELECT FROM indexjob.index_jobs WHERE id = %s FOR NO KEY UPDATE", (job,))
        await world.change("a", priority=3)
        await world.apply(index_job("b"))
        await world.wait("b", "condition=Queued")
    await world.wait("a", "jsonpath={.status.observedGeneration}=2")
    assert world.leader.row(job)["priority"] == 3


async def test_a_deposed_leader_writes_no_more(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    async def ask_the_old_one() -> None:
        async with mirroring(account.kubeconfig, namespace, database) as old:
            await old.apply(index_job("a"))
            await old.wait("a", "condition=Queued")
            old.leader.connection.execute(
                "UPDATE indexjob.lease SET epoch = epoch + 1, expires_at = now() + interval '1 minute'"
            )
            await old.kubectl("annotate", "ij/a", "codeindex.dev/rerun=1")
            await old.hint("a")
            await asyncio.sleep(2)
            assert old.leader.value("SELECT count(*) FROM indexjob.index_jobs") == 1

    with pytest.raises(LeadershipLostError):
        await ask_the_old_one()
