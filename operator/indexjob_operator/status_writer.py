"""Writes the status of an IndexJob, and the Events that tell of it: only what differs from what is there."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from indexjob_operator.faults import reach
from indexjob_operator.kubernetes_api import EVENTS, INDEX_JOBS, ConflictError, KubernetesApiError
from indexjob_operator.resource.events import event, notices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

    from indexjob_operator.kubernetes_api import Manifest, Resource
    from indexjob_operator.resource.events import Notice
    from indexjob_operator.resource.seen import Seen

logger = logging.getLogger(__name__)


class Api(Protocol):
    """What of the Kubernetes API is needed here and in the mirror."""

    def objects(self, what: Resource, namespace: str | None) -> AsyncIterator[Manifest]:
        """All there are, one after the other."""

    async def get(self, what: Resource, namespace: str | None, name: str) -> Manifest | None:
        """One object; None if there is nothing of that name."""

    async def create(self, what: Resource, namespace: str | None, body: Manifest) -> Manifest:
        """Make one."""

    async def merge_patch(
        self, what: Resource, namespace: str | None, name: str, change: Manifest, *, subresource: str = ""
    ) -> Manifest:
        """Change one: how it is then."""


class StatusWriter:
    """The only one that writes to an IndexJob."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def write(self, seen: Seen, after: Mapping[str, Any], changes: Mapping[str, Any]) -> Manifest:
        """The resource as it is with these changes, which make its status what it is `after`.

        Raises:
            NotFoundError: it is gone.
            ConflictError: another resource of the same name is in its place.
        """
        before = seen.status
        reach("status-writing")
        body = {"metadata": {"uid": seen.uid}, "status": dict(changes)}
        found = await self._api.merge_patch(INDEX_JOBS, seen.namespace, seen.name, body, subresource="status")
        reach("status-written")
        for notice in notices(before, after):
            await self._tell(seen, notice, after)
        return found

    async def _tell(self, seen: Seen, notice: Notice, status: Mapping[str, Any]) -> None:
        """Events are for people who look right now: one that can't be written is not tried again."""
        now = datetime.now(UTC)
        about = event(notice, namespace=seen.namespace, name=seen.name, uid=seen.uid, status=status, now=now)
        try:
            await self._api.create(EVENTS, seen.namespace, about)
        except ConflictError:
            pass  # told before
        except KubernetesApiError as error:
            logger.info("an Event was not written: %s", error, extra={"action": "event-not-written"})
