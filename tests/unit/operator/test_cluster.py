"""How a term begins while the Kubernetes API is away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from indexjob.errors import ClearError
from indexjob_operator import cluster, settings
from indexjob_operator.cluster import runtime_of
from indexjob_operator.kubernetes_api import UnavailableError
from indexjob_operator.runtime.kubernetes import KubernetesRuntime
from tests.unit.operator.launches import INSTANCE

SETTINGS = settings.read({"worker": {"image": "a/b:1"}, "owner": "owner"})


class Api:
    """Answers the third call for the ConfigMap, with `found`."""

    def __init__(self, found: dict[str, Any] | None, stop: asyncio.Event | None = None) -> None:
        self.found = found
        self.stop = stop
        self.calls = 0

    async def get(self, *_: object) -> dict[str, Any] | None:
        self.calls += 1
        if self.calls < 3:
            if self.stop:
                self.stop.set()
            raise UnavailableError(0, "nobody answers", "get configmaps")
        return self.found


async def begun(api: Any, stop: asyncio.Event) -> KubernetesRuntime | None:
    return await runtime_of(api, SETTINGS, "runs", INSTANCE, stop)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "API_AGAIN_SECONDS", 0.01)


async def test_a_term_that_begins_while_the_api_is_away_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    api = Api({"metadata": {"uid": "u"}})
    assert await begun(api, asyncio.Event()) is not None
    assert (api.calls, [record.action for record in caplog.records]) == (3, ["api-error"] * 2)  # type: ignore[attr-defined]


async def test_an_owner_that_is_not_there_is_said_all_the_same() -> None:
    with pytest.raises(ClearError, match="no ConfigMap"):
        await begun(Api(None), asyncio.Event())


async def test_who_waits_for_the_api_can_be_stopped() -> None:
    stop = asyncio.Event()
    api = Api(None, stop)
    assert await begun(api, stop) is None
    assert api.calls == 1
