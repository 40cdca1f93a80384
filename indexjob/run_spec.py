"""What one launch is told to do: the only thing that passes from the operator to the worker.

It holds no secret: the git credential is mounted for `clone` alone, the database credential and the launch token for `index` alone.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.alias_generators import to_camel

MIB = 1024 * 1024


class Limits(BaseModel):
    """How much of a repository the worker takes on before it says `TooLarge`, or sets a single file aside.

    An administrator writes them in camelCase, as a part of a profile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    file_bytes: PositiveInt = MIB
    file_seconds: PositiveFloat = 10.0
    files: PositiveInt = 1_000_000
    total_bytes: PositiveInt = 4096 * MIB
    clone_bytes: PositiveInt = 8192 * MIB
    extractor_memory_bytes: PositiveInt = 1024 * MIB
    extractors: PositiveInt | None = None
    """Extraction children; None takes one per CPU that the container may use."""

    @property
    def of_files(self) -> str:
        """What decides which files an index lacks, as a name: of the same commit, indexes made under others are not equal.

        The other limits end the run, or follow from the container: a file that took too much memory is lost until it changes.
        """
        return f"{self.file_bytes} bytes, {self.file_seconds:g} s"


class RunSpec(BaseModel):
    """One launch of one index job, as JSON in the pod's mounted Secret (or in the local runtime's workspace)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: UUID
    launch: PositiveInt
    tenant: str
    repository: str
    clone_url: str
    revision: str = "HEAD"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    deadline_seconds: PositiveInt | None = None
    known_commits: dict[int, tuple[str, ...]] = Field(default_factory=dict)
    """By extractor version: commits whose index, with this very selection of files and these limits, is there already."""
    local_repositories: bool = False
    """`file://` and loopback `http://` may be cloned: the local runtime and tests only."""
    heartbeat_seconds: PositiveFloat = 10.0
    limits: Limits = Field(default_factory=Limits)
