"""Looks whether the Kubernetes API, and in it the kinds that are watched, are there: a watch of a kind that comes later would never see it.

Of several namespaces one may be out of reach, because it was deleted and took the operator's rights in it along: the others are served all the same.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from indexjob_operator.kubernetes_api import JOBS, KubernetesApiError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from indexjob_operator.health import Health
    from indexjob_operator.kubernetes_api import KubernetesApi, Resource

logger = logging.getLogger(__name__)

API = "the Kubernetes API"
INTERVAL_SECONDS = 15.0
WAIT_SECONDS = 2.0
SILENT_SECONDS = 90.0
NOBODY = "metadata.name=indexjob-none"
"""No object has this name: the answer is empty, and says all the same that the kind can be listed."""


async def until_listed(api: KubernetesApi, what: Resource, namespaces: Sequence[str], health: Health) -> list[str]:
    """Of these namespaces those in which this kind can be listed, once that is one at least; until then say what is in the way. Nowhere named is everywhere."""
    kind, said = f"the resource {what.plural}", ""
    while True:
        health.beat(kind, SILENT_SECONDS)
        try:
            there = await _listed(api, what, namespaces)
        except NotFoundError:
            why = f"the cluster doesn't know {what.plural}: apply its CustomResourceDefinition; it is waited for."
        except KubernetesApiError as error:
            why = str(error)
        else:
            break
        health.lacks(kind, why)
        if why != said:
            logger.warning("waiting for %s: %s", kind, why, extra={"action": "resource-missing"})
            said = why
        await asyncio.sleep(WAIT_SECONDS)
    health.ended(kind)
    health.has(kind)
    if said:
        logger.info("%s is there now", kind, extra={"action": "resource-there"})
    return there


async def until_more_listed(api: KubernetesApi, what: Resource, namespaces: Collection[str]) -> None:
    """Return once this kind can be listed in one of these at least."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        with suppress(KubernetesApiError):
            if await _listed(api, what, namespaces):
                return


async def _listed(api: KubernetesApi, what: Resource, namespaces: Collection[str]) -> list[str]:
    """Raises what the last of them said, if it is nowhere."""
    there, refused = [], None
    for namespace in namespaces or (None,):
        try:
            await api.list(what, namespace, fields=NOBODY)
        except RefusedError as error:
            refused = error
        else:
            there.append(namespace)
    if refused and not there:
        raise refused
    return [namespace for namespace in there if namespace]


async def keep_looking(api: KubernetesApi, namespace: str, health: Health) -> None:
    """Until cancelled, whether the API answers."""
    while True:
        try:
            await api.list(JOBS, namespace, fields=NOBODY)
        except KubernetesApiError as error:
            health.lacks(API, str(error))
        else:
            health.has(API)
        await asyncio.sleep(INTERVAL_SECONDS)
