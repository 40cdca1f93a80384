"""The one module that calls the Kubernetes API: thin, raw JSON in and out, every call with a time limit, every failure of a type that says what to do.

Objects stay as the dictionaries that the API sends: typed ones are read three times slower, and one odd object fails a whole list. No call is
repeated here; whoever called looks again later. That an answer didn't come never means that there is nothing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import quote

import aiohttp
from kubernetes.aio import client, config

from indexjob_operator import metrics
from indexjob_operator.list_reader import ListReader
from indexjob_operator.runtime.protocol import RuntimeAwayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from kubernetes.aio.client.rest import RESTResponse

Manifest: TypeAlias = dict[str, Any]

SECONDS_A_CALL = 15.0
CONNECTIONS = 32
PAGE = 500
"""Objects that the API server reads for one answer."""
JSON = "application/json"
METADATA_OF_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"


class Resource(NamedTuple):
    """Where the API keeps a kind of object."""

    prefix: str
    plural: str


JOBS = Resource("/apis/batch/v1", "jobs")
PODS = Resource("/api/v1", "pods")
SECRETS = Resource("/api/v1", "secrets")
EVENTS = Resource("/api/v1", "events")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
INDEX_JOBS = Resource("/apis/codeindex.dev/v1alpha1", "indexjobs")


class KubernetesApiError(Exception):
    """A call failed. `status` is HTTP's, 0 without an answer; the message is the API server's own sentence."""

    def __init__(self, status: int, message: str, call: str) -> None:
        super().__init__(f"{call}: {message}")
        self.status = status
        self.message = message


class NotFoundError(KubernetesApiError):
    """There is no such object, or no such kind of object."""


class ConflictError(KubernetesApiError):
    """The name is taken, or the object has changed meanwhile."""


class RefusedError(KubernetesApiError):
    """The API server understood and said no: a quota, admission, missing rights. The same call may succeed later."""

    @property
    def over_quota(self) -> bool:
        """A ResourceQuota is used up."""
        return "exceeded quota" in self.message


class InvalidError(KubernetesApiError):
    """The object makes no sense to the API server; the same call will never succeed."""


class UnavailableError(KubernetesApiError, RuntimeAwayError):
    """No answer, not in time, or one that says that the server is busy, broken, or did not take our token. Ask again later."""


class KubernetesApi:
    """Calls of one process through one client. Objects are named by resource, namespace and name; None is a kind without namespaces, or all of them.

    `renew` reads the configuration afresh; it is asked for a new token when the one in use is not taken any more.
    """

    def __init__(
        self,
        configuration: client.Configuration,
        *,
        renew: Callable[[], Awaitable[client.Configuration]] | None = None,
        seconds_a_call: float = SECONDS_A_CALL,
    ) -> None:
        configuration.connection_pool_maxsize = CONNECTIONS
        configuration.retries = None
        self._client = client.ApiClient(configuration)
        self._client.user_agent = "indexjob-operator"
        self._seconds_a_call = seconds_a_call
        self._renew = renew

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None, *, seconds_a_call: float = SECONDS_A_CALL) -> KubernetesApi:
        """As the service account of our own pod, or as a kubeconfig says. No call is made yet."""
        configuration = client.Configuration()
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(configuration, seconds_a_call=seconds_a_call)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def create(self, what: Resource, namespace: str | None, body: Manifest) -> Manifest:
        """Make it; ConflictError if the name is taken."""
        return await self._json("POST", what, namespace, body=body)

    async def get(self, what: Resource, namespace: str | None, name: str) -> Manifest | None:
        """Read it; None if there is nothing of that name."""
        try:
            return await self._json("GET", what, namespace, name)
        except NotFoundError:
            return None

    async def get_cached(self, what: Resource, namespace: str | None, name: str) -> Manifest | None:
        """Read it as the API server remembers it, which may be some moments old: that costs it no way to etcd. None if it remembers nothing of the name."""
        try:
            return await self._json("GET", what, namespace, name, query={"resourceVersion": "0"})
        except NotFoundError:
            return None

    async def list(
        self, what: Resource, namespace: str | None, *, labels: str = "", fields: str = "", cached: bool = False
    ) -> list[Manifest]:
        """All that match; see `objects`."""
        return [each async for each in self.objects(what, namespace, labels=labels, fields=fields, cached=cached)]

    async def objects(
        self,
        what: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        cached: bool = False,
    ) -> AsyncIterator[Manifest]:
        """All that match as of one moment, each as soon as it was read: for what is large and not kept.

        `cached`: as the API server remembers them, which may be some moments old; it need not read all of the namespace's objects for that. Whoever takes
        them doesn't wait for anything in between, for the answer has its time limit.
        """
        query = {"resourceVersion": "0"} if cached else {"limit": str(PAGE)}
        query |= {"labelSelector": labels} if labels else {}
        query |= {"fieldSelector": fields} if fields else {}
        accept = METADATA_OF_LIST if metadata_only else JSON
        while True:
            reader = ListReader()
            async with self._answer("GET", what, namespace, query=query, verb="list", accept=accept) as answer:
                async for part in answer.response.content.iter_any():
                    with _uncollected():
                        found = reader.read(part)
                    for each in found:
                        yield each
                    await asyncio.sleep(0)  # others have their turn
            try:
                page = reader.end()
            except ValueError as error:
                raise UnavailableError(0, f"the answer is no whole list ({error})", f"list {what.plural}") from None
            for each in page.get("items") or ():
                yield each
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return
            query["continue"] = following

    async def merge_patch(
        self, what: Resource, namespace: str | None, name: str, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        """Change what is given (RFC 7386), at once and without a read."""
        return await self._json(
            "PATCH", what, namespace, name, body=change, content_type=MERGE_PATCH, subresource=subresource
        )

    async def delete(
        self,
        what: Resource,
        namespace: str | None,
        name: str,
        *,
        propagation: str = "Background",
        uid: str | None = None,
        grace_seconds: int | None = None,
    ) -> bool:
        """Delete it, and what it owns after it; whether there was something. With `uid`, that one or none (ConflictError)."""
        options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            await self._json("DELETE", what, namespace, name, body=options)
        except NotFoundError:
            return False
        return True

    async def read_log(self, namespace: str, pod: str, container: str, *, lines: int, most_bytes: int) -> str:
        """The last lines of a container's log."""
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(most_bytes)}
        text = await self._request("GET", PODS, namespace, pod, query=query, subresource="log", verb="log")
        return text.decode(errors="replace")

    async def _json(
        self,
        method: str,
        what: Resource,
        namespace: str | None,
        name: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        subresource: str = "",
        verb: str = "",
        accept: str = JSON,
    ) -> Manifest:
        text = await self._request(
            method, what, namespace, name,
            query=query, body=body, content_type=content_type, subresource=subresource, verb=verb, accept=accept,
        )  # fmt: skip
        with _uncollected():
            found: Manifest = json.loads(text)
        return found

    async def _request(self, method: str, what: Resource, namespace: str | None, name: str = "", **more: Any) -> bytes:
        async with self._answer(method, what, namespace, name, **more) as answer:
            return bytes(await answer.read())  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        what: Resource,
        namespace: str | None,
        name: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        subresource: str = "",
        verb: str = "",
        accept: str = JSON,
    ) -> AsyncIterator[RESTResponse]:
        """The answer as it comes; what goes wrong with it until it is read has a type, too."""
        parts = [what.prefix, *(("namespaces", namespace) if namespace else ()), what.plural, name, subresource]
        path = "/".join([parts[0], *(quote(part, safe="") for part in parts[1:] if part)])
        verb = verb or VERBS[method]
        call = f"{verb} {what.plural}{f' {namespace}' if namespace else ''}{f'/{name}' if name else ''}"
        began, status = time.monotonic(), 0
        try:
            headers = {"Accept": accept, "Content-Type": content_type}
            prepared = await self._client.param_serialize(
                method, path, query_params=list((query or {}).items()), header_params=headers, body=body,
                auth_settings=["BearerToken"],
            )  # fmt: skip
            answer = await self._client.call_api(
                *prepared, _request_timeout=aiohttp.ClientTimeout(total=self._seconds_a_call)
            )
            async with answer.response:
                if answer.status < CLIENT_ERROR:
                    yield answer
                else:
                    text = bytes(await answer.read())  # type: ignore[no-untyped-call]
            status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(0, str(error) or type(error).__name__, call) from error
        finally:
            metrics.API_CALLS.labels(verb, what.plural, str(status)).inc()
            metrics.API_SECONDS.labels(verb, what.plural).observe(time.monotonic() - began)
        if status == UNAUTHORIZED and self._renew:
            with suppress(config.ConfigException, OSError):
                self._client.configuration.api_key = (await self._renew()).api_key
        if status >= CLIENT_ERROR:
            raise _error(status, text, call)


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is read of JSON holds no cycles: looking for some again and again meanwhile took half the time of a sweep."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
CLIENT_ERROR = 400
UNAUTHORIZED = 401
_TYPES = {
    404: NotFoundError,
    409: ConflictError,
    403: RefusedError,
    400: InvalidError,
    422: InvalidError,
    413: InvalidError,
}


def _error(status: int, text: bytes, call: str) -> KubernetesApiError:
    """The error that an answer means. 410 (a list that went on for too long) and all that is new to us are for another try."""
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text[:300].decode(errors="replace").strip() or f"HTTP status {status}"
    return _TYPES.get(status, UnavailableError)(status, message, call)
