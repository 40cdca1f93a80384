"""The API server's audit log: who asked for what, as the server saw it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]


@dataclass(slots=True)
class Audit:
    """Reads what was logged since it was made (or since `forget`)."""

    log: Path
    _start: int = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._start = self.log.stat().st_size

    def of(self, user: str) -> list[Event]:
        """All that this user asked for, oldest first; a watch counts from its beginning."""
        return [event for event in map(json.loads, self._lines(user.encode())) if event["user"]["username"] == user]

    def events(
        self, *, namespace: str | None = None, verb: str | None = None, resource: str | None = None
    ) -> list[Event]:
        """Finished requests, oldest first; what is None is not asked for."""
        wanted = {"namespace": namespace, "resource": resource}
        return [
            event
            for event in map(json.loads, self._lines())
            if event["stage"] == "ResponseComplete"
            and verb in (None, event["verb"])
            and all(want in (None, event.get("objectRef", {}).get(key)) for key, want in wanted.items())
        ]

    def _lines(self, containing: bytes = b"") -> list[bytes]:
        with self.log.open("rb") as log:
            log.seek(self._start)
            return [line for line in log if containing in line and line.endswith(b"\n")]  # the last may be half written
