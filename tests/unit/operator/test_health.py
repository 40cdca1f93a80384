"""What the health pages answer."""

from __future__ import annotations

import aiohttp

from indexjob_operator import metrics
from indexjob_operator.health import Health, serving


async def answers(health: Health, *pages: str) -> list[tuple[int, str]]:
    async with serving(health, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        found = []
        for page in pages:
            async with session.get(f"http://127.0.0.1:{port}/{page}") as answer:
                found.append((answer.status, await answer.text()))
        return found


async def test_who_lacks_nothing_is_alive_and_ready() -> None:
    assert await answers(Health(), "livez", "readyz") == [(200, "ok\n"), (200, "ok\n")]


async def test_what_is_lacking_is_named_and_kills_nobody() -> None:
    health = Health()
    health.lacks("the database", "nobody answers.")
    assert await answers(health, "livez", "readyz") == [(200, "ok\n"), (503, "the database: nobody answers.\n")]
    health.has("the database")
    assert (await answers(health, "readyz"))[0][0] == 200


async def test_a_loop_that_breaks_its_promise_is_not_alive_until_it_ends_or_speaks() -> None:
    now = 0.0
    health = Health(lambda: now)
    health.beat("the sweep", 10)
    health.beat("the election", 100)
    now = 11.0
    assert await answers(health, "livez", "readyz") == [(503, "silent: the sweep\n"), (200, "ok\n")]
    health.beat("the sweep", 10)
    assert (await answers(health, "livez"))[0][0] == 200
    now = 30.0
    health.ended("the sweep")
    assert (await answers(health, "livez"))[0][0] == 200


async def test_prometheus_is_given_what_was_counted() -> None:
    metrics.STRAYS.inc()
    ((status, text),) = await answers(Health(), "metrics")
    assert status == 200
    for name in (
        "leader",
        "launches_total",
        "outcomes_total",
        "sweep_timestamp_seconds",
        "api_calls_total",
        "strays_total",
    ):
        assert f"# TYPE indexjob_{name}" in text, name
