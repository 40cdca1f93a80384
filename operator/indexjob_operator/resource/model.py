"""The IndexJob resource, field by field. `make generate` writes crds/ from it, so a description here is what `kubectl explain` says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from indexjob_operator.resource import rules

GROUP = "codeindex.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "IndexJob"
PLURAL = "indexjobs"
RERUN = f"{GROUP}/rerun"
"""The annotation that asks for another run of the same request."""

LARGEST_INTEGER = 2**31 - 1

Language = Literal["go", "javascript", "python", "tsx", "typescript"]
State = Literal["queued", "launching", "running", "suspended", "completed", "failed", "cancelled", "skipped"]
Pattern = Annotated[str, Field(min_length=1, max_length=500)]


class _Part(BaseModel):
    """Names as Kubernetes spells them. What a newer version wrote is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class SecretReference(_Part):
    """A Secret that lets this tenant read this host: it says so itself, by its label and annotations."""

    name: str = Field(
        min_length=1,
        max_length=253,
        json_schema_extra=rules.SECRET,
        description="Name of the Secret, of type kubernetes.io/basic-auth or kubernetes.io/ssh-auth.",
    )


class IndexJobSpec(_Part):
    """What is asked for. What defines the run can't be changed; suspend, priority and ttlSecondsAfterFinished can."""

    model_config = ConfigDict(json_schema_extra=rules.SPEC)

    repository: str = Field(
        min_length=1,
        max_length=2000,
        description="The repository's https or ssh URL, without a password or token.",
    )
    revision: str = Field(
        "HEAD",
        min_length=1,
        max_length=255,
        json_schema_extra=rules.REVISION,
        description="A branch, a tag, a full ref, a commit id, or HEAD for the default branch.",
    )
    credentials_secret_ref: SecretReference | None = Field(
        None, description="The Secret that holds the git credential; leave it out for a public repository."
    )
    profile: str = Field(
        "default",
        min_length=1,
        max_length=63,
        json_schema_extra=rules.PROFILE,
        description="A named set of pod settings that the administrator defines: resources, workspace, nodes, deadline.",
    )
    priority: int = Field(
        0,
        ge=-LARGEST_INTEGER - 1,
        le=LARGEST_INTEGER,
        description="Higher goes first, among the jobs of the same tenant. May be changed while it waits.",
    )
    backoff_limit: int = Field(
        3, ge=0, le=100, description="How many failed attempts are followed by another one before the job has failed."
    )
    active_deadline_seconds: int | None = Field(
        None,
        ge=1,
        le=86_400,
        description="How long one attempt may take, from its start; the profile's deadline if left out. Waiting doesn't count.",
    )
    suspend: bool = Field(
        default=False,
        description="Set the job aside: what runs of it is taken down. Set it to false, and a new launch stands in line.",
    )
    ttl_seconds_after_finished: int | None = Field(
        None,
        ge=0,
        le=LARGEST_INTEGER,
        description="How long the Kubernetes Job is kept once its outcome is recorded; the administrator's default if left out. The IndexJob stays.",
    )
    include: list[Pattern] | None = Field(
        None,
        max_length=100,
        json_schema_extra=rules.patterns("include"),
        description="Index only files that match, by .gitignore's syntax; everything if left out.",
    )
    exclude: list[Pattern] | None = Field(
        None,
        max_length=100,
        json_schema_extra=rules.patterns("exclude"),
        description="Leave out files that match, by .gitignore's syntax.",
    )
    languages: list[Language] | None = Field(
        None,
        max_length=20,
        json_schema_extra={"x-kubernetes-list-type": "set"},
        description="Index only files of these languages; all if left out.",
    )


class Condition(_Part):
    """One aspect of what became of the job, for `kubectl wait --for=condition=…`."""

    type: str = Field(description="Queued, Launched, Complete, Failed or Suspended.")
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(description="One word for programs.")
    message: str = Field("", description="A sentence for people.")
    last_transition_time: datetime = Field(description="Since when the status is what it is.")


class IndexJobStatus(_Part):
    """What became of it: a view of the job's row in Postgres."""

    state: State | None = Field(
        None,
        description="queued, launching, running, suspended; in the end completed, skipped (the index was there already), failed or cancelled.",
    )
    conditions: list[Condition] | None = Field(
        None,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        description="Queued, Launched, Complete, Failed and Suspended; in every case Complete or Failed becomes True in the end.",
    )
    observed_generation: int | None = Field(None, description="The generation of the spec that this status is about.")
    job_id: str | None = Field(None, description="The index job's id: the row in indexjob.jobs and indexjob.attempts.")
    job_name: str | None = Field(None, description="The Kubernetes Job of the last launch.")
    job_namespace: str | None = Field(None, description="Where that Job runs.")
    commit: str | None = Field(None, description="The commit that was indexed.")
    attempts: int | None = Field(None, description="How many pods have tried so far.")
    step: str | None = Field(None, description="What the run is doing.")
    progress: int | None = Field(None, description="Percentage.")
    reason: str | None = Field(None, description="Why it is in this state, in one word.")
    message: str | None = Field(None, description="The same for people, with what to do about it.")
    start_time: datetime | None = Field(None, description="When its first pod started.")
    completion_time: datetime | None = Field(None, description="When it ended, however it ended.")
    duration: str | None = Field(None, description="From the one to the other.")
    stats: dict[str, int] | None = Field(None, description="What was published, counted.")
    log_tail: str | None = Field(None, description="The end of the last attempt's log, if the job has failed.")
    last_handled_rerun: str | None = Field(
        None, description=f"The value of the annotation {RERUN} that this status is about."
    )


class IndexJob(_Part):
    """A request to index a repository at a revision; it runs as one Kubernetes Job in the operator's namespace."""

    spec: IndexJobSpec
    status: IndexJobStatus | None = None


def columns() -> list[dict[str, Any]]:
    """What `kubectl get` prints; those of priority 1 with `-o wide` alone."""

    def column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
        return {"name": name, "jsonPath": path, "type": kind, **({"priority": priority} if priority else {})}

    return [
        column("Repository", ".spec.repository"),
        column("Revision", ".spec.revision"),
        column("State", ".status.state"),
        column("Progress", ".status.progress", "integer"),
        column("Attempts", ".status.attempts", "integer"),
        column("Age", ".metadata.creationTimestamp", "date"),
        column("Reason", ".status.reason", priority=1),
        column("Job", ".status.jobName", priority=1),
        column("Duration", ".status.duration", priority=1),
    ]
