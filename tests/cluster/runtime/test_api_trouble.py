"""An API server that can't be had, or doesn't answer: nothing is taken for gone, nothing is done twice."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.proxy import ApiProxy
from tests.cluster.runtime.world import World


@pytest.mark.parametrize("trouble", ["cut", "freeze"])
def test_what_runs_while_the_api_is_away_is_neither_lost_nor_launched_again(
    world: World, api_proxy: tuple[ApiProxy, Path], trouble: str
) -> None:
    proxy, kubeconfig = api_proxy
    world.operate(kubeconfig=kubeconfig)
    job = world.enqueue("sleep", backoff_limit=0)
    world.wait_for(job, "running")
    getattr(proxy, trouble)()
    time.sleep(18)  # longer than a call may take
    assert (world.job(job)["state"], world.job(job)["launches"]) == ("running", 1)
    proxy.mend()
    world.steer("cancel", job)
    world.assert_gone(job)
    assert world.row("SELECT resets, launch FROM indexjob.index_jobs WHERE id = %s", job) == {"resets": 0, "launch": 1}


def test_what_is_claimed_while_the_api_is_away_is_launched_when_it_is_back(
    world: World, api_proxy: tuple[ApiProxy, Path]
) -> None:
    proxy, kubeconfig = api_proxy
    world.operate(kubeconfig=kubeconfig)
    world.wait_for_end(world.enqueue("exit-65"))
    proxy.cut()
    job = world.enqueue("exit-124")
    world.wait_for(job, "launching")
    time.sleep(3)
    proxy.mend()
    row = world.wait_for_end(job)
    assert (row["reason"], row["launches"]) == ("DeadlineExceeded", 1)
    world.assert_gone(job)


def test_a_job_whose_creation_was_not_answered_is_made_once(world: World, api_proxy: tuple[ApiProxy, Path]) -> None:
    """Calls that take long and are cut off in between: the launch is found, not made again."""
    proxy, kubeconfig = api_proxy
    world.operate(kubeconfig=kubeconfig)
    proxy.slow(0.3)
    job = world.enqueue("exit-65")
    world.wait(lambda: world.secrets_of(job), "its Secret is made")
    proxy.cut()
    time.sleep(1)
    proxy.mend()
    row = world.wait_for_end(job)
    assert (row["reason"], row["launches"], row["attempts"]) == ("PermanentError", 1, 1)
    world.assert_gone(job)
