"""`clone` by SSH, with a deploy key, from a server that is known by its own key."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.conftest import Worker
from tests.worker.repositories import ENVIRONMENT, Repository
from tests.worker.ssh_server import SshServer, serve


@pytest.fixture
def ssh_server(tmp_path: Path) -> Iterator[SshServer]:
    Repository(tmp_path / "served" / "repo.git").commit({"a.py": "x = 1\n"})
    with serve(tmp_path / "served") as server:
        yield server


@pytest.fixture
def secret(tmp_path: Path, ssh_server: SshServer) -> Path:
    """As mounted: anybody may read it, and editors have left their mark."""
    path = tmp_path / "secret"
    path.mkdir()
    (path / "ssh-privatekey").write_text(ssh_server.private_key + "\n")
    (path / "known_hosts").write_text(ssh_server.known_hosts)
    return path


def test_the_key_lets_in_and_is_nowhere_afterwards(worker: Worker, ssh_server: SshServer, secret: Path) -> None:
    code, outcome, printed = worker.clone(ssh_server.url("repo"), secret, local_repositories=False)
    assert (code, outcome["reason"]) == (0, "Completed"), printed
    assert worker.leftovers() == ["clone.json", "repository.git"]
    middle = ssh_server.private_key.splitlines()[2]
    assert middle not in printed + json.dumps(outcome)
    assert not [path for path in worker.workspace.rglob("*") if path.is_file() and middle.encode() in path.read_bytes()]


def test_a_key_that_the_server_does_not_know_is_no_access(worker: Worker, ssh_server: SshServer, secret: Path) -> None:
    other = secret.parent / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True, env=ENVIRONMENT)
    (secret / "ssh-privatekey").write_text(other.read_text())
    code, outcome, _ = worker.clone(ssh_server.url("repo"), secret)
    assert (code, outcome["reason"]) == (77, "AccessDenied"), outcome


def test_a_server_that_is_not_the_known_one_is_told_nothing(
    worker: Worker, ssh_server: SshServer, secret: Path
) -> None:
    with serve(ssh_server.root) as other:
        host = f"[{other.host}]:{other.port} "
        (secret / "known_hosts").write_text(host + ssh_server.known_hosts.partition(" ")[2])
        code, outcome, _ = worker.clone(other.url("repo"), secret)
    assert (code, outcome["reason"]) == (77, "AccessDenied"), outcome
    assert "known_hosts" in outcome["message"]


def test_a_repository_that_is_not_there(worker: Worker, ssh_server: SshServer, secret: Path) -> None:
    code, outcome, _ = worker.clone(ssh_server.url("missing"), secret)
    assert (code, outcome["reason"]) == (65, "NotARepository"), outcome
