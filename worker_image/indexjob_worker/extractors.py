"""Extraction in forked children, as many at once as there are CPUs; the parent only carries bytes.

A child gets a few files ahead, so that it need not wait while the parent is busy. When one dies, the file that it was at
is lost with a status that says why; those behind it go to its successor.
"""

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from indexjob.run_spec import Limits
from indexjob_worker.journal import Journal
from indexjob_worker.languages import Language
from indexjob_worker.model import Extraction
from indexjob_worker.pipe import ANSWER, HELLO, JOB, NUMBERS, STEPS
from indexjob_worker.wire import MalformedExtractionError, decode
from indexjob_worker.zygote import Zygote

AHEAD_FILES: Final = 32
AHEAD_BYTES: Final = 256 * 1024
"""How much a child may have waiting in front of it."""
LOOK_SECONDS: Final = 1.0
GRACE_SECONDS: Final = 5.0
"""A child whose alarm did not kill it this long after its time is killed from outside: it is hostile, or stuck."""
START_SECONDS: Final = 60.0
MOST_SECONDS: Final = 1e6
LARGEST_ANSWER: Final = 256 * 1024 * 1024

K = TypeVar("K")
Lost = Literal["timeout", "crash"]


class Job(NamedTuple, Generic[K]):
    """One file to extract; `key` is the caller's."""

    key: K
    language: Language
    source: bytes


class Extracted(NamedTuple, Generic[K]):
    """What came of it: an extraction, or the status of a file that cost a child its life."""

    job: Job[K]
    result: Extraction | Lost


class _Child(Generic[K]):
    """One child, what it has yet to do, and the bytes on their way."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.channel = channel
        self.jobs: deque[Job[K]] = deque()
        self.bytes_ahead = 0
        self.greeted = False
        self.working_since = time.monotonic()
        self._incoming = bytearray()
        self._outgoing: deque[memoryview] = deque()

    @property
    def events(self) -> int:
        """What to wait for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    def has_room(self) -> bool:
        return len(self.jobs) < AHEAD_FILES and self.bytes_ahead < AHEAD_BYTES

    def give(self, job: Job[K]) -> None:
        if not self.jobs:
            self.working_since = time.monotonic()
        self.jobs.append(job)
        self.bytes_ahead += len(job.source)
        self._outgoing.append(memoryview(JOB.pack(len(job.source), NUMBERS[job.language.name]) + job.source))

    def send(self) -> None:
        """Pass on what the socket takes now."""
        while self._outgoing:
            try:
                sent = self.channel.send(self._outgoing[0])
            except BlockingIOError:
                return
            if sent < len(self._outgoing[0]):
                self._outgoing[0] = self._outgoing[0][sent:]
            else:
                self._outgoing.popleft()

    def receive(self) -> Iterator[tuple[Job[K], Extraction, tuple[float, ...]]]:
        """The answers that are complete now.

        Raises:
            EOFError: it hung up.
            MalformedExtractionError: it sent what no child of ours sends.
        """
        data = self.channel.recv(1 << 20)
        if not data:
            raise EOFError
        self._incoming += data
        if not self.greeted:
            if self._incoming[:1] != HELLO:
                raise MalformedExtractionError
            self.greeted = True
            del self._incoming[:1]
        while len(self._incoming) >= ANSWER.size:
            size, *seconds = ANSWER.unpack_from(self._incoming)
            end = ANSWER.size + size
            if not self.jobs or size > LARGEST_ANSWER or not all(0 <= s < MOST_SECONDS for s in seconds):
                raise MalformedExtractionError
            if len(self._incoming) < end:
                return
            extraction = decode(bytes(memoryview(self._incoming)[ANSWER.size : end]))
            del self._incoming[:end]
            job = self.jobs.popleft()
            self.bytes_ahead -= len(job.source)
            self.working_since = time.monotonic()
            yield job, extraction, tuple(seconds)


