"""What `/livez` and `/readyz` answer, and `/metrics`.

Alive means that the loops are trying: each says so within the time that it promised. What they try may fail for as long as it likes, because restarting this
process mends no Postgres and no API server. Ready means able to serve: what is lacking is named. A standby is ready.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CONTENT_TYPE, _, CHARSET = CONTENT_TYPE_LATEST.partition("; charset=")


class Health:
    """The loops' signs of life, and what is lacking. For the main thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._promised: dict[str, float] = {}
        self._lacking: dict[str, str] = {}

    def beat(self, loop: str, within: float) -> None:
        """This loop is trying, and will say so again within so many seconds."""
        self._promised[loop] = self._clock() + within

    def ended(self, loop: str) -> None:
        """This loop was told to end: it promises nothing any more."""
        self._promised.pop(loop, None)

    def lacks(self, what: str, why: str) -> None:
        """Without it this process can't serve; `why` is a sentence for people and holds no secret."""
        self._lacking[what] = why

    def has(self, what: str) -> None:
        """It is there."""
        self._lacking.pop(what, None)

    @property
    def silent(self) -> list[str]:
        """Loops that broke their promise."""
        now = self._clock()
        return sorted(loop for loop, until in self._promised.items() if until < now)

    @property
    def lacking(self) -> dict[str, str]:
        """What this process waits for."""
        return dict(self._lacking)


def application(health: Health) -> web.Application:
    """The three pages."""

    async def livez(_: web.Request) -> web.Response:
        if silent := health.silent:
            return web.Response(status=503, text=f"silent: {', '.join(silent)}\n")
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if lacking := health.lacking:
            return web.Response(status=503, text="".join(f"{what}: {why}\n" for what, why in sorted(lacking.items())))
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), content_type=CONTENT_TYPE, charset=CHARSET)

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


@asynccontextmanager
async def serving(health: Health, host: str, port: int) -> AsyncIterator[int]:
    """Answer for as long as the context lasts; the port, which with 0 is any free one."""
    runner = web.AppRunner(application(health), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
