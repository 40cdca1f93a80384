"""`index` publishes what the commit holds, accounts for every file, and ends well whatever happens."""

import json
import signal
import time
from pathlib import Path

import pytest

from indexjob_worker.version import EXTRACTOR_VERSION
from tests.worker.conftest import Queue, Worker
from tests.worker.repositories import Repository

FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "from pkg.b import f\n\ndef g():\n    return f()\n",
    "pkg/b.py": "import os\n\ndef f():\n    return os.getcwd()\n",
    "README.md": "hello",
}

FOREVER = "import indexjob_worker.child as c\ndef forever(*_):\n    while True: pass\nc.extract = forever\n"

CUT_ONCE = """
    CREATE SEQUENCE indexjob.cuts;
    CREATE FUNCTION indexjob.cut_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF nextval('indexjob.cuts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER cut_once BEFORE INSERT ON indexjob.symbol FOR EACH ROW EXECUTE FUNCTION indexjob.cut_once();
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository.git")
    made.commit(FILES)
    return made


@pytest.fixture
def url(repository: Repository) -> str:
    return f"file://{repository.path}"


@pytest.fixture
def slow(worker: Worker, repository: Repository, tmp_path: Path) -> Repository:
    """Extraction takes for ever."""
    worker.break_with(FOREVER + "c._SNIPPETS = ()\n")
    return repository


def test_publishes(worker: Worker, queue: Queue, repository: Repository, url: str) -> None:
    queue.launch(url)
    code, outcome, printed = worker.index(url)
    assert (code, outcome["reason"]) == (0, "Completed"), printed
    assert queue.files() == {"pkg/__init__.py": "ok", "pkg/a.py": "ok", "pkg/b.py": "ok", "README.md": "unsupported"}
    assert queue.rows("SELECT name FROM indexjob.symbols ORDER BY name") == [("f",), ("g",)]
    assert queue.rows("SELECT path, target_path, spec, kind FROM indexjob.dependencies ORDER BY spec") == [
        ("pkg/b.py", None, "os", "external"),
        ("pkg/a.py", "pkg/b.py", "pkg.b", "internal"),
    ]
    assert outcome["stats"]["files"] == 4
    assert outcome["stats"]["symbols"] == 2
    assert set(outcome["steps"]) == {"clone", "discover", "parse", "symbols", "references", "dependencies", "store"}
    assert outcome["peak_memory_bytes"] > 10_000_000
    assert worker.leftovers() == []
    verdict = queue.rows("SELECT verdict::text, commit FROM indexjob.index_jobs WHERE id = %s", worker.job_id)
    assert verdict == [("completed", repository._tip("main"))]
    [attempt] = queue.attempts()
    assert (attempt["exit_code"], attempt["reason"], attempt["node"]) == (0, "Completed", "node")
    assert '"action": "published"' in attempt["log_tail"]
    assert attempt["steps"] == outcome["steps"]


def test_says_on_each_line_what_it_is_about(worker: Worker, queue: Queue, url: str) -> None:
    queue.launch(url)
    lines = [json.loads(line) for line in worker.index(url)[2].splitlines()]
    assert {line["job"] for line in lines} == {worker.job_id}
    assert {line["repository"] for line in lines} == {url}
    assert [line["step"] for line in lines if line["action"] == "step"] == ["parse", "dependencies", "store"]
    assert all(line["attempt"] == 1 for line in lines if line["action"] == "published")


def test_the_next_commit_extracts_what_it_changed(
    worker: Worker, queue: Queue, repository: Repository, url: str
) -> None:
    queue.launch(url)
    assert worker.index(url)[0] == 0
    queue.end()
    repository.commit(FILES | {"pkg/c.py": "def h(): pass\n"})
    queue.launch(url)
    code, outcome, printed = worker.index(url)
    assert code == 0, printed
    extracted = [json.loads(line) for line in printed.splitlines() if '"extracted"' in line]
    assert [line["blobs"] for line in extracted] == [1]
    assert outcome["stats"]["symbols"] == 3


def test_an_edit_that_changes_no_import_keeps_the_graph(
    worker: Worker, queue: Queue, repository: Repository, url: str
) -> None:
    circle = FILES | {"pkg/b.py": "import pkg.a\n\ndef f(): pass\n"}
    repository.commit(circle)
    queue.launch(url)
    assert worker.index(url)[1]["stats"]["cycles"] == 1
    queue.end()
    repository.commit(circle | {"pkg/b.py": "import pkg.a\n\n\ndef f2(): pass\n"})
    queue.launch(url)
    code, outcome, printed = worker.index(url)
    assert (code, outcome["stats"]["cycles"], outcome["stats"]["dependencies"]) == (0, 1, 2), printed
    assert queue.one("SELECT count(*) FROM indexjob.graph") == 1
    assert queue.rows("SELECT paths FROM indexjob.cycles") == [(["pkg/a.py", "pkg/b.py"],)]


def test_unchanged(worker: Worker, queue: Queue, repository: Repository, url: str) -> None:
    queue.launch(url)
    assert worker.index(url)[0] == 0
    queue.end()
    queue.launch(url)
    code, outcome, printed = worker.index(url, known_commits={EXTRACTOR_VERSION: [repository._tip("main")]})
    assert (code, outcome["reason"]) == (0, "Unchanged"), printed
    assert queue.one("SELECT verdict::text FROM indexjob.index_jobs WHERE id = %s", worker.job_id) == "skipped"
    assert worker.leftovers() == []


def test_a_raised_limit_brings_what_was_left_out(
    worker: Worker, queue: Queue, repository: Repository, url: str
) -> None:
    repository.commit({"large.py": b"x = 1\n" * 500})
    statuses = []
    for limits in ({"file_bytes": 2000}, {"file_bytes": 2000}, {}):
        queue.launch(url)
        assert worker.index(url, limits=limits)[0] == 0
        queue.end()
        statuses.append(queue.one("SELECT status FROM indexjob.files WHERE path = 'large.py'"))
    assert statuses == ["too_large", "too_large", "ok"]
    assert queue.one("SELECT count(*) FROM indexjob.snapshot") == 2


def test_every_file_is_accounted_for(worker: Worker, queue: Queue, repository: Repository, url: str) -> None:
    commit = repository._tip("main")
    lfs = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
    files = {
        "ok.py": "x = 1\n", "broken.py": "def (:\n", "binary.py": b"x = 1\0", "large.py": b"#" * 3000, "lfs.py": lfs,
        "link.py": "ok.py", "module": commit, "tool.sh": "ls", "out/x.py": "x = 1\n", "a.go": "package a\n",
        "utf8.py": b"x = '\xff'\n", b"p\xffath.py": "x = 1\n", 'new\nline"q.py': "x = 1\n", "empty.py": "", "run.py": "x = 1\n",
    }  # fmt: skip
    modes = {"link.py": "120000", "module": "160000", "run.py": "100755"}
    repository.commit(files, modes)
    queue.launch(url, exclude=["out/"], languages=["python"])
    code, outcome, printed = worker.index(url, exclude=["out/"], languages=["python"], limits={"file_bytes": 2000})
    assert code == 0, printed
    found = queue.files()
    odd = [path for path in found if path.startswith("p\ufffdath")]
    assert found == {
        "ok.py": "ok", "broken.py": "syntax_error", "binary.py": "binary", "large.py": "too_large", "lfs.py": "lfs_pointer",
        "link.py": "symlink", "module": "submodule", "tool.sh": "unsupported", "out/x.py": "excluded", "a.go": "excluded",
        "utf8.py": "ok", 'new\nline"q.py': "ok", "empty.py": "ok", "run.py": "ok", odd[0]: "ok",
    }  # fmt: skip
    assert outcome["stats"]["files"] == len(files)


def test_flags(worker: Worker, queue: Queue, repository: Repository, url: str) -> None:
    repository.commit({
        ".gitattributes": "gen/** linguist-generated\nvendor/mine.py -linguist-vendored\n",
        "gen/a.py": "x = 1\n", "vendor/mine.py": "x = 1\n", "vendor/theirs.py": "x = 1\n", "x_pb2.py": "x = 1\n",
        "a.min.js": "f()\n", "dense.js": "f();" * 2000,
    })  # fmt: skip
    queue.launch(url)
    assert worker.index(url)[0] == 0
    flags = queue.rows("SELECT path, generated, vendored, minified FROM indexjob.files WHERE path != '.gitattributes'")
    assert {path: rest for path, *rest in flags} == {
        "gen/a.py": [True, False, False], "vendor/mine.py": [False, False, False],
        "vendor/theirs.py": [False, True, False], "x_pb2.py": [True, False, False],
        "a.min.js": [False, False, True], "dense.js": [False, False, True],
    }  # fmt: skip


@pytest.mark.parametrize(("limit", "says"), [({"files": 3}, "more than 3 files"), ({"total_bytes": 10}, "MiB")])
def test_too_large(worker: Worker, queue: Queue, url: str, limit: dict[str, int], says: str) -> None:
    queue.launch(url)
    code, outcome, _ = worker.index(url, limits=limit)
    assert (code, outcome["reason"]) == (65, "TooLarge")
    assert says in outcome["message"]
    assert queue.attempts()[0]["reason"] == "TooLarge"


def test_a_tree_that_lists_itself(worker: Worker, queue: Queue, tmp_path: Path) -> None:
    """Ten levels of ten times the same tree: ten thousand million paths in eleven objects."""
    bomb = Repository(tmp_path / "bomb.git")
    sha, kind = bomb.git("hash-object", "-w", "--stdin", stdin=b"x = 1\n"), "100644 blob"
    for level in range(10):
        suffix = ".py" if level == 0 else ""
        sha = bomb.git("mktree", stdin="".join(f"{kind} {sha}\t{i}{suffix}\n" for i in range(10)).encode())
        kind = "040000 tree"
    commit = bomb.git("commit-tree", "-m", "m", sha)
    bomb.git("update-ref", "refs/heads/main", commit)
    queue.launch(str(bomb.path))
    code, outcome, printed = worker.index(str(bomb.path), limits={"files": 20_000})
    assert (code, outcome["reason"]) == (65, "TooLarge"), printed


class TestEnds:
    """The run ends early, and leaves nothing behind."""

    def test_deadline(self, worker: Worker, queue: Queue, slow: Repository, url: str) -> None:
        queue.launch(url)
        code, outcome, _ = worker.index(url, deadline_seconds=3)
        assert (code, outcome["reason"]) == (124, "DeadlineExceeded")
        assert worker.leftovers() == []
        assert queue.attempts()[0]["exit_code"] == 124
        assert not _children_of_workers(worker)

    def test_a_zygote_that_hangs(self, worker: Worker, queue: Queue, repository: Repository, url: str) -> None:
        worker.break_with(FOREVER)
        queue.launch(url)
        code, outcome, _ = worker.index(url, deadline_seconds=3)
        assert (code, outcome["reason"]) == (124, "DeadlineExceeded")
        assert not _children_of_workers(worker)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal(self, worker: Worker, queue: Queue, slow: Repository, url: str, number: int) -> None:
        queue.launch(url)
        worker.clone(url)
        process = worker.start_index()
        _wait_for(queue.attempts)
        _wait_for(lambda: queue.rows("SELECT FROM indexjob.progress WHERE step = 'parse'"))
        process.send_signal(number)
        code, outcome, printed = worker.end(process)
        assert (code, outcome["reason"]) == (75, "Terminated"), printed
        assert worker.leftovers() == []
        assert queue.attempts()[0]["reason"] == "Terminated"

    def test_fenced(self, worker: Worker, queue: Queue, slow: Repository, url: str) -> None:
        queue.launch(url)
        worker.clone(url, heartbeat_seconds=0.3)
        process = worker.start_index()
        _wait_for(queue.attempts)
        queue.cancel()
        code, outcome, printed = worker.end(process)
        assert (code, outcome["reason"]) == (65, "Fenced"), printed
        assert queue.rows("SELECT path FROM indexjob.files") == []
        assert worker.leftovers() == []

    def test_a_wrong_token_is_fenced_at_once(self, worker: Worker, queue: Queue, url: str) -> None:
        queue.launch(url)
        queue.write_credentials(queue.login, "0" * 64)
        code, outcome, _ = worker.index(url)
        assert (code, outcome["reason"]) == (65, "Fenced")
        assert queue.attempts() == []

    def test_slow_files_time_out_alone(self, worker: Worker, queue: Queue, slow: Repository, url: str) -> None:
        queue.launch(url)
        code, outcome, printed = worker.index(url, limits={"file_seconds": 0.3})
        assert code == 0, printed
        assert queue.files() == dict.fromkeys(FILES, "timeout") | {"README.md": "unsupported"}
        assert outcome["stats"]["files_failed"] == 3


class TestDatabase:
    def test_connections_that_are_cut_while_it_extracts(
        self, worker: Worker, queue: Queue, repository: Repository, url: str
    ) -> None:
        """Progress is reported again, a batch is stored again, and the run completes."""
        repository.commit({f"m{i}.py": f"def f{i}(): return {i}\n" * 3000 for i in range(12)})
        queue.launch(url)
        worker.clone(url)
        process = worker.start_index()
        _wait_for(lambda: queue.rows("SELECT FROM indexjob.progress WHERE step = 'parse'"))
        assert (
            queue.one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'indexjob-worker'"
            )
            == 2
        )
        code, outcome, printed = worker.end(process)
        assert (code, outcome["stats"]["symbols"]) == (0, 36_000), printed

    def test_a_connection_that_is_cut_in_the_middle_of_a_batch(
        self, worker: Worker, queue: Queue, repository: Repository, url: str
    ) -> None:
        """The library logs what it saw of it, and the run's log is one JSON object a line all the same."""
        repository.commit({"m.py": "def f(): return 1\n" * 9000})
        queue.launch(url)
        queue.admin.execute(CUT_ONCE)
        worker.clone(url)
        code, outcome, printed = worker.end(worker.start_index())
        assert (code, outcome["stats"]["symbols"]) == (0, 9_000), printed
        assert "store_again" in printed

    def test_nobody_there(self, worker: Worker, queue: Queue, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        queue.launch(url)
        queue.write_credentials("postgresql://me:canary-db-9d2e7c@127.0.0.1:9/x", "0" * 64)
        code, outcome, printed = worker.index(url)
        assert (code, outcome["reason"]) == (75, "DatabaseError")
        assert "canary" not in printed + json.dumps(outcome)
        assert worker.leftovers() == []

    def test_a_database_without_the_schema(self, worker: Worker, queue: Queue, url: str, empty_database: str) -> None:
        queue.launch(url)
        queue.write_credentials(empty_database, "0" * 64)
        code, outcome, _ = worker.index(url)
        assert (code, outcome["reason"]) == (75, "DatabaseError")
        assert "indexjob migrate" in outcome["message"]

    @pytest.mark.parametrize("missing", ["database-url", "launch-token"])
    def test_half_a_credential(self, worker: Worker, queue: Queue, url: str, missing: str) -> None:
        queue.launch(url)
        (worker.credentials / missing).unlink()
        code, outcome, _ = worker.index(url)
        assert (code, outcome["reason"]) == (65, "InvalidRunSpec")
        assert missing in outcome["message"]


def test_index_without_clone(worker: Worker, queue: Queue, url: str) -> None:
    queue.launch(url)
    worker.clone(url)
    (worker.workspace / "clone.json").unlink()
    code, outcome, _ = worker.end(worker.start_index())
    assert (code, outcome["reason"]) == (65, "InvalidRunSpec")


def test_a_bug_keeps_its_traceback(worker: Worker, queue: Queue, url: str) -> None:
    """Code of ours that breaks: the attempt's log says where, scrubbed; people get one sentence."""
    worker.break_with(
        "import indexjob_worker.discover as d\n"
        "def broken(*_): raise KeyError('postgres://me:canary-db-9d2e7c@host/x')\n"
        "d.judge = broken\n"
    )
    queue.launch(url)
    code, outcome, printed = worker.index(url)
    assert (code, outcome["reason"]) == (70, "InternalError")
    assert "Traceback" not in outcome["message"]
    [attempt] = queue.attempts()
    assert "Traceback" in attempt["log_tail"]
    assert "canary" not in printed + attempt["log_tail"] + json.dumps(outcome)


def test_no_secret_in_argv_environment_or_children(worker: Worker, queue: Queue, slow: Repository, url: str) -> None:
    """While it runs: neither argv nor environment of any process has the credential, nor the memory of a child."""
    queue.launch(url)
    token = (worker.credentials / "launch-token").read_text().encode()
    worker.clone(url)
    process = worker.start_index()
    _wait_for(lambda: queue.rows("SELECT FROM indexjob.progress WHERE step = 'parse'"))
    family = _family(process.pid)
    assert len(family) >= 4  # the worker, the zygote, its children
    for pid in family:
        for what in ("cmdline", "environ"):
            data = Path(f"/proc/{pid}/{what}").read_bytes()
            assert b"canary-db" not in data
            assert token not in data
    assert _memory_has(process.pid, b"canary-db-9d2e7c")  # the search would find it
    for pid in family[1:]:
        assert not _memory_has(pid, b"canary-db-9d2e7c")
        assert not _memory_has(pid, token)
    process.terminate()
    _, outcome, printed = worker.end(process)
    assert "canary-db" not in printed + json.dumps(outcome)


def _memory_has(pid: int, secret: bytes) -> bool:
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(x, 16) for x in area.split("-"))
            if "r" in rights and "w" in rights and end - start < 1 << 30:
                try:
                    memory.seek(start)
                    if secret in memory.read(end - start):
                        return True
                except OSError:
                    continue
    return False


def _family(pid: int) -> list[int]:
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        for task in Path(f"/proc/{found[-1]}/task").iterdir():
            pending += map(int, (task / "children").read_text().split())
    return found


def _children_of_workers(worker: Worker) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if str(worker.workspace).encode() in (process / "cmdline").read_bytes():
                    found.append(process.name)
            except OSError:
                continue
    return found


def _wait_for(condition, seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)
