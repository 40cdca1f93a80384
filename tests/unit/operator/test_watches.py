"""A watch is begun anew when kopf ends, and ends when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import kopf
import pytest

from indexjob_operator import watches
from indexjob_operator.health import Health
from indexjob_operator.watches import Watch


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What becomes of kopf each time it is begun: `fails`, `ends`, or `runs`; then it runs."""
    lives: list[str] = []

    async def operator(*, ready_flag: asyncio.Event, **_: Any) -> None:
        ready_flag.set()
        life = lives.pop(0) if lives else "runs"
        if life == "fails":
            raise RuntimeError("the API stayed away")
        if life == "runs":
            await asyncio.Event().wait()

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(watches, "FIRST_PAUSE_SECONDS", 0.01)
    return lives


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_kopf_is_begun_anew_when_it_fails_and_when_it_ends(lives: list[str]) -> None:
    lives += ["fails", "ends", "runs"]
    health, begun = Health(), []

    async def until_there() -> list[str]:
        begun.append(dict(health.lacking))
        return []

    watch = Watch("x", kopf.OperatorRegistry(), health, namespaces=["n"], until_there=until_there)
    running = asyncio.create_task(watch.run())
    others = asyncio.create_task(asyncio.sleep(3600))
    await until(lambda: len(begun) == 3 and not health.lacking)
    assert begun[1:] == [{"the watch of x": "it failed, and is begun anew."}] * 2
    assert not others.done(), "what began after kopf goes on when that ends"
    assert not running.done()
    running.cancel()
    await asyncio.wait([running], timeout=60)
    assert running.cancelled()
    assert health.silent == []
    others.cancel()


async def test_a_namespace_that_can_be_watched_later_is_watched_then(
    lives: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[list[str]] = []

    async def operator(*, namespaces: list[str], ready_flag: asyncio.Event, **_: Any) -> None:
        watched.append(sorted(namespaces))
        ready_flag.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(kopf, "operator", operator)
    there, more = ["a"], asyncio.Event()

    async def until_there() -> list[str]:
        return list(there)

    async def until_more(missing: Collection[str]) -> None:
        assert set(missing) == {"b"}
        await more.wait()

    health = Health()
    watch = Watch(
        "x", kopf.OperatorRegistry(), health, namespaces=["a", "b"], until_there=until_there, until_more=until_more
    )
    running = asyncio.create_task(watch.run())
    await until(lambda: watched == [["a"]] and not health.lacking)
    there.append("b")
    more.set()
    await until(lambda: watched == [["a"], ["a", "b"]] and not health.lacking)
    running.cancel()
    await asyncio.wait([running], timeout=60)
    assert health.silent == []


def test_foreign_objects_are_left_out_by_the_server_and_nothing_waits_for_ever() -> None:
    chosen = watches.settings({("", "v1", "pods"): "a=b"})
    assert chosen.peering.standalone
    assert not chosen.posting.enabled
    assert chosen.scanning.disabled
    assert list(chosen.watching.label_selectors.values()) == ["a=b"]
    limits = (
        chosen.watching.server_timeout,
        chosen.watching.client_timeout,
        chosen.watching.inactivity_timeout,
        chosen.networking.request_timeout,
        chosen.networking.connect_timeout,
    )
    assert all(limits)
    assert sum(chosen.networking.error_backoffs) < 60  # type: ignore[arg-type]
