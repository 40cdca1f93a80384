"""What the chart grants the operator, an identity with just that for the tests' operators, and what of it was used, by the API server's own log.

A right that is lacking fails the test whose operator needs it: each looks at its identity's refused calls when it ends. Whether more is granted than
is used only a whole run can tell: `tests.cluster.surplus` compares at its end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from helm_python import Chart

from tests.cluster.audit import Audit, Event
from tests.cluster.choice import Cluster
from tests.cluster.machine import builders
from tests.cluster.machine.commands import until
from tests.cluster.namespace import Manifest, Namespace

CHART = builders.REPOSITORY / "charts" / "indexjob-operator"
RELEASE = "indexjob"
ACCOUNT = f"{RELEASE}-operator"
PLACEHOLDER = "in-this-namespace"
ALLOWED = re.compile(rf'RBAC: allowed by (?:Cluster)?RoleBinding "[^"]*?{RELEASE}-([a-z-]+)[/"]')


class Right(NamedTuple):
    """By which of the operator's Roles, whose names end so: `operator` is the one of the run namespace."""

    role: str
    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.role}: {self.verb} {'.'.join(filter(None, (self.resource, self.group)))}"


@cache
def rendered() -> str:
    """The operator's service account, Roles and their bindings, as JSON, for one namespace that is all of its namespaces."""
    here = [PLACEHOLDER]
    values = {"database": {"existingSecret": "db"}, "watchNamespaces": here, "credentialNamespaces": here}
    with Chart.load(CHART) as chart:
        texts = chart.render(values, name=RELEASE, namespace=PLACEHOLDER)
    found = [one for path, text in texts.items() if path.endswith(".yaml") for one in yaml.safe_load_all(text) if one]
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    mine = [one for one in found if one["kind"] in kinds and one["metadata"]["name"] != f"{RELEASE}-worker"]
    return json.dumps(sorted(mine, key=lambda one: kinds.index(one["kind"])))


def manifests(namespace: str) -> list[Manifest]:
    """The same, to be applied."""
    made: list[Manifest] = json.loads(rendered().replace(PLACEHOLDER, namespace))
    return made


def granted() -> frozenset[Right]:
    """All that the operator's Roles hold. Cluster-wide ones have the same rules: the template has them once."""
    return frozenset(
        Right(role["metadata"]["name"].partition(f"{RELEASE}-")[2], group, resource, verb)
        for role in manifests(PLACEHOLDER)
        if role["kind"] == "Role"
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def used(event: Event) -> Right | None:
    """The right of ours that let this request through; None if it needed none."""
    allowed = ALLOWED.match(event.get("annotations", {}).get("authorization.k8s.io/reason", ""))
    about = event.get("objectRef", {})
    if allowed is None:
        return None
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    return Right(allowed[1], about.get("apiGroup", ""), resource, event["verb"])


def refused(event: Event) -> bool:
    """For want of a right; a quota and a webhook answer with 403, too."""
    return bool(event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid")


@dataclass(slots=True)
class Watched:
    """What one identity asks for; `record` gets what it used. Without an audit log nothing is seen."""

    audit: Audit | None
    user: str
    record: set[Right]

    def forget(self) -> None:
        """What was until now is not looked at."""
        if self.audit:
            self.audit.forget()

    def look(self, *, forgiving: bool = False) -> None:
        """At what was since the last time; what was refused is an error."""
        events = self.audit.of(self.user) if self.audit else []
        self.forget()
        self.record.update(right for right in map(used, events) if right)
        wanting = sorted({f"{one['verb']} {one['requestURI']}" for one in events if refused(one)})
        assert forgiving or not wanting, f"{self.user} may not:\n" + "\n".join(wanting)


def watched(cluster: Cluster, namespace: str, record: set[Right]) -> Watched:
    """The operator's service account of that namespace, from here on."""
    audit = Audit(cluster.audit_log) if cluster.audit_log else None
    return Watched(audit, f"system:serviceaccount:{namespace}:{ACCOUNT}", record)


@dataclass(frozen=True, slots=True)
class Account:
    """Who acts, such as the operators of one test: `kubeconfig` is theirs, `token` what it holds."""

    kubeconfig: Path
    token: str


def account(space: Namespace, folder: Path) -> Account:
    """A service account with the chart's Roles in this namespace, which is run, watched and credential namespace in one."""
    space.apply(*manifests(space.name))
    may = ("auth", "can-i", "create", "jobs.batch", f"--as=system:serviceaccount:{space.name}:{ACCOUNT}")
    # The last one that was made counts, so all do.
    assert until(lambda: space.cluster.holds("-n", space.name, *may), seconds=240), (
        "the Roles that were made don't count"
    )
    return signed_in(space, ACCOUNT, folder)


def signed_in(space: Namespace, name: str, folder: Path) -> Account:
    """As this service account of the namespace."""
    token = space("create", "token", name).strip()
    whole = yaml.safe_load(space.cluster.kubeconfig.read_text())
    current = next(one for one in whole["contexts"] if one["name"] == whole["current-context"])
    current["context"]["user"] = name
    whole["users"] = [{"name": name, "user": {"token": token}}]
    path = folder / f"{name}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(whole))
    return Account(path, token)
