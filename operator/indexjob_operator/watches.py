"""Runs kopf's watches, each in a thread with an event loop of its own.

kopf takes the event loop that it runs in for its own: it sets the signal handlers, and when it ends, whatever the reason, it cancels every task that began
after it, which would be the loops of the next term. And it does end: when the API answers with errors for longer than it is patient, when a watched kind
is gone. In a thread its end is an event like any other, after which it is begun anew, and a slow moment of the operator holds up no watch.

Two watches, not one, because kopf watches all its kinds in the same namespaces: ours are in one, IndexJobs in all.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import kopf

from indexjob_operator import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from indexjob_operator.health import Health

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
WENT_WELL_SECONDS = 60.0
STOP_SECONDS = 5.0
SERVER_TIMEOUT = 300
CLIENT_TIMEOUT = 330
INACTIVITY_TIMEOUT = 70
REQUEST_TIMEOUT = 60
CONNECT_TIMEOUT = 10
IDLE_TIMEOUT = 0.5
ERROR_BACKOFFS = (0.2, 0.5, 1, 2, 3, 5, 5, 5)


class Watch:
    """One set of kinds in one set of namespaces; None is all of them.

    `until_there` says in which of these it can be watched, and `until_more` ends when it can be in one of the others.
    """

    def __init__(
        self,
        name: str,
        registry: kopf.OperatorRegistry,
        health: Health,
        *,
        namespaces: Collection[str] | None,
        selectors: dict[tuple[str, str, str], str] | None = None,
        until_there: Callable[[], Awaitable[Collection[str]]] | None = None,
        until_more: Callable[[Collection[str]], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._registry = registry
        self._health = health
        self._namespaces = namespaces
        self._selectors = selectors or {}
        self._until_there = until_there
        self._until_more = until_more

    async def run(self) -> None:
        """Watch until cancelled; what ends before is begun anew, after a pause that grows while it keeps ending soon."""
        loop, pause, what = asyncio.get_running_loop(), FIRST_PAUSE_SECONDS, f"the watch of {self._name}"
        try:
            while True:
                namespaces = self._namespaces
                if self._until_there:
                    self._health.ended(what)
                    namespaces = (await self._until_there()) or self._namespaces
                began = loop.time()
                self._health.beat(what, SILENT_SECONDS)
                more = asyncio.create_task(self._more_than(namespaces))
                error = await self._run_once(loop, what, namespaces, more)
                if more.done() and not more.cancelled():
                    logger.info("%s goes on in more namespaces", what, extra={"action": "watch-grows"})
                    continue
                pause = FIRST_PAUSE_SECONDS if loop.time() - began > WENT_WELL_SECONDS else pause
                self._health.lacks(what, "it failed, and is begun anew.")
                self._health.beat(what, pause + SILENT_SECONDS)
                metrics.WATCH_RESTARTS.labels(self._name).inc()
                logger.warning(
                    "%s failed and is begun anew in %.0f s: %s", what, pause, error, extra={"action": "watch-failed"}
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        finally:
            self._health.ended(what)
            self._health.has(what)

    async def _more_than(self, namespaces: Collection[str] | None) -> None:
        """Until there is more to watch than that."""
        missing = set(self._namespaces or ()) - set(namespaces or ())
        if missing and self._until_more:
            await self._until_more(missing)
        else:
            await asyncio.Event().wait()

    async def _run_once(
        self,
        loop: asyncio.AbstractEventLoop,
        what: str,
        namespaces: Collection[str] | None,
        more: asyncio.Future[None],
    ) -> BaseException | None:
        """One life of kopf, which ends when there is `more`: why it ended."""
        inner = _Inner()
        ended: asyncio.Future[BaseException | None] = loop.create_future()

        def told(error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result(error)

        async def live() -> None:
            beating = asyncio.create_task(_beat(lambda: _tell(loop, self._health.beat, what, SILENT_SECONDS)))
            ready = _Ready(lambda: _tell(loop, self._health.has, what))
            try:
                await self._kopf(ready, namespaces)
            finally:
                beating.cancel()

        thread = threading.Thread(
            target=lambda: _tell(loop, told, inner.run(live())), name=f"watch {self._name}", daemon=True
        )
        self._health.lacks(what, "it has not begun yet.")
        thread.start()
        try:
            either: set[asyncio.Future[Any]] = {ended, more}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else None
        finally:
            more.cancel()
            inner.cancel()
            await asyncio.to_thread(thread.join, STOP_SECONDS)

    async def _kopf(self, ready: _Ready, namespaces: Collection[str] | None) -> None:
        await kopf.operator(
            registry=self._registry,
            settings=settings(self._selectors),
            clusterwide=namespaces is None,
            namespaces=namespaces or (),
            standalone=True,
            ready_flag=ready,
        )


class _Inner:
    """The coroutine that runs in the thread, so that it can be cancelled from outside."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self, live: Awaitable[None]) -> BaseException | None:
        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            await live

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - the thread's end is for whoever began it to judge
            return error
        return None

    def cancel(self) -> None:
        if self._loop and self._task:
            with suppress(RuntimeError):  # its loop is closed
                self._loop.call_soon_threadsafe(self._task.cancel)


class _Ready(asyncio.Event):
    """What kopf sets once its handlers for the start are done."""

    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__()
        self._told = told

    def set(self) -> None:
        super().set()
        self._told()


async def _beat(beat: Callable[[], None]) -> None:
    while True:
        beat()
        await asyncio.sleep(BEAT_SECONDS)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: Any) -> None:
    with suppress(RuntimeError):  # the operator has ended
        loop.call_soon_threadsafe(what, *arguments)


def settings(selectors: dict[tuple[str, str, str], str]) -> kopf.OperatorSettings:
    """What kopf is set to, as measured: see each one's reason."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False  # our Events are the mirror's
    chosen.scanning.disabled = True  # what is watched is known, and there before the watch begins
    chosen.watching.server_timeout = SERVER_TIMEOUT
    chosen.watching.client_timeout = CLIENT_TIMEOUT
    chosen.watching.inactivity_timeout = INACTIVITY_TIMEOUT  # a stalled watch says nothing, not even a bookmark
    chosen.watching.connect_timeout = CONNECT_TIMEOUT
    chosen.networking.request_timeout = REQUEST_TIMEOUT
    chosen.networking.connect_timeout = CONNECT_TIMEOUT
    chosen.networking.error_backoffs = (
        ERROR_BACKOFFS  # finite: then the watch ends, and is begun anew with new credentials
    )
    chosen.queueing.worker_limit = None  # a limit made 60 objects take 25 s
    chosen.queueing.idle_timeout = IDLE_TIMEOUT  # for so long the last event of each object is held: some 50 KB
    for kind, selector in selectors.items():
        chosen.watching.label_selectors[kind] = (
            selector  # at the server: a decorator's filter keeps all foreign objects in memory
        )
    return chosen
