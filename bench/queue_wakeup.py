"""What the wake-up costs an application that enqueues: its commits a second with the trigger, beside those without it.

32 clients of pgbench each enqueue and commit. A commit takes 3 ms (`commit_delay`: the server waits so long before it flushes), because NOTIFY's global
lock is held for as long as a commit takes: on a fast disk its cost hardly shows. A listener listens all the while. For comparison, the same with a
plain NOTIFY in each transaction, as queues often have it.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figure, alternating, at_least, ratio_of_rounds
from bench.server import Server, connect
from indexjob.embedded.binaries import installed

SUBJECT = "queue_wakeup"
ROUNDS = 5
SECONDS = 4
CLIENTS = 32
COMMIT_MICROSECONDS = 3000
ENQUEUE = "\\set n random(1, 1000000000)\nSELECT indexjob.enqueue('https://example.org/team/r' || :n);\n"
NOTIFY = "\\set n random(1, 1000000000)\nBEGIN;\nSELECT indexjob.enqueue('https://example.org/team/r' || :n);\nNOTIFY bench;\nEND;\n"


def measure(server: Server) -> Iterator[Figure]:
    """The rate with wake-up by the rate without."""
    rates: dict[str, list[float]] = defaultdict(list)
    with server.database() as url, _listening(url):
        for side in alternating(ROUNDS, "with", "without", "notify"):
            with connect(url) as connection:
                connection.execute("TRUNCATE indexjob.index_jobs CASCADE")
                switch = "ENABLE" if side == "with" else "DISABLE"
                connection.execute(f"ALTER TABLE indexjob.index_jobs {switch} TRIGGER wake_on_insert")
            rates[side].append(_commits_a_second(url, NOTIFY if side == "notify" else ENQUEUE))
    yield Figure(SUBJECT, "commits of 32 clients without wake-up", sorted(rates["without"])[ROUNDS // 2], "/s")
    ratio = ratio_of_rounds(rates["with"], rates["without"])
    yield Figure(SUBJECT, "commits with wake-up by those without", ratio, "x", at_least(0.9))
    notified = ratio_of_rounds(rates["notify"], rates["without"])
    yield Figure(SUBJECT, "commits with a plain NOTIFY in each by those without", notified, "x")


def _commits_a_second(url: str, script: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transaction.sql"
        path.write_text(script)
        done = subprocess.run(
            [
                *(installed() / "bin" / "pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS)),
                *("-M", "prepared", "-f", path, url),
            ],
            env=os.environ | {"PGOPTIONS": f"-c commit_delay={COMMIT_MICROSECONDS} -c commit_siblings=0"},
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found.group(1))


@contextmanager
def _listening(url: str) -> Iterator[None]:
    """As the leader does: a connection of its own that hears every wake-up."""
    with connect(url) as connection:
        connection.execute("LISTEN indexjob_wake")
        connection.execute("LISTEN bench")
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                for _ in connection.notifies(timeout=0.2):
                    pass

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield
        finally:
            stop.set()
            listener.join()
