"""What the mirror remembers of an IndexJob: little, for there may be ten thousand. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexjob_operator.resource.requests import token_of
from indexjob_operator.resource.status import is_handled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(slots=True)
class Seen:
    """A resource as it was seen last. `written` is its status, as text: a tenth of the memory of what it would be parsed."""

    uid: str
    namespace: str
    name: str
    generation: int
    version: int
    token: str
    written: bytes
    spec: Mapping[str, Any] | None
    """Only while the queue doesn't know of it yet."""
    row_stamp: datetime | None = field(default=None)
    """Of the row that the status was made from."""
    written_at: float = field(default=-1e9)

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> Seen:
        """From what the API server gave."""
        metadata, status = resource["metadata"], resource.get("status") or {}
        token, generation = token_of(metadata), int(metadata.get("generation", 1))
        news = not is_handled(status, token) or status.get("observedGeneration") != generation
        return cls(
            uid=metadata["uid"],
            namespace=metadata["namespace"],
            name=metadata["name"],
            generation=generation,
            version=version_of(metadata),
            token=token,
            written=dump(status),
            spec=resource.get("spec") or {} if news else None,
        )

    @property
    def status(self) -> dict[str, Any]:
        """As it is at the API server."""
        found: dict[str, Any] = json.loads(self.written)
        return found

    @property
    def finished(self) -> bool:
        """Whether its run has ended, as far as the status says."""
        return b'"completionTime":' in self.written


def dump(status: Mapping[str, Any]) -> bytes:
    """A status as text."""
    return json.dumps(status, separators=(",", ":"), sort_keys=True).encode()


def version_of(metadata: Mapping[str, Any]) -> int:
    """Versions of one object can be compared: a greater one is newer."""
    return int(metadata.get("resourceVersion") or 0)
