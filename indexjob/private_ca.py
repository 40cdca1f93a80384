"""The certificate of a private CA, beside a database's URL: a mounted Secret's `ca.crt`.

A URL can't hold it, and can't name it either: the operator and the workers have it at different places. So whoever reads a URL from a directory looks for it
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

if TYPE_CHECKING:
    from pathlib import Path

CA_FILE = "ca.crt"


def certificate_in(directory: Path) -> str:
    """What it holds; empty where there is none, and where it can't be read: the connection then says what it lacks."""
    try:
        return (directory / CA_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def trusting(url: str, directory: Path) -> str:
    """The same connection string, with the directory's CA to check the server by, unless the URL itself names one."""
    if not certificate_in(directory):
        return url
    try:
        named = "sslrootcert" in conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return url  # whoever connects says so, without repeating it
    return url if named else conninfo.make_conninfo(url, sslrootcert=str(directory / CA_FILE))
