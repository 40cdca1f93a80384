"""What each answer of an API server is taken for; a little HTTP server gives them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from indexjob_operator.kubernetes_api import (
    JOBS,
    PODS,
    ConflictError,
    InvalidError,
    KubernetesApi,
    KubernetesApiError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)


class Server:
    """Answers as it is told and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, dict[str, str], str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.asked.append((request.method, request.path, dict(request.query), request.headers["Content-Type"], body))
        status, answer = self.answers.pop(0)
        return web.Response(status=status, text=answer if isinstance(answer, str) else json.dumps(answer))


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, KubernetesApi]]:
    fake = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api = KubernetesApi(client.Configuration(host=f"http://{host}:{port}"), seconds_a_call=2)
    yield fake, api
    await api.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError), (401, UnavailableError), (403, RefusedError), (404, NotFoundError), (409, ConflictError), (410, UnavailableError),
        (422, InvalidError), (429, UnavailableError), (500, UnavailableError), (503, UnavailableError), (504, UnavailableError),
    ],
)  # fmt: skip
async def test_every_failure_has_a_type_that_says_what_to_do(
    server: tuple[Server, KubernetesApi], status: int, kind: type[KubernetesApiError]
) -> None:
    fake, api = server
    fake.answers = [(status, {"kind": "Status", "message": "the server's sentence"})]
    with pytest.raises(kind, match=r"create jobs ns: the server's sentence"):
        await api.create(JOBS, "ns", {"kind": "Job"})


async def test_an_answer_that_is_no_status_is_told_as_it_is(server: tuple[Server, KubernetesApi]) -> None:
    fake, api = server
    fake.answers = [(502, "<html>bad gateway")]
    with pytest.raises(UnavailableError, match="bad gateway"):
        await api.list(PODS, "ns")


async def test_nothing_is_none_and_only_then(server: tuple[Server, KubernetesApi]) -> None:
    fake, api = server
    fake.answers = [(404, {"message": "no"}), (500, {"message": "no"})]
    assert await api.get(JOBS, "ns", "x") is None
    with pytest.raises(UnavailableError):
        await api.get(JOBS, "ns", "x")


async def test_a_server_that_is_gone_is_unavailable() -> None:
    api = KubernetesApi(client.Configuration(host="http://127.0.0.1:9"), seconds_a_call=1)
    with pytest.raises(UnavailableError):
        await api.get(JOBS, "ns", "x")
    await api.close()


async def test_a_list_is_read_page_by_page(server: tuple[Server, KubernetesApi]) -> None:
    fake, api = server
    fake.answers = [(200, {"items": [{"a": 1}], "metadata": {"continue": "more"}}), (200, {"items": [{"a": 2}]})]
    assert await api.list(PODS, "ns", labels="x=y") == [{"a": 1}, {"a": 2}]
    assert [query.get("continue") for _, _, query, _, _ in fake.asked] == [None, "more"]
    assert all(query["labelSelector"] == "x=y" for _, _, query, _, _ in fake.asked)


async def test_what_the_api_server_remembers_is_asked_for_at_once(server: tuple[Server, KubernetesApi]) -> None:
    fake, api = server
    items = [{"a": "ä" * 1000, "b": number} for number in range(300)]
    compact = json.dumps({"items": items, "metadata": {}}, separators=(",", ":"), ensure_ascii=False)
    fake.answers = [(200, compact), (200, {"items": None}), (500, {"message": "no"})]
    assert await api.list(PODS, "ns", labels="x=y", cached=True) == items
    assert [query["resourceVersion"] for _, _, query, _, _ in fake.asked] == ["0"]
    assert await api.list(PODS, "ns", labels="x=y", cached=True) == []
    with pytest.raises(UnavailableError):
        await api.list(PODS, "ns", labels="x=y", cached=True)


@pytest.mark.parametrize("broken", ['{"items":[{"a":1},{"a":', '{"items":[{"a":1}', "no JSON"])
async def test_half_a_list_is_none(server: tuple[Server, KubernetesApi], broken: str) -> None:
    fake, api = server
    fake.answers = [(200, broken)]
    with pytest.raises(UnavailableError, match="list pods: the answer is no whole list"):
        await api.list(PODS, "ns")


async def test_patches_and_deletions_say_what_they_are(server: tuple[Server, KubernetesApi]) -> None:
    fake, api = server
    fake.answers = [(200, {}), (200, {}), (404, {"message": "gone"})]
    await api.merge_patch(JOBS, "ns", "x", {"spec": {}}, subresource="status")
    assert await api.delete(PODS, "ns", "y", uid="u", grace_seconds=0)
    assert not await api.delete(PODS, "ns", "y")
    (patch, deletion, _) = fake.asked
    assert patch[:2] == ("PATCH", "/apis/batch/v1/namespaces/ns/jobs/x/status")
    assert patch[3] == "application/merge-patch+json"
    options = json.loads(deletion[4])
    assert (options["propagationPolicy"], options["preconditions"], options["gracePeriodSeconds"]) == (
        "Background",
        {"uid": "u"},
        0,
    )


async def test_a_token_that_is_not_taken_any_more_is_read_anew() -> None:
    tokens, seen = ["old", "new"], []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response(
            {"items": []} if seen[-1] == "Bearer new" else {"message": "who?"},
            status=200 if seen[-1] == "Bearer new" else 401,
        )

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]

    async def load() -> client.Configuration:
        configuration = client.Configuration(host=f"http://{host}:{port}")
        configuration.api_key["BearerToken"] = f"Bearer {tokens.pop(0)}"
        return configuration

    api = KubernetesApi(await load(), renew=load, seconds_a_call=2)
    with pytest.raises(UnavailableError):
        await api.list(JOBS, "x")
    assert await api.list(JOBS, "x") == []
    assert seen == ["Bearer old", "Bearer new"]
    await api.close()
    await runner.cleanup()
