"""One namespace of its own for each test: what the test makes is in it, and goes with it."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster.machine.kubectl import Kubectl

Manifest = dict[str, Any]


class NotMetError(AssertionError):
    """What a test waited for didn't come; the namespace's events and pods say why."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """kubectl bound to one namespace; every wait is a watch, not a sleep."""

    name: str
    cluster: Kubectl

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        return self.cluster("-n", self.name, *words, stdin=stdin)

    def apply(self, *manifests: Manifest) -> None:
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("apply", "-f", "-", stdin=json.dumps(whole))

    def get(self, what: str) -> Manifest:
        """One object (`job/x`) or a list (`pods`)."""
        found: Manifest = json.loads(self("get", what, "-o", "json"))
        return found

    def list(self, what: str, selector: str = "") -> list[Manifest]:
        found: list[Manifest] = json.loads(self("get", what, "-l", selector, "-o", "json"))["items"]
        return found

    def wait(self, what: str, *selector: str, until: str, seconds: float = 240) -> None:
        """Waits for `condition=Complete`, `delete`, `jsonpath={.status.phase}=Running`, …; raises NotMetError."""
        if not self.cluster.holds("-n", self.name, "wait", what, *selector, f"--for={until}", f"--timeout={seconds}s"):
            raise NotMetError(f"{what} did not come to {until} in {seconds} s.\n{self.story()}")

    def logs(self, what: str) -> str:
        return self("logs", what)

    def story(self) -> str:
        """What happened here, for the message of a failed test."""
        return self("get", "events,pods,jobs", "-o", "wide")


@contextmanager
def fresh(cluster: Kubectl, run: str) -> Iterator[Namespace]:
    """A new namespace, able to run pods; its removal is begun at the end, `removed` waits for it."""
    name = f"t-{secrets.token_hex(4)}"
    about = {"name": name, "labels": {"indexjob.test/run": run}}
    cluster("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": about}))
    try:
        space = Namespace(name, cluster)
        space.wait("serviceaccount/default", until="create")
        yield space
    finally:
        cluster("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def removed(cluster: Kubectl, run: str, seconds: float = 300) -> bool:
    """Whether all namespaces of that test run are gone."""
    which = ("namespace", "-l", f"indexjob.test/run={run}")
    return cluster.holds("wait", *which, "--for=delete", f"--timeout={seconds}s")
