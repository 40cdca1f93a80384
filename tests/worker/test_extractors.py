"""Foreign bytes are read in children that cost no more than their file, and find nothing when they turn hostile."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from indexjob.run_spec import Limits
from indexjob.scrub import Scrubber
from indexjob_worker import child, extraction
from indexjob_worker.extractors import Extracted, Extractors, Job
from indexjob_worker.journal import Journal
from indexjob_worker.languages import LANGUAGES
from indexjob_worker.model import NO_REFERENCES, Definition, Extraction
from indexjob_worker.zygote import fork_zygote

PYTHON = LANGUAGES["python"]
Run = Callable[..., list[Extracted[int]]]


def _answer(text: str) -> Extraction:
    return Extraction("ok", 1, [Definition(0, None, "class", "c", 1, 0, 1, "", text, False)], NO_REFERENCES, [])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Extract sources (in order of their keys) in children whose `extract` is the given function."""
    closing: list = []

    def run(sources: list[bytes], behave: Callable[[bytes], Extraction] | None = None, **limits: object) -> list:
        if behave:
            monkeypatch.setattr(child, "load", list)
            monkeypatch.setattr(child, "extract", lambda source, _language, _lap: behave(source))
        zygote = fork_zygote()
        closing.append(zygote.close)
        extractors = Extractors(zygote, Limits(**limits), Journal(Scrubber()))
        closing.insert(0, extractors.close)
        jobs = (Job(key, PYTHON, source) for key, source in enumerate(sources))
        return sorted(extractors.run(jobs), key=lambda done: done.job.key)

    yield run
    for close in closing:
        close()


AS_FIRST_PROCESS = """
import os, socket
from indexjob_worker.zygote import fork_zygote
assert os.getpid() == 1
zygote = fork_zygote()
ours, theirs = socket.socketpair()
print(zygote.end(zygote.fork(theirs, 1 << 30, 10.0)))
"""


def test_the_worker_may_be_process_number_1_as_in_a_container() -> None:
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives no process namespaces")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", AS_FIRST_PROCESS], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "SIGKILL\n", done.stderr


def test_the_same_as_without_children(run: Run) -> None:
    sources = [f"import m{i}\ndef f{i}(): return g{i}()\n".encode() * (i % 50 + 1) for i in range(500)]
    done = run(sources, extractors=3)
    assert [one.result for one in done] == [extraction.extract(source, PYTHON) for source in sources]


def test_a_language_that_was_not_expected_is_read_all_the_same() -> None:
    zygote = fork_zygote()
    extractors = Extractors(zygote, Limits(extractors=1), Journal(Scrubber()))
    snippets = {
        "python": b"x.y()",
        "go": b"package a\nfunc f() {}",
        "tsx": b"let a = <B/>",
        "typescript": b"type A = B",
    }
    jobs = [Job(name, LANGUAGES[name], source) for name, source in snippets.items()]
    try:
        extractors.expect([PYTHON])
        found = {done.job.key: done.result for done in extractors.run(iter(jobs))}
    finally:
        extractors.close()
        zygote.close()
    assert found == {name: extraction.extract(source, LANGUAGES[name]) for name, source in snippets.items()}


def test_what_is_expected_is_made_ready_once_for_all_children(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = cache(lambda _language: os.getpid())
    monkeypatch.setattr(child, "load", list)
    monkeypatch.setattr(child, "extract", lambda _source, language, _lap=None: _answer(str(ready(language))))
    zygote = fork_zygote()
    extractors = Extractors(zygote, Limits(extractors=2), Journal(Scrubber()))
    jobs = [Job(number, PYTHON, b"x" * 200_000) for number in range(6)]
    try:
        extractors.expect([PYTHON])
        docs = {done.result.definitions[0].doc for done in extractors.run(iter(jobs))}
    finally:
        extractors.close()
        zygote.close()
    assert docs == {str(zygote.pid)}


def test_a_file_larger_than_any_socket_buffer(run: Run) -> None:
    source = b"# " + b"x" * 999_990 + b"\n" + b"f(x)\n" * 20_000
    done = run([source] * 4, extractors=2, file_seconds=60)
    assert [len(one.result.references) for one in done] == [20_000] * 4


def test_a_slow_file_costs_itself_alone(run: Run) -> None:
    def behave(source: bytes) -> Extraction:
        while source == b"slow":
            pass
        return _answer("")

    done = run([b"x"] * 5 + [b"slow"] + [b"x"] * 20 + [b"slow"], behave, file_seconds=0.3, extractors=2)
    assert [one.job.key for one in done if one.result == "timeout"] == [5, 26]
    assert sum(isinstance(one.result, Extraction) for one in done) == 25


def test_a_child_that_survives_its_alarm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexjob_worker.extractors.GRACE_SECONDS", 0.5)

    def behave(source: bytes) -> Extraction:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while source == b"slow":
            pass
        return _answer("")

    assert [one.result for one in run([b"slow"], behave, file_seconds=0.2)] == ["timeout"]


@pytest.mark.parametrize("how", ["segfault", "exit", "raise", "memory", "recursion", "kill"])
def test_a_crash_costs_its_file_alone(run: Run, how: str) -> None:
    def behave(source: bytes) -> Extraction:
        if source == b"bomb":
            if how == "segfault":
                ctypes.string_at(0)
            elif how == "exit":
                os._exit(0)
            elif how == "raise":
                raise ValueError
            elif how == "memory":
                bytearray(2 << 30)
            elif how == "recursion":
                behave(source)
            else:
                signal.raise_signal(signal.SIGKILL)
                ctypes.string_at(0)  # sending signals is refused
        return _answer("")

    done = run([b"x", b"bomb", b"x", b"bomb", b"x"], behave, extractors=1)
    assert [one.result if isinstance(one.result, str) else "ok" for one in done] == ["ok", "crash", "ok", "crash", "ok"]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 16,
        b"\x05\0\0\0" + b"\0" * 12 + b"trash",
        b"\x05\0\0\0" + b"\0\0\xc0\x7f" * 3 + b"trash",
        b"\0" * 99,
    ],
)
def test_garbage_from_a_child_is_a_crash(run: Run, frame: bytes) -> None:
    def behave(source: bytes) -> Extraction:
        os.write(child_socket(), frame)
        os._exit(0)

    assert [one.result for one in run([b"x"], behave)] == ["crash"]


