"""Storing extractions: once per blob, whole or not at all, whoever else stores the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from indexjob.index import BlobKey, imports_digest


def count(admin, table: str) -> int:
    return admin.execute(f"SELECT count(*) FROM indexjob.{table}").fetchone()[0]


def test_what_was_stored_is_found_again(admin, launch, worker, source) -> None:
    a, b = source("a.py", ("A", "f"), ("g", "h"), ("os",)), source("b.py", ("B",))
    index = worker.at(launch)
    assert index.stored([a.key, b.key]) == {}
    stored = index.store([a.blob(), b.blob()])
    assert stored == index.stored([b.key, a.key, BlobKey("00" * 20, "python")])
    assert stored[a.key].imports_digest == imports_digest(a.blob().imports) != stored[b.key].imports_digest
    assert dict(index.imports(c.id for c in stored.values())) == {stored[a.key].id: a.blob().imports}
    rows = admin.execute(
        "SELECT ord, parent_ord, kind::text, name, line, col, end_line, signature, doc, exported FROM indexjob.symbol"
        " WHERE content_id = %s ORDER BY ord",
        [stored[a.key].id],
    )
    assert rows.fetchall() == a.blob().definitions
    rows = admin.execute(
        "SELECT kind::text, name, line, col, enclosing_ord, import_ord, definition_ord FROM indexjob.reference WHERE content_id = %s ORDER BY line",
        [stored[a.key].id],
    )
    assert rows.fetchall() == a.blob().references


def test_the_same_blob_is_another_in_another_language_version_or_tenant(queue, launch, worker, source) -> None:
    a = source("a.h", ("A",))
    as_python = worker.store(launch, a)[a.key].id
    as_go = worker.at(launch).store([a.blob()._replace(key=BlobKey(a.key.blob_sha, "go"))])
    other = worker.store(queue.launch(tenant="other"), a)[a.key].id
    assert len({as_python, other, *(c.id for c in as_go.values())}) == 3


def test_a_blob_twice_in_a_batch_and_again_later_is_one(admin, launch, worker, source) -> None:
    a = source("a.py", ("A",), ("x",))
    first = worker.at(launch).store([a.blob(), a.blob()])
    assert worker.at(launch).store([a.blob()]) == first
    assert (count(admin, "content"), count(admin, "symbol"), count(admin, "reference")) == (1, 1, 1)


def test_eight_workers_on_overlapping_content(admin, queue, new_worker, source) -> None:
    """No deadlock, nothing twice, and all of them see the same ids: whatever the order that each extracted in."""
    sources = [source(f"{n}.py", (f"C{n}", "f"), tuple(f"g{i}" for i in range(50))) for n in range(200)]
    launches = [queue.launch(repository=f"https://example.org/team/{n}") for n in range(8)]
    workers = [new_worker().at(launch) for launch in launches]
    start = threading.Barrier(8)

    def work(number: int) -> dict:
        start.wait()
        mine = sources[number:] + sources[:number]
        mine = mine[::-1] if number % 2 else mine
        contents: dict = {}
        for at in range(0, len(mine), 40):
            contents |= workers[number].store(s.blob() for s in mine[at : at + 40])
        return contents

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert all(result == results[0] for result in results)
    assert (count(admin, "content"), count(admin, "symbol"), count(admin, "reference")) == (200, 400, 10_000)


def test_a_second_worker_waits_for_the_first_and_takes_over_if_it_dies(admin, launch, new_worker, source) -> None:
    a, first, second = source("a.py", ("A",)), new_worker(), new_worker()
    with ThreadPoolExecutor(1) as pool:
        with first.connection.transaction(force_rollback=True):
            first.at(launch).store([a.blob()])
            storing = pool.submit(second.at(launch).store, [a.blob()])
            while not admin.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)").fetchone()[0]:
                assert not storing.done()
        assert storing.result(timeout=60) == second.at(launch).stored([a.key])
    assert (count(admin, "content"), count(admin, "symbol")) == (1, 1)


def test_a_connection_cut_in_the_middle_of_a_batch_leaves_nothing_of_it(
    admin, launch, worker, new_worker, source
) -> None:
    whole, cut = source("a.py", ("A",)), source("b.py", ("B",), ("x",), ("os",))
    worker.store(launch, whole)

    def imports():
        yield from cut.blob().imports
        admin.execute("SELECT pg_terminate_backend(%s)", [worker.connection.info.backend_pid])
        while True:
            yield from cut.blob().imports

    class Cutting(list):
        """Gone through first for its digest, then to be copied, after symbols and references."""

        times = 0

        def __iter__(self):
            self.times += 1
            return imports() if self.times > 1 else super().__iter__()

    with pytest.raises(psycopg.OperationalError):
        worker.at(launch).store([cut.blob()._replace(imports=Cutting(cut.blob().imports))])
    again = new_worker()
    assert set(again.at(launch).stored([whole.key, cut.key])) == {whole.key}
    assert (count(admin, "symbol"), count(admin, "reference")) == (1, 0)
    assert set(again.store(launch, whole, cut)) == {whole.key, cut.key}
    assert (count(admin, "symbol"), count(admin, "reference")) == (2, 1)
