"""The embedded Postgres: real servers and real processes, killed as processes are."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from indexjob import embedded
from indexjob.embedded import binaries, cluster
from indexjob.errors import EmbeddedPostgresError, NoDatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER = """
import sys
from pathlib import Path
from indexjob.embedded import running
with running(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.readline()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another account takes part, which only root can be")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account which runs Postgres can reach, also where that isn't ours."""
    folder = Path(tempfile.mkdtemp(prefix="ij-embedded-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def users(place: Path) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for user in started:
        if user.poll() is None:
            leave(user)
        user.communicate()
    if pid := postmaster(place / "pg"):
        os.kill(pid, signal.SIGINT)
        wait_until_gone(pid)


def start(users: list[subprocess.Popen[str]], folder: Path) -> subprocess.Popen[str]:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    users.append(user)
    return user


def dsn_of(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    line = user.stdout.readline().strip()
    if not line:
        _, said = user.communicate()
        pytest.fail(said)
    return line


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate("\n", timeout=300)


def postmaster(folder: Path) -> int | None:
    """The server's pid, if it runs."""
    try:
        pid = int((folder / "server/data/postmaster.pid").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def wait_until_gone(pid: int) -> None:
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} stayed")


def test_data_stays_and_the_last_user_stops_the_server(place: Path) -> None:
    with embedded.running(place / "pg") as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        assert postmaster(place / "pg")
    assert postmaster(place / "pg") is None
    with embedded.running(place / "pg") as dsn, psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_two_in_one_process_share_it(place: Path) -> None:
    with embedded.running(place / "pg") as one:
        with embedded.running(place / "pg") as other:
            assert one == other
        psycopg.connect(one).close()
    assert postmaster(place / "pg") is None


def test_four_that_start_at_once_share_one_server(place: Path, users: list[subprocess.Popen[str]]) -> None:
    four = [start(users, place / "pg") for _ in range(4)]
    dsns = {dsn_of(user) for user in four}
    assert len(dsns) == 1
    for user in four[:3]:
        leave(user)
    psycopg.connect(dsns.pop()).close()
    leave(four[3])
    assert [user.returncode for user in four] == [0, 0, 0, 0]
    assert postmaster(place / "pg") is None


def test_a_user_that_was_killed_does_not_keep_the_server_up(place: Path, users: list[subprocess.Popen[str]]) -> None:
    killed, left = start(users, place / "pg"), start(users, place / "pg")
    dsn_of(killed)
    dsn = dsn_of(left)
    killed.kill()
    killed.wait()
    psycopg.connect(dsn).close()
    leave(left)
    assert postmaster(place / "pg") is None


def test_what_the_last_user_left_when_it_was_killed_is_stopped_by_the_next(
    place: Path, users: list[subprocess.Popen[str]]
) -> None:
    only = start(users, place / "pg")
    dsn_of(only)
    only.kill()
    only.wait()
    abandoned = postmaster(place / "pg")
    assert abandoned
    with embedded.running(place / "pg"):
        assert postmaster(place / "pg") == abandoned
    assert postmaster(place / "pg") is None


def test_what_was_committed_survives_a_power_loss(place: Path) -> None:
    """The server's processes vanish without a word, and its pid has become somebody else's."""
    with embedded.running(place / "pg") as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        pid = postmaster(place / "pg")
        assert pid
        mark = (place / "pg/server/data/postmaster.pid").read_text()
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (place / "pg/server/data/postmaster.pid").write_text(mark.replace(str(pid), str(stranger.pid), 1))
        began = time.monotonic()
        with embedded.running(place / "pg") as dsn, psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
        assert time.monotonic() - began < cluster.PATIENCE_SECONDS
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_initdb_that_died_half_way_is_begun_again(place: Path) -> None:
    with embedded.running(place / "pg"):
        pass
    server = place / "pg/server"
    (server / "data").rename(server / "new")  # as it looks before the last step
    with embedded.running(place / "pg") as dsn:
        psycopg.connect(dsn).close()


def test_data_of_another_major_version_is_left_alone(place: Path) -> None:
    with embedded.running(place / "pg"):
        pass
    (place / "pg/server/data/PG_VERSION").write_text("17\n")
    with (
        pytest.raises(EmbeddedPostgresError, match=r"is Postgres 17's, and the embedded one is 1\d\.\d") as caught,
        embedded.running(place / "pg"),
    ):
        pass
    assert "pg_upgrade" in caught.value.advice


def test_a_path_too_long_for_a_socket_gets_a_short_one(place: Path) -> None:
    long = place / ("x" * 90)
    with embedded.running(long) as dsn:
        psycopg.connect(dsn).close()
        sockets = cluster.socket_folder(long / "server")
        assert sockets.parent == Path("/tmp")
        assert sockets.stat().st_mode & 0o077 == 0
        assert len(os.fsencode(sockets / cluster.SOCKET)) < 100
    shutil.rmtree(sockets)


def test_a_short_socket_folder_of_somebody_elses_is_refused(place: Path) -> None:
    long = place / ("y" * 90)
    sockets = cluster.socket_folder(long / "server")
    sockets.symlink_to(place)
    try:
        with pytest.raises(EmbeddedPostgresError, match="not a private directory"), embedded.running(long):
            pass
        assert place.stat().st_uid == os.geteuid()
    finally:
        sockets.unlink()


@pytest.mark.parametrize("name", ["a b", "it's", 'say "x", y', "back\\slash"])
def test_any_path_will_do(place: Path, name: str) -> None:
    with embedded.running(place / name) as dsn:
        psycopg.connect(dsn).close()
    sockets = cluster.socket_folder(place / name / "server")
    if sockets.parent == Path("/tmp"):
        shutil.rmtree(sockets)


def as_nobody(attempt: Callable[[], object]) -> str:
    """What another account of this machine gets: the error's text, or "nothing stopped it"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing stopped it"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            attempt()
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


@as_root
def test_no_other_account_gets_in(place: Path) -> None:
    """Neither through the socket's permissions nor, were they open, past peer authentication; nor can it hold our locks."""
    with embedded.running(place / "pg") as dsn:
        server = place / "pg/server"
        end = socket.socket(socket.AF_UNIX)
        assert "PermissionError" in as_nobody(lambda: end.connect(str(server / cluster.SOCKET)))
        end.close()
        server.chmod(0o711)
        assert "Permission denied" in as_nobody(lambda: psycopg.connect(dsn))
        (server / cluster.SOCKET).chmod(0o777)
        assert "Peer authentication failed" in as_nobody(lambda: psycopg.connect(dsn))
        assert "PermissionError" in as_nobody((place / "pg/users").open)
        assert "PermissionError" in as_nobody((place / "pg/lock").open)
        server.chmod(0o700)


@as_root
def test_programs_in_a_closed_directory_are_copied_and_it_stays_closed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    package = binaries.installed().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, home / part.name, ignore=shutil.ignore_patterns("include"))
    monkeypatch.setattr(binaries, "installed", lambda: home / package.name / "pginstall")
    for _ in range(2):
        with embedded.running(place / "pg") as dsn:
            psycopg.connect(dsn).close()
    assert home.stat().st_mode & 0o777 == 0o700
    assert len(list((place / "pg").glob("binaries-*"))) == 1


@as_root
def test_a_place_that_postgres_cannot_reach_is_refused_not_opened(place: Path) -> None:
    place.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"cannot enter {place}"), embedded.running(place / "pg"):
        pass
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_made_is_one_sentence(place: Path) -> None:
    (place / "file").write_text("")
    with (
        pytest.raises(EmbeddedPostgresError, match=r"cannot use .*/file: ") as caught,
        embedded.running(place / "file/pg"),
    ):
        pass
    assert "XDG_DATA_HOME" in caught.value.advice


@as_root
@pytest.mark.parametrize(("options", "sentence"), [("size=2m", "[Nn]o space left"), ("size=60m,ro", "[Rr]ead-only")])
def test_a_full_or_read_only_disk_is_one_sentence(place: Path, options: str, sentence: str) -> None:
    disk = place / "disk"
    disk.mkdir()
    if (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{options},mode=711", "tmpfs", disk], capture_output=True, check=False
        ).returncode
        != 0
    ):
        pytest.skip("no right to mount here")
    try:
        with pytest.raises(EmbeddedPostgresError, match=sentence), embedded.running(disk / "pg"):
            pass
    finally:
        subprocess.run(["umount", disk], check=True)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    with pytest.raises(NoDatabaseError) as caught:
        binaries.installed()
    assert "INDEXJOB_DATABASE_URL" in caught.value.advice
    assert "indexjob[local]" in caught.value.advice


def test_root_keeps_its_data_outside_of_its_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.default_folder() == Path("/var/lib/indexjob/postgres")
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert embedded.default_folder() == Path("/srv/data/indexjob/postgres")
