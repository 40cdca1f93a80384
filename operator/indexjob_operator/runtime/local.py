"""Launches as processes of this machine: the embedded default for a laptop without a cluster.

It does what a Kubernetes Job and a kubelet would: attempts one after the other with a doubling pause, up to the backoff limit; `clone`,
then `index`; an end for good at the worker's permanent exit codes; a temporary directory for the volume, gone with the attempt. Nothing
else about a run differs from the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from indexjob.outcome import ExitCode, Outcome, Reason
from indexjob.strict_json import MalformedError
from indexjob_operator.faults import reach
from indexjob_operator.runtime.protocol import (
    Condition,
    LaunchKey,
    LaunchRefusedError,
    LaunchRequest,
    LaunchSeen,
    Lost,
    PodSeen,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from indexjob_operator.runtime.workspace import Workspace, Workspaces

logger = logging.getLogger(__name__)

BACKOFF_SECONDS = 10.0
BACKOFF_CAP_SECONDS = 360.0
GRACE_SECONDS = 8.0
OVERTIME_SECONDS = 60.0
"""The worker keeps its deadline itself; one that can't (frozen, hung) is killed so long after."""
WORKER = (sys.executable, "-m", "indexjob_worker")
LOG_TAIL_BYTES = 16 * 1024
PASSED_ON = [
    "PATH",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "COVERAGE_PROCESS_START",
]


@dataclass(slots=True)
class _Launch:
    request: LaunchRequest
    seen: LaunchSeen
    workspace: Workspace
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    interrupted: bool = False
    failures: int = field(default=0)


