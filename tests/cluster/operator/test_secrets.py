"""Credentials: which Secret serves whom, and that none of them is ever to be seen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.manifests import USER
from tests.cluster.operator.world import SECRET, SMALL, World

KEPT = SMALL | {"ttlSecondsAfterFinished": 600}


def secret(world: World, name: str, data: dict[str, str], *, label: str = "true", **annotations: str) -> None:
    allowed = {"hosts": world.git.address, "tenants": "default"} | annotations
    about = {
        "name": name,
        "labels": {"codeindex.dev/credential": label},
        "annotations": {f"codeindex.dev/{key}": value for key, value in allowed.items()},
    }
    world.space.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": data})


def ask(world: World, repository: str, credential: str, **more: Any) -> str:
    return world.enqueue(repository, options=json.dumps({"credentials_secret": credential}), **more)


@contextmanager
def watched_processes(seen: set[str]) -> Iterator[None]:
    """What every process of the workers shows of itself meanwhile: its arguments and its environment."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if process.stat().st_uid == USER or "indexjob_operator" in (process / "cmdline").read_text():
                        seen.update(
                            (process / name).read_bytes().decode(errors="replace") for name in ("cmdline", "environ")
                        )
                except (OSError, UnicodeDecodeError):
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def all_that_is_told(world: World) -> dict[str, str]:
    """By place: every row of the schema, what Kubernetes shows of Jobs, Pods, Events and IndexJobs, all logs."""
    tables = world.rows(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'indexjob'::regnamespace AND c.relkind = 'r'"
    )
    told = {f"table {t['name']}": str(world.rows(f"SELECT x::text FROM indexjob.{t['name']} x")) for t in tables}
    told |= {
        what: world.space("get", what, "-o", "yaml") for what in ("jobs", "pods", "events", "indexjobs", "configmaps")
    }
    for pod in world.space.list("pods", "codeindex.dev/index-job"):
        for container in ("clone", "index"):
            if world.space.cluster.holds("-n", world.space.name, "logs", pod["metadata"]["name"], "-c", container):
                told[f"log {pod['metadata']['name']} {container}"] = world.space(
                    "logs", pod["metadata"]["name"], "-c", container
                )
    for operator in world.operators:
        told[f"log of {operator.name}"] = "\n".join(operator.log)
    return told


def test_no_credential_is_seen_anywhere_after_good_and_bad_runs(world: World) -> None:
    """A canary in each password, searched for in arguments, environments, rows, logs, events, termination messages and error texts."""
    world.repository("one")
    secret(world, "wrong", {"username": "git", "password": "canary-wrong-1234", "ca.crt": world.git.authority})
    secret(world, "bearer", {"token": "canary-bearer-1234", "ca.crt": world.git.authority})
    seen: set[str] = set()
    with watched_processes(seen):
        world.operate(profiles={"default": KEPT})
        good = world.enqueue("one")
        world.wait_for_end(good)
        bad = [ask(world, "one", "wrong"), ask(world, "missing", SECRET), ask(world, "one", "bearer")]
        lost = world.enqueue("one", revision="no-such-branch")
        ends = [world.wait_for_end(job) for job in (*bad, lost)]
    assert world.job(good)["state"] == "completed", world.story()
    assert {row["reason"] for row in ends} == {"PermanentError"}, [row["message"] for row in ends]
    told = all_that_is_told(world)
    told["arguments and environments"] = "\n".join(seen)
    assert "indexjob_worker" in told["arguments and environments"], "the workers were seen"
    assert any(name.startswith("log ") and name.endswith(" index") for name in told), "their logs were read"
    canaries = [*world.database.passwords.values(), world.git.password, "canary-wrong-1234", "canary-bearer-1234"]
    tokens = [str(row["t"]) for row in world.rows("SELECT indexjob.launch_token(id, 1) AS t FROM indexjob.index_jobs")]
    found = {place: canary[:12] for place, text in told.items() for canary in [*canaries, *tokens] if canary in text}
    assert found == {}
    world.space("delete", "jobs", "--all", "--cascade=foreground")


def test_a_bearer_token_and_an_authority_of_ones_own(world: World) -> None:
    world.repository("one")
    world.git.server.basic, world.git.server.bearer = None, "canary-bearer"
    secret(world, "bearer", {"token": "canary-bearer", "ca.crt": world.git.authority})
    world.operate()
    assert world.wait_for_end(ask(world, "one", "bearer"))["state"] == "completed", world.story()


@pytest.mark.parametrize(
    ("name", "data", "annotations", "words"),
    [
        ("nowhere", None, {}, 'There is no Secret "nowhere" in the namespace'),
        ("closed", {"password": "x"}, {"label": "false"}, "is not meant for index jobs. Label it"),
        (
            "elsewhere",
            {"password": "x"},
            {"hosts": "git.example"},
            "Name the host in its annotation codeindex.dev/hosts",
        ),
        ("theirs", {"password": "x"}, {"tenants": "other"}, "Name the tenant in its annotation codeindex.dev/tenants"),
        ("empty", {"else": "x"}, {}, "has none of the keys that git needs"),
    ],
)
def test_a_secret_that_may_not_serve_fails_the_job_at_once_and_says_what_to_do(
    world: World, name: str, data: dict[str, str] | None, annotations: dict[str, str], words: str
) -> None:
    if data is not None:
        secret(world, name, data, **annotations)
    world.operate()
    row = world.wait_for_end(ask(world, "one", name))
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", "PermanentError", 0)
    assert words in row["message"]


def test_each_credential_is_mounted_in_its_own_container_and_both_run_as_nobody(world: World) -> None:
    """As the kubelet made them, in a namespace that enforces Pod Security `restricted`."""
    world.space.cluster("label", "namespace", world.space.name, "pod-security.kubernetes.io/enforce=restricted")
    world.repository("one")
    world.operate(profiles={"default": KEPT})
    job = world.enqueue("one")
    assert world.wait_for_end(job)["state"] == "completed", world.story()
    (pod,) = world.space.list("pods", f"codeindex.dev/index-job={job}")
    (clone,), (index,) = pod["spec"]["initContainers"], pod["spec"]["containers"]
    mounts = {c["name"]: {m["name"] for m in c["volumeMounts"]} for c in (clone, index)}
    assert mounts == {"clone": {"workspace", "orders", "git"}, "index": {"workspace", "orders", "database"}}
    world.wait(lambda: not world.space.list("secrets", f"codeindex.dev/index-job={job}"), "no Secret outlives the run")
    world.space("delete", "jobs", "--all", "--cascade=foreground")
