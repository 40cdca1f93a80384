"""The mirror dies, is cut off from the API server, or from Postgres: what it had begun is done by the next look."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from indexjob_operator import mirror, status_writer
from indexjob_operator.faults import RESOURCE_POINTS
from tests.cluster.namespace import Namespace
from tests.cluster.proxy import ApiProxy
from tests.cluster.resource.world import World, index_job, mirroring
from tests.cluster.rights import Account


async def completes(world: World, name: str) -> None:
    """From wherever it is to its end, and exactly one row of it is left."""
    await world.wait(name, "condition=Queued")
    (job,) = world.leader.claim()
    assert job == world.row_of(name)
    world.publish(job)
    world.leader.finish(job)
    await world.wait(name, "condition=Complete")
    assert (await world.status(name))["jobId"] == str(job)


def dies_at(point: str, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The mirror's process ends when it comes there: nothing after it is done."""
    dead = asyncio.Event()

    def reach(here: str) -> None:
        if here == point or dead.is_set():
            dead.set()
            raise asyncio.CancelledError

    monkeypatch.setattr(mirror, "reach", reach)
    monkeypatch.setattr(status_writer, "reach", reach)
    return dead


@pytest.mark.parametrize("point", RESOURCE_POINTS)
async def test_it_dies_at_any_point_of_a_resources_life(
    point: str, definition: str, account: Account, namespace: Namespace, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = point == "resource-gone"
    with monkeypatch.context() as faults:
        async with mirroring(account.kubeconfig, namespace, database) as world:
            if gone:
                await world.apply(index_job("a"), index_job("b"))
                await world.wait("a", "condition=Queued")
                await world.wait("b", "condition=Queued")
            dead = dies_at(point, faults)
            if gone:
                await world.kubectl("delete", "ij/b")
            else:
                await world.apply(index_job("a"))
            async with asyncio.timeout(60):
                await dead.wait()
    async with mirroring(account.kubeconfig, namespace, database) as world:
        if gone:
            await world.eventually(lambda: world.db_state(world.row_of("b")) == "cancelled")
        await completes(world, "a")
        rows = world.leader.value("SELECT count(*) FROM indexjob.index_jobs WHERE state <> 'cancelled'")
        assert rows == 1
        assert world.leader.broken_invariants() == []


@pytest.mark.usefixtures("account")  # whose way leads through the proxy
@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_the_api_server_is_out_of_reach_for_a_while(
    how: str, definition: str, namespace: Namespace, database: str, api_proxy: tuple[ApiProxy, Path]
) -> None:
    proxy, kubeconfig = api_proxy
    async with mirroring(kubeconfig, namespace, database) as world:
        await world.apply(index_job("a"), index_job("b"), index_job("c"))
        for name in "abc":
            await world.wait(name, "condition=Queued")
        await asyncio.to_thread(getattr(proxy, how))
        world.leader.value("SELECT indexjob.cancel(%s)", world.row_of("b"))
        await world.kubectl("delete", "ij/c")
        await asyncio.sleep(7)
        assert world.db_state(world.row_of("c")) == "queued", (
            "that the API doesn't answer never means that a resource is gone"
        )
        await asyncio.to_thread(proxy.mend)
        await world.wait("b", "condition=Failed")
        await world.eventually(lambda: world.db_state(world.row_of("c")) == "cancelled")
        await completes(world, "a")


async def test_all_connections_to_postgres_are_cut(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    async with mirroring(account.kubeconfig, namespace, database) as world:
        await world.apply(index_job("a"))
        await world.wait("a", "condition=Queued")
        for _ in range(3):
            with psycopg.connect(database, autocommit=True) as killer:
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid NOT IN (%s, %s)",
                    (killer.info.backend_pid, world.leader.connection.info.backend_pid),
                )
            await asyncio.sleep(0.5)
        await world.apply(index_job("b"))
        await world.wait("b", "condition=Queued")
        world.leader.value("SELECT indexjob.cancel(%s)", world.row_of("b"))
        await world.wait("b", "condition=Failed")
        await completes(world, "a")


async def test_two_leaders_after_each_other_tell_the_same_events_once(
    definition: str, account: Account, namespace: Namespace, database: str
) -> None:
    for _ in range(2):
        async with mirroring(account.kubeconfig, namespace, database) as world:
            await world.apply(index_job("a"))
            await world.wait("a", "condition=Queued")
            await world.kubectl("patch", "ij/a", "--subresource=status", "--type=merge", "-p", '{"status": null}')
            await world.hint("a")
            await world.wait("a", "condition=Queued")
            await world.quiet()
    assert len(namespace.list("events")) == 1
