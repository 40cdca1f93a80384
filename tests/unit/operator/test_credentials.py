"""Which Secret serves which index job."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from indexjob_operator.credentials import CredentialRefusedError, check, host_of, missing


def secret(
    data: dict[str, str] | None = None, *, label: str = "true", hosts: str = "git.test", tenants: str = "team-a"
) -> dict[str, Any]:
    pairs = data if data is not None else {"username": "u", "password": "p"}
    return {
        "metadata": {
            "name": "s",
            "labels": {"codeindex.dev/credential": label},
            "annotations": {"codeindex.dev/hosts": hosts, "codeindex.dev/tenants": tenants},
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in pairs.items()},
    }


def serve(given: dict[str, Any], url: str = "https://git.test/a/b", tenant: str = "team-a") -> dict[str, bytes]:
    return check(given, tenant=tenant, clone_url=url)


def test_a_secret_that_allows_itself_hands_out_the_keys_of_git_alone() -> None:
    assert serve(secret({"password": "p", "username": "u", "aws": "not yours"})) == {"username": b"u", "password": b"p"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (secret(label="false"), "not meant for index jobs. Label it"),
        ({"metadata": {"name": "s"}, "data": {}}, "not meant for index jobs. Label it"),
        (secret(hosts=""), 'not for git.test. Name the host in its annotation codeindex.dev/hosts (now "")'),
        (secret(hosts="other.test, more.test"), '(now "other.test, more.test")'),
        (secret(hosts="it.test"), "not for git.test"),
        (secret(tenants=""), 'not for the tenant "team-a"'),
        (secret(tenants="team-b"), "codeindex.dev/tenants"),
        (secret({}), "none of the keys that git needs"),
        (secret({"username": "u", "known_hosts": "h"}), "none of the keys that git needs"),
    ],
)
def test_any_other_is_refused_with_what_to_do(given: dict[str, Any], words: str) -> None:
    with pytest.raises(CredentialRefusedError) as refused:
        serve(given)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ("git.test", "https://GIT.test:8443/a"),
        ("*.test", "https://git.test/a"),
        ("a.test git.test", "git@git.test:a/b"),
        ("git.test", "ssh://git@git.test:2222/a"),
    ],
)
def test_hosts_are_named_whole_or_by_their_domain(hosts: str, url: str) -> None:
    assert serve(secret(hosts=hosts), url)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.test.evil.test/a",
        "https://evil.test/git.test",
        "https://git.test@evil.test/a",
        "/local/path",
        "https://agit.test/",
    ],
)
def test_a_host_that_only_looks_like_it_gets_nothing(url: str) -> None:
    for hosts in ("git.test", "*.git.test"):
        with pytest.raises(CredentialRefusedError):
            serve(secret(hosts=hosts), url)


def test_all_tenants_may_be_allowed() -> None:
    assert serve(secret(tenants="*"), tenant="anyone")


def test_where_it_was_looked_for_is_told() -> None:
    assert 'namespace "runs" or "team-a"' in str(missing("s", ["runs", "team-a"]))


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://[::1]:8/x", "::1"), ("user@Host.example:path", "host.example"), ("/x/y", ""), ("file:///x", "")],
)
def test_the_host_of_every_kind_of_url(url: str, host: str) -> None:
    assert host_of(url) == host
