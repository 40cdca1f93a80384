"""Labels and annotations by which the operator knows its own, and what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from indexjob_operator.runtime.protocol import LaunchKey

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
INSTANCE = "codeindex.dev/instance"
INDEX_JOB = "codeindex.dev/index-job"
LAUNCH = "codeindex.dev/launch"
TENANT = "codeindex.dev/tenant"
PROFILE = "codeindex.dev/profile"
REPOSITORY = "codeindex.dev/repository"
REVISION = "codeindex.dev/revision"
OURS = "indexjob"
WORKER = "worker"

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def labels_of(instance: UUID, key: LaunchKey) -> dict[str, str]:
    """What makes an object this launch's, of this database."""
    return {MANAGED_BY: OURS, INSTANCE: str(instance), INDEX_JOB: str(key.job_id), LAUNCH: str(key.launch)}


def selector(instance: UUID, key: LaunchKey | None = None) -> str:
    """Selects all of this database's objects, or those of one launch."""
    wanted = labels_of(instance, key) if key else {MANAGED_BY: OURS, INSTANCE: str(instance)}
    return ",".join(f"{name}={value}" for name, value in wanted.items())


def key_of(thing: Mapping[str, Any]) -> LaunchKey | None:
    """Which launch an object belongs to; None if its labels don't say."""
    labels = (thing.get("metadata") or {}).get("labels") or {}
    try:
        return LaunchKey(UUID(labels[INDEX_JOB]), int(labels[LAUNCH]))
    except (KeyError, ValueError):
        return None


def belongs(thing: Mapping[str, Any], instance: UUID, key: LaunchKey) -> bool:
    """Whether an object carries all the labels of this launch."""
    labels = (thing.get("metadata") or {}).get("labels") or {}
    return labels_of(instance, key).items() <= labels.items()


def as_label(text: str) -> str | None:
    """The text, if a label may have it as its value."""
    return text if _LABEL.fullmatch(text) else None