class Extractors:
    """The children of one run."""

    def __init__(self, zygote: Zygote, limits: Limits, journal: Journal) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)
        """Time inside the children, by step, summed over them."""
        self._zygote = zygote
        self._limits = limits
        self._count = limits.extractors or len(os.sched_getaffinity(0))
        self._journal = journal
        self._selector = selectors.DefaultSelector()
        self._children: list[_Child[Any]] = []

    def expect(self, languages: Iterable[Language]) -> None:
        """Get children ready for these before the first is forked; for others each gets ready by itself."""
        for language in languages:
            self._zygote.warm(NUMBERS[language.name])

    def run(self, jobs: Iterator[Job[K]]) -> Iterator[Extracted[K]]:
        """Extract all of them, in the order in which they get done. `jobs` is read no faster than children work."""
        returned: deque[Job[K]] = deque()
        while True:
            while (child := self._with_room()) and (job := _next(returned, jobs)):
                child.give(job)
                child.send()
                self._selector.modify(child.channel, child.events, child)
            if not any(child.jobs for child in self._children):
                return
            for child in self._ready():
                try:
                    for job, extraction, seconds in child.receive():
                        for step, spent in zip(STEPS, seconds, strict=True):
                            self.seconds[step] += spent
                        yield Extracted(job, extraction)
                except (EOFError, ConnectionError, MalformedExtractionError) as error:
                    yield from self._bury(child, error, returned)
            for child in [child for child in self._children if self._is_stuck(child)]:
                yield from self._bury(child, TimeoutError(), returned)

    def close(self) -> None:
        """End all children; safe to call at any time."""
        for child in self._children:
            child.channel.close()
            self._zygote.end(child.pid)
        self._children.clear()
        self._selector.close()

    def _with_room(self) -> "_Child[Any] | None":
        if len(self._children) < self._count and all(child.jobs for child in self._children):
            return self._fork()
        with_room = [child for child in self._children if child.has_room()]
        return min(with_room, key=lambda child: child.bytes_ahead, default=None)

    def _fork(self) -> "_Child[Any]":
        ours, theirs = socket.socketpair()
        with theirs:
            pid = self._zygote.fork(theirs, self._limits.extractor_memory_bytes, self._limits.file_seconds)
        ours.setblocking(False)  # noqa: FBT003 - the standard library's own
        child: _Child[Any] = _Child(pid, ours)
        self._children.append(child)
        self._selector.register(ours, child.events, data=child)
        return child

    def _ready(self) -> "Iterator[_Child[Any]]":
        for key, events in self._selector.select(LOOK_SECONDS):
            child: _Child[Any] = key.data
            if events & selectors.EVENT_WRITE:
                with suppress(ConnectionError):  # reading tells that it is gone
                    child.send()
                self._selector.modify(child.channel, child.events, child)
            if events & selectors.EVENT_READ:
                yield child

    def _is_stuck(self, child: "_Child[Any]") -> bool:
        allowed = self._limits.file_seconds + GRACE_SECONDS if child.greeted else START_SECONDS
        return bool(child.jobs) and time.monotonic() - child.working_since > allowed

    def _bury(self, child: "_Child[K]", error: Exception, returned: "deque[Job[K]]") -> Iterator[Extracted[K]]:
        """Its file is lost, those behind it are not."""
        self._children.remove(child)
        self._selector.unregister(child.channel)
        child.channel.close()
        ended = self._zygote.end(child.pid)
        if not child.greeted:
            raise RuntimeError(f"An extraction child ended before it was ready ({ended})") from error
        if not child.jobs:
            return
        job = child.jobs.popleft()
        returned.extendleft(reversed(child.jobs))
        status: Lost = "timeout" if ended.timed_out or isinstance(error, TimeoutError) else "crash"
        self._journal.warning("file_lost", "A file cost an extraction child its life", status=status, ended=str(ended))
        yield Extracted(job, status)


def _next(returned: deque[Job[K]], jobs: Iterator[Job[K]]) -> Job[K] | None:
    return returned.popleft() if returned else next(jobs, None)
