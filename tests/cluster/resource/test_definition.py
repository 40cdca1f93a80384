"""The IndexJob's definition, as a real API server takes it: what it refuses, it refuses with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.cluster.machine.commands import CommandFailedError, until
from tests.cluster.machine.kubectl import Kubectl
from tests.cluster.namespace import Manifest, Namespace, fresh
from tests.cluster.resource.world import index_job


@pytest.fixture(scope="module")
def space(definition: str, kubectl: Kubectl, cluster_run: str) -> Iterator[Namespace]:
    """One namespace for all of these: nothing stays in it."""
    with fresh(kubectl, cluster_run) as space:
        yield space


def refusal(space: Namespace, manifest: Manifest) -> str:
    with pytest.raises(CommandFailedError) as refused:
        space("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
    return str(refused.value)


def accepted(space: Namespace, manifest: Manifest) -> Manifest:
    found: Manifest = json.loads(
        space("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(manifest))
    )
    return found


def test_it_is_established_with_its_short_name_category_and_status(definition: str, kubectl: Kubectl) -> None:
    found = json.loads(kubectl("get", "crd", definition, "-o", "json"))
    assert {c["type"]: c["status"] for c in found["status"]["conditions"]}["Established"] == "True"
    assert not [
        c for c in found["status"]["conditions"] if c["type"] == "NonStructuralSchema" and c["status"] == "True"
    ]
    line = next(
        line
        for line in kubectl("api-resources", "--categories=codeindex", "--no-headers", "-o", "wide").splitlines()
        if "indexjobs" in line
    )
    assert line.split()[:5] == ["indexjobs", "ij", "codeindex.dev/v1alpha1", "true", "IndexJob"]


def test_kubectl_explains_every_field(definition: str, kubectl: Kubectl) -> None:
    def said(what: str) -> str:
        with suppress(CommandFailedError):  # the API server tells of a new kind some moments after it serves it
            return " ".join(kubectl("explain", what).split())
        return ""

    assert until(lambda: "Higher goes first, among the jobs of the same tenant." in said("ij.spec"), seconds=240)
    assert "<no description>" not in said("ij.spec") + said("ij.status")
    assert said("ij.status")


def test_what_is_left_out_has_its_default(space: Namespace) -> None:
    assert accepted(space, index_job("a"))["spec"] == {
        "repository": "https://example.org/acme/shop-a", "revision": "HEAD", "profile": "default", "priority": 0, "backoffLimit": 3, "suspend": False,
    }  # fmt: skip


URL = "must be an https or ssh URL, such as https://github.com/org/name"
BLANKS = "must hold no spaces or control characters"
SECRET = "must hold no user name, password or token: keep it in a Secret"
HOST = "must name a valid host"
PATH = "must name a repository on its host"
END = "must end with its path"
DOTS = 'must hold no "." or ".." in its path'
REVISION = "revision must be a branch, a tag, a full ref, a commit id or HEAD"


@pytest.mark.parametrize(
    ("repository", "sentence"),
    [
        ("ftp://example.org/a", URL), ("http://example.org/a", URL), ("file:///etc", URL), ("/etc", URL), ("ext::sh -c id", URL), ("-oProxyCommand=x", URL),
        ("shop", URL), ("https://example.org/a b", BLANKS), ("https://example.org/a\n", BLANKS), ("https://example.org/a\u0000", BLANKS),
        ("https://example.org/a\u00a0", BLANKS), ("https://me@example.org/a", SECRET), ("https://me:secret@example.org/a", SECRET),
        ("ssh://git:secret@example.org/a", SECRET), ("https://-/a", HOST), ("https://a_b/c", HOST), ("git@-x:a/b", HOST), ("git@example.org:.git", PATH), ("https://example.org:123456/a", HOST),
        ("https://example.org", PATH), ("https://example.org//", PATH), ("https://example.org/.git", PATH), ("https://example.org/a?x=1", END),
        ("https://example.org/a#x", END), ("https://example.org/a/../b", DOTS), ("https://example.org/./a", DOTS), ("git@example.org:../a", DOTS),
    ],
)  # fmt: skip
def test_a_repository_that_is_none(space: Namespace, repository: str, sentence: str) -> None:
    said = refusal(space, index_job("a", repository=repository))
    assert f"spec.repository: Invalid value: repository {sentence}" in said


def test_a_refusal_never_shows_the_url_for_it_may_hold_a_password(space: Namespace) -> None:
    for url in ("https://me:hunter2@example.org/a", "https://me:hunter2@example.org/a?b", "ftp://me:hunter2@x/../y z"):
        assert "hunter2" not in refusal(space, index_job("a", repository=url))


@pytest.mark.parametrize(
    "revision",
    [
        "-x",
        "/x",
        "x/",
        "x.",
        "a..b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[",
        "a\\b",
        "a@{1}",
        "a//b",
        "x.lock",
        "a\t",
    ],
)
def test_a_revision_that_is_none(space: Namespace, revision: str) -> None:
    assert REVISION in refusal(space, index_job("a", revision=revision))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"repository": None}, "spec.repository: Required value"),
        ({"repository": ""}, "at least 1 chars"),
        ({"repository": "https://example.org/" + "a" * 2000}, "spec.repository: Too long: may not be more than 2000"),
        ({"revision": "a" * 256}, "spec.revision: Too long: may not be more than 255"),
        ({"profile": "No Profile"}, "profile must be the name of one of the administrator's profiles"),
        ({"profile": "a" * 64}, "spec.profile: Too long: may not be more than 63"),
        ({"credentialsSecretRef": {}}, "spec.credentialsSecretRef.name: Required value"),
        ({"credentialsSecretRef": {"name": "../x"}}, "name must be the name of a Secret"),
        ({"priority": "high"}, "spec.priority in body must be of type integer"),
        ({"priority": 2**31}, "less than or equal to 2147483647"),
        ({"priority": 0.5}, "must be of type int64"),
        ({"backoffLimit": -1}, "greater than or equal to 0"),
        ({"backoffLimit": 101}, "less than or equal to 100"),
        ({"activeDeadlineSeconds": 0}, "greater than or equal to 1"),
        ({"activeDeadlineSeconds": 86_401}, "less than or equal to 86400"),
        ({"ttlSecondsAfterFinished": -1}, "greater than or equal to 0"),
        ({"suspend": "yes"}, "must be of type boolean"),
        ({"include": "src"}, "must be of type array"),
        ({"include": ["a\u0007"]}, "include must be patterns in .gitignore's syntax"),
        ({"exclude": ["a\n"]}, "exclude must be patterns in .gitignore's syntax"),
        ({"include": [""]}, "at least 1 chars"),
        ({"exclude": ["a" * 501]}, "Too long: may not be more than 500"),
        ({"exclude": ["a"] * 101}, "Too many: 101: must have at most 100 items"),
        ({"languages": ["cobol"]}, 'supported values: "go", "javascript", "python", "tsx", "typescript"'),
        ({"languages": ["go", "go"]}, "Duplicate value"),
        ({"repositry": "x"}, 'unknown field "spec.repositry"'),
    ],
)  # fmt: skip
def test_each_field_has_its_bounds(space: Namespace, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(space, index_job("a", **spec))


@pytest.mark.parametrize(
    "repository",
    [
        "https://github.com/org/name", "https://github.com/org/name.git", "HTTPS://GitHub.com/Org/Name/", "git@github.com:org/name.git", "ssh://git@example.org:22/x/y",
        "https://example.org:8443/a/b/c", "https://[2001:db8::1]/a", "https://example.org/~me/a+b/c%20d", "ssh://example.org/ünï/cödé",
    ],
)  # fmt: skip
def test_a_repository_that_is_one(space: Namespace, repository: str) -> None:
    accepted(space, index_job("a", repository=repository))


@pytest.mark.parametrize(
    "revision",
    [
        "HEAD",
        "main",
        "feature/x-1",
        "v1.0.2",
        "refs/heads/x",
        "0123456789abcdef0123456789abcdef01234567",
        "ünï",
        "a@b",
        "a{b}",
    ],
)
def test_a_revision_that_is_one(space: Namespace, revision: str) -> None:
    accepted(space, index_job("a", revision=revision))


WHOLE: dict[str, Any] = {
    "revision": "main", "credentialsSecretRef": {"name": "key"}, "profile": "large", "backoffLimit": 1, "activeDeadlineSeconds": 60,
    "include": ["a"], "exclude": ["b"], "languages": ["go"],
}  # fmt: skip
CHANGED = {
    "repository": "https://example.org/other", "revision": "dev", "credentialsSecretRef": {"name": "other"}, "profile": "small", "backoffLimit": 2,
    "activeDeadlineSeconds": 61, "include": ["a", "c"], "exclude": ["c"], "languages": ["go", "python"],
}  # fmt: skip
OPTIONAL = ("credentialsSecretRef", "activeDeadlineSeconds", "include", "exclude", "languages")


@pytest.fixture(scope="module")
def existing(space: Namespace) -> Namespace:
    space.apply(index_job("whole", **WHOLE), index_job("bare"))
    return space


def patched(space: Namespace, name: str, **spec: object) -> str:
    return space("patch", f"ij/{name}", "--dry-run=server", "--type=merge", "-p", json.dumps({"spec": spec}))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("whole", field, value) for field, value in CHANGED.items()]
    + [("whole", field, None) for field in OPTIONAL]
    + [("bare", field, CHANGED[field]) for field in OPTIONAL],
)
def test_what_defines_the_run_can_neither_be_changed_nor_added_nor_taken_away(
    existing: Namespace, name: str, field: str, value: object
) -> None:
    with pytest.raises(
        CommandFailedError,
        match=f"{field} defines the run and can't be changed: make another IndexJob, or delete this one",
    ):
        patched(existing, name, **{field: value})


@pytest.mark.parametrize(
    "spec", [{"suspend": True}, {"priority": -5}, {"ttlSecondsAfterFinished": 0}, {"revision": "main"}]
)
def test_what_may_be_changed(existing: Namespace, spec: dict[str, object]) -> None:
    assert "whole" in patched(existing, "whole", **spec)


def test_applying_the_same_again_changes_nothing(existing: Namespace) -> None:
    assert "unchanged" in existing("apply", "-f", "-", stdin=json.dumps(index_job("whole", **WHOLE)))


def test_the_examples_are_taken(space: Namespace) -> None:
    space("create", "--dry-run=server", "-f", "examples/indexjob.yaml", "-f", "examples/all-fields.yaml")


def test_the_status_is_nothing_that_a_user_applies(space: Namespace) -> None:
    assert "status" not in accepted(space, index_job("a") | {"status": {"state": "completed"}})
