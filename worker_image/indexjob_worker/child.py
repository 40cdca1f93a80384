"""The extraction child: reads a file's bytes from its socket, writes an extraction back, has nothing else.

It says hello once it is confined. A file that takes too long kills it (the alarm's default action); that, and anything
else it dies of, costs the file alone. What it sends is believed by nobody: see `wire`.
"""

import gc
import os
import signal
import socket
import time
from functools import cache
from itertools import pairwise
from typing import Final, NoReturn

from indexjob_worker import wire
from indexjob_worker.extraction import extract
from indexjob_worker.languages.declaration import grammar
from indexjob_worker.pipe import ANSWER, BY_NUMBER, HELLO, JOB, STEPS
from indexjob_worker.sandbox import confine

NO_MEMORY: Final = 71
RAISED: Final = 70
FILES_BETWEEN_COLLECTIONS: Final = 256
_SNIPPETS: Final = (b"x\n", b"\xff(")


def load() -> None:
    """Read all that an extraction needs: a confined process can open no file any more."""
    for language in BY_NUMBER:
        grammar(language)


@cache
def warm_up(number: int) -> None:
    """Compile a language's queries once for all children that come, instead of in each."""
    for snippet in _SNIPPETS:
        wire.encode(extract(snippet, BY_NUMBER[number]))
    gc.collect()
    gc.freeze()


def serve(descriptor: int, memory_bytes: int, file_seconds: float) -> NoReturn:
    """Answer until the other end is closed. Never returns: nothing of the zygote's runs in a child."""
    try:
        channel = socket.socket(fileno=descriptor)
        confine(descriptor, memory_bytes)
        gc.disable()
        channel.sendall(HELLO)
        done, marks = 0, [0.0]

        def lap() -> None:
            marks.append(time.perf_counter())

        while head := _receive(channel, JOB.size):
            size, number = JOB.unpack(head)
            source = _receive(channel, size)
            signal.setitimer(signal.ITIMER_REAL, file_seconds)
            marks.clear()
            lap()
            extraction = extract(source, BY_NUMBER[number], lap)
            body = wire.encode(extraction)
            signal.setitimer(signal.ITIMER_REAL, 0)
            while len(marks) <= len(STEPS):
                lap()
            channel.sendall(ANSWER.pack(len(body), *(b - a for a, b in pairwise(marks))) + body)
            done += 1
            if done % FILES_BETWEEN_COLLECTIONS == 0:
                gc.collect()
    except MemoryError:
        os._exit(NO_MEMORY)
    except BaseException:  # noqa: BLE001 - there is nobody to tell; the parent sees how it ended
        os._exit(RAISED)
    os._exit(0)


def _receive(channel: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = channel.recv(min(size, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
