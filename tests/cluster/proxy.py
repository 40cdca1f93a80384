"""A TCP proxy before the API server: a test cuts, slows or freezes the connections that go through it."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml

CHUNK = 64 * 1024


class ApiProxy:
    """Listens on this machine and passes bytes on to the API server; `kubeconfig` is the way through it.

    All methods may be called from any thread and return when they hold.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._delay = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many clients are passed on now."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Resets every open connection, and each new one as soon as it comes."""
        self._do(self._cut)

    def freeze(self) -> None:
        """Nothing passes any more, and nobody is told: connections stay open, as with a dead network."""
        self._do(self._flowing.clear)

    def slow(self, seconds: float) -> None:
        """Holds each piece of data up for so long, both ways."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def mend(self) -> None:
        """Undoes all of these."""
        self._do(self._mend)

    def _cut(self) -> None:
        self._refusing = True
        for writer in list(self._writers):
            reset(writer)

    def _mend(self) -> None:
        self._refusing, self._delay = False, 0.0
        self._flowing.set()

    def _do(self, change: Callable[[], None]) -> None:
        async def doing() -> None:
            change()

        asyncio.run_coroutine_threadsafe(doing(), self._loop).result(timeout=60)

    @contextmanager
    def running(self) -> Iterator["ApiProxy"]:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            ended, started = asyncio.Event(), threading.Event()
            thread = threading.Thread(target=lambda: runner.run(self._serve(ended, started)))
            thread.start()
            started.wait(60)
            try:
                yield self
            finally:
                self._do(ended.set)
                thread.join()

    async def _serve(self, ended: asyncio.Event, started: threading.Event) -> None:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        self._cut()
        self._flowing.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            reset(writer)
            return
        self._writers.add(writer)
        with suppress(OSError, asyncio.CancelledError):  # the API server is away, or the proxy ends
            await self._join(reader, writer)
        self._drop(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far_writer))
                both.create_task(self._pump(far_reader, writer))
        finally:
            self._drop(far_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await asyncio.sleep(self._delay)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()  # one side gone is both gone: TLS knows no half-closed connection

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        self._writers.discard(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection at once, and lets the other side know it was no orderly end."""
    with suppress(OSError):  # it has ended by itself
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def before(kubeconfig: Path, folder: Path) -> Iterator[tuple[ApiProxy, Path]]:
    """A proxy before that kubeconfig's API server, and the kubeconfig that leads through it."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(entry["context"] for entry in config["contexts"] if entry["name"] == config["current-context"])
    cluster = next(entry["cluster"] for entry in config["clusters"] if entry["name"] == context["cluster"])
    server = urlsplit(cluster["server"])
    host, port = server.hostname or "", server.port or 443
    with ApiProxy(host, port).running() as proxy:
        cluster["server"] = f"https://127.0.0.1:{proxy.port}"
        cluster["tls-server-name"] = host
        through = folder / "through-proxy.kubeconfig"
        through.touch(mode=0o600)
        through.write_text(json.dumps(config))
        yield proxy, through
