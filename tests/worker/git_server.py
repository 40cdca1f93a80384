"""A real git server (`git http-backend`) behind a small HTTP server that can also misbehave on request."""

import base64
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class GitServer:
    """Serves the bare repositories under `root`. Change `mood` and `password` while it runs."""

    root: Path
    url: str = ""
    basic: tuple[str, str] | None = None
    bearer: str | None = None
    mood: str = "well"
    protocol_v0: bool = False
    requests: list[str] = field(default_factory=list)
    errors_left: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        """Requests hang from now on, each for a minute, or until `let_go`."""
        self.released.clear()
        self.mood = "stall"

    def let_go(self) -> None:
        """Those that hang are cut, and further ones answered."""
        self.mood = "well"
        self.released.set()

    def authorized(self, header: str | None) -> bool:
        if self.basic:
            return header == "Basic " + base64.b64encode(":".join(self.basic).encode()).decode()
        return self.bearer is None or header == f"Bearer {self.bearer}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: GitServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        state.requests.append(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        if state.errors_left > 0:
            state.errors_left -= 1
            return self._answer(503, b"come back later")
        if not state.authorized(self.headers.get("Authorization")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        mood = getattr(self, f"_mood_{state.mood}", None)
        return mood(body) if mood else self._backend(body)

    do_POST = do_GET  # noqa: N815 - so named by http.server

    def _chunks(self) -> bytes:
        data = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return data

    def _answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _mood_error(self, _body: bytes) -> None:
        self._answer(500, b"broken")

    def _mood_forbidden(self, _body: bytes) -> None:
        self._answer(403, b"no")

    def _mood_website(self, _body: bytes) -> None:
        self._answer(200, b"<html>hello</html>", Content_Type="text/html")

    def _mood_redirect(self, _body: bytes) -> None:
        self._answer(302, b"", Location=f"http://127.0.0.2:{self.server.server_port}{self.path}")

    def _mood_stall(self, _body: bytes) -> None:
        self.state.released.wait(60)
        self.close_connection = True

    def _mood_stall_in_pack(self, body: bytes) -> None:
        if self.command == "GET" or b"command=ls-refs" in body:
            return self._backend(body)
        return time.sleep(60)

    def _mood_reset(self, _body: bytes) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _mood_endless_refs(self, body: bytes) -> None:
        if self.command == "GET":
            return self._backend(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-result")
        self.end_headers()
        try:
            n = 0
            while True:
                lines = b"".join(_packet(b"%040x refs/heads/%080d\n" % (i, i)) for i in range(n, n + 1000))
                n += 1000
                self.wfile.write(lines)
        except OSError:
            self.close_connection = True
        return None

    def _mood_cut(self, body: bytes) -> None:
        if self.command == "GET" or b"command=ls-refs" in body:
            return self._backend(body)
        whole = self._run_backend(body)[1]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-result")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True
        return None

    def _mood_flip(self, body: bytes) -> None:
        """One bit of the pack is wrong."""
        if self.command == "GET" or b"command=ls-refs" in body:
            return self._backend(body)
        whole = bytearray(self._run_backend(body)[1])
        whole[whole.index(b"PACK") + 40] ^= 0x10
        return self._answer(200, bytes(whole), Content_Type="application/x-git-upload-pack-result")

    def _backend(self, body: bytes) -> None:
        head, content = self._run_backend(body)
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        code = int(fields.pop("Status", "200").split()[0])
        self._answer(code, content, **{name.replace("-", "_"): value for name, value in fields.items()})

    def _run_backend(self, body: bytes) -> tuple[bytes, bytes]:
        parts = urlsplit(self.path)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        if not self.state.protocol_v0:
            environment["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        done = subprocess.run(
            ["git", "http-backend"],
            check=False,
            input=body,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        return head, content


def _packet(line: bytes) -> bytes:
    return b"%04x%s" % (len(line) + 4, line)


@contextmanager
def serve(root: Path, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1") -> Iterator[GitServer]:
    """Serve `root` on a port of this address until the block ends; `tls` is (certificate, key)."""
    state = GitServer(root)
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer((host, 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        # The handshake is for each connection's own thread: a client that died before it would stop the whole server.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.url = f"http{'s' if tls else ''}://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
