"""Moves one index job a step further. Everything else only says which one to look at.

`reconcile` reads the row and the runtime afresh, lets `decision` judge, and carries the decision out. It may be called at any time and any number of times:
each write is guarded by the launch's number and the leader's epoch.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from indexjob.outcome import Reason
from indexjob.queue.leader import FinishedLaunch
from indexjob_operator import measures
from indexjob_operator.decision import Finish, Launch, MarkRunning, Requeue, TakeDown, decide
from indexjob_operator.faults import reach
from indexjob_operator.profiles import Profiles, UnknownProfileError
from indexjob_operator.requests import build_request, build_run_spec
from indexjob_operator.runtime.protocol import LaunchKey, LaunchRefusedError, LaunchSeen, PodSeen, Runtime

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from indexjob.queue.leader import ActiveJob, LeaderQueue

logger = logging.getLogger(__name__)


class Reconciler:
    """Carries decisions out, in the queue and in the runtime.

    `worker_database_url` is what workers are given; `local_repositories` whether they may clone what lies on this machine.
    """

    def __init__(
        self,
        queue: LeaderQueue,
        runtime: Runtime,
        profiles: Profiles,
        *,
        worker_database_url: str,
        local_repositories: bool,
        heartbeat_timeout: timedelta,
    ) -> None:
        self._queue = queue
        self._runtime = runtime
        self._profiles = profiles
        self._worker_database_url = worker_database_url
        self._local_repositories = local_repositories
        self._heartbeat_timeout = heartbeat_timeout
        self._recorded: dict[LaunchKey, set[tuple[str, bool]]] = {}

    async def reconcile(self, job_id: UUID) -> None:
        """Look at this index job and do what is next."""
        job = await self._queue.find(job_id)
        if job is None:
            return
        key = LaunchKey(job.id, job.slot_launch)
        seen = await self._runtime.observe(key)
        if seen is not None:
            await self._record_attempts(seen)
        match decide(job, seen, datetime.now(UTC), self._heartbeat_timeout):
            case Launch():
                await self._launch(job)
            case MarkRunning():
                await self._mark_running(job)
            case Finish(verdict):
                if seen is None:  # published, and lost from sight: nothing of it may be left when its slot is free
                    await self._runtime.cancel(key)
                await self._finish(job, verdict, seen)
            case Requeue() as requeue:
                await self._requeue(job, requeue)
            case TakeDown(key):
                await self._take_down(job, key)

    async def _launch(self, job: ActiveJob) -> None:
        try:
            profile = self._profiles.named(job.profile)
        except UnknownProfileError as error:
            await self._finish(job, FinishedLaunch(job.id, job.launch, Reason.UNKNOWN_PROFILE, str(error)))
            return
        known, token = await self._queue.launch_papers(job)
        run_spec = build_run_spec(job, profile, known, local_repositories=self._local_repositories)
        reach("launching")
        request = build_request(job, run_spec, profile, database_url=self._worker_database_url, launch_token=token)
        try:
            await self._runtime.launch(request)
        except LaunchRefusedError as refused:
            await self._refused(job, refused)
            return
        reach("launched")
        self._log("launched", job)
        measures.launched(job)

    async def _mark_running(self, job: ActiveJob) -> None:
        reach("marking-running")
        if await self._queue.record_running(job.id, job.launch):
            self._log("running", job)
            measures.running(job)
        reach("running")

    async def _take_down(self, job: ActiveJob, key: LaunchKey) -> None:
        await self._runtime.cancel(key)
        reach("taking-down")
        if await self._queue.release_slot(*key):
            self._log("taken-down", job)
        self._recorded.pop(key, None)
        reach("taken-down")

    async def _refused(self, job: ActiveJob, refused: LaunchRefusedError) -> None:
        if refused.permanent:
            await self._finish(job, FinishedLaunch(job.id, job.launch, refused.reason, refused.message))
        else:
            await self._requeue(job, Requeue(refused.reason, refused.message))

    async def _finish(self, job: ActiveJob, verdict: FinishedLaunch, seen: LaunchSeen | None = None) -> None:
        reach("recording")
        finished = await self._queue.record_finished([verdict])
        reach("recorded")
        key = LaunchKey(job.id, job.launch)
        await self._runtime.release(key)
        reach("released")
        self._recorded.pop(key, None)
        if job.id in finished:
            measures.finished(job, verdict, seen)
            self._log(
                "finished", job, reason=job.verdict or verdict.reason, sentence="" if job.verdict else verdict.message
            )

    async def _requeue(self, job: ActiveJob, requeue: Requeue) -> None:
        key = LaunchKey(job.id, job.launch)
        await self._runtime.cancel(key)
        reach("requeueing")
        state = await self._queue.record_requeued(
            job.id,
            job.launch,
            reason=requeue.reason,
            message=requeue.message,
            spent=requeue.spent,
            infrastructure=requeue.infrastructure,
        )
        reach("requeued")
        self._recorded.pop(key, None)
        if state is not None:
            measures.requeued(requeue.reason)
            self._log("requeued", job, reason=requeue.reason, sentence=requeue.message)

    async def _record_attempts(self, seen: LaunchSeen) -> None:
        recorded = self._recorded.setdefault(seen.key, set())
        for pod in seen.pods:
            mark = (pod.uid, pod.finished_at is not None)
            if pod.started_at is not None and mark not in recorded:
                reach("recording-attempt")
                await self._queue.record_attempt(seen.key.job_id, seen.key.launch, attempt_of(pod))
                recorded.add(mark)
                if pod.finished_at is not None:
                    measures.attempted(pod)

    def _log(self, action: str, job: ActiveJob, **more: object) -> None:
        logger.info(
            "%s %s at %s",
            action,
            job.repository,
            job.revision,
            extra={"action": action, "job": str(job.id), "launch": job.launch, **more},
        )


def attempt_of(pod: PodSeen) -> dict[str, Any]:
    """An attempt as `LeaderQueue.record_attempt` takes it; what the runtime doesn't know is left out."""
    outcome = pod.outcome
    known = {
        "pod_uid": pod.uid,
        "pod": pod.name,
        "node": pod.node,
        "started_at": pod.started_at.isoformat() if pod.started_at else None,
        "finished_at": pod.finished_at.isoformat() if pod.finished_at else None,
        "exit_code": pod.exit_code,
        "reason": outcome.reason if outcome else pod.reason,
        "message": outcome.message if outcome else None,
        "peak_memory_bytes": outcome.peak_memory_bytes if outcome else None,
        "steps": outcome.steps if outcome and outcome.steps else None,
        "log_tail": pod.log_tail,
    }
    return {name: value for name, value in known.items() if value is not None}
