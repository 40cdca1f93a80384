"""The other side of what is measured on a cluster: the same Jobs without an operator, made by the operator's own client, and seen by a plain watch.

Times are this process's clock, for both sides.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from indexjob.queue.wakeup import FINISHED
from indexjob_operator.kubernetes_api import JOBS, PODS, SECRETS, KubernetesApi, Resource
from indexjob_operator.manifests import secret_of

Manifest = dict[str, Any]

ENDS = ("Complete", "Failed")
AT_ONCE = 16
"""As many calls at once as the operator has reconcilers."""


class Seen:
    """When each Job of a namespace came to be and when it ended, and when rows did, as they are heard of."""

    def __init__(self) -> None:
        self.made: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.recorded: dict[str, float] = {}
        self._news = threading.Condition()

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for it to hold."""
        with self._news:
            assert self._news.wait_for(condition, seconds), f"it did not happen within {seconds} s: {self}"

    def __str__(self) -> str:
        return f"{len(self.made)} Jobs were made, {len(self.ended)} ended, {len(self.recorded)} rows were finished"

    def job(self, job: Manifest) -> None:
        now = time.time()
        conditions = (job.get("status") or {}).get("conditions") or ()
        with self._news:
            self.made.setdefault(job["metadata"]["name"], now)
            if any(one["type"] in ENDS and one["status"] == "True" for one in conditions):
                self.ended.setdefault(job["metadata"]["name"], now)
            self._news.notify_all()

    def row(self, job: str) -> None:
        now = time.time()
        with self._news:
            self.recorded.setdefault(job, now)
            self._news.notify_all()


@contextmanager
def watching(kubeconfig: Path, namespace: str, database: str) -> Iterator[Seen]:
    """Watches the Jobs of a namespace and listens for the ends of rows, each in a thread."""
    seen, ended = Seen(), threading.Event()
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute(f"LISTEN {FINISHED}".encode())

        def listen() -> None:
            while not ended.is_set():
                for notification in listener.notifies(timeout=0.5):
                    seen.row(notification.payload)

        watch = _Watch(kubeconfig, namespace, seen)
        threads = [threading.Thread(target=each, daemon=True) for each in (watch.run, listen)]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            ended.set()
            watch.end()
            for thread in threads:
                thread.join(10)


class _Watch:
    """Of Jobs: begun anew where it ends."""

    def __init__(self, kubeconfig: Path, namespace: str, seen: Seen) -> None:
        configuration = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        self._list = partial(client.BatchV1Api(client.ApiClient(configuration)).list_namespaced_job, namespace)
        self._seen = seen
        self._ended = False
        self._answer: Any = None

    def run(self) -> None:
        while not self._ended:
            with suppress(ApiException, HTTPError, OSError):
                self._once()
            time.sleep(0.1)

    def end(self) -> None:
        self._ended = True
        with suppress(RuntimeError):  # it is between two
            self._answer.shutdown()

    def _once(self) -> None:
        listed = json.loads(self._list(_preload_content=False).data)
        for job in listed["items"]:
            self._seen.job(job)
        version = listed["metadata"]["resourceVersion"]
        self._answer, rest = self._list(watch=True, resource_version=version, _preload_content=False), b""
        for chunk in self._answer.stream(None, decode_content=False):
            *lines, rest = (rest + chunk).split(b"\n")
            for event in map(json.loads, lines):
                if event["type"] == "ERROR":
                    return
                self._seen.job(event["object"])


class Client:
    """The operator's client, for a program that isn't async."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._runner = asyncio.Runner()
        self._namespace = namespace
        self._api = self._runner.run(KubernetesApi.connect(kubeconfig))

    def create(self, what: Resource, manifest: Manifest) -> None:
        self._runner.run(self._api.create(what, self._namespace, manifest))

    def create_all(self, what: Resource, manifests: Sequence[Manifest]) -> None:
        """Some at a time."""
        self._runner.run(self._all([lambda m=m: self._api.create(what, self._namespace, m) for m in manifests]))

    def list_seconds(self, labels: str, *, cached: bool) -> float:
        """How long a list of pods takes, exact or as the API server remembers them."""
        began = time.perf_counter()
        self._runner.run(self._api.list(PODS, self._namespace, labels=labels, cached=cached))
        return time.perf_counter() - began

    def like(self, job: str) -> Callable[[str], Manifest]:
        """Makes Jobs like that one, of any name, which nobody takes for an operator's; what its pods read is kept for them."""
        found = self._runner.run(self._api.get(JOBS, self._namespace, job))
        assert found, f"there is no Job {job}"
        secret = self._runner.run(self._api.get(SECRETS, self._namespace, secret_of(found) or ""))
        assert secret, f"there is no Secret {job}"
        name = f"of-bare-jobs-{time.monotonic_ns()}"
        self.create(SECRETS, {**secret, "metadata": {"name": name, "namespace": self._namespace}})
        return lambda called: _like(found, called, name)

    def close(self) -> None:
        self._runner.run(self._api.close())
        self._runner.close()

    async def _all(self, calls: Sequence[Callable[[], Awaitable[object]]]) -> None:
        left = iter(calls)

        async def work() -> None:
            for call in left:
                await call()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def _like(job: Manifest, name: str, secret: str) -> Manifest:
    spec = {key: value for key, value in job["spec"].items() if key != "selector"}
    pod = json.loads(json.dumps(job["spec"]["template"]["spec"]))
    for volume in pod["volumes"]:
        if "secret" in volume:
            volume["secret"]["secretName"] = secret
    spec |= {"template": {"metadata": {}, "spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def name_of(job: UUID | str) -> str:
    """The first launch's."""
    return f"{job}-1"
