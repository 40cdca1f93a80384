"""What one launch is told to do: the only thing that passes from the operator to the worker.

It holds no secret: the git credential is mounted for `clone` alone, the database credential and the launch token for `index` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID  # noqa: TC003 - fields' types are looked up when one is read

from indexjob import strict_json
from indexjob.strict_json import POSITIVE

MIB = 1024 * 1024


def _in_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


@dataclass(frozen=True)
class Limits:
    """How much of a repository the worker takes on before it says `TooLarge`, or sets a single file aside.

    An administrator writes them in camelCase, as a part of a profile.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "alias_generator": _in_camel_case,
        "populate_by_name": True,
        "use_attribute_docstrings": True,
    }

    file_bytes: int = field(default=MIB, metadata=POSITIVE)
    """A larger file is listed in the index, and not read."""
    file_seconds: float = field(default=10.0, metadata=POSITIVE)
    """A file that takes longer to parse is set aside, and the others go on."""
    files: int = field(default=1_000_000, metadata=POSITIVE)
    """A commit with more of them ends the run."""
    total_bytes: int = field(default=4096 * MIB, metadata=POSITIVE)
    """So do files to index that have more than this together."""
    clone_bytes: int = field(default=8192 * MIB, metadata=POSITIVE)
    """So does a clone that gets larger."""
    extractor_memory_bytes: int = field(default=1024 * MIB, metadata=POSITIVE)
    """A file that takes more memory to parse is set aside."""
    extractors: int | None = field(default=None, metadata=POSITIVE)
    """Extraction children; None takes one per CPU that the container may use."""

    @property
    def of_files(self) -> str:
        """What decides which files an index lacks, as a name: of the same commit, indexes made under others are not equal.

        The other limits end the run, or follow from the container: a file that took too much memory is lost until it changes.
        """
        return f"{self.file_bytes} bytes, {self.file_seconds:g} s"


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One launch of one index job, as JSON in the pod's mounted Secret (or in the local runtime's workspace)."""

    job_id: UUID
    launch: int = field(metadata=POSITIVE)
    tenant: str
    repository: str
    clone_url: str
    revision: str = "HEAD"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    deadline_seconds: int | None = field(default=None, metadata=POSITIVE)
    known_commits: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By extractor version: commits whose index, with this very selection of files and these limits, is there already."""
    local_repositories: bool = False
    """`file://` and loopback `http://` may be cloned: the local runtime and tests only."""
    heartbeat_seconds: float = field(default=10.0, metadata=POSITIVE)
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_json(cls, text: str | bytes) -> RunSpec:
        """Raises: MalformedError."""
        return strict_json.read(cls, text)

    def to_json(self) -> str:
        """What `from_json` reads."""
        return strict_json.write(self)
