"""A database whose certificate is of a private CA: whoever reads a mounted Secret trusts its `ca.crt`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import conninfo

from indexjob.database import open_database
from indexjob.private_ca import certificate_in, trusting
from indexjob.scrub import Scrubber
from indexjob_operator.settings import database_urls
from indexjob_worker.database import Database
from indexjob_worker.journal import Journal
from tests.tls import TRUSTED, certificate, refusing_logins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """With nothing in it."""
    directory = tmp_path / "mounted"
    directory.mkdir()
    return directory


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path)


@pytest.fixture
def url(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Of a server that nobody trusts by itself."""
    monkeypatch.setenv("HOME", str(tmp_path))  # libpq looks for a CA there
    with refusing_logins(pair) as port:
        yield f"postgresql://me:canary%20word@127.0.0.1:{port}/app?sslmode=verify-full&connect_timeout=5"


def heard(url: str) -> str:
    """What came of a try."""
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(url)
    return str(refused.value)


def worker(mounted: Path, url: str) -> str:
    for name, text in (("database-url", url), ("launch-token", "token")):
        (mounted / name).write_text(text)
    with pytest.raises(psycopg.OperationalError) as refused:
        Database(mounted, Journal(Scrubber())).connect()
    return str(refused.value)


def command_line(mounted: Path, url: str) -> str:
    (mounted / "migrate-url").write_text(url)
    with open_database(mounted) as database:
        return heard(database.url)


def operator(mounted: Path, url: str) -> str:
    (mounted / "url").write_text(url)
    return heard(database_urls(mounted).operator)


def migration(mounted: Path, url: str) -> str:
    (mounted / "url").write_text(url)
    return heard(database_urls(mounted).migrate or "")


@pytest.mark.parametrize("who", [worker, command_line, operator, migration], ids=lambda who: who.__name__)
def test_the_server_is_trusted_by_the_certificate_beside_the_url(
    who: Callable[[Path, str], str], mounted: Path, url: str, pair: tuple[Path, Path]
) -> None:
    for nothing in (None, "", "\n"):
        if nothing is not None:
            (mounted / "ca.crt").write_text(nothing)
        assert TRUSTED not in who(mounted, url)
    shutil.copy(pair[0], mounted / "ca.crt")
    assert TRUSTED in who(mounted, url)


def test_another_ca_is_not_trusted(mounted: Path, url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(certificate(tmp_path / "other")[0], mounted / "ca.crt")
    assert "certificate verify failed" in operator(mounted, url)


def test_a_url_that_names_a_ca_keeps_it(mounted: Path) -> None:
    (mounted / "ca.crt").write_text("a certificate")
    url = "postgresql://me@db/app?sslmode=verify-full&sslrootcert=system"
    assert trusting(url, mounted) == url
    assert trusting("no url", mounted) == "no url"


def test_workers_are_handed_the_certificate_and_a_url_as_it_was_written(mounted: Path) -> None:
    url = "postgresql://me:canary@db/app?sslmode=verify-full"
    (mounted / "url").write_text(url)
    assert (database_urls(mounted).worker, database_urls(mounted).worker_ca) == (url, "")
    (mounted / "ca.crt").write_text("a certificate\n")
    urls = database_urls(mounted)
    assert (urls.worker, urls.worker_ca) == (url, "a certificate") == (url, certificate_in(mounted))
    known = conninfo.conninfo_to_dict(urls.operator)
    assert (known["password"], known["sslrootcert"]) == ("canary", f"{mounted}/ca.crt")


def test_the_systems_authorities_are_those_that_the_environment_names(
    url: str, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the images do it: psycopg's own OpenSSL finds none by itself."""
    system = f"{url}&sslrootcert=system"
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[0].parent / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(pair[0].parent / "none"))
    assert "certificate verify failed" in heard(system)
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
    assert TRUSTED in heard(system)
