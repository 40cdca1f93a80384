"""`clone` leaves the asked-for commit, or one typed, clear, scrubbed sentence."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from indexjob_worker.version import EXTRACTOR_VERSION
from tests.worker.conftest import Worker
from tests.worker.git_server import GitServer, serve
from tests.worker.repositories import ENVIRONMENT, Repository

CANARY = "canary-7f3a9c51e2"


def _cloned(worker: Worker) -> dict:
    return json.loads((worker.workspace / "clone.json").read_text())


def _git(worker: Worker, *arguments: str) -> list[str]:
    where = worker.workspace / "repository.git"
    return subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("by", ["HEAD", "main", "refs/heads/main", "v1", "v2", "sha", "SHA", "file", "path"])
def test_finds_the_commit(worker: Worker, git_server: GitServer, repository: Repository, by: str) -> None:
    commit = repository._tip("main")
    repository.git("tag", "v1", "main")
    repository.git("tag", "-a", "-m", "annotated", "v2", "main")
    url = {"file": f"file://{repository.path}", "path": str(repository.path)}.get(by, f"{git_server.url}/repo.git")
    revision = {"sha": commit, "SHA": commit.upper(), "file": "HEAD", "path": "HEAD"}.get(by, by)
    code, outcome, _ = worker.clone(url, revision=revision)
    assert (code, outcome["reason"], outcome["commit"]) == (0, "Completed", commit)
    assert worker.leftovers() == ["clone.json", "repository.git"]
    assert _git(worker, "ls-tree", "--name-only", commit) == ["a.py", "b.py"]
    assert abs(_cloned(worker)["started_at"] - time.time()) < 30


def test_a_relative_workspace(
    worker: Worker, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    worker.workspace = Path("relative")
    assert worker.clone(str(repository.path))[1]["reason"] == "Completed"


def test_takes_no_history(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    assert worker.clone(f"{git_server.url}/repo.git")[0] == 0
    assert len(_git(worker, "rev-list", "--all")) == 1


def test_an_older_commit_by_its_id(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    first = repository._tip("main")
    repository.commit({"a.py": "x = 1\n"})
    assert worker.clone(f"{git_server.url}/repo.git", revision=first)[1]["commit"] == first


def test_a_server_that_refuses_ids(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    """The old protocol gives no unadvertised commit by its id: branches and tags are fetched, and the id looked for."""
    git_server.protocol_v0 = True
    first = repository._tip("main")
    repository.commit({"a.py": "x = 1\n"})
    assert worker.clone(f"{git_server.url}/repo.git", revision=first)[1].get("commit") == first
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", revision="1" * 40)
    assert (code, outcome["reason"]) == (65, "RevisionNotFound")


def test_unchanged_leaves_a_marker_and_no_repository(
    worker: Worker, git_server: GitServer, repository: Repository
) -> None:
    commit = repository._tip("main")
    code, outcome, _ = worker.clone(
        f"{git_server.url}/repo.git", revision="main", known_commits={EXTRACTOR_VERSION: ["0" * 40, commit]}
    )
    assert (code, outcome["reason"], outcome["commit"]) == (0, "Unchanged", commit)
    assert worker.leftovers() == ["clone.json"]
    assert _cloned(worker)["unchanged"] is True
    assert not any("git-upload-pack" in r and "info/refs" not in r for r in git_server.requests[1:-1])


def test_sha256_repository(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "sha256.git"
    subprocess.run(["git", "init", "-q", "--bare", "--object-format=sha256", "-b", "main", path], check=True)
    other = Repository.__new__(Repository)
    other.path, other.branch = path, "main"
    commit = other.commit({"a.py": "x = 1\n"})
    assert len(commit) == 64
    assert worker.clone(str(path))[1].get("commit") == commit


@pytest.mark.parametrize(
    ("revision", "says"),
    [
        ("nope", "no branch or tag 'nope'"),
        ("f" * 40, "no such commit"),
        ("abc1234", "by its full id"),
        ("-x", "cannot be a revision"),
        ("a..b", "cannot be a revision"),
        ("a b", "cannot be a revision"),
        ("refs/heads/*", "cannot be a revision"),
        ("HEAD~1", "cannot be a revision"),
    ],
)
def test_no_such_revision(
    worker: Worker, git_server: GitServer, repository: Repository, revision: str, says: str
) -> None:
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", revision=revision)
    assert (code, outcome["reason"]) == (65, "RevisionNotFound")
    assert says in outcome["message"]
    assert worker.leftovers() == []


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/owned", "-uploadpack=x", "https://u:hunter22@example.com/x", "https://tok@example.com/x",
        "git://example.com/x", "http://example.com/x", "ftp://example.com/x", "ssh://-oProxyCommand=x/y", "", "x",
        "https://example.com", "file://host/x", "https://exa\nmple.com/x", "fd::17",
    ],
)  # fmt: skip
def test_urls_that_are_refused_before_git_sees_them(worker: Worker, url: str) -> None:
    code, outcome, printed = worker.clone(url)
    assert (code, outcome["reason"]) == (65, "UnsupportedUrl")
    assert "hunter22" not in printed + outcome["message"]


@pytest.mark.parametrize("url", ["/etc", "file:///etc", "http://127.0.0.1:1/x"])
def test_local_ones_only_where_they_are_allowed(worker: Worker, url: str) -> None:
    code, outcome, _ = worker.clone(url, local_repositories=False)
    assert (code, outcome["reason"]) == (65, "UnsupportedUrl")


def test_no_such_repository(worker: Worker, git_server: GitServer, tmp_path: Path) -> None:
    assert worker.clone(f"{git_server.url}/none.git")[1]["reason"] == "RepositoryNotFound"
    code, outcome, _ = worker.clone(str(tmp_path / "none"))
    assert (code, outcome["reason"]) == (65, "RepositoryNotFound")


def test_not_a_repository(worker: Worker, git_server: GitServer, repository: Repository, tmp_path: Path) -> None:
    code, outcome, _ = worker.clone(str(tmp_path))
    assert (code, outcome["reason"]) == (65, "NotARepository")
    git_server.mood = "website"
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git")
    assert (code, outcome["reason"]) == (65, "NotARepository")


def test_empty_and_headless(worker: Worker, git_server: GitServer) -> None:
    empty = Repository(git_server.root / "empty.git")
    code, outcome, _ = worker.clone(f"{git_server.url}/empty.git")
    assert (code, outcome["reason"]) == (65, "EmptyRepository")
    empty.commit({"a.py": "x = 1\n"}, branch="elsewhere")
    code, outcome, _ = worker.clone(f"{git_server.url}/empty.git")
    assert (code, outcome["reason"]) == (65, "RevisionNotFound")
    assert "no default branch" in outcome["message"]


def test_a_tag_of_a_file_is_no_commit(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    repository.git("tag", "blob", "main:a.py")
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", revision="blob")
    assert (code, outcome["reason"]) == (65, "RevisionNotFound")


@pytest.mark.parametrize(
    ("mood", "end"),
    [
        ("error", (75, "NetworkError")), ("reset", (75, "NetworkError")), ("cut", (75, "NetworkError")),
        ("forbidden", (77, "AccessDenied")), ("redirect", (65, "RepositoryNotFound")),
        ("flip", (65, "CorruptRepository")), ("endless_refs", (65, "TooLarge")),
    ],
)  # fmt: skip
def test_servers_that_misbehave(
    worker: Worker, git_server: GitServer, repository: Repository, mood: str, end: tuple[int, str]
) -> None:
    git_server.mood = mood
    code, outcome, printed = worker.clone(f"{git_server.url}/repo.git")
    assert (code, outcome["reason"]) == end, printed
    assert worker.leftovers() == []


def test_nobody_listens(worker: Worker) -> None:
    code, outcome, _ = worker.clone("http://127.0.0.1:9/x")
    assert (code, outcome["reason"]) == (75, "NetworkError")


@pytest.mark.parametrize("mood", ["stall", "stall_in_pack"])
def test_the_deadline_ends_a_stalled_server(
    worker: Worker, git_server: GitServer, repository: Repository, mood: str
) -> None:
    git_server.mood = mood
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", deadline_seconds=2)
    assert (code, outcome["reason"]) == (124, "DeadlineExceeded")
    assert worker.leftovers() == []
    assert not _processes_with(str(worker.workspace))


def test_sigterm_ends_it_cleanly(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    git_server.mood = "stall_in_pack"
    process = worker.start_clone(f"{git_server.url}/repo.git")
    _wait_for(lambda: len(git_server.requests) >= 3)
    process.send_signal(signal.SIGTERM)
    code, outcome, _ = worker.end(process)
    assert (code, outcome["reason"]) == (75, "Terminated")
    assert worker.leftovers() == []
    assert not _processes_with(str(worker.workspace))


def test_too_large(worker: Worker, git_server: GitServer, repository: Repository) -> None:
    repository.commit({f"{i}.bin": os.urandom(300_000) for i in range(10)})
    code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", limits={"clone_bytes": 1_000_000})
    assert (code, outcome["reason"]) == (65, "TooLarge")
    assert worker.leftovers() == []


def test_what_is_not_ours_stays_in_the_workspace(worker: Worker, git_server: GitServer) -> None:
    worker.workspace.mkdir()
    (worker.workspace / "keep").write_text("x")
    worker.clone(f"{git_server.url}/none.git")
    assert worker.leftovers() == ["keep"]


def test_an_invalid_run_spec(worker: Worker) -> None:
    code, outcome, _ = worker.clone("https://example.com/x", launch=-1, extra=1)
    assert (code, outcome["reason"]) == (65, "InvalidRunSpec")
    assert "launch" in outcome["message"]
    assert "extra" in outcome["message"]


class TestCredentials:
    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        path = tmp_path / "secret"
        path.mkdir()
        return path

    def test_basic(self, worker: Worker, git_server: GitServer, repository: Repository, secret: Path) -> None:
        git_server.basic = ("me", CANARY)
        (secret / "username").write_text("me\n")
        (secret / "password").write_text(CANARY + "\n")
        code, outcome, printed = worker.clone(f"{git_server.url}/repo.git", secret)
        assert (code, outcome["reason"]) == (0, "Completed")
        assert '"credential": true' in printed
        assert CANARY not in printed + json.dumps(outcome)
        assert not _files_with(worker.workspace, CANARY)

    @pytest.mark.parametrize("key", ["token", "password"])
    def test_bearer(
        self, worker: Worker, git_server: GitServer, repository: Repository, secret: Path, key: str
    ) -> None:
        git_server.bearer = f'{CANARY}"\\x'
        (secret / key).write_text(git_server.bearer)
        assert worker.clone(f"{git_server.url}/repo.git", secret)[0] == 0

    @pytest.mark.parametrize("given", [None, "wrong-password"])
    def test_wrong_or_none(
        self, worker: Worker, git_server: GitServer, repository: Repository, secret: Path, given: str | None
    ) -> None:
        git_server.basic = ("me", CANARY)
        if given:
            (secret / "username").write_text("me")
            (secret / "password").write_text(given)
        code, outcome, printed = worker.clone(f"{git_server.url}/repo.git", secret if given else None)
        assert (code, outcome["reason"]) == (77, "AccessDenied")
        assert "no such repository, or it is private" in outcome["message"]
        assert "wrong-password" not in printed + json.dumps(outcome)

    def test_never_in_argv_or_environment(
        self, worker: Worker, git_server: GitServer, repository: Repository, secret: Path
    ) -> None:
        git_server.basic, git_server.mood = ("me", CANARY), "stall_in_pack"
        (secret / "username").write_text("me")
        (secret / "password").write_text(CANARY)
        process = worker.start_clone(f"{git_server.url}/repo.git", secret)
        _wait_for(lambda: len(git_server.requests) >= 3)
        family = _family(process.pid)
        assert len(family) >= 3  # the worker, git, its transport helper
        for pid in family:
            for what in ("cmdline", "environ"):
                assert CANARY.encode() not in Path(f"/proc/{pid}/{what}").read_bytes()
                assert b"bWU6Y2FuYXJ5" not in Path(f"/proc/{pid}/{what}").read_bytes()  # base64 of "me:canary"
        process.terminate()
        _, outcome, printed = worker.end(process)
        assert CANARY not in printed + json.dumps(outcome)
        assert worker.leftovers() == []

    def test_not_sent_to_another_host(
        self, worker: Worker, git_server: GitServer, repository: Repository, secret: Path
    ) -> None:
        (secret / "token").write_text(CANARY)
        git_server.bearer, git_server.mood = CANARY, "redirect"
        worker.clone(f"{git_server.url}/repo.git", secret)
        assert len(git_server.requests) == 1

    @pytest.mark.parametrize(("files", "code"), [({}, 65), ({"other": "x"}, 65), ({"token": "a\nb"}, 77)])
    def test_useless_secrets(
        self, worker: Worker, git_server: GitServer, secret: Path, files: dict[str, str], code: int
    ) -> None:
        for name, text in files.items():
            (secret / name).write_text(text)
        assert worker.clone(f"{git_server.url}/repo.git", secret)[0] == code

    def test_own_authority(self, worker: Worker, tmp_path: Path, secret: Path) -> None:
        certificate, key = _certificate(tmp_path)
        (tmp_path / "tls").mkdir()
        Repository(tmp_path / "tls" / "repo.git").commit({"a.py": "x = 1\n"})
        with serve(tmp_path / "tls", (certificate, key)) as git_server:
            code, outcome, _ = worker.clone(f"{git_server.url}/repo.git", local_repositories=False)
            assert (code, outcome["reason"]) == (77, "AccessDenied")
            assert "ca.crt" in outcome["message"]
            shutil.copy(certificate, secret / "ca.crt")
            assert worker.clone(f"{git_server.url}/repo.git", secret, local_repositories=False)[0] == 0

    @pytest.mark.parametrize("missing", ["ssh-privatekey", "known_hosts"])
    def test_ssh_needs_key_and_known_hosts(self, worker: Worker, secret: Path, missing: str) -> None:
        for name in {"ssh-privatekey", "known_hosts"} - {missing}:
            (secret / name).write_text("x")
        code, outcome, _ = worker.clone("git@127.0.0.1:x.git", secret)
        assert (code, outcome["reason"]) == (77, "AccessDenied")
        assert missing in outcome["message"]


def _certificate(directory: Path) -> tuple[Path, Path]:
    certificate, key = directory / "tls.crt", directory / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True, env=ENVIRONMENT,
    )  # fmt: skip
    return certificate, key


def _family(pid: int) -> list[int]:
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        for task in Path(f"/proc/{found[-1]}/task").iterdir():
            pending += map(int, (task / "children").read_text().split())
    return found


def _processes_with(text: str) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in command:
                found.append(process.name)
    return found


def _files_with(directory: Path, text: str) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def _wait_for(condition, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_the_sample_needs_no_server_and_is_always_the_same(worker: Worker) -> None:
    """By its URL alone, where local repositories are not allowed."""
    code, first, _ = worker.clone("https://sample.invalid/indexjob", local_repositories=False)
    assert (code, first["reason"]) == (0, "Completed")
    assert worker.leftovers() == ["clone.json", "repository.git"]
    assert _git(worker, "ls-tree", "-r", "--name-only", first["commit"]) == [
        "shop/cart.py",
        "shop/prices.py",
        "web/cart.ts",
        "web/format.ts",
    ]
    _, again, _ = worker.clone(
        "https://sample.invalid/indexjob.git",
        local_repositories=False,
        known_commits={EXTRACTOR_VERSION: [first["commit"]]},
    )
    assert again["reason"] == "Unchanged"
