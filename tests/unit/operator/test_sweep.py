"""What one launch that can't be put right means to the others."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from indexjob_operator.kubernetes_api import KubernetesApiError, RefusedError, UnavailableError
from indexjob_operator.runtime.protocol import LaunchKey, LaunchSeen
from indexjob_operator.sweep import Sweep

LAUNCHES = [LaunchSeen(LaunchKey(UUID(int=number), 1)) for number in (1, 2)]


class World:
    """A queue without rows, and a runtime that fails at the first of two launches."""

    def __init__(self, error: KubernetesApiError) -> None:
        self.error = error
        self.done: list[object] = []

    async def list(self) -> list[LaunchSeen]:
        return LAUNCHES

    async def active(self) -> list[Any]:
        return []

    async def standing(self, jobs: object) -> dict[UUID, Any]:
        return {}

    async def mend(self) -> int:
        self.done.append("mend")
        return 0

    async def cancel(self, key: LaunchKey) -> bool:
        if key == LAUNCHES[0].key:
            raise self.error
        self.done.append(key)
        return True


async def test_what_is_refused_of_one_launch_stops_neither_the_others_nor_the_queues_part() -> None:
    world: Any = World(RefusedError(403, "no", "delete jobs"))
    await Sweep(world, world, lambda _: None).run_once()
    assert world.done == ["mend", LAUNCHES[1].key]


async def test_while_the_api_is_away_no_other_launch_is_tried_but_the_queue_is_mended() -> None:
    world: Any = World(UnavailableError(0, "nobody answers", "delete jobs"))
    with pytest.raises(UnavailableError):
        await Sweep(world, world, lambda _: None).run_once()
    assert world.done == ["mend"]
