"""Publishing: a snapshot, its revision's pointer and the job's verdict at once, by the launch that is current and no other."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from indexjob.index import (
    AlreadyPublishedError,
    ContentGoneError,
    Cycle,
    FencedError,
    File,
    Graph,
    UnknownSnapshotError,
)

SHOWN = """
SELECT r.tenant, r.url, p.revision, s.commit FROM indexjob.publication p
JOIN indexjob.snapshot s ON s.id = p.snapshot_id JOIN indexjob.repository r ON r.id = s.repository_id WHERE p.current ORDER BY 1, 2, 3
"""


def shown(admin) -> dict[str, str]:
    return {revision: commit for _, _, revision, commit in admin.execute(SHOWN)}


def count(admin, table: str) -> int:
    return admin.execute(f"SELECT count(*) FROM indexjob.{table}").fetchone()[0]


def test_publishing_is_the_verdict(admin, queue, worker, source) -> None:
    launch = queue.launch("main")
    a, b = source("a.py", ("A", "f"), ("g", "h"), ("b",)), source("b.py", ("B",), (), ("a",))
    broken = File("broken.py", b"broken.py", "crash", size=7)
    binary = File("logo~1.png", b"logo\xff.png", "binary", size=9, vendored=True)
    edges = (("a.py", "b.py", "b", "internal"), ("b.py", "a.py", "a", "internal"), ("b.py", None, "os", "external"))
    stats = worker.publish(
        launch, "c1", a, b, others=(broken, binary), dependencies=edges, cycles=(Cycle(2, ["a.py", "b.py"]),)
    )
    counts = {"files": 4, "files_failed": 1, "symbols": 3, "references": 2, "dependencies": 3, "cycles": 1}
    assert stats == counts | {"seconds": stats["seconds"]}
    assert stats["seconds"]["store"] >= 0.5, "what the worker measured, and this transaction"
    assert queue.job(launch) == {"state": "launching", "verdict": "completed", "commit": "c1", "stats": stats}
    assert shown(admin) == {"main": "c1"}
    queue.end(launch)
    assert queue.job(launch)["state"] == "completed"


def test_the_same_commit_again_writes_only_the_pointer(admin, queue, worker, source) -> None:
    a = source("a.py", ("A",))
    tables = ("content", "symbol", "manifest", "manifest_file", "graph", "snapshot", "publication", "repository")
    first = queue.launch()
    worker.publish(first, "c1", a)
    before = {
        table: admin.execute(f"SELECT xmin::text, ctid::text FROM indexjob.{table}").fetchall() for table in tables
    }
    queue.end(first)
    worker.publish(queue.launch(), "c1", a)
    after = {
        table: admin.execute(f"SELECT xmin::text, ctid::text FROM indexjob.{table}").fetchall() for table in tables
    }
    assert {table for table in tables if before[table] != after[table]} == {"publication"}


def test_a_revision_that_moves_back_shows_what_it_showed(admin, queue, worker, source) -> None:
    """A → B → A, by the marker `unchanged` and by indexing again."""
    a, b = source("a.py", ("A",)), source("a.py", ("B",))
    for commit, which in (("a", a), ("b", b)):
        launch = queue.launch()
        worker.publish(launch, commit, which)
        queue.end(launch)
        assert shown(admin) == {"main": commit}
    back = queue.launch()
    stats = worker.at(back).publish_unchanged("a", {"clone": 0.1})
    assert (stats["symbols"], stats["seconds"]["clone"]) == (1, 0.1)
    assert 0 <= stats["seconds"]["store"] < 60, "the time of the publishing transaction itself"
    assert shown(admin) == {"main": "a"}
    queue.end(back)
    assert queue.job(back)["state"] == "skipped"
    worker.publish(queue.launch(), "b", b)
    assert shown(admin) == {"main": "b"}
    assert count(admin, "snapshot") == 2


def test_revisions_point_on_their_own(admin, queue, worker, source) -> None:
    a = source("a.py", ("A",))
    first = queue.launch("main")
    worker.publish(first, "a", a)
    queue.end(first)
    worker.at(queue.launch("v1")).publish_unchanged("a")
    assert shown(admin) == {"main": "a", "v1": "a"}


def test_an_unknown_commit_is_not_unchanged(queue, worker, source) -> None:
    """Nor is one of another selection, extractor or tenant."""
    first = queue.launch(options={"languages": ["python"]})
    worker.publish(first, "a", source("a.py", ("A",)))
    queue.end(first)
    other = queue.launch(options={"languages": ["go"]})
    for commit in ("a", "b"):
        with pytest.raises(UnknownSnapshotError):
            worker.at(other).publish_unchanged(commit)
    assert queue.job(other)["verdict"] is None


def test_known_commits_are_those_of_the_same_selection(admin, queue, worker, source) -> None:
    def known(options: str, newest: int = 50) -> dict[str, dict[str, list[str]]]:
        query = "SELECT indexjob.known_commits('default', 'https://EXAMPLE.org/team/project.git', %s, %s)"
        return admin.execute(query, [options, newest]).fetchone()[0]

    for commit, options in (
        ("a", {}),
        ("b", {}),
        ("a", {}),
        ("c", {"include": ["src/**"], "active_deadline_seconds": 9}),
    ):
        launch = queue.launch(options=options)
        worker.publish(launch, commit, source("a.py", (commit,)))
        queue.end(launch)
    assert known("{}") == {"1": {"": ["a", "b"]}} == known('{"include": [], "credentials_secret": "x"}')
    assert known("{}", newest=1) == {"1": {"": ["a"]}}
    assert known('{"include": ["src/**"]}') == {"1": {"": ["c"]}}
    assert known('{"exclude": ["src/**"]}') == {}


def test_the_same_commit_under_other_limits_is_another_snapshot(admin, queue, worker, source) -> None:
    """Else a raised limit would never bring the files that were left out under the old one."""
    contents = worker.store(first := queue.launch(), source("a.py", ("A",)), source("b.py", ("B",)))
    a, b = (source(path, (name,)).file(contents) for path, name in (("a.py", "A"), ("b.py", "B")))
    left_out = File("b.py", b"b.py", "too_large", None, 100)
    graph = Graph(b"", ((), ()))
    worker.at(first, "low").publish("c", [a, left_out], graph)
    queue.end(first)
    second = queue.launch()
    with pytest.raises(UnknownSnapshotError):
        worker.at(second, "high").publish_unchanged("c")
    assert worker.at(second, "high").publish("c", [a, b], graph)["symbols"] == 2
    queue.end(second)
    third = queue.launch()
    assert worker.at(third, "low").publish_unchanged("c")["symbols"] == 1
    queue.end(third)
    query = "SELECT indexjob.known_commits('default', 'https://example.org/team/project', '{}')"
    assert admin.execute(query).fetchone()[0] == {"1": {"low": ["c"], "high": ["c"]}}


def test_only_the_current_launch_publishes(admin, queue, worker, source) -> None:
    a, b = source("a.py", ("A",)), source("b.py", ("B",))
    first = queue.launch()
    worker.publish(first, "a", a)
    queue.end(first)
    current = queue.launch()
    wrong = [
        current._replace(token="0" * 64),
        current._replace(token=None),
        current._replace(number=current.number + 1),
        current._replace(job_id=first.job_id),
        current._replace(token=first.token),
    ]
    for launch in wrong:
        with pytest.raises(FencedError):
            worker.publish(launch, "b", b)
        with pytest.raises(FencedError):
            worker.at(launch).publish_unchanged("a")
    assert shown(admin) == {"main": "a"}
    assert count(admin, "manifest") == 1
    worker.publish(current, "b", b)


def test_a_cancelled_launch_cannot_publish(admin, queue, worker, source) -> None:
    launch = queue.launch()
    admin.execute("SELECT indexjob.cancel(%s)", [launch.job_id])
    with pytest.raises(FencedError):
        worker.publish(launch, "a", source("a.py", ("A",)))
    assert shown(admin) == {}
    assert queue.job(launch)["verdict"] is None


def test_publishing_twice_says_so(queue, worker, source) -> None:
    """An attempt that lost its connection after the commit is followed by another, which has nothing left to do."""
    launch = queue.launch()
    worker.publish(launch, "a", source("a.py", ("A",)))
    with pytest.raises(AlreadyPublishedError) as caught:
        worker.publish(launch, "a", source("a.py", ("A",)))
    assert caught.value.exit_code == 0
    with pytest.raises(FencedError):
        worker.at(launch._replace(token="0")).publish_unchanged("a")


def test_a_connection_cut_while_publishing_leaves_the_old_snapshot_whole(
    admin, queue, worker, new_worker, source
) -> None:
    a, b, c = source("a.py", ("A",)), source("b.py", ("B",)), source("c.py", ("C",))
    first = queue.launch()
    worker.publish(first, "a", a)
    queue.end(first)
    launch = queue.launch()
    contents = worker.store(launch, a, b, c)

    def edges():
        yield ("a.py", "b.py", "b", "internal")
        admin.execute("SELECT pg_terminate_backend(%s)", [worker.connection.info.backend_pid])
        while True:
            yield ("b.py", "a.py", "a", "internal")

    with pytest.raises(psycopg.OperationalError):
        worker.at(launch).publish("b", [s.file(contents) for s in (a, b, c)], Graph(b"new", (edges(), ())))
    assert shown(admin) == {"main": "a"}
    assert (count(admin, "manifest_file"), count(admin, "dependency"), count(admin, "snapshot")) == (1, 0, 1)
    again = new_worker()
    assert set(again.at(launch).stored([a.key, b.key, c.key])) == {a.key, b.key, c.key}
    again.publish(launch, "b", a, b, c)
    assert shown(admin) == {"main": "b"}


def test_a_manifest_names_only_content_that_is_kept_and_its_tenants_own(admin, queue, worker, source) -> None:
    a = source("a.py", ("A",))
    foreign = worker.store(queue.launch(tenant="other"), a)[a.key].id
    launch = queue.launch()
    for content_id in (foreign, 999_999):
        with pytest.raises(ContentGoneError):
            worker.at(launch).publish("a", [File("a.py", b"a.py", "ok", content_id)], Graph(b"", ((), ())))
    with pytest.raises(ContentGoneError):
        worker.at(launch).publish("a", [], Graph(b"forgotten", None))
    assert count(admin, "manifest") == count(admin, "graph") == count(admin, "snapshot") == 0


def test_a_known_graph_need_not_be_computed(admin, queue, worker, source) -> None:
    first, second = source("a.py", ("A",)), source("a.py", ("B",))
    launch = queue.launch()
    assert not worker.at(launch).graph_is_known(b"g")
    worker.at(launch).publish(
        "a", [first.file(worker.store(launch, first))], Graph(b"g", ([("a.py", None, "os", "external")], ()))
    )
    queue.end(launch)
    launch = queue.launch()
    assert worker.at(launch).graph_is_known(b"g")
    stats = worker.at(launch).publish("b", [second.file(worker.store(launch, second))], Graph(b"g", None))
    assert stats["dependencies"] == 1
    assert (count(admin, "graph"), count(admin, "manifest")) == (1, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM indexjob.content", "SELECT FROM indexjob.import", "SELECT FROM indexjob.symbol", "SELECT FROM indexjob.reference", "SELECT FROM indexjob.manifest", "SELECT FROM indexjob.snapshot",
        "SELECT FROM indexjob.index_jobs", "SELECT FROM indexjob.instance",
        "UPDATE indexjob.content SET size = 0", "DELETE FROM indexjob.content", "DELETE FROM indexjob.symbol", "TRUNCATE indexjob.import",
        "UPDATE indexjob.publication SET current = false", "INSERT INTO indexjob.repository (tenant, url) VALUES ('a', 'b')",
        "SELECT indexjob.launch_token(gen_random_uuid(), 1)", "SELECT indexjob.seal_manifest(1)",
        "SELECT indexjob.show_snapshot(NULL, 1, 'completed', '{}')", "SELECT FROM indexjob.symbols",
        "SELECT indexjob.collect_garbage(1)", "SELECT indexjob.search_symbols('a')",
    ],
)  # fmt: skip
def test_a_worker_can_do_nothing_more(worker, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        worker.connection.execute(statement)
