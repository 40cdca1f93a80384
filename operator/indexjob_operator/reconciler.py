"""Moves one index job a step further. Everything else only says which one to look at.

`reconcile` reads the row and the runtime afresh, lets `decision` judge, and carries the decision out. It may be called at any time and any number of times:
each write is guarded by the launch's number and the leader's epoch.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexjob.outcome import Reason
from indexjob.queue.leader import FinishedLaunch
from indexjob_operator import measures
from indexjob_operator.decision import Bounds, Decision, Finish, Launch, MarkRunning, Requeue, TakeDown, Wait, decide
from indexjob_operator.faults import reach
from indexjob_operator.profiles import Profile, Profiles, UnknownProfileError
from indexjob_operator.recorder import Recorder
from indexjob_operator.requests import build_request, build_run_spec
from indexjob_operator.runtime.protocol import LaunchKey, LaunchRefusedError, LaunchSeen, PodSeen, Runtime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from indexjob.queue.leader import ActiveJob, LeaderQueue
    from indexjob_operator.runtime.protocol import Waiting

logger = logging.getLogger(__name__)

STILL_GOING_SECONDS = 3.0
"""What is being taken down says when it is gone; if that goes unheard, it is looked at again."""
REFUSED_AGAIN = timedelta(seconds=30)


class Reconciler:
    """Carries decisions out, in the queue and in the runtime.

    `worker_database_url` and `worker_database_ca` say what workers are given, for each launch anew, because passwords and certificates change;
    `local_repositories` whether they may clone what lies on this machine.
    """

    def __init__(
        self,
        queue: LeaderQueue,
        runtime: Runtime,
        profiles: Profiles,
        *,
        worker_database_url: Callable[[], str],
        worker_database_ca: Callable[[], str] = str,
        local_repositories: bool,
        refused_again: timedelta = REFUSED_AGAIN,
    ) -> None:
        self._queue = queue
        self._recorder = Recorder(queue)
        self._runtime = runtime
        self._profiles = profiles
        self._worker_database_url = worker_database_url
        self._worker_database_ca = worker_database_ca
        self._local_repositories = local_repositories
        self._refused_again = refused_again
        self._recorded: dict[LaunchKey, set[tuple[str, bool]]] = {}
        self._new: dict[UUID, Awaitable[None]] = {}
        self._looked_at: dict[UUID, LaunchKey] = {}

    def claimed(self, job_id: UUID, confirmed: Awaitable[None]) -> None:
        """It was claimed just now: nothing of its launch is there yet, so that the first look need not ask the runtime for it.

        Nor does it make it before the claim is `confirmed`: a crash of Postgres may take back what isn't.
        """
        self._new[job_id] = confirmed

    async def reconcile(self, job_id: UUID) -> float | None:
        """Look at this index job and do what is next; after how many seconds to look again, if no hint comes before."""
        job, seen = await self._look(job_id)
        if job is None:
            self._looked_at.pop(job_id, None)
            return None
        self._looked_at[job_id] = _key(job)
        decision = self._decide(job, seen)
        if seen is not None and not (isinstance(decision, Finish) and not decision.take_down):
            await self._record_attempts(seen)
        return await self._carry_out(decision, job, seen)

    async def _look(self, job_id: UUID) -> tuple[ActiveJob | None, LaunchSeen | None]:
        """The row and its launch. Starts and ends wait for this, so what need not be asked one after the other is asked at once."""
        if (confirmed := self._new.pop(job_id, None)) is not None:
            job, _ = await asyncio.gather(self._queue.find(job_id), asyncio.shield(confirmed))
            if job is None or _is_to_be_made(job):
                return job, None
        elif (known := self._looked_at.get(job_id)) is not None:
            job, seen = await asyncio.gather(self._queue.find(job_id), self._runtime.observe(known))
            if job is None or _key(job) == known:
                return job, seen
        else:
            job = await self._queue.find(job_id)
        return job, None if job is None else await self._runtime.observe(_key(job))

    async def _carry_out(self, decision: Decision, job: ActiveJob, seen: LaunchSeen | None) -> float | None:
        match decision:
            case Launch():
                return await self._launch(job)
            case Wait(waiting, look_again_seconds):
                await self._note_waiting(job, waiting)
                return look_again_seconds
            case MarkRunning():
                await self._mark_running(job)
            case Finish(verdict, take_down):
                if take_down and not await self._cancel(job, decision):
                    return STILL_GOING_SECONDS
                await self._finish(job, verdict, seen)
            case Requeue():
                return await self._requeue(job, decision)
            case TakeDown(key):
                return await self._take_down(job, key)
        return None

    def wants(self, job: ActiveJob, seen: LaunchSeen | None) -> bool:
        """Whether there is anything to do about this index job while its launch looks like that: for the sweep, which lists all launches at once."""
        decision = self._decide(job, seen)
        if not isinstance(decision, Wait) or seen is None or seen.unexplained:
            return True
        told = (decision.waiting.reason, decision.waiting.message) if decision.waiting else (None, None)
        return told != (job.reason, job.message) or bool(self._unrecorded(seen))

    def _decide(self, job: ActiveJob, seen: LaunchSeen | None) -> Decision:
        profile = self._profiles.profiles.get(job.profile, Profile())
        bounds = Bounds(self._runtime.missing, profile, self._refused_again)
        return decide(job, seen, datetime.now(UTC), bounds)

    async def _launch(self, job: ActiveJob) -> float | None:
        try:
            profile = self._profiles.named(job.profile)
        except UnknownProfileError as error:
            return await self._give_up(job, FinishedLaunch(job.id, job.launch, Reason.UNKNOWN_PROFILE, str(error)))
        run_spec = build_run_spec(job, profile, local_repositories=self._local_repositories)
        reach("launching")
        request = build_request(
            job,
            run_spec,
            profile,
            database_url=self._worker_database_url(),
            database_ca=self._worker_database_ca(),
            launch_token=job.launch_token,
        )
        try:
            await self._runtime.launch(request)
        except LaunchRefusedError as refused:
            return await self._refused(job, refused)
        reach("launched")
        self._log("launched", job)
        measures.launched(job)
        return None

    async def _mark_running(self, job: ActiveJob) -> None:
        reach("marking-running")
        if await self._queue.record_running(job.id, job.launch):
            self._log("running", job)
            measures.running(job)
        reach("running")

    async def _note_waiting(self, job: ActiveJob, waiting: Waiting | None) -> None:
        reason, message = (str(waiting.reason), waiting.message) if waiting else (None, None)
        if (job.reason, job.message) == (reason, message) or job.verdict is not None:
            return
        if await self._queue.record_waiting(job.id, job.launch, reason, message) and waiting:
            self._log("waiting", job, reason=waiting.reason, sentence=waiting.message)

    async def _cancel(self, job: ActiveJob, why: Finish | Requeue) -> bool:
        """Take the launch down; whether it is gone. Why is recorded first: half gone, it would be judged by what is left of it."""
        reach("ending")
        if job.ending is None and not await self._queue.record_ending(job.id, job.launch, why.note()):
            return False
        reach("ending-recorded")
        return await self._runtime.cancel(LaunchKey(job.id, job.launch))

    async def _take_down(self, job: ActiveJob, key: LaunchKey) -> float | None:
        if not await self._runtime.cancel(key):
            return STILL_GOING_SECONDS
        reach("taking-down")
        if await self._queue.release_slot(*key):
            self._log("taken-down", job)
        self._forget(key)
        reach("taken-down")
        return None

    async def _refused(self, job: ActiveJob, refused: LaunchRefusedError) -> float | None:
        if not refused.permanent:
            return await self._requeue(job, Requeue(refused.reason, refused.message, pause=self._refused_again))
        return await self._give_up(job, FinishedLaunch(job.id, job.launch, refused.reason, refused.message))

    async def _give_up(self, job: ActiveJob, verdict: FinishedLaunch) -> float | None:
        """No launch of it can be made, now or ever; but a part of one may have been, by an operator that crashed over it."""
        if not await self._cancel(job, Finish(verdict, take_down=True)):
            return STILL_GOING_SECONDS
        await self._finish(job, verdict)
        return None

    async def _finish(self, job: ActiveJob, verdict: FinishedLaunch, seen: LaunchSeen | None = None) -> None:
        key = LaunchKey(job.id, job.launch)
        pods = self._unrecorded(seen) if seen is not None else []
        attempts = [await self._attempt(key, pod) for pod in pods]
        reach("recording")
        finished = await self._recorder.finish(replace(verdict, attempts=attempts))
        reach("recorded")
        for pod in pods:
            measures.attempted(pod)
        self._forget(key)
        if finished:  # told before the release, for after that fails nobody comes back here
            self._tell_finished(job, verdict, seen)
        ttl = self._profiles.ttl_seconds(job.profile, job.ttl_seconds_after_finished)
        await self._runtime.release(key, ttl_seconds=ttl)
        reach("released")

    def _tell_finished(self, job: ActiveJob, verdict: FinishedLaunch, seen: LaunchSeen | None = None) -> None:
        measures.finished(job, verdict, seen)
        state, reason = measures.ended_as(job, verdict, seen)
        self._log("finished", job, reason=reason, sentence=verdict.message if state == "failed" else "")

    async def _requeue(self, job: ActiveJob, requeue: Requeue) -> float | None:
        if not await self._cancel(job, requeue):
            return STILL_GOING_SECONDS
        reach("requeueing")
        state = await self._queue.record_requeued(
            job.id,
            job.launch,
            reason=requeue.reason,
            message=requeue.message,
            spent=requeue.spent,
            infrastructure=requeue.infrastructure,
            due=datetime.now(UTC) + requeue.pause if requeue.pause else None,
        )
        reach("requeued")
        self._forget(LaunchKey(job.id, job.launch))
        if state == "queued":
            measures.requeued(requeue.reason)
            self._log("requeued", job, reason=requeue.reason, sentence=requeue.message)
        elif state is not None:  # it had published, or was lost once too often
            verdict = FinishedLaunch(job.id, job.launch, Reason.STALLED, requeue.message)
            self._tell_finished(replace(job, verdict=None if state == "failed" else state), verdict)
        return None

    async def _record_attempts(self, seen: LaunchSeen) -> None:
        for pod in self._unrecorded(seen):
            await self._queue.record_attempt(*seen.key, await self._attempt(seen.key, pod))
            self._recorded.setdefault(seen.key, set()).add(_mark(pod))
            measures.attempted(pod)

    def _unrecorded(self, seen: LaunchSeen) -> list[PodSeen]:
        recorded = self._recorded.get(seen.key, set())
        return [pod for pod in seen.pods if _to_record(pod) and _mark(pod) not in recorded]

    async def _attempt(self, key: LaunchKey, pod: PodSeen) -> dict[str, Any]:
        """With the end of its log, which is in the pod alone, if it has failed."""
        attempt = attempt_of(pod)
        if pod.finished_at is not None and pod.exit_code != 0 and pod.log_tail is None:
            attempt |= {"log_tail": tail} if (tail := await self._runtime.log_tail(key, pod)) else {}
        reach("recording-attempt")
        return attempt

    def _forget(self, key: LaunchKey) -> None:
        self._recorded.pop(key, None)
        self._looked_at.pop(key.job_id, None)

    def _log(self, action: str, job: ActiveJob, **more: object) -> None:
        logger.info(
            "%s %s at %s",
            action,
            job.repository,
            job.revision,
            extra={"action": action, "job": str(job.id), "launch": job.launch, **more},
        )


def _key(job: ActiveJob) -> LaunchKey:
    return LaunchKey(job.id, job.slot_launch)


def _is_to_be_made(job: ActiveJob) -> bool:
    return job.state == "launching" and job.slot_launch == job.launch and job.verdict is None


def _mark(pod: PodSeen) -> tuple[str, bool]:
    return pod.uid, pod.finished_at is not None


def _to_record(pod: PodSeen) -> bool:
    return pod.started_at is not None


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
        "reason": pod.reason or (outcome.reason if outcome else None),
        "message": pod.message or (outcome.message if outcome else None),
        "peak_memory_bytes": (outcome.peak_memory_bytes if outcome else None) or pod.peak_memory_bytes,
        "steps": outcome.steps if outcome and outcome.steps else None,
        "log_tail": pod.log_tail,
    }
    return {name: value for name, value in known.items() if value is not None}
