"""A server that speaks Postgres' protocol up to the login, over TLS, with a certificate of nobody's: enough to see whom a client trusts."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SSL_REQUEST_BYTES = 8
REFUSAL = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user\0\0"
"""What only a client hears that has trusted the server."""
TRUSTED = "password authentication failed"


def certificate(directory: Path) -> tuple[Path, Path]:
    """Signed by itself, and its key."""
    pair = directory / "tls.crt", directory / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pair[1], "-out", pair[0]],
        check=True, capture_output=True,
    )  # fmt: skip
    return pair


@contextmanager
def refusing_logins(pair: tuple[Path, Path]) -> Iterator[int]:
    """Its port on 127.0.0.1, for as long as the context lasts."""
    identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.load_cert_chain(*pair)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=_serve, args=(listener, identity))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, identity: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return  # shut down
        with plain, suppress(OSError):
            plain.settimeout(10)
            plain.recv(SSL_REQUEST_BYTES)
            plain.sendall(b"S")
            with identity.wrap_socket(plain, server_side=True) as secure:
                secure.recv(4096)
                secure.sendall(b"E" + (len(REFUSAL) + 4).to_bytes(4, "big") + REFUSAL)
