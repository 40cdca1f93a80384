"""The process that extraction children are forked from: it was there before any credential was read.

A child that were forked from the worker itself would find the database credential in inherited memory. This one holds
only languages; it forks, kills and reaps on request, and is gone with the worker.
"""

import os
import select
import signal
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from typing import Final, NamedTuple, NoReturn

from indexjob_worker.sandbox import die_with_parent, hide

CLOSE_SECONDS: Final = 2.0
FORK: Final = b"F"
END: Final = b"E"
WARM: Final = b"W"
SOON: Final = b"S"
ORDER: Final = struct.Struct("<cQd")
"""What to do; for a fork the child's memory in bytes and seconds per file, for an end its pid, for a warm-up, now or soon, a language's number."""
REPLY: Final = struct.Struct("<i")
"""The pid of what was forked, the wait status of what was ended. A warm-up has none."""


class Ended(NamedTuple):
    """How a child ended: its wait status."""

    status: int

    @property
    def timed_out(self) -> bool:
        """Its own alarm killed it."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGALRM

    def __str__(self) -> str:
        if os.WIFSIGNALED(self.status):
            return signal.Signals(os.WTERMSIG(self.status)).name
        return f"exit code {os.WEXITSTATUS(self.status)}"


class Zygote:
    """The worker's hand on it. One request at a time, by one thread."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel = channel

    def fork(self, child_end: socket.socket, memory_bytes: int, file_seconds: float) -> int:
        """A new child on the other end of our socket; its pid."""
        order = ORDER.pack(FORK, memory_bytes, file_seconds)
        socket.send_fds(self._channel, [order], [child_end.fileno()])
        return self._reply()

    def warm(self, number: int) -> None:
        """Get this language ready before the next fork; does not wait for it."""
        self._channel.sendall(ORDER.pack(WARM, number, 0.0))

    def warm_soon(self, number: int) -> None:
        """The same when there is nothing else to do: what is only foreseen keeps nobody waiting."""
        self._channel.sendall(ORDER.pack(SOON, number, 0.0))

    def end(self, pid: int) -> Ended:
        """Kill a child unless it ended by itself, and reap it: its number means nothing afterwards."""
        self._channel.sendall(ORDER.pack(END, pid, 0.0))
        return Ended(self._reply())

    def close(self) -> None:
        """End it, with all its children; safe to call twice. One that does not listen is killed, and they with it."""
        if self._channel.fileno() < 0:
            return
        self._channel.close()
        ends = time.monotonic() + CLOSE_SECONDS
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > ends:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.002)

    def _reply(self) -> int:
        reply = self._channel.recv(REPLY.size, socket.MSG_WAITALL)
        if len(reply) < REPLY.size:
            raise RuntimeError("The zygote of the extraction children is gone")
        number: int
        (number,) = REPLY.unpack(reply)
        return number


def fork_zygote() -> Zygote:
    """Fork it. To be called before a credential is read or a thread is started."""
    ours, theirs = socket.socketpair()
    worker, pid = os.getpid(), os.fork()
    if pid == 0:
        ours.close()
        _live(theirs, worker)
    theirs.close()
    hide()
    return Zygote(pid, ours)


def _live(channel: socket.socket, worker: int) -> NoReturn:
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the worker ends it, in its own time
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        die_with_parent(worker)
        hide()
        from indexjob_worker.child import load, warm_up  # noqa: PLC0415 - while the worker reads its orders

        load()
        children: set[int] = set()
        foreseen: deque[int] = deque()
        while True:
            if foreseen and not select.select([channel], [], [], 0)[0]:
                warm_up(foreseen.popleft())
                continue
            order, descriptors, _, _ = socket.recv_fds(channel, ORDER.size, 1)
            if len(order) < ORDER.size:
                break
            what, number, seconds = ORDER.unpack(order)
            if what == FORK:
                foreseen.clear()  # by now the run has said what it needs
                pid = _fork_child(channel, descriptors[0], number, seconds)
                children.add(pid)
                channel.sendall(REPLY.pack(pid))
            elif what == WARM:
                warm_up(number)
            elif what == SOON:
                foreseen.append(number)
            else:
                children.discard(number)
                channel.sendall(REPLY.pack(_end(number)))
        for pid in children:
            _end(pid)
    finally:
        os._exit(0)


def _fork_child(channel: socket.socket, descriptor: int, memory_bytes: int, file_seconds: float) -> int:
    zygote = os.getpid()
    if pid := os.fork():
        os.close(descriptor)
        return pid
    from indexjob_worker.child import serve  # noqa: PLC0415

    channel.close()
    die_with_parent(zygote)
    return serve(descriptor, memory_bytes, file_seconds)


def _end(pid: int) -> int:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
