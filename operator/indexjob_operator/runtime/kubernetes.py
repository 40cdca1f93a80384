"""Launches as Kubernetes Jobs: the product.

A launch is one Job and one Secret, found by their labels, which name the database that they are of. An object of our name without our labels is somebody
else's and stays as it is. What the API didn't answer is raised, never taken for "nothing there".
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from indexjob.errors import ClearError
from indexjob.outcome import Reason
from indexjob.scrub import Scrubber
from indexjob_operator import credentials, names
from indexjob_operator.faults import reach
from indexjob_operator.kubernetes_api import (
    CONFIG_MAPS,
    EVENTS,
    JOBS,
    PODS,
    SECRETS,
    ConflictError,
    InvalidError,
    KubernetesApiError,
    NotFoundError,
    RefusedError,
)
from indexjob_operator.manifests import Owner, Place, job_manifest, secret_manifest, secret_of, token_of
from indexjob_operator.observing import (
    JOB_DELETED,
    accounts_for,
    age_seconds,
    is_over,
    is_stuck,
    pared,
    read_launch,
    wants_events,
)
from indexjob_operator.pods import is_terminal
from indexjob_operator.runtime.protocol import LaunchKey, LaunchRefusedError, LaunchSeen
from indexjob_operator.runtime.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from indexjob_operator.kubernetes_api import KubernetesApi, Resource
    from indexjob_operator.runtime.protocol import CredentialRef, LaunchRequest, PodSeen
    from indexjob_operator.settings import Settings

logger = logging.getLogger(__name__)

Object: TypeAlias = dict[str, Any]
Objects: TypeAlias = list[Object]

LOG_LINES = 100
LOG_TAIL_BYTES = 16 * 1024
MOST_LOG_BYTES = 1024 * 1024
DEFAULT_TTL_SECONDS = 3600


class KubernetesRuntime:
    """See `Runtime`. Hints come from the watches, which the operator's process keeps."""

    missing = JOB_DELETED

    def __init__(self, api: KubernetesApi, settings: Settings, place: Place) -> None:
        self._api = api
        self._settings = settings
        self._place = place
        self._patience = settings.patience
        self._has_claims = any(profile.workspace.storage_class_name for profile in settings.profiles.values())
        self._made: set[LaunchKey] = set()
        self._shown = Shown(place.instance)

    def hear(self, thing: Mapping[str, Any]) -> None:
        """A Job or Pod, as a watch has shown it."""
        self._shown.hear(thing)

    @classmethod
    async def create(cls, api: KubernetesApi, settings: Settings, namespace: str, instance: UUID) -> KubernetesRuntime:
        """With the ConfigMap that is to own all that is made, if the settings name one.

        Raises:
            ClearError: there is no such ConfigMap.
        """
        owner = None
        if settings.owner:
            found = await api.get(CONFIG_MAPS, namespace, settings.owner)
            if found is None:
                raise ClearError(
                    f'There is no ConfigMap "{settings.owner}" in the namespace "{namespace}" to own the Jobs.',
                    "Name one that is there in the setting owner, or none.",
                )
            owner = Owner(settings.owner, found["metadata"]["uid"])
        return cls(
            api, settings, Place(namespace, instance, settings.worker, settings.patience.node_lost_seconds, owner)
        )

    async def launch(self, request: LaunchRequest) -> None:
        """Make the Job and its Secret at once; each is adopted where it is there already.

        A pod wants the Secret some 50 ms after its Job was made, so nothing is gained by making one after the other; and a Secret that came after the Job, to
        be owned by it, came too late for one pod in eight where many Jobs were made at once: such a pod waits for half a second and more.
        """
        self._made.add(request.key)  # from here on, no sweep takes a Secret of it for a stray
        try:
            with _understood():
                await self._make_both(request, await self._git_credential(request))
        except BaseException:
            self._made.discard(request.key)
            raise

    async def observe(self, key: LaunchKey) -> LaunchSeen | None:
        """How the Job of that name and its pods are; None if there is nothing of them, nor was.

        Both may be as the API server remembers them: what has changed since is an event to come, or the sweep's, and that a Job has ended is never taken
        back. That there is no Job is read exactly, and then all pods are: beside ten thousand others that takes half a second of the API server's time.
        """
        if key in self._made and (ended := self._shown.ended(key)):  # since then, all of its pods were shown
            return read_launch(key, *ended, (), datetime.now(UTC), self._patience)
        labels = names.selector(self._place.instance, key)
        job, pods = await asyncio.gather(
            self._job(key), self._api.list(PODS, self._place.namespace, labels=labels, cached=True)
        )
        if job is None or not accounts_for(job, pods):
            pods = await self._list(PODS, key)
        now = datetime.now(UTC)
        name, events = wants_events(job, pods, now, self._patience), []
        if name is not None:
            events = await self._api.list(EVENTS, self._place.namespace, fields=f"involvedObject.name={name}")
        seen = read_launch(key, job, pods, events, now, self._patience)
        if seen is None and key in self._made:
            return LaunchSeen(key, lost=self.missing)
        if seen is not None and job is not None and key not in self._made and not is_over(job):
            name = secret_of(job)
            secret = await self._api.get(SECRETS, self._place.namespace, name) if name else None
            if secret is None or not self._is_ours(secret, key):
                return _lacking_its_secret(seen)
            self._made.add(key)
        return seen

    async def cancel(self, key: LaunchKey) -> bool:
        """Delete the Job, its Secret and its pods; whether nothing of it was left to delete. Pods of a dead node are deleted by force."""
        jobs, secrets = await asyncio.gather(self._list(JOBS, key), self._list(SECRETS, key))
        for what, things in ((JOBS, jobs), (SECRETS, secrets)):
            for thing in things:
                await self._delete(what, thing)
        reach("job-deleted")
        pods = await self._list(PODS, key)  # after the Job: it makes no more of them
        for pod in pods:
            if is_stuck(pod, datetime.now(UTC), self._patience):
                await self._delete(PODS, pod, grace_seconds=0)
            elif not pod["metadata"].get("deletionTimestamp"):
                await self._delete(PODS, pod)
        reach("pods-deleted")
        if any(_makes_pods(job) for job in jobs) or not all(is_terminal(pod) for pod in pods):
            return False  # such a Job may have made another pod since they were listed
        self._forget(key)
        return True

    async def release(self, key: LaunchKey, *, ttl_seconds: int | None = None) -> None:
        """Let the Secret and the volumes go, and the Job after a time. The TTL comes last: a Job that has it is done with.

        But a Job from before the settings changed may have volumes where no profile has any now: the answer to its TTL says so, and costs no call.
        """
        namespace, name = self._place.namespace, key.name
        if self._has_claims:
            await self._release_volumes(key)
        for secret in await self._list(SECRETS, key):
            await self._delete(SECRETS, secret)
        reach("pods-released")
        ttl = DEFAULT_TTL_SECONDS if ttl_seconds is None else ttl_seconds
        with suppress(NotFoundError):
            job = await self._api.merge_patch(JOBS, namespace, name, {"spec": {"ttlSecondsAfterFinished": ttl}})
            if not self._has_claims and _claims(job["spec"]["template"]["spec"]):
                await self._release_volumes(key)
        reach("ttl-patched")
        self._forget(key)

    async def log_tail(self, key: LaunchKey, pod: PodSeen) -> str | None:  # noqa: ARG002 - a pod's name is enough
        """What the container that ended the attempt wrote last."""
        try:
            text = await self._api.read_log(
                self._place.namespace, pod.name, pod.container, lines=LOG_LINES, most_bytes=MOST_LOG_BYTES
            )
        except KubernetesApiError as error:
            logger.info("no log of %s: %s", pod.name, error, extra={"action": "no-log"})
            return None
        return Scrubber()(text)[-LOG_TAIL_BYTES:].replace("\0", "\ufffd") or None

    async def list(self) -> list[LaunchSeen]:
        """Every launch of this database, after seeing to Secrets: one whose Job was deleted, and left it behind, is deleted."""
        jobs, pods, secrets = await asyncio.gather(self._all(JOBS), self._all(PODS), self._all(SECRETS))
        job_of = {key: job for job in jobs if (key := names.key_of(job))}
        pods_of: dict[LaunchKey, Objects] = {}
        for pod in pods:
            if key := names.key_of(pod):
                pods_of.setdefault(key, []).append(pod)
        with_secret, now = set[LaunchKey](), datetime.now(UTC)
        for secret in secrets:
            if key := names.key_of(secret):
                with_secret.add(key)
                old = age_seconds(secret, now) >= self._patience.stray_seconds
                if old and key not in job_of and key not in self._made:
                    await self._delete_stray(secret)
        seen = [
            read_launch(key, job_of.get(key), pods_of.get(key, ()), (), now, self._patience)
            for key in job_of.keys() | pods_of.keys()
        ]
        whole = with_secret | self._made
        return [one if one.key in whole else _lacking_its_secret(one) for one in seen if one is not None]

    async def _git_credential(self, request: LaunchRequest) -> dict[str, bytes]:
        if request.credential is None:
            return {}
        spec = request.run_spec
        try:
            secret = await self._find_credential(request.credential)
            return credentials.check(secret, tenant=spec.tenant, clone_url=spec.clone_url)
        except credentials.CredentialRefusedError as refused:
            raise LaunchRefusedError(Reason.PERMANENT_ERROR, str(refused), permanent=True) from None

    async def _find_credential(self, ref: CredentialRef) -> Object:
        namespaces = [self._place.namespace]
        if ref.namespace and ref.namespace != namespaces[0] and self._settings.may_look_in(ref.namespace):
            namespaces.append(ref.namespace)
        for namespace in namespaces:
            secret = await self._api.get(SECRETS, namespace, ref.secret)
            if secret is not None:
                return secret
        raise credentials.missing(ref.secret, namespaces)

    async def _make_both(self, request: LaunchRequest, git: dict[str, bytes]) -> None:
        """If one of the two can't be made, the other may be there: whoever is told of that takes it down."""

        async def make(what: Resource, manifest: Object, point: str) -> None:
            await self._make(what, manifest, request.key)
            reach(point)

        ends = await asyncio.gather(
            make(JOBS, job_manifest(self._place, request, git), "job-made"),
            make(SECRETS, secret_manifest(self._place, request, git), "secret-made"),
            return_exceptions=True,
        )
        for end in ends:
            if end is not None:
                raise end

    async def _make(self, what: Resource, manifest: Object, key: LaunchKey) -> Object:
        """Create it, or adopt what an earlier try of this very launch has created.

        Raises:
            LaunchRefusedError: the name is taken by something that is not ours, or is on its way out.
        """
        name = manifest["metadata"]["name"]
        try:
            return await self._api.create(what, self._place.namespace, manifest)
        except ConflictError:
            found = await self._api.get(what, self._place.namespace, name)
        own = found is not None and self._is_ours(found, key) and not found["metadata"].get("deletionTimestamp")
        told = secret_of if what is JOBS else token_of
        if found is None or not own or told(found) != told(manifest):
            sentence = f'The name "{name}" is taken in the namespace "{self._place.namespace}"; another launch follows.'
            raise LaunchRefusedError(Reason.NOT_STARTED, sentence, permanent=False)
        return found

    async def _job(self, key: LaunchKey) -> Object | None:
        place = JOBS, self._place.namespace, key.name
        job = await self._api.get_cached(*place) or await self._api.get(*place)
        return job if job is not None and self._is_ours(job, key) else None

    async def _list(self, what: Resource, key: LaunchKey | None = None) -> Objects:
        labels = names.selector(self._place.instance, key)
        return await self._api.list(what, self._place.namespace, labels=labels)

    async def _all(self, what: Resource) -> Objects:
        """Those of all launches: no more of each is kept than is looked at, or a thousand launches take a hundred megabytes."""
        found = self._api.objects(
            *(what, self._place.namespace),
            labels=names.selector(self._place.instance),
            metadata_only=what is SECRETS,
            cached=what is PODS,  # beside which those of others may be, ten for one of ours
        )
        return [pared(one) async for one in found]

    async def _delete(self, what: Resource, thing: Mapping[str, Any], *, grace_seconds: int | None = None) -> None:
        metadata = thing["metadata"]
        with suppress(ConflictError):  # another one has its name by now
            await self._api.delete(
                what, self._place.namespace, metadata["name"], uid=metadata["uid"], grace_seconds=grace_seconds
            )

    async def _release_volumes(self, key: LaunchKey) -> None:
        """Those that were claimed for a pod go with it."""
        for pod in await self._list(PODS, key):
            if _claims(pod["spec"]):
                await self._delete(PODS, pod)

    async def _delete_stray(self, secret: Mapping[str, Any]) -> None:
        """One that can't be deleted keeps nobody from all the launches that are listed."""
        try:
            await self._delete(SECRETS, secret)
        except (RefusedError, InvalidError) as error:
            logger.warning("a stray Secret stays: %s", error, extra={"action": "repair-failed"})

    def _forget(self, key: LaunchKey) -> None:
        self._made.discard(key)
        self._shown.forget(key)

    def _is_ours(self, thing: Mapping[str, Any], key: LaunchKey) -> bool:
        return names.belongs(thing, self._place.instance, key)


