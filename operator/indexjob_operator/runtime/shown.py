"""What the watches have shown of Jobs that ended, and of their pods: the event that tells of an end brings all that is to be read of it.

So an end is recorded without asking the API for what it has just said. Nothing else is judged by this: that a Job has ended, and how, is never taken back,
and where a pod of it was not shown, or too much else was since, the API is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexjob_operator import names
from indexjob_operator.observing import accounts_for, is_over
from indexjob_operator.pods import is_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from indexjob_operator.runtime.protocol import LaunchKey

MOST_LAUNCHES = 500
"""Those shown first are forgotten first: a watch begins with all that is there, which may be thousands that ended long ago."""


class Shown:
    """Of one database's launches."""

    def __init__(self, instance: UUID) -> None:
        self._instance = instance
        self._jobs: dict[LaunchKey, Mapping[str, Any]] = {}
        self._pods: dict[LaunchKey, dict[str, Mapping[str, Any]]] = {}

    def hear(self, thing: Mapping[str, Any]) -> None:
        """Of a Job or Pod, as it was shown."""
        key = names.key_of(thing)
        if key is None or not names.belongs(thing, self._instance, key):
            return
        if is_terminal(thing):
            _keep(self._pods, key, {**self._pods.get(key, {}), thing["metadata"]["uid"]: thing})
        elif is_over(thing):
            _keep(self._jobs, key, thing)

    def ended(self, key: LaunchKey) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]] | None:
        """The Job that ended, and its pods, if all of them were shown."""
        job, pods = self._jobs.get(key), list(self._pods.get(key, {}).values())
        return (job, pods) if job is not None and accounts_for(job, pods) else None

    def forget(self, key: LaunchKey) -> None:
        """The launch is done with."""
        self._jobs.pop(key, None)
        self._pods.pop(key, None)


def _keep(shown: dict[LaunchKey, Any], key: LaunchKey, thing: object) -> None:
    shown.pop(key, None)
    shown[key] = thing
    if len(shown) > MOST_LAUNCHES:
        del shown[next(iter(shown))]
