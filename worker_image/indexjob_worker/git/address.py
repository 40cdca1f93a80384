"""Judges a clone URL before git sees it: which way it goes, and whether that way is open."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from indexjob_worker.errors import UnsupportedUrlError

Protocol = Literal["https", "ssh", "http", "file"]
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?!/?/)[^\s].*")
_PRINTABLE = re.compile(r"[^\x00-\x20\x7f]+(?: [^\x00-\x20\x7f]+)*")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be given to git."""

    url: str
    protocol: Protocol
    host: str
    """'' for a local repository."""
    origin: str
    """Scheme, host and port: what a credential is sent to, and nothing else."""


def judge(clone_url: str, *, local_repositories: bool) -> Address:
    """The address behind a clone URL.

    Raises:
        UnsupportedUrlError: git could be led astray by it, or this installation does not clone from there.
    """
    _must_be_harmless(clone_url)
    if "://" not in clone_url:
        return _without_scheme(clone_url, local_repositories)
    try:
        parts = urlsplit(clone_url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UnsupportedUrlError("The repository's URL cannot be read; give one like https://host/path.") from error
    scheme = parts.scheme.lower()
    if parts.password is not None or (parts.username and scheme != "ssh"):
        raise UnsupportedUrlError(
            "The repository's URL holds a user name or password; take it out and name a credentials secret instead."
        )
    if scheme == "file" and local_repositories and not host:
        return _local(parts.path)
    if (parts.username or "").startswith("-") or host.startswith("-"):
        raise UnsupportedUrlError("The repository's URL has a host or user that starts with '-'.")
    origin = f"{scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
    if not _is_open(scheme, host, local_repositories):
        raise _not_open(scheme)
    if not host or not parts.path.strip("/"):
        raise UnsupportedUrlError("The repository's URL has no host or no path; give one like https://host/path.")
    return Address(clone_url, cast("Protocol", scheme), host, origin)


def _must_be_harmless(clone_url: str) -> None:
    if not _PRINTABLE.fullmatch(clone_url):
        raise UnsupportedUrlError("The repository's URL is empty or holds control characters; give an https URL.")
    if clone_url.startswith("-"):
        raise UnsupportedUrlError("The repository's URL starts with '-'; give an https URL.")
    if re.match(r"[A-Za-z0-9+.-]+::", clone_url):
        raise UnsupportedUrlError("The repository's URL names a transport helper ('::'); give an https URL.")


def _is_open(scheme: str, host: str, local_repositories: bool) -> bool:  # noqa: FBT001
    return scheme in ("https", "ssh") or (scheme == "http" and local_repositories and _is_loopback(host))


def _without_scheme(clone_url: str, local_repositories: bool) -> Address:  # noqa: FBT001
    if clone_url.startswith("/"):
        if local_repositories:
            return _local(clone_url)
        raise _not_open("file")
    scp = _SCP_LIKE.fullmatch(clone_url)
    if scp:
        return Address(clone_url, "ssh", scp[1].strip("[]"), f"ssh://{scp[1]}")
    raise UnsupportedUrlError("The repository is no URL; give one like https://host/path.")


def _local(path: str) -> Address:
    if not Path(path).is_absolute():
        raise UnsupportedUrlError("A local repository is given by its absolute path.")
    return Address(f"file://{path}", "file", "", "file://")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_open(scheme: str) -> UnsupportedUrlError:
    if scheme == "file":
        return UnsupportedUrlError("Local repositories are not allowed here; give an https URL.")
    return UnsupportedUrlError(f"Repositories are not cloned over {scheme or 'nothing'}; give an https or ssh URL.")