def _lacking_its_secret(seen: LaunchSeen) -> LaunchSeen:
    """A crash came in between: its pods wait for the Secret, until the launch is made again."""
    return replace(seen, incomplete=seen.condition is None and not seen.released)


def _claims(pod_spec: Mapping[str, Any]) -> bool:
    """Whether a volume is claimed for each pod, to be gone with it."""
    return any("ephemeral" in volume for volume in pod_spec.get("volumes") or ())


def _makes_pods(job: Mapping[str, Any]) -> bool:
    return not is_over(job) and not job["metadata"].get("deletionTimestamp")


@contextmanager
def _understood() -> Iterator[None]:
    """What Kubernetes refuses, as a refusal of the launch that says who can do what."""
    try:
        yield
    except RefusedError as error:
        if error.over_quota:
            reason, sentence = (
                Reason.QUOTA_EXCEEDED,
                "The namespace has no room for its Job ({}). It is tried again later; the administrator can raise the quota.",
            )
        else:
            reason, sentence = (
                Reason.NOT_STARTED,
                "Kubernetes refused the operator what its Job needs ({}). It is tried again later; the administrator has to allow it.",
            )
        raise LaunchRefusedError(reason, sentence.format(error.message), permanent=False) from error
    except InvalidError as error:
        sentence = f"Kubernetes takes no Job of this profile: {error.message} The administrator has to correct it."
        raise LaunchRefusedError(Reason.PERMANENT_ERROR, sentence, permanent=True) from error