def child_socket() -> int:
    """The one descriptor that a child has, found without /proc."""
    for descriptor in range(1000):
        try:
            os.fstat(descriptor)
        except PermissionError:  # fstat is refused; so try whether it takes bytes
            break
        except OSError:
            continue
        else:
            return descriptor
    for descriptor in range(1000):
        try:
            os.write(descriptor, b"")
        except OSError:
            continue
        return descriptor
    raise AssertionError


def test_a_hostile_child_finds_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that code in a child can try, from Python and from the C library, after the worker read a secret."""
    secret = tmp_path / "database-url"
    secret.write_text("canary-5e1f")
    parent = os.getpid()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    libc = ctypes.CDLL(None, use_errno=True)

    def attempts() -> dict[str, Callable[[], object]]:
        return {
            "read the secret": secret.read_text,
            "open a directory": lambda: tuple(Path("/").iterdir()),
            "open raw": lambda: _checked(libc.open(os.fsencode(secret), 0)),
            "make a file": lambda: os.open(tmp_path / "new", os.O_CREAT | os.O_WRONLY),
            "remove a file": secret.unlink,
            "truncate a file": lambda: os.truncate(secret, 0),
            "make a directory": (tmp_path / "d").mkdir,
            "socket": socket.socket,
            "connect": lambda: socket.create_connection(("127.0.0.1", port)),
            "pipe": os.pipe,
            "dup": lambda: os.dup(child_socket()),
            "memfd": lambda: os.memfd_create("x"),
            "fork": os.fork,
            "thread": lambda: threading.Thread(target=print).start(),
            "run": lambda: subprocess.run(["/bin/true"], check=True),
            "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
            "kill the worker": lambda: os.kill(parent, signal.SIGTERM),
            "trace the worker": lambda: _checked(libc.ptrace(16, parent, 0, 0)),
            "read the worker's memory": lambda: _checked(libc.process_vm_readv(parent, None, 0, None, 0, 0)),
            "raise a limit": lambda: __import__("resource").setrlimit(7, (100, 100)),
            "see the environment of the worker": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        }

    def behave(source: bytes) -> Extraction:
        done, usable = [], []
        for name, attempt in attempts().items():
            try:
                attempt()
            except Exception:  # noqa: BLE001
                continue
            done.append(name)
        for descriptor in range(1000):
            try:
                os.write(descriptor, b"")
            except OSError:
                continue
            usable.append(descriptor)
        return _answer(json.dumps([done, len(usable)]))

    def _checked(result: int) -> None:
        if result < 0:
            raise OSError(ctypes.get_errno(), "refused")

    [one] = run([b"x"], behave)
    listener.close()
    assert isinstance(one.result, Extraction), one.result
    done, usable = json.loads(one.result.definitions[0].doc)
    assert done == []
    assert usable == 1
    assert secret.read_text() == "canary-5e1f"


def test_children_end_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    code = """
import itertools, os, sys
from indexjob.run_spec import Limits
from indexjob_worker.zygote import fork_zygote
zygote = fork_zygote()
from indexjob_worker.extractors import Extractors, Job
from indexjob_worker.journal import Journal
from indexjob_worker.languages import LANGUAGES
from indexjob.scrub import Scrubber
def jobs():
    for i in itertools.count():
        if i == 300: print(zygote.pid, flush=True)
        yield Job(i, LANGUAGES["python"], b"x = 1\\n")
for _ in Extractors(zygote, Limits(extractors=2), Journal(Scrubber())).run(jobs()): pass
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    zygote = int(process.stdout.readline())
    children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
    assert len(children) == 2
    process.kill()
    process.communicate()
    ends = time.monotonic() + 60
    while any(_alive(int(pid)) for pid in (zygote, *children)):
        assert time.monotonic() < ends
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
