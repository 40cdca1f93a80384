"""The least that the machine itself says to the API server: read, watch, apply, delete.

The tests use kubectl and the operator's own client; this one is there before any of them has something to talk to.
"""

import http.client
import json
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any, cast

from tests.cluster.machine.place import API, Place

Thing = dict[str, Any]  # one Kubernetes object, as JSON has it


class Api:
    """The API server as one of the clients of `certificates.CLIENTS`.

    Every call raises OSError when the server can't be had or says no (urllib's HTTPError is one).
    """

    def __init__(self, place: Place, client: str = "admin") -> None:
        self.context = ssl.create_default_context(cafile=place.pki / "ca.crt")
        self.context.load_cert_chain(place.pki / f"{client}.crt", place.pki / f"{client}.key")

    def get(self, path: str) -> Thing:
        with self._open(path, timeout=10) as response:
            return cast("Thing", json.load(response))

    def ready(self) -> bool:
        try:
            with self._open("/readyz", timeout=5):
                return True
        except (OSError, http.client.HTTPException):
            return False

    def watch(self, path: str, version: str) -> Iterator[Thing]:
        """Events after that resource version, until the server ends the watch."""
        with self._open(f"{path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}", timeout=600) as response:
            for line in response:
                yield json.loads(line)

    def apply(self, path: str, thing: Thing) -> None:
        """Server-side apply."""
        body = json.dumps(thing).encode()
        kind = {"Content-Type": "application/apply-patch+yaml"}
        with self._open(f"{path}?fieldManager=machine&force=true", timeout=10, method="PATCH", body=body, headers=kind):
            pass

    def delete(self, path: str) -> None:
        with self._open(path, timeout=10, method="DELETE"):
            pass

    def _open(
        self,
        path: str,
        *,
        timeout: float,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        request = urllib.request.Request(API + path, data=body, method=method, headers=headers or {})
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context)
        )
        return cast("http.client.HTTPResponse", opener.open(request, timeout=timeout))
