"""Retention and garbage: what no revision needs goes, and never what a run on its way may count on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Event

import psycopg
import pytest
from psycopg import errors

from indexjob.index import Graph

TABLES = (
    "snapshot",
    "publication",
    "manifest",
    "manifest_file",
    "graph",
    "dependency",
    "content",
    "symbol",
    "reference",
    "import",
)


def counts(admin) -> dict[str, int]:
    return {table: admin.execute(f"SELECT count(*) FROM indexjob.{table}").fetchone()[0] for table in TABLES}


def collect(admin, keep: int = 1, grace: str = "0", max_rows: int = 10_000) -> dict[str, int]:
    """Until nothing is left to do; the sums."""
    sums = dict.fromkeys(("snapshots", "manifests", "graphs", "contents"), 0)
    idle = 0
    while idle < 2:
        row = admin.execute("SELECT * FROM indexjob.collect_garbage(%s, %s, %s)", [keep, grace, max_rows]).fetchone()
        sums = {name: total + more for (name, total), more in zip(sums.items(), row, strict=True)}
        idle = 0 if any(row) else idle + 1
    return sums


@pytest.fixture
def publish(queue, worker, source):
    """Publishes a commit with one file of its own, one that all share, and one dependency of its own."""

    def publish(commit: str, revision: str = "main", **options: object) -> None:
        launch = queue.launch(revision, options=options)
        worker.publish(
            launch,
            commit,
            source(f"{commit}.py", (f"C{commit}", "f"), ("x", "y"), ("os",)),
            source("shared.py", ("Shared",), ("z",)),
            dependencies=((f"{commit}.py", None, "os", "external"),),
        )
        queue.end(launch)

    return publish


def test_each_revision_keeps_its_newest_of_each_selection(admin, publish) -> None:
    for commit in "abc":
        publish(commit)
    publish("a", "v1")
    publish("d", languages=["python"])
    assert counts(admin)["snapshot"] == 4
    assert collect(admin, keep=2) == {"snapshots": 0, "manifests": 0, "graphs": 0, "contents": 0}
    assert collect(admin, keep=1) == {"snapshots": 1, "manifests": 1, "graphs": 1, "contents": 1}
    held = admin.execute(
        "SELECT p.revision, s.commit FROM indexjob.publication p JOIN indexjob.snapshot s ON s.id = p.snapshot_id ORDER BY 1, 2"
    )
    assert held.fetchall() == [("main", "c"), ("main", "d"), ("v1", "a")]


def test_nothing_is_left_of_what_is_collected(admin, publish) -> None:
    publish("a")
    alone = counts(admin)
    for commit in "bcd":
        publish(commit)
    assert collect(admin) == {"snapshots": 3, "manifests": 3, "graphs": 3, "contents": 3}
    assert counts(admin) == alone


def test_small_steps_come_to_the_same(admin, publish) -> None:
    for commit in "abcd":
        publish(commit)
    assert collect(admin, max_rows=1) == {"snapshots": 3, "manifests": 3, "graphs": 3, "contents": 3}


def test_what_was_current_last_is_kept_and_what_is_current_always(admin, publish, queue, worker) -> None:
    for commit in "abc":
        publish(commit)
    worker.at(back := queue.launch()).publish_unchanged("a")
    queue.end(back)
    collect(admin, keep=2)
    known = admin.execute(
        "SELECT indexjob.known_commits('default', 'https://example.org/team/project', '{}')"
    ).fetchone()[0]
    assert known == {"1": {"": ["a", "c"]}}


def test_content_that_was_never_published_goes_after_its_run(admin, queue, worker, source) -> None:
    launch = queue.launch()
    worker.store(launch, source("a.py", ("A",), ("x",), ("os",)))
    assert collect(admin)["contents"] == 0
    queue.end(launch)
    assert collect(admin, grace="1 hour")["contents"] == 0
    assert collect(admin)["contents"] == 1
    assert not any(counts(admin).values())


def test_a_run_keeps_what_it_found_though_it_was_unused_before(admin, queue, worker, source) -> None:
    """It was marked before the run began, and the run counts on it: the mark is renewed, the content stays until it is published."""
    a, b = source("a.py", ("A",)), source("b.py", ("B",))
    worker.store(before := queue.launch(), a, b)
    queue.end(before)
    launch = queue.launch()
    contents = worker.at(launch).stored([a.key])
    assert collect(admin) == {"snapshots": 0, "manifests": 0, "graphs": 0, "contents": 1}
    worker.at(launch).publish("c", [a.file(contents)], Graph(b"", ((), ())))
    queue.end(launch)
    assert collect(admin)["contents"] == 0
    assert worker.at(queue.launch()).stored([a.key, b.key]) == contents


def test_a_run_of_any_repository_holds_everything_that_went_out_of_use_since(admin, publish, queue, worker) -> None:
    publish("a")
    running = queue.launch(repository="https://example.org/team/other")
    publish("b")
    assert not any(collect(admin).values())
    # Set aside, so that no new run is told of it; but a run that was told before can have it.
    known = admin.execute(
        "SELECT indexjob.known_commits('default', 'https://example.org/team/project', '{}')"
    ).fetchone()[0]
    assert known == {"1": {"": ["b"]}}
    told_before = queue.launch()
    worker.at(told_before).publish_unchanged("a")
    queue.end(told_before)
    queue.end(running)
    assert collect(admin, keep=2) == {"snapshots": 0, "manifests": 0, "graphs": 0, "contents": 0}
    assert admin.execute("SELECT s.commit FROM indexjob.symbols s WHERE name = 'Ca'").fetchall() == [("a",)]


def test_publishing_and_collecting_at_once(admin, publish) -> None:
    """Over and over: what a revision shows is always there, and whole.

    The grace is for marks that were not committed yet when a run looked, so it must be longer than a collection takes.
    """
    done, swept = Event(), Event()

    def sweep() -> None:
        with psycopg.connect(admin.info.dsn, autocommit=True) as connection:
            while not done.is_set():
                if any(connection.execute("SELECT * FROM indexjob.collect_garbage(1, '0.4 s')").fetchone()):
                    swept.set()

    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(sweep)
        try:
            for number, commit in enumerate(cycle("ab")):
                if number >= 20 and swept.is_set():
                    break
                publish(commit)
                files = admin.execute("SELECT path, language, commit FROM indexjob.files ORDER BY path").fetchall()
                assert files == [(f"{commit}.py", "python", commit), ("shared.py", "python", commit)]
                names = admin.execute("SELECT name FROM indexjob.symbols ORDER BY name").fetchall()
                assert names == [(f"C{commit}",), ("Shared",), ("f",)]
                if number >= 20:
                    time.sleep(0.5)  # a pause in which what was marked grows older than the grace
        finally:
            done.set()
        sweeping.result()


def test_a_manifest_in_use_by_a_publisher_is_not_collected(admin, publish, queue, worker, source) -> None:
    """The publisher has opened it and not committed yet; the collector goes past it."""
    publish("a")
    publish("b")
    admin.execute("DELETE FROM indexjob.publication WHERE NOT current")
    admin.execute("DELETE FROM indexjob.snapshot WHERE commit = 'a'")
    files_hash = admin.execute("SELECT hash FROM indexjob.manifest ORDER BY id LIMIT 1").fetchone()[0]
    with worker.connection.transaction():
        worker.connection.execute("SELECT * FROM indexjob.open_manifest(%s, %s, %s, %s)", [*queue.launch(), files_hash])
        assert collect(admin)["manifests"] == 0
    assert collect(admin)["manifests"] == 1


def test_at_least_one_snapshot_is_kept(admin) -> None:
    for keep in (0, None):
        with pytest.raises(errors.InvalidParameterValue):
            admin.execute("SELECT indexjob.collect_garbage(%s)", [keep])


@pytest.mark.parametrize("held", ["snapshot", "publication"])
def test_what_a_publisher_holds_is_left_for_the_next_time(admin, publish, held: str) -> None:
    """It may be waiting for the collector by then: to wait for it would be a deadlock."""
    publish("a")
    publish("b")
    with psycopg.connect(admin.info.dsn) as publisher:
        publisher.execute(
            f"SELECT FROM indexjob.{held} WHERE {{}} = (SELECT id FROM indexjob.snapshot WHERE commit = 'a') FOR NO KEY UPDATE".format(
                "id" if held == "snapshot" else "snapshot_id"
            ).encode()
        )
        admin.execute("SET statement_timeout = '2s'")
        assert collect(admin)["snapshots"] == 0
        admin.execute("RESET statement_timeout")
    collect(admin)
    assert counts(admin)["snapshot"] == 1
