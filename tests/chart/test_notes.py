"""What Helm says after an installation: of the values alone, and of what it finds missing in a cluster."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from helm_python import Config

from tests.chart.answering import answering, kubeconfig
from tests.chart.conftest import CHART, NAMED, TRIAL, merged

if TYPE_CHECKING:
    from tests.chart.conftest import Engine, Manifest


def test_they_tell_the_next_three_commands(render: Engine) -> None:
    commands = [line.split("#")[0].strip() for line in render().notes.splitlines() if line.startswith("  ")][:3]
    assert commands == [
        "kubectl -n ij rollout status deployment/indexjob-operator",
        "helm -n ij test indexjob",
        "kubectl get indexjobs --all-namespaces --watch",
    ]
    assert "MISSING" not in render().notes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Workers may connect to port 5432 of any address"),
        ({"networkPolicy": {"enabled": False}}, "may connect to anything"),
        ({"operator": {"replicas": 0}}, "nothing runs"),
        ({"credentialNamespaces": ["*"]}, "Secrets of every namespace"),
        ({"crds": {"keep": False}}, "removes every IndexJob"),
    ],
    ids=str,
)
def test_they_say_what_is_bold(render: Engine, values: dict[str, Any], words: str) -> None:
    assert words in render(values).notes


def test_they_say_what_the_trial_is(render: Engine) -> None:
    assert "throw-away Postgres" in render(base=TRIAL).notes


def test_a_careful_installation_has_nothing_to_note(render: Engine) -> None:
    assert "NOTE" not in render({"networkPolicy": {"database": {"cidr": "10.1.2.3/32"}}}).notes


URL = "postgresql://me:canary@db.example.com/app"
ALL = {f"{part}-url": URL for part in ("migrate", "operator", "worker")}


def there(kind: str, name: str, namespace: str = "ij", **data: str) -> Manifest:
    """An object of the cluster's."""
    encoded = {key: b64encode(text.encode()).decode() for key, text in data.items()}
    place = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": place, **({"data": encoded} if data else {})}


def told(objects: list[Manifest], *values: Manifest) -> str:
    """What is said where these are there."""
    with answering(objects) as url, Config(kubeconfig_content=kubeconfig(url), namespace="ij") as helm:
        release = helm.install(CHART, "indexjob", merged(NAMED, *values), namespace="ij", dry_run="server")
    notes = str(release["notes"])
    assert "canary" not in notes
    return notes


def missing(objects: list[Manifest], *values: Manifest) -> list[str]:
    """What of it is named as missing."""
    notes = told(objects, *values)
    found = notes.partition("MISSING:")[2].partition("NOTE:")[0]
    return [line.removeprefix("  - ") for line in found.splitlines() if line.startswith("  - ")]


def test_where_all_is_there_nothing_is_missing() -> None:
    assert missing([there("Secret", "db", **ALL)]) == []
    assert missing([there("Secret", "db", url=URL)]) == []


def test_a_secret_of_another_namespace_is_missing_here() -> None:
    (said,) = missing([there("Secret", "db", "elsewhere", **ALL)])
    assert said.startswith('There is no Secret "db" in the namespace "ij" yet.')


@pytest.mark.parametrize("blank", [None, "", " \n"], ids=["without", "empty", "blank"])
@pytest.mark.parametrize("key", sorted(ALL))
def test_a_key_without_a_url_is_missing_unless_one_serves_for_all(key: str, blank: str | None) -> None:
    held = {name: url for name, url in ALL.items() if name != key} | ({} if blank is None else {key: blank})
    (said,) = missing([there("Secret", "db", **held)])
    assert said.startswith(f'The Secret "db" has neither the key {key} nor url')
    assert missing([there("Secret", "db", **held, url=URL)]) == []
    without = {"database": {"migrate": False}}
    assert bool(missing([there("Secret", "db", **held)], without)) == (key != "migrate-url")


def test_workers_with_the_login_of_all_are_told_of() -> None:
    words = 'The Secret "db" has no worker-url'
    assert words in told([there("Secret", "db", url=URL)])
    assert words in told([there("Secret", "db", url=URL, **{"worker-url": ""})])
    assert words not in told([there("Secret", "db", url=URL, **{"worker-url": URL})])
    assert words not in told([there("Secret", "db", **ALL)])


def test_a_secret_that_holds_nothing_lacks_all_keys() -> None:
    assert len(missing([there("Secret", "db")])) == len(ALL)


def test_a_workers_service_account_is_looked_for_where_workers_run() -> None:
    secret, values = there("Secret", "db", **ALL), {"worker": {"serviceAccount": {"create": False, "name": "mine"}}}
    (said,) = missing([secret], values)
    assert said == 'There is no service account "mine" for workers in the namespace "ij".'
    assert missing([secret, there("ServiceAccount", "mine")], values) == []
    (said,) = missing([secret, there("ServiceAccount", "mine")], values, {"runNamespace": "runs"})
    assert said == 'There is no service account "mine" for workers in the namespace "runs".'
    assert missing([secret, there("ServiceAccount", "mine", "runs")], values, {"runNamespace": "runs"}) == []


def test_the_operators_service_account_is_looked_for_beside_it() -> None:
    secret, values = there("Secret", "db", **ALL), {"operator": {"serviceAccount": {"create": False, "name": "mine"}}}
    assert missing([secret], values) == ['There is no service account "mine" in the namespace "ij".']
    assert missing([secret, there("ServiceAccount", "mine")], values) == []


def test_pull_secrets_are_looked_for_in_both_namespaces() -> None:
    secret, pull, other = there("Secret", "db", **ALL), there("Secret", "pull"), there("Secret", "pull", "runs")
    here, run = (f'There is no Secret "pull" in the namespace "{name}" to pull images with.' for name in ("ij", "runs"))
    values, apart = {"imagePullSecrets": ["pull"]}, {"runNamespace": "runs"}
    assert missing([secret], values) == [here]
    assert missing([secret, pull], values) == []
    assert missing([secret], values, apart) == [here, run]
    assert missing([secret, pull], values, apart) == [run]
    assert missing([secret, pull, other], values, apart) == []


def test_without_the_custom_resource_it_is_told_that_only_rows_are_served() -> None:
    (said,) = missing([there("Secret", "db", **ALL)], {"crds": {"install": False}})
    assert said.startswith("The custom resource IndexJob is not installed")