class LocalRuntime:
    """See `Runtime`. `hint` is called with an index job's id whenever one of its launches changed."""

    def __init__(
        self,
        workspaces: Workspaces,
        hint: Callable[[UUID], None],
        *,
        backoff_seconds: float = BACKOFF_SECONDS,
        worker: tuple[str, ...] = WORKER,
    ) -> None:
        self._workspaces = workspaces
        self._hint = hint
        self._backoff_seconds = backoff_seconds
        self._worker = worker
        self._launches: dict[LaunchKey, _Launch] = {}

    missing = Lost(Reason.NODE_LOST, "What ran it is gone: it was killed, or its machine was lost.")

    async def launch(self, request: LaunchRequest) -> None:
        """Start the attempts of this launch, unless they are under way."""
        if request.key in self._launches:
            return
        if request.credential:
            msg = (
                f'The Secret "{request.credential.secret}" can\'t be had: without a cluster there are no Secrets. '
                "Run it on Kubernetes, or leave credentials_secret out."
            )
            raise LaunchRefusedError(Reason.PERMANENT_ERROR, msg, permanent=True)
        making = asyncio.ensure_future(asyncio.to_thread(self._make_workspace, request))
        try:
            workspace = await asyncio.shield(making)
        except asyncio.CancelledError:  # the thread goes on: what it makes is nobody's
            making.add_done_callback(_remove_made)
            raise
        reach("workspace-made")
        launch = _Launch(request, LaunchSeen(request.key), workspace)
        self._launches[request.key] = launch
        launch.task = asyncio.create_task(self._run(launch), name=request.key.name)

    def _make_workspace(self, request: LaunchRequest) -> Workspace:
        """With all that the first attempt needs, for its start waits for this."""
        workspace = self._workspaces.make(request.key.name)
        try:
            _prepare(_folder(workspace, 1), request)
        except OSError:
            workspace.remove()
            raise
        return workspace

    async def observe(self, key: LaunchKey) -> LaunchSeen | None:
        """How this launch is."""
        launch = self._launches.get(key)
        return launch.seen if launch else None

    async def cancel(self, key: LaunchKey) -> bool:
        """End its processes, kindly at first, and delete its workspace; those of a dispatcher before this one, at once."""
        launch = self._launches.get(key)
        if launch is None:
            await asyncio.to_thread(self._workspaces.take_down, key.name)
            return True
        if launch.task:
            launch.task.cancel()
            await asyncio.wait([launch.task])
        await self.release(key)
        return True

    async def release(self, key: LaunchKey, *, ttl_seconds: int | None = None) -> None:  # noqa: ARG002 - nobody looks at processes afterwards
        """Forget it, and delete its workspace."""
        if launch := self._launches.pop(key, None):
            await asyncio.shield(
                asyncio.to_thread(launch.workspace.remove)
            )  # whoever is cancelled here: nobody else would

    async def log_tail(self, key: LaunchKey, pod: PodSeen) -> str | None:  # noqa: ARG002 - it is part of what is seen
        """What it wrote last."""
        return pod.log_tail

    async def list(self) -> list[LaunchSeen]:
        """The launches of this process, after clearing what dead ones left behind."""
        for name in await asyncio.to_thread(self._workspaces.clear_abandoned):
            logger.info("cleared what a killed dispatcher left of %s", name, extra={"action": "workspace-cleared"})
        return [launch.seen for launch in self._launches.values()]

    async def interrupt(self) -> None:
        """End every launch because this process ends: none of it counts as a failure."""
        running = [launch for launch in self._launches.values() if launch.task and not launch.task.done()]
        for launch in running:
            launch.interrupted = True
            assert launch.task
            launch.task.cancel()
        if running:
            await asyncio.wait([launch.task for launch in running if launch.task])

    async def close(self) -> None:
        """End everything and leave no directory behind, even if cancelled meanwhile: a term may be told of its end twice."""
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
            raise

    async def _close(self) -> None:
        await self.interrupt()
        for key in list(self._launches):
            await self.release(key)

    async def _run(self, launch: _Launch) -> None:
        try:
            condition = await self._attempts(launch)
        except asyncio.CancelledError:
            condition = Condition.FAILED
        except Exception:
            logger.exception("the launch %s broke", launch.seen.key.name, extra={"action": "launch-broke"})
            condition = Condition.FAILED
        self._show(launch, replace(launch.seen, condition=condition, interrupted=launch.interrupted))

    async def _attempts(self, launch: _Launch) -> Condition:
        while True:
            pod = await self._attempt(launch)
            if pod.exit_code == ExitCode.OK:
                return Condition.COMPLETE
            launch.failures += 1
            if (
                pod.exit_code in {code.value for code in ExitCode if code.permanent}
                or launch.failures > launch.request.backoff_limit
            ):
                return Condition.FAILED
            await asyncio.sleep(min(self._backoff_seconds * 2 ** (launch.failures - 1), BACKOFF_CAP_SECONDS))

    async def _attempt(self, launch: _Launch) -> PodSeen:
        uid = str(uuid4())
        number = len(launch.seen.pods) + 1
        pod = PodSeen(uid, f"{launch.seen.key.name}-{number}", node=socket.gethostname(), started_at=datetime.now(UTC))
        launch.seen = replace(
            launch.seen, pods=(*launch.seen.pods, pod)
        )  # shown once its process runs: to record it costs that time
        folder = _folder(launch.workspace, number)
        if number > 1:
            await asyncio.to_thread(_prepare, folder, launch.request)
        exit_code, step = None, "clone"
        try:
            for step in ("clone", "index"):
                if step == "index":
                    pod = replace(pod, indexing_since=datetime.now(UTC))
                    launch.seen = replace(launch.seen, pods=(*launch.seen.pods[:-1], pod))
                exit_code = await self._process(launch, pod, folder, step)
                if exit_code != ExitCode.OK:
                    break
        finally:
            outcome = _outcome(folder / f"{step}.outcome")
            finished = replace(
                pod,
                finished_at=datetime.now(UTC),
                exit_code=exit_code,
                reason=Reason.KILLED if outcome is None and exit_code != ExitCode.OK else None,
                outcome=outcome,
                log_tail=_log_tail(folder),
            )
            self._show(launch, replace(launch.seen, pods=(*launch.seen.pods[:-1], finished)))
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return finished

    async def _process(self, launch: _Launch, pod: PodSeen, folder: Path, step: str) -> int:
        credentials = ["--database-credentials", str(folder / "credentials")] if step == "index" else []
        with (folder / f"{step}.log").open("wb") as log, launch.workspace.alive() as alive:
            process = await asyncio.create_subprocess_exec(
                *(*self._worker, step),
                *("--run-spec", str(folder / "run-spec.json"), "--workspace", str(folder / "workspace")),
                *("--termination-message", str(folder / f"{step}.outcome"), *credentials),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_environment(pod, folder),
                start_new_session=True,
                pass_fds=(alive,),
            )
            launch.workspace.note_group(process.pid)
        self._hint(launch.seen.key.job_id)
        reach("spawned")
        deadline = launch.request.run_spec.deadline_seconds
        try:
            async with asyncio.timeout(deadline + OVERTIME_SECONDS if deadline else None):
                return _exit_code(await process.wait())
        except TimeoutError:
            return ExitCode.DEADLINE
        except asyncio.CancelledError:
            _signal_group(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await process.wait()
            raise
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # children that outlived it
            await process.wait()

    def _show(self, launch: _Launch, seen: LaunchSeen) -> None:
        launch.seen = seen
        self._hint(seen.key.job_id)


def _remove_made(making: asyncio.Future[Workspace]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().remove()


def _folder(workspace: Workspace, number: int) -> Path:
    return workspace.path / f"attempt-{number}"


def _prepare(folder: Path, request: LaunchRequest) -> None:
    for part in (folder, folder / "workspace", folder / "credentials"):
        part.mkdir(mode=0o700)
    (folder / "run-spec.json").write_text(request.run_spec.to_json())
    for name, secret in (("database-url", request.database_url), ("launch-token", request.launch_token)):
        path = folder / "credentials" / name
        path.touch(mode=0o600)
        path.write_text(secret)


def _environment(pod: PodSeen, folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "POD_UID": pod.uid,
        "POD_NAME": pod.name,
        "NODE_NAME": pod.node or "",
    }


def _outcome(path: Path) -> Outcome | None:
    try:
        return Outcome.from_json(path.read_bytes())
    except (OSError, MalformedError):
        return None


def _log_tail(folder: Path) -> str:
    parts = [
        path.read_bytes()[-LOG_TAIL_BYTES:] for path in (folder / "clone.log", folder / "index.log") if path.exists()
    ]
    return b"".join(parts)[-LOG_TAIL_BYTES:].decode(errors="replace").replace("\0", "\ufffd")


def _exit_code(returned: int) -> int:
    """A process killed by a signal, as Kubernetes counts it: 128 + the signal."""
    return 128 - returned if returned < 0 else returned


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
