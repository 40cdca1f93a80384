"""Builds what a runtime is asked to launch, from a row and its profile. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexjob.run_spec import RunSpec
from indexjob_operator.profiles import DAY
from indexjob_operator.runtime.protocol import CredentialRef, LaunchRequest

if TYPE_CHECKING:
    from indexjob.queue.leader import ActiveJob
    from indexjob_operator.profiles import Profile


def build_run_spec(job: ActiveJob, profile: Profile, *, local_repositories: bool) -> RunSpec:
    """What the worker is told: the request, within the profile's bounds."""
    known_commits = job.known_commits(profile.limits.of_files)
    deadline = min(int(job.options.get("active_deadline_seconds", profile.deadline_seconds)), DAY)
    return RunSpec(
        job_id=job.id,
        launch=job.launch,
        tenant=job.tenant,
        repository=job.repository,
        clone_url=job.clone_url,
        revision=job.revision,
        include=tuple(job.options.get("include", ())),
        exclude=tuple(job.options.get("exclude", ())),
        languages=tuple(job.options.get("languages", ())),
        deadline_seconds=deadline,
        known_commits={version: tuple(commits) for version, commits in known_commits.items()},
        local_repositories=local_repositories,
    )


def memory_after(profile: Profile, oom_kills: int) -> int | None:
    """What a launch may use after so many that ran out of memory: twice as much each time, up to the profile's cap. None is without limit."""
    usual, cap = profile.memory_bytes, profile.memory_cap_bytes
    if usual is None or cap is None:
        return None
    return min(cap, usual << min(oom_kills, 20))


def build_request(
    job: ActiveJob, run_spec: RunSpec, profile: Profile, *, database_url: str, database_ca: str, launch_token: str
) -> LaunchRequest:
    """The run spec, with what is left of `backoffLimit`, what the worker needs to reach Postgres, and where its git credential is."""
    secret = job.options.get("credentials_secret")
    return LaunchRequest(
        run_spec,
        max(0, job.backoff_left),
        profile,
        database_url=database_url,
        launch_token=launch_token,
        database_ca=database_ca,
        memory_bytes=memory_after(profile, job.oom_kills) if job.oom_kills else None,
        credential=CredentialRef(secret, job.options.get("credentials_namespace")) if secret else None,
    )
