"""A proxy before the API server that ends TLS itself, so that a test can have it answer: too many requests, who are you, too old, nothing at all.

Who comes through it must bring a token: a client's certificate ends here.
"""

import asyncio
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}
LOOPBACK = "127.0.0.1"


@dataclass
class Answers:
    """What is said in the API server's place; `told` counts how often it was."""

    status: int | None = None
    retry_after: int | None = None
    matching: Callable[[str, str], bool] = lambda _method, _path: True
    watch_error: int | None = None
    stalled_watches: bool = False
    told: int = 0

    def mend(self) -> None:
        """The API server speaks for itself again."""
        self.status = self.watch_error = self.retry_after = None
        self.stalled_watches = False
        self.matching = lambda _method, _path: True


class AnsweringProxy:
    """Runs in a thread; `answers` may be changed at any time."""

    def __init__(self, upstream: str, authority: Path, pair: tuple[Path, Path]) -> None:
        self.answers = Answers()
        self.port = 0
        self._upstream = upstream
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._identity.load_cert_chain(*pair)

    @contextmanager
    def running(self) -> Iterator["AnsweringProxy"]:
        loop, started = asyncio.new_event_loop(), threading.Event()
        ended = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.run_until_complete(self._serve(started, ended)))
        thread.start()
        assert started.wait(60)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join(60)
            loop.close()

    async def _serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=self._identity)
        await site.start()
        self.port = runner.addresses[0][1]
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
        ) as self._session:
            started.set()
            await ended.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        answers, watching = self.answers, request.query.get("watch") == "true"
        if answers.status and answers.matching(request.method, request.path_qs):
            answers.told += 1
            headers = {"Retry-After": str(answers.retry_after)} if answers.retry_after is not None else {}
            return web.json_response(status(answers.status), status=answers.status, headers=headers)
        if watching and answers.watch_error:
            answers.told += 1
            return web.json_response({"type": "ERROR", "object": status(answers.watch_error)})
        if watching and answers.stalled_watches:
            answers.told += 1
            return await self._stall(request)
        return await self._pass_on(request)

    async def _stall(self, request: web.Request) -> web.StreamResponse:
        """A stream that says nothing, not even that it has ended."""
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        while self.answers.stalled_watches:
            await asyncio.sleep(0.1)
        return stream

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with self._session.request(
            request.method,
            f"{self._upstream}{request.path_qs}",
            headers=headers,
            data=await request.read() or None,
            ssl=self._trust,
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            stream = web.StreamResponse(status=answer.status, headers=kept)
            await stream.prepare(request)
            async for chunk in answer.content.iter_any():
                await stream.write(chunk)
                if request.query.get("watch") == "true" and (self.answers.watch_error or self.answers.stalled_watches):
                    break
            await stream.write_eof()
            return stream


def status(code: int) -> dict[str, Any]:
    """Kubernetes' own kind of answer."""
    reasons = {
        401: "Unauthorized",
        410: "Expired",
        429: "TooManyRequests",
        500: "InternalError",
        503: "ServiceUnavailable",
    }
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": f"said by the test: {code}", "reason": reasons.get(code, "Unknown"), "code": code,
    }  # fmt: skip


@contextmanager
def before(kubeconfig: Path, folder: Path, token_file: Path) -> Iterator[tuple[AnsweringProxy, Path]]:
    """A proxy before that kubeconfig's API server, and the kubeconfig of who comes through it with the token in this file."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(entry["context"] for entry in config["contexts"] if entry["name"] == config["current-context"])
    cluster = next(entry["cluster"] for entry in config["clusters"] if entry["name"] == context["cluster"])
    authority, pair = folder / "api.crt", (folder / "proxy.crt", folder / "proxy.key")
    authority.write_bytes(_decoded(cluster["certificate-authority-data"]))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=proxy", "-addext", f"subjectAltName=IP:{LOOPBACK}", "-out", pair[0], "-keyout", pair[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    with AnsweringProxy(cluster["server"], authority, pair).running() as proxy:
        name = "proxy"
        through = folder / "answering.kubeconfig"
        through.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": name,
                    "clusters": [
                        {
                            "name": name,
                            "cluster": {
                                "server": f"https://{LOOPBACK}:{proxy.port}",
                                "certificate-authority": str(pair[0]),
                            },
                        }
                    ],
                    "users": [{"name": name, "user": {"tokenFile": str(token_file)}}],
                    "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                }
            )
        )
        yield proxy, through


def _decoded(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)
