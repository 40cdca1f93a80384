"""A real SSH server that serves git: who has its key may read the repositories under a folder, and do nothing else."""

import asyncio
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh


@dataclass(frozen=True, slots=True)
class SshServer:
    """`private_key` lets in; `known_hosts` is what its clients know it by."""

    root: Path
    host: str
    port: int
    private_key: str
    known_hosts: str

    def url(self, name: str) -> str:
        return f"ssh://git@{self.host}:{self.port}/{name}.git"


@contextmanager
def serve(root: Path, host: str = "127.0.0.1") -> Iterator[SshServer]:
    """On a port of this address, until the block ends."""
    key, own = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    loop, started, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    port, connections = 0, list[asyncssh.SSHServerConnection]()

    async def serving() -> None:
        nonlocal port
        listener = await asyncssh.listen(
            host,
            0,
            server_host_keys=[own],
            authorized_client_keys=asyncssh.import_authorized_keys(_public(key)),
            server_factory=lambda: _Noting(connections),
            process_factory=lambda process: _upload(process, root),
            encoding=None,
            allow_pty=False,
        )
        port = listener.get_port()
        started.set()
        await ended.wait()
        listener.close()
        await listener.wait_closed()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serving())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    try:
        yield SshServer(root, host, port, key.export_private_key().decode(), f"[{host}]:{port} {_public(own)}")
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)


class _Noting(asyncssh.SSHServer):
    """Of each connection, who it is: they are to be over when the server is."""

    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)


def _public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip() + "\n"


async def _upload(process: asyncssh.SSHServerProcess[bytes], root: Path) -> None:
    """`git-upload-pack '/name.git'`, and only that."""
    program, path = shlex.split(process.command or "")
    assert program == "git-upload-pack"
    command = ("git", "-c", "safe.directory=*", "upload-pack", str(root / path.lstrip("/")))
    environment = {"PATH": "/usr/bin:/bin"} | {
        name: process.env[name] for name in process.env if name == "GIT_PROTOCOL"
    }
    pipe = asyncio.subprocess.PIPE
    git = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    assert git.stdin
    assert git.stdout
    assert git.stderr
    asking = asyncio.create_task(_pump(process.stdin, git.stdin))
    await asyncio.gather(_pump(git.stdout, process.stdout), _pump(git.stderr, process.stderr))
    process.exit(await git.wait())
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def _pump(source: Any, sink: Any) -> None:
    with suppress(OSError, asyncssh.Error):  # one of the two has gone
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        if isinstance(sink, asyncio.StreamWriter):  # git's input; the channel's two outputs end with the process
            sink.write_eof()
