"""What the API server answers on a bad day: the operator stays the same process, waits, and goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import answering
from tests.cluster.answering import AnsweringProxy
from tests.cluster.operator.world import Operator, World
from tests.cluster.proxy import ApiProxy
from tests.cluster.rights import ACCOUNT, Account


@pytest.fixture
def token_file(account: Account, tmp_path: Path) -> Path:
    """Of the operators' service account."""
    path = tmp_path / "token"
    path.write_text(account.token)
    return path


@pytest.fixture
def proxied(world: World, token_file: Path, tmp_path: Path) -> Iterator[tuple[AnsweringProxy, Path]]:
    with answering.before(world.kubeconfig, tmp_path, token_file) as both:
        yield both
        for operator in world.operators:  # what a test leaves is seen to without the proxy
            operator.end()


def serves(world: World, name: str) -> None:
    """Both doors are open: a row and a resource run to their end."""
    world.repository(name)
    job = world.enqueue(name)
    world.apply(name, name, revision="main")
    world.space.wait(f"indexjob/{name}", until="condition=Complete")
    assert world.wait_for_end(job)["state"] in ("completed", "skipped")


def is_the_same_process(operator: Operator) -> None:
    assert operator.process.poll() is None, "\n".join(operator.log[-40:])


@pytest.mark.parametrize("code", [429, 401, 500, 503])
def test_an_api_server_that_refuses_everything_for_a_while(
    world: World, proxied: tuple[AnsweringProxy, Path], code: int
) -> None:
    proxy, kubeconfig = proxied
    operator = world.operate(kubeconfig=kubeconfig)
    world.wait(lambda: operator.said("elected"), "it leads")
    proxy.answers.retry_after = 1 if code == 429 else None
    proxy.answers.status = code
    job = world.enqueue("late")
    world.repository("late")
    world.wait(lambda: proxy.answers.told > 3, "it was refused")
    time.sleep(3)
    assert world.job(job)["state"] in ("queued", "launching")
    proxy.answers.mend()
    assert world.wait_for_end(job)["state"] == "completed"
    serves(world, "after")
    is_the_same_process(operator)


def test_watches_that_end_as_too_old_are_begun_anew(world: World, proxied: tuple[AnsweringProxy, Path]) -> None:
    proxy, kubeconfig = proxied
    proxy.answers.watch_error = 410
    operator = world.operate(kubeconfig=kubeconfig)
    serves(world, "without")  # the sweep does what no event does
    assert proxy.answers.told
    proxy.answers.mend()
    serves(world, "after")
    is_the_same_process(operator)


def test_watches_that_say_nothing_hold_up_nothing(world: World, proxied: tuple[AnsweringProxy, Path]) -> None:
    proxy, kubeconfig = proxied
    proxy.answers.stalled_watches = True
    operator = world.operate(kubeconfig=kubeconfig)
    serves(world, "without")
    assert proxy.answers.told
    proxy.answers.mend()
    serves(world, "after")
    is_the_same_process(operator)


def test_a_token_that_runs_out_is_outlived(
    world: World, proxied: tuple[AnsweringProxy, Path], token_file: Path
) -> None:
    """The token is bound to a Secret and ends with that; its file then holds another."""
    world.space("create", "secret", "generic", "binding")
    bound = ("--bound-object-kind=Secret", "--bound-object-name=binding")
    token_file.write_text(world.space("create", "token", ACCOUNT, *bound).strip())
    operator = world.operate(kubeconfig=proxied[1])
    serves(world, "before")
    world.space("delete", "secret", "binding")
    token = token_file.read_text()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    asked = json.dumps(review)
    world.wait(
        lambda: not json.loads(world.space.cluster("create", "-o", "json", "-f", "-", stdin=asked))["status"].get("authenticated"),
        "the token is no good any more",
    )  # fmt: skip
    time.sleep(3)
    token_file.write_text(world.space("create", "token", ACCOUNT).strip())
    serves(world, "after")
    is_the_same_process(operator)


def test_a_connection_that_freezes_is_given_up(world: World, api_proxy: tuple[ApiProxy, Path]) -> None:
    proxy, kubeconfig = api_proxy
    world.repository("one")
    operator = world.operate(kubeconfig=kubeconfig)
    world.wait(lambda: operator.said("elected"), "it leads")
    proxy.freeze()
    job = world.enqueue("one")
    time.sleep(20)  # longer than a call may take
    proxy.mend()
    assert world.wait_for_end(job)["state"] == "completed"
    proxy.cut()
    second = world.enqueue("one", revision="main")
    time.sleep(3)
    proxy.mend()
    assert world.wait_for_end(second)["state"] in ("completed", "skipped")
    is_the_same_process(operator)
    operator.end()  # before its way to the API is gone
