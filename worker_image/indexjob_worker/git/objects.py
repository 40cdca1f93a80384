"""Reads a commit out of the bare repository in the workspace, without ever making a file of it.

Its entries stream from `ls-tree`, its contents from `cat-file`; what is not asked for is not read. None of it needs the
network, and none of it is believed: a tree may list itself a billion times over.
"""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple, TypeVar

from indexjob_worker.errors import CorruptRepositoryError, TooLargeError
from indexjob_worker.git.process import end, start

READ_BYTES: Final = 1 << 20
LONGEST_ENTRY: Final = 1 << 20
ATTRIBUTES_SECONDS: Final = 10.0
AHEAD: Final = 48
"""Blobs that git is told of before it has given them: so few that their names fit into the smallest pipe, and telling it never waits."""
GENERATED, VENDORED = "linguist-generated", "linguist-vendored"

K = TypeVar("K")


class Entry(NamedTuple):
    """One line of a commit's tree. `size` is None for what has none in this repository (a submodule)."""

    path: bytes
    mode: str
    sha: str
    size: int | None


class Marks(NamedTuple):
    """What `.gitattributes` say of a path; None where they say nothing."""

    generated: bool | None = None
    vendored: bool | None = None


class Objects:
    """The objects of one bare repository."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.devnull,
            "GIT_DIR": os.fspath(repository),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_INDEX_FILE": os.fspath(repository / "attributes.index"),
            "LC_ALL": "C",
        }

    def entries(self, commit: str, most: int) -> Iterator[Entry]:
        """All files of a commit, with their sizes.

        Raises:
            TooLargeError: there are more than `most`.
            CorruptRepositoryError: git cannot read the tree.
        """
        count = 0
        with self._git("ls-tree", "-r", "-z", "-l", "--full-tree", commit) as (process, stdout):
            for record in _records(stdout):
                count += 1
                if count > most:
                    raise TooLargeError(
                        f"The commit has more than {most} files; ask the administrator for a profile with a higher limit."
                    )
                yield _entry(record)
            if process.wait():
                raise CorruptRepositoryError("The commit's tree cannot be read; run `git fsck` on the repository.")

    def contents(self, wanted: Iterable[tuple[K, str]]) -> Iterator[tuple[K, bytes | None]]:
        """The bytes of these blobs, each with its caller's key, in this order, one at a time; None for those that cannot be read.

        `wanted` is asked for a little ahead of what is given.
        """
        rest = iter(wanted)
        ahead: deque[tuple[K, str]] = deque()
        while True:
            if not ahead:
                ahead.extend(islice(rest, AHEAD))
            if not ahead:
                return
            yield from self._batch(ahead, rest)
            if ahead:  # git died of this one
                yield ahead.popleft()[0], None

    def marks(self, commit: str, paths: Iterable[tuple[K, bytes]]) -> Iterator[tuple[K, Marks]]:
        """What the commit's own `.gitattributes` say of each path, as git itself reads them.

        Patterns can be made to take for ever; then the rest of the paths have no marks.
        """
        with self._git("read-tree", commit) as (process, _):
            if process.wait():
                return
        with (
            self._git("check-attr", "--cached", "--stdin", "-z", GENERATED, VENDORED, stdin=subprocess.PIPE) as (
                process,
                stdout,
            ),
            _killing_after(ATTRIBUTES_SECONDS, process),
        ):
            fields = _records(stdout)
            for key, path in paths:
                if not _send(process, path + b"\0"):
                    return
                answers = [next(fields, b"") for _ in range(6)]
                yield key, Marks(_flag(answers[2]), _flag(answers[5]))

    def _batch(self, ahead: deque[tuple[K, str]], rest: Iterator[tuple[K, str]]) -> Iterator[tuple[K, bytes | None]]:
        """Those of `ahead` and of the rest, until one of them is too much for git: it stays the first of `ahead`."""
        with self._git("cat-file", "--batch", stdin=subprocess.PIPE) as (process, stdout):
            going = _send(process, *(f"{sha}\n".encode() for _, sha in ahead))
            while going and ahead:
                head = stdout.readline(200).split()
                content = None
                if len(head) != 2 or head[1] != b"missing":  # noqa: PLR2004
                    if len(head) != 3:  # noqa: PLR2004
                        return
                    content = stdout.read(int(head[2]) + 1)
                    if len(content) != int(head[2]) + 1:
                        return
                    content = content[:-1] if head[1] == b"blob" else None
                yield ahead.popleft()[0], content
                if len(ahead) <= AHEAD // 2:
                    more = list(islice(rest, AHEAD - len(ahead)))
                    ahead.extend(more)
                    going = _send(process, *(f"{sha}\n".encode() for _, sha in more))

    @contextmanager
    def _git(
        self, *arguments: str, stdin: int = subprocess.DEVNULL
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        process = start(arguments, self._repository, self._environment, stdin=stdin, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            end(process)


def _send(process: "subprocess.Popen[bytes]", *lines: bytes) -> bool:
    """Tell git; False if it is gone."""
    assert process.stdin is not None
    try:
        process.stdin.writelines(lines)
        process.stdin.flush()
    except OSError:
        return False
    return True


@contextmanager
def _killing_after(seconds: float, process: "subprocess.Popen[bytes]") -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read1(READ_BYTES) if hasattr(stream, "read1") else stream.read(READ_BYTES):
        *records, rest = (rest + block).split(b"\0")
        yield from records
        if len(rest) > LONGEST_ENTRY:
            raise TooLargeError("The commit has a path of more than 1 MiB, which is not indexed.")


def _entry(record: bytes) -> Entry:
    head, _, path = record.partition(b"\t")
    mode, _, sha, size = head.split()
    return Entry(path, mode.decode(), sha.decode(), int(size) if size.isdigit() else None)


def _flag(value: bytes) -> bool | None:
    return {b"set": True, b"true": True, b"unset": False, b"false": False}.get(value)
