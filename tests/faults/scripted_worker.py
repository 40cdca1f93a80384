"""A worker that takes a fraction of a second and really publishes, by the worker's own SQL functions; the revision says how it behaves.

It is its own witness: whoever runs a repository holds a lock on a file of that repository, which the kernel frees when the process ends, so an overlap
can't be missed; and what it publishes it notes in the very transaction.
"""

from __future__ import annotations

import fcntl
import json
import sys
import time
from hashlib import sha256
from pathlib import Path

TRANSIENT, BAD_INPUT = 75, 65


def main(witness: Path, step: str, arguments: dict[str, str]) -> int:
    spec = json.loads(Path(arguments["--run-spec"]).read_text())
    with (witness / sha256(f"{spec['tenant']} {spec['repository']}".encode()).hexdigest()).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with (witness / "overlaps").open("a") as overlaps:
                overlaps.write(f"{spec['job_id']}-{spec['launch']} {step}\n")
        return 0 if step == "clone" else index(spec, Path(arguments["--database-credentials"]))


def index(spec: dict[str, object], credentials: Path) -> int:
    import os

    import psycopg

    from indexjob.index import Graph, IndexWriter, Launch

    token = (credentials / "launch-token").read_text()
    job, launch, revision = str(spec["job_id"]), int(str(spec["launch"])), str(spec["revision"])
    with psycopg.connect(
        (credentials / "database-url").read_text(), autocommit=True, prepare_threshold=None
    ) as connection:
        if revision.startswith("mute") and launch == 1:
            time.sleep(3600)
        uid = os.environ["POD_UID"]
        attempt = connection.execute(
            "SELECT indexjob.start_attempt(%s, %s, %s, %s, %s, 'n')", (job, launch, token, uid, uid)
        ).fetchone()
        lives = ("SELECT indexjob.report_progress(%s, %s, %s, 'parse', 50)", (job, launch, token))
        connection.execute(*lives)
        if revision.startswith("hang") and launch == 1:
            time.sleep(3600)
        for _ in range(30 if revision.startswith("slow") else 1):
            time.sleep(0.05)
            connection.execute(*lives)
        if revision.startswith("bad"):
            return BAD_INPUT
        if revision.startswith("flaky") and attempt == (1,):
            return TRANSIENT
        with connection.transaction():
            writer = IndexWriter(connection, Launch(spec["job_id"], launch, token), 1)
            writer.publish(f"commit-of-{revision}", [], Graph(b"none", ((), ())))
            connection.execute("INSERT INTO witness.published VALUES (%s, %s)", (job, launch))
        connection.execute(
            "SELECT indexjob.finish_attempt(%s, %s, %s, %s, 0, 'Completed', '', NULL, NULL, NULL)",
            (job, uid, launch, token),
        )
    return 0


if __name__ == "__main__":
    rest = sys.argv[3:]
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], dict(zip(rest[::2], rest[1::2], strict=True))))
