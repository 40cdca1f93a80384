"""What the watches do with an event: name the index job that wants looking at, and hand on what has ended. Nothing is decided and nothing is stored here."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import kopf

from indexjob_operator import metrics
from indexjob_operator.login import connection_info
from indexjob_operator.observing import is_ending, is_over, pared
from indexjob_operator.pods import is_terminal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

CREDENTIALS_LAST = timedelta(minutes=10)
"""kopf asks for new ones after so long, so that a token that was turned over is outlived."""


class Hints:
    """From the watches' threads into the main loop, to whoever leads. While nobody does here, hints are dropped: a term begins with a sweep."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.index_job: Callable[[UUID], None] = _drop
        self.ending: Callable[[UUID], None] = _drop
        self.resource: Callable[[Mapping[str, Any], bool], None] = _drop
        self.shown: Callable[[Mapping[str, Any]], None] = _drop

    def hear_index_job(self, index_job: UUID) -> None:
        """A Job or Pod of this index job has changed."""
        self._tell(lambda: self.index_job(index_job))

    def hear_end(self, thing: Mapping[str, Any]) -> None:
        """A Job or Pod that has ended, as it is."""
        self._tell(lambda: self.shown(thing))

    def hear_resource(self, metadata: Mapping[str, Any], *, gone: bool) -> None:
        """An IndexJob has changed, or is gone: its metadata."""
        self._tell(lambda: self.resource(metadata, gone))

    def hear_ending(self, index_job: UUID) -> None:
        """The end of its launch will be heard in a moment; if not, it is to be looked at all the same."""
        self._tell(lambda: self.ending(index_job))

    def quiet(self) -> None:
        """The term is over."""
        self.index_job = self.ending = self.resource = self.shown = _drop

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the process ends
            self._loop.call_soon_threadsafe(what)


def _drop(*_: object) -> None:
    pass


def of_launches(hints: Hints, label: str) -> kopf.OperatorRegistry:
    """Handlers of Jobs and of their Pods; `label` holds the index job's id."""
    registry = _with_login()

    def hear(
        type: str | None,  # noqa: A002 - kopf's name
        body: Mapping[str, Any],
        labels: Mapping[str, str],
        resource: kopf.Resource,
        **_: Any,
    ) -> None:
        metrics.WATCH_EVENTS.labels(resource.plural).inc()
        if is_terminal(body) or is_over(body):
            hints.hear_end(pared(body))
        tell = hints.hear_ending if type != "DELETED" and is_ending(body) else hints.hear_index_job
        with suppress(ValueError):
            tell(UUID(labels.get(label, "")))

    async def job_changed(**event: Any) -> None:
        hear(**event)

    async def pod_changed(**event: Any) -> None:
        hear(**event)

    kopf.on.event("batch", "v1", "jobs", registry=registry)(job_changed)
    kopf.on.event("v1", "pods", registry=registry)(pod_changed)
    return registry


def of_resources(hints: Hints, kind: tuple[str, str, str]) -> kopf.OperatorRegistry:
    """Handlers of IndexJobs: group, version, plural."""
    registry = _with_login()

    async def index_job_changed(type: str | None, meta: Mapping[str, Any], resource: kopf.Resource, **_: Any) -> None:  # noqa: A002 - kopf's name
        metrics.WATCH_EVENTS.labels(resource.plural).inc()
        hints.hear_resource(dict(meta), gone=type == "DELETED")

    kopf.on.event(*kind, registry=registry)(index_job_changed)
    return registry


def _with_login() -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(datetime.now(UTC) + CREDENTIALS_LAST)

    kopf.on.login(registry=registry, retries=1)(login)
    return registry
