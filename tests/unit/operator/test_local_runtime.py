"""A term that ends in the middle of something leaves no directory behind: it holds credentials, and who lives on holds its lock."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from indexjob_operator.runtime.local import LocalRuntime
from indexjob_operator.runtime.protocol import LaunchRequest
from indexjob_operator.runtime.workspace import Workspace, Workspaces
from tests.unit.operator.launches import KEY, request

HANGS = (sys.executable, "-c", "import time; time.sleep(3600)")


@pytest.fixture
def runtime(tmp_path: Path) -> LocalRuntime:
    return LocalRuntime(Workspaces(tmp_path), lambda _: None, worker=HANGS)


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def until_none_is_left(folder: Path) -> None:
    async with asyncio.timeout(60):
        while left(folder):
            await asyncio.sleep(0.01)


async def test_cancelled_while_the_directory_is_made(
    runtime: LocalRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, go_on = threading.Event(), threading.Event()
    make = runtime._make_workspace

    def slowly(asked: LaunchRequest) -> Workspace:
        workspace = make(asked)
        made.set()
        go_on.wait(60)
        return workspace

    monkeypatch.setattr(runtime, "_make_workspace", slowly)
    launching = asyncio.create_task(runtime.launch(request()))
    await asyncio.to_thread(made.wait, 10)
    assert left(tmp_path)
    launching.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await launching
    await runtime.close()
    await until_none_is_left(tmp_path)


@pytest.mark.parametrize("passes", range(6))
async def test_cancelled_while_it_closes(runtime: LocalRuntime, tmp_path: Path, passes: int) -> None:
    """So many passes of the loop after it began; when `close` returns, all is done."""
    await runtime.launch(request())
    closing = asyncio.create_task(runtime.close())
    for _ in range(passes):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    if passes:  # else it has not even begun
        assert left(tmp_path) == []
    else:
        await runtime.close()


@pytest.mark.parametrize("passes", range(4))
async def test_cancelled_while_a_launch_that_has_ended_is_released(tmp_path: Path, passes: int) -> None:
    runtime = LocalRuntime(Workspaces(tmp_path), lambda _: None, worker=(sys.executable, "-c", ""))
    await runtime.launch(request())
    async with asyncio.timeout(60):
        while not ((seen := await runtime.observe(KEY)) and seen.condition):
            await asyncio.sleep(0.01)
    releasing = asyncio.create_task(runtime.release(KEY))
    for _ in range(passes):
        await asyncio.sleep(0)
    releasing.cancel()
    await asyncio.gather(releasing, return_exceptions=True)
    await runtime.close()
    await until_none_is_left(tmp_path)
