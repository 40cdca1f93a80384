"""The end of an event loop that has called the API: a TLS connection that was given up in the middle of a call takes a moment to close."""

import asyncio
import time

from indexjob_operator.kubernetes_api import KubernetesApi

PATIENCE_SECONDS = 30.0


async def hang_up(api: KubernetesApi) -> None:
    """Close it, and wait until this loop, which is about to end, has no connection left but to itself."""
    await api.close()
    files = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
    until = time.monotonic() + PATIENCE_SECONDS
    while len(files) > 1 and time.monotonic() < until:
        await asyncio.sleep(0.01)
